"""How offers travel through the cache: fixed-width rows, because a board has a hundred thousand.

A message is a head (kind, epoch, seq) and rows. An *epoch* is one run of a publisher; inside it
each message that changes a book has the next *seq*, so a reader knows when it has missed one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final
from uuid import UUID

from overround.storefront.model import Shown, ShownState

# selection, event, main and state, price_e4, changed_ms
_ROW: Final = struct.Struct(">16s16sBIQ")
_HEAD: Final = struct.Struct(">BQQ")
_POSITION: Final = struct.Struct(">QQ")
_STATES: Final[Sequence[ShownState]] = ("open", "suspended", "closed")
_MAIN: Final = 0x80

# How a message is laid out, for the script that reads it in the cache: the size of its head, of a
# row, where in a row the flags are, and what they are of a closed selection.
LAID_OUT: Final = (_HEAD.size, _ROW.size, 32, _STATES.index("closed"))

EPOCH_BITS: Final = 63


class Garbled(ValueError):
    """Bytes that this version did not write."""


class Kind(IntEnum):
    """What a message says: some selections changed; nothing did; read the snapshot again."""

    DELTA = 1
    BEAT = 2
    RESET = 3


@dataclass(frozen=True, slots=True)
class Position:
    """How far a book's stream is."""

    epoch: int
    seq: int

    def pack(self) -> bytes:
        """The position as the snapshot keeps it."""
        return _POSITION.pack(self.epoch, self.seq)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a book's channel; `position` is the book's after it."""

    kind: Kind
    position: Position
    shown: tuple[Shown, ...] = ()


def pack(message: Message) -> bytes:
    """The message as bytes."""
    head = _HEAD.pack(message.kind, message.position.epoch, message.position.seq)
    return head + b"".join(pack_row(shown) for shown in message.shown)


def unpack(raw: bytes) -> Message:
    """The message of some bytes. Raises Garbled."""
    try:
        kind, epoch, seq = _HEAD.unpack_from(raw)
        return Message(Kind(kind), Position(epoch, seq), tuple(unpack_rows(raw[_HEAD.size :])))
    except (struct.error, ValueError) as error:
        raise Garbled(str(error)) from None


def unpack_position(raw: bytes) -> Position:
    """The position that a snapshot keeps. Raises Garbled."""
    try:
        return Position(*_POSITION.unpack(raw))
    except struct.error as error:
        raise Garbled(str(error)) from None


def pack_row(shown: Shown) -> bytes:
    """One selection."""
    return _ROW.pack(
        shown.selection_id.bytes,
        shown.event_id.bytes,
        _STATES.index(shown.state) | (_MAIN if shown.is_main else 0),
        shown.price_e4,
        shown.changed_ms,
    )


def unpack_rows(raw: bytes) -> Iterable[Shown]:
    """The selections of some rows. Raises Garbled."""
    try:
        for selection, event, flags, price_e4, changed_ms in _ROW.iter_unpack(raw):
            state = _STATES[int(flags) & ~_MAIN]
            main = bool(flags & _MAIN)
            ids = UUID(bytes=selection), UUID(bytes=event)
            yield Shown(*ids, main, price_e4, state, changed_ms)
    except (struct.error, IndexError) as error:
        raise Garbled(str(error)) from None
