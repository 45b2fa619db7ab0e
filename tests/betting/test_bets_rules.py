"""What a slip must be, and how many are placed at once."""

from __future__ import annotations

from overround.betting.bets import rules
from overround.betting.bets.room import BURST_MAX, STANDING_MAX, STANDS_S, Room


def test_two_halves_take_turns() -> None:
    """From the first call on the halves are even, and nobody is left standing."""
    waiting, answered, widths = 32, 0, list[int]()
    for _ in range(6):
        width = min(waiting, rules.batch_width(waiting, answered))
        # Those who were answered ask again while this call runs.
        waiting, answered = waiting - width + answered, width
        widths.append(width)
    assert widths == [16, 16, 16, 16, 16, 16]


def test_a_few_are_not_parted() -> None:
    assert all(rules.batch_width(waiting, 0) >= waiting for waiting in range(9))
    assert rules.batch_width(9, 0) < 9


def test_a_burst_is_no_queue_that_stands() -> None:
    room = Room(0.0)
    assert not any(room.is_full(under_way, 0.1) for under_way in range(BURST_MAX))
    assert room.is_full(BURST_MAX, 0.1)
    # Nor is the first burst after an idle hour.
    room = Room(0.0)
    assert not any(room.is_full(under_way, 3_600.0) for under_way in range(BURST_MAX))


def test_a_moments_room_ends_no_shortage() -> None:
    """Many were under way at every moment; then for one moment nobody is, and many come."""
    room = Room(0.0)
    for tenths in range(4):
        assert not room.is_full(STANDING_MAX - 1, tenths / 10)
    assert room.is_full(STANDING_MAX, 0.31)
    found = [room.is_full(under_way, 0.32) for under_way in range(STANDING_MAX + 1)]
    assert found == [False] * STANDING_MAX + [True]
    # Once nobody had to be refused for long enough, a burst is one again.
    found = [room.is_full(under_way, 0.32 + STANDS_S) for under_way in range(BURST_MAX)]
    assert not any(found)
