"""Overround: a sportsbook, an odds engine and a back office over one payoff, one board and one ledger."""

__version__ = "0.1.0"
