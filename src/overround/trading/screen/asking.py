"""What a request may ask for: lists in one word each, times, and spans that have an end."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from overround.core import grading
from overround.core.errors import Invalid
from overround.kit import times
from overround.trading.screen.model import Asked

EVENTS_MAX: Final = 100
MARKETS_MAX: Final = 20
SOURCES_MAX: Final = 50
TEXT_MAX: Final = EVENTS_MAX * 37

_WORD: Final = re.compile(r"[a-z0-9_]{1,60}")
_UUID_LENGTH: Final = 36


def words(text: str | None, most: int, code: str) -> list[str] | None:
    """The words of a list with commas, each once; None where there is no list. Raises Invalid."""
    if text is None:
        return None
    found = list(dict.fromkeys(text.split(",")))
    if len(found) > most or not all(_WORD.fullmatch(word) for word in found):
        raise Invalid(
            f"a list has 1 to {most} words of a-z 0-9 _, with commas",
            code=code,
            field=f"query/{code}",
        )
    return found


def event_ids(text: str | None) -> list[UUID] | None:
    """The ids of a list with commas. Raises Invalid `event_ids`."""
    if text is None:
        return None
    parts = list(dict.fromkeys(text.split(",")))
    if len(parts) > EVENTS_MAX:
        raise Invalid(
            f"at most {EVENTS_MAX} events at once", code="event_ids", field="query/event_ids"
        )
    try:
        # A UUID is read from several spellings; ours is the one with its four dashes.
        return [UUID(part) for part in parts if len(part) == _UUID_LENGTH or part.index("-")]
    except ValueError as error:
        raise Invalid("an event id is a UUID", code="event_ids", field="query/event_ids") from error


def markets(text: str | None) -> list[str] | None:
    """Market types of a list with commas: an unknown one would be answered with nothing at all.

    Raises Invalid `unknown_market`, `markets`.
    """
    found = words(text, MARKETS_MAX, "markets")
    for market_type in found or ():
        grading.sides(market_type)
    return found


def asked(
    sport: str | None,
    competition_id: UUID | None,
    events: str | None,
    market_types: str | None,
    sources: str | None,
) -> Asked:
    """The filters of a request. Raises Invalid `event_ids`, `markets`, `unknown_market`,
    `sources`."""
    return Asked(
        sport,
        None if competition_id is None else [competition_id],
        event_ids(events),
        markets(market_types),
        words(sources, SOURCES_MAX, "sources"),
    )


def span(
    since: datetime | None, until: datetime | None, now: datetime, longest: timedelta
) -> tuple[datetime, datetime]:
    """A span of time that ends now where nothing else is said, and is not longer than it may be.

    Raises Invalid `time_zone_missing`, `time_out_of_range`, `span_out_of_range`.
    """
    for name, at in (("since", since), ("until", until)):
        if at is not None and at.tzinfo is None:
            raise Invalid(
                "a time says its zone, as in 2026-11-21T10:00:00Z", code="time_zone_missing"
            )
        if at is not None:
            times.check(at, f"query/{name}")
    end = until or (min(now, since + longest) if since else now)
    begin = since or end - longest
    if not begin < end or end - begin > longest:
        hours = longest // timedelta(hours=1)
        raise Invalid(
            f"a span is longer than nothing and at most {hours} h", code="span_out_of_range"
        )
    return begin, end
