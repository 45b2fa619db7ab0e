"""Places in the order of writing, as one opaque word for the client to hand back.

PostgreSQL numbers the transaction that wrote each row and keeps the number in the row. It survives
a restart and costs no column and no index; a reader goes on from the oldest transaction that was
still open when it read, so what commits late is not missed (test: what commits late is not missed).
"""

from __future__ import annotations

import base64
import binascii
from typing import Final
from uuid import UUID

from overround.core.errors import Invalid
from overround.trading.screen.model import Place

TEXT_LENGTH: Final = 40
_BYTES: Final = 4 + 8 + 16 + 2
_WRITTEN_MAX: Final = 2**62


def to_text(place: Place) -> str:
    """40 characters of URL-safe base64."""
    raw = (
        place.database.to_bytes(4, "big")
        + place.written.to_bytes(8, "big")
        + place.selection_id.bytes
        + place.source_id.to_bytes(2, "big", signed=True)
    )
    return base64.urlsafe_b64encode(raw).decode()


def parse(text: str) -> Place:
    """The place that `to_text` wrote. Raises Invalid `since`."""
    try:
        raw = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _BYTES:
        raise Invalid("this place is not one of ours", code="since", field="query/since")
    written = int.from_bytes(raw[4:12], "big")
    if written > _WRITTEN_MAX:
        raise Invalid("this place is not one of ours", code="since", field="query/since")
    source_id = int.from_bytes(raw[28:], "big", signed=True)
    return Place(int.from_bytes(raw[:4], "big"), written, UUID(bytes=raw[12:28]), source_id)


def begin(database: int, written: int) -> Place:
    """Before every row of transaction `written`."""
    return Place(database, written, UUID(int=0), -1)


def checked(asked: Place, database: int, newest: int) -> Place:
    """The place itself where it is of this database and not ahead of its newest transaction.

    Raises Invalid `since_unknown`: a restored database numbers anew, so the client reads all again.
    """
    if asked.database != database or asked.written > newest:
        raise Invalid(
            "this place is of another database; begin again",
            code="since_unknown",
            field="query/since",
        )
    return asked
