"""Prices above what the others believe: fair probabilities of each source's judges, all at once.

A source is never its own judge. The mean is that of `pricing.leave_one_out`, in closed form: sums
over all sources less the source's own (test: every source is judged as the slow way does).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from overround.core.price import SCALE_E4
from overround.odds.edges.model import Policy
from overround.odds.edges.view import View
from overround.odds.pricing import fair

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Markets whose sides overlap sum to more than one, and their sides are no answers to one question.
OVERLAPPING: Final = frozenset({"double_chance"})


@dataclass(frozen=True, slots=True)
class Judged:
    """For markets of n sides: fair probabilities of each source's judges [m, sources, n], of all
    together [m, n], and how many judges there were [m, sources]; `by_sharp` [m, sources]."""

    fair: Floats
    together: Floats
    judges: Ints
    by_sharp: Bools


@dataclass(frozen=True, slots=True)
class Beliefs:
    """The same by column of a view: [sources, columns], and [columns] for all together.

    NaN where nobody can say.
    """

    fair: Floats
    together: Floats
    judges: Ints
    by_sharp: Bools


def judged(prices: Floats, is_sharp: Bools, policy: Policy) -> Judged:
    """What the others think of each source's prices [m, sources, n]; 0 is no price."""
    complete: Bools = np.all(prices > 1.0, axis=-1)
    # Most sources quote few of the markets, so only what is quoted is solved.
    quoted = prices[complete]
    believed = np.full(prices.shape, np.nan)
    believed[complete] = (
        fair.multiplicative(quoted)
        if policy.method == "multiplicative"
        else fair.devig(quoted, policy.method).probabilities
    )
    heard: Bools = complete & ~np.any(np.isnan(believed), axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        logits = np.where(heard[..., None], np.log(believed) - np.log1p(-believed), 0.0)
    sharp: Bools = heard & is_sharp
    by_sharp = sharp.sum(axis=1, keepdims=True) - sharp > 0
    weights = heard * np.where(is_sharp, policy.sharp_weight, 1)
    totals = (weights[..., None] * logits).sum(axis=1, keepdims=True)
    counts = weights.sum(axis=1, keepdims=True)
    total, count = totals - weights[..., None] * logits, counts - weights
    fairest: Floats = _mean(total, count)
    if policy.reference != "consensus":
        alone = np.where(sharp[..., None], logits, 0.0)
        alone_total = alone.sum(axis=1, keepdims=True) - alone
        by_them = _mean(alone_total, sharp.sum(axis=1, keepdims=True) - sharp)
        if policy.reference == "both":
            by_them = np.fmin(by_them, fairest)
        fairest = np.where(by_sharp[..., None], by_them, fairest)
    judges = heard.sum(axis=1, keepdims=True) - heard
    together: Floats = np.take(_mean(totals, counts), 0, axis=1)
    return Judged(fairest, together, judges, by_sharp)


def beliefs(view: View, policy: Policy) -> Beliefs:
    """What the others think of every price of a view."""
    shape = view.net_e4.shape
    found = Beliefs(
        np.full(shape, np.nan),
        np.full((shape[1],), np.nan),
        np.zeros(shape, np.int64),
        np.zeros(shape, np.bool_),
    )
    sizes = np.array([len(cells.sides) for cells in view.markets], np.int64)
    overlaps = np.array([m.market_type in OVERLAPPING for m in view.markets], np.bool_)
    for n in sorted({int(size) for size in sizes[~overlaps].tolist()}):
        if n < 2:
            continue
        first: Ints = view.starts[(sizes == n) & ~overlaps]
        columns: Ints = first[:, None] + np.arange(n)
        prices = view.open_e4[:, columns].transpose(1, 0, 2) / SCALE_E4
        one = judged(prices, view.is_sharp, policy)
        found.fair[:, columns] = one.fair.transpose(1, 0, 2)
        found.together[columns] = one.together
        found.judges[:, columns] = one.judges.T[:, :, None]
        found.by_sharp[:, columns] = one.by_sharp.T[:, :, None]
    return found


def best_values(view: View, seen: Beliefs, policy: Policy) -> tuple[Ints, Ints, Floats]:
    """The price of most value of each column that has one: rows, columns and expected nets, [k]."""
    prices = view.net_e4 / SCALE_E4
    enough = seen.judges >= policy.judges_min
    if policy.reference == "sharp":
        enough |= seen.by_sharp
    taking = (view.net_e4 > 0) & (view.open_e4 <= policy.value_price_e4_max) & enough
    expected = np.where(taking & ~np.isnan(seen.fair), prices * seen.fair - 1.0, -1.0)
    if not expected.size:
        none = np.zeros(0, np.int64)
        return none, none, np.zeros(0)
    rows = expected.argmax(axis=0)
    best = expected[rows, np.arange(expected.shape[1])]
    columns = np.flatnonzero(best * 1_000_000 >= policy.value_ppm_min)
    return rows[columns], columns, best[columns]


def _mean(total: Floats, weight: Ints) -> Floats:
    """Mean logits as probabilities that sum to one over the sides; NaN without a judge."""
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / np.where(weight > 0, weight, np.nan)[..., None]
        belief = 1.0 / (1.0 + np.exp(-mean))
    return belief / belief.sum(axis=-1, keepdims=True)
