"""The arithmetic of a day."""

from __future__ import annotations


def fee_minor(ggr_minor: int, fee_bps: int) -> int:
    """The platform's share of a day, rounded down to the minor unit; a losing day owes none."""
    return max(0, ggr_minor) * fee_bps // 10_000
