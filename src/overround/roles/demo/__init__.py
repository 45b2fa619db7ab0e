"""The demonstration: two tenants, a simulated market, and players who bet on it over HTTP."""
