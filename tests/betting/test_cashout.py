"""Bets that end early: agreed once, paid once, and what is left stands as it was."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from overround.betting import cashouts, offers, settlement
from overround.betting.cashouts import (
    Asked,
    Decision,
    Policy,
    Quote,
    Terms,
    written,
)
from overround.betting.offers import Setting
from overround.core.errors import Invalid, NotFound
from overround.db import Connection
from overround.db.logins import Role
from overround.kit.idempotency import KeyReused
from overround.odds import catalogue
from overround.odds.catalogue import LiveScore
from tests.stories.world import Pick, World, opened, sides
from tests.support.interleave import connected

Urls = dict[Role, str]
FREE = Terms(margin_bps=0)


async def house(urls: World, terms: Terms = FREE) -> World:
    """Acme with ann, who has 1,000.00, and its terms."""
    await urls.tenant("acme")
    await urls.player("ann", cash_minor=100_000)
    await set_terms(urls, terms)
    return urls


async def set_terms(world: World, terms: Terms) -> None:
    tenant_id = world.tenants["acme"].id
    async with world.app.transaction(tenant_id) as conn:
        await cashouts.set_terms(conn, world.system(tenant_id), terms, world.at)


async def lay(world: World, event: str, *prices_e4: int, market_type: str = "1x2",
              line_q4: int | None = None, state: Any = "open") -> dict[str, UUID]:  # fmt: skip
    """A whole market at these prices."""
    return {
        side: await world.lay(
            Pick(event, market_type, side, line_q4=line_q4), price_e4, state=state
        )
        for side, price_e4 in zip(sides(market_type), prices_e4, strict=True)
    }


async def kick_off(world: World, event: str, home: int = 0) -> None:
    """It is being played, and the feed says how it stands; acme lays its sport in play."""
    tenant_id, event_id = world.tenants["acme"].id, await world.event(event)
    async with world.app.transaction(tenant_id) as conn:
        terms = offers.usual_in_play("football")
        await offers.set_in_play(conn, tenant_id, "football", terms, world.at)
    async with world.worker.transaction(None) as conn:
        await catalogue.start_events(conn, [event_id])
        score = LiveScore(event_id, "12'", {"ft": (home, 0)}, world.at)
        await catalogue.record_scores(conn, [score])


async def bet(world: World, stake_minor: int, *legs: tuple[UUID, int]) -> UUID:
    slip = world.slip("ann", stake_minor, legs)
    (decision,) = await world.place([slip])
    assert decision.kind == "accepted", decision
    return slip.bet_id


async def valued(world: World, bet_id: UUID, share_bps: int = 10_000) -> cashouts.Valuation:
    tenant_id, ann = world.tenants["acme"].id, world.players["acme", "ann"]
    async with world.app.reading(tenant_id) as conn:
        return await cashouts.value(conn, tenant_id, ann, bet_id, share_bps, world.at)


async def quoted(world: World, bet_id: UUID, share_bps: int = 10_000) -> Quote:
    found = await valued(world, bet_id, share_bps)
    assert found.refusal is None, found.refusal
    return found.quotes[0]


async def ask(world: World, quote: Quote, key: str = "k1", policy: Policy = "higher") -> Decision:
    sha256 = hashlib.sha256(written(quote).encode()).digest()
    return await _ask(world, Asked(quote.bet_id, written(quote), policy, key, sha256))


async def _ask(world: World, asked: Asked) -> Decision:
    tenant_id, ann = world.tenants["acme"].id, world.players["acme", "ann"]
    async with world.app.transaction(tenant_id) as conn:
        return await cashouts.cash_out(conn, tenant_id, ann, asked, world.at)


async def cash(world: World) -> tuple[int, int]:
    """Ann's (free, staked) money."""
    found = await world.balance("ann")
    return found.cash_minor, found.held_minor


