"""What a free bet may be, and what may become of it. Pure."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta
from typing import Final

from overround.betting.freebets.model import Asked, FreeBet, State, Step
from overround.core import price
from overround.core.errors import Conflict, Forbidden, Invalid
from overround.core.principal import Principal

AMOUNT_MINOR_MAX: Final = 10**11
DAYS_MAX: Final = 366
SPORTS_MAX: Final = 20
_REASON_LENGTH_MIN: Final = 3
_REASON_LENGTH_MAX: Final = 300
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
        raise Invalid("this amount is out of range", code="amount_out_of_range")
    if not at < asked.expires_at <= at + timedelta(days=DAYS_MAX):
        raise Invalid("it expires within a year, and not yet", code="expiry_out_of_range")
    if asked.price_min_e4 is not None:
        price.check(asked.price_min_e4)
    if asked.kinds is not None and not asked.kinds:
        raise Invalid("it is good for some kind of bet", code="kinds")
    if asked.sports is not None and not 0 < len(asked.sports) <= SPORTS_MAX:
        raise Invalid(f"it is good for 1 to {SPORTS_MAX} sports, or any", code="sports")


def reason(text: str) -> str:
    """Why it is given, readable later. Raises Invalid `reason`."""
    found = unicodedata.normalize("NFC", text).strip()
    if not _REASON_LENGTH_MIN <= len(found) <= _REASON_LENGTH_MAX or not found.isprintable():
        raise Invalid("a reason has 3 to 300 printable characters", code="reason")
    return found


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
