"""Snapshots on shelves: shared by processes, found once for all, there when the cache is not."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround import cache, storefront
from overround.cache import keys
from overround.people.tenants import theme
from overround.storefront import Shelf, Snapshot, snapshots
from tests.storefront.support import until
from tests.storefront.valkey import valkey

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
AT_MS = int(AT.timestamp() * 1000)


class Now:
    """A clock of seconds that a test moves."""

    def __init__(self) -> None:
        self.s = 0.0

    def pass_second(self) -> None:
        """A second and a little passes: a look at the cache is due again."""
        self.s += 1.1

    def shelf(self, url: str) -> Shelf:
        """A shelf by this clock."""
        return Shelf(cache.connect(url), lambda: self.s)


def header(answer: storefront.Answer, name: str) -> str | None:
    found = [v.decode() for n, v in answer.headers if n == name.encode()]
    return found[0] if found else None


@given(st.binary(max_size=300), st.integers(0, 2**48))
def test_a_snapshot_is_itself_after_the_cache(body: bytes, made_ms: int) -> None:
    one = Snapshot(body, made_ms, "text/html; charset=utf-8")
    assert snapshots.unpack(snapshots.pack(one)) == one


@given(st.binary(max_size=40))
def test_foreign_bytes_are_no_snapshot_and_no_crash(raw: bytes) -> None:
    with suppress(snapshots.Garbled):
        snapshots.unpack(raw)


def test_too_large_a_snapshot_is_refused() -> None:
    with pytest.raises(snapshots.TooLarge):
        snapshots.pack(Snapshot(bytes(snapshots.BODY_BYTES_MAX + 1), 0))


@pytest.mark.parametrize("label", ["", "a.b", "a:b", "{x}", "A", "-a", "a" * 64, "a\n"])
def test_a_key_needs_the_label_of_a_host(label: str) -> None:
    with pytest.raises(ValueError, match="label"):
        keys.of_host(label, "theme")


def test_the_path_and_the_host_name_one_tenant() -> None:
    of = storefront.label_at
    assert of("/acme/api/public/load-theme", "acme") == "acme"
    assert of("/api/public/load-theme", "acme") == "acme"
    assert of("/acme/api/public/board", None) == "acme"
    assert of("/acme/api/public/load-theme", "sakura") is None
    assert of("/api/public/load-theme", None) is None
    assert of("/a/b/api/public/load-theme", None) is None
    assert of("/ACME/api/public/load-theme", None) is None
    assert storefront.shown_at("/acme/api/public/lobby") == "lobby"
    assert storefront.shown_at("/acme/api/public/passwd") is None


def test_an_old_copy_says_how_old_it_is() -> None:
    one = Snapshot(b"{}", AT_MS)
    fresh = storefront.answer(one, AT + timedelta(seconds=10))
    assert (fresh.status, header(fresh, "age"), header(fresh, "warning")) == (200, "10", None)
    assert header(fresh, "cache-control") == "public, max-age=300, stale-while-revalidate=60"
    old = storefront.answer(one, AT + timedelta(seconds=400))
    assert header(old, "age") == "400"
    assert (header(old, "warning") or "").startswith("110")
    # A clock that runs behind makes nothing younger than new.
    assert header(storefront.answer(one, AT - timedelta(seconds=5)), "age") == "0"
    unchanged = storefront.answer(one, AT, f'"other", W/{one.etag}')
    assert (unchanged.status, unchanged.body, header(unchanged, "etag")) == (304, b"", one.etag)


def test_the_defaults_are_the_looks_of_no_choice() -> None:
    of_none = json.loads(theme.document(theme.of({}, "acme"), "acme"))
    default = json.loads(storefront.default_theme("acme").body)
    assert {**of_none, "stylesheet": None} == default


def test_an_empty_shelf_without_a_cache_gives_defaults() -> None:
    async def story() -> None:
        async with aclosing(Shelf.open(None)) as shelf:
            answer = await storefront.load(shelf, "theme", "acme", AT)
            assert (answer.status, header(answer, "age")) == (200, "300")
            assert (header(answer, "warning") or "").startswith("199")
            tag = header(answer, "etag")
            assert (await storefront.load(shelf, "theme", "acme", AT, tag)).status == 304
            board = await storefront.load(shelf, "board", "acme", AT)
            assert json.loads(board.body) == {"items": [], "next_cursor": None}
            shelf.put("acme", "theme", Snapshot(b"{}", AT_MS))
            assert (await storefront.load(shelf, "theme", "acme", AT)).body == b"{}"

    asyncio.run(story())


def test_two_processes_share_what_the_cache_has(tmp_path: Path) -> None:
    async def story(url: str) -> None:
        now = Now()
        async with aclosing(Shelf.open(url)) as one, aclosing(now.shelf(url)) as other:
            assert await other.take("acme", "theme") is None
            assert await one.publish("acme", "theme", Snapshot(b"1", AT_MS))
            # It looked a moment ago and found nothing; what is published shows within a second.
            assert await other.take("acme", "theme") is None
            now.pass_second()
            assert _body(await other.take("acme", "theme")) == b"1"
            assert other.counts.fetched == 1
            assert _body(await other.take("acme", "theme")) == b"1"
            assert other.counts.hits == 1
            assert await other.take("sakura", "theme") is None
            # What changes shows too, and an older one that comes late does not.
            await one.publish("acme", "theme", Snapshot(b"2", AT_MS + 1))
            now.pass_second()
            await until(lambda: _at_hand(other) == b"2", "the change to show")
            other.put("acme", "theme", Snapshot(b"3", AT_MS + 2))
            now.pass_second()
            assert _body(await other.take("acme", "theme", newest=True)) == b"3"

    with valkey(tmp_path) as server:
        asyncio.run(story(server.url))


def _at_hand(shelf: Shelf) -> bytes | None:
    return _body(shelf.at_hand("acme", "theme"))


def _body(found: Snapshot | None) -> bytes | None:
    return found.body if found is not None else None


def test_fifty_misses_ask_the_cache_once(tmp_path: Path) -> None:
    async def story(url: str) -> None:
        async with aclosing(Shelf.open(url)) as one, aclosing(Shelf.open(url)) as other:
            await one.publish("acme", "theme", Snapshot(b"1", AT_MS))
            found = await asyncio.gather(*(other.take("acme", "theme") for _ in range(50)))
            assert {snapshot.body for snapshot in found if snapshot} == {b"1"}
            assert len([snapshot for snapshot in found if snapshot]) == 50
            assert (other.flights.begun, other.flights.shared) == (1, 49)

    with valkey(tmp_path) as server:
        asyncio.run(story(server.url))


def test_a_shelf_outlives_its_cache(tmp_path: Path) -> None:
    async def story() -> None:
        now = Now()
        with valkey(tmp_path) as server:
            async with aclosing(now.shelf(server.url)) as shelf:
                await shelf.publish("acme", "theme", Snapshot(b"1", AT_MS))
                server.kill()
                for newest in (False, True):
                    assert _body(await shelf.take("acme", "theme", newest=newest)) == b"1"
                    now.pass_second()
                assert await shelf.take("sakura", "theme") is None
                assert not await shelf.publish("acme", "theme", Snapshot(b"2", AT_MS + 1))
                assert _at_hand(shelf) == b"2"
                server.start()
                # Restarted, it knows nothing; the copy stays, and what is published is heard again.
                now.pass_second()
                assert _body(await shelf.take("acme", "theme", newest=True)) == b"2"
                assert await shelf.publish("acme", "theme", Snapshot(b"3", AT_MS + 2))

    asyncio.run(story())


def test_a_shelf_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("overround.storefront.shelf.BYTES_MAX", 1_000)
    shelf = Shelf(None)
    for n in range(30):
        shelf.put("acme", f"view:{n}", Snapshot(bytes(100), AT_MS))
    kept = [n for n in range(30) if shelf.kept("acme", f"view:{n}") is not None]
    assert kept == list(range(20, 30))
