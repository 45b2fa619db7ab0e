"""The storefront over HTTP: whose looks, by which host, how old, and what copies may stand for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from overround.core import principal
from overround.core.clock import SetClock, WallClock, millis
from overround.core.errors import Invalid
from overround.db.logins import Role
from overround.people import tenants
from overround.people.tenants import pictures, theme
from overround.roles.publishing import Publishing
from overround.storefront import Snapshot
from tests.storefront.house import House, logged_in, process
from tests.storefront.valkey import valkey
from tests.support.edge import AT, set_status

Urls = Mapping[Role, str]
THEME = "/acme/api/public/load-theme"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{}</svg>'


async def set_theme(house: House, asked: dict[str, object]) -> None:
    caller = principal.system(house.edge.tenants["acme"].id)
    async with house.edge.worker_db.transaction(caller.tenant_id) as conn:
        await tenants.set_theme(conn, caller, asked, AT)


def test_looks_are_published_and_never_ask_the_database(database_urls: Urls) -> None:
    async def story() -> None:
        async with process(database_urls) as house, house.client() as client:
            asked_before = await client.get(THEME)
            assert asked_before.headers["warning"].startswith("199")
            asked = {"name": "Acme Bet", "brand": "#1d4ed8", "font": "serif", "layout": "compact"}
            await set_theme(house, {**asked, "contact": {"email": "help@acme.example"}})
            await house.publishing.run_once()
            opened = house.road.connections
            found = await client.get(THEME)
            assert found.status_code == 200
            told = found.json()
            assert (told["name"], told["colours"]["brand"]) == ("Acme Bet", "#1d4ed8")
            assert (told["fonts"]["body"], told["layout"]) == ("serif", "compact")
            assert told["contact"] == {"email": "help@acme.example"}
            cache = "public, max-age=300, stale-while-revalidate=60"
            assert found.headers["cache-control"] == cache
            assert "warning" not in found.headers
            assert found.headers["x-correlation-id"]
            tag = {"If-None-Match": found.headers["etag"]}
            assert (await client.get("/api/public/load-theme", headers=tag)).status_code == 304
            css = (await client.get("/theme.css")).text
            assert "--font:Charter" in css
            # However often, and with the road to the database cut.
            await house.road.cut()
            for _ in range(300):
                assert (await client.get(THEME)).status_code == 200
            assert house.road.connections == opened

    asyncio.run(story())


def test_what_did_not_change_is_made_again_later(database_urls: Urls) -> None:
    async def story() -> None:
        async with process(database_urls) as house:
            clock = SetClock(WallClock().now())
            publishing = Publishing(house.database, house.shelf, house.outage, clock)
            count = await publishing.run_once()
            assert count > 1

            async def after(seconds: float) -> int:
                """Of the newest of the views."""
                found = [house.shelf.kept(label, "view:/") for label in house.edge.tenants]
                made_ms = max(view.made_ms for view in found if view is not None)
                made_at = datetime.fromtimestamp(made_ms / 1_000, UTC)
                clock.move_to(made_at + timedelta(seconds=seconds))
                return await publishing.run_once()

            assert await after(2.0) == 0
            await set_theme(house, {"brand": "#1d4ed8"})
            assert await after(2.5) == 1
            assert await after(10.0) == count

    asyncio.run(story())


def test_the_path_and_the_host_agree_or_nothing_is_there(database_urls: Urls) -> None:
    async def story() -> None:
        async with process(database_urls) as house:
            await house.publishing.run_once()
            for host, path, status in (
                ("acme", "/acme/api/public/load-theme", 200),
                ("acme", "/sakura/api/public/load-theme", 404),
                ("sakura", "/acme/api/public/board", 404),
                ("bet.example", "/acme/api/public/load-theme", 200),
                ("bet.example", "/api/public/load-theme", 404),
                ("127.0.0.1", "/acme/api/public/load-theme", 200),
                ("evil.example", "/acme/api/public/load-theme", 404),
                ("x.acme.bet.example", "/acme/api/public/load-theme", 404),
                ("acme", "/acme/api/public/secrets", 404),
                ("nobody", "/nobody/api/public/load-theme", 200),
            ):
                async with house.client(host) as client:
                    found = await client.get(path)
                    assert found.status_code == status, (host, path, found.text)
                    if status == 404:
                        assert "application/problem+json" in found.headers["content-type"]

    asyncio.run(story())


def test_a_suspended_tenant_shows_the_defaults(database_urls: Urls, tmp_path: Path) -> None:
    async def story(url: str) -> None:
        async with process(database_urls, url) as house, house.client() as client:
            await house.publishing.run_once()
            assert (await client.get(THEME)).json()["name"] == "Acme"
            assert (await client.get("/")).status_code == 200
            await set_status(house.edge, "acme", "suspended")
            await house.publishing.run_once()
            assert (await client.get(THEME)).json()["name"] == "acme"
            # Nor do its copies stand in when the database is away.
            await house.road.cut()
            for path in ("/", "/api/v1/board"):
                assert (await client.get(path)).status_code in {404, 503}

    with valkey(tmp_path) as server:
        asyncio.run(story(server.url))


def test_what_was_never_asked_for_is_shown_without_a_database(
    database_urls: Urls, tmp_path: Path
) -> None:
    """One process publishes, another shows it, and neither was ever asked for it."""

    async def story(url: str) -> None:
        async with AsyncExitStack() as stack:
            one = await stack.enter_async_context(process(database_urls, url))
            other = await stack.enter_async_context(process(database_urls, url, False))
            await one.publishing.run_once()
            await one.shelf.settle()
            await other.road.cut()
            client = await stack.enter_async_context(other.client())
            for path in ("/", "/api/v1/board", "/api/v1/events", "/theme.css"):
                found = await client.get(path)
                assert found.status_code == 200, path
                assert found.headers["warning"].startswith("110")
            page = await client.get("/", headers={"Accept": "text/html"})
            assert "script-src 'self'" in page.headers["content-security-policy"]
            assert other.shelf.counts.fetched >= 4

    with valkey(tmp_path) as server:
        asyncio.run(story(server.url))


def test_copies_are_of_visitors_and_no_others(database_urls: Urls) -> None:
    async def story() -> None:
        async with process(database_urls) as house, await logged_in(house, "quimby") as ann:
            await house.publishing.run_once()
            assert "quimby" in (await ann.get("/", headers={"Accept": "text/html"})).text
            async with house.client() as visitor:
                await visitor.get("/api/v1/events?days=3")
                # A program's answer is its own, whoever it is.
                await visitor.get("/api/v1/events?days=4&apiKey=" + "a" * 32)
                await visitor.get("/api/v1/events?days=5", headers={"X-API-Key": "b"})
                await house.road.cut()
                assert (await visitor.get("/api/v1/events?days=3")).status_code == 200
                for query in ("days=4&apiKey=" + "a" * 32, "days=6"):
                    assert (await visitor.get(f"/api/v1/events?{query}")).status_code == 503
                page = await visitor.get("/", headers={"Accept": "text/html"})
                assert page.status_code == 200
                assert "quimby" not in page.text
            # Who is logged in sees what a visitor sees.
            assert (await ann.get("/api/v1/events?days=3")).status_code == 200

    asyncio.run(story())


def test_a_writer_sees_what_he_wrote(database_urls: Urls, tmp_path: Path) -> None:
    """Somebody's own copy stands for ten seconds, while his session is known, until he writes."""

    async def story(url: str) -> None:
        async with process(database_urls, url) as house, await logged_in(house, "ann") as ann:
            balance = await ann.get("/api/v1/balance")
            assert balance.json()["cash"] == "0.00"
            await house.road.cut()
            found = await ann.get("/api/v1/balance")
            assert (found.status_code, found.headers["warning"][:3]) == (200, "110")
            assert "private" in found.headers["cache-control"]
            paid = await ann.post(
                "/api/v1/deposits", json={"amount": "1.00"}, headers={"Idempotency-Key": "key-1-a"}
            )
            assert paid.status_code == 503
            # Nobody knows what became of it, so what he saw before stands for nothing.
            assert (await ann.get("/api/v1/balance")).status_code == 503

    with valkey(tmp_path) as server:
        asyncio.run(story(server.url))


