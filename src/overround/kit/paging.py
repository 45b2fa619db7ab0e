"""Cursors of lists: where the last page ended, as one opaque word for the client to hand back.

A list is ordered by (time, id) and read by keyset, so a page never skips or repeats a row because
others were added meanwhile. A cursor carries no right: the query that uses it still names tenant
and owner (test: a key and a cursor of one tenant mean nothing at another).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

from overround.core.errors import Invalid

LIMIT_DEFAULT = 50
LIMIT_MAX = 200

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BYTES = 8 + 16
# The last microsecond of year 9999, which is the last that a `datetime` can be.
_MICROS_MAX = 253_402_300_799_999_999

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The time and id of the last row that was shown."""

    at: datetime
    id: UUID

    def to_text(self) -> str:
        """32 characters of URL-safe base64."""
        micros = (self.at - _EPOCH) // timedelta(microseconds=1)
        return base64.urlsafe_b64encode(micros.to_bytes(8, "big") + self.id.bytes).decode()


# Where a list that is read newest first begins.
NEWEST: Final = Cursor(datetime(9999, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1))


def since(at: datetime) -> Cursor:
    """Where a list that is read oldest first begins, with what comes after `at`."""
    return Cursor(at, UUID(int=0))


def begin(text: str | None, otherwise: Cursor) -> Cursor:
    """Where the page begins: at the client's cursor, or where the list does. Raises as `parse`."""
    return parse(text) if text else otherwise


def cut(
    found: Sequence[Row], limit: int, place: Callable[[Row], tuple[datetime, UUID]]
) -> tuple[Sequence[Row], str | None]:
    """The rows of a page and the cursor of the next one, None on the last.

    `found` was read with a limit of one row more than the page has; `place` is a row's (time, id).
    """
    shown = found[:limit]
    return shown, Cursor(*place(shown[-1])).to_text() if len(found) > limit else None


def parse(text: str) -> Cursor:
    """The cursor that `to_text` wrote. Raises Invalid `cursor`."""
    try:
        raw = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    micros = int.from_bytes(raw[:8], "big")
    if len(raw) != _BYTES or micros > _MICROS_MAX:
        raise Invalid("this cursor is not one of ours", code="cursor", field="query/cursor")
    return Cursor(_EPOCH + timedelta(microseconds=micros), UUID(bytes=raw[8:]))
