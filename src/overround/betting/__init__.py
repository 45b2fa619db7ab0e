"""The tenant's book: what it lays, takes and pays."""
