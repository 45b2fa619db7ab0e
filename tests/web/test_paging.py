"""Cursors: what `to_text` wrote is read back, and nothing else is."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.core.errors import Invalid
from overround.kit import paging
from overround.kit.paging import Cursor

times = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


@given(times, st.uuids())
def test_a_cursor_comes_back_as_it_went(at: datetime, row_id: UUID) -> None:
    cursor = Cursor(at, row_id)
    assert len(cursor.to_text()) == 32
    assert paging.parse(cursor.to_text()) == cursor


@given(st.text(max_size=64))
def test_any_text_is_a_cursor_or_is_refused(text: str) -> None:
    found = None
    with suppress(Invalid):
        found = paging.parse(text)
    assert found is None or found.to_text() == text


@pytest.mark.parametrize("text", ["", "A" * 31, "A" * 33, "_" * 32, "A" * 31 + "=", "é" * 32])
def test_what_is_not_ours_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        paging.parse(text)
    assert refused.value.code == "cursor"
