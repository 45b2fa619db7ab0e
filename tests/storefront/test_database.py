"""The database behind the storefront: what it says when the cache says nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from overround.betting import offers
from overround.betting.settlement import jobs
from overround.db.logins import Role
from overround.storefront import Shown
from tests.storefront.support import following, until
from tests.stories.world import Pick, World, opened, write_offer

Urls = Mapping[Role, str]
HOME, DRAW = Pick("E1", "1x2", "home"), Pick("E1", "1x2", "draw")
OVER = Pick("E1", "total", "over", line_q4=10)


async def since(world: World, seq: int = 0, tenant: str = "acme") -> list[tuple[int, Shown]]:
    """What the storefront's poll gives, as the api's login sees it."""
    async with world.app.reading(None) as conn:
        return await offers.shown_since(conn, world.tenants[tenant].book_id, seq)


def test_what_changed_is_said_with_its_number(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await world.tenant("acme")
            await world.tenant("sakura", "JPY", "Asia/Tokyo")
            home = await world.lay(HOME, 20_000)
            over = await world.lay(OVER, 19_000, state="suspended")
            draw = await world.lay(DRAW, 30_000, state="closed")
            await world.lay(HOME, 21_000, "sakura")
            rows = await since(world)
            at_ms = int(world.at.timestamp() * 1000)
            event_id = world.events["E1"].event_id
            assert {shown for _, shown in rows} == {
                Shown(home, event_id, True, 20_000, "open", at_ms),
                Shown(over, event_id, False, 19_000, "suspended", at_ms),
            }
            highest = max(seq for seq, _ in rows)
            # What is closed is not part of the whole, and is news for who has it.
            assert [shown.selection_id for _, shown in await since(world, highest)] == [draw]
            world.at += timedelta(minutes=1)
            await world.lay(HOME, 20_500)
            ((later, shown),) = await since(world, highest + 1)
            assert later > highest
            async with world.app.reading(None) as conn:
                books = {name: world.tenants[name].book_id for name in ("acme", "sakura")}
                newest = await offers.newest(conn, [*books.values(), event_id])
            # Of what is no book, or has no offers, nothing is new.
            assert newest[books["acme"]] == later > newest[books["sakura"]] > 0
            assert newest[event_id] == 0
            assert (shown.price_e4, shown.changed_ms) == (20_500, at_ms + 60_000)
            assert len(await since(world, tenant="sakura")) == 1

    asyncio.run(story())


def test_a_row_that_commits_late_is_seen(database_urls: Urls) -> None:
    """Its number was given first; it shows after a greater one was read."""

    async def story() -> None:
        async with opened(database_urls) as world:
            acme = await world.tenant("acme")
            home, draw = await world.lay(HOME, 20_000), await world.lay(DRAW, 30_000)

            async def poll(book_id: UUID, seq: int) -> list[tuple[int, Shown]]:
                async with world.app.reading(None) as conn:
                    return await offers.shown_since(conn, book_id, seq)

            async with following(None, poll) as feed:
                view = feed.follow(acme.book_id)
                await until(lambda: view.is_ready, "the whole book")
                async with world.worker.transaction(None) as slow:
                    await write_offer(slow, acme, home, 20_500, "open", world.at)
                    async with world.worker.transaction(None) as quick:
                        await write_offer(quick, acme, draw, 30_500, "open", world.at)
                    await until(lambda: _price(view.get(draw)) == 30_500, "the greater number")
                    assert _price(view.get(home)) == 20_000
                await until(lambda: _price(view.get(home)) == 20_500, "the late row")

    asyncio.run(story())


def _price(shown: Shown | None) -> int:
    assert shown is not None
    return shown.price_e4


def test_the_players_of_settled_bets_are_told_after_the_commit(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            acme = await world.tenant("acme")
            selection = await world.lay(HOME, 20_000)
            await world.player("carl", cash_minor=1_000)
            for name in ("ann", "bob"):
                await world.player(name, cash_minor=1_000)
                await world.place([world.slip(name, 500, [(selection, 20_000)])])
            told: list[tuple[UUID, frozenset[UUID], bool]] = []
            seen: list[int] = []

            def tell(
                tenant_id: UUID, users: Collection[UUID] = (), *, office: bool = False
            ) -> None:
                told.append((tenant_id, frozenset(users), office))

            await world.result("E1", {"ht": (1, 0), "ft": (1, 0)})
            while (count := await jobs.run_once(world.worker, world.at, tell)) is not None:
                seen.append(count)
            ann, bob = (world.players["acme", name] for name in ("ann", "bob"))
            assert told == [(acme.id, frozenset({ann, bob}), True)]
            # The same result again settles nothing, so nobody is told.
            await world.result("E1", {"ht": (1, 0), "ft": (1, 0)})
            while await jobs.run_once(world.worker, world.at, tell) is not None:
                pass
            assert (sum(seen), len(told)) == (2, 1)

    asyncio.run(story())


def test_a_poll_without_change_is_a_small_answer(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await world.tenant("acme")
            home = await world.lay(HOME, 20_000)
            ((seq, shown),) = await since(world)
            assert await since(world, seq) == []
            # Written again as it was: no row changes, so there is no news.
            await world.lay(HOME, 20_000)
            assert await since(world, seq) == []
            await world.lay(HOME, 20_000, state="suspended")
            assert [one for _, one in await since(world, seq)] == [
                replace(shown, state="suspended")
            ]
            assert shown.selection_id == home

    asyncio.run(story())
