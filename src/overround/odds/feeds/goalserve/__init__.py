"""GoalServe's pre-match odds: one JSON file a sport, every match with all that its books quote.

A market is known by its sport and id together, and a line is the home side's. Only markets whose
answers are a fixed set that we grade are taken; the others are counted by id (`Coverage`).
Invariants: no bytes make `parse` raise anything but ProviderDataError
(tests/feeds/test_goalserve_hostile.py); what is stopped is never open.
"""

from overround.odds.feeds.goalserve.asks import ASKS
from overround.odds.feeds.goalserve.fetch import read, recognises
from overround.odds.feeds.goalserve.parse import PROVIDER_KEY, parse
from overround.odds.feeds.goalserve.questions import QUESTIONS, SPORTS, Question
from overround.odds.feeds.goalserve.sources import source_kind
from overround.odds.feeds.provider import Provider

PROVIDER = Provider(PROVIDER_KEY, recognises, read, parse, source_kind, repeats=True, asks=ASKS)

__all__ = [
    "PROVIDER",
    "QUESTIONS",
    "SPORTS",
    "Question",
    "parse",
    "read",
    "recognises",
    "source_kind",
]
