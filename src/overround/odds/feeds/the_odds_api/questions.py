"""Which question of ours each market key asks, in each sport.

A key is a base and may end in a period ("totals_h1", "h2h_1st_5_innings"). What has no place is
counted: outrights and props (their answers are no fixed set), prices to lay against an answer,
second halves of sports that books settle with overtime, cards (which are counted differently), and
points of sports whose score is not what the points are of (rounds of a fight, runs of an innings).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from overround.core import grading

# The markets of the list of a sport's odds; the others are asked event by event.
FEATURED: Final = ("h2h", "spreads", "totals")

_KEY: Final = re.compile(
    r"(?:alternate_)?(h2h_3_way|h2h|spreads|totals|team_totals|btts|draw_no_bet|double_chance"
    r"|odd_even)(?:_(q[1-4]|h[12]|p[1-3]|1st_[1357]_innings|corners))?"
)
_TYPES: Final[Mapping[str, str]] = {
    "h2h_3_way": "1x2",
    "spreads": "asian_handicap",
    "totals": "total",
    "team_totals": "team_total",
    "btts": "both_teams_to_score",
    "draw_no_bet": "draw_no_bet",
    "double_chance": "double_chance",
    "odd_even": "odd_even",
}
_QUARTERED: Final = frozenset({"basketball", "american_football", "aussie_rules"})
_INNINGS: Final = {
    "1st_1_innings": "i1",
    "1st_3_innings": "i1_3",
    "1st_5_innings": "i1_5",
    "1st_7_innings": "i1_7",
}
# Where spreads and totals are of the score that results tell (in tennis of games).
_SCORED: Final = frozenset(
    {
        "football",
        "handball",
        "basketball",
        "american_football",
        "aussie_rules",
        "ice_hockey",
        "baseball",
        "tennis",
        "rugby",
        "rugby_league",
        "lacrosse",
    }
)
# Sports in which the price of a draw says that overtime does not count.
_OVERTIME: Final = _SCORED - {"tennis"}


@dataclass(frozen=True, slots=True)
class Question:
    """Our market type ("team_total" where the team decides) and period."""

    market_type: str
    period: str


@lru_cache(maxsize=4_096)
def question(sport: str, key: str, drawn: bool) -> Question | None:
    """What `key` asks in `sport`; `drawn` says that a draw is among its answers."""
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    base, part = found[1], found[2] or ""
    period = _period(sport, part)
    if period is None or (base not in ("h2h", "h2h_3_way") and sport not in _SCORED):
        return None
    if base == "h2h":
        return _winner(sport, part, period, drawn)
    market_type = _TYPES[base]
    in_regulation = base in ("h2h_3_way", "draw_no_bet", "double_chance") and sport in _OVERTIME
    return Question(market_type, "ft" if in_regulation and not part else period)


def _winner(sport: str, part: str, period: str, drawn: bool) -> Question:
    """Two answers decide whoever plays on; three are those of regulation time."""
    main = grading.main_market(sport)[0]
    if main == "1x2" or drawn:
        return Question("1x2", "ft" if sport in _OVERTIME and not part else period)
    return Question("moneyline", period)


def _period(sport: str, part: str) -> str | None:
    if not part:
        return grading.main_market(sport)[1]
    if part == "corners":
        return "corners" if sport == "football" else None
    if part == "h1":
        return "ht" if sport in _SCORED - {"tennis", "baseball", "ice_hockey"} else None
    if part == "h2":
        return "2h" if sport in ("football", "handball") else None
    if part[0] == "q":
        return part if sport in _QUARTERED else None
    if part[0] == "p":
        return part if sport == "ice_hockey" else None
    return _INNINGS[part] if sport == "baseball" else None


def side(asked: Question, name: str, home: str, away: str) -> str | None:
    """Our side for the name of an answer, in which the teams stand by their own names."""
    if asked.market_type in ("total", "team_total", "both_teams_to_score", "odd_even"):
        word = name.casefold()
        words = {"both_teams_to_score": ("yes", "no"), "odd_even": ("odd", "even")}
        return word if word in words.get(asked.market_type, ("over", "under")) else None
    if asked.market_type == "double_chance":
        parts = {_team(part.strip(), home, away) for part in name.split(" or ")}
        chances = {("draw", "home"): "1X", ("away", "draw"): "X2", ("away", "home"): "12"}
        known = tuple(sorted(part for part in parts if part))
        return chances.get((known[0], known[1])) if len(known) == 2 else None
    found = _team(name, home, away)
    return None if found == "draw" and asked.market_type != "1x2" else found


def _team(name: str, home: str, away: str) -> str | None:
    if name == home:
        return "home"
    if name == away:
        return "away"
    return "draw" if name == "Draw" else None
