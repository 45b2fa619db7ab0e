"""Array parameters for bulk statements: the text of a PostgreSQL array, made in one join.

A driver's general array dumping looks at every element for its type and for characters to escape,
which was a third of a replay's time; ids, numbers and times need neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

# What stands for itself inside an array's braces: no comma, brace, quote, backslash or space.
PriceState = Literal["open", "suspended", "withdrawn", "closed"]
Watched = Literal["shaded", "shaded_too_far", "together", "own_price"]


def fields(rows: Sequence[object], *names: str) -> list[list[Any]]:
    """The columns of some rows, [names][rows], in the order in which a statement names them."""
    return [[getattr(row, name) for row in rows] for name in names]


def literal(values: Iterable[UUID | int | PriceState | Watched | None]) -> str:
    """`{a,b,NULL}` of ids, integers, words and nulls, for a parameter that the statement casts."""
    return "{" + ",".join("NULL" if value is None else str(value) for value in values) + "}"


def times(values: Iterable[datetime | None]) -> str:
    """`{...}` of aware times in ISO 8601, which keeps the zone and the microseconds."""
    return "{" + ",".join("NULL" if value is None else value.isoformat() for value in values) + "}"
