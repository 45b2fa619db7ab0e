"""Overround: sportsbook, odds engine and back office over one payoff, one board, one ledger."""

__version__ = "0.1.0"
