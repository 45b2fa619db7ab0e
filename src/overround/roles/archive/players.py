"""Simulated players: who they are and what they would bet. A pure rule of (model, seed).

The same seed gives the same players, times, selections and stakes, so that a replay that is run
again asks for the same bets.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

# Stakes in multiples of the tenant's least stake, with how often each is chosen.
_STAKES: Final = ((10, 20), (20, 25), (50, 25), (100, 20), (200, 8), (500, 2))
# Which market a player looks at first, with how often.
_MARKETS: Final = (("1x2", 6), ("total", 2), ("asian_handicap", 2))
_COMBO_SHARE: Final = 0.3
_COMBO_LEGS: Final = (2, 3, 4, 5)
# Of combos of three legs and more, how many are systems, where those are played.
_SYSTEM_SHARE: Final = 0.5
# A player's first deposit in multiples of the least stake; some come with little.
_PURSE: Final = 10_000
_SMALL_PURSE: Final = 2_000
_SMALL_PURSE_EVERY: Final = 10
# Weights of sides are this over the price: integers, so that every machine picks alike.
_LIKELY: Final = 10**12
LAST_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Window:
    """When bets on an event can be placed: from its first prices until it starts.

    `event` is the event's place in the caller's list.
    """

    event: int
    opens_at: datetime
    closes_at: datetime
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """That player `player` will place bet number `n` at `at`, having `event` in mind."""

    n: int
    at: datetime
    player: int
    event: int


@dataclass(frozen=True, slots=True)
class Quote:
    """An offer as a player sees it."""

    selection_id: UUID
    market_type: str
    price_e4: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What the player puts on his slip."""

    quotes: tuple[Quote, ...]
    stake_minor: int


def deposit_minor(player: int, stake_min_minor: int) -> int:
    """What player number `player` brings."""
    purse = _SMALL_PURSE if player % _SMALL_PURSE_EVERY == 0 else _PURSE
    return purse * stake_min_minor


def plan(windows: Sequence[Window], bets: int, players: int, seed: int) -> list[Plan]:
    """When `bets` bets are placed, in order of time: every other one in the last hour.

    The others fall between the opening and the closing prices; where an event has no time between
    them, everything falls between its only prices and the start.
    """
    plans: list[Plan] = []
    for n in range(bets) if windows else ():
        rng = random.Random(f"{seed}:plan:{n}")  # noqa: S311 (a simulation, not a secret)
        window = windows[rng.randrange(len(windows))]
        late_from = max(window.opens_at, window.starts_at - LAST_HOUR)
        first, last = (
            (window.opens_at, window.closes_at) if n % 2 == 0 else (late_from, window.closes_at)
        )
        if first >= last:
            first, last = max(window.opens_at, window.closes_at), window.starts_at
        offset_us = int((last - first) / timedelta(microseconds=1) * rng.random())
        at = first + timedelta(microseconds=offset_us)
        plans.append(Plan(n, at, rng.randrange(players), window.event))
    plans.sort(key=lambda p: (p.at, p.n))
    return plans


def wish(
    n: int,
    event: int,
    open_events: Sequence[int],
    quotes_of: Callable[[int], Sequence[Quote]],
    stake_min_minor: int,
    seed: int,
) -> Wish | None:
    """What the player of bet `n` puts on his slip; None when nothing is offered on the event.

    `open_events` are the events that could be added to a combo, `quotes_of` what is laid on one.
    """
    rng = random.Random(f"{seed}:wish:{n}")  # noqa: S311 (a simulation, not a secret)
    first = _pick(rng, quotes_of(event))
    if first is None:
        return None
    quotes = [first]
    if rng.random() < _COMBO_SHARE and len(open_events) > 1:
        wanted = rng.choice(_COMBO_LEGS)
        others = rng.sample(open_events, min(len(open_events), 2 * wanted))
        for other in others:
            if len(quotes) == wanted:
                break
            quote = _pick(rng, quotes_of(other)) if other != event else None
            if quote is not None:
                quotes.append(quote)
    (multiple,) = rng.choices([m for m, _ in _STAKES], [often for _, often in _STAKES])
    return Wish(tuple(quotes), multiple * stake_min_minor)


def sizes(n: int, legs: int, seed: int) -> tuple[int, ...] | None:
    """The sizes of the system that bet `n` is, where it is one: one size, or all from it on."""
    rng = random.Random(f"{seed}:system:{n}")  # noqa: S311 (a simulation, not a secret)
    if legs < _COMBO_LEGS[1] or rng.random() >= _SYSTEM_SHARE:
        return None
    least = rng.randrange(1, legs)
    return tuple(range(least, legs + 1)) if rng.random() < _SYSTEM_SHARE else (least,)


def _pick(rng: random.Random, quotes: Sequence[Quote]) -> Quote | None:
    """One offer, the market by habit and the side by what it is thought likely to be."""
    by_market: dict[str, list[Quote]] = {}
    for quote in quotes:
        by_market.setdefault(quote.market_type, []).append(quote)
    habits: Mapping[str, int] = {m: often for m, often in _MARKETS if m in by_market}
    if not habits:
        return None
    (market_type,) = rng.choices(list(habits), list(habits.values()))
    choices = by_market[market_type]
    return rng.choices(choices, [_LIKELY // quote.price_e4 for quote in choices])[0]
