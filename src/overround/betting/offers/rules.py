"""A book's price, from the board's prices and the tenant's terms. Pure; numpy only."""

from __future__ import annotations

import numpy as np

from overround.betting.offers import watch
from overround.betting.offers.model import (
    HOUSE_KEY,
    Book,
    Held,
    InPlay,
    Offer,
    Playing,
    Scope,
    Setting,
    Terms,
    Watched,
    Why,
)
from overround.betting.offers.watch import Guarded
from overround.core import price as decimals
from overround.core.errors import Conflict, Invalid
from overround.odds import pricing
from overround.odds.pricing import Integers, Method, ladder

_UNIT_E4 = 10_000
# What is seen at the ground is known to the feeds a few seconds later.
DELAY_MS, DELAY_MS_MIN, DELAY_MS_MAX = 5_000, 1_000, 30_000
STALE_MS, STALE_MS_MIN, STALE_MS_MAX = 15_000, 2_000, 120_000
# A score that changes several times a minute would refuse every bet; there the price says enough.
_OFTEN_SCORED = frozenset({"basketball", "table_tennis", "volleyball", "handball"})
# Which sports may be laid in play before anybody has named an event of them.
IN_PLAY_SPORTS = ("football", "basketball", "tennis", "ice_hockey", "baseball")
_NOTHING_US = 2**62
PRICE_E4_MIN, PRICE_E4_MAX = ladder.LOWEST_E4, ladder.HIGHEST_E4


def terms(book: Book, sport: str, competition: str, event: str, market: str | None = None) -> Terms:
    """What holds for an event or a market of it: the narrowest scope that says something wins.

    A switch that is off in any scope takes it off; multipliers of the scopes multiply.
    """
    return held(book, sport, competition, event, market).terms


def held(
    book: Book,
    sport: str | None = None,
    competition: str | None = None,
    event: str | None = None,
    market: str | None = None,
) -> Held:
    """`terms` with whose word they are; without an event, what the wider scopes say, the house's
    alone without a sport."""
    scopes: tuple[tuple[Scope, str | None], ...] = (
        ("house", HOUSE_KEY),
        ("sport", sport),
        ("competition", competition),
        ("event", event),
        ("market", market),
    )
    off_by: tuple[Scope, ...] = ()
    margin_bps, margin_from, multiplier_e4 = book.margin_bps, None, _UNIT_E4
    method: Method = "multiplicative"
    for scope, key in scopes:
        setting = None if key is None else book.settings.get((scope, key))
        if setting is None:
            continue
        off_by = off_by if setting.enabled else (*off_by, scope)
        if setting.margin_bps is not None:
            margin_bps, margin_from = setting.margin_bps, scope
        method = setting.margin_method or method
        multiplier_e4 = multiplier_e4 * setting.multiplier_e4 // _UNIT_E4
    return Held(Terms(not off_by, margin_bps, multiplier_e4, method), off_by, margin_from)


def usual_in_play(sport: str) -> InPlay:
    """How a sport is laid in play by who says no more than that it is."""
    return InPlay(sport, DELAY_MS, STALE_MS, sport not in _OFTEN_SCORED)


def check_in_play(found: InPlay) -> None:
    """Raises Invalid `delay_out_of_range`, `stale_out_of_range`."""
    if not DELAY_MS_MIN <= found.delay_ms <= DELAY_MS_MAX:
        said = "a delay is from 1 to 30 seconds"
        raise Invalid(said, code="delay_out_of_range", field="delay_ms")
    if not STALE_MS_MIN <= found.stale_ms <= STALE_MS_MAX:
        said = "a feed may be silent for 2 to 120 seconds"
        raise Invalid(said, code="stale_out_of_range", field="stale_ms")


def believed_since(terms: InPlay, playing: Playing, at_us: int) -> int:
    """Which prices of an event in play are laid, those seen at this time (us) or later: none of
    before the start or the last change of the score, and none at all where nobody speaks of the
    event (test: what is laid in play)."""
    if at_us - playing.heard_us > terms.stale_ms * 1000:
        return _NOTHING_US
    after_score_us = playing.scored_us + 1 if terms.by_score and playing.scored_us else 0
    return max(playing.since_us, after_score_us)


