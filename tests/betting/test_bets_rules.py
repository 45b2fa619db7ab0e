"""What a slip must be, and how many are placed at once."""

from __future__ import annotations

from overround.betting.bets import rules


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
