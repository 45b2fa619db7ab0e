"""Settlement: results grade legs, graded legs pay bets, once per bet and version.

A pure function of (bet, result versions), run over the bets of the events that are due. Invariants:
a missing fact leaves a bet open, never lost; a lost leg ends a combo at once; money of a settled
bet is not moved again by running it again.
"""

from overround.betting.settlement.service import settle_due, settle_events

__all__ = ["settle_due", "settle_events"]
