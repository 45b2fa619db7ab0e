"""What the players of the demonstration do: pure rules of a seeded `random.Random` and of what a
site has shown them. They read the board like anybody, want what is likely, and err now and then."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from overround.core import grading, money, price

# One euro or a hundred yen: two currencies whose players would not be told apart by their stakes.
UNIT_MINOR: Final = 100
# With less than this a player pays in, one of these.
LOW_MINOR: Final = 20 * UNIT_MINOR
_DEPOSITS: Final = (100, 200, 500)

# Stakes in units, with how often each is chosen.
_STAKES: Final = ((1, 25), (2, 25), (5, 25), (10, 15), (20, 8), (50, 2))
# Which market a player looks at first; one that is not named has weight 1.
_HABITS: Final[Mapping[str, int]] = {"1x2": 6, "moneyline": 6, "total": 3, "asian_handicap": 3}
_COMBO_SHARE: Final = 0.3
_COMBO_LEGS: Final = (2, 2, 3, 4)
_POLICIES: Final[Sequence[tuple[OddsPolicy, int, int]]] = (
    ("any", 0, 40), ("higher", 0, 20), ("higher", 100, 10), ("higher", 500, 20), ("none", 0, 10),
)  # fmt: skip
_MISTAKES: Final[Sequence[tuple[Mistake, int]]] = (
    (None, 95), ("too_large", 2), ("too_small", 1), ("same_event", 2),
)  # fmt: skip
_LOOK_SHARE: Final = 0.06
# How often a player opens the page of an event before he bets on it; else the board will do.
_OPEN_SHARE: Final = 0.15
_EACH_WAY_SHARE: Final = 0.5
# Weights of sides are this over the price: integers, so that every machine picks alike.
_LIKELY: Final = 10**12

_PAUSE_FIRST_S: Final = 0.1
_PAUSE_MOST_S: Final = 1.5

OddsPolicy = Literal["none", "higher", "any"]
Mistake = Literal["too_large", "too_small", "same_event"] | None


@dataclass(frozen=True, slots=True)
class Choice:
    """An open selection and its price, as text to send back and as number to think with."""

    selection_id: str
    market: str
    price: str
    price_e4: int


@dataclass(frozen=True, slots=True)
class Shown:
    """An event, its start and what can be bet on it, as a site showed it."""

    event_id: str
    starts_at: datetime
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a player is about to do: on which events (places in the board's order), and how."""

    places: tuple[int, ...]
    odds_policy: OddsPolicy
    tolerance_bps: int
    stake_minor: int
    mistake: Mistake


def shown(item: Mapping[str, Any]) -> Shown:
    """An event of `/board` or `/events/{id}/markets`: what is open on it."""
    choices = tuple(
        Choice(one["selection_id"], market["market"], one["price"], _price_e4(one["price"]))
        for market in item["markets"]
        for one in market["selections"]
        if one["state"] == "open"
    )
    return Shown(item["id"], datetime.fromisoformat(item["starts_at"]), choices)


def wants_look(rng: random.Random) -> bool:
    """Whether the player looks at his bets and balance before he goes on."""
    return rng.random() < _LOOK_SHARE


def opens_event(rng: random.Random) -> bool:
    """Whether the player opens the page of an event that he is about to bet on."""
    return rng.random() < _OPEN_SHARE


def deposit_minor(rng: random.Random) -> int:
    """What a player pays in when he is low."""
    return rng.choice(_DEPOSITS) * UNIT_MINOR


def plan(rng: random.Random, events: int, cash_minor: int) -> Plan | None:
    """What a player with `cash_minor` has in mind, `events` being on the board; None without any.

    The sooner an event starts, the more it is bet on.
    """
    if events == 0:
        return None
    (policy,) = rng.choices(_POLICIES, [often for *_, often in _POLICIES])
    (multiple,) = rng.choices([m for m, _ in _STAKES], [often for _, often in _STAKES])
    mistakes: list[Mistake] = [mistake for mistake, _ in _MISTAKES]
    (mistake,) = rng.choices(mistakes, [often for _, often in _MISTAKES])
    wanted = rng.choice(_COMBO_LEGS) if rng.random() < _COMBO_SHARE else 1
    places: list[int] = []
    # Twice as many tries as legs: two may fall on one place, and a short combo is a combo too.
    for _ in range(1 if wanted == 1 else 2 * wanted):
        place = int(events * rng.random() ** 2)
        if place not in places and len(places) < wanted:
            places.append(place)
    stake_minor = multiple * UNIT_MINOR
    if mistake == "too_large":
        stake_minor = cash_minor + stake_minor
    elif mistake == "too_small":
        stake_minor = 1
    return Plan(tuple(places), policy[0], policy[1], stake_minor, mistake)


def slip(
    rng: random.Random, asked: Plan, events: Sequence[Shown], currency: str
) -> dict[str, Any] | None:
    """The body of the slip, or None when nothing is open on the events that were wanted."""
    legs: list[Choice] = []
    for event in events:
        choice = _pick(rng, event.choices)
        if choice is not None:
            legs.append(choice)
            if asked.mistake == "same_event":
                legs.append(rng.choice(event.choices))
    if not legs:
        return None
    # Whoever bets on races alone does so each way as often as not.
    on_races = all(leg.market == grading.CONTEST for leg in legs)
    return {
        "legs": [{"selection_id": leg.selection_id, "price": leg.price} for leg in legs],
        "each_way": on_races and rng.random() < _EACH_WAY_SHARE,
        "stake": money.to_text(asked.stake_minor, currency),
        "odds_policy": asked.odds_policy,
        "tolerance_bps": asked.tolerance_bps,
    }


def pause_s(rng: random.Random, failures: int) -> float:
    """How long to wait after so many failures in a row: longer each time, never all together."""
    longest_s = min(_PAUSE_FIRST_S * 2 ** min(failures, 10), _PAUSE_MOST_S)
    return longest_s * (0.5 + 0.5 * rng.random())


def _pick(rng: random.Random, choices: Sequence[Choice]) -> Choice | None:
    """One selection, its market by habit and its side by what it is thought likely to be."""
    by_market: dict[str, list[Choice]] = {}
    for choice in choices:
        by_market.setdefault(choice.market, []).append(choice)
    if not by_market:
        return None
    (market,) = rng.choices(list(by_market), [_HABITS.get(name, 1) for name in by_market])
    sides = by_market[market]
    return rng.choices(sides, [_LIKELY // side.price_e4 for side in sides])[0]


def _price_e4(text: str) -> int:
    return price.parse_decimal(text)
