"""When an event starts, as pages write it: a stamp, or words by the page's own clock."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from overround.odds.feeds import reading
from overround.odds.feeds.browser.site import StartForm

_MILLISECONDS: Final = re.compile(r"[0-9]{12,13}")
# A date without a year is the nearest: half a year back is already next year's.
_HALF_A_YEAR: Final = timedelta(days=183)


def moment(form: StartForm, text: str, at: datetime) -> datetime | None:
    """The UTC time of `text`, seen at `at`; None where it is none."""
    found = _pattern(form.pattern).search(text)
    if found is None:
        return None
    parts = {name: value for name, value in found.groupdict().items() if value}
    if "iso" in parts:
        stamp = parts["iso"].strip()
        return reading.moment(stamp[:-3] if _MILLISECONDS.fullmatch(stamp) else stamp)
    numbers = {name: _number(form, name, value) for name, value in parts.items()}
    day, month = numbers.get("day"), numbers.get("month")
    hour, minute = numbers.get("hour", 0), numbers.get("minute", 0)
    if day is None or month is None or hour is None or minute is None:
        return None
    zone = ZoneInfo(form.zone)
    year = numbers.get("year")
    if year is not None:
        return _at(year if year > 99 else 2_000 + year, month, day, hour, minute, zone)
    here = at.astimezone(zone).year
    dates = [_at(near, month, day, hour, minute, zone) for near in (here - 1, here, here + 1)]
    known = [date for date in dates if date is not None]
    nearest = min(known, key=lambda date: abs(date - at), default=None)
    return nearest if nearest is not None and abs(nearest - at) <= _HALF_A_YEAR else None


@lru_cache(maxsize=64)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _number(form: StartForm, name: str, value: str) -> int | None:
    if name == "month" and form.months is not None:
        months = [month.casefold() for month in form.months]
        return next((n for n, m in enumerate(months, 1) if value.casefold().startswith(m)), None)
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 4 else None


def _at(year: int, month: int, day: int, hour: int, minute: int, zone: ZoneInfo) -> datetime | None:
    try:
        return datetime(year, month, day, hour, minute, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
