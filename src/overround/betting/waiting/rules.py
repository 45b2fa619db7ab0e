"""What a slip that waits may become, and what may be said of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from overround.betting.offers.rules import check_own
from overround.betting.waiting.model import Alternative, Given, WaitingSlip
from overround.core import reasons
from overround.core.errors import Conflict, Invalid, at_field

# What one player may have waiting, and one tenant: more than a person follows, and what is placed
# within a few seconds.
PLAYER_MAX: Final = 20
TENANT_MAX: Final = 10_000
# Who asked so long ago has gone on with something else: he is told so and not surprised by a bet.
TURN_MAX: Final = timedelta(minutes=5)
APPROVAL_MAX: Final = timedelta(minutes=5)
# What is due is placed within moments; this is for a house whose placers are all down.
DUE_MAX: Final = timedelta(minutes=1)
OFFER_S: Final = 60
OFFER_S_MIN: Final = 10
OFFER_S_MAX: Final = 600
_BACK_OFF_S_MAX: Final = 60

# The refusals that only slips that waited get.
REFUSALS: Final = {
    "slip_expired": "The slip waited too long.",
    "slip_withdrawn": "The slip was taken back.",
    "refused_by_house": "The house does not take this bet.",
    "session_ended": "The session that the slip came by has ended.",
}


def expires_at(waits: str, due_at: datetime | None, at: datetime) -> datetime:
    """Until when a slip that waits for that is waited for."""
    if waits == "approval":
        return at + APPROVAL_MAX
    return (due_at or at) + (TURN_MAX if waits == "asked" else DUE_MAX)


def again_at(attempts: int, at: datetime) -> datetime:
    """When a slip whose placing failed is tried again."""
    return at + timedelta(seconds=min(2**attempts, _BACK_OFF_S_MAX))


def check_withdrawn(waiting: WaitingSlip) -> None:
    """Raises Conflict `slip_decided`, and `slip_delayed`: who waits out a delay may not leave when
    the price turns against him meanwhile."""
    if not waiting.is_open:
        raise Conflict("this slip waits no more", code="slip_decided")
    if waiting.why == "delay":
        raise Conflict("this slip is on its way", code="slip_delayed")


def check_given(
    waiting: WaitingSlip, given: Given, shown_e4: Sequence[int], least_minor: int, at: datetime
) -> None:
    """`shown_e4` are the prices that were asked; nobody is offered a stake below `least_minor`.

    Raises Conflict `slip_decided`; Invalid `reason`, `offer_only` (what an offer alone has, said
    beside another verdict), `offer_lasts`, `stake_out_of_range` (more than was asked, or less than
    can be placed), `prices_count`, `price_out_of_range` and `alternative_missing`.
    """
    if not waiting.is_open or waiting.due_at is not None or waiting.expires_at <= at:
        raise Conflict("nobody is to decide about this slip now", code="slip_decided")
    reasons.reason(given.reason)
    if given.verdict != "offer":
        _check_offers_nothing(given)
        return
    if not OFFER_S_MIN <= stands_s(given) <= OFFER_S_MAX:
        raise Invalid("an offer stands from 10 to 600 seconds", code="offer_lasts", field="lasts_s")
    found = given_alternative(waiting, given)
    shown = tuple(shown_e4)
    if (found.stake_minor, found.prices_e4 or shown) == (waiting.stake_minor, shown):
        said = "say a lower stake or other prices"
        raise Invalid(said, code="alternative_missing", field="stake")
    if not least_minor <= found.stake_minor <= waiting.stake_minor:
        said = "the stake is from the least of the house to what was asked"
        raise Invalid(said, code="stake_out_of_range", field="stake")
    if found.prices_e4 is not None:
        _check_prices(found.prices_e4, len(shown))


def _check_offers_nothing(given: Given) -> None:
    """Who types a stake and approves must not learn from the bet that it was not looked at."""
    for field, value, said in (
        ("stake", given.stake_minor, "only an offer has a stake of its own"),
        ("prices", given.prices_e4, "only an offer has prices of its own"),
        ("lasts_s", given.lasts_s, "only an offer stands for a time"),
    ):
        if value is not None:
            raise Invalid(said, code="offer_only", field=field)


def stands_s(given: Given) -> int:
    """For how many seconds an offer stands."""
    return OFFER_S if given.lasts_s is None else given.lasts_s


def _check_prices(prices_e4: Sequence[int], legs: int) -> None:
    if len(prices_e4) != legs:
        said = "a price for each leg, in their order"
        raise Invalid(said, code="prices_count", field="prices")
    with at_field("prices"):
        for price_e4 in prices_e4:
            check_own(price_e4)


def given_alternative(waiting: WaitingSlip, given: Given) -> Alternative:
    """What an offer offers."""
    stake_minor = waiting.stake_minor if given.stake_minor is None else given.stake_minor
    return Alternative(stake_minor, given.prices_e4)


def alternative_of(waiting: WaitingSlip) -> Alternative | None:
    """What the house offers instead."""
    said = waiting.alternative
    if said is None:
        return None
    prices: list[int] | None = said["prices_e4"]
    return Alternative(said["stake_minor"], None if prices is None else tuple(prices))


def taken(waiting: WaitingSlip, at: datetime) -> Alternative:
    """What the house offers, and who takes it agrees to.

    Raises Conflict `nothing_offered`, `offer_expired`.
    """
    found = alternative_of(waiting)
    if found is not None and waiting.state in ("offered", "expired") and waiting.expires_at <= at:
        raise Conflict("the offer has expired", code="offer_expired")
    if found is None or waiting.state != "offered":
        raise Conflict("nothing is offered for this slip", code="nothing_offered")
    return found
