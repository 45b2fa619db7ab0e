"""A book's price, from the board's prices and the tenant's terms. Pure; numpy only."""

from __future__ import annotations

import numpy as np

from overround.betting.offers.model import Book, Held, Scope, Terms
from overround.odds import pricing
from overround.odds.pricing import Integers, ladder

_UNIT_E4 = 10_000


def terms(book: Book, sport: str, competition: str, event: str) -> Terms:
    """What holds for an event: the narrowest scope that says something wins.

    A switch that is off in any scope takes the event off; multipliers of the scopes multiply.
    """
    return held(book, sport, competition, event).terms


def held(book: Book, sport: str, competition: str | None = None, event: str | None = None) -> Held:
    """`terms` with whose word they are; without an event, what the wider scopes say."""
    scopes: tuple[tuple[Scope, str | None], ...] = (
        ("sport", sport),
        ("competition", competition),
        ("event", event),
    )
    off_by: tuple[Scope, ...] = ()
    margin_bps, margin_from, multiplier_e4 = book.margin_bps, None, _UNIT_E4
    for scope, key in scopes:
        setting = None if key is None else book.settings.get((scope, key))
        if setting is None:
            continue
        off_by = off_by if setting.enabled else (*off_by, scope)
        if setting.margin_bps is not None:
            margin_bps, margin_from = setting.margin_bps, scope
        multiplier_e4 = multiplier_e4 * setting.multiplier_e4 // _UNIT_E4
    return Held(Terms(not off_by, margin_bps, multiplier_e4), off_by, margin_from)


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
