"""The pull role: providers asked by schedule; what they say goes to the hub as letters."""
