"""What the raw front keeps in memory: sites, copies of the board, lines that wait to be written."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec
import pytest

from overround.core.errors import NotFound, Unavailable
from overround.kit import lines, logs
from overround.kit.lines import Lines
from overround.people.tenants import Tenant
from overround.web import copies, marks, sites
from overround.web.answers import Answer, Asked
from overround.web.copies import BoardCopies
from overround.web.sites import Site, Sites
from tests.support.edge import AT, restored_logging

ACME = Tenant(
    id=UUID(int=1), subdomain="acme", name="Acme", contact_email="ops@acme.example",
    currency="EUR", time_zone="Europe/Vienna", status="active", payout_rounding="down",
    stake_min_minor=10, payout_max_minor=10_000_000, fee_bps=1_000, margin_bps=600,
    book_id=UUID(int=2), settings={"cors_origins": ["https://shop.example"]}, created_at=AT,
)  # fmt: skip


def test_a_site_outlives_the_database_and_not_its_tenant() -> None:
    async def story() -> None:
        row: list[Tenant | None] = [ACME]
        looked = 0

        async def find(label: str) -> Tenant | None:
            nonlocal looked
            looked += 1
            if not row:
                raise Unavailable
            return row[0] if label == "acme" else None

        found = Sites(find, "bet.example")
        assert (await found.find("acme", 0.0)).cors == {"https://shop.example"}
        # Fresh: nobody is asked.
        assert found.known("acme", 0.5) is not None
        assert looked == 1
        # Old, and the database away: it goes on, and is looked for once a second.
        row.clear()
        for n in range(4):
            assert found.known("acme", 2.0 + n / 10) is not None
            await asyncio.sleep(0)
        assert looked == 2
        with pytest.raises(Unavailable):
            await found.find("sakura", 2.0)
        # Suspended: gone with the next look.
        row.append(replace(ACME, status="suspended"))
        found.known("acme", 4.0)
        await asyncio.sleep(0.01)
        assert found.known("acme", 4.1) is None
        with pytest.raises(NotFound):
            await found.find("acme", 4.2)

    asyncio.run(story())


def test_labels_of_nobody_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "SITES_MAX", 3)

    async def story() -> None:
        async def find(label: str) -> Tenant | None:
            return replace(ACME, subdomain=label) if label.startswith("t") else None

        found = Sites(find, "bet.example")
        for n in range(10):
            await found.find(f"t{n}", 0.0)
            with pytest.raises(NotFound):
                await found.find(f"nobody{n}", 0.0)
        assert [label for label in ("t0", "t2", "t3") if found.record(label)] == ["t0", "t2"]

    asyncio.run(story())


def test_a_copy_of_the_board_follows_the_book(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "SURE_S", 0.0)
    site = Site(UUID(int=1), UUID(int=2), "acme", "limit")
    made, book = 0, [1]

    async def routes(scope: Any, receive: Any, send: Any) -> None:
        nonlocal made
        made += 1
        await asyncio.sleep(0.01)
        headers = [
            (b"content-type", b"application/json"), (b"etag", b'"%d"' % book[0]),
            (b"cache-control", b"no-cache"),
        ]  # fmt: skip
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"board %d" % book[0]})

    async def story() -> None:
        found = BoardCopies(routes, lambda _: book[0])

        def asked(query: bytes = b"", **headers: bytes) -> Asked:
            said = {name.replace("_", "-").encode(): value for name, value in headers.items()}
            scope = {"query_string": query}
            ids = marks.ids(None, None)
            return Asked("GET", copies.PATH, said, ids, scope, site=site, label="acme")

        async def get(**headers: bytes) -> Answer | None:
            one = asked(**headers)
            return found.now(one) or await found.later(one)

        # Fifty at once have it made once.
        answers = await asyncio.gather(*(get() for _ in range(50)))
        assert {one.body for one in answers if one} == {b"board 1"}
        assert made == 1
        unchanged = await get(if_none_match=b'"0", "1"')
        assert unchanged is not None
        assert (unchanged.status, made) == (304, 1)
        book[0] = 2
        moved = await get(if_none_match=b'"1"')
        assert moved is not None
        assert (moved.status, moved.body, made) == (200, b"board 2", 2)
        # A page further on is none of its business.
        assert found.now(asked(b"cursor=x")) is None
        assert await found.later(asked(b"cursor=x")) is None

    asyncio.run(story())


class Said(msgspec.Struct):
    """A line."""

    event: str
    n: int


def test_the_last_lines_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LINES_MAX", 10)
    written = io.StringIO()

    async def story() -> None:
        kept = Lines("overround.test")
        for n in range(25):
            kept.add(Said("a.line", n))
        # Two batches are full; what is left waits for its moment, or for the end.
        assert len(written.getvalue().splitlines()) == 20
        kept.flush()

    with restored_logging():
        logs.configure("info", written)
        asyncio.run(story())
    found = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [one["n"] for one in found if one.get("event") == "a.line"] == list(range(25))
