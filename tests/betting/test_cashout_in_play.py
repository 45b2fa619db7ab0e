"""Cash-outs while a match is being played: paid after a delay, if nothing has changed meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx2
import psycopg

from overround import ops
from overround.betting import cashouts
from overround.betting.cashouts import jobs
from overround.db.logins import Role
from overround.kit import metrics
from overround.roles import looking
from tests.betting.test_cashout_routes import HTML
from tests.betting.test_in_play import (
    Happens,
    drop,
    due,
    end,
    goal,
    goal_and_prices,
    nothing,
    on,
    people,
    rise,
    send,
    suspension,
)
from tests.support.edge import Edge, opened, set_status
from tests.support.in_play import Match, offered

Urls = Mapping[Role, str]
# Prices have stood for so long that bets have a value, and nobody has been silent for too long.
PRICED = timedelta(seconds=10)


async def bets(edge: Edge, matches: Sequence[Match], player: httpx2.AsyncClient) -> list[str]:
    """A bet of 1.00 on the home side of each, which has stood its delay; prices stand too."""
    sent = [await send(edge, match, player, odds_policy="any") for match in matches]
    assert {one.status_code for one in sent} == {202}
    assert await due(edge) == len(sent)
    edge.clock.move_to(max(match.heard_at for match in matches) + PRICED)
    return [one.json()["slip_id"] for one in sent]


async def asked(
    edge: Edge, player: httpx2.AsyncClient, bet_id: str, share_bps: int = 10_000, **more: Any
) -> httpx2.Response:
    path = f"/api/v1/bets/{bet_id}/cash-out"
    worth = (await player.get(f"{path}?share_bps={share_bps}")).json()
    assert worth["is_available"], worth
    body = {"quote": worth["quotes"][0]["quote"], **more}
    return await player.post(path, json=body, headers=edge.key())


async def paid(edge: Edge, after_s: float = 20) -> int | None:
    """Whoever settles does so when every delay is over."""
    return await jobs.pay_due(edge.worker_db, edge.clock.now() + timedelta(seconds=after_s))


async def end_of(player: httpx2.AsyncClient, sent: httpx2.Response) -> str:
    found = (await player.get(sent.headers["location"])).json()
    return found["refusal"]["code"] if found["refusal"] else found["status"]


async def cash(player: httpx2.AsyncClient) -> str:
    return (await player.get("/api/v1/balance")).json()["cash"]


async def sound(edge: Edge) -> None:
    tenant_id = edge.tenants["acme"].id
    async with edge.worker_db.snapshot(tenant_id) as conn:
        assert await cashouts.check(conn, tenant_id) == []


def test_a_cash_out_in_play_is_paid_once_by_four_settlers(database_urls: Urls) -> None:
    """It waits as long as a bet would, and meanwhile nothing else is asked of its bet."""

    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, boss = await people(edge)
            await offered(edge, boss, delay_ms=3_000)
            match = await on(edge, "one")
            (bet_id,) = await bets(edge, [match], ann)
            path = f"/api/v1/bets/{bet_id}/cash-out"
            quote = (await ann.get(f"{path}?share_bps=5000")).json()["quotes"][0]
            key, body = edge.key(), {"quote": quote["quote"]}
            sent = await ann.post(path, json=body, headers=key)
            assert sent.status_code == 202, sent.text
            found = sent.json()
            assert (found["status"], found["amount"]) == ("waiting", quote["amount"])
            assert found["due_at"] == _later(found["asked_at"], 3)
            assert sent.headers["location"] == found["status_url"]
            again = await ann.post(path, json=body, headers=key)
            assert (again.status_code, again.content) == (202, sent.content)
            assert again.headers["idempotency-replayed"] == "true"
            # One at a time, and none by itself meanwhile.
            worth = (await ann.get(path)).json()
            assert (worth["reason"], worth["waiting"]) == ("cash_out_waiting", found)
            for _ in range(3):
                other = await ann.post(path, json=body, headers=edge.key())
                assert other.json()["code"] == "cash_out_waiting"
            assert (await ann.get(path)).json()["waiting"] == found
            ordered = await ann.put(f"{path}/order", json={"amount": "1.70"})
            assert ordered.json()["code"] == "cash_out_waiting"
            bob = await edge.player("bob")
            assert (await bob.get(found["status_url"])).status_code == 404
            page = (await ann.get("/bets", headers=HTML)).text
            assert "is looked at again" in page
            assert 'name="quote"' not in page

            assert await paid(edge, 2.9) is None
            assert await cash(ann) == "99.00"
            done = await asyncio.gather(*(paid(edge, 3) for _ in range(4)))
            assert sum(one or 0 for one in done) == 1
            became = (await ann.get(found["status_url"])).json()
            assert became["status"] == "paid"
            assert became["paid"]["amount"] == quote["amount"]
            late = await ann.post(path, json=body, headers=key)
            assert (late.status_code, late.json()) == (201, became["paid"])
            assert await cash(ann) == f"{99 + float(quote['amount']):.2f}"
            await sound(edge)

    asyncio.run(story())


def _later(text: str, seconds: int) -> str:
    at = datetime.fromisoformat(text) + timedelta(seconds=seconds)
    return at.isoformat().replace("+00:00", "Z")


# What happens in the delay, what is said of the value, and what becomes of it. A price of the home
# side that drops makes the bet worth more.
IN_THE_DELAY: tuple[tuple[Happens, dict[str, Any], str], ...] = (
    (nothing, {}, "paid"),
    (nothing, {"value_policy": "none"}, "paid"),
    (goal, {"value_policy": "any"}, "score_changed"),
    (goal_and_prices, {"value_policy": "any"}, "score_changed"),
    (suspension, {"value_policy": "any"}, "market_suspended"),
    (drop, {}, "paid"),
    (drop, {"value_policy": "none"}, "cash_out_changed"),
    (rise, {}, "cash_out_changed"),
    (rise, {"tolerance_bps": 1_500}, "paid"),
    (rise, {"tolerance_bps": 10}, "cash_out_changed"),
    (rise, {"value_policy": "any"}, "paid"),
    (end, {"value_policy": "any"}, "market_closed"),
)


def test_what_happens_in_the_delay_of_a_cash_out_decides(database_urls: Urls) -> None:
    """Each on a match of its own; whoever is refused has his bet as it was."""

    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, boss = await people(edge)
            await offered(edge, boss, stale_ms=60_000)
            matches = [await on(edge, f"m{n}") for n in range(len(IN_THE_DELAY))]
            sent: list[httpx2.Response] = []
            stand = await bets(edge, matches, ann)
            for match, bet_id, (happens, more, _) in zip(matches, stand, IN_THE_DELAY, strict=True):
                sent.append(await asked(edge, ann, bet_id, **more))
                assert sent[-1].status_code == 202, sent[-1].text
                await happens(match)
            assert await paid(edge, 6) == len(sent)
            assert [await end_of(ann, one) for one in sent] == [said for *_, said in IN_THE_DELAY]
            held = (await ann.get("/api/v1/balance")).json()["held"]
            refused = len([said for *_, said in IN_THE_DELAY if said != "paid"])
            assert held == f"{refused}.00"
            await sound(edge)

    asyncio.run(story())


def test_an_order_in_play_waits_as_its_player_would(database_urls: Urls) -> None:
    """It cannot be taken back while it is on its way, and stays an order where it is refused."""

    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, boss = await people(edge)
            await offered(edge, boss, stale_ms=60_000)
            match = await on(edge, "one")
            (bet_id,) = await bets(edge, [match], ann)
            path = f"/api/v1/bets/{bet_id}/cash-out"
            assert (await ann.put(f"{path}/order", json={"amount": "0.95"})).status_code == 200
            assert await orders(edge) is None
            await drop(match)
            edge.later(seconds=PRICED.seconds)
            assert await orders(edge) is None
            waits = (await ann.get(path)).json()["waiting"]
            assert (waits["by_order"], waits["amount"]) == (True, "0.95")
            assert (await ann.delete(f"{path}/order")).json()["code"] == "cash_out_waiting"
            assert "Cashes out by itself" in (await ann.get("/bets", headers=HTML)).text
            await goal_and_prices(match)
            assert await paid(edge, 6) == 1
            assert (await ann.get(waits["status_url"])).json()["refusal"]["code"] == "score_changed"
            # The order stands, and asks again when it pays that much at the score of now.
            await drop(match)
            edge.later(seconds=PRICED.seconds)
            assert await orders(edge) is None
            found = (await ann.get(path)).json()["waiting"]
            assert await paid(edge, 6) == 1
            became = (await ann.get(found["status_url"])).json()
            assert became["status"] == "paid"
            assert float(became["paid"]["amount"]) >= 0.95
            assert (await ann.get(path)).json()["order"] is None
            await sound(edge)

    asyncio.run(story())


def test_cash_outs_that_wait_are_counted_in_the_house(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, boss = await people(edge)
            await offered(edge, boss, delay_ms=3_000)
            match = await on(edge, "one")
            (bet_id,) = await bets(edge, [match], ann)
            assert await waiting(edge) == (0, 0.0)
            await asked(edge, ann, bet_id)
            edge.later(seconds=2)
            assert await waiting(edge) == (1, 2.0)
            await paid(edge)
            assert await waiting(edge) == (0, 0.0)

    asyncio.run(story())


async def waiting(edge: Edge) -> tuple[int, float]:
    """How many cash-outs wait and for how long the oldest does, as the house's report and its
    gauges say."""
    at = edge.clock.now()
    await looking.write_house(edge.worker_db, at, None)
    async with edge.worker_db.reading(None) as conn:
        written = await ops.last_report(conn, "house")
    assert written is not None
    said = written.report["bets"]["cash_outs"]
    gauges = {one.name: one.slots[0] for one in metrics.HOUSE.counted() if not one.values}
    assert said["waiting"] == gauges["cash_outs_waiting"]
    return said["waiting"], gauges["cash_outs_oldest_seconds"]


def test_a_house_that_was_suspended_in_the_delay_pays_nothing(database_urls: Urls) -> None:
    """As it takes no slip that has waited, and looks at no order."""

    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, boss = await people(edge)
            await offered(edge, boss, stale_ms=60_000)
            match = await on(edge, "one")
            (bet_id, by_itself) = await bets(edge, [match, await on(edge, "two")], ann)
            path = f"/api/v1/bets/{by_itself}/cash-out/order"
            assert (await ann.put(path, json={"amount": "0.95"})).status_code == 200
            before, sent = await cash(ann), await asked(edge, ann, bet_id, value_policy="any")
            await set_status(edge, "acme", "suspended")
            assert await orders(edge) is None
            assert await paid(edge, 6) == 1
            await set_status(edge, "acme", "active")
            assert (await end_of(ann, sent), await cash(ann)) == ("tenant_suspended", before)
            await sound(edge)

    asyncio.run(story())


async def orders(edge: Edge) -> int | None:
    return await jobs.run_once(edge.worker_db, edge.clock.now())


def test_a_cash_out_that_cannot_be_paid_holds_up_no_other(database_urls: Urls) -> None:
    """And who waits for longer than a minute after his delay is told so, on his page too."""

    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, boss = await people(edge)
            await offered(edge, boss, stale_ms=60_000)
            matches = [await on(edge, name) for name in ("spoiled", "sound", "silent")]
            stand = await bets(edge, matches, ann)
            sent = [await asked(edge, ann, bet_id) for bet_id in stand[:2]]
            async with await psycopg.AsyncConnection.connect(database_urls["owner"]) as conn:
                # Somebody has spoiled the first one's row: no stake is such a share of it.
                words = [str(edge.tenants["acme"].id)]
                await conn.execute("SELECT set_config('overround.tenant_id', %s, true)", words)
                first = [sent[0].json()["cash_out_id"]]
                await conn.execute("UPDATE cash_out_request SET share_bps = 1 WHERE id = %s", first)
            assert await paid(edge, 6) == 1
            assert [await end_of(ann, one) for one in sent] == ["waiting", "paid"]
            assert await paid(edge, 66) == 1
            assert await end_of(ann, sent[0]) == "cash_out_expired"
            # Offers stand open when a hub dies; the feed's age is looked at again.
            silent = await asked(edge, ann, stand[2])
            assert await paid(edge, 52) == 1
            assert await end_of(ann, silent) == "feed_stale"
            page = (await ann.get("/bets", headers=HTML)).text
            assert "The prices are too old." in page
            assert "The cash-out waited too long." in page
            await sound(edge)

    asyncio.run(story())
