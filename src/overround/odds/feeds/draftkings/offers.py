"""Which question of ours an offer asks, by its label, and which answer an outcome is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from overround.odds.feeds import american
from overround.odds.feeds.american import Question

# The site's number of a sport -> ours; and its name, where the number is not told.
SPORTS: Final[Mapping[str, str]] = {
    "1": "football",
    "2": "basketball",
    "3": "american_football",
    "6": "tennis",
    "7": "baseball",
    "8": "ice_hockey",
    "11": "rugby_league",
    "12": "golf",
    "13": "snooker",
    "15": "darts",
    "20": "boxing",
    "35": "rugby",
    "41": "aussie_rules",
    "43": "mma",
    "59": "cricket",
    "245": "lacrosse",
}
SPORT_NAMES: Final[Mapping[str, str]] = {
    "aussie rules": "aussie_rules",
    "baseball": "baseball",
    "basketball": "basketball",
    "boxing": "boxing",
    "cricket": "cricket",
    "darts": "darts",
    "football": "american_football",
    "golf": "golf",
    "hockey": "ice_hockey",
    "lacrosse": "lacrosse",
    "mma": "mma",
    "rugby league": "rugby_league",
    "rugby union": "rugby",
    "snooker": "snooker",
    "soccer": "football",
    "tennis": "tennis",
}

_WINNERS: Final = frozenset(
    {"moneyline", "full-time result", "match result", "moneyline (regular time)", "to win"}
)
_TYPES: Final[Mapping[str, str]] = {
    "spread": "asian_handicap",
    "point spread": "asian_handicap",
    "run line": "asian_handicap",
    "puck line": "asian_handicap",
    "alternate spread": "asian_handicap",
    "alternate run line": "asian_handicap",
    "alternate puck line": "asian_handicap",
    "total": "total",
    "totals": "total",
    "total points": "total",
    "total runs": "total",
    "total goals": "total",
    "alternate total": "total",
    "alternate total points": "total",
    "alternate total runs": "total",
    "alternate total goals": "total",
    "both teams to score": "both_teams_to_score",
    "draw no bet": "draw_no_bet",
}
_WORDS: Final = {"over": "over", "under": "under", "yes": "yes", "no": "no"}
_DRAWS: Final = frozenset({"draw", "tie"})
_TEAMS: Final = frozenset({"1x2", "moneyline", "asian_handicap", "draw_no_bet"})


@lru_cache(maxsize=4_096)
def question(sport: str, label: str, category: str, drawn: bool) -> Question | None:
    """What an offer asks; None where it has no place with us.

    The label says which part of the match it is about. Where it does not and its category does,
    it may be about any part, and is left alone.
    """
    words = label.casefold()
    part = american.part_of(words, sport)
    if part is None or (not part and american.part_of(category.casefold(), sport) != ""):
        return None
    plain = american.without_part(words)
    return american.question(plain, part, sport, drawn, _WINNERS, _TYPES)


def side(asked: Question, names: tuple[str, ...], home: str, away: str) -> str | None:
    """Our side for an outcome that is called by one of `names`."""
    for name in names:
        if asked.market_type not in _TEAMS:
            found = _WORDS.get(name.casefold())
        elif name in (home, away):
            found = "home" if name == home else "away"
        else:
            is_draw = name.casefold() in _DRAWS and asked.market_type == "1x2"
            found = "draw" if is_draw else None
        if found is not None:
            return found
    return None
