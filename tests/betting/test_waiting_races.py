"""Slips that wait, and who meets over them: placers, their ends, and people with other wishes."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from uuid import UUID

import httpx2
import pytest

from overround.betting import waiting
from overround.betting.bets import Asked, Slip, SlipLeg
from overround.betting.waiting import jobs
from overround.core import ids, price
from overround.core.errors import Conflict
from overround.db import Database
from tests.betting.test_waiting import ASYNC, Urls, decide, let_wait, run, send, sound, status
from tests.support.edge import Edge, opened, user_id_of
from tests.web.test_betting_routes import home_of, lay

# Places what is due, says so, and is killed before it commits.
PLACER = """
import asyncio, sys, time
from datetime import datetime
from uuid import UUID
from overround.betting import waiting
from overround.db import Database

async def main(url, tenant, at):
    db = await Database.open(url, purpose="worker", size_min=1, size_max=1)
    async with db.transaction(UUID(tenant)) as conn:
        placed = await waiting.place_due(conn, UUID(tenant), datetime.fromisoformat(at))
        print(len(placed), file=sys.stderr, flush=True)
        time.sleep(600)

asyncio.run(main(*sys.argv[1:]))
"""


async def _crowd(edge: Edge, count: int) -> list[httpx2.AsyncClient]:
    players = [await edge.player(f"p{n}") for n in range(count)]
    await asyncio.gather(*(edge.deposit(one, "5.00") for one in players))
    return players


async def _ask(edge: Edge, player: httpx2.AsyncClient, slips: int) -> list[httpx2.Response]:
    return [await send(edge, player, "1.00", **ASYNC) for _ in range(slips)]


async def _wait(edge: Edge, user_id: UUID, leg: SlipLeg, slips: int) -> None:
    tenant_id, at = edge.tenants["acme"].id, edge.clock.now()
    for n in range(slips):
        asked = Asked(tenant_id, Slip(ids.new(at), user_id, f"k{n}", (leg,), 100, at))
        async with edge.app_db.transaction(tenant_id) as conn:
            assert await waiting.enter(conn, asked, None, at) is not None


async def _bets(player: httpx2.AsyncClient) -> set[str]:
    return {one["id"] for one in (await player.get("/api/v1/bets")).json()["items"]}


def test_eight_placers_place_two_hundred_slips_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await lay(edge, "acme")
            players = await _crowd(edge, 10)
            selection, shown = await home_of(players[0])
            leg = SlipLeg(UUID(selection), price.parse_decimal(shown))
            users = [await user_id_of(edge, f"p{n}") for n in range(10)]
            await asyncio.gather(*(_wait(edge, one, leg, 20) for one in users))
            url = database_urls["worker"]
            placers = await Database.open(url, purpose="worker", size_min=8, size_max=8)
            try:

                async def placer() -> int:
                    done = 0
                    while (count := await jobs.run_once(placers, edge.clock.now())) is not None:
                        done += count
                    return done

                assert sum(await asyncio.gather(*(placer() for _ in range(8)))) == 200
            finally:
                await placers.close()
            # Each has money for five of his twenty.
            ends = Counter[str]()
            for player in players:
                page = (await player.get("/api/v1/slips")).json()["items"]
                assert {one["bet_id"] for one in page if one["bet_id"]} == await _bets(player)
                ends += Counter((one["refusal"] or {"code": "accepted"})["code"] for one in page)
            assert ends == {"accepted": 50, "insufficient_funds": 150}
            await sound(edge)

    asyncio.run(story())


def test_a_placer_killed_before_its_commit_places_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await lay(edge, "acme")
            (ann,) = await _crowd(edge, 1)
            said = await _ask(edge, ann, 3)
            at, tenant_id = edge.clock.now().isoformat(), str(edge.tenants["acme"].id)
            words = [sys.executable, "-c", PLACER, database_urls["worker"], tenant_id, at]
            placer = await asyncio.create_subprocess_exec(
                *words, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
            )
            assert placer.stderr is not None
            assert await placer.stderr.readline() == b"3\n"
            # They are his for as long as he lives.
            assert await run(edge) is None
            placer.kill()
            await placer.wait()
            done = 0
            while done < 3:
                done += await run(edge) or 0
            assert done == 3
            assert [(await status(ann, one))["status"] for one in said] == ["accepted"] * 3
            assert len(await _bets(ann)) == 3
            await sound(edge)

    asyncio.run(story())


def test_one_key_sent_twice_at_once_is_one_slip(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await lay(edge, "acme")
            (ann,) = await _crowd(edge, 1)
            key = edge.key()
            sent = await asyncio.gather(
                *(send(edge, ann, "1.00", **key, **ASYNC) for _ in range(8)),
                *(run(edge) for _ in range(3)),
                send(edge, ann, "2.00", **key, **ASYNC),
            )
            answers = [one for one in sent if isinstance(one, httpx2.Response)]
            for answer in answers[:-1]:
                assert answer.status_code in (201, 202), answer.text
            assert answers[-1].status_code == 422
            await run(edge)
            assert len(await _bets(ann)) == 1
            await sound(edge)

    asyncio.run(story())


@pytest.mark.parametrize("first", ["approve", "withdraw"])
def test_a_slip_is_withdrawn_or_approved_and_never_both(database_urls: Urls, first: str) -> None:
    """Who comes second waits for the first, and is told what became of the slip."""

    async def story() -> None:
        async with opened(database_urls) as edge:
            await lay(edge, "acme")
            (ann,) = await _crowd(edge, 1)
            boss = await edge.staff("boss", "risk.manage")
            await let_wait(edge, boss, approve_win="0.01")
            slip_id = UUID((await send(edge, ann, "5.00")).json()["slip_id"])
            tenant_id, at = edge.tenants["acme"].id, edge.clock.now()
            user_id = await user_id_of(edge, "p0")
            if first == "approve":
                assert (await decide(boss, str(slip_id), "approve")).status_code == 204
                async with edge.worker_db.transaction(tenant_id) as placing:
                    assert len(await waiting.place_due(placing, tenant_id, at)) == 1
                    late = asyncio.create_task(_withdraw(edge, tenant_id, user_id, slip_id))
                    await _until_waiting(edge)
                assert await late == "slip_decided"
            else:
                async with edge.app_db.transaction(tenant_id) as leaving:
                    await waiting.withdraw(leaving, tenant_id, user_id, slip_id, at)
                    late = asyncio.create_task(_approve(boss, slip_id))
                    await _until_waiting(edge)
                assert await late == "slip_decided"
                assert await run(edge) is None
            assert len(await _bets(ann)) == (1 if first == "approve" else 0)
            await sound(edge)

    asyncio.run(story())


async def _withdraw(edge: Edge, tenant_id: UUID, user_id: UUID, slip_id: UUID) -> str:
    try:
        async with edge.app_db.transaction(tenant_id) as conn:
            await waiting.withdraw(conn, tenant_id, user_id, slip_id, edge.clock.now())
    except Conflict as error:
        return error.code
    return "withdrawn"


async def _approve(boss: httpx2.AsyncClient, slip_id: UUID) -> str:
    answer = await decide(boss, str(slip_id), "approve")
    return "approved" if answer.status_code == 204 else answer.json()["code"]


async def _until_waiting(edge: Edge) -> None:
    """Until somebody in this database waits for a lock."""
    for _ in range(500):
        async with edge.worker_db.reading(None) as conn:
            cursor = await conn.execute(
                "SELECT EXISTS (SELECT 1 FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock')"
            )
            row = await cursor.fetchone()
        if row is not None and row[0]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits")


def test_a_slip_that_cannot_be_placed_holds_up_no_other(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await lay(edge, "acme")
            ann, bob = await _crowd(edge, 2)
            (bad,), (good,) = await _ask(edge, ann, 1), await _ask(edge, bob, 1)
            tenant_id = edge.tenants["acme"].id
            # Its row says what no statement can be asked: a price beyond an integer.
            async with edge.worker_db.transaction(tenant_id) as conn:
                await conn.execute(
                    """UPDATE slip SET asked = jsonb_set(asked, '{legs,0,price_e4}', '99999999999')
                    WHERE id = %s""",
                    [bad.json()["slip_id"]],
                )
            await run(edge)
            assert (await status(bob, good))["status"] == "accepted"
            assert (await status(ann, bad))["status"] == "waiting"
            edge.later(minutes=6)
            assert await run(edge) == 1
            assert (await status(ann, bad))["status"] == "expired"
            await sound(edge)

    asyncio.run(story())
