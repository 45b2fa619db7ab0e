"""A slip as the words of a call, and a call's answer as decisions.

What a call says of a slip is written when the slip comes, while another call is under way: between
two calls there is only joining to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from overround.betting.bets.model import Asked, Decision, Priced
from overround.betting.bets.rules import body_sha256

_NULL = "NULL"
_NOTHING = ""


@dataclass(frozen=True, slots=True)
class Words:
    """What a call says of one slip: a word for each column of slips; for each column of legs the
    words of all its legs; and its wishes (the least stake, the versions seen, the place terms),
    each "" where it has none."""

    tenant_id: UUID
    slip: tuple[str, ...]
    legs: int
    leg: tuple[str, ...]
    wishes: tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Columns:
    """The arrays of a call: of slips, the last of them the sessions; of legs, the first of them the
    numbers of their slips; of wishes, None for one that no slip has."""

    tenants: str
    slips: list[str]
    legs: list[str]
    wishes: list[str | None]


def of(asked: Asked, priced: Priced) -> Words:
    """Numbers, ids, names and keys (`rules.check`) need no escaping in an array."""
    slip, token_sha256 = asked.slip, asked.token_sha256
    legs = slip.legs
    versions = [leg.offer_version for leg in legs]
    has_versions = any(version is not None for version in versions)
    return Words(
        asked.tenant_id,
        (
            asked.tenant_id.hex,
            slip.bet_id.hex,
            slip.user_id.hex,
            f'"{slip.key}"',
            _bytes(body_sha256(slip)),
            str(priced.stake_minor),
            _NULL if slip.sizes is None else f'"{{{_listed(slip.sizes)}}}"',
            str(priced.potential_minor),
            str(priced.rounds_up),
            slip.odds_policy,
            str(slip.tolerance_bps),
            slip.at.isoformat(),
            _NULL if token_sha256 is None else _bytes(token_sha256),
        ),
        len(legs),
        (
            ",".join([leg.selection_id.hex for leg in legs]),
            _listed([leg.price_e4 for leg in legs]),
            _listed(priced.prices_e4),
            _listed([leg.banker for leg in legs]),
        ),
        (
            str(slip.lines) if slip.accept_lower_stake else _NOTHING,
            _listed(versions) if has_versions else _NOTHING,
            _NOTHING if priced.terms is None else ",".join([_or_null(one) for one in priced.terms]),
        ),
    )


def columns(words: Sequence[Words]) -> Columns:
    """The arrays of a call for these slips."""
    numbers = [",".join([str(n)] * one.legs) for n, one in enumerate(words, start=1)]
    legs = zip(*[one.leg for one in words], strict=True)
    return Columns(
        ",".join({str(one.tenant_id) for one in words}),
        [array(column) for column in zip(*[one.slip for one in words], strict=True)],
        [array(numbers), *(array(column) for column in legs)],
        [_wished(words, n) for n in range(3)],
    )


def _wished(words: Sequence[Words], n: int) -> str | None:
    """The array of a wish, the n-th; None where no slip has it."""
    if not any(one.wishes[n] for one in words):
        return None
    # The first is a slip's, the others are its legs'.
    nobodys = [_NULL if n == 0 else ",".join([_NULL] * one.legs) for one in words]
    return array([one.wishes[n] or nobody for one, nobody in zip(words, nobodys, strict=True)])


def array(values: Iterable[object]) -> str:
    """An array's text, made in one join: a driver's dumping of lists looks at each value twice."""
    return "{" + _listed(values) + "}"


def _listed(values: Iterable[object]) -> str:
    return ",".join([_NULL if value is None else str(value) for value in values])


def _or_null(value: object) -> str:
    return _NULL if value is None else f'"{value}"'


def _bytes(value: bytes) -> str:
    return f'"\\\\x{value.hex()}"'


def decided(priced: Sequence[Priced], row: tuple[Any, ...] | None) -> list[Decision]:
    """The answers that a call's columns are; an accepted one is said by the bet's own facts."""
    assert row is not None
    kinds, bet_ids, potentials, placed_ats, currencies, answers, prices_e4 = row
    found: list[Decision] = []
    first = 0
    for n, one in enumerate(priced):
        slip = one.slip
        last = first + len(slip.legs)
        answer: dict[str, Any] | None = answers[n]
        if kinds[n] == "moved":
            moved = {"refusal": "price_changed", "prices_e4": prices_e4[first:last]}
            answer = moved if answer is None else {**moved, **answer}
        elif answer is None or answer.keys() == {"stake_minor"}:
            # What was taken at a smaller stake than is asked now says at which.
            stake_minor = answer["stake_minor"] if answer else one.stake_minor
            answer = {
                "bet_id": str(bet_ids[n]),
                "status": "open",
                "kind": slip.kind,
                "sizes": slip.sizes,
                "each_way": slip.each_way,
                "stake_minor": stake_minor,
                "potential_payout_minor": potentials[n],
                "currency": currencies[n],
                "placed_at": placed_ats[n].isoformat(),
                "prices_e4": prices_e4[first:last],
            }
        found.append(Decision(kinds[n], answer))
        first = last
    return found
