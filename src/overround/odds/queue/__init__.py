"""The queue: feed events that nobody could place for certain, and what people said of them.

What *waits* has its reason, the events of ours that it may be, and the markets whose prices lie
beside the board meanwhile; a *refusal* says for ever what it is not; a *decision* is numbered, so
that a hub hears of each once and in order. Invariants: a feed event waits once, however often it
comes; whoever decides is alone, while whoever writes prices shares the lock
(test: a decision waits for the tick of the hub). What a decision does to events and spellings is
matching's, which lies above.
"""

from overround.odds.queue.model import PersonsDecision, Verdict, Waiting
from overround.odds.queue.service import one, reject
from overround.odds.queue.store import (
    add,
    decisions,
    held,
    left_out,
    lock_alone,
    newest_decision,
    park,
    record,
    refuse,
    refused,
    remove,
    waiting_page,
)

__all__ = [
    "PersonsDecision",
    "Verdict",
    "Waiting",
    "add",
    "decisions",
    "held",
    "left_out",
    "lock_alone",
    "newest_decision",
    "one",
    "park",
    "record",
    "refuse",
    "refused",
    "reject",
    "remove",
    "waiting_page",
]