def test_a_visitor_does_not_wait_for_a_slow_database(database_urls: Urls) -> None:
    async def story() -> None:
        async with process(database_urls) as house, house.client() as client:
            await house.publishing.run_once()
            house.road.freeze()
            found = await asyncio.wait_for(client.get("/api/v1/board"), 10)
            assert (found.status_code, found.headers["warning"][:3]) == (200, "110")

    asyncio.run(story())


def test_the_default_lists_are_shapes_of_the_api(database_urls: Urls) -> None:
    async def story() -> None:
        async with process(database_urls) as house, house.client() as client:
            await house.road.cut()
            for path in ("/api/v1/board", "/api/v1/events"):
                # A site that this process never saw: there is no copy anywhere.
                found = await client.get(path)
                assert found.json() == {"items": [], "next_cursor": None}
                assert found.headers["warning"].startswith("199")

    asyncio.run(story())


@pytest.mark.parametrize(
    "inner",
    [
        "<script>alert(1)</script>",
        '<path onload="alert(1)"/>',
        '<use href="https://evil.example/#a"/>',
        '<path style="background:url(https://evil.example)"/>',
        '<path fill="URL (//evil.example)"/>',
        "<foreignObject/>",
        '<a href="javascript:alert(1)"/>',
        "<style>@import 'x'</style>",
        '<image href="#a"/>',
        "<animate/>",
        "<!-- hidden -->",
        '<path style="width:expr\\65 ssion(1)"/>',
        '<g xmlns:x="http://www.w3.org/1999/xhtml"><x:script/></g>',
        "<g>" * 600 + "</g>" * 600,
        "<unclosed>",
    ],
)
def test_a_logo_holds_nothing_that_acts(inner: str) -> None:
    assert not pictures.is_still_svg(SVG.format(inner).encode())
    entity = '<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG.format("")
    assert not pictures.is_still_svg(entity.encode())


