"""What the export's markets ask, by their key, the sport and the period as the page names it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from overround.odds.feeds.body import Asked

SPORTS: Final[Mapping[str, str]] = {
    "american-football": "american_football",
    "baseball": "baseball",
    "basketball": "basketball",
    "cricket": "cricket",
    "football": "football",
    "handball": "handball",
    "hockey": "ice_hockey",
    "rugby-league": "rugby_league",
    "rugby-union": "rugby",
    "tennis": "tennis",
    "volleyball": "volleyball",
}

_RESULT: Final = {"1": "home", "X": "draw", "2": "away"}
_PLAYERS: Final = {"player_1": "home", "player_2": "away"}
_YES_NO: Final = {"btts_yes": "yes", "btts_no": "no"}
_DOUBLE: Final = {"1X": "1X", "12": "12", "X2": "X2"}
_OVER_UNDER: Final = {"odds_over": "over", "odds_under": "under"}

_PLAIN: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "1x2": ("1x2", _RESULT),
    "home_away": ("moneyline", _RESULT),
    "match_winner": ("moneyline", _PLAYERS),
    "dnb": ("draw_no_bet", _RESULT),
    "btts": ("both_teams_to_score", _YES_NO),
    "double_chance": ("double_chance", _DOUBLE),
}
_TOTAL: Final = re.compile(r"over_under(_games|_sets)?_([0-9]{1,3})(?:_([0-9]{1,2}))?")

_IN_HALVES: Final = {"": "ft", "FullTime": "ft", "FirstHalf": "ht", "SecondHalf": "2h"}
_WITH_QUARTERS: Final = {
    "FullIncludingOT": "final",
    "FullTime": "ft",
    "FirstHalf": "ht",
    "FirstQuarter": "q1",
    "SecondQuarter": "q2",
    "ThirdQuarter": "q3",
    "FourthQuarter": "q4",
}
_PERIODS: Final[Mapping[str, Mapping[str, str]]] = {
    "football": _IN_HALVES,
    "handball": _IN_HALVES,
    "basketball": _WITH_QUARTERS,
    "american_football": _WITH_QUARTERS,
    "ice_hockey": {
        "FullIncludingOT": "final",
        "FullTime": "ft",
        "FirstPeriod": "p1",
        "SecondPeriod": "p2",
        "ThirdPeriod": "p3",
    },
    "baseball": {"FullIncludingOT": "final", "FullTime": "final"},
    "tennis": {"FullTime": "final", "FirstSet": "s1", "SecondSet": "s2"},
}


@lru_cache(maxsize=1_024)
def question_of(sport: str, key: str, period: str) -> tuple[Asked, Mapping[str, str]] | None:
    """(what is asked, side by the key of its price); None for what is none of ours.

    "1X2" with overtime has a draw that cannot be: the page shows regulation time under the other
    name, and what is not sure is left out.
    """
    ours = _PERIODS.get(sport, {}).get(period)
    if ours is None or (key == "1x2" and ours == "final"):
        return None
    plain = _PLAIN.get(key)
    if plain is not None:
        return Asked(plain[0], ours), plain[1]
    total = _TOTAL.fullmatch(key)
    if total is None or (sport == "tennis") != bool(total[1]):
        return None
    line = f"{total[2]}.{total[3] or '0'}"
    return Asked("total_sets" if total[1] == "_sets" else "total", ours, line), _OVER_UNDER
