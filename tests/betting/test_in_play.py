"""Bets on a match that is being played: taken after a delay, if nothing has changed meanwhile."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from overround.betting import bets, waiting
from overround.betting.offers import Offers
from overround.betting.settlement import settle_due
from overround.betting.waiting import jobs
from overround.db.logins import Role
from overround.roles.archive import importer
from overround.roles.hub.writer import Hub
from tests.betting.test_waiting_races import PLACER
from tests.support.edge import Edge, opened, user_id_of
from tests.support.in_play import IN_PLAY, USUAL, Match, begun, now, offered, relay
from tests.web.test_betting_routes import home_of, lay

Urls = Mapping[Role, str]
Happens = Callable[[Match], Awaitable[None]]


async def send(
    edge: Edge, match: Match, player: httpx2.AsyncClient, stake: str = "1.00", **more: Any
) -> httpx2.Response:
    selection, shown, _ = await match.home(player)
    body = {"stake": stake, "legs": [{"selection_id": selection, "price": shown}], **more}
    return await player.post("/api/v1/bets", json=body, headers=edge.key())


async def due(edge: Edge) -> int | None:
    """Whoever places does so when every delay is over."""
    return await jobs.run_once(edge.worker_db, now() + timedelta(seconds=40))


async def end_of(player: httpx2.AsyncClient, sent: httpx2.Response) -> str:
    found = (await player.get(sent.headers["location"])).json()
    return found["refusal"]["code"] if found["refusal"] else found["status"]


def delay_s(sent: httpx2.Response) -> float:
    found = sent.json()
    first, last = (datetime.fromisoformat(found[key]) for key in ("entered_at", "due_at"))
    return (last - first).total_seconds()


async def sound(edge: Edge) -> None:
    tenant_id = edge.tenants["acme"].id
    async with edge.worker_db.snapshot(tenant_id) as conn:
        assert await waiting.check(conn, tenant_id) == []
        assert await bets.check(conn, tenant_id) == []


async def people(edge: Edge) -> tuple[httpx2.AsyncClient, httpx2.AsyncClient]:
    """Ann, who has 100.00, and the office's boss, who lays football in play."""
    edge.clock.move_to(now())
    ann = await edge.player("ann")
    await edge.deposit(ann, "100.00")
    boss = await edge.staff("boss", "risk.manage", "risk.read")
    await offered(edge, boss)
    return ann, boss


async def on(edge: Edge, name: str) -> Match:
    """A match in play that acme lays at prices in play."""
    match = await begun(edge, name)
    await match.say(IN_PLAY)
    return match


def test_a_bet_in_play_waits_and_is_taken_once(database_urls: Urls) -> None:
    """And a placer that is killed before its commit has placed nothing and lost nothing."""

    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, _ = await people(edge)
            match = await on(edge, "one")
            assert (await match.home(ann))[2] == "open"
            sent = await send(edge, match, ann)
            assert sent.status_code == 202, sent.text
            found = sent.json()
            assert (found["status"], found["why"], found["position"]) == ("waiting", "delay", 1)
            assert delay_s(sent) == 5.0
            left = await ann.post(f"{found['status_url']}/withdraw")
            assert left.json()["code"] == "slip_delayed"
            # Nothing is due before the delay is over.
            before = datetime.fromisoformat(found["due_at"]) - timedelta(milliseconds=1)
            assert await jobs.run_once(edge.worker_db, before) is None
            late, tenant_id = now() + timedelta(seconds=40), edge.tenants["acme"].id
            words = [database_urls["worker"], str(tenant_id), late.isoformat()]
            placer = await asyncio.create_subprocess_exec(
                sys.executable, "-c", PLACER, *words, stderr=asyncio.subprocess.PIPE
            )
            assert placer.stderr is not None
            assert await placer.stderr.readline() == b"1\n"
            placer.kill()
            await placer.wait()
            while await due(edge) is None:
                pass
            assert await end_of(ann, sent) == "accepted"
            assert await due(edge) is None
            assert (await ann.get("/api/v1/balance")).json()["cash"] == "99.00"
            await ends_early(edge, match, ann, found["slip_id"])
            async with edge.worker_db.reading(tenant_id) as conn:
                cursor = await conn.execute("SELECT clock, scores FROM bet_in_play")
                assert await cursor.fetchall() == [("", {})]
            await finish(match, 1, 0)
            async with edge.worker_db.transaction(tenant_id) as conn:
                assert await settle_due(conn, tenant_id, now(), 10) == 1
            assert (await ann.get(f"/api/v1/bets/{found['slip_id']}")).json()["outcome"] == "won"
            await sound(edge)

    asyncio.run(story())