def has_narrow(book: Book) -> bool:
    """Whether the book says anything about single markets or selections; most say nothing."""
    return any(scope in ("market", "selection") for scope, _ in book.settings)


def price(
    prices_e4: Integers,
    margin_bps: Integers,
    multiplier_e4: Integers,
    method: Method = "multiplicative",
    factor_e4: Integers | None = None,
) -> Guarded:
    """Offers for markets of one size: [m, sources, n] price_e4 (0: none) -> [m, n], 0 where none.

    Each complete source is freed of its overround in proportion; the sources' beliefs are averaged
    on the logit scale; the tenant's margin [m] is put on by `method`, his multiplier [m] and each
    answer's own factor [m, n] are applied, and the price goes down to the next rung of the ladder,
    and further where it could be arbitraged (`watch.guarded`).
    """
    fair = pricing.fair.multiplicative(pricing.decimals(prices_e4))
    belief = pricing.consensus(fair)
    offered = ladder.apply_margin(belief, margin_bps, method)
    scaled = offered * multiplier_e4[:, None] // _UNIT_E4
    plain = np.where(offered > 0, ladder.round_down(scaled), 0)
    if factor_e4 is None:
        return watch.guarded(plain, prices_e4)
    factored = ladder.round_down(scaled * factor_e4 // _UNIT_E4)
    return watch.guarded(np.where(offered > 0, factored, 0), prices_e4, plain)


class PriceOutOfRange(Invalid):
    """A price of the house is from 1.01 to 1001."""

    code = "price_out_of_range"


class PriceArbitraged(Conflict):
    """A bettor could make money for certain with this price."""

    code = "price_arbitraged"
    field = "price"


def arbitraged(profit_bps: int, best_e4: int) -> PriceArbitraged:
    """The refusal of a price by what a bettor would make for certain, of all that he stakes."""
    best = decimals.to_text(best_e4) if best_e4 else None
    elsewhere = f"pays at best {best}" if best else "quotes nothing"
    percent = f"{profit_bps // 100}.{profit_bps % 100:02d} %"
    said = f"the board {elsewhere}: a bettor would make {percent} for certain"
    facts = {"sure_profit_bps": profit_bps, "best": best}
    return PriceArbitraged(said, facts=facts)


def check_own(price_e4: int) -> int:
    """A price that a person sets, itself. Raises PriceOutOfRange."""
    if not PRICE_E4_MIN <= price_e4 <= PRICE_E4_MAX:
        raise PriceOutOfRange
    return price_e4


def parse_own(text: str) -> int:
    """The price_e4 that a person sets. Raises PriceOutOfRange, and Invalid `invalid_number` for
    what is no plain decimal, or has decimals that would be cut: he would not see that he lays
    another price."""
    if len(text.partition(".")[2]) > decimals.DECIMALS:
        raise Invalid("a price has at most four decimals", code="invalid_number")
    try:
        return check_own(decimals.parse_decimal(text))
    except Invalid as error:
        if error.code == PriceOutOfRange.code:
            raise PriceOutOfRange from None
        raise


def misplaced(setting: Setting) -> str | None:
    """What a setting says that its scope has not: a margin is of a market or more, a price of one
    selection, and what is borne for it of a price."""
    if setting.sure_profit_max_bps is not None and setting.price_e4 is None:
        return "sure_profit_max_bps"
    if setting.scope != "selection":
        return None if setting.price_e4 is None else "price"
    if setting.margin_bps is not None:
        return "margin_bps"
    return None if setting.margin_method is None else "margin_method"


def why(
    offer: Offer | None, *, is_off: bool, reckoned_e4: int, watched: Watched | None
) -> Why | None:
    """Why a selection is not laid, or is laid lower; of an event that is ahead, or that the book
    lays in play."""
    if offer is not None and offer.state == "open":
        return "shaded" if watched == "shaded" else None
    if is_off:
        return "off"
    if not reckoned_e4:
        return "unquoted"
    return "awaited" if watched in {None, "shaded"} else watched
