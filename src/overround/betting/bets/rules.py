"""What a slip must be before it is worth a question to the database."""

from __future__ import annotations

import hashlib
import re

from overround.betting.bets.model import Slip
from overround.core import price
from overround.core.errors import Invalid

LEGS_MAX = 20
STAKE_MINOR_MAX = 10**13
TOLERANCE_BPS_MAX = 1_000
_KEY = re.compile(r"[A-Za-z0-9._:-]{1,100}")


def check(slip: Slip) -> None:
    """Raises Invalid with the code of the first bound that the slip breaks."""
    if not _KEY.fullmatch(slip.key):
        raise Invalid("a key is 1 to 100 letters, digits or . _ : -", code="key_invalid")
    if not slip.legs:
        raise Invalid("a slip has at least one leg", code="too_few_legs")
    if len(slip.legs) > LEGS_MAX:
        raise Invalid(f"a slip has at most {LEGS_MAX} legs", code="too_many_legs")
    if not 0 < slip.stake_minor <= STAKE_MINOR_MAX:
        raise Invalid("this stake is out of range", code="stake_out_of_range")
    if not 0 <= slip.tolerance_bps <= TOLERANCE_BPS_MAX:
        raise Invalid("a tolerance is from 0 to 10 %", code="tolerance_out_of_range")
    for leg in slip.legs:
        price.check(leg.price_e4)
    if slip.at.tzinfo is None:
        raise Invalid("a time without a zone is no time", code="time_without_zone")


def body_sha256(slip: Slip) -> bytes:
    """What makes two requests the same: SHA-256 of the validated slip, without its id and time.

    Every word is a number, an id or one of a few names, so that joined they are still apart.
    """
    words = [slip.user_id.hex, str(slip.stake_minor), slip.odds_policy, str(slip.tolerance_bps)]
    words += [f"{leg.selection_id.hex}@{leg.price_e4}" for leg in slip.legs]
    return hashlib.sha256(" ".join(words).encode()).digest()
