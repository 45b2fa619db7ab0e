"""What a free bet may be, and what may become of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from overround.betting.freebets.model import Asked, FreeBet, Kind, State, Step
from overround.core import price
from overround.core.errors import Conflict, Forbidden, Invalid, at_field
from overround.core.principal import Principal

AMOUNT_MINOR_MAX: Final = 10**11
DAYS_MAX: Final = 366
SPORTS_MAX: Final = 20
# step -> (from, to)
_STEPS: Final[dict[Step, tuple[State, State]]] = {
    "agree": ("proposed", "granted"),
    "refuse": ("proposed", "refused"),
    "revoke": ("granted", "revoked"),
}


class SecondPerson(Forbidden):
    """Who granted a free bet does not agree to it too; that is for somebody else."""

    code = "second_person"


def check(asked: Asked, at: datetime) -> None:
    """Raises Invalid with the code of the first bound that is broken."""
    if not 0 < asked.amount_minor <= AMOUNT_MINOR_MAX:
        raise Invalid("this amount is out of range", code="amount_out_of_range", field="amount")
    if not at < asked.expires_at <= at + timedelta(days=DAYS_MAX):
        said = "it expires within a year, and not yet"
        raise Invalid(said, code="expiry_out_of_range", field="expires_at")
    if asked.price_min_e4 is not None:
        with at_field("price_min"):
            price.check(asked.price_min_e4)
    if asked.kinds is not None and not asked.kinds:
        raise Invalid("it is good for some kind of bet", code="kinds", field="kinds")
    if asked.sports is not None and not 0 < len(asked.sports) <= SPORTS_MAX:
        said = f"it is good for 1 to {SPORTS_MAX} sports, or any"
        raise Invalid(said, code="sports", field="sports")


def refusal(
    free_bet: FreeBet | None,
    stake_minor: int | None,
    kind: Kind,
    sports: Sequence[str],
    price_min_e4: int,
    at: datetime,
) -> str | None:
    """Why a bet may not stand on the free bet, as the book says it (`free_bet_use_v1`); None: it
    may. Without a stake it is not asked for one. `price_min_e4` is that of the lowest leg.
    """
    if free_bet is None or free_bet.state in ("proposed", "refused", "revoked"):
        return "free_bet_unknown"
    if free_bet.state == "used":
        return "free_bet_used"
    if free_bet.state == "expired" or free_bet.expires_at <= at:
        return "free_bet_expired"
    if stake_minor not in (None, free_bet.amount_minor):
        return "free_bet_stake"
    if free_bet.kinds is not None and kind not in free_bet.kinds:
        return "free_bet_kind"
    if free_bet.sports is not None and not set(sports) <= set(free_bet.sports):
        return "free_bet_sport"
    if free_bet.price_min_e4 is not None and price_min_e4 < free_bet.price_min_e4:
        return "free_bet_price"
    return None


def first_state(amount_minor: int, alone_max_minor: int) -> State:
    """Above what one person may move alone, it waits for a second one."""
    return "granted" if amount_minor <= alone_max_minor else "proposed"


def step(free_bet: FreeBet, wanted: Step, by: Principal) -> State:
    """What becomes of it. Raises Conflict `free_bet_step`, and SecondPerson."""
    before, after = _STEPS[wanted]
    if free_bet.state != before:
        raise Conflict(f"this free bet is {free_bet.state}", code="free_bet_step")
    if wanted == "agree" and free_bet.granted_by == by.actor_id:
        raise SecondPerson
    return after
