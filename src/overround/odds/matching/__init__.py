"""Matching: their event is our event, or a new one, or a question for a person.

A *candidate* is one of our events within the sport's window of starts; a *decision* is matched,
new, ambiguous or unmatched, with its reason. Invariants: both teams have to agree; a category
(women, youth, reserves, corners) or country that disagrees is a veto; two candidates that are
nearly equal are never guessed between (tests/matching/test_decide.py). A decision is made once per
feed event and kept. What is nowhere enters the catalogue as its provider's *standing* allows; what
may be something that is there waits for a person, its prices off the board, and what a person says
is remembered both ways. What waits lies in `odds.queue`, and is asked for here too: nobody else
decides about it.
"""

from overround.odds.matching.assign import assign
from overround.odds.matching.blocks import Blocks
from overround.odds.matching.entry import STANDING_OF_OTHERS, Standing
from overround.odds.matching.evaluate import evaluate, read_aliases, read_pairs
from overround.odds.matching.evidence import Knowledge, Prices, learn
from overround.odds.matching.kept import Moved
from overround.odds.matching.likeness import likeness
from overround.odds.matching.model import (
    Aliases,
    Candidate,
    Decision,
    Kind,
    Reason,
    Resolved,
    Score,
)
from overround.odds.matching.rules import Fixture, decide, same_event, score, window
from overround.odds.matching.service import (
    confirm,
    hear_in_play,
    new,
    recall,
    rematch,
    resolve,
    unmatch,
)
from overround.odds.matching.store import namers, set_standing, standings
from overround.odds.queue import (
    PersonsDecision,
    Waiting,
    decisions,
    left_out,
    newest_decision,
    park,
    reject,
    waiting_page,
)

__all__ = [
    "STANDING_OF_OTHERS",
    "Aliases",
    "Blocks",
    "Candidate",
    "Decision",
    "Fixture",
    "Kind",
    "Knowledge",
    "Moved",
    "PersonsDecision",
    "Prices",
    "Reason",
    "Resolved",
    "Score",
    "Standing",
    "Waiting",
    "assign",
    "confirm",
    "decide",
    "decisions",
    "evaluate",
    "hear_in_play",
    "learn",
    "left_out",
    "likeness",
    "namers",
    "new",
    "newest_decision",
    "park",
    "read_aliases",
    "read_pairs",
    "recall",
    "reject",
    "rematch",
    "resolve",
    "same_event",
    "score",
    "set_standing",
    "standings",
    "unmatch",
    "waiting_page",
    "window",
]
