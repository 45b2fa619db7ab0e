"""What each refusal says to a person, and the bounds it comes with: the code is for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from overround.core import money, place_terms, price
from overround.core.errors import Invalid

DETAILS: Final[Mapping[str, str]] = {
    "tenant_suspended": "This house takes no bets now.",
    "account_blocked": "This account takes no bets.",
    "too_few_legs": "The slip has fewer legs than this house takes.",
    "too_many_legs": "The slip has more legs than this house takes.",
    "odds_out_of_range": "This house takes no such price.",
    "unknown_selection": "One selection is not offered here.",
    "event_started": "One event has started.",
    "score_changed": "The score has changed.",
    "line_passed": "The score has decided this market.",
    "feed_stale": "The prices of one event are too old.",
    "market_suspended": "One market is suspended.",
    "market_closed": "One market is closed.",
    "price_changed": "One price has changed.",
    "market_changed": "One market has changed since it was shown.",
    "no_place_terms": "One market is not offered each way.",
    "place_terms_changed": "The place terms have changed.",
    "legs_conflict": "Two legs are on the same event.",
    "stake_below_min": "The stake is below the least stake.",
    "payout_above_max": "The payout would be above the largest payout.",
    "liability_exceeded": "The house takes no more on this selection now.",
    "stake_above_max": "The stake is above what the house takes here.",
    "repeated_bet": "This bet was placed here a moment ago.",
    "player_limit": "This account has won its share of chances here for today.",
    "free_bet_unknown": "There is no such free bet.",
    "free_bet_used": "This free bet was used.",
    "free_bet_expired": "This free bet has expired.",
    "free_bet_stake": "The stake is the free bet's whole amount.",
    "free_bet_kind": "This free bet is not for this kind of bet.",
    "free_bet_sport": "This free bet is not for this sport.",
    "free_bet_price": "This free bet asks for higher prices.",
    "insufficient_funds": "The balance is smaller than the stake.",
}


# What of a slip each refusal is about, and each bound that it may break: of a leg that is named it
# is one of the leg's own fields. What the house or the account is refused for is about none
# (test: every refusal of a slip names its field).
_OF_LEG: Final[Mapping[str, str]] = {
    "odds_out_of_range": "price",
    "unknown_selection": "selection_id",
    "event_started": "selection_id",
    "score_changed": "selection_id",
    "line_passed": "selection_id",
    "feed_stale": "selection_id",
    "market_suspended": "selection_id",
    "market_closed": "selection_id",
    "price_changed": "price",
    "price_out_of_range": "price",
    "invalid_number": "price",
    "market_changed": "offer_version",
    "version_out_of_range": "offer_version",
    "no_place_terms": "place_terms",
    "place_terms": "place_terms",
    "place_terms_changed": "place_terms",
}
_OF_SLIP: Final[Mapping[str, str]] = {
    "too_few_legs": "legs",
    "too_many_legs": "legs",
    "legs_conflict": "legs",
    "repeated_bet": "legs",
    "invalid_size": "sizes",
    "invalid_number": "stake",
    "stake_out_of_range": "stake",
    "stake_below_min": "stake",
    "stake_above_max": "stake",
    "payout_above_max": "stake",
    "liability_exceeded": "stake",
    "player_limit": "stake",
    "insufficient_funds": "stake",
    "tolerance_out_of_range": "tolerance_bps",
    "free_bet_unknown": "free_bet_id",
    "free_bet_used": "free_bet_id",
    "free_bet_expired": "free_bet_id",
    "free_bet_stake": "stake",
    "free_bet_kind": "free_bet_id",
    "free_bet_sport": "free_bet_id",
    "free_bet_price": "free_bet_id",
    "free_bet_each_way": "each_way",
}


def field(code: str, leg: int | None = None) -> str | None:
    """What of the slip a refusal is about, `leg` being counted from 1; None for nothing of it."""
    of_leg = _OF_LEG.get(code)
    if of_leg is not None and leg is not None:
        return f"legs/{leg - 1}/{of_leg}"
    return _OF_SLIP.get(code) or (of_leg and "legs")


class SaidLeg(Protocol):
    """A leg as it was sent."""

    @property
    def price(self) -> str | None: ...

    @property
    def place_terms(self) -> str | None: ...


def stake_out_of_range(lines: int, most_minor: int) -> Invalid:
    """The refusal of a stake below a minor unit a line, or above any. `explain` says both."""
    facts = {"stake_min_minor": lines, "stake_max_minor": most_minor}
    return Invalid("this stake is out of range", code="stake_out_of_range", facts=facts)


def check_terms(terms: str | None, *, each_way: bool) -> None:
    """Raises Invalid `place_terms` for what are none, and for those of a leg that has none."""
    if terms is None:
        return
    if not each_way:
        raise Invalid("only a leg each way has place terms", code="place_terms")
    place_terms.parse(terms)


def explain(
    error: Invalid, legs: Sequence[SaidLeg], currency: str, *, each_way: bool, by_line: bool
) -> None:
    """Let an error say what it is about of the slip as it was sent, of several legs the first at
    fault, and a stake's bounds as the stake was asked."""
    error.field = error.field or field(error.code, _at_fault(error.code, legs, each_way))
    if error.code == "stake_out_of_range":
        lines = int(str(error.facts["stake_min_minor"]))
        units = lines if by_line else 2 if each_way else 1
        error.facts = bounds({**error.facts, "currency": currency}, lines, units)
        least, most = error.facts["stake_min"], error.facts["stake_max"]
        error.detail = f"A stake is from {least} to {most} {currency}."


def _at_fault(code: str, legs: Sequence[SaidLeg], each_way: bool) -> int | None:
    """The first leg that is refused so, from 1."""
    for n, leg in enumerate(legs, start=1):
        try:
            if leg.price is not None:
                price.parse_decimal(leg.price)
            check_terms(leg.place_terms, each_way=each_way)
        except Invalid as error:
            if error.code == code:
                return n
    return None


def bounds(answer: Mapping[str, Any], lines: int = 1, units: int = 1) -> dict[str, object]:
    """What a player needs to ask again, as texts: the leg, the prices now, the bounds.

    `lines` share the stake; asked by `units` of them, the bounds of the stake are a unit's. A most
    that is below the least that may be staked is not said: nobody could stake it.
    """
    said = ("leg", "legs_min", "legs_max", "offer_versions", "place_terms")
    found: dict[str, object] = {name: answer[name] for name in said if name in answer}
    if "prices_e4" in answer:
        found["prices"] = [price.to_text(price_e4) for price_e4 in answer["prices_e4"]]
    for name in ("price_min", "price_max"):
        if f"{name}_e4" in answer:
            found[name] = price.to_text(answer[f"{name}_e4"])
    for name, minor in _amounts(answer, lines, units).items():
        found[name] = money.to_text(minor, answer["currency"])
    return found


def _amounts(answer: Mapping[str, Any], lines: int, units: int) -> dict[str, int]:
    """The amounts that an answer names, minor units; those of the stake are a unit's."""
    least = max(answer.get("stake_least_minor", 0), lines)
    found: dict[str, int] = {}
    if "stake_minor" in answer:
        found["stake"] = answer["stake_minor"]
    if "stake_min_minor" in answer:
        found["stake_min"] = -(-answer["stake_min_minor"] // units)
    most = answer.get("stake_max_minor", 0) // units
    if most >= -(-least // units):
        found["stake_max"] = most
    if "payout_max_minor" in answer:
        found["payout_max"] = answer["payout_max_minor"]
    return found
