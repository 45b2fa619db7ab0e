"""Which question of ours each market type asks. A type is a part of the match and what is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from overround.core import grading
from overround.odds.feeds import american
from overround.odds.feeds.american import Question

# The site's name of a sport, folded -> ours.
SPORTS: Final[Mapping[str, str]] = {
    "american football": "american_football",
    "aussie rules": "aussie_rules",
    "baseball": "baseball",
    "basketball": "basketball",
    "boxing": "boxing",
    "cricket": "cricket",
    "darts": "darts",
    "golf": "golf",
    "handball": "handball",
    "ice hockey": "ice_hockey",
    "lacrosse": "lacrosse",
    "mixed martial arts": "mma",
    "mma": "mma",
    "rugby league": "rugby_league",
    "rugby union": "rugby",
    "snooker": "snooker",
    "soccer": "football",
    "table tennis": "table_tennis",
    "tennis": "tennis",
    "volleyball": "volleyball",
}
_WINNERS: Final = frozenset(
    {"money line", "moneyline", "winner", "match betting", "match result", "win-draw-win"}
)
_TYPES: Final[Mapping[str, str]] = {
    "match handicap": "asian_handicap",
    "handicap": "asian_handicap",
    "handicap wnba": "asian_handicap",
    "alternate handicap": "asian_handicap",
    "alternate handicaps": "asian_handicap",
    "run line": "asian_handicap",
    "puck line": "asian_handicap",
    "spread": "asian_handicap",
    "total points": "total",
    "total runs": "total",
    "total goals": "total",
    "alternate total points": "total",
    "alternate total runs": "total",
    "alternate total goals": "total",
    "home team total": "home_total",
    "home team total points": "home_total",
    "home team total runs": "home_total",
    "home team total goals": "home_total",
    "home team alt total pts": "home_total",
    "home team alternate total points": "home_total",
    "away team total": "away_total",
    "away team total points": "away_total",
    "away team total runs": "away_total",
    "away team total goals": "away_total",
    "away team alt total pts": "away_total",
    "away team alternate total points": "away_total",
    "total points odd/even": "odd_even",
    "points odd/even": "odd_even",
    "both teams to score": "both_teams_to_score",
    "draw no bet": "draw_no_bet",
}
# How many answers there are, which the runners say too.
_WAYS: Final = re.compile(r" \((?:2-way|3-way|over/under)\)\.?$")
_SIDES: Final = {
    "home": "home",
    "away": "away",
    "draw": "draw",
    "tie": "draw",
    "over": "over",
    "under": "under",
    "yes": "yes",
    "no": "no",
    "odd": "odd",
    "even": "even",
}


@lru_cache(maxsize=4_096)
def question(sport: str, market_type: str, drawn: bool) -> Question | None:
    """What a market asks; None where it has no place with us."""
    words = market_type.replace("_", " ").casefold()
    part = american.part_of(words, sport)
    if part is None:
        return None
    plain = _WAYS.sub("", american.without_part(words))
    return american.question(plain, part, sport, drawn, _WINNERS, _TYPES)


def side(asked: Question, result: str, name: str, home: str, away: str) -> str | None:
    """Our side for a runner, by what it says of itself and by its name; None where they disagree
    (test: a runner whose name is the other team is refused)."""
    named = {home: "home", away: "away"}.get(name)
    said = _SIDES.get(result.casefold()) or named or _SIDES.get(name.partition(" ")[0].casefold())
    if named is not None and said != named:
        return None
    return said if said in grading.sides(asked.market_type) else None
