"""A bettor's way through the API, from the board to the statement; and the office's switch."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

from overround.betting.offers import Offers, book_of
from overround.betting.settlement import settle_due
from overround.core import price
from overround.db.logins import Role
from overround.odds.feeds import FeedBatch, FeedEvent, FeedMarket, FeedPrice
from overround.roles.archive import importer
from overround.roles.hub.writer import Hub
from tests.support.edge import AT, Edge, opened

Urls = Mapping[Role, str]

# Later than any clock that a test runs by: a live bet is judged by the database's.
STARTS = datetime(2100, 1, 1, 15, 0, tzinfo=UTC)


async def lay(edge: Edge, *hosts: str, name: str = "one", home: str = "2.40") -> UUID:
    """An event that the hub prices for the tenants; two books disagree enough for an arbitrage."""
    books: list[Offers] = []
    for host in hosts:
        tenant = edge.tenants[host]
        async with edge.worker_db.reading(tenant.id) as conn:
            book = await book_of(conn, tenant)
        books.append(Offers(book))
    event = FeedEvent(
        "football_data", name, "football", "E0", "Premier League", "England",
        f"Home {name}", f"Away {name}", STARTS,
    )  # fmt: skip
    market = FeedMarket("1x2")
    said = {"bet365": ("2.00", "3.40", "4.20"), "pinnacle": (home, "3.30", "3.30")}
    quoted = tuple(
        FeedPrice(source, market, side, price.parse_decimal(text), text)
        for source, texts in said.items()
        for side, text in zip(("home", "draw", "away"), texts, strict=True)
    )
    hub = Hub.empty()
    hub.books = books
    seen_at = STARTS - timedelta(days=3)
    async with edge.worker_db.transaction(None) as conn:
        await hub.prices(conn, [FeedBatch(event, seen_at, quoted)], {}, seen_at)
    return hub.events["football_data", name].event_id


async def home_of(client: httpx2.AsyncClient) -> tuple[str, str]:
    """The home selection of the first event on the board, and its price."""
    first = (await client.get("/api/v1/board")).json()["items"][0]["markets"][0]["selections"][0]
    return first["selection_id"], first["price"]


def setting(scope: str, key: object, **said: object) -> dict[str, Any]:
    """The whole of what a scope says; what is not said is as it is where nobody says anything."""
    return {
        "scope": scope, "scope_key": str(key), "enabled": True, "margin_bps": None,
        "multiplier_e4": 10_000, "margin_method": None, "price": None,
        "sure_profit_max_bps": None, **said,
    }  # fmt: skip


def slip(selection: str, shown: str, stake: str = "10.00", **more: Any) -> dict[str, Any]:
    return {"stake": stake, "legs": [{"selection_id": selection, "price": shown}], **more}


def test_from_the_board_to_the_statement(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await lay(edge, "acme")
            ann, bob = await edge.player("ann"), await edge.player("bob")
            await edge.deposit(ann, "100.00")
            selection, shown = await home_of(ann)
            key = {"Idempotency-Key": "bet-1"}
            placed = await ann.post("/api/v1/bets", json=slip(selection, shown), headers=key)
            assert placed.status_code == 201, placed.text
            again = await ann.post("/api/v1/bets", json=slip(selection, shown), headers=key)
            assert (again.content, again.headers["idempotency-replayed"]) == (
                placed.content,
                "true",
            )
            other = await ann.post(
                "/api/v1/bets", json=slip(selection, shown, "11.00"), headers=key
            )
            assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")

            path = f"/api/v1/bets/{placed.json()['bet_id']}"
            assert (await ann.get(path)).json()["status"] == "open"
            assert (await bob.get(path)).status_code == 404
            tenant_id = edge.tenants["acme"].id
            await importer.enter_result(
                edge.worker_db, event_id, status="finished", scores={"ft": (1, 0)},
                entered_by="a person", at=AT,
            )  # fmt: skip
            async with edge.worker_db.transaction(tenant_id) as conn:
                assert await settle_due(conn, tenant_id, AT, 10) == 1
            bet = (await ann.get(path)).json()
            assert (bet["status"], bet["outcome"], bet["legs"][0]["grade"]) == (
                "settled", "won", "won",
            )  # fmt: skip
            assert bet["payout"] == placed.json()["potential_payout"]
            lines = (await ann.get("/api/v1/statement")).json()["items"]
            assert [line["code"] for line in lines] == ["payout", "stake_hold", "deposit"]
            assert (await ann.get("/api/v1/bets?status=open")).json()["items"] == []
            late = await ann.post("/api/v1/bets", json=slip(selection, shown), headers=edge.key())
            assert (late.status_code, late.json()["code"]) == (409, "event_started")

    asyncio.run(story())


@pytest.mark.parametrize(
    ("change", "code", "fact"),
    [
        ({"legs": [{"price": "9.99"}]}, "price_changed", "prices"),
        ({"stake": "0.01"}, "stake_below_min", "stake_min"),
        ({"stake": "99999.00"}, "payout_above_max", "payout_max"),
        ({"stake": "500.00"}, "insufficient_funds", None),
    ],
)
def test_a_refusal_says_what_to_do(
    change: dict[str, Any], code: str, fact: str | None, database_urls: Urls
) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await lay(edge, "acme")
            ann = await edge.player("ann")
            await edge.deposit(ann, "100.00")
            selection, shown = await home_of(ann)
            body = {**slip(selection, shown), **change}
            if "legs" in change:
                body["legs"] = [{"selection_id": selection, **change["legs"][0]}]
            refused = await ann.post("/api/v1/bets", json=body, headers=edge.key())
            problem = refused.json()
            assert (refused.status_code, problem["code"]) == (409, code)
            assert fact is None or fact in problem
            assert (await ann.get("/api/v1/balance")).json()["cash"] == "100.00"

    asyncio.run(story())


@pytest.mark.parametrize(
    "body",
    [
        {"stake": 10.0, "legs": []},
        {"stake": "10.00", "legs": []},
        {"stake": "1e3", "legs": [{"selection_id": "x", "price": "2.00"}]},
        {**slip(str(UUID(int=1)), "2.00"), "odds_policy": "lower"},
        {**slip(str(UUID(int=1)), "2.00"), "tolerance_bps": -1},
        {**slip(str(UUID(int=1)), "2.00"), "price": "9.00"},
        slip(str(UUID(int=1)), "1.00"),
        slip(str(UUID(int=1)), "NaN"),
        slip(str(UUID(int=1)), "２.00"),  # noqa: RUF001 (a full-width digit is no digit)
        slip(str(UUID(int=1)), "2.00", "-5"),
        {"stake": "1.00", "legs": [{"selection_id": str(UUID(int=1)), "price": "2.00"}] * 21},
    ],
)
def test_a_slip_out_of_bounds_is_refused(body: dict[str, Any], database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")
            refused = await ann.post("/api/v1/bets", json=body, headers=edge.key())
            assert refused.status_code == 422, refused.text
            missing = await ann.post("/api/v1/bets", json=slip(str(UUID(int=1)), "2.00"))
            assert (missing.status_code, missing.json()["code"]) == (400, "idempotency_key_missing")

    asyncio.run(story())


def test_what_one_player_asked_is_never_placed_for_another(database_urls: Urls) -> None:
    """A page of Ann's asks again after Bob has logged in with the same browser."""

    async def story() -> None:
        async with opened(database_urls) as edge:
            await lay(edge, "acme")
            ann, bob = await edge.player("ann"), await edge.player("bob")
            await edge.deposit(bob, "100.00")
            me = (await ann.get("/api/v1/session")).json()["user"]["id"]
            asked = slip(*await home_of(ann))
            headers = {**edge.key(), "X-Player-ID": me}
            answer = await bob.post("/api/v1/bets", json=asked, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (409, "another_player")
            assert (await bob.get("/api/v1/bets")).json()["items"] == []
            nonsense = {**edge.key(), "X-Player-ID": "nobody"}
            assert (await bob.post("/api/v1/bets", json=asked, headers=nonsense)).status_code == 422

    asyncio.run(story())


def test_the_board_is_paged_and_unchanged_costs_no_body(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as visitor:
            for name in ("one", "two"):
                await lay(edge, "acme", name=name)
            first = (await visitor.get("/api/v1/board?limit=1")).json()
            rest = (await visitor.get(f"/api/v1/board?cursor={first['next_cursor']}")).json()
            assert len(first["items"]) == len(rest["items"]) == 1
            assert rest["next_cursor"] is None
            assert first["items"][0]["id"] != rest["items"][0]["id"]
            sides = [s["side"] for s in first["items"][0]["markets"][0]["selections"]]
            assert sides == ["home", "draw", "away"]
            whole = await visitor.get("/api/v1/board")
            etag = whole.headers["etag"]
            for asked in (etag, f"W/{etag}", f'"other", {etag}', "*"):
                same = await visitor.get("/api/v1/board", headers={"If-None-Match": asked})
                assert (same.status_code, same.content) == (304, b"")
            # Another tenant lays nothing, and says so in its own words.
            async with edge.client("sakura") as elsewhere:
                assert (await elsewhere.get("/api/v1/board")).json()["items"] == []

    asyncio.run(story())


def test_sources_and_edges_are_shown_to_those_who_log_in(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as visitor:
            await lay(edge, "acme", home="2.45")
            ann = await edge.player("ann")
            assert (await visitor.get("/api/v1/games")).status_code == 401
            assert (await visitor.get("/api/v1/arbitrage")).status_code == 401
            (found,) = (await ann.get("/api/v1/arbitrage")).json()["items"]
            assert (found["kind"], found["suspect"]) == ("sure", False)
            assert {leg["source"] for leg in found["legs"]} == {"bet365", "pinnacle"}
            events = (await visitor.get("/api/v1/events?days=400")).json()["items"]
            assert events == []  # it starts later than that
            markets = await visitor.get(f"/api/v1/events/{found['event_id']}/markets")
            assert markets.json()["markets"][0]["market"] == "1x2"

    asyncio.run(story())


def test_the_office_switches_an_event_off(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await lay(edge, "acme")
            ann, boss = await edge.player("ann"), await edge.staff("boss", "offers.manage")
            await edge.deposit(ann, "100.00")
            selection, shown = await home_of(ann)
            body = setting("event", event_id, enabled=False)
            assert (await ann.put("/api/v1/office/offer-settings", json=body)).status_code == 403
            assert (await boss.put("/api/v1/office/offer-settings", json=body)).status_code == 200
            refused = await ann.post(
                "/api/v1/bets", json=slip(selection, shown), headers=edge.key()
            )
            assert (refused.status_code, refused.json()["code"]) == (409, "market_suspended")

    asyncio.run(story())


def test_the_office_stops_all_betting_at_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            for name in ("one", "two"):
                await lay(edge, "acme", "sakura", name=name)
            ann, boss = await edge.player("ann"), await edge.staff("boss", "offers.manage")
            await edge.deposit(ann, "100.00")
            path = "/api/v1/office/offer-settings"
            laid = (await ann.get("/api/v1/board")).json()["items"]
            stop = setting("house", "house", enabled=False)
            assert (await boss.put(path, json={**stop, "scope_key": "mine"})).status_code == 404
            assert (await boss.put(path, json=stop)).status_code == 200
            assert len(laid) == 2
            for event in laid:
                one = event["markets"][0]["selections"][0]
                body = slip(one["selection_id"], one["price"])
                refused = await ann.post("/api/v1/bets", json=body, headers=edge.key())
                assert (refused.status_code, refused.json()["code"]) == (409, "market_suspended")
            scopes = (await boss.get(path)).json()
            assert (scopes["own"]["enabled"], scopes["terms"]["off_by"]) == (False, ["house"])
            # Another house lays on.
            sakura = edge.client("sakura")
            theirs = (await sakura.get("/api/v1/board")).json()["items"]
            assert {one["state"] for one in theirs[0]["markets"][0]["selections"]} == {"open"}

    asyncio.run(story())


def test_a_setting_is_said_whole(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await lay(edge, "acme")
            boss = await edge.staff("boss", "offers.manage")
            path = "/api/v1/office/offer-settings"
            whole = setting("sport", "football", margin_bps=1_500, multiplier_e4=9_000)
            assert (await boss.put(path, json=whole)).status_code == 200
            for field in whole:
                body = {name: value for name, value in whole.items() if name != field}
                refused = await boss.put(path, json=body)
                pointers = [one["pointer"] for one in refused.json()["errors"]]
                assert (refused.status_code, pointers) == (422, [f"#/{field}"])

    asyncio.run(story())
