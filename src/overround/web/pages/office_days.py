"""Revenue by day as the office shows it: every day of a period, its totals, a chart of its GGR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from overround.money.revenue import RevenueDay

# The chart's inner space, in the units of its own view box.
WIDTH: Final = 720
HEIGHT: Final = 160


@dataclass(frozen=True, slots=True)
class Bar:
    """A day of the chart: a rectangle, up from the line of zero or down from it."""

    day: RevenueDay
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Days:
    """A period. `rows` are its days with settlements, newest first; `bars` are all its days."""

    rows: tuple[RevenueDay, ...]
    bars: tuple[Bar, ...]
    zero_y: int
    total: RevenueDay
    first: date


def of(found: Sequence[RevenueDay], first: date, last: date, currency: str) -> Days:
    """The days from `first` to `last`; one that is not among `found` earned nothing."""
    known = {one.day: one for one in found}
    every = [
        known.get(day) or RevenueDay(day, currency, 0, 0, 0, 0)
        for day in (first + timedelta(days=n) for n in range((last - first).days + 1))
    ]
    total = RevenueDay(
        last,
        currency,
        sum(one.handle_minor for one in every),
        sum(one.payout_minor for one in every),
        sum(one.ggr_minor for one in every),
        sum(one.fee_minor for one in every),
        sum(one.bonus_minor for one in every),
    )
    bars, zero_y = _bars(every)
    rows = tuple(sorted(found, key=lambda one: one.day, reverse=True))
    return Days(rows, tuple(bars), zero_y, total, first)


def hold(day: RevenueDay) -> str:
    """GGR over handle in percent, rounded towards zero: "6.25 %"; a dash where none was staked."""
    if day.handle_minor == 0:
        return "\N{EN DASH}"
    share_bps = abs(day.ggr_minor) * 10_000 // day.handle_minor
    sign = "-" if day.ggr_minor < 0 else ""
    return f"{sign}{share_bps // 100}.{share_bps % 100:02d} %"


def _bars(every: Sequence[RevenueDay]) -> tuple[list[Bar], int]:
    best = max(0, *(one.ggr_minor for one in every))
    worst = min(0, *(one.ggr_minor for one in every))
    span = max(best - worst, 1)
    zero_y = HEIGHT * best // span
    step = WIDTH // len(every)
    bars: list[Bar] = []
    for n, one in enumerate(every):
        # A day that earned or lost anything shows at least as a line.
        height = max(HEIGHT * abs(one.ggr_minor) // span, 1 if one.ggr_minor else 0)
        y = zero_y - height if one.ggr_minor > 0 else zero_y
        bars.append(Bar(one, n * step + step // 8, y, step - step // 4, height))
    return bars, zero_y