def test_a_whole_bet_is_cashed_out_at_its_value(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await house(world, Terms(margin_bps=500))
            home = (await lay(world, "E1", 50_000, 40_000, 20_000))["home"]
            bet_id = await bet(world, 8_000, (home, 50_000))
            # Without an overround: 1/2.5 + 1/5 + 1/2.5 = 1.
            await lay(world, "E1", 25_000, 50_000, 25_000)
            quote = await quoted(world, bet_id)
            assert (quote.fair_minor, quote.amount_minor) == (16_000, 15_200)
            decision = await ask(world, quote)
            assert decision.answer["amount_minor"] == 15_200
            assert await cash(world) == (100_000 - 8_000 + 15_200, 0)
            assert (await valued(world, bet_id)).refusal == "bet_ended"
            assert await world.ggr_minor() == 8_000 - 15_200
            # It has ended: what happens on the pitch moves nothing any more.
            await world.result("E1", {"ft": (1, 0)})
            assert await world.settle() == 0
            assert await cash(world) == (107_200, 0)
            assert not await world.violations()

    asyncio.run(story())


def test_what_was_cashed_out_stays_when_the_result_is_corrected(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await house(world)
            home = (await lay(world, "E1", 30_000, 30_000, 30_000))["home"]
            bet_id = await bet(world, 1_000, (home, 30_000))
            await ask(world, await quoted(world, bet_id, 2_500), "k1")
            assert await cash(world) == (100_000 - 1_000 + 250, 750)
            await lay(world, "E1", 15_000, 60_000, 60_000)
            await ask(world, await quoted(world, bet_id, 5_000), "k2")
            assert await cash(world) == (99_250 + 500, 500)
            await world.result("E1", {"ft": (1, 0)})
            assert await world.settle() == 1
            assert await cash(world) == (99_750 + 1_500, 0)
            await world.result("E1", {"ft": (0, 1)})
            assert await world.settle() == 1
            assert await cash(world) == (99_750, 0)
            await world.result("E1", {}, "cancelled")
            assert await world.settle() == 1
            # Void gives back the stake that was left, not what was sold.
            assert await cash(world) == (99_750 + 500, 0)
            assert await world.ggr_minor() == 500 - 750
            assert not await world.violations()

    asyncio.run(story())


def test_combos_count_what_has_ended(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await house(world)
            one = (await lay(world, "E1", 20_000, 40_000, 40_000))["home"]
            two = (await lay(world, "E2", 20_000, 40_000, 40_000))["home"]
            bet_id = await bet(world, 1_000, (one, 20_000), (two, 20_000))
            assert (await quoted(world, bet_id)).amount_minor == 1_000
            await world.result("E1", {"ft": (2, 0)})
            assert await world.settle() == 0
            quote = await quoted(world, bet_id)
            assert quote.amount_minor == 2_000
            await ask(world, quote)
            assert not await world.violations()

    asyncio.run(story())


def test_a_value_that_moved_is_shown_again(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await house(world)
            home = (await lay(world, "E1", 20_000, 40_000, 40_000))["home"]
            bet_id = await bet(world, 1_000, (home, 20_000))
            quote = await quoted(world, bet_id)
            await lay(world, "E1", 25_000, 50_000, 25_000)
            lower = await ask(world, quote, "k1")
            assert lower.refusal == "cash_out_changed"
            assert lower.answer["amount_minor"] == 800
            assert await ask(world, quote, "k1") == replace(lower, is_replayed=True)
            assert lower.answer["quote"].split(".")[:3] == [bet_id.hex, "10000", "800"]
            # A higher value is taken, unless the player wants to be asked.
            await lay(world, "E1", 12_500, 100_000, 100_000)
            assert (await ask(world, quote, "k2", "none")).refusal == "cash_out_changed"
            assert (await ask(world, quote, "k3")).answer["amount_minor"] == 1_600
            assert not await world.violations()

    asyncio.run(story())


def test_a_quote_ends(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await house(world)
            home = (await lay(world, "E1", 20_000, 40_000, 40_000))["home"]
            quote = await quoted(world, await bet(world, 1_000, (home, 20_000)))
            world.at += timedelta(seconds=FREE.quote_s)
            assert (await ask(world, quote)).refusal == "quote_expired"

    asyncio.run(story())


def test_a_quote_that_was_altered_is_none(database_urls: Urls) -> None:
    """Nor one that somebody has made: of another share, another amount, or for longer."""

    async def story() -> None:
        async with opened(database_urls) as world:
            await house(world)
            home = (await lay(world, "E1", 20_000, 40_000, 40_000))["home"]
            quote = await quoted(world, await bet(world, 1_000, (home, 20_000)))
            for n, altered in enumerate((
                replace(quote, share_bps=5_000),
                replace(quote, amount_minor=quote.amount_minor - 1),
                replace(quote, expires_at=quote.expires_at + timedelta(days=1)),
                replace(quote, digest="f" * 16),
                replace(quote, seal="0" * 16),
                replace(quote, seal=""),
            )):  # fmt: skip
                with pytest.raises(Invalid) as refused:
                    await ask(world, altered, f"k{n}", "any")
                assert (refused.value.code, refused.value.field) == ("quote_invalid", "quote")
            assert await cash(world) == (99_000, 1_000)
            assert (await ask(world, quote, "k", "any")).answer["amount_minor"] == 1_000

    asyncio.run(story())


REFUSED: list[tuple[str, Terms, Any, timedelta]] = [
    ("cash_out_off", replace(FREE, enabled=False), "open", timedelta(0)),
    ("market_suspended", FREE, "suspended", timedelta(0)),
    ("market_closed", FREE, "closed", timedelta(0)),
    ("market_closed", FREE, "open", timedelta(days=2)),
    ("feed_stale", replace(FREE, stale_s=10), "open", timedelta(seconds=11)),
    ("cash_out_too_small", replace(FREE, margin_bps=5_000), "tiny", timedelta(0)),
]


def test_what_is_refused(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await house(world)
            began_at = world.at
            for n, (refusal, terms, state, later) in enumerate(REFUSED):
                world.at = began_at
                await set_terms(world, FREE)
                before = await cash(world)
                home = (await lay(world, f"E{n}", 20_000, 40_000, 40_000))["home"]
                stake_minor = 10 if state == "tiny" else 1_000
                bet_id = await bet(world, stake_minor, (home, 20_000))
                quote = await quoted(world, bet_id)
                await set_terms(world, terms)
                if state == "tiny":
                    await lay(world, f"E{n}", 5_000_000, 10_100, 10_100)
                else:
                    await lay(world, f"E{n}", 20_000, 40_000, 40_000, state=state)
                world.at += later
                assert (await valued(world, bet_id)).refusal == refusal
                assert (await ask(world, quote, f"k{n}")).refusal == refusal
                assert await cash(world) == (before[0] - stake_minor, before[1] + stake_minor)

    asyncio.run(story())


def test_in_play_a_price_has_to_stand(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await house(world, replace(FREE, delay_s=5))
            home = (await lay(world, "E1", 20_000, 40_000, 40_000))["home"]
            bet_id = await bet(world, 1_000, (home, 20_000))
            world.at += timedelta(days=1, minutes=10)
            await kick_off(world, "E1")
            await lay(world, "E1", 16_000, 50_000, 80_000)
            assert (await valued(world, bet_id)).refusal == "cash_out_delayed"
            world.at += timedelta(seconds=5)
            assert (await quoted(world, bet_id)).amount_minor > 1_000
            world.at += timedelta(seconds=10)
            assert (await valued(world, bet_id)).refusal == "feed_stale"

    asyncio.run(story())


def test_one_key_cashes_out_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await house(world)
            home = (await lay(world, "E1", 20_000, 40_000, 40_000))["home"]
            bet_id = await bet(world, 1_000, (home, 20_000))
            half = await quoted(world, bet_id, 5_000)
            answers = await asyncio.gather(*(ask(world, half, "same") for _ in range(6)))
            assert sorted(one.is_replayed for one in answers) == [False] + [True] * 5
            assert all(one.answer == answers[0].answer for one in answers)
            with pytest.raises(KeyReused):
                await ask(world, await quoted(world, bet_id), "same")
            # Another key on the old quote asks for a share that is gone.
            with pytest.raises(Invalid, match="already"):
                await ask(world, half, "other")
            assert await cash(world) == (99_500, 500)
            assert not await world.violations()

    asyncio.run(story())


def test_cash_outs_at_once_pay_each_part_once(database_urls: Urls) -> None:
    """Of six quotes for the whole bet one is paid; the others find that it has ended."""

    async def story() -> None:
        async with opened(database_urls) as world:
            await house(world)
            home = (await lay(world, "E1", 20_000, 40_000, 40_000))["home"]
            bet_id = await bet(world, 1_000, (home, 20_000))
            quote = await quoted(world, bet_id)
            answers = await asyncio.gather(*(ask(world, quote, f"k{n}") for n in range(6)))
            refusals = sorted(one.refusal or "" for one in answers)
            assert refusals == [""] + ["bet_ended"] * 5
            assert await cash(world) == (100_000, 0)
            assert not await world.violations()

    asyncio.run(story())


SOMEBODY_WAITS = b"""
SELECT EXISTS (SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid)
               WHERE a.datname = current_database() AND NOT l.granted)"""


async def until_somebody_waits(monitor: Connection) -> None:
    async with asyncio.timeout(20):
        while (await (await monitor.execute(SOMEBODY_WAITS)).fetchone()) != (True,):
            pass


def test_a_cash_out_that_waited_for_a_suspension_is_refused(database_urls: Urls) -> None:
    async def story() -> None:
        async with (
            opened(database_urls) as world,
            connected(database_urls["worker"]) as (monitor,),
        ):
            await house(world)
            home = (await lay(world, "E1", 20_000, 40_000, 40_000))["home"]
            quote = await quoted(world, await bet(world, 1_000, (home, 20_000)))
            tenant_id, ann = world.tenants["acme"].id, world.players["acme", "ann"]

            async def waits() -> Decision:
                async with world.app.transaction(tenant_id) as conn:
                    asked = Asked(quote.bet_id, written(quote), "any", "k1", bytes(32))
                    return await cashouts.cash_out(conn, tenant_id, ann, asked, world.at)

            setting = Setting("event", str(await world.event("E1")), enabled=False)
            async with world.worker.transaction(tenant_id) as conn:
                assert await offers.switch(conn, tenant_id, setting, world.at) == 3
                waiting = asyncio.create_task(waits())
                await until_somebody_waits(monitor)
            assert (await waiting).refusal == "market_suspended"
            assert await cash(world) == (99_000, 1_000)

    asyncio.run(story())


def test_a_cash_out_and_a_settlement_at_once_pay_once(database_urls: Urls) -> None:
    """What is agreed before a result comes is paid and the bet has ended; a result waits for it."""

    async def story() -> None:
        async with (
            opened(database_urls) as world,
            connected(database_urls["worker"]) as (monitor,),
        ):
            await house(world)
            home = (await lay(world, "E1", 20_000, 40_000, 40_000))["home"]
            first, second = [await bet(world, 1_000, (home, 20_000)) for _ in range(2)]
            tenant_id, ann = world.tenants["acme"].id, world.players["acme", "ann"]
            asked = [
                Asked(bet_id, written(await quoted(world, bet_id)), "any", str(n), bytes(32))
                for n, bet_id in enumerate((first, second))
            ]
            async with world.app.transaction(tenant_id) as conn:
                paid = await cashouts.cash_out(conn, tenant_id, ann, asked[0], world.at)
                entering = asyncio.create_task(world.result("E1", {"ft": (1, 0)}))
                await until_somebody_waits(monitor)
            assert paid.refusal is None
            assert await entering == 1
            # A settler has the second bet while its player asks for his money.
            async with world.worker.transaction(tenant_id) as conn:
                assert await settlement.settle_due(conn, tenant_id, world.at, 1) == 1
                late = asyncio.create_task(_ask(world, asked[1]))
                await until_somebody_waits(monitor)
            assert (await late).refusal == "bet_ended"
            assert await cash(world) == (98_000 + 1_000 + 2_000, 0)
            assert not await world.violations()

    asyncio.run(story())


def test_another_players_bet_looks_like_none(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await house(world)
            await world.player("bob", cash_minor=10_000)
            home = (await lay(world, "E1", 20_000, 40_000, 40_000))["home"]
            (decision,) = await world.place([world.slip("bob", 1_000, [(home, 20_000)])])
            bobs = UUID(decision.answer["bet_id"])
            tenant_id, ann = world.tenants["acme"].id, world.players["acme", "ann"]
            with pytest.raises(NotFound):
                await valued(world, bobs)
            async with world.app.reading(tenant_id) as conn:
                assert not await cashouts.values(conn, tenant_id, ann, [bobs], world.at)
                bob = world.players["acme", "bob"]
                theirs = await cashouts.value(conn, tenant_id, bob, bobs, 10_000, world.at)
            with pytest.raises(NotFound):
                await ask(world, theirs.quotes[0])
            async with world.app.transaction(tenant_id) as conn:
                with pytest.raises(NotFound):
                    await cashouts.order(conn, tenant_id, ann, bobs, 100, world.at)

    asyncio.run(story())


def test_debts_are_paid_of_a_cash_out_first(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await house(world)
            home = (await lay(world, "E1", 20_000, 40_000, 40_000))["home"]
            away = (await lay(world, "E2", 20_000, 40_000, 40_000))["home"]
            await bet(world, 50_000, (home, 20_000))
            await world.result("E1", {"ft": (1, 0)})
            await world.settle()
            second = await bet(world, 150_000, (away, 20_000))
            await world.result("E1", {"ft": (0, 1)})
            await world.settle()
            assert await cash(world) == (0, 150_000)
            await ask(world, await quoted(world, second, 5_000))
            assert await cash(world) == (0, 75_000)
            assert await world.own_minor("receivable") == -25_000
            await ask(world, await quoted(world, second), "k2")
            assert await cash(world) == (50_000, 0)
            assert not await world.violations()

    asyncio.run(story())
