"""The house's arbitrage watch: what a bettor could make for certain of our prices and the others'.

Pure; numpy for the many prices that are reckoned, exact fractions for the few that people set.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Final, NamedTuple

import numpy as np

from overround.betting.offers.model import Setting, Watched
from overround.odds.pricing import Floats, Integers, Mask, ladder

# Where keeping a price out of an arbitrage would cost more of it than this, one of the two prices
# is wrong, and nobody knows whose: then nothing is laid.
SHADE_MAX_BPS: Final = 2_000
_BPS: Final = 10_000
_UNIT_E4: Final = 10_000
# A booksum of one, less what a sum of floats falls short of it.
_WHOLE: Final = 1.0 - 1e-12

# What the watch did, as the numbers of `Guarded.did` count it.
WORDS: Final[tuple[Watched | None, ...]] = (
    None,
    "shaded",
    "shaded_too_far",
    "together",
    "own_price",
)
_SHADED, _TOO_FAR, _TOGETHER, _OWN_PRICE = 1, 2, 3, 4


class Guarded(NamedTuple):
    """Prices [m, n] that are laid, 0: none, what they were before the watch, what it did (a place
    of `WORDS`, [m, n]), and the best of the board."""

    price_e4: Integers
    reckoned_e4: Integers
    did: Integers
    best_e4: Integers


def guarded(
    offered_e4: Integers, prices_e4: Integers, unfactored_e4: Integers | None = None
) -> Guarded:
    """Offers [m, n] that nobody can arbitrage against the board [m, sources, n]; 0 stays 0.

    A price that with the best of the others on every other answer pays more than is staked is
    shaded to the rung at which it does not; a market in which that would take more than
    `SHADE_MAX_BPS` off a price, or of which several offers together could still be arbitraged, is
    not laid at all (test: nobody makes money of an offer and the board). What a person's factor
    puts on top of `unfactored_e4` is shaded as far as it takes: there it is known who is wrong.
    """
    best = prices_e4.max(axis=1, initial=0)
    asked = np.where(best > 0, _UNIT_E4 / np.maximum(best, 1), 0.0)
    rest = 1.0 - (asked.sum(axis=1, keepdims=True) - asked)
    # Where the others already ask for all there is, no price of ours leaves anything.
    limit = np.where(rest > 0, _UNIT_E4 / np.where(rest > 0, rest, 1.0), np.inf)
    whole = (best > 0).all(axis=1, keepdims=True)
    over = whole & (offered_e4 > limit)
    down = ladder.round_down(np.floor(np.where(over, limit, _UNIT_E4)).astype(np.int64))
    shaded = np.where(over, np.minimum(down, offered_e4), offered_e4)
    own = offered_e4 if unfactored_e4 is None else np.minimum(offered_e4, unfactored_e4)
    far = (shaded * _BPS < own * (_BPS - SHADE_MAX_BPS)) | (over & (shaded > limit))
    too_far = far.any(axis=1, keepdims=True)
    together = ~too_far & _together(shaded, asked, whole)
    did = np.where(too_far, _TOO_FAR, np.where(together, _TOGETHER, over * _SHADED))
    # A market that was not reckoned has nothing to watch.
    did = np.where(offered_e4 > 0, did, 0)
    return Guarded(np.where(too_far | together, 0, shaded), offered_e4, did, best)


def _together(offered_e4: Integers, asked: Floats, whole: Mask) -> Mask:
    """Markets [m, 1] in which several of our prices and the others' best are an arbitrage."""
    ours = np.where(offered_e4 > 0, _UNIT_E4 / np.maximum(offered_e4, 1), np.inf)
    least = np.minimum(ours, asked)
    better = (ours < asked).any(axis=1, keepdims=True)
    return whole & better & (least.sum(axis=1, keepdims=True) < _WHOLE)


def sure_profit_bps(ours_e4: Sequence[int], best_e4: Sequence[int]) -> int:
    """What a bettor makes for certain who backs every answer at the best of our prices and the
    others', in hundredths of a percent of all that he stakes, rounded up. 0: nothing, or some
    answer is quoted by nobody, or none of ours is the best."""
    taken = [max(pair) for pair in zip(ours_e4, best_e4, strict=True)]
    is_ours = any(ours > best for ours, best in zip(ours_e4, best_e4, strict=True))
    if not is_ours or min(taken) <= 0:
        return 0
    booksum = sum((Fraction(_UNIT_E4, one) for one in taken), Fraction(0))
    return max(0, math.ceil((1 / booksum - 1) * _BPS))


class Laying(NamedTuple):
    """One market's prices, 0: not laid, and what the watch did, as `Guarded` has them of many."""

    price_e4: list[int]
    did: list[int]


def with_own(found: Laying, own: Sequence[Setting | None], best_e4: Sequence[int]) -> Laying:
    """A market's prices after what people say of single answers of it: off, or a price of his own.

    A person's price is laid as it is or not at all: it is held back while it is part of an
    arbitrage that gives a bettor more than the person has said he would bear
    (test: a price by hand is watched as the board moves).
    """
    price_e4 = placed(found.price_e4, own)
    did = [0 if one and not one.enabled else found.did[n] for n, one in enumerate(own)]
    if not any(one and one.enabled and one.price_e4 for one in own):
        return Laying(price_e4, did)
    profit_bps = sure_profit_bps(price_e4, best_e4)
    for n, one in enumerate(own):
        if one is None or not one.enabled or one.price_e4 is None:
            continue
        did[n] = 0
        if one.price_e4 > best_e4[n] and profit_bps > (one.sure_profit_max_bps or 0):
            price_e4[n], did[n] = 0, _OWN_PRICE
    return Laying(price_e4, did)


def placed(price_e4: Sequence[int], own: Sequence[Setting | None]) -> list[int]:
    """A market's prices with what people say of single answers, before anybody looks at them."""
    return [_said(*pair) for pair in zip(own, price_e4, strict=True)]


def _said(own: Setting | None, price_e4: int) -> int:
    if own is None:
        return price_e4
    return (own.price_e4 or price_e4) if own.enabled else 0
