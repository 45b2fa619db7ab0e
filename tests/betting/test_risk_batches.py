"""A player's bounds within one call: what of it is taken counts, and what is refused does not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from overround.betting import risk
from overround.betting.bets import Slip
from overround.betting.risk import Policy
from overround.db.logins import Role
from tests.stories.world import Pick, World, opened

Urls = dict[Role, str]

EVENTS = 12
PRICE_E4 = 40_000


async def house(world: World, cash_minor: int = 1_000_000) -> list[UUID]:
    """Four players and twelve events, on each of which the home side is laid at 4.00."""
    await world.tenant("acme")
    for name in ("ann", "bob", "cat", "dan"):
        await world.player(name, cash_minor=cash_minor)
    return [await world.lay(Pick(f"E{n}", "1x2", "home"), PRICE_E4) for n in range(EVENTS)]


async def take(world: World, **said: Any) -> None:
    tenant_id = world.tenants["acme"].id
    async with world.app.transaction(tenant_id) as conn:
        await risk.set_policy(conn, tenant_id, Policy(**said))


def single(world: World, name: str, stake_minor: int, selection_id: UUID) -> Slip:
    return world.slip(name, stake_minor, [(selection_id, PRICE_E4)])


async def refusals(world: World, slips: Sequence[Slip]) -> list[str | None]:
    answers = await world.place(slips)
    assert await world.violations() == []
    return [answer.refusal for answer in answers]


def test_what_a_player_has_in_a_call_counts_as_what_he_has_placed(database_urls: Urls) -> None:
    """Two slips of each event at once, as one after another."""

    async def story() -> None:
        async with opened(database_urls) as world:
            laid = await house(world)

            async def one_by_one_and_at_once(*slips: tuple[str, int, int]) -> list[str | None]:
                asked = [single(world, name, stake, laid[n]) for name, stake, n in slips]
                found = [(await refusals(world, [slip]))[0] for slip in asked]
                twins = {"ann": "cat", "bob": "dan"}
                at_once = [single(world, twins[name], stake, laid[n]) for name, stake, n in slips]
                assert await refusals(world, at_once) == found
                return found

            await take(world, player_day_max_minor=100)
            found = await one_by_one_and_at_once(
                ("ann", 10, 2), ("ann", 20, 3), ("ann", 15, 3), ("ann", 11, 2), ("bob", 33, 2)
            )
            assert found == [None, None, "player_limit", "player_limit", None]

            await take(world, repeat_max=2)
            found = await one_by_one_and_at_once(
                *(("ann", 10, 0) for _ in range(4)), ("ann", 10, 1), ("bob", 10, 0)
            )
            assert found == [None, None, "repeated_bet", "repeated_bet", None, None]

            await take(world, player_event_max_minor=50)
            found = await one_by_one_and_at_once(
                ("ann", 16, 4), ("ann", 16, 5), ("ann", 10, 4), ("bob", 10, 4)
            )
            assert found == [None, None, "player_limit", None]

    asyncio.run(story())


def test_each_bound_over_a_whole_call(database_urls: Urls) -> None:
    """Twelve slips of one player on one selection, and on one of each of twelve events."""

    async def story() -> None:
        async with opened(database_urls) as world:
            laid = await house(world)
            await take(world, repeat_max=1)
            found = await refusals(world, [single(world, "ann", 10, laid[0]) for _ in laid])
            assert Counter(found) == {None: 1, "repeated_bet": EVENTS - 1}

            await take(world, player_event_max_minor=50)
            each = [single(world, "bob", 10, selection_id) for selection_id in laid]
            assert await refusals(world, each) == [None] * EVENTS
            again = [single(world, "bob", 10, selection_id) for selection_id in laid]
            assert await refusals(world, again) == ["player_limit"] * EVENTS

    asyncio.run(story())


def test_a_combo_takes_from_every_one_of_its_events(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            laid = await house(world)
            # At 16.00 the double wins 150 of both events, and it is one bet on two selections.
            double = world.slip("ann", 10, [(laid[0], PRICE_E4), (laid[1], PRICE_E4)])
            behind = [single(world, "ann", 17, laid[n]) for n in (0, 1, 2)]
            await take(world, player_event_max_minor=200)
            found = await refusals(world, [double, *behind])
            assert found == [None, "player_limit", "player_limit", None]

            await take(world, repeat_max=2)
            double = world.slip("bob", 10, [(laid[0], PRICE_E4), (laid[1], PRICE_E4)])
            twice = world.slip("bob", 10, [(laid[0], PRICE_E4), (laid[1], PRICE_E4)])
            other = single(world, "bob", 10, laid[1])
            found = await refusals(world, [double, twice, other, single(world, "bob", 10, laid[2])])
            assert found == [None, None, "repeated_bet", None]

    asyncio.run(story())


def test_a_slip_that_is_refused_for_another_reason_takes_no_room(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            laid = await house(world, cash_minor=1_000)
            for first, bounds in (
                (0, {"player_day_max_minor": 60}),
                (4, {"repeat_max": 1}),
                (8, {"player_event_max_minor": 60}),
            ):
                await take(world, **bounds, legs_max=2)
                suspended = Pick(f"E{first + 1}", "1x2", "home")
                await world.lay(suspended, PRICE_E4, state="suspended")
                one, two, three, four = ((laid[first + n], PRICE_E4) for n in range(4))
                slips = [
                    world.slip("ann", 10, [one, three, four]),
                    world.slip("ann", 10, [one, two]),
                    world.slip("ann", 10, [(one[0], PRICE_E4 + 1)]),
                    world.slip("ann", 20, [one]),
                ]
                assert await refusals(world, slips) == [
                    "too_many_legs", "market_suspended", "price_changed", None,
                ]  # fmt: skip

    asyncio.run(story())


def test_a_slip_without_money_takes_no_room(database_urls: Urls) -> None:
    """Neither the player's nor a cap's; what money there is goes to what is taken."""

    async def story() -> None:
        async with opened(database_urls) as world:
            laid = await house(world, cash_minor=100)
            await take(world, repeat_max=1)
            slips = [
                single(world, "ann", 101, laid[0]),
                single(world, "ann", 60, laid[0]),
                single(world, "ann", 10, laid[0]),
                single(world, "ann", 41, laid[1]),
                single(world, "bob", 100, laid[1]),
                single(world, "ann", 40, laid[1]),
            ]
            assert await refusals(world, slips) == [
                "insufficient_funds", None, "repeated_bet", "insufficient_funds", None, None,
            ]  # fmt: skip

    asyncio.run(story())


def test_a_call_of_many_days_holds_each_slip_against_its_own(database_urls: Urls) -> None:
    """A replay's call may go over midnight, and over the time in which repeats are counted."""

    async def story() -> None:
        async with opened(database_urls) as world:
            laid = await house(world)
            now, past_midnight = timedelta(0), timedelta(hours=13)

            def at(after: timedelta, n: int) -> Slip:
                return replace(single(world, "ann", 10, laid[n]), at=world.at + after)

            await take(world, player_day_max_minor=50)
            found = await refusals(world, [at(now, 0), at(now, 1), at(past_midnight, 2)])
            assert found == [None, "player_limit", None]
            await take(world, repeat_max=1, repeat_s=60)
            slips = [at(timedelta(seconds=n), 3) for n in (0, 59, 60)]
            assert await refusals(world, slips) == [None, "repeated_bet", None]

    asyncio.run(story())
