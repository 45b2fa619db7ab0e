"""Where every unit of money is: transfers between accounts, accounts by name, revenue from both."""
