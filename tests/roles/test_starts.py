"""Which events have not begun, and which are due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from overround.core import ids
from overround.roles.hub.starts import Ahead

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ONE, TWO, THREE = (ids.derived(NOON, str(n)) for n in range(3))


def test_an_event_is_due_once_from_its_start_on() -> None:
    ahead = Ahead()
    ahead.put({ONE: NOON + HOUR})
    ahead.put({TWO: NOON})
    assert ahead.due(NOON - HOUR) == {}
    assert ahead.due(NOON) == {TWO: NOON}
    assert ahead.due(NOON) == {}
    assert ONE in ahead
    assert TWO not in ahead
    ahead.put({TWO: NOON})
    assert ahead.due(NOON + 2 * HOUR) == {ONE: NOON + HOUR, TWO: NOON}


def test_the_last_word_about_a_start_counts() -> None:
    ahead = Ahead()
    ahead.put({ONE: NOON, TWO: NOON, THREE: NOON})
    ahead.put({ONE: NOON + HOUR, TWO: NOON - HOUR})
    ahead.drop(THREE)
    assert ahead.due(NOON) == {TWO: NOON - HOUR}
    # Put off and brought back: it is due once, though its start was said twice.
    ahead.put({ONE: NOON})
    assert ahead.due(NOON + HOUR) == {ONE: NOON}
    assert ahead.due(NOON + HOUR) == {}
