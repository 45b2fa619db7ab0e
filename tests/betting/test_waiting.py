"""Slips that wait: for their turn, for a person of the house, for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx2

from overround.betting import bets, waiting
from overround.betting.waiting import jobs
from overround.db.logins import Role
from tests.betting.test_place_raw import house
from tests.support.edge import Edge, opened, user_id_of
from tests.web.test_betting_routes import home_of, lay, slip
from tests.web.test_office import switch

Urls = Mapping[Role, str]
ASYNC = {"Prefer": "respond-async"}


async def send(
    edge: Edge, client: httpx2.AsyncClient, stake: str = "10.00", **headers: str
) -> httpx2.Response:
    selection, shown = await home_of(client)
    said = {**edge.key(), **headers}
    return await client.post("/api/v1/bets", json=slip(selection, shown, stake), headers=said)


async def run(edge: Edge) -> int | None:
    return await jobs.run_once(edge.worker_db, edge.clock.now())


async def sound(edge: Edge) -> None:
    tenant_id = edge.tenants["acme"].id
    async with edge.worker_db.snapshot(tenant_id) as conn:
        assert await waiting.check(conn, tenant_id) == []
        assert await bets.check(conn, tenant_id) == []


async def status(client: httpx2.AsyncClient, said: httpx2.Response) -> dict[str, Any]:
    answer = await client.get(said.headers["location"])
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_slip_that_waits_for_its_turn_is_placed_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await lay(edge, "acme")
            ann, bob = await edge.player("ann"), await edge.player("bob")
            await edge.deposit(ann, "100.00")
            key = edge.key()
            said = await send(edge, ann, **ASYNC, **key)
            assert said.status_code == 202, said.text
            assert said.headers["preference-applied"] == "respond-async"
            found = said.json()
            assert (found["status"], found["why"], found["position"]) == ("waiting", "asked", 1)
            (leg,) = found["legs"]
            assert (found["kind"], found["each_way"], found["sizes"]) == ("single", False, None)
            assert ([leg["price"]], found["potential_payout"]) == (found["prices"], None)
            assert said.headers["location"] == found["status_url"]
            assert (await status(ann, said))["status"] == "waiting"
            assert (await bob.get(found["status_url"])).status_code == 404
            # The same key is the same slip, in whichever way it is sent.
            for again in (await send(edge, ann, **ASYNC, **key), await send(edge, ann, **key)):
                assert (again.status_code, again.json()) == (202, found)
            other = await send(edge, ann, "11.00", **ASYNC, **key)
            assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
            assert (await send(edge, ann, "11.00", **key)).status_code == 422
            await sound(edge)
            assert await run(edge) == 1
            assert await run(edge) is None
            done = await status(ann, said)
            assert (done["status"], done["bet_id"]) == ("accepted", found["slip_id"])
            bet = (await ann.get(f"/api/v1/bets/{done['bet_id']}")).json()
            assert (done["stake"], bet["stake"]) == ("10.00", "10.00")
            assert done["potential_payout"] == bet["potential_payout"]
            assert done["prices"] == [bet["legs"][0]["price"]]
            again = await send(edge, ann, **ASYNC, **key)
            assert (again.status_code, again.json()["bet_id"]) == (201, done["bet_id"])
            assert again.headers["idempotency-replayed"] == "true"
            await sound(edge)
            # What checks the books would have seen it go on waiting.
            tenant_id = edge.tenants["acme"].id
            async with edge.worker_db.transaction(tenant_id) as conn:
                await conn.execute(
                    "UPDATE slip SET state = 'waiting', answer = NULL, ended_at = NULL"
                )
                broken = {one.invariant for one in await waiting.check(conn, tenant_id)}
            assert broken == {"a slip waits with its key", "a slip that was accepted is its bet"}

    asyncio.run(story())


async def let_wait(edge: Edge, client: httpx2.AsyncClient, **words: Any) -> httpx2.Response:
    unsaid = {"approve_win": None, "delay_ms": None}
    body = {"scope": "house", "scope_key": "house", **unsaid, **words}
    return await client.put("/api/v1/office/waits", json=body)


async def decide(
    client: httpx2.AsyncClient, slip_id: str, verdict: str, **words: Any
) -> httpx2.Response:
    body = {"verdict": verdict, "reason": "as agreed", **words}
    return await client.post(f"/api/v1/office/approvals/{slip_id}", json=body)


def test_a_person_approves_or_refuses_what_may_win_much(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await lay(edge, "acme")
            ann, boss = await edge.player("ann"), await edge.staff("boss", "risk.manage")
            await edge.deposit(ann, "1000.00")
            assert (await let_wait(edge, ann, approve_win="50.00")).status_code == 403
            set_to = await let_wait(edge, boss, approve_win="50.00")
            assert set_to.json()["approve_win"] == "50.00", set_to.text
            assert (await send(edge, ann, "10.00")).status_code == 201
            key = edge.key()
            said = await send(edge, ann, "100.00", **key)
            assert said.status_code == 202, said.text
            assert "preference-applied" not in said.headers
            found = said.json()
            assert (found["why"], found["due_at"]) == ("approval", None)
            # It holds no money, and nobody places it before somebody has said so.
            assert await run(edge) is None
            assert (await ann.get("/api/v1/balance")).json()["cash"] == "990.00"
            assert (await send(edge, ann, "100.00", **key)).json() == found
            (shown,) = (await boss.get("/api/v1/office/approvals")).json()["items"]
            assert (shown["slip"]["slip_id"], shown["player"]["player"]) == (
                found["slip_id"], "ann",
            )  # fmt: skip
            assert (shown["player"]["bets"], shown["legs"][0]["state_now"]) == (1, "open")
            assert (await decide(ann, found["slip_id"], "approve")).status_code == 403
            # Of a run it is neither a bet nor a refusal: it is counted by itself.
            async with edge.worker_db.reading(edge.tenants["acme"].id) as conn:
                now, late = edge.clock.now(), edge.clock.now().replace(year=9999)
                counts = await bets.counts(conn, edge.tenants["acme"].id, now, late, "key-")
            assert counts == (1, {}, 1, 0)
            nameless = await decide(boss, found["slip_id"], "approve", reason=" ")
            assert nameless.json()["code"] == "reason"
            assert (await decide(boss, found["slip_id"], "approve")).status_code == 204
            assert (await decide(boss, found["slip_id"], "refuse")).json()["code"] == "slip_decided"
            assert await run(edge) == 1
            assert (await status(ann, said))["status"] == "accepted"
            assert (await send(edge, ann, "100.00", **key)).status_code == 201

            key = edge.key()
            said = await send(edge, ann, "101.00", **key, **ASYNC)
            assert await run(edge) == 1
            found = await status(ann, said)
            assert (found["status"], found["why"]) == ("waiting", "approval")
            assert (await decide(boss, found["slip_id"], "refuse")).status_code == 204
            found = await status(ann, said)
            assert (found["status"], found["refusal"]["code"]) == ("refused", "refused_by_house")
            again = await send(edge, ann, "101.00", **key)
            assert (again.status_code, again.json()["code"]) == (409, "refused_by_house")
            assert (await boss.get("/api/v1/office/approvals")).json()["items"] == []
            await sound(edge)

    asyncio.run(story())


def test_only_an_offer_has_a_stake_and_prices(database_urls: Urls) -> None:
    """Beside another verdict they are refused by their names, and nothing is decided."""

    async def story() -> None:
        async with opened(database_urls) as edge:
            await lay(edge, "acme")
            ann, boss = await edge.player("ann"), await edge.staff("boss", "risk.manage")
            await edge.deposit(ann, "1000.00")
            await let_wait(edge, boss, approve_win="50.00")
            said = await send(edge, ann, "100.00")
            slip_id = said.json()["slip_id"]
            for verdict in ("approve", "refuse"):
                for name, value in (("stake", "60.00"), ("prices", ["1.85"]), ("lasts_s", 60)):
                    answer = await decide(boss, slip_id, verdict, **{name: value})
                    assert (answer.status_code, answer.json()["code"]) == (422, "offer_only")
                    (error,) = answer.json()["errors"]
                    assert error["pointer"] == f"#/{name}"
            assert await run(edge) is None
            assert (await status(ann, said))["status"] == "waiting"
            nothing = {"stake": None, "prices": None, "lasts_s": None}
            assert (await decide(boss, slip_id, "approve", **nothing)).status_code == 204
            assert await run(edge) == 1
            assert (await status(ann, said))["stake"] == "100.00"

    asyncio.run(story())


def test_what_waits_is_said_whole(database_urls: Urls) -> None:
    """A field that is left out is refused by its name, and resets nothing."""

    async def story() -> None:
        async with opened(database_urls) as edge:
            boss = await edge.staff("boss", "risk.manage")
            waits = {"scope": "house", "scope_key": "house", "approve_win": "50.00", "delay_ms": 5}
            for name in ("approve_win", "delay_ms"):
                assert (await let_wait(edge, boss, **waits)).json() == waits
                body = {key: value for key, value in waits.items() if key != name}
                answer = await boss.put("/api/v1/office/waits", json=body)
                assert answer.status_code == 422
                (error,) = answer.json()["errors"]
                assert error["pointer"] == f"#/{name}"
                assert (await boss.get("/api/v1/office/waits")).json()["items"] == [waits]
            said = await let_wait(edge, boss, approve_win="60.00")
            assert (said.json()["approve_win"], said.json()["delay_ms"]) == ("60.00", None)

    asyncio.run(story())


def test_an_alternative_is_taken_in_time_or_not_at_all(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await lay(edge, "acme")
            ann, bob = await edge.player("ann"), await edge.player("bob")
            boss = await edge.staff("boss", "risk.manage")
            await edge.deposit(ann, "1000.00")
            await let_wait(edge, boss, approve_win="50.00")
            said = await send(edge, ann, "100.00")
            slip_id, (shown,) = said.json()["slip_id"], said.json()["prices"]
            for words, code in (
                ({}, "alternative_missing"),
                ({"stake": "100.00"}, "alternative_missing"),
                ({"stake": "100.01"}, "stake_out_of_range"),
                ({"stake": "0.01"}, "stake_out_of_range"),
                ({"prices": ["1.90", "1.90"]}, "prices_count"),
                ({"prices": ["1001.01"]}, "price_out_of_range"),
                ({"stake": "60.00", "lasts_s": 9}, "offer_lasts"),
            ):
                answer = await decide(boss, slip_id, "offer", **words)
                assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
            assert (await ann.post(f"/api/v1/slips/{slip_id}/accept")).json()["code"] == (
                "nothing_offered"
            )
            offered = await decide(boss, slip_id, "offer", stake="60.00", prices=["1.85"])
            assert offered.status_code == 204, offered.text
            found = await status(ann, said)
            assert (found["status"], found["alternative"]) == (
                "offered", {"stake": "60.00", "prices": ["1.85"]},
            )  # fmt: skip
            assert (await bob.post(f"/api/v1/slips/{slip_id}/accept")).status_code == 404
            assert (await ann.post(f"/api/v1/slips/{slip_id}/accept")).status_code == 200
            taken = await status(ann, said)
            assert (taken["stake"], taken["prices"]) == ("60.00", ["1.85"])
            assert await run(edge) == 1
            bet = (await ann.get(f"/api/v1/bets/{slip_id}")).json()
            assert (bet["stake"], bet["legs"][0]["price"], bet["legs"][0]["shown_price"]) == (
                "60.00", "1.85", shown,
            )  # fmt: skip
            assert bet["potential_payout"] == "111.00"
            # The key still stands for what was sent by it, and its answer is the bet.
            late = await send(edge, ann, "100.00")
            assert (await decide(boss, late.json()["slip_id"], "offer", stake="1.00")
                    ).status_code == 204  # fmt: skip
            edge.later(seconds=61)
            refused = await ann.post(f"{late.headers['location']}/accept")
            assert (refused.status_code, refused.json()["code"]) == (409, "offer_expired")
            assert await run(edge) == 1
            assert (await status(ann, late))["status"] == "expired"
            again = await ann.post(f"{late.headers['location']}/accept")
            assert again.json()["code"] == "offer_expired"
            await sound(edge)

    asyncio.run(story())


def test_a_slip_that_is_delayed_is_looked_at_again(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await lay(edge, "acme")
            ann, boss = await edge.player("ann"), await edge.staff("boss", "*")
            await edge.deposit(ann, "1000.00")
            await let_wait(edge, boss, delay_ms=4_000)
            first, second = await send(edge, ann), await send(edge, ann, "11.00")
            assert (first.status_code, first.json()["why"]) == (202, "delay")
            left = await ann.post(f"{first.headers['location']}/withdraw")
            assert (left.status_code, left.json()["code"]) == (409, "slip_delayed")
            edge.later(seconds=3)
            assert await run(edge) is None
            edge.later(seconds=1)
            assert await run(edge) == 2
            assert [(await status(ann, one))["status"] for one in (first, second)] == [
                "accepted", "accepted",
            ]  # fmt: skip
            # Who waits twice as long by his factor, and finds the market suspended then.
            me = await user_id_of(edge, "ann")
            path = f"/api/v1/office/risk/players/{me}"
            slow = {"factor_e4": 10_000, "delay_e4": 20_000, "note": ""}
            assert (await boss.put(path, json=slow)).status_code == 204
            third = await send(edge, ann)
            edge.later(seconds=7)
            assert await run(edge) is None
            assert await switch(boss, "sport", "football", enabled=False) == 200
            edge.later(seconds=1)
            assert await run(edge) == 1
            found = await status(ann, third)
            assert (found["status"], found["refusal"]["code"]) == ("refused", "market_suspended")
            await sound(edge)

    asyncio.run(story())


def test_what_may_wait_is_bounded_and_ends(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await lay(edge, "acme")
            ann = await edge.player("ann")
            await edge.deposit(ann, "100.00")
            said: list[httpx2.Response] = []
            for _ in range(20):
                said.append(await send(edge, ann, "1.00", **ASYNC))
                edge.later(milliseconds=1)
            assert [one.json()["position"] for one in said] == list(range(1, 21))
            full = await send(edge, ann, "1.00", **ASYNC)
            assert (full.status_code, full.json()["code"]) == (409, "too_many_waiting")
            left = await ann.post(f"{said[3].headers['location']}/withdraw")
            assert left.json()["status"] == "withdrawn"
            assert (await ann.post(f"{said[3].headers['location']}/withdraw")).json()["code"] == (
                "slip_decided"
            )
            assert (await status(ann, said[19]))["position"] == 19
            page = (await ann.get("/api/v1/slips?status=open&limit=5")).json()
            assert [one["slip_id"] for one in page["items"]] == [
                one.json()["slip_id"] for one in reversed(said[15:])
            ]
            # Whose session has ended is refused like anybody else, and so is who waited too long.
            assert (await ann.delete("/api/v1/session")).status_code in (200, 204)
            assert await run(edge) == 19
            async with edge.client() as visitor:
                body = {"email": "ann@players.example", "password": "correct horse battery"}
                token = (await visitor.post("/api/v1/session", json=body)).json()["token"]
            ann = edge.client(token=token)
            assert (await status(ann, said[0]))["refusal"]["code"] == "session_ended"
            late = await send(edge, ann, "1.00", **ASYNC)
            edge.later(minutes=6)
            assert await run(edge) == 1
            assert (await status(ann, late))["status"] == "expired"
            assert (await ann.get("/api/v1/balance")).json()["cash"] == "100.00"
            await sound(edge)

    asyncio.run(story())


def test_the_raw_route_lets_slips_wait_alike(database_urls: Urls) -> None:
    async def story() -> None:
        async with house(dict(database_urls)) as (edge, raw, home):
            plain = await edge.player("ann")
            await edge.deposit(plain, "100.00")
            fast = raw.client(token=plain.headers["authorization"].split()[1])
            boss = await edge.staff("boss", "risk.manage")
            await let_wait(edge, boss, approve_win="15.00")
            leg = {"selection_id": home["selection_id"], "price": home["price"]}
            for stake, words in (("1.00", ASYNC), ("2.00", {**ASYNC}), ("50.00", {})):
                headers = {**edge.key(), **words}
                body = {"legs": [leg], "stake": stake}
                first = await fast.post("/api/v1/bets", json=body, headers=headers)
                again = await plain.post("/api/v1/bets", json=body, headers=headers)
                assert (first.status_code, again.status_code) == (202, 202), first.text
                assert first.content == again.content
                for name in ("location", "preference-applied"):
                    assert first.headers.get(name) == again.headers.get(name)
            edge.later(seconds=1)
            assert await run(edge) == 2
            assert [await status_of(plain, one) for one in (again,)] == ["waiting"]

    asyncio.run(story())


async def status_of(client: httpx2.AsyncClient, said: httpx2.Response) -> str:
    return (await status(client, said))["status"]
