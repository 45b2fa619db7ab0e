"""The office over HTTP: what it sees of events, terms, bets and liability, and who may see it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

from overround.betting.exposure import jobs as exposure
from overround.betting.settlement import settle_due
from overround.db.logins import Role
from overround.people.users import SCOPES
from overround.roles.archive import importer
from tests.support.edge import AT, Edge, opened
from tests.web.test_betting_routes import STARTS, lay, setting

Urls = Mapping[Role, str]

NOBODY = UUID(int=1)
READS = (
    ("/api/v1/office/offer-settings", "offers.read"),
    ("/api/v1/office/events", "offers.read"),
    (f"/api/v1/office/events/{NOBODY}", "offers.read"),
    (f"/api/v1/office/events/{NOBODY}/offers", "offers.read"),
    ("/api/v1/office/watch", "offers.read"),
    ("/api/v1/office/bets", "bets.read"),
    (f"/api/v1/office/events/{NOBODY}/liability", "risk.read"),
    ("/api/v1/office/exposures", "risk.read"),
    ("/api/v1/office/risk/caps", "risk.read"),
    ("/api/v1/office/risk/policy", "risk.read"),
    ("/api/v1/office/risk/players", "risk.read"),
    ("/api/v1/office/risk/suspensions", "risk.read"),
)


async def sides_of(client: httpx2.AsyncClient, event_id: UUID) -> dict[str, tuple[str, str]]:
    """side -> (selection id, price) of the event's first market."""
    event = (await client.get(f"/api/v1/events/{event_id}/markets")).json()
    return {
        one["side"]: (one["selection_id"], one["price"])
        for one in event["markets"][0]["selections"]
    }


async def bet(
    edge: Edge, client: httpx2.AsyncClient, stake: str, *legs: tuple[str, str]
) -> dict[str, Any]:
    body = {
        "stake": stake,
        "legs": [{"selection_id": selection, "price": price} for selection, price in legs],
    }
    placed = await client.post("/api/v1/bets", json=body, headers=edge.key())
    assert placed.status_code == 201, placed.text
    return placed.json()


async def switch(client: httpx2.AsyncClient, scope: str, key: object, **words: object) -> int:
    body = setting(scope, key, **words)
    return (await client.put("/api/v1/office/offer-settings", json=body)).status_code


def minor(text: str) -> int:
    return int(text.replace(".", ""))


