"""A change of the board as bytes: a head with its number, then a fixed-width row for each cell.

Rows carry the ids of the database, so a reader needs nothing of the writer's arrays. Made by the
column, because a busy board changes thousands of cells a second.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from overround.odds.board.model import Change

_HEAD: Final = struct.Struct("<QI")
ROW: Final = np.dtype(
    [
        ("selection", "V16"),
        ("source", "<i2"),
        ("state", "i1"),
        ("price_e4", "<i4"),
        ("observed_us", "<i8"),
    ]
)

Rows = NDArray[Any]


def pack(change: Change, source_ids: NDArray[np.int16], selections: NDArray[np.void]) -> bytes:
    """The change as bytes; `source_ids` [rows] and `selections` [columns] are the board's."""
    rows = np.empty(change.count, ROW)
    rows["selection"] = selections[change.columns]
    rows["source"] = source_ids[change.rows]
    rows["state"] = change.state
    rows["price_e4"] = change.price_e4
    rows["observed_us"] = change.observed_us
    return _HEAD.pack(change.seq, change.count) + rows.tobytes()


def unpack(raw: bytes) -> tuple[int, Rows]:
    """(number, rows) of some bytes. Raises ValueError for what this version did not write."""
    if len(raw) < _HEAD.size:
        raise ValueError("a change without a head")
    seq, count = _HEAD.unpack_from(raw)
    if len(raw) != _HEAD.size + count * ROW.itemsize:
        raise ValueError("a change that is cut off")
    return seq, np.frombuffer(raw, ROW, count, _HEAD.size)
