"""Quotes: what a player may stake on a slip now, and everything that would refuse it.

A quote reads and stores nothing, and promises nothing: the book decides when the slip is placed.
What is known is read first and reckoned with afterwards, when nothing is held any more.
Invariant: what a quote says is what the book does (test: a quote says what the book does).
"""

from overround.betting.quotes.model import Ask, AskedLeg, Known, Quote, Refused
from overround.betting.quotes.rules import quote
from overround.betting.quotes.service import known

__all__ = ["Ask", "AskedLeg", "Known", "Quote", "Refused", "known", "quote"]
