"""Which question of ours each market of the provider asks. An id means something else in every
sport (22607 is "win to nil" in soccer and "odd or even" in basketball), so the key is both.

What is not here is counted and left alone: props on players, markets whose answers are no fixed
set, three-way totals, and those whose name leaves open what they are settled by (second halves of
American football, which books settle with overtime; cards, which they count differently).

Whether overtime counts is the provider's usage, checked against its own prices: in ice hockey the
totals agree with a correct score that knows no draws, so they include it, and only what is named
"Reg Time" or has a draw among its answers does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from overround.core.line import QUARTERS

# The provider's word for a sport -> ours.
SPORTS: Final[Mapping[str, str]] = {
    "soccer": "football",
    "basketball": "basketball",
    "basket": "basketball",
    "tennis": "tennis",
    "hockey": "ice_hockey",
    "handball": "handball",
    "volleyball": "volleyball",
    "football": "american_football",
    "baseball": "baseball",
    "cricket": "cricket",
    "rugby": "rugby",
    "rugbyleague": "rugby_league",
    "boxing": "boxing",
    "esports": "esports",
    "futsal": "futsal",
    "mma": "mma",
    "table_tennis": "table_tennis",
    "golf": "golf",
    "darts": "darts",
}

_RESULTS: Final = ("home", "draw", "away")
_RESULT: Final = {word: word for word in _RESULTS}
_HOME_AWAY: Final = {"home": "home", "away": "away"}
_OVER_UNDER: Final = {"over": "over", "under": "under"}
_YES_NO: Final = {"yes": "yes", "no": "no"}
_ODD_EVEN: Final = {"odd": "odd", "even": "even"}
_SCORES_NEXT: Final = {"home": "home", "draw": "none", "away": "away"}

# Market type -> the provider's name of an answer, folded -> ours.
_SIDES: Final[Mapping[str, Mapping[str, str]]] = {
    "1x2": _RESULT,
    "handicap_1x2": _RESULT,
    "moneyline": _HOME_AWAY,
    "draw_no_bet": _HOME_AWAY,
    "to_qualify": _HOME_AWAY,
    "asian_handicap": _HOME_AWAY,
    "double_chance": {"home/draw": "1X", "draw/away": "X2", "home/away": "12"},
    "total": _OVER_UNDER,
    "home_total": _OVER_UNDER,
    "away_total": _OVER_UNDER,
    "both_teams_to_score": _YES_NO,
    "home_clean_sheet": _YES_NO,
    "away_clean_sheet": _YES_NO,
    "odd_even": _ODD_EVEN,
    "home_odd_even": _ODD_EVEN,
    "away_odd_even": _ODD_EVEN,
    "half_time_full_time": {
        f"{half}/{full}": f"{half}/{full}" for half in _RESULTS for full in _RESULTS
    },
    "result_and_both_score": {
        f"{result}/{both}": f"{result}/{both}" for result in _RESULTS for both in _YES_NO
    },
    "result_and_total": {
        f"{result}/{side}": f"{result}/{side}" for result in _RESULTS for side in _OVER_UNDER
    },
    "highest_scoring_half": {"1st half": "1h", "draw": "draw", "2nd half": "2h"},
    "nth_goal": _SCORES_NEXT,
    "last_goal": _SCORES_NEXT,
}
_LINED: Final = frozenset(
    {"asian_handicap", "handicap_1x2", "total", "home_total", "away_total", "result_and_total"}
)


@dataclass(frozen=True, slots=True)
class Question:
    """What a market asks: our type and period; `line_q4` where its name says the line."""

    market_type: str
    period: str
    line_q4: int | None = None

    @property
    def lined(self) -> bool:
        """Whether each group of its selections brings a line."""
        return self.market_type in _LINED

    def side(self, name: str, home: str, away: str) -> str | None:
        """Our side for the name of an answer, in which the teams may stand by their own names."""
        sides = _SIDES[self.market_type]
        folded = name.casefold()
        found = sides.get(folded)
        if found is not None:
            return found
        teams = {"home": home.casefold(), "away": away.casefold()}
        for word, side in sides.items():
            if folded == "/".join(teams.get(part, part) for part in word.split("/")):
                return side
        return None


def _ask(market_type: str, period: str, line_q4: int | None = None) -> Question:
    return Question(market_type, period, line_q4)


_SOCCER: Final = {
    "1": _ask("1x2", "ft"),
    "2": _ask("draw_no_bet", "ft"),
    "3": _ask("1x2", "2h"),
    "4": _ask("asian_handicap", "ft"),
    "5": _ask("total", "ft"),
    "6": _ask("total", "ht"),
    "7": _ask("total", "2h"),
    "12": _ask("half_time_full_time", "ft"),
    "13": _ask("home_clean_sheet", "ft"),
    "14": _ask("away_clean_sheet", "ft"),
    "15": _ask("both_teams_to_score", "ft"),
    "79": _ask("handicap_1x2", "ft"),
    "91": _ask("highest_scoring_half", "ft"),
    "222": _ask("double_chance", "ft"),
    "2102": _ask("1x2", "ht"),
    "2224": _ask("nth_goal", "ft", line_q4=QUARTERS),
    "2225": _ask("last_goal", "ft"),
    "22124": _ask("home_total", "ft"),
    "22125": _ask("away_total", "ft"),
    "22600": _ask("handicap_1x2", "ht"),
    "22601": _ask("asian_handicap", "ht"),
    "22602": _ask("double_chance", "ht"),
    "22604": _ask("both_teams_to_score", "ht"),
    "22605": _ask("both_teams_to_score", "2h"),
    "22608": _ask("odd_even", "ft"),
    "22609": _ask("odd_even", "ht"),
    "22610": _ask("home_odd_even", "ft"),
    "22611": _ask("away_odd_even", "ft"),
    "22618": _ask("to_qualify", "final"),
    "22620": _ask("result_and_both_score", "ft"),
    "22621": _ask("result_and_total", "ft"),
    "22627": _ask("1x2", "corners"),
    "22644": _ask("total", "corners"),
    "22713": _ask("odd_even", "2h"),
    "22836": _ask("total", "ft"),
    "22837": _ask("total", "ht"),
    "22841": _ask("asian_handicap", "corners"),
    "22842": _ask("home_total", "corners"),
    "22843": _ask("away_total", "corners"),
    "22956": _ask("result_and_total", "ht"),
    "23681": _ask("handicap_1x2", "corners"),
}
# Halves and quarters of the sports that have them are numbered alike.
_QUARTERED: Final = {
    "6": _ask("total", "ht"),
    "2102": _ask("1x2", "ht"),
    "22601": _ask("asian_handicap", "ht"),
    "22602": _ask("double_chance", "ht"),
    "22604": _ask("asian_handicap", "q4"),
    "22609": _ask("odd_even", "ht"),
    "22614": _ask("1x2", "q1"),
    "22615": _ask("1x2", "q2"),
    "22616": _ask("1x2", "q3"),
    "22617": _ask("1x2", "q4"),
    "22646": _ask("total", "q1"),
    "22647": _ask("total", "q2"),
    "22648": _ask("total", "q3"),
    "22649": _ask("total", "q4"),
    "22661": _ask("asian_handicap", "q1"),
    "22678": _ask("moneyline", "ht"),
    "22680": _ask("moneyline", "q1"),
    "22681": _ask("moneyline", "q2"),
    "22682": _ask("moneyline", "q3"),
    "22683": _ask("moneyline", "q4"),
    "22699": _ask("home_total", "ht"),
    "22700": _ask("away_total", "ht"),
    "22704": _ask("home_total", "q1"),
    "22705": _ask("away_total", "q1"),
    "22714": _ask("double_chance", "q1"),
    "22741": _ask("odd_even", "q1"),
    "22743": _ask("odd_even", "q2"),
    "22744": _ask("odd_even", "q3"),
    "22745": _ask("odd_even", "q4"),
    "23368": _ask("asian_handicap", "q2"),
    "23369": _ask("asian_handicap", "q3"),
}
_WHOLE_EVENT: Final = {
    "2": _ask("moneyline", "final"),
    "4": _ask("asian_handicap", "final"),
    "5": _ask("total", "final"),
}
_WITH_OVERTIME: Final = {
    "22607": _ask("odd_even", "final"),
    "22871": _ask("home_total", "final"),
    "22872": _ask("away_total", "final"),
    "22925": _ask("home_odd_even", "final"),
    "22926": _ask("away_odd_even", "final"),
}
_BASKETBALL: Final = {
    **_WHOLE_EVENT,
    **_QUARTERED,
    **_WITH_OVERTIME,
    "22956": _ask("result_and_total", "ht"),
}
_AMERICAN_FOOTBALL: Final = {
    **_WHOLE_EVENT,
    **_QUARTERED,
    "1": _ask("1x2", "ft"),
    "12": _ask("half_time_full_time", "ft"),
    "22124": _ask("home_total", "final"),
    "22125": _ask("away_total", "final"),
    "22608": _ask("odd_even", "final"),
}
_HOCKEY: Final = {
    **_WHOLE_EVENT,
    **_WITH_OVERTIME,
    "1": _ask("1x2", "ft"),
    "79": _ask("handicap_1x2", "ft"),
    "222": _ask("double_chance", "ft"),
    "22623": _ask("total", "p1"),
    "22683": _ask("1x2", "p1"),
    "22685": _ask("both_teams_to_score", "p1"),
    "22687": _ask("asian_handicap", "p1"),
    "22689": _ask("double_chance", "p1"),
    "22754": _ask("home_total", "p1"),
    "22755": _ask("away_total", "p1"),
    "22781": _ask("moneyline", "p1"),
    "22966": _ask("handicap_1x2", "p1"),
    "22977": _ask("draw_no_bet", "ft"),
    "22979": _ask("asian_handicap", "ft"),
}
_BASEBALL: Final = {
    **_WHOLE_EVENT,
    **_WITH_OVERTIME,
    "22633": _ask("total", "i1_5"),
    "22634": _ask("1x2", "i1"),
    "22640": _ask("asian_handicap", "i1_5"),
    "22722": _ask("total", "i1"),
    "22742": _ask("total", "i1_7"),
    "22775": _ask("total", "i1_3"),
    "22776": _ask("asian_handicap", "i1_3"),
    "22908": _ask("asian_handicap", "i1_7"),
}
_TENNIS: Final = {
    "2": _ask("moneyline", "final"),
    "22124": _ask("home_total", "final"),
    "22125": _ask("away_total", "final"),
    "22608": _ask("odd_even", "final"),
    "22624": _ask("total", "final"),
    "22627": _ask("total", "s1"),
    "22628": _ask("moneyline", "s1"),
    "22629": _ask("asian_handicap", "s1"),
    "22631": _ask("asian_handicap", "final"),
}

# Our sport -> the provider's market id -> the question.
QUESTIONS: Final[Mapping[str, Mapping[str, Question]]] = {
    "football": _SOCCER,
    "basketball": _BASKETBALL,
    "american_football": _AMERICAN_FOOTBALL,
    "ice_hockey": _HOCKEY,
    "baseball": _BASEBALL,
    "tennis": _TENNIS,
    "cricket": {"2": _ask("moneyline", "final")},
}
