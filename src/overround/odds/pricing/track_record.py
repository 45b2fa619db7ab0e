"""Which way of removing the overround suits a source and a sport: measured, not believed.

A `TrackRecord` is folded over results, one per (source, sport): each method's log-loss on what
happened, forgotten by half every `half_life` markets. `best_method` leaves the default only for a
method that beats it by more than chance would, because in most samples none does. Source of the
score: I. J. Good, "Rational decisions" (1952).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from overround.core.errors import Invalid
from overround.odds.pricing.fair import METHODS, devig
from overround.odds.pricing.model import Floats, Integers, Method

HALF_LIFE: Final = 2_000.0
DEFAULT: Final[Method] = "multiplicative"
# Fewer markets than this say nothing about a difference in the fourth decimal.
MARKETS_MIN: Final = 500.0
# A method has to beat the default by this many standard errors of the difference.
ERRORS_MIN: Final = 2.0


@dataclass(frozen=True, slots=True)
class Tally:
    """Weighted sums over markets: log-loss, its difference to the default's, and that squared."""

    loss: float = 0.0
    lead: float = 0.0
    lead_squared: float = 0.0


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """What the methods have scored; `weight` is how many markets are still remembered."""

    weight: float = 0.0
    tallies: Mapping[Method, Tally] = field(default_factory=dict[Method, Tally])

    def mean_loss(self, method: Method) -> float:
        """Mean log-loss in nats of a method, NaN before the first market."""
        return self.tallies[method].loss / self.weight if self.weight else math.nan


def log_loss(probabilities: Floats, winners: Integers) -> Floats:
    """-log of the probability given to what happened: [m, n] and places [m] -> [m]."""
    happened: Floats = np.take_along_axis(probabilities, winners[:, None], axis=-1)[:, 0]
    return -np.log(happened)


def scored(
    record: TrackRecord, prices: Floats, winners: Integers, half_life: float = HALF_LIFE
) -> TrackRecord:
    """The record after more markets, in the order they ended: prices [m, n], winners' places [m].

    A market on which some method has no answer is passed over for all, so that they are compared on
    the same markets. Folding in parts gives the same record (test: a record folded in two parts).
    Raises Invalid `invalid_input` for a half life that is not positive.
    """
    if not half_life > 0:
        raise Invalid("a half life is above zero", code="invalid_input")
    losses = {method: log_loss(devig(prices, method).probabilities, winners) for method in METHODS}
    answered = ~np.isnan(np.stack(list(losses.values()))).any(axis=0)
    count = int(answered.sum())
    fading = 0.5 ** (np.arange(count - 1, -1, -1) / half_life)
    kept = 0.5 ** (count / half_life)
    default = losses[DEFAULT][answered]

    def after(method: Method) -> Tally:
        before = record.tallies.get(method, Tally())
        loss = losses[method][answered]
        lead = default - loss
        return Tally(
            kept * before.loss + float(fading @ loss),
            kept * before.lead + float(fading @ lead),
            kept * before.lead_squared + float(fading @ (lead * lead)),
        )

    weight = kept * record.weight + float(fading.sum())
    return TrackRecord(weight, {method: after(method) for method in METHODS})


def lead(record: TrackRecord, method: Method) -> tuple[float, float]:
    """By how much a method's mean log-loss is below the default's, and the standard error of that.

    (0, infinity) before the second market.
    """
    if record.weight <= 1.0:
        return 0.0, math.inf
    tally = record.tallies[method]
    mean = tally.lead / record.weight
    spread = max(tally.lead_squared / record.weight - mean * mean, 0.0)
    return mean, math.sqrt(spread / (record.weight - 1.0))


def best_method(record: TrackRecord) -> Method:
    """The best of the methods that beat the default beyond chance, else the default."""
    if record.weight < MARKETS_MIN:
        return DEFAULT
    best, best_mean = DEFAULT, 0.0
    for method in METHODS:
        mean, error = (0.0, 0.0) if method == DEFAULT else lead(record, method)
        if mean > max(best_mean, ERRORS_MIN * error):
            best, best_mean = method, mean
    return best
