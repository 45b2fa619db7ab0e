"""The parameters of `/v4`, each with its bound and the original's name for what is wrong with it.

A parameter that a path does not have is refused: the original ignores it, and whoever wrote
`eventId` for `eventIds` is answered with every event.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from overround.core.errors import Invalid
from overround.odds.feeds.the_odds_api import REGIONS
from overround.web.v4 import words

BOOKMAKERS_PER_REGION: Final = 10
BOOKMAKERS_MAX: Final = 100
EVENTS_MAX: Final = 100
MARKETS_MAX: Final = 60
VALUE_MAX: Final = 4_000

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_ID: Final = re.compile(r"[0-9a-f]{32}")
_WORD: Final = re.compile(r"[a-z0-9_]{1,80}")
_ODDS: Final = frozenset(
    {
        "apiKey", "regions", "bookmakers", "markets", "oddsFormat", "dateFormat", "eventIds",
        "commenceTimeFrom", "commenceTimeTo", "includeLinks", "includeSids", "includeBetLimits",
        "includeMultipliers", "includeRotationNumbers",
    }
)  # fmt: skip
SPORTS: Final = frozenset({"apiKey", "all"})
ODDS: Final = _ODDS
EVENT_ODDS: Final = _ODDS - {"eventIds", "commenceTimeFrom", "commenceTimeTo"}
HISTORY: Final = _ODDS | {"date"}
EVENT_HISTORY: Final = EVENT_ODDS | {"date"}
EVENTS: Final = frozenset(
    {"apiKey", "dateFormat", "eventIds", "commenceTimeFrom", "commenceTimeTo",
     "includeRotationNumbers"}
)  # fmt: skip
EVENTS_HISTORY: Final = EVENTS | {"date"}
SCORES: Final = frozenset({"apiKey", "daysFrom", "dateFormat", "eventIds"})
EVENT_MARKETS: Final = frozenset({"apiKey", "regions", "bookmakers", "dateFormat"})
PARTICIPANTS: Final = frozenset({"apiKey"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request wants: everything that its path does not have is at its default."""

    regions: tuple[str, ...] = ()
    bookmakers: tuple[str, ...] = ()
    markets: tuple[str, ...] = ("h2h",)
    american: bool = False
    unix: bool = False
    event_ids: tuple[UUID, ...] | None = None
    starts_from: datetime | None = None
    starts_to: datetime | None = None
    extras: frozenset[str] = frozenset()

    @property
    def groups(self) -> int:
        """How many regions are paid for: ten bookmakers by name cost what one region costs."""
        if self.bookmakers:
            return -(-len(self.bookmakers) // BOOKMAKERS_PER_REGION)
        return len(self.regions)


def single(pairs: Iterable[tuple[str, str]], allowed: frozenset[str]) -> dict[str, str]:
    """The parameters by name. Raises Invalid `INVALID_PARAMETER`: unknown, twice, or too long."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in allowed:
            raise _no("INVALID_PARAMETER", f"Unknown parameter: {name[:60]}")
        if name in found:
            raise _no("INVALID_PARAMETER", f"Parameter is there twice: {name}")
        if len(value) > VALUE_MAX:
            raise _no("INVALID_PARAMETER", f"Parameter is too long: {name}")
        found[name] = value
    return found


def wanted(
    given: Mapping[str, str], *, of_event: bool, known_sources: Iterable[str] = ()
) -> Wanted:
    """What the parameters want, whichever of them the path has.

    Raises Invalid `MISSING_REGION`, `INVALID_REGION`, `INVALID_BOOKMAKERS`, `INVALID_MARKET`,
    `INVALID_ODDS_FORMAT`, `INVALID_DATE_FORMAT`, `INVALID_EVENT_IDS`,
    `INVALID_COMMENCE_TIME_FROM`, `INVALID_COMMENCE_TIME_TO`, `INVALID_COMMENCE_TIME_RANGE`,
    `INVALID_PARAMETER`.
    """
    regions = _list(given, "regions", "INVALID_REGION", len(REGIONS))
    if not set(regions) <= set(REGIONS):
        raise _no("INVALID_REGION", "Regions are " + ", ".join(REGIONS))
    bookmakers = _list(given, "bookmakers", "INVALID_BOOKMAKERS", BOOKMAKERS_MAX)
    sources = set(known_sources)
    strange = [key for key in bookmakers if key not in sources and not words.is_known(key)]
    if strange:
        raise _no("INVALID_BOOKMAKERS", "Invalid bookmakers: " + ",".join(strange))
    since = _time(given, "commenceTimeFrom", "INVALID_COMMENCE_TIME_FROM")
    until = _time(given, "commenceTimeTo", "INVALID_COMMENCE_TIME_TO")
    if since and until and since > until:
        raise _no("INVALID_COMMENCE_TIME_RANGE", "commenceTimeFrom is after commenceTimeTo")
    # Bookmakers by name win over regions, as they do at the original.
    return Wanted(
        () if bookmakers else regions,
        bookmakers,
        _markets(given, of_event),
        _either(given, "oddsFormat", ("decimal", "american"), "INVALID_ODDS_FORMAT"),
        _either(given, "dateFormat", ("iso", "unix"), "INVALID_DATE_FORMAT"),
        event_ids(given),
        since,
        until,
        _extras(given),
    )


def regions_needed(found: Wanted) -> Wanted:
    """The same, if it says whose prices it wants. Raises Invalid `MISSING_REGION`."""
    if not found.groups:
        raise _no("MISSING_REGION", "Name regions or bookmakers")
    return found


def event_ids(given: Mapping[str, str]) -> tuple[UUID, ...] | None:
    """The events asked for by id. Raises Invalid `INVALID_EVENT_IDS`."""
    if "eventIds" not in given:
        return None
    return tuple(
        event_id(text) for text in _list(given, "eventIds", "INVALID_EVENT_IDS", EVENTS_MAX)
    )


def event_id(text: str) -> UUID:
    """Our id of theirs, which is the same without dashes. Raises Invalid `INVALID_EVENT_IDS`."""
    if not _ID.fullmatch(text):
        raise _no("INVALID_EVENT_IDS", "An event id is 32 hexadecimal digits")
    return UUID(hex=text)


def days_from(given: Mapping[str, str]) -> int:
    """How many days back scores go; 0 is none. Raises Invalid `INVALID_SCORES_DAYS_FROM`."""
    text = given.get("daysFrom")
    if text is None:
        return 0
    if text not in ("1", "2", "3"):
        raise _no("INVALID_SCORES_DAYS_FROM", "daysFrom is 1, 2 or 3")
    return int(text)


def everything(given: Mapping[str, str]) -> bool:
    """Whether sports out of season are wanted. Raises Invalid `INVALID_ALL_SPORTS_PARAM`."""
    return _flag(given, "all", "INVALID_ALL_SPORTS_PARAM")


def date(given: Mapping[str, str], now: datetime) -> datetime:
    """The moment of a snapshot, at or before what was asked, in steps of five minutes.

    Raises Invalid `MISSING_DATE`, `INVALID_HISTORICAL_TIMESTAMP` (no such time, or one ahead).
    """
    asked = _time(given, "date", "INVALID_HISTORICAL_TIMESTAMP")
    if asked is None:
        raise _no("MISSING_DATE", "Name a date")
    if asked > now:
        raise _no("INVALID_HISTORICAL_TIMESTAMP", "The date is ahead")
    return asked - timedelta(minutes=asked.minute % 5, seconds=asked.second)


def _markets(given: Mapping[str, str], of_event: bool) -> tuple[str, ...]:
    found = _list(given, "markets", "INVALID_MARKET", MARKETS_MAX) or ("h2h",)
    wrong = [key for key in found if not words.is_market(key)]
    if wrong:
        raise _no("INVALID_MARKET", "Invalid markets: " + ",".join(wrong))
    elsewhere = [key for key in found if key not in words.FEATURED_KEYS]
    if elsewhere and not of_event:
        named = ", ".join(elsewhere)
        raise _no("INVALID_MARKET", f"Markets not supported by this endpoint: {named}")
    return found


def _list(given: Mapping[str, str], name: str, code: str, most: int) -> tuple[str, ...]:
    if name not in given:
        return ()
    found = tuple(dict.fromkeys(part.strip() for part in given[name].split(",")))
    if len(found) > most or not all(_WORD.fullmatch(part) for part in found):
        raise _no(code, f"{name} is a list of 1 to {most} keys with commas")
    return found


def _time(given: Mapping[str, str], name: str, code: str) -> datetime | None:
    if name not in given:
        return None
    try:
        if _TIME.fullmatch(given[name]):
            return datetime.strptime(given[name], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        pass
    raise _no(code, f"{name} is a time as in 2026-11-21T10:00:00Z")


def _either(given: Mapping[str, str], name: str, values: tuple[str, str], code: str) -> bool:
    """Whether the second of two values is given; the first is the default."""
    value = given.get(name, values[0])
    if value not in values:
        raise _no(code, f"{name} is {values[0]} or {values[1]}")
    return value == values[1]


def _flag(given: Mapping[str, str], name: str, code: str) -> bool:
    value = given.get(name, "false").lower()
    if value not in ("true", "false"):
        raise _no(code, f"{name} is true or false")
    return value == "true"


def _extras(given: Mapping[str, str]) -> frozenset[str]:
    """The fields asked for that we have nothing in: they are there, and null."""
    fields = {"includeLinks": "link", "includeSids": "sid", "includeBetLimits": "bet_limit"}
    named = (*fields, "includeMultipliers", "includeRotationNumbers")
    asked = {name for name in named if _flag(given, name, "INVALID_PARAMETER")}
    return frozenset(fields[name] for name in asked & set(fields))


def _no(code: str, detail: str) -> Invalid:
    return Invalid(detail, code=code)
