"""Runs: the log of replays, with how far each got.

Invariant: `advance` is called in the transaction of the step it counts, so a killed replay goes on
exactly where the last committed step ended.
"""

from overround.ops.runs.store import Run, advance, begin, finish

__all__ = ["Run", "advance", "begin", "finish"]
