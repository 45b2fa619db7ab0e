"""The shapes of the pricing maths: arrays of floats, and the answers of methods that can fail."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

# Probabilities and decimal prices are floats here, and only here: what leaves for an offer is an
# integer price_e4 again.
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

Method = Literal["multiplicative", "additive", "power", "odds_ratio", "shin", "probit"]
SurebetKind = Literal["sure", "free_roll", "middle", "polish_middle", "low_hold"]


@dataclass(frozen=True, slots=True)
class Fair:
    """What a method made of markets [..., n].

    `probabilities` [..., n] and `parameter` [...] are NaN where the method has no answer.
    `underround` [...]: the booksum is at most the target, so that there is no overround to remove;
    it is an arbitrage inside one source. `outside` [...]: a probability would not be in (0, 1).
    """

    probabilities: Floats
    parameter: Floats
    underround: Mask
    outside: Mask


@dataclass(frozen=True, slots=True)
class FairMarket:
    """One market without its overround; `parameter` is the method's own figure."""

    probabilities: tuple[float, ...]
    parameter: float


@dataclass(frozen=True, slots=True)
class Leg:
    """A bet that could be part of a surebet: a side of a market at a price, and what it costs.

    `line_q4` is the market's (a handicap's is the home side's). `price` is decimal; for a `lay` it
    is the price laid and stakes are liabilities. `commission` is a share of the profit; legs with
    the same `exchange` name on one market pay it on the market's net. `stake_tax` is a share of the
    stake kept from what a winning bet returns, `payout_tax` a share of that return.
    `currency_rate` is what one unit of the leg's currency is worth; `stake_min`, `stake_max`,
    `step` and `placed` (a stake that is already there and cannot be changed) are in that currency.
    """

    market_type: str
    side: str
    price: Fraction
    line_q4: int | None = None
    period: str = "ft"
    lay: bool = False
    commission: Fraction = Fraction(0)
    exchange: str | None = None
    stake_tax: Fraction = Fraction(0)
    payout_tax: Fraction = Fraction(0)
    currency_rate: Fraction = Fraction(1)
    stake_min: Fraction | None = None
    stake_max: Fraction | None = None
    step: Fraction | None = None
    placed: Fraction | None = None


@dataclass(frozen=True, slots=True)
class WholeStakes:
    """Stakes that can be placed: multiples of each leg's step, in each leg's own currency.

    `guaranteed` and `best` are net amounts in the common currency, exact.
    """

    stakes: tuple[Fraction, ...]
    total: Fraction
    guaranteed: Fraction
    best: Fraction


@dataclass(frozen=True, slots=True)
class Surebet:
    """The best division of a stake over legs, as shares of the total.

    `guaranteed` is the net return of the worst state, `best` of the kindest, `expected` the mean
    under a score model where one was given. `outcomes` are the distinct net returns, lowest first.
    `naive` is 1/booksum - 1, which knows neither pushes nor overlaps. `stakes` are shares of the
    total in the common currency, `whole` what can really be placed (where a total was given).
    """

    guaranteed: float
    best: float
    expected: float | None
    naive: float
    stakes: tuple[float, ...]
    outcomes: tuple[float, ...]
    kind: SurebetKind
    whole: WholeStakes | None
