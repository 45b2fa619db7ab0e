"""Edges over HTTP: the fields a trader works by, filters that filter, bounds that refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from overround.core import price
from overround.db.logins import Role
from overround.odds.feeds import FeedBatch, FeedEvent, FeedMarket, FeedPrice
from overround.roles.hub.writer import Hub
from tests.support.edge import AT, Edge, opened

Urls = Mapping[Role, str]

STARTS = AT + timedelta(days=2)


async def planted(edge: Edge) -> None:
    """A match with an arbitrage between two houses."""
    event = FeedEvent(
        "football_data", "one", "football", "E0", "Premier League", "England",
        "Home one", "Away one", STARTS,
    )  # fmt: skip
    said = {"one": ("2.00", "1.85"), "two": ("1.70", "2.20"), "three": ("1.90", "1.95")}
    quoted = tuple(
        FeedPrice(source, FeedMarket("total", "ft", 10), side, price.parse_decimal(text), text)
        for source, texts in said.items()
        for side, text in zip(("over", "under"), texts, strict=True)
    )
    async with edge.worker_db.transaction(None) as conn:
        await Hub.empty().prices(conn, [FeedBatch(event, AT, quoted)], {}, AT)


def test_edges_are_read_with_their_fields(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await planted(edge)
            ann = await edge.player("ann")
            (found,) = (await ann.get("/api/v1/edges?kind=arbitrage&source=two")).json()["items"]
            assert found["edge_percentage"] == "4.7619"
            assert (found["status"], found["tags"]) == ("detected", ["same_line", "prematch"])
            assert [leg["line"] for leg in found["legs"]] == ["2.5", "2.5"]
            assert found["expires_at"] > found["detected_at"]
            (old,) = (await ann.get("/api/v1/arbitrage")).json()["items"]
            assert (old["kind"], old["guaranteed"]) == ("sure", "0.047619")
            for nothing in ("edges?source=three&kind=arbitrage", "middles", "edges?tag=middle"):
                assert (await ann.get(f"/api/v1/{nothing}")).json()["items"] == []
            since = (AT - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
            counted = await ann.get(f"/api/v1/edges/statistics?since={since}&kind=arbitrage")
            assert {row["source"] for row in counted.json()["items"]} == {"one", "two"}

    asyncio.run(story())


def test_one_edge_is_read_and_divided(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await planted(edge)
            ann = await edge.player("ann")
            (listed,) = (await ann.get("/api/v1/edges?kind=arbitrage")).json()["items"]
            one = (await ann.get(f"/api/v1/edges/{listed['id']}")).json()
            assert one == listed
            assert (one["total_min"], one["total_max"]) == ("0", None)
            placed = (await ann.get(f"/api/v1/edges/{one['id']}/stakes?total=100")).json()
            assert [leg["stake"] for leg in placed["stakes"]] == ["52.38", "47.62"]
            assert (placed["total"], placed["guaranteed"]) == ("100", "4.76")
            edge.later(minutes=6)
            late = (await ann.get(f"/api/v1/edges/{one['id']}")).json()
            assert (one["status"], late["status"]) == ("detected", "stale")
            unknown = UUID(int=1)
            for path in (f"edges/{unknown}", f"edges/{unknown}/stakes?total=1"):
                assert (await ann.get(f"/api/v1/{path}")).status_code == 404
            for wrong in ("", "?total=0", "?total=nan", "?total=1e9", "?total=1&kelly=2"):
                refused = await ann.get(f"/api/v1/edges/{one['id']}/stakes{wrong}")
                assert refused.status_code == 422, wrong
            refused = await ann.get(f"/api/v1/edges/{one['id']}/stakes?total=100,5")
            assert [error["pointer"] for error in refused.json()["errors"]] == ["query/total"]

    asyncio.run(story())


def test_what_is_out_of_bounds_is_refused(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")
            for asked in (
                "edges?kind=sure",
                "edges?edge_ppm=1000001",
                "edges?limit=0",
                "edges?tag=" + "a" * 41,
                "edges/statistics",
                "edges/statistics?since=2026-01-01T00:00:00",
            ):
                assert (await ann.get(f"/api/v1/{asked}")).status_code == 422, asked
            assert (await ann.get("/api/v1/edges/one")).status_code == 404

    asyncio.run(story())
