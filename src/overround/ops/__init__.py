"""How the product is doing, and the log of what it ran.

A *run* is a replay of one set of files for one tenant. Invariant: `advance_run` is called in the
transaction of the step it counts, so a killed replay goes on exactly where the last committed step
ended (test: killed at three moments).
"""

from overround.ops.model import FoundEdge
from overround.ops.store import (
    Run,
    advance_run,
    begin_run,
    edges_found,
    events_decided,
    finish_run,
    provider_counts,
    unended_events,
)

__all__ = [
    "FoundEdge",
    "Run",
    "advance_run",
    "begin_run",
    "edges_found",
    "events_decided",
    "finish_run",
    "provider_counts",
    "unended_events",
]
