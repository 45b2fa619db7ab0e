"""What travels through the cache comes out as it went in, and nothing else is taken for it."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.storefront import Hint, Shown, hints, wire
from overround.storefront.wire import Garbled, Kind, Message, Position

big = st.integers(0, 2**wire.EPOCH_BITS - 1)
rows = st.builds(
    Shown,
    st.uuids(),
    st.uuids(),
    st.booleans(),
    st.integers(10_001, 2**32 - 1),
    st.sampled_from(["open", "suspended", "closed"]),
    big,
)
messages = st.builds(
    Message,
    st.sampled_from(Kind),
    st.builds(Position, big, big),
    st.lists(rows, max_size=3).map(tuple),
)
some_hints = st.builds(Hint, st.frozensets(st.uuids(), max_size=3), st.booleans(), st.booleans())


@given(messages)
def test_a_message_comes_out_as_it_went_in(message: Message) -> None:
    assert wire.unpack(wire.pack(message)) == message
    assert wire.unpack_position(message.position.pack()) == message.position


@given(st.binary(max_size=120))
def test_other_bytes_are_garbled_or_a_message(raw: bytes) -> None:
    try:
        message = wire.unpack(raw)
    except Garbled:
        return
    assert wire.pack(message) == raw


@pytest.mark.parametrize("raw", [b"", b"\x00" * 17, b"\x04" + b"\x00" * 16, b"\x01" * 18])
def test_what_is_no_message_is_garbled(raw: bytes) -> None:
    with pytest.raises(Garbled):
        wire.unpack(raw)
    with pytest.raises(Garbled):
        wire.unpack_position(raw + b"x")


@given(some_hints)
def test_a_hint_comes_out_as_it_went_in(hint: Hint) -> None:
    assert hints.unpack(hint.pack()) == hint


@pytest.mark.parametrize("raw", [b"", b"\x00x", b"\x00" + UUID(int=1).bytes[1:]])
def test_a_hint_that_is_not_understood_is_for_everyone(raw: bytes) -> None:
    assert hints.unpack(raw) == Hint(office=True, everyone=True)
