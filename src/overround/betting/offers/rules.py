"""A book's price, from the board's prices and the tenant's terms. Pure; numpy only."""

from __future__ import annotations

import numpy as np

from overround.betting.offers.model import Book, Terms
from overround.odds import pricing
from overround.odds.pricing import Integers, ladder

_UNIT_E4 = 10_000


def terms(book: Book, sport: str, competition: str, event: str) -> Terms:
    """What holds for an event: the narrowest scope that says something wins.

    A switch that is off in any scope takes the event off; multipliers of the scopes multiply.
    """
    enabled, margin_bps, multiplier_e4 = True, book.margin_bps, _UNIT_E4
    for key in (("sport", sport), ("competition", competition), ("event", event)):
        setting = book.settings.get(key)
        if setting is None:
            continue
        enabled = enabled and setting.enabled
        margin_bps = margin_bps if setting.margin_bps is None else setting.margin_bps
        multiplier_e4 = multiplier_e4 * setting.multiplier_e4 // _UNIT_E4
    return Terms(enabled, margin_bps, multiplier_e4)


def price(prices_e4: Integers, margin_bps: Integers, multiplier_e4: Integers) -> Integers:
    """Offers for markets of one size: [m, sources, n] price_e4 (0: none) -> [m, n], 0 where none.

    Each complete source is freed of its overround in proportion; the sources' beliefs are averaged
    on the logit scale; the tenant's margin [m] is put on, his multiplier [m] applied, and the price
    goes down to the next rung of the ladder.
    """
    fair = pricing.fair.multiplicative(pricing.decimals(prices_e4))
    belief = pricing.consensus(fair)
    offered = ladder.apply_margin(belief, margin_bps)
    scaled = offered * multiplier_e4[:, None] // _UNIT_E4
    return np.where(offered > 0, ladder.round_down(scaled), 0)
