"""Times that a client says: written as text with a zone, and of a year that a page can show."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, ValidationInfo

from overround.core.errors import Invalid

FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
END: Final = datetime(2101, 1, 1, tzinfo=UTC)

_WRITTEN: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")


def check(at: datetime, field: str | None = None) -> datetime:
    """The time in UTC. Raises Invalid `time_out_of_range`: at the ends of what a `datetime` can be
    it has no other zone (test: a time that no page could show is refused by name)."""
    if not FIRST <= at < END:
        said = f"a time is of the years {FIRST.year} to {END.year - 1}"
        raise Invalid(said, code="time_out_of_range", field=field)
    return at.astimezone(UTC)


def _written(value: object) -> object:
    # Pydantic reads a number as seconds or as milliseconds, by its size.
    if isinstance(value, str) and _WRITTEN.match(value):
        return value
    raise ValueError("a time is text with its zone, as in 2026-11-21T10:00:00Z")


def _bounded(at: datetime, info: ValidationInfo) -> datetime:
    return check(at, info.field_name)


# A time in a body, in UTC. Raises as `check`, at the field's name.
Time = Annotated[
    AwareDatetime, Field(strict=False), BeforeValidator(_written), AfterValidator(_bounded)
]
