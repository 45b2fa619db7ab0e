"""What would refuse a slip, and the largest stake that nothing refuses: the book's own column of
refusals over values that were read a moment ago. Plain functions of plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import Final

from overround.betting.bets.refusals import check_terms, stake_out_of_range
from overround.betting.bets.rules import LEGS_MAX, STAKE_MINOR_MAX
from overround.betting.freebets.model import FreeBet
from overround.betting.freebets.rules import refusal as free_refusal
from overround.betting.quotes.model import (
    Ask,
    AskedLeg,
    Known,
    OfferedLeg,
    PlayerRoom,
    Quote,
    Refused,
    Terms,
)
from overround.betting.risk.model import FACTOR_ONE_E4
from overround.betting.risk.rules import shares
from overround.core import bets, each_way, place_terms, price, systems
from overround.core.bets import Ratio
from overround.core.errors import Invalid
from overround.core.price import SCALE_E4

_BPS: Final = 10_000


def leg_refusal(asked: AskedLeg, offered: OfferedLeg, ask: Ask, at: datetime) -> str | None:
    """Why the book does not take this leg at `at`; None when it does."""
    if offered.price_e4 is None or offered.starts_at is None:
        return "unknown_selection"
    has_begun = offered.starts_at <= at or offered.closed_at is not None
    if has_begun and not offered.is_in_play:
        return "event_started"
    if offered.state != "open":
        return "market_closed" if offered.state == "closed" else "market_suspended"
    if ask.each_way and offered.place_terms is None:
        return "no_place_terms"
    if ask.each_way and asked.place_terms not in (None, offered.place_terms):
        return "place_terms_changed"
    shown_e4 = asked.price_e4
    if shown_e4 is None or offered.price_e4 == shown_e4:
        is_other = asked.offer_version not in (None, offered.version)
        return "market_changed" if is_other and ask.odds_policy == "none" else None
    if ask.odds_policy == "any":
        return None
    least = shown_e4 * (_BPS - ask.tolerance_bps)
    if ask.odds_policy == "higher" and offered.price_e4 * _BPS >= least:
        return None
    return "price_changed"


@dataclass(frozen=True, slots=True)
class Slip:
    """A slip whose legs have prices, `prices_e4`, with what is known of the house and the player.

    `returns` is what a unit staked returns when all legs win, exact and reduced: the one sum over
    all lines, of which every stake that is tried is a multiple
    (test: a quote pays what its lines pay one by one).
    """

    ask: Ask
    terms: Terms
    legs: tuple[OfferedLeg, ...]
    room: PlayerRoom
    prices_e4: tuple[int, ...]
    returns: Ratio

    @classmethod
    def of(cls, ask: Ask, known: Known) -> Slip:
        """The slip as it was asked."""
        prices_e4 = tuple(leg.price_e4 or SCALE_E4 for leg in known.legs)
        returns = Fraction(*_returns(ask, known.legs, prices_e4)).as_integer_ratio()
        return cls(ask, known.terms, known.legs, known.room, prices_e4, returns)

    def potential(self, stake_minor: int) -> int:
        """What a stake pays when all legs win, rounded by the house's rule."""
        above, below = self.returns
        return bets.rounded((stake_minor * above, below), self.terms.payout_rounding)


def _returns(ask: Ask, legs: Sequence[OfferedLeg], prices_e4: Sequence[int]) -> Ratio:
    bankers = [leg.banker for leg in ask.legs]
    terms = [leg.place_terms for leg in legs if leg.place_terms is not None]
    if ask.each_way and len(terms) == len(legs):
        parsed = [place_terms.parse(one) for one in terms]
        return each_way.potential_ratio(1, prices_e4, parsed, ask.sizes, bankers)
    return bets.potential_ratio(1, prices_e4, ask.sizes, bankers)


def people_refused(terms: Terms) -> list[Refused]:
    """The house or the player takes part in nothing."""
    found: list[Refused] = []
    if terms.status != "active":
        found.append(Refused("tenant_suspended"))
    if terms.user_status != "active" or terms.cash_minor is None:
        found.append(Refused("account_blocked"))
    return found


def shape_refused(terms: Terms, legs: Sequence[OfferedLeg]) -> list[Refused]:
    """What the house does not take of such a slip, whatever is staked."""
    found: list[Refused] = []
    count = len(legs)
    events = [leg.event_id for leg in legs if leg.event_id is not None]
    if len(set(events)) < len(events):
        found.append(Refused("legs_conflict"))
    if terms.legs_min is not None and count < terms.legs_min:
        found.append(Refused("too_few_legs", {"legs_min": terms.legs_min}))
    most = LEGS_MAX if terms.legs_max is None else terms.legs_max
    if count > most:
        found.append(Refused("too_many_legs", {"legs_max": most}))
    bounds = _bounds(terms.leg_price_min_e4, terms.leg_price_max_e4)
    for n, leg in enumerate(legs, start=1):
        if leg.price_e4 is not None and not _within(
            leg.price_e4, terms.leg_price_min_e4, terms.leg_price_max_e4
        ):
            found.append(Refused("odds_out_of_range", {"leg": n, **bounds}))
    return found


