"""Quotes: what a player may stake on a slip now, and everything that would refuse it.

A quote reads and stores nothing, and promises nothing: the book decides when the slip is placed.
Invariant: what a quote says is what the book does (test: a quote says what the book does).
"""

from overround.betting.quotes.model import Ask, AskedLeg, Quote, Refused
from overround.betting.quotes.service import quote

__all__ = ["Ask", "AskedLeg", "Quote", "Refused", "quote"]
