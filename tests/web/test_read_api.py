"""The read API of the board: odds, best, history, closing, delta, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

from overround.db.logins import Role
from overround.roles.hub.writer import Hub
from overround.trading.screen import wire
from tests.support.edge import AT, opened
from tests.support.quoted import THREE, event, say

Urls = Mapping[Role, str]


async def get(client: httpx2.AsyncClient, path: str, status: int = 200, **query: Any) -> Any:
    answer = await client.get(f"/api/v1/{path}", params=query)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_every_answer_is_what_the_document_says(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            hub, asked = Hub.empty(), event(hours=1)
            event_id = await say(edge, hub, asked, THREE)
            ann = await edge.player("ann")
            place = (await get(ann, "delta"))["next"]
            later = AT + timedelta(minutes=1)
            moved = {"bet365": {"1x2": ("2.20", "3.40", "3.60")}, "pinnacle": THREE["pinnacle"]}
            await say(edge, hub, asked, moved, later)
            edge.clock.move_to(later)
            odds = wire.OddsOut.model_validate(await get(ann, "odds"))
            assert [one.id for one in odds.items] == [event_id]
            assert {m.market for m in odds.items[0].markets} == {"1x2", "total"}
            (game,) = (await get(ann, "games"))["items"]
            assert len(game["odds"]) == 3 + 3 + 2 + 2
            best = wire.BestOut.model_validate(await get(ann, "best"))
            winner = next(m for m in best.items[0].markets if m.market == "1x2")
            assert {s.side: (s.price, s.sources) for s in winner.selections} == {
                "home": ("2.20", ["bet365"]),
                "draw": ("3.40", ["bet365"]),
                "away": ("3.75", ["pinnacle"]),
            }
            assert winner.overround == "0.015329"
            delta = wire.DeltaOut.model_validate(await get(ann, "delta", since=place))
            # What was written while others were still at it may come twice.
            home = {m.source: m.price for m in delta.changed if m.side == "home"}
            assert home["bet365"] == "2.20"
            assert len(delta.removed) == 4 + 3
            assert {(m.source, m.market) for m in delta.removed} == {
                ("bet365", "total"), ("bet365", "asian_handicap"), ("draftkings", "1x2"),
            }  # fmt: skip
            edge.later(minutes=1)
            past = wire.HistoryOut.model_validate(
                await get(ann, "history", event_id=event_id, sources="bet365", markets="1x2")
            )
            assert [(p.side, p.price) for p in past.items if p.side == "home"] == [
                ("home", "2.10"), ("home", "2.20"),
            ]  # fmt: skip
            async with edge.worker_db.transaction(None) as conn:
                await hub.start(conn, [asked.key], asked.starts_at)
            edge.clock.move_to(asked.starts_at + timedelta(minutes=5))
            bob = await edge.player("bob")
            closing = wire.ClosingOut.model_validate(await get(bob, "closing"))
            assert {(p.source, p.price) for p in closing.items[0].prices if p.side == "home"} == {
                ("bet365", "2.20"), ("pinnacle", "2.14"),
            }  # fmt: skip

    asyncio.run(story())


def test_filters_leave_out_and_pages_follow(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            hub = Hub.empty()
            ids = [str(await say(edge, hub, event(f"n{n}", hours=n + 1), THREE)) for n in range(5)]
            ann = await edge.player("ann")
            seen: list[str] = []
            cursor: dict[str, Any] = {}
            while True:
                page = await get(ann, "odds", limit=2, **cursor)
                seen += [one["id"] for one in page["items"]]
                if page["next_cursor"] is None:
                    break
                cursor = {"cursor": page["next_cursor"]}
            assert seen == ids
            assert (await get(ann, "odds", sport="tennis"))["items"] == []
            one = await get(
                ann, "odds", event_ids=f"{ids[3]},{ids[1]}", markets="total", sources="pinnacle"
            )
            assert [e["id"] for e in one["items"]] == [ids[1], ids[3]]
            assert [m["line"] for m in one["items"][0]["markets"]] == ["2.5", "3.5"]
            sources = {
                p["source"]
                for e in one["items"]
                for m in e["markets"]
                for s in m["selections"]
                for p in s["prices"]
            }
            assert sources == {"pinnacle"}
            first = await ann.get("/api/v1/odds?limit=2")
            assert 'rel="next"' in first.headers["link"]

    asyncio.run(story())


def test_an_unchanged_answer_is_a_304_and_a_changed_one_is_not(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            hub, asked = Hub.empty(), event()
            await say(edge, hub, asked, THREE)
            ann = await edge.player("ann")
            for path in ("/api/v1/odds", "/api/v1/best"):
                first = await ann.get(path)
                known = {"If-None-Match": first.headers["etag"]}
                again = await ann.get(path, headers=known)
                assert (again.status_code, again.content) == (304, b"")
                assert again.headers["etag"] == first.headers["etag"]
                other = await ann.get(path + "?sport=football", headers=known)
                assert other.status_code == 200
            odd = await ann.get("/api/v1/odds")
            moved = {**THREE, "draftkings": {"1x2": ("2.15", "3.25", "3.50")}}
            await say(edge, hub, asked, moved, AT + timedelta(seconds=5))
            changed = await ann.get("/api/v1/odds", headers={"If-None-Match": odd.headers["etag"]})
            assert changed.status_code == 200
            assert changed.headers["etag"] != odd.headers["etag"]

    asyncio.run(story())


def test_what_commits_late_is_not_missed(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            hub, early, late = Hub.empty(), event("early"), event("late")
            await say(edge, hub, early, THREE)
            await say(edge, hub, late, THREE)
            ann = await edge.player("ann")
            place = (await get(ann, "delta"))["next"]
            at = AT + timedelta(seconds=1)
            async with edge.worker_db.transaction(None) as conn:
                # It has its number, and writes when a later transaction is there already.
                await conn.execute("SELECT pg_current_xact_id()")
                moved = {**THREE, "draftkings": {"1x2": ("2.30", "3.25", "3.50")}}
                await say(edge, hub, early, moved, at)
                first = await get(ann, "delta", since=place)
                assert "2.30" in {m["price"] for m in first["changed"]}
                assert "9.90" not in {m["price"] for m in first["changed"]}
                await conn.execute(
                    "UPDATE price SET price_e4 = 99000 FROM selection s WHERE s.id = selection_id"
                    " AND s.event_id = %s AND s.side = 'draw'",
                    [hub.events[late.key].event_id],
                )
            second = await get(ann, "delta", since=first["next"])
            assert "9.90" in {m["price"] for m in second["changed"]}

    asyncio.run(story())


def test_a_delta_in_pages_is_the_whole_delta(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            hub, ann = Hub.empty(), await edge.player("ann")
            place = (await get(ann, "delta"))["next"]
            for n in range(3):
                await say(edge, hub, event(f"n{n}"), THREE)
            whole = await get(ann, "delta", since=place)
            assert whole["more"] is False
            paged: list[Any] = []
            more = True
            while more:
                page = await get(ann, "delta", since=place, limit=7)
                paged += page["changed"]
                place, more = page["next"], page["more"]
            assert paged == whole["changed"]
            assert len(paged) == 3 * 17

    asyncio.run(story())


def test_an_event_that_ended_is_told_to_who_followed_it(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            hub, asked = Hub.empty(), event()
            event_id = await say(edge, hub, asked, THREE)
            ann = await edge.player("ann")
            place = (await get(ann, "delta"))["next"]
            async with edge.worker_db.transaction(None) as conn:
                await conn.execute(
                    "UPDATE event SET status = 'cancelled', changed_by = 'a person',"
                    " changed_at = %s WHERE id = %s",
                    [AT, event_id],
                )
            told = await get(ann, "delta", since=place)
            assert told["events_gone"] == [{"event_id": str(event_id), "status": "cancelled"}]
            assert (await get(ann, "odds"))["items"] == []

    asyncio.run(story())


REFUSED = [
    ("odds?markets=pinnacle", "unknown_market"),
    ("odds?markets=" + ",".join(["total"] * 2 + [f"x{n}" for n in range(25)]), "markets"),
    ("odds?sources=Bet365", "sources"),
    ("odds?sources=" + ",".join(f"s{n}" for n in range(60)), "sources"),
    ("odds?event_ids=7", "event_ids"),
    ("odds?event_ids=" + ",".join(str(UUID(int=n)) for n in range(1, 101)) + ",", "event_ids"),
    ("odds?limit=501", "invalid"),
    ("odds?sport=Football", "invalid"),
    ("odds?cursor=abc", "cursor"),
    ("delta?since=abc", "since"),
    ("delta?since=" + "A" * 40, "since_unknown"),
    ("history", "invalid"),
    (f"history?event_id={UUID(int=1)}&since=2026-03-01T00:00:00", "time_zone_missing"),
    (f"history?event_id={UUID(int=1)}&since=9999-12-31T23:59:59Z", "time_out_of_range"),
    (f"history?event_id={UUID(int=1)}&until=0001-01-01T00:00:00Z", "time_out_of_range"),
    (
        f"history?event_id={UUID(int=1)}&since=2026-02-01T00:00:00Z&until=2026-03-01T00:00:00Z",
        "span_out_of_range",
    ),
]


@pytest.mark.parametrize(("query", "code"), REFUSED)
def test_what_is_outside_its_bounds_is_refused_by_name(
    database_urls: Urls, query: str, code: str
) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")
            answer = await ann.get(f"/api/v1/{query}")
            assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text

    asyncio.run(story())


def test_nobody_reads_without_a_log_in_or_of_no_event(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            for path in ("odds", "best", "closing", "delta", f"history?event_id={UUID(int=1)}"):
                assert (await client.get(f"/api/v1/{path}")).status_code == 401
            ann = await edge.player("ann")
            await get(ann, "history", 404, event_id=UUID(int=1))

    asyncio.run(story())
