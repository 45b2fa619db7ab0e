"""Matching: their event is our event, or a new one, or a question for a person.

A *candidate* is one of our events within the sport's window of starts; a *decision* is matched,
new, ambiguous or unmatched, with its reason. Invariants: both teams have to agree; a category (women,
youth, reserves, corners) or country that disagrees is a veto; two candidates that are nearly equal
are never guessed between (tests/matching/test_decide.py).
"""

from overround.odds.matching.model import Aliases, Candidate, Decision, Kind, Reason, Score
from overround.odds.matching.rules import Fixture, decide, likeness, same_event, score, window

__all__ = [
    "Aliases",
    "Candidate",
    "Decision",
    "Fixture",
    "Kind",
    "Reason",
    "Score",
    "decide",
    "likeness",
    "same_event",
    "score",
    "window",
]
