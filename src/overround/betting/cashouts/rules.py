"""What an open bet is paid early. Pure.

A leg that has ended counts what it came to. An open one is worth what `odds.pricing.cash_out` says,
by the chance that the book's own offers give it now, freed of their overround in proportion (a
chance with the overround in would charge it twice, besides the margin). Where an answer can also
come back or half win (a whole or quarter line), its price alone does not say how often: the house
pays by the end of what is possible that is worth less (`ways`).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import prod
from typing import Final
from uuid import UUID

from overround.betting.cashouts.model import (
    Agreed,
    Answer,
    Quote,
    Shown,
    Standing,
    StoredBet,
    StoredLeg,
    Terms,
)
from overround.core import bets, grading, money, payoff, systems
from overround.core.errors import Invalid
from overround.core.payoff import Grade
from overround.core.price import to_fraction
from overround.odds.pricing import cash_out
from overround.odds.pricing.cash_out import OpenLeg, SettledLeg

WHOLE_BPS: Final = 10_000
# The shares that a page shows; a program may ask for any.
SHARES_BPS: Final = (2_500, 5_000, 7_500, 10_000)
MARGIN_BPS_MAX: Final = 5_000
_ONE: Final = Fraction(1)
# More often than this no exact count of goals or points comes back or halves.
_LEVEL_MAX: Final = Fraction(3, 10)
_KINDS: Final = ("single", "combo", "system")
_QUOTE: Final = re.compile(
    r"([0-9a-f]{32})\.([0-9]{1,5})\.([0-9]{1,17})\.([0-9]{1,14})\.([0-9a-f]{16})\.([0-9a-f]{16})"
)
# What is due is paid within moments; this is for a house whose settlers are all down: who asked so
# long ago is told so, and not surprised by money.
LATE_MAX: Final = timedelta(minutes=1)

# What each refusal says to a person; the code is for programs.
REFUSALS: Final[Mapping[str, str]] = {
    "bet_ended": "This bet has ended.",
    "tenant_suspended": "This house takes no bets now, and pays none out early.",
    "cash_out_off": "This house does not cash out now.",
    "cash_out_unavailable": "This kind of bet cannot be cashed out.",
    "cash_out_each_way": "A bet each way is not cashed out: nobody quotes its place part.",
    "cash_out_too_small": "It is worth less than the smallest amount.",
    "cash_out_changed": "The value has changed.",
    "cash_out_delayed": "A price has just moved. Ask again in a few seconds.",
    "cash_out_waiting": "A cash-out of this bet is on its way.",
    "cash_out_expired": "The cash-out waited too long.",
    "quote_expired": "This value was shown too long ago.",
    "event_started": "One event has begun, and no bet is taken on it now.",
    "score_changed": "The score has changed.",
    "line_passed": "The score has decided one market.",
    "market_suspended": "One market is suspended.",
    "market_closed": "One event is being played or has ended, and its market is closed.",
    "feed_stale": "The prices are too old.",
}


def check(terms: Terms) -> None:
    """Raises Invalid with the code of the first term that is out of its bounds."""
    bounds = (
        ("margin_bps", terms.margin_bps, 0, MARGIN_BPS_MAX),
        ("quote_s", terms.quote_s, 2, 120),
        ("delay_s", terms.delay_s, 0, 120),
        ("stale_s", terms.stale_s, 10, 604_800),
    )
    for field, value, low, high in bounds:
        if not low <= value <= high:
            name = field.rpartition("_")[0]
            said = f"{name} is from {low} to {high}"
            raise Invalid(said, code=f"{name}_out_of_range", field=field)


# -- whether -----------------------------------------------------------------------------------


def bet_refusal(bet: StoredBet) -> str | None:
    """Why such a bet is not cashed out, whatever is laid now and later."""
    if bet.status != "open":
        return "bet_ended"
    if bet.each_way:
        return "cash_out_each_way"
    return "cash_out_unavailable" if bet.kind not in _KINDS or bet.is_free else None


def check_order(bet: StoredBet, at_least_minor: int) -> None:
    """Raises Invalid `amount_out_of_range` for nothing, and for what the bet can never pay."""
    most_minor = bet.potential_payout_minor - bet.cashed_minor
    if not 0 < at_least_minor <= most_minor:
        most = money.to_text(most_minor, bet.currency)
        said = f"an order is for more than nothing, and this bet pays at most {most}"
        raise Invalid(said, code="amount_out_of_range", facts={"most": most}, field="amount")


def refusal(
    standing: Standing, terms: Terms, at: datetime, *, has_waited: bool = False
) -> str | None:
    """Why the bet cannot be cashed out at all; None where it can. In order of precedence.

    Whoever has stood the delay of an event in play need not find its prices standing still.
    """
    refused = bet_refusal(standing.bet)
    if refused is not None:
        return refused
    if not terms.enabled:
        return "cash_out_off"
    waiting = [leg for leg in standing.legs if leg.grade is None]
    # Nothing can change any more: settling it is a matter of moments.
    if not waiting:
        return "bet_ended"
    for leg in waiting:
        market = standing.markets.get(leg.market_id, ())
        found = _leg_refusal(leg, market, at) or _age_refusal(leg, market, terms, at, has_waited)
        if found is not None:
            return found
    return None


def _leg_refusal(leg: StoredLeg, market: Sequence[Answer], at: datetime) -> str | None:
    states = {answer.state for answer in market}
    is_over = leg.is_closed or (leg.starts_at <= at and not leg.is_in_play)
    if is_over or "closed" in states:
        return "market_closed"
    if not grading.can_be_laid(leg.market_type):
        return "cash_out_unavailable"
    # Before the market's state: a goal suspends it, and the goal is what is to be told.
    if leg.refused_in_play is not None:
        return leg.refused_in_play
    if states != {"open"} or len(market) != len(grading.sides(leg.market_type)):
        return "market_suspended"
    return None


def _age_refusal(
    leg: StoredLeg, market: Sequence[Answer], terms: Terms, at: datetime, has_waited: bool
) -> str | None:
    changes = [answer.changed_at for answer in market if answer.changed_at is not None]
    if leg.is_in_play:
        # How old a word may be was asked with `refused_in_play`.
        has_moved = at - max(changes) < timedelta(seconds=terms.delay_s)
        return "cash_out_delayed" if has_moved and not has_waited else None
    # A price that was written is news too: an archive's offers have nothing but it.
    heard = changes if leg.heard_at is None else [*changes, leg.heard_at]
    return "feed_stale" if at - max(heard) > timedelta(seconds=terms.stale_s) else None


# -- how much ----------------------------------------------------------------------------------


def quote(standing: Standing, terms: Terms, share_bps: int, at: datetime) -> Quote | None:
    """What is paid for a bet that `refusal` says nothing against; None where that is nothing.

    `share_bps` is cumulative: how much of the whole bet is cashed out then. Rounded down, once.
    It is never more than what the part could still pay, and what stays can still be paid in full
    (test: a cash out leaves room for the rest). Raises Invalid `share_out_of_range` where the share
    is not above what was cashed out already, or ends within a minor unit of stake.
    """
    bet = standing.bet
    if not 0 < share_bps <= WHOLE_BPS:
        raise Invalid("a share is up to the whole", code="share_out_of_range")
    cashed_minor = _share_minor(bet, share_bps)
    if cashed_minor <= bet.cashed_stake_minor:
        raise Invalid("that much is cashed out already", code="share_out_of_range")
    fair = _worth(standing)
    offer = fair * Fraction(WHOLE_BPS - terms.margin_bps, WHOLE_BPS)
    before = Fraction(bet.cashed_stake_minor, bet.stake_minor)
    after = Fraction(cashed_minor, bet.stake_minor)
    paid = cash_out.part(Fraction(bet.stake_minor), offer, before, after).paid
    rest_minor = bet.stake_minor - cashed_minor
    room_minor = bet.potential_payout_minor - bet.cashed_minor - _most(standing, rest_minor)
    amount_minor = min(int(paid), room_minor)
    if amount_minor < 1:
        return None
    return Quote(
        bet_id=bet.id,
        currency=bet.currency,
        share_bps=share_bps,
        stake_minor=cashed_minor - bet.cashed_stake_minor,
        rest_minor=rest_minor,
        amount_minor=amount_minor,
        fair_minor=max(amount_minor, int(fair * (after - before))),
        digest=digest(standing, terms),
        expires_at=at + timedelta(seconds=terms.quote_s),
    )


def shares_left(bet: StoredBet) -> list[int]:
    """Of the shares that a page shows, those that are not cashed out already."""
    return [one for one in SHARES_BPS if _share_minor(bet, one) > bet.cashed_stake_minor]


def _share_minor(bet: StoredBet, share_bps: int) -> int:
    return bet.stake_minor * share_bps // WHOLE_BPS


def _most(standing: Standing, stake_minor: int) -> int:
    """What a bet of that stake on the same legs pays at the most."""
    if not stake_minor:
        return 0
    prices = [leg.price_e4 for leg in standing.legs]
    marks = [leg.banker for leg in standing.legs]
    exact = bets.potential_ratio(stake_minor, prices, standing.bet.sizes, marks)
    return bets.rounded(exact, standing.bet.payout_rounding)


def _worth(standing: Standing) -> Fraction:
    """What the whole bet returns on average, as if nothing of it were gone: the sum of its lines.

    Legs are of different events, so a line is worth the product of its legs.
    """
    bet, legs = standing.bet, standing.legs
    values = [
        cash_out.expected_multiplier(_leg(leg, standing.markets.get(leg.market_id, ())))
        for leg in legs
    ]
    if bet.sizes is None:
        return bet.stake_minor * prod(values, start=Fraction(1))
    pairs = list(zip(values, legs, strict=True))
    chosen = [value.as_integer_ratio() for value, leg in pairs if not leg.banker]
    fixed = [value.as_integer_ratio() for value, leg in pairs if leg.banker]
    total = Fraction(*systems.total(chosen, bet.sizes, fixed))
    return bet.stake_minor * total / bets.stored_lines(len(legs), bet.sizes, len(fixed))


def _leg(leg: StoredLeg, market: Sequence[Answer]) -> OpenLeg | SettledLeg:
    price = to_fraction(leg.price_e4)
    if leg.grade is not None:
        return SettledLeg(price, payoff.by_name(leg.grade))
    ends = grading.states(leg.market_type, leg.line_q4)
    winners = max(row.count(payoff.WON) for row in ends)
    fair = fair_price(market, leg.selection_id, winners)
    return min(ways(leg, price, fair), key=cash_out.expected_multiplier)


def fair_price(market: Sequence[Answer], selection_id: UUID, winners: int = 1) -> Fraction:
    """An answer's price with the overround of its market taken out in proportion.

    `winners` of its answers win at a time: of a double chance two. A book that lays less than its
    markets are worth pays by its prices as they are.
    """
    implied = [1 / to_fraction(answer.price_e4) for answer in market if answer.price_e4]
    own = next(a.price_e4 for a in market if a.selection_id == selection_id and a.price_e4)
    return to_fraction(own) * max(_ONE, sum(implied, Fraction(0)) / winners)


def ways(leg: StoredLeg, price: Fraction, fair: Fraction) -> list[OpenLeg]:
    """The leg by the least and the greatest chance that it comes back or halves.

    A fair price returns one unit on average: with h the chance of a return of x(price) for what is
    neither won nor lost, won * fair + h * x(fair) = 1, and the chance to win follows from h.
    """
    found = [OpenLeg(price, 1 / fair)]
    for between in _between(leg):
        x = Fraction(*payoff.returned_ratio(between, fair.numerator, fair.denominator))
        # No chance is below nothing, and together they are at most one.
        high = min(_LEVEL_MAX, 1 / x)
        if x < fair:
            high = min(high, (1 - 1 / fair) / (1 - x / fair))
        won = (1 - high * x) / fair
        name = payoff.name(between)
        found.append(OpenLeg(price, won, **{name: high}))
    return found


def _between(leg: StoredLeg) -> set[Grade]:
    """How the leg can end besides won and lost, of everything that the market can come to."""
    place = grading.sides(leg.market_type).index(leg.side)
    ends = {row[place] for row in grading.states(leg.market_type, leg.line_q4)}
    return ends - {payoff.WON, payoff.LOST}


# -- what a quote is bound to --------------------------------------------------------------------


def digest(standing: Standing, terms: Terms) -> str:
    """What a quote was reckoned from, in sixteen letters: other facts have others."""
    bet = standing.bet
    words = [str(bet.id), str(bet.settlement_version), str(terms.margin_bps)]
    words += [f"{leg.n}:{leg.grade}" for leg in standing.legs]
    answers = [answer for market in standing.markets.values() for answer in market]
    words += sorted(f"{answer.selection_id}:{answer.version}" for answer in answers)
    return hashlib.sha256("|".join(words).encode()).hexdigest()[:16]


def sealed(found: Quote, secret: bytes) -> Quote:
    """The quote as one of ours."""
    return replace(found, seal=_seal(_words(found), secret))


def written(found: Quote) -> str:
    """The quote as a client keeps it and says it back."""
    return f"{_words(found)}.{found.seal}"


def read(text: str, secret: bytes) -> Shown:
    """What a client says back. Raises Invalid `quote_invalid` for what is no quote of ours, or no
    more the one that it was (test: a quote that was altered is none).
    """
    match = _QUOTE.fullmatch(text)
    words, _, seal = text.rpartition(".")
    if match is None or not hmac.compare_digest(_seal(words, secret), seal):
        raise Invalid("this is no quote of ours", code="quote_invalid", field="quote")
    bet_id, share_bps, amount_minor, ms, found, _ = match.groups()
    expires_at = datetime.fromtimestamp(int(ms) / 1000, UTC)
    return Shown(UUID(bet_id), int(share_bps), int(amount_minor), found, expires_at)


def _words(found: Quote) -> str:
    ms = int(found.expires_at.timestamp() * 1000)
    return f"{found.bet_id.hex}.{found.share_bps}.{found.amount_minor}.{ms}.{found.digest}"


def _seal(words: str, secret: bytes) -> str:
    return hmac.new(secret, words.encode(), hashlib.sha256).hexdigest()[:16]


def changed(agreed: Agreed, now: Quote) -> str | None:
    """Why what is true now is not what was agreed to; None where `now` is paid."""
    if (agreed.digest, agreed.amount_minor) == (now.digest, now.amount_minor):
        return None
    least_minor = Fraction(agreed.amount_minor * (WHOLE_BPS - agreed.tolerance_bps), WHOLE_BPS)
    is_enough = agreed.policy == "higher" and now.amount_minor >= least_minor
    if is_enough or agreed.policy == "any":
        return None
    return "cash_out_changed"