async def ends_early(edge: Edge, match: Match, ann: httpx2.AsyncClient, bet_id: str) -> None:
    """A bet is worth something in play too, but not while a price has just moved, nor when its
    market is suspended."""
    path = f"/api/v1/bets/{bet_id}/cash-out"
    edge.clock.move_to(match.heard_at + timedelta(seconds=1))
    assert (await ann.get(path)).json()["reason"] == "cash_out_delayed"
    edge.clock.move_to(match.heard_at + timedelta(seconds=10))
    worth = await ann.get(path)
    assert worth.json()["is_available"], worth.text
    await match.say(None)
    edge.clock.move_to(match.heard_at + timedelta(seconds=10))
    assert (await ann.get(path)).json()["reason"] == "market_suspended"


async def finish(match: Match, home: int, away: int) -> None:
    await importer.enter_result(
        match.edge.worker_db, match.event_id, status="finished", scores={"ft": (home, away)},
        entered_by="a person", at=now(),
    )  # fmt: skip


async def nothing(match: Match) -> None:
    assert match.hub.playing.on


async def goal(match: Match) -> None:
    await match.score(1, 0)


async def goal_and_prices(match: Match) -> None:
    await match.score(1, 0)
    await match.say(IN_PLAY)


async def half_time(match: Match) -> None:
    await match.score(0, 0, ht=(0, 0))


async def suspension(match: Match) -> None:
    await match.say(None)


async def drop(match: Match) -> None:
    await match.say(("1.60", "3.80", "6.50"))


async def rise(match: Match) -> None:
    await match.say(("1.90", "3.50", "4.60"))


async def dip(match: Match) -> None:
    await match.say(("1.78", "3.62", "5.20"))


async def end(match: Match) -> None:
    await finish(match, 0, 0)


# What happens in the delay, what the slip says of its price, and what becomes of it.
IN_THE_DELAY: tuple[tuple[Happens, dict[str, Any], str], ...] = (
    (nothing, {}, "accepted"),
    (goal, {"odds_policy": "any"}, "score_changed"),
    (goal_and_prices, {"odds_policy": "any"}, "score_changed"),
    (half_time, {}, "accepted"),
    (suspension, {"odds_policy": "any"}, "market_suspended"),
    (drop, {}, "price_changed"),
    (drop, {"odds_policy": "any"}, "accepted"),
    (rise, {}, "accepted"),
    (rise, {"odds_policy": "none"}, "price_changed"),
    (dip, {"tolerance_bps": 300}, "accepted"),
    (dip, {"tolerance_bps": 50}, "price_changed"),
    (end, {"odds_policy": "any"}, "event_started"),
)


def test_what_happens_in_the_delay_decides(database_urls: Urls) -> None:
    """Each on a match of its own; whoever is refused has his money."""

    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, _ = await people(edge)
            sent: list[httpx2.Response] = []
            for n, (happens, more, _) in enumerate(IN_THE_DELAY):
                match = await on(edge, f"m{n}")
                sent.append(await send(edge, match, ann, **more))
                assert sent[-1].status_code == 202, sent[-1].text
                await happens(match)
            assert await due(edge) == len(sent)
            ends = [await end_of(ann, one) for one in sent]
            assert ends == [said for _, _, said in IN_THE_DELAY]
            cash = 100 - ends.count("accepted")
            assert (await ann.get("/api/v1/balance")).json()["cash"] == f"{cash}.00"
            await sound(edge)

    asyncio.run(story())


