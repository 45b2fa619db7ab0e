"""Columns of numpy arrays to and from PostgreSQL, in its own binary form.

Text costs the server more than the rest of its work on a price: each element is written, escaped,
found again and read. Here a column is copied once, as a parameter
(test: columns arrive as they were sent) and, by `array_send(array_agg(...))`, as what is read
(test: columns are read as they stand).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.adapt import Dumper
from psycopg.pq import Format

# PostgreSQL counts its microseconds from the year 2000.
Y2000_US: Final = 946_684_800_000_000

# Dimensions, whether there are nulls, the elements' type; then the length and the first index.
_HEAD: Final = struct.Struct(">iiIii")
_NULL: Final = struct.pack(">i", -1)
_TIME: Final = struct.Struct(">iq")

Kind = TypeVar("Kind", bound="Column")


@dataclass(frozen=True, slots=True)
class Column:
    """An array parameter, encoded; the subclass says of which type."""

    raw: bytes


class Smallints(Column):
    """A smallint[]."""


class Integers(Column):
    """An integer[]."""


class Uuids(Column):
    """A uuid[]."""


class Times(Column):
    """A timestamptz[]."""


class _ColumnDumper(Dumper):
    """Hands a column over as it is."""

    format = Format.BINARY

    def dump(self, obj: Column) -> bytes:
        """The bytes that were made."""
        return obj.raw


def _register(kind: type[Column], name: str) -> None:
    oid = psycopg.adapters.types[name].array_oid
    psycopg.adapters.register_dumper(kind, type(name, (_ColumnDumper,), {"oid": oid}))


_NAMES: Final[dict[type[Column], str]] = {
    Smallints: "int2",
    Integers: "int4",
    Uuids: "uuid",
    Times: "timestamptz",
}
for _kind, _name in _NAMES.items():
    _register(_kind, _name)


def smallints(values: NDArray[np.integer[Any]]) -> Smallints:
    """A smallint[] of integers, [k]."""
    return _column(Smallints, values, ">i2")


def integers(values: NDArray[np.integer[Any]]) -> Integers:
    """An integer[] of integers, [k]."""
    return _column(Integers, values, ">i4")


def uuids(values: NDArray[np.void]) -> Uuids:
    """A uuid[] of raw ids of 16 bytes (dtype V16), [k]."""
    return _column(Uuids, values, "V16")


def times(values_us: NDArray[np.int64]) -> Times:
    """A timestamptz[] of microseconds since 1970, [k]."""
    return _column(Times, values_us - Y2000_US, ">i8")


def smallints_read(sent: bytes | None) -> NDArray[np.int64]:
    """The elements of a smallint[] that `array_send` gave; none where nothing was aggregated."""
    return _read(sent, ">i2")


def integers_read(sent: bytes | None) -> NDArray[np.int64]:
    """The elements of an integer[]."""
    return _read(sent, ">i4")


def booleans_read(sent: bytes | None) -> NDArray[np.int64]:
    """The elements of a boolean[], 1 and 0."""
    return _read(sent, "i1")


def times_read(sent: bytes | None) -> NDArray[np.int64]:
    """The elements of a timestamptz[], in microseconds since 1970."""
    return _read(sent, ">i8") + Y2000_US


def repeated_times(runs: Sequence[tuple[int | None, int]]) -> Times:
    """A timestamptz[] of (microseconds since 1970 or None, how often in a row)."""
    parts = [
        (_NULL if us is None else _TIME.pack(_TIME.size - 4, us - Y2000_US)) * count
        for us, count in runs
    ]
    length = sum(count for _, count in runs)
    has_null = any(us is None for us, _ in runs)
    return _encoded(Times, b"".join(parts), length, has_null=has_null)


def _read(sent: bytes | None, dtype: str) -> NDArray[np.int64]:
    """Elements as they lie behind the head, each with its length; none of them is null."""
    if sent is None:
        return np.zeros(0, np.int64)
    rows = np.frombuffer(sent, [("length", ">i4"), ("value", dtype)], offset=_HEAD.size)
    return rows["value"].astype(np.int64)


def _column(kind: type[Kind], values: NDArray[Any], dtype: str) -> Kind:
    rows = np.empty(len(values), [("length", ">i4"), ("value", dtype)])
    rows["length"] = np.dtype(dtype).itemsize
    rows["value"] = values
    return _encoded(kind, rows.tobytes(), len(values))


def _encoded(kind: type[Kind], body: bytes, length: int, *, has_null: bool = False) -> Kind:
    oid = psycopg.adapters.types[_NAMES[kind]].oid
    return kind(_HEAD.pack(1, has_null, oid, length, 1) + body)
