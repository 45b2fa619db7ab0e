"""The exchange's words in ours: sports by their number, markets by their type, runners as sides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

SPORTS: Final[Mapping[str, str]] = {
    "1": "football",
    "2": "tennis",
    "4": "cricket",
    "5": "rugby",
    "6": "boxing",
    "1477": "rugby_league",
    "3503": "darts",
    "6422": "snooker",
    "6423": "american_football",
    "7511": "baseball",
    "7522": "basketball",
    "7524": "ice_hockey",
    "26420387": "mma",
    "468328": "handball",
    "998917": "volleyball",
}

_HOME_AWAY: Final = ("home", "away")
# Runners by their place in the market, the first of them first.
_PLACES: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = {
    "MATCH_ODDS": ("1x2", "ft", ("home", "away", "draw")),
    "HALF_TIME": ("1x2", "ht", ("home", "away", "draw")),
    "DRAW_NO_BET": ("draw_no_bet", "ft", _HOME_AWAY),
    "BOTH_TEAMS_TO_SCORE": ("both_teams_to_score", "ft", ("yes", "no")),
    "DOUBLE_CHANCE": ("double_chance", "ft", ("1X", "X2", "12")),
    "ASIAN_HANDICAP": ("asian_handicap", "ft", _HOME_AWAY),
    "ALT_TOTAL_GOALS": ("total", "ft", ("under", "over")),
}
_GOALS: Final = re.compile(r"(OVER_UNDER|FIRST_HALF_GOALS)_([0-9])5")
_UNDER_OVER: Final = ("under", "over")
_PLACE: Final = ("1", "2", "3")
_WORDS: Final[Mapping[str, str]] = {
    "the draw": "draw",
    "draw": "draw",
    "yes": "yes",
    "no": "no",
    "home or draw": "1X",
    "draw or away": "X2",
    "home or away": "12",
}
# Of these every match is called "A v B".
_ALWAYS_V: Final = frozenset({"football", "tennis", "cricket", "rugby", "rugby_league"})
# "A v B" is at home with A, "A @ B" with B.
_AT_HOME_FIRST: Final = (" v ", " vs ")
_AT_HOME_LAST: Final = " @ "


@dataclass(frozen=True, slots=True)
class Question:
    """What a market asks; `sides` by the runner's place, `line` where its type says it.

    With `lined` each runner brings the line of its own side.
    """

    market_type: str
    period: str
    sides: tuple[str, ...]
    line: str = ""
    lined: bool = False


@lru_cache(maxsize=1_024)
def question_of(sport: str, market_type: str, runners: int) -> Question | None:
    """The question of a market type; None where it is none of ours."""
    goals = _GOALS.fullmatch(market_type)
    if goals is not None and sport == "football":
        period = "ft" if goals[1] == "OVER_UNDER" else "ht"
        return Question("total", period, _UNDER_OVER, f"{goals[2]}.5")
    found = _PLACES.get(market_type)
    if found is None:
        return None
    ours, period, sides = found
    if market_type == "MATCH_ODDS" and runners == len(_HOME_AWAY):
        return Question("moneyline", "final", _HOME_AWAY)
    if sport != "football" and market_type != "MATCH_ODDS":
        return None
    return Question(ours, period, sides, lined=ours in ("asian_handicap", "total"))


def teams_of(event_name: str) -> tuple[str, str] | None:
    """(home, away) of an event's name; None for an event that is no match of two."""
    for between in _AT_HOME_FIRST:
        home, found, away = event_name.partition(between)
        if found:
            return home, away
    away, found, home = event_name.partition(_AT_HOME_LAST)
    return (home, away) if found else None


def is_placed(sport: str, event_name: str) -> bool:
    """Whether the first runner of a match is the one at home."""
    if not event_name:
        return sport in _ALWAYS_V
    return any(between in event_name for between in _AT_HOME_FIRST)


def side_of(question: Question, name: str, place: str, teams: tuple[str, str] | None) -> str | None:
    """The side a runner stands for: by its name where it has one, else by its `place`.

    A market whose runners bring lines has each of them at many places, so there names alone count.
    """
    folded = name.casefold()
    if folded:
        if teams is not None and folded in (team.casefold() for team in teams):
            return "home" if folded == teams[0].casefold() else "away"
        first = folded.partition(" ")[0]
        return first if first in _UNDER_OVER else _WORDS.get(folded)
    if question.lined or place not in _PLACE:
        return None
    index = _PLACE.index(place)
    return question.sides[index] if index < len(question.sides) else None