def test_what_is_laid_in_play(database_urls: Urls) -> None:
    """Prices of before the start or a goal are nobody's; nor are those nobody speaks of."""

    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, boss = await people(edge)
            match = await begun(edge)
            # Offered in play, but nobody has quoted it since it began.
            assert (await match.home(ann))[2] == "suspended"
            refused = await send(edge, match, ann)
            assert refused.json()["code"] == "feed_stale"
            await match.say(IN_PLAY)
            assert (await match.home(ann))[1:] == ("1.74", "open")
            await match.score(0, 0)
            assert (await match.home(ann))[2] == "open"
            await match.score(1, 0)
            assert (await match.home(ann))[2] == "suspended"
            await match.say(("1.45", "4.20", "6.50"))
            assert (await match.home(ann))[2] == "open"
            # A line that the score has passed, whatever is still quoted of it.
            await match.say(("1.50", "2.50"), line=2)
            over = next(one for one in await match.offers(ann) if one["side"] == "over")
            asked = {
                "stake": "1.00",
                "legs": [{"selection_id": over["selection_id"], "price": over["price"]}],
            }
            passed = await ann.post("/api/v1/bets", json=asked, headers=edge.key())
            assert passed.json()["code"] == "line_passed"
            # Nobody speaks of it for longer than the house waits.
            heard_at = match.heard_at
            async with edge.worker_db.transaction(None) as conn:
                await match.hub.hush_in_play(conn, heard_at + timedelta(seconds=14))
            assert (await match.home(ann))[2] == "open"
            async with edge.worker_db.transaction(None) as conn:
                await match.hub.hush_in_play(conn, heard_at + timedelta(seconds=16))
            assert (await match.home(ann))[2] == "suspended"
            await match.score(1, 0, at=heard_at + timedelta(seconds=17))
            assert (await match.home(ann))[2] == "open"
            # What a hub finds in the journal when it comes back is believed when it is said again.
            async with edge.worker_db.transaction(None) as conn:
                back = await Hub.load_now(conn, [Offers(match.hub.books[0].book)], now())
                await back.lay(conn, now())
            assert (await match.home(ann))[2] == "suspended"
            match.hub.books[0] = back.books[0]
            # A house that lays it no more lays it no more at once.
            body = {"sport": "football", "offered": False, **USUAL}
            assert (await boss.put("/api/v1/office/in-play", json=body)).json() == {"items": []}
            assert await match.offers(ann) == []
            await relay(match)
            assert await match.offers(ann) == []

    asyncio.run(story())


def test_how_long_a_bet_in_play_waits(database_urls: Urls) -> None:
    """By its sport, its player and the slowest of its legs; who bets before a start waits for
    nothing; and what a player may not see he may not set."""

    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, boss = await people(edge)
            await offered(edge, boss, delay_ms=3_000)
            match = await on(edge, "one")
            assert delay_s(await send(edge, match, ann)) == 3.0
            await lay(edge, "acme", name="later")
            ahead, price = await home_of(ann)
            legs = [{"selection_id": ahead, "price": price}]
            single = {"stake": "1.00", "legs": legs}
            answer = await ann.post("/api/v1/bets", json=single, headers=edge.key())
            assert answer.status_code == 201
            playing, shown, _ = await match.home(ann)
            combo = {"stake": "1.00", "legs": [*legs, {"selection_id": playing, "price": shown}]}
            answer = await ann.post("/api/v1/bets", json=combo, headers=edge.key())
            assert (answer.status_code, delay_s(answer)) == (202, 3.0)
            path = f"/api/v1/office/risk/players/{await user_id_of(edge, 'ann')}"
            slow = {"factor_e4": 10_000, "delay_e4": 20_000, "note": ""}
            assert (await boss.put(path, json=slow)).status_code == 204
            assert delay_s(await send(edge, match, ann)) == 6.0
            for wrong, code in (
                ({"delay_ms": 999}, 422),
                ({"delay_ms": 30_001}, 422),
                ({"stale_ms": 1_999}, 422),
                ({"sport": "bowls"}, 404),
            ):
                body = {"sport": "football", "offered": True, **USUAL, **wrong}
                assert (await boss.put("/api/v1/office/in-play", json=body)).status_code == code
            for name in ("offered", *USUAL):
                body = {"sport": "football", "offered": True, **USUAL}
                del body[name]
                answer = await boss.put("/api/v1/office/in-play", json=body)
                assert answer.status_code == 422
                assert [one["pointer"] for one in answer.json()["errors"]] == [f"#/{name}"]
            assert (await ann.get("/api/v1/office/in-play")).status_code == 403
            found = (await boss.get("/api/v1/office/in-play")).json()["items"]
            assert found == [
                {"sport": "football", "delay_ms": 3000, "stale_ms": 15000, "by_score": True}
            ]
            assert await due(edge) == 3
            assert datetime.now(UTC) > match.event.starts_at
            await sound(edge)

    asyncio.run(story())
