"""The XML's words for markets and answers, in those of the JSON.

The same numbers mean other markets and other bookmakers there (18 is Pinnacle here and Unibet
there), so names count. Answers of a handicap each say their own side's line; a draw's is the home
side's, which their booksums show.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from overround.odds.feeds import body as bodies
from overround.odds.feeds.goalserve import tree
from overround.odds.feeds.goalserve.tree import Answer, Group, Node

# The name of a market -> its number in the JSON, of football.
_MARKETS: Final[Mapping[str, str]] = {
    "3Way Result": "1",
    "Home/Away": "2",
    "3Way Result 2nd Half": "3",
    "Handicap": "4",
    "Over/Under": "5",
    "Over/Under 1st Half": "6",
    "Over/Under 2nd Half": "7",
    "HT/FT Double": "12",
    "Both Teams to Score": "15",
    "3Way Handicap": "79",
    "Double Chance": "222",
    "3Way Result 1st Half": "2102",
    "Team To Score First": "2224",
    "Team To Score Last": "2225",
}
_ANSWERS: Final[Mapping[str, str]] = {
    "1": "Home",
    "X": "Draw",
    "2": "Away",
    "1X": "Home/Draw",
    "X2": "Draw/Away",
    "12": "Home/Away",
}
_AWAY: Final = "2"
# "2 : +1.0": an answer and the line it is given.
_WITH_LINE: Final = re.compile(r"([1X2]) : ([+-]?[0-9.]+)")


def groups(match: Node, sport: str) -> Iterator[Group]:
    """Every group of a match, one a line, as the JSON would have it; known are those of football.

    A market that is not known keeps its number, marked so that it is not one of the JSON's.
    """
    for group in tree.groups(match):
        market_id = _MARKETS.get(group.market_name)
        if market_id is None or sport != "football":
            yield replace(group, market_id=f"xml{group.market_id}", bookmaker_id="")
            continue
        lines: dict[str, list[Answer]] = {}
        for answer in group.answers:
            line, ours = _answer(answer, group.line)
            lines.setdefault(line, []).append(ours)
        for line, answers in lines.items():
            yield replace(
                group, market_id=market_id, bookmaker_id="", line=line, answers=tuple(answers)
            )


def _answer(answer: Answer, line: str) -> tuple[str, Answer]:
    """(the home side's line, the answer in the JSON's words)."""
    found = _WITH_LINE.fullmatch(answer.name)
    name, own = (found[1], found[2]) if found else (answer.name, answer.line)
    if own:
        line = bodies.opposite(own) if name == _AWAY else own
    # One line is written in two ways.
    return line.removeprefix("+"), replace(answer, name=_ANSWERS.get(name, name), line="")
