"""How the product is doing: facts and logs of what it ran."""