def test_the_office_is_for_staff_with_the_scope(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as visitor:
            ann = await edge.player("ann")
            for path, scope in READS:
                assert scope in SCOPES
                who = await edge.staff(f"who-{path.count('/')}-{len(path)}", scope)
                others = SCOPES - {"*", scope, scope.replace(".read", ".manage")}
                without = await edge.staff(f"not-{path.count('/')}-{len(path)}", *others)
                assert (await visitor.get(path)).status_code == 401
                assert (await ann.get(path)).status_code == 403
                assert (await without.get(path)).status_code == 403
                expected = 404 if str(NOBODY) in path else 200
                assert (await who.get(path)).status_code == expected, path
            manager = await edge.staff("manager", "offers.manage")
            assert (await manager.get("/api/v1/office/events")).status_code == 200

    asyncio.run(story())


def test_the_narrowest_word_holds_and_is_named(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await lay(edge, "acme", "sakura")
            boss = await edge.staff("boss", "offers.manage")
            path = f"/api/v1/office/events/{event_id}"
            event = (await boss.get(path)).json()
            assert event["terms"] == {
                "enabled": True,
                "off_by": [],
                "margin_bps": 600,
                "margin_from": "house",
                "multiplier_e4": 10_000,
                "margin_method": "multiplicative",
            }
            assert (event["own"], event["laid"], event["suspended"]) == (None, 3, 0)

            competition = event["competition_id"]
            assert await switch(boss, "sport", "football", margin_bps=800) == 200
            assert await switch(boss, "competition", competition, multiplier_e4=9_000) == 200
            assert await switch(boss, "event", event_id, enabled=False, margin_bps=0) == 200
            event = (await boss.get(path)).json()
            assert event["terms"] == {
                "enabled": False,
                "off_by": ["event"],
                "margin_bps": 0,
                "margin_from": "event",
                "multiplier_e4": 9_000,
                "margin_method": "multiplicative",
            }
            assert (event["own"]["enabled"], event["own"]["margin_bps"]) == (False, 0)
            assert (event["laid"], event["suspended"]) == (0, 3)

            scopes = (await boss.get("/api/v1/office/offer-settings")).json()
            assert scopes["margin_bps"] == 600
            assert scopes["items"] == []  # it starts later than in a month
            # Another house's settings are its own.
            other = await edge.staff("boss", "offers.manage", host="sakura")
            theirs = (await other.get(path)).json()
            assert (theirs["own"], theirs["laid"]) == (None, 3)

    asyncio.run(story())


def test_events_are_found_by_word_sport_and_competition_and_paged(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            for name in ("one", "two", "100%"):
                await lay(edge, "acme", name=name)
            edge.clock.move_to(STARTS - timedelta(days=2))
            boss = await edge.staff("boss", "*")

            async def found(query: str) -> list[str]:
                answer = await boss.get(f"/api/v1/office/events?{query}")
                assert answer.status_code == 200, answer.text
                return sorted(event["home"] for event in answer.json()["items"])

            every = ["Home 100%", "Home one", "Home two"]
            assert await found("") == every
            assert await found("text=AWAY%20one") == ["Home one"]
            assert await found("text=premier") == every
            assert await found("text=%25") == ["Home 100%"]
            assert await found("text=_") == []
            assert await found("sport=football") == every
            assert await found("sport=tennis") == []
            assert await found(f"competition={NOBODY}") == []

            first = (await boss.get("/api/v1/office/events?limit=2")).json()
            rest = await boss.get(f"/api/v1/office/events?cursor={first['next_cursor']}")
            pages = [*first["items"], *rest.json()["items"]]
            assert sorted(event["home"] for event in pages) == every
            assert rest.json()["next_cursor"] is None

            scopes = (await boss.get("/api/v1/office/offer-settings")).json()["items"]
            assert [(one["scope"], one["name"], one["events"]) for one in scopes] == [
                ("sport", "football", 3),
                ("competition", "England Premier League", 3),
            ]
            assert await found(f"competition={scopes[1]['scope_key']}") == every
            assert await switch(boss, "sport", "football", enabled=False) == 200
            scopes = (await boss.get("/api/v1/office/offer-settings")).json()["items"]
            assert [one["terms"]["off_by"] for one in scopes] == [["sport"], ["sport"]]
            assert [one["own"] is None for one in scopes] == [False, True]

    asyncio.run(story())


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/office/events?text=" + "x" * 61, 422),
        ("/api/v1/office/events?sport=", 422),
        ("/api/v1/office/events?sport=" + "x" * 41, 422),
        ("/api/v1/office/events?competition=1", 422),
        ("/api/v1/office/events?limit=0", 422),
        ("/api/v1/office/events?cursor=x", 422),
        ("/api/v1/office/events/1", 404),
        ("/api/v1/office/bets?limit=201", 422),
        ("/api/v1/office/bets?cursor=x", 422),
        ("/api/v1/office/exposures?limit=0", 422),
        ("/api/v1/office/events/1/liability", 404),
    ],
)
def test_what_is_out_of_bounds_is_refused(path: str, status: int, database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            boss = await edge.staff("boss", "*")
            assert (await boss.get(path)).status_code == status

    asyncio.run(story())


@pytest.mark.parametrize(
    ("scope", "key"),
    [
        ("sport", "chess"),
        ("competition", str(NOBODY)),
        ("competition", "x"),
        ("event", str(NOBODY)),
        ("event", "0" * 32),
    ],
)
def test_what_is_not_there_cannot_be_switched(scope: str, key: str, database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            boss = await edge.staff("boss", "*")
            assert await switch(boss, scope, key, enabled=False) == 404

    asyncio.run(story())


def test_an_event_is_switched_by_its_id_as_it_is_written(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await lay(edge, "acme")
            boss = await edge.staff("boss", "*")
            assert await switch(boss, "event", event_id.hex, enabled=False) == 404
            assert await switch(boss, "event", str(event_id).upper(), enabled=False) == 404
            assert await switch(boss, "event", event_id, enabled=False) == 200

    asyncio.run(story())


def test_the_latest_bets_are_read_newest_first(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            one, two = [await lay(edge, "acme", "sakura", name=name) for name in ("one", "two")]
            ann, bob = await edge.player("ann"), await edge.player("bob")
            boss = await edge.staff("boss", "bets.read")
            for player in (ann, bob):
                await edge.deposit(player, "100.00")
            home, away = (await sides_of(ann, one))["home"], (await sides_of(ann, two))["away"]
            placed: list[str] = []
            for player, legs in ((ann, (home,)), (bob, (home, away)), (ann, (away,))):
                edge.later(seconds=1)
                placed.append((await bet(edge, player, "10.00", *legs))["bet_id"])
            items = (await boss.get("/api/v1/office/bets")).json()["items"]
            assert [item["bet"]["id"] for item in items] == placed[::-1]
            assert [item["player"] for item in items] == ["ann", "bob", "ann"]
            combo = items[1]["bet"]
            assert (combo["kind"], combo["stake"], len(combo["legs"])) == ("combo", "10.00", 2)
            assert [leg["home"] for leg in combo["legs"]] == ["Home one", "Home two"]

            first = (await boss.get("/api/v1/office/bets?limit=2")).json()
            rest = await boss.get(f"/api/v1/office/bets?cursor={first['next_cursor']}")
            assert [item["bet"]["id"] for item in rest.json()["items"]] == placed[:1]
            assert rest.json()["next_cursor"] is None
            theirs = await edge.staff("boss", "*", host="sakura")
            assert (await theirs.get("/api/v1/office/bets")).json()["items"] == []

    asyncio.run(story())


def test_liability_is_what_each_answer_costs(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            one, two = [await lay(edge, "acme", "sakura", name=name) for name in ("one", "two")]
            ann, boss = await edge.player("ann"), await edge.staff("boss", "risk.read")
            await edge.deposit(ann, "100.00")
            sides, others = await sides_of(ann, one), await sides_of(ann, two)
            home = await bet(edge, ann, "10.00", sides["home"])
            await bet(edge, ann, "20.00", sides["draw"])
            combo = await bet(edge, ann, "5.00", sides["home"], others["away"])
            home_pays = minor(home["potential_payout"])
            combo_pays = minor(combo["potential_payout"])

            path = f"/api/v1/office/events/{one}/liability"
            event = (await boss.get(path)).json()
            assert (event["bets"], event["currency"]) == (3, "EUR")
            (market,) = event["markets"]
            rows = {row["side"]: row for row in market["selections"]}
            assert list(rows) == ["home", "draw", "away"]
            # The combo counts by its share: what it can win over both prices less two, on each leg.
            over = sum(minor(price) for price in combo["prices"]) - 200
            share = -((500 - combo_pays) * 100 // over)
            pays = -(-share * minor(combo["prices"][0]) // 100)
            staked = 3_000 + share
            assert minor(event["stake"]) == minor(market["stake"]) == staked
            assert minor(rows["home"]["liability"]) == home_pays + pays - staked
            assert minor(rows["away"]["liability"]) == -staked
            assert (rows["away"]["stake"], rows["home"]["bets"]) == ("0.00", 2)
            worst = max(minor(row["liability"]) for row in rows.values())
            assert minor(event["exposure"]) == minor(market["worst"]) == worst

            # The other match is cancelled: the combo is a single at the price that is left, as soon
            # as the rows are made anew.
            await importer.enter_result(
                edge.worker_db, two, status="cancelled", scores={}, entered_by="a person", at=AT
            )
            async with edge.worker_db.transaction(edge.tenants["acme"].id) as conn:
                await settle_due(conn, edge.tenants["acme"].id, AT, 10)
            assert await exposure.run_once(edge.worker_db, edge.tenants["acme"].id, AT) > 0
            (market,) = (await boss.get(path)).json()["markets"]
            left = minor(market["selections"][0]["liability"])
            assert left == home_pays + home_pays // 2 - 3_500

            theirs = await edge.staff("boss", "*", host="sakura")
            assert (await theirs.get(path)).json()["markets"] == []
            assert (await boss.get(f"/api/v1/office/events/{two}/liability")).json()["bets"] == 0

    asyncio.run(story())


def test_the_greatest_exposures_come_first(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            events = [await lay(edge, "acme", name=name) for name in ("both", "single", "small")]
            edge.clock.move_to(STARTS - timedelta(days=1))
            ann, boss = await edge.player("ann"), await edge.staff("boss", "risk.read")
            await edge.deposit(ann, "900.00")
            # Bets on every side balance: together they could be paid much, and cost little.
            for side in ("home", "draw", "away"):
                await bet(edge, ann, "100.00", (await sides_of(ann, events[0]))[side])
            await bet(edge, ann, "100.00", (await sides_of(ann, events[1]))["home"])
            await bet(edge, ann, "1.00", (await sides_of(ann, events[2]))["home"])

            async def first(limit: int) -> list[str]:
                found = await boss.get(f"/api/v1/office/exposures?limit={limit}")
                return [one["event_id"] for one in found.json()["items"]]

            every = await first(10)
            assert sorted(every) == sorted(str(event_id) for event_id in events)
            for limit in (1, 2):
                assert await first(limit) == every[:limit]
            assert every[0] == str(events[1])

    asyncio.run(story())


def test_the_office_is_told_what_the_watch_does(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await lay(edge, "acme")
            edge.clock.move_to(STARTS - timedelta(days=2))
            boss = await edge.staff("boss", "offers.manage")
            path = f"/api/v1/office/events/{event_id}"
            home = (await sides_of(boss, event_id))["home"][0]
            put = "/api/v1/office/offer-settings"
            own = setting("selection", home, price="2.50")
            refused = await boss.put(put, json=own)
            said = refused.json()
            assert (refused.status_code, said["code"]) == (409, "price_arbitraged")
            assert said["errors"][0]["pointer"] == "#/price"
            assert said["best"] == "2.40"
            assert said["sure_profit_bps"] == 728
            assert (
                await boss.put(put, json={**own, "sure_profit_max_bps": 727})
            ).status_code == 409
            bears = await boss.put(put, json={**own, "sure_profit_max_bps": 728})
            assert (bears.status_code, bears.json()["sure_profit_max_bps"]) == (200, 728)

            markets = (await boss.get(f"{path}/offers")).json()["items"]
            by_side = {one["side"]: one for one in markets[0]["selections"]}
            assert (by_side["home"]["why"], by_side["home"]["best"]) == ("awaited", "2.40")
            assert by_side["home"]["state"] == "suspended"
            # The two sources are an arbitrage between them, and no price of ours joins it.
            draw = by_side["draw"]
            assert (draw["why"], draw["reckoned"], draw["price"]) == ("shaded", "3.20", "2.88")
            counted = (await boss.get("/api/v1/office/watch")).json()["items"]
            assert counted == {"shaded": {"selections": 2, "events": 1}}
            listed = (await boss.get("/api/v1/office/events?watched=true")).json()["items"]
            assert [(one["id"], one["watched"]) for one in listed] == [(str(event_id), 2)]

    asyncio.run(story())
