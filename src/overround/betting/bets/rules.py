"""What a slip must be before it is worth a question to the database."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from overround.betting.bets import refusals
from overround.betting.bets.model import Bet, Priced, Slip
from overround.betting.freebets.model import Used
from overround.core import bets, each_way, place_terms, price, systems
from overround.core.errors import Invalid

LEGS_MAX = 20
STAKE_MINOR_MAX = 10**13
# Above every largest payout of a tenant, and within a bigint.
_POTENTIAL_MAX = 10**18
TOLERANCE_BPS_MAX = 1_000
VERSION_MAX = 2**62
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
        raise refusals.stake_out_of_range(slip.lines, STAKE_MINOR_MAX)
    if not 0 <= slip.tolerance_bps <= TOLERANCE_BPS_MAX:
        raise Invalid("a tolerance is from 0 to 10 %", code="tolerance_out_of_range")
    for leg in slip.legs:
        price.check(leg.price_e4)
        if not 0 <= (leg.offer_version or 0) <= VERSION_MAX:
            raise Invalid("an offer has no such version", code="version_out_of_range")
        refusals.check_terms(leg.place_terms, each_way=slip.each_way)
    _check_lines(slip)
    if slip.free_bet_id is not None and slip.accept_lower_stake:
        said = "a free bet is the stake of one bet, wholly"
        raise Invalid(said, code="free_bet_stake", field="accept_lower_stake")
    if slip.free_bet_id is not None and slip.each_way:
        raise Invalid("a free bet is not placed each way", code="free_bet_each_way")
    if slip.at.tzinfo is None:
        raise Invalid("a time without a zone is no time", code="time_without_zone")


def _check_lines(slip: Slip) -> None:
    """Raises Invalid `invalid_size`, and `stake_out_of_range` for lines below a minor unit."""
    bankers = sum(leg.banker for leg in slip.legs)
    if slip.sizes is None and bankers:
        raise Invalid("only a system has bankers", code="invalid_size")
    if slip.sizes is not None:
        systems.check_sizes(slip.sizes, len(slip.legs), bankers)
    if (slip.sizes is not None or slip.each_way) and slip.lines > slip.stake_minor:
        raise refusals.stake_out_of_range(slip.lines, STAKE_MINOR_MAX)


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
            said = f"{name} is made of {chosen} legs"
            raise Invalid(said, code="invalid_size", field="system")
        sizes = [size + bankers for size in of_name]
    if sizes is None:
        return None
    systems.check_sizes(sizes, legs, bankers)
    found = tuple(sorted(sizes))
    return None if found == (legs,) else found


def priced(
    slip: Slip, stake_minor: int, prices_e4: Sequence[int], terms: Sequence[str] | None = None
) -> Priced:
    """The slip at that stake with what it pays when all its legs win at these prices, each way at
    these place terms."""
    asked = slip if stake_minor == slip.stake_minor else replace(slip, stake_minor=stake_minor)
    down, rounds_up = potential(asked, prices_e4, terms)
    return Priced(slip, stake_minor, prices_e4, down, rounds_up, terms)


def as_shown(slip: Slip, prices_e4: Sequence[int] | None = None) -> Priced:
    """The slip at the prices that were shown, or at these, and at what else was shown."""
    if prices_e4 is None:
        prices_e4 = [leg.price_e4 for leg in slip.legs]
    return priced(slip, slip.stake_minor, prices_e4, shown_terms(slip))


def as_told(last: Priced, moved: Mapping[str, Any]) -> Priced:
    """The slip at what a `moved` answer says is so now, whatever it was reckoned at."""
    stake_minor = moved.get("stake_minor", last.stake_minor)
    terms = moved.get("place_terms", last.terms)
    return priced(last.slip, stake_minor, moved["prices_e4"], terms)


def shown_terms(slip: Slip) -> list[str] | None:
    """The place terms that a slip each way says it was shown, "" where it does not."""
    return [leg.place_terms or "" for leg in slip.legs] if slip.each_way else None


def potential(
    slip: Slip, prices_e4: Sequence[int], terms: Sequence[str] | None = None
) -> tuple[int, bool]:
    """What the slip pays when all its legs win at these prices: minor units rounded down, and
    whether half-even rounds them up. Each way without all place terms, what its stake pays to win:
    such a slip is told the terms and reckoned again."""
    bankers = [leg.banker for leg in slip.legs]
    terms = shown_terms(slip) if terms is None else terms
    if terms is not None and all(terms):
        known = [place_terms.parse(one) for one in terms]
        exact = each_way.potential_ratio(slip.stake_minor, prices_e4, known, slip.sizes, bankers)
    else:
        exact = bets.potential_ratio(slip.stake_minor, prices_e4, slip.sizes, bankers)
    down = exact[0] // exact[1]
    if down >= _POTENTIAL_MAX:
        return _POTENTIAL_MAX, False
    return down, bets.rounded(exact, "half_even") > down


def net_of(bet: Bet, used: Used) -> Bet:
    """A bet on a free bet as its player sees it: what it may pay and has paid is without the stake,
    unless that was given to him too."""
    kept = 0 if used.stake_returned else bet.stake_minor
    paid = bet.payout_minor
    return replace(
        bet,
        free_bet_id=used.free_bet_id,
        potential_payout_minor=bet.potential_payout_minor - kept,
        payout_minor=None if paid is None else paid - used.back_minor,
    )


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
    words += [
        f"{leg.selection_id.hex}@{leg.price_e4}{'b' * leg.banker}"
        + ("" if leg.offer_version is None else f"#{leg.offer_version}")
        + ("" if leg.place_terms is None else f"~{leg.place_terms.replace(' ', '~')}")
        for leg in slip.legs
    ]
    if slip.sizes is not None:
        words.append("-".join(map(str, slip.sizes)))
    words += ["lower"] * slip.accept_lower_stake + ["each-way"] * slip.each_way
    if slip.free_bet_id is not None:
        words.append(f"free-{slip.free_bet_id.hex}")
    return hashlib.sha256(" ".join(words).encode()).digest()