def test_a_logo_of_shapes_is_one() -> None:
    shapes = (
        '<defs><linearGradient id="a"><stop offset="0" stop-color="#fff"/></linearGradient></defs>'
        '<path d="M0 0h9v9z" fill="url(#a)" style="stroke:#000;stroke-width:1"/><text>A</text>'
    )
    assert pictures.is_still_svg(SVG.format(shapes).encode())
    assert pictures.is_logo("/static/logo.svg")
    # What only says that it is a picture is none.
    assert not pictures.is_logo("data:image/png;base64,AAAA")
    assert not pictures.is_logo("data:image/webp;base64,AAAA")


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("font", "Comic Sans;}", "theme_font"),
        ("heading_font", "system-ui", "theme_font"),
        ("layout", "wide", "theme_layout"),
        ("contact", {"email": 'a@b.c"><script>'}, "theme_contact"),
        ("contact", {"url": "javascript:alert(1)"}, "theme_contact"),
        ("contact", {"url": "http://acme.example"}, "theme_contact"),
        ("contact", {"phone": "call me"}, "theme_contact"),
        ("contact", {"fax": "1"}, "theme_contact"),
        ("contact", "me", "theme_contact"),
        ("features", {"live": "yes"}, "theme_features"),
        ("features", {"spyware": True}, "theme_features"),
        ("features", ["live"], "theme_features"),
    ],
)
def test_each_field_of_a_theme_has_its_form(field: str, value: object, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        theme.checked({field: value})
    assert caught.value.code == code
    # What stands in the database all the same is not told.
    told = json.loads(theme.document(theme.of({"theme": {field: value}}, "acme"), "acme"))
    assert told == json.loads(theme.document(theme.of({}, "acme"), "acme"))


def test_what_is_told_is_ascii_whatever_the_name() -> None:
    found = theme.document(theme.of({"theme": {"name": "</script>Ü"}}, "x"), "acme")
    assert found.isascii()
    assert Snapshot(found, millis(WallClock().now())).etag.startswith('"')