def _within(value: int, low: int | None, high: int | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def _bounds(low_e4: int | None, high_e4: int | None) -> dict[str, int]:
    said = {"price_min_e4": low_e4, "price_max_e4": high_e4}
    return {name: value for name, value in said.items() if value is not None}


def priced_refused(slip: Slip) -> list[Refused]:
    """What is refused at these prices whatever is staked: the slip's own price, and repetition."""
    terms = slip.terms
    above, below = slip.returns
    low_e4, high_e4 = terms.slip_price_min_e4, terms.slip_price_max_e4
    is_low = low_e4 is not None and above * SCALE_E4 < low_e4 * below
    is_high = high_e4 is not None and above * SCALE_E4 > high_e4 * below
    found: list[Refused] = []
    if is_low or is_high:
        found.append(Refused("odds_out_of_range", _bounds(low_e4, high_e4)))
    if slip.room.repeats is not None and slip.room.repeats <= 0:
        found.append(Refused("repeated_bet"))
    return found


def stake_refused(slip: Slip, stake_minor: int) -> Refused | None:
    """The first cap or purse that such a stake passes; None when it fits.

    Whatever a stake passes every larger one passes too
    (test: a stake that fits leaves room for less).
    """
    terms, room = slip.terms, slip.room
    potential = slip.potential(stake_minor)
    win = potential - stake_minor
    if potential > terms.payout_max_minor:
        return Refused("payout_above_max", {"payout_max_minor": terms.payout_max_minor})
    for bound in (room.day_room_minor, room.event_room_minor):
        if bound is not None and win > bound:
            return Refused("player_limit")
    parts = shares(stake_minor, potential, slip.prices_e4)
    for n, (leg, share) in enumerate(zip(slip.legs, parts, strict=True), start=1):
        need = share.payout_minor - share.stake_minor
        for bound in (leg.selection_room_minor, leg.event_room_minor):
            if bound is not None and need > bound:
                return Refused("liability_exceeded", {"leg": n})
        most = leg.win_max_minor
        if most is not None and win * FACTOR_ONE_E4 > most * terms.factor_e4:
            return Refused("stake_above_max")
    if terms.cash_minor is None or stake_minor > terms.cash_minor:
        return Refused("insufficient_funds")
    return None


def stake_max_minor(slip: Slip) -> tuple[int, str | None]:
    """The largest stake that fits, none being 0, and the code by which one more is refused."""
    fits, too_much = 0, STAKE_MINOR_MAX + 1
    while too_much - fits > 1:
        middle = (fits + too_much) // 2
        if stake_refused(slip, middle) is None:
            fits = middle
        else:
            too_much = middle
    refused = stake_refused(slip, too_much)
    return fits, None if refused is None else _code(refused, fits)


def _code(refused: Refused, most: int) -> str:
    """What the book says: where a smaller stake would do, it is the stake that is too large."""
    return "stake_above_max" if refused.code == "liability_exceeded" and most else refused.code


def lines(ask: Ask) -> int:
    """How many lines the slip has, each of at least one minor unit.

    Raises Invalid `too_few_legs`, `too_many_legs`, `price_out_of_range`, `invalid_size`,
    `stake_out_of_range`, `place_terms`, `free_bet_each_way`, `free_bet_stake` (a lower stake than
    the free bet's).
    """
    if not ask.legs:
        raise Invalid("a slip has at least one leg", code="too_few_legs")
    if len(ask.legs) > LEGS_MAX:
        raise Invalid(f"a slip has at most {LEGS_MAX} legs", code="too_many_legs")
    for leg in ask.legs:
        if leg.price_e4 is not None:
            price.check(leg.price_e4)
        check_terms(leg.place_terms, each_way=ask.each_way)
    if ask.each_way and ask.free_bet_id is not None:
        raise Invalid("a free bet is not placed each way", code="free_bet_each_way")
    bankers = sum(leg.banker for leg in ask.legs)
    if ask.sizes is not None:
        systems.check_sizes(ask.sizes, len(ask.legs), bankers)
    elif bankers:
        raise Invalid("only a system has bankers", code="invalid_size")
    found = bets.stored_lines(len(ask.legs), ask.sizes, bankers) * (2 if ask.each_way else 1)
    if ask.stake_minor is not None and not found <= ask.stake_minor <= STAKE_MINOR_MAX:
        raise stake_out_of_range(found, STAKE_MINOR_MAX)
    if ask.accept_lower_stake and ask.free_bet_id is not None:
        said = "a free bet is the stake of one bet, wholly"
        raise Invalid(said, code="free_bet_stake", field="accept_lower_stake")
    return found


def quote(ask: Ask, known: Known, at: datetime) -> Quote:
    """Everything that would refuse the slip at `at`, in the book's order, and what may be staked.

    Raises what `lines` does.
    """
    count = lines(ask)
    terms, legs = known.terms, known.legs
    by_leg = tuple(
        leg_refusal(asked, leg, ask, at) for asked, leg in zip(ask.legs, legs, strict=True)
    )
    refusals = people_refused(terms)
    refusals += [Refused(code, {"leg": n}) for n, code in enumerate(by_leg, start=1) if code]
    refusals += shape_refused(terms, legs)
    parts = 2 if ask.each_way else 1
    # The bounds are those of the stake that is asked about: a line's, or one part's of two.
    units = count if ask.by_line else parts
    least = -(-max(terms.stake_min_minor, count) // units) * units
    found = Quote(
        terms.currency, count, legs, by_leg, tuple(refusals), least, ask.stake_minor, units=units
    )
    if any(leg.price_e4 is None for leg in legs):
        return found
    if ask.free_bet_id is not None:
        in_purse = replace(known, terms=_with_stake_of(known.free, terms))
        return _free_quote(found, Slip.of(ask, in_purse), known.free, at)
    slip = Slip.of(ask, known)
    refusals += priced_refused(slip)
    is_taken = not refusals
    most, limited_by = stake_max_minor(slip)
    whole = most // units * units
    fits = is_taken and whole >= least
    stake = ask.stake_minor
    if stake is not None and stake > most and fits and _is_lowered(slip, limited_by):
        stake = most
    refusals += _of_stake(slip, stake, least, most)
    return replace(
        found,
        stake_minor=stake,
        refusals=tuple(refusals),
        stake_max_minor=whole if fits else None,
        limited_by=limited_by if is_taken else None,
        potential_minor=None if stake is None else slip.potential(stake),
    )


def _with_stake_of(free: FreeBet | None, terms: Terms) -> Terms:
    """The terms of who has the free bet's stake in his purse: the house puts it there."""
    if free is None or terms.cash_minor is None:
        return terms
    return replace(terms, cash_minor=free.amount_minor)


def _free_quote(found: Quote, slip: Slip, free: FreeBet | None, at: datetime) -> Quote:
    """The quote of a slip on a free bet: its amount is the one stake that would do."""
    refusals = [*found.refusals, *priced_refused(slip)]
    amount = slip.ask.stake_minor if free is None else free.amount_minor
    stake = slip.ask.stake_minor
    if amount is not None:
        refusals += _of_stake(slip, amount if stake is None else stake, amount, amount)
    sports = sorted({leg.sport for leg in slip.legs if leg.sport is not None})
    code = free_refusal(free, stake, slip.ask.kind, sports, min(slip.prices_e4), at)
    if code is not None:
        facts = {"stake_minor": amount} if code == "free_bet_stake" else {}
        if code == "free_bet_price" and free is not None:
            facts = {"price_min_e4": free.price_min_e4}
        refusals.append(Refused(code, facts))
    fits = not refusals and amount is not None
    kept = 0 if amount is None or free is None or free.stake_returned else amount
    return replace(
        found,
        stake_min_minor=found.stake_min_minor if amount is None else amount,
        stake_minor=amount if stake is None else stake,
        refusals=tuple(refusals),
        stake_max_minor=amount if fits else None,
        limited_by="free_bet_stake" if fits else None,
        potential_minor=None if amount is None else slip.potential(amount) - kept,
    )


def _is_lowered(slip: Slip, limited_by: str | None) -> bool:
    """Whether he is given less than he asks; a purse is no cap, and nobody is lowered to it."""
    asks = slip.ask.accept_lower_stake and slip.terms.lower_stakes
    return asks and limited_by != "insufficient_funds"


def _of_stake(slip: Slip, stake: int | None, least: int, most: int) -> list[Refused]:
    """Why the stake is refused, and that it is more than he has where that is another reason;
    without one, why none would do."""
    if stake is not None and stake < slip.terms.stake_min_minor:
        return [Refused("stake_below_min", {"stake_min_minor": slip.terms.stake_min_minor})]
    refused = stake_refused(slip, least if stake is None else stake)
    if refused is None:
        return []
    smaller = {"stake_max_minor": most, "stake_least_minor": least} if stake is not None else {}
    found = [Refused(_code(refused, most), {**refused.answer, **smaller})]
    cash_minor = slip.terms.cash_minor
    is_short = stake is not None and cash_minor is not None and stake > cash_minor
    if is_short and found[0].code != "insufficient_funds":
        found.append(Refused("insufficient_funds"))
    return found
