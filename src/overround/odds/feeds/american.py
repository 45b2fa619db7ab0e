"""How American books write: who is at home, what a market asks about which part, and when.

Their bodies do not say when they were made. One was made before the first of its events that had
not begun, and is taken as seen a second before it; where all have begun, at the last start.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from overround.core import grading
from overround.odds.feeds import reading
from overround.odds.feeds.model import FeedMarket
from overround.odds.feeds.reading import EventRefused, sides_of

_AT: Final = re.compile(r"(.{1,200}?) @ (.{1,200})")
_VERSUS: Final = re.compile(r"(.{1,200}?) (?:v|vs\.?) (.{1,200})", re.IGNORECASE)
_PITCHER: Final = re.compile(r" \([A-Z][^()]{2,60}\)$")
_BEFORE: Final = timedelta(seconds=1)

_PART: Final = re.compile(
    r"\b(?:(1st|2nd|3rd|4th|first|second) (half|quarter|period|set|inning)"
    r"|(?:1st|first) ([357]) innings)\b"
)
# Words that say a market is about a part, even where it is none of those above.
_ANY_PART: Final = re.compile(
    r"\b(?:half|halves|quarters?|periods?|sets?|innings?|overtime|race|minutes?)\b"
)
_ORDINALS: Final = {"1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "first": 1, "second": 2}
_QUARTERED: Final = frozenset({"basketball", "american_football"})
_REGULATED: Final = frozenset(
    {"basketball", "american_football", "ice_hockey", "baseball", "rugby", "rugby_league"}
)
# Points of a fight are rounds, of a cricket match runs of an innings: no score of ours.
_UNSCORED: Final = frozenset({"boxing", "mma", "cricket", "golf", "darts", "snooker"})


@dataclass(frozen=True, slots=True)
class Question:
    """Our market type and period."""

    market_type: str
    period: str

    @property
    def lined(self) -> bool:
        """Whether its answers bring a line."""
        return grading.market(self.market_type).needs_line


def sides_in(name: str, sport: str) -> tuple[str, str]:
    """(home, away) of "Away @ Home" or "Home vs Away"; in baseball without their pitchers.

    Raises EventRefused `no_participants`, and as `reading.sides_of` does.
    """
    away_first = _AT.fullmatch(name)
    found = away_first or _VERSUS.fullmatch(name)
    if found is None:
        raise EventRefused("no_participants", name)
    first, second = found[1].strip(), found[2].strip()
    if sport == "baseball":
        first, second = _PITCHER.sub("", first), _PITCHER.sub("", second)
    return sides_of(second, first) if away_first else sides_of(first, second)


def part_of(words: str, sport: str) -> str | None:
    """The period that a market's name is about, "" for the whole match; None where it is none of
    ours, or where books settle it with overtime (second halves)."""
    found = _PART.search(words)
    if found is None:
        return None if _ANY_PART.search(words) else ""
    if found[3]:
        return f"i1_{found[3]}" if sport == "baseball" else None
    number, what = _ORDINALS[found[1]], found[2]
    if what == "half":
        second = "2h" if sport in ("football", "handball") else None
        return {1: "ht", 2: second}.get(number)
    sports = {
        "quarter": (_QUARTERED, "q"),
        "period": ({"ice_hockey"}, "p"),
        "set": ({"tennis"}, "s"),
        "inning": ({"baseball"}, "i"),
    }
    known, letter = sports[what]
    return f"{letter}{number}" if sport in known else None


def without_part(words: str) -> str:
    """The name of a market without the part it is about."""
    return " ".join(_PART.sub(" ", words).split()).strip(" -")


def period_of(part: str, sport: str, drawn: bool = False) -> str:
    """The period of a market: its part, or the whole match; a draw is priced for regulation."""
    if part:
        return part
    return "ft" if drawn and sport in _REGULATED else grading.main_market(sport)[1]


def question(
    plain: str,
    part: str,
    sport: str,
    drawn: bool,
    winners: Collection[str],
    types: Mapping[str, str],
) -> Question | None:
    """What a market asks about `part` that is called `plain` without it, by the book's names of
    the winner's and of other markets; None where it has no place with us."""
    if plain in winners:
        three = drawn or (not part and grading.main_market(sport)[0] == "1x2")
        return Question("1x2" if three else "moneyline", period_of(part, sport, three))
    ours = types.get(plain, "")
    if not ours or sport in _UNSCORED:
        return None
    return Question(ours, period_of(part, sport, ours == "draw_no_bet"))


def market_of(asked: Question, side: str | None, line: str) -> FeedMarket | str | None:
    """The market with its line, as `reading.market_of` says it; `line_invalid` and `line_missing`
    for a line that is none."""
    line_q4 = None
    if asked.lined:
        line_q4 = reading.line_of(line)
        if line_q4 is None:
            return "line_invalid" if line else "line_missing"
        # Each team writes its own handicap; ours is the home side's.
        if asked.market_type == "asian_handicap" and side == "away":
            line_q4 = -line_q4
    return reading.market_of(asked.market_type, asked.period, line_q4)


def seen_before(starts: Iterable[datetime], begun: Iterable[datetime]) -> datetime | None:
    """When a body was made at the latest, by the starts of events ahead, else of those begun."""
    first = min(starts, default=None)
    return first - _BEFORE if first is not None else max(begun, default=None)
