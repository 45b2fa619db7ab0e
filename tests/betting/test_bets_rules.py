"""What a slip must be, and how many are placed at once."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from overround.betting.bets import Asked, Slip, SlipLeg, rules, words
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


def test_a_call_says_of_each_leg_whose_it_is_and_of_wishes_only_what_is_wished() -> None:
    tenant_id, bet_id, user_id, home, away = (UUID(int=n) for n in range(1, 6))
    at = datetime(2026, 3, 2, tzinfo=UTC)
    legs = (SlipLeg(home, 15_000), SlipLeg(away, 20_000, offer_version=7))
    single = Slip(bet_id, user_id, "one", legs[:1], 1_000, at)
    combo = Slip(bet_id, user_id, "two", legs, 1_000, at, accept_lower_stake=True)
    asked = [Asked(tenant_id, single), Asked(tenant_id, combo, b"\x01")]
    said = words.columns([words.of(one, rules.as_shown(one.slip)) for one in asked])
    assert said.tenants == str(tenant_id)
    assert said.slips[3] == '{"one","two"}'
    assert said.slips[5:9] == ["{1000,1000}", "{NULL,NULL}", "{1500,3000}", "{False,False}"]
    assert said.slips[-1] == r'{NULL,"\\x01"}'
    assert said.legs[0] == "{1,2,2}"
    assert said.legs[1] == f"{{{home.hex},{home.hex},{away.hex}}}"
    assert said.legs[2:] == ["{15000,15000,20000}", "{15000,15000,20000}", "{False,False,False}"]
    assert said.wishes == ["{NULL,1}", "{NULL,NULL,7}", None]
