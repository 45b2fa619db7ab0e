"""Matching: their event is our event, or a new one, or a question for a person.

A *candidate* is one of our events within the sport's window of starts; a *decision* is matched,
new, ambiguous or unmatched, with its reason. Invariants: both teams have to agree; a category
(women, youth, reserves, corners) or country that disagrees is a veto; two candidates that are
nearly equal are never guessed between (tests/matching/test_decide.py). A decision is made once per
feed event and kept; only an authority's event or team enters the catalogue by itself, everything
else in doubt waits for a person and its prices stay off the board.
"""

from overround.odds.matching.model import (
    Aliases,
    Candidate,
    Decision,
    Kind,
    Reason,
    Resolved,
    Score,
)
from overround.odds.matching.rules import Fixture, decide, likeness, same_event, score, window
from overround.odds.matching.service import AUTHORITIES, recall, resolve
from overround.odds.matching.store import queued

__all__ = [
    "AUTHORITIES",
    "Aliases",
    "Candidate",
    "Decision",
    "Fixture",
    "Kind",
    "Reason",
    "Resolved",
    "Score",
    "decide",
    "likeness",
    "queued",
    "recall",
    "resolve",
    "same_event",
    "score",
    "window",
]
