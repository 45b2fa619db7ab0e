"""Who: operators, the people who play or work there, their log-ins, and the till between them."""
