"""What a slip must be before it is worth a question to the database."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from overround.betting.bets.model import Slip
from overround.core import bets, price, systems
from overround.core.errors import Invalid

LEGS_MAX = 20
STAKE_MINOR_MAX = 10**13
# Above every largest payout of a tenant, and within a bigint.
_POTENTIAL_MAX = 10**18
TOLERANCE_BPS_MAX = 1_000
_WHOLE_MAX = 8
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
    _check_lines(slip)
    if slip.at.tzinfo is None:
        raise Invalid("a time without a zone is no time", code="time_without_zone")


def _check_lines(slip: Slip) -> None:
    """Raises Invalid `invalid_size`, and `stake_out_of_range` for lines below a minor unit."""
    bankers = sum(leg.banker for leg in slip.legs)
    if slip.sizes is None:
        if bankers:
            raise Invalid("only a system has bankers", code="invalid_size")
        return
    systems.check_sizes(slip.sizes, len(slip.legs), bankers)
    if bets.stored_lines(len(slip.legs), slip.sizes, bankers) > slip.stake_minor:
        raise Invalid("a line has at least one minor unit", code="stake_out_of_range")


def system_sizes(
    name: str | None, sizes: Sequence[int] | None, legs: int, bankers: int
) -> tuple[int, ...] | None:
    """The sizes of a slip's lines: those of the system with the name (of the legs that are no
    bankers), or those that are said; None for one line with all legs, however it was said.

    Raises Invalid `invalid_size`.
    """
    if name is not None:
        if sizes is not None:
            raise Invalid("a system has a name or sizes, not both", code="invalid_size")
        chosen, of_name = systems.FULL_COVERS[name]
        if chosen != legs - bankers:
            raise Invalid(f"{name} is made of {chosen} legs", code="invalid_size")
        sizes = [size + bankers for size in of_name]
    if sizes is None:
        return None
    systems.check_sizes(sizes, legs, bankers)
    found = tuple(sorted(sizes))
    return None if found == (legs,) else found


def potential(slip: Slip, prices_e4: Sequence[int]) -> tuple[int, bool]:
    """What the slip pays when all its legs win at these prices: minor units rounded down, and
    whether half-even rounds them up."""
    bankers = [leg.banker for leg in slip.legs]
    exact = bets.potential_ratio(slip.stake_minor, prices_e4, slip.sizes, bankers)
    down = exact[0] // exact[1]
    if down >= _POTENTIAL_MAX:
        return _POTENTIAL_MAX, False
    return down, bets.rounded(exact, "half_even") > down


def batch_width(waiting: int, answered: int) -> int:
    """How many of the waiting slips one call takes when the last call's are about to be answered.

    Half of both together, so that the database has the one half while the process has the other;
    all of a few, because a call costs about as much as they do.
    """
    return max(_WHOLE_MAX, (waiting + answered + 1) // 2)


def body_sha256(slip: Slip) -> bytes:
    """What makes two requests the same: SHA-256 of the validated slip, without its id and time.

    Every word is a number, an id or one of a few names, so that joined they are still apart.
    """
    words = [slip.user_id.hex, str(slip.stake_minor), slip.odds_policy, str(slip.tolerance_bps)]
    words += [f"{leg.selection_id.hex}@{leg.price_e4}{'b' * leg.banker}" for leg in slip.legs]
    if slip.sizes is not None:
        words.append("-".join(map(str, slip.sizes)))
    return hashlib.sha256(" ".join(words).encode()).digest()
