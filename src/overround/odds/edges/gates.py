"""Why an edge is not believed: each reason a stable code, asked in a column.

An edge with a reason is kept and shown as suspect; it is never `verified`. The bounds are the
policy's. Sources of the bounds: what services that publish opportunities warn of (profit above a
tenth, quotes older than minutes before the start and seconds in play, legs seen at different times,
one source alone, a price that stood while the others moved, a favourite and an outsider exchanged).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np

from overround.core.price import SCALE_E4
from overround.odds.edges.model import EdgeKind, Policy, Reason
from overround.odds.edges.view import Bools, View

# A price is out of line above 1.6 times the median of the other sources' (as a ratio of integers).
_OUTLIER_RATIO: Final = (8, 5)
# Prices are turned round where they are so far from the others' straight, in logs, and at least
# twice as near to them the other way round.
_SWAP_DISTANCE: Final = 0.3
_HEDGED: Final[frozenset[EdgeKind]] = frozenset({"arbitrage", "middle", "low_hold"})


@dataclass(frozen=True, slots=True)
class Spot:
    """A cell of a view: the market's place, the column and the source's row."""

    place: int
    column: int
    row: int


def reasons(
    view: View, spots: Sequence[Spot], kind: EdgeKind, edge_ppm: int, policy: Policy
) -> tuple[Reason, ...]:
    """Everything that speaks against an edge of these legs, in the order of the codes."""
    scope = view.scopes[view.markets[spots[0].place].event_id]
    live = scope.starts_at.timestamp() * 1_000_000 <= view.at_us
    ages = [(view.at_us - int(view.word_us[spot.row, spot.column])) / 1_000_000 for spot in spots]
    age_max = policy.age_live_max if live else policy.age_max
    skew_max = policy.skew_live_max if live else policy.skew_max
    sources = [view.sources[spot.row] for spot in spots]
    asked: tuple[tuple[Reason, bool], ...] = (
        ("too_old", max(ages) > age_max.total_seconds()),
        ("skewed", max(ages) - min(ages) > skew_max.total_seconds()),
        ("single_source", kind in _HEDGED and _one_source(sources, policy)),
        ("passed_by", any(_passed_by(view, spot, policy) for spot in spots)),
        ("probable_swap", any(_is_swapped(view, spot) for spot in spots)),
        ("out_of_line", any(_is_out_of_line(view, spot) for spot in spots)),
        ("source_contradicts_itself", any(_contradicts_itself(view, spot) for spot in spots)),
        ("too_good", edge_ppm > policy.too_good_ppm),
        ("rules_differ", kind in _HEDGED and _rules_differ(sources, scope.sport, policy)),
    )
    return tuple(reason for reason, holds in asked if holds)


def _one_source(sources: Sequence[str], policy: Policy) -> bool:
    return len({policy.clones.get(source, source) for source in sources}) < 2


def _rules_differ(sources: Sequence[str], sport: str, policy: Policy) -> bool:
    """Whether two legs are settled by rules that are known to differ."""
    known = {policy.rules[source, sport] for source in sources if (source, sport) in policy.rules}
    return len(known) > 1


def _passed_by(view: View, spot: Spot, policy: Policy) -> bool:
    """Whether so many others have moved since the price last did."""
    others = view.open_e4[:, spot.column] > 0
    changed_us = view.changed_us[:, spot.column]
    return int((others & (changed_us > changed_us[spot.row])).sum()) >= policy.passed_by_max


def _is_out_of_line(view: View, spot: Spot) -> bool:
    """Whether the price is above 1.6 times the median of the other sources'."""
    prices = view.net_e4[:, spot.column]
    others = sorted(int(p) for row, p in enumerate(prices) if p > 0 and row != spot.row)
    if not others:
        return False
    above, below = _OUTLIER_RATIO
    # The two middle values are the same one where the count is odd; twice the median is exact.
    twice_median = others[(len(others) - 1) // 2] + others[len(others) // 2]
    return 2 * below * int(prices[spot.row]) > above * twice_median


def _contradicts_itself(view: View, spot: Spot) -> bool:
    """Whether some source of the market can be arbitraged by itself."""
    if view.markets[spot.place].market_type == "double_chance":
        return False
    prices = view.net_e4[:, view.span(spot.place)]
    complete: Bools = np.all(prices > 0, axis=1)
    return bool((complete & ((SCALE_E4 / np.maximum(prices, 1)).sum(axis=1) < 1)).any())


def _is_swapped(view: View, spot: Spot) -> bool:
    """Whether the source's home and away prices fit the others' better the other way round."""
    sides = view.markets[spot.place].sides
    if "home" not in sides or "away" not in sides:
        return False
    first = view.span(spot.place).start
    pair = [first + sides.index("home"), first + sides.index("away")]
    prices = view.net_e4[:, pair]
    complete: Bools = np.all(prices > 0, axis=1)
    if not complete[spot.row] or int(complete.sum()) < 3:
        return False
    own = [math.log(price) for price in prices[spot.row].tolist()]
    complete[spot.row] = False
    others = prices[complete].tolist()
    home, away = (math.log(median(price[side] for price in others)) for side in (0, 1))
    straight = abs(own[0] - home) + abs(own[1] - away)
    turned = abs(own[0] - away) + abs(own[1] - home)
    return straight > _SWAP_DISTANCE and 2 * turned < straight
