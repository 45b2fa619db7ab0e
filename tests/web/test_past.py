"""Past the limit: a copy or a refusal, before any layer, whoever asks and by whatever way."""

from __future__ import annotations

import asyncio
import io
import json
import random
import re
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from overround.core.clock import millis
from overround.db.logins import Role
from overround.kit import logs, metrics
from overround.kit.limits import SECOND_US, Limiter, Rate
from overround.kit.threads import BoundedThreads
from overround.people.sessions import SessionLimits
from overround.storefront import Shelf, Snapshot, shop
from overround.web import Services, copies, create_app, marks
from overround.web.limits import CLASSES, Limits
from overround.web.pages import assets
from overround.web.records import Record, Recorder
from tests.support.edge import AT, BASE_DOMAIN, Edge, opened, restored_logging
from tests.web.test_at_once import Line, line_to
from tests.web.test_betting_routes import lay
from tests.web.test_front import EVERYWHERE

Urls = Mapping[Role, str]

BURST = 4
SLOW = Rate(BURST, 0.001)
EVENTS = "/api/v1/events?limit=1"


@dataclass(slots=True)
class Crowd:
    """An application whose limits are soon reached, and a line to it."""

    edge: Edge
    line: Line
    shelf: Shelf
    limiter: Limiter

    async def ask(
        self, target: str, *more: str, host: str = "acme", method: str = "GET"
    ) -> tuple[int, dict[str, str], bytes]:
        """One answer."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}.{BASE_DOMAIN}", *more, ""]
        return await self.line.one("\r\n".join(lines).encode())

    def asked(self) -> int:
        """How often the database was asked."""
        return self.edge.app_db.stats().get("requests_num", 0)

    async def spend(self, target: str, *more: str, host: str = "acme") -> list[int]:
        """Spend the bucket; the statuses."""
        return [(await self.ask(target, *more, host=host))[0] for _ in range(BURST)]


@asynccontextmanager
async def crowd(urls: Urls) -> AsyncGenerator[Crowd]:
    shelf = Shelf(None)
    hashing = BoundedThreads(1, 8, "hashing")
    limiter = Limiter()
    limited = Limits(limiter, dict.fromkeys(CLASSES, SLOW), Rate(10_000, 10_000))
    try:
        async with opened(urls) as edge:
            for name in ("acme", "sakura"):
                shelf.put(name, "shop", shop(is_open=True, made_ms=millis(AT)))
            services = Services(
                edge.app_db, edge.clock, hashing, BASE_DOMAIN, SessionLimits(),
                throttle=limited, shelf=shelf, mark=lambda _: None,
            )  # fmt: skip
            async with line_to(create_app(services)) as line:
                yield Crowd(edge, line, shelf, limiter)
    finally:
        hashing.close()


def test_past_the_limit_nothing_is_asked_of_the_layers(database_urls: Urls) -> None:
    async def story() -> None:
        async with crowd(database_urls) as house:
            assert await house.spend(EVENTS) == [200] * BURST
            _, _, full = await house.ask(EVENTS)
            before, task = house.asked(), house.line.wire.cycle
            answers = [await house.ask(EVENTS) for _ in range(8)]
            # Answered as it was read, without the server's task for a request. A look at the
            # tenant's row, once a second, is nobody's request.
            assert house.line.wire.cycle is task
            assert house.asked() - before <= 2
            for status, headers, body in answers:
                assert (status, body) == (200, full)
                assert set(headers) >= EVERYWHERE | {"age", "warning", "etag", "ratelimit"}
                assert headers["x-rate-limit-remaining"] == "0"
            assert len({headers["x-request-id"] for _, headers, _ in answers}) == 8
            known = f"If-None-Match: {answers[0][1]['etag']}"
            assert (await house.ask(EVENTS, known))[0] == 304
            # Whoever asks by a task is answered the same.
            status, headers, _ = await house.ask(EVENTS, "Connection: close")
            assert (status, headers["warning"]) == (200, answers[0][1]["warning"])

    asyncio.run(story())


def test_a_flood_is_told_the_same_again_with_ids_of_its_own(database_urls: Urls) -> None:
    async def story() -> None:
        async with crowd(database_urls) as house:
            await house.spend(EVENTS)
            await house.ask("/nowhere")
            for more in ((), ("Accept: text/html",), ("X-Correlation-ID: order-4711",)):
                answers = [await house.ask("/api/v1/events?limit=2", *more) for _ in range(3)]
                said = set[bytes]()
                for status, headers, body in answers:
                    own = headers["x-request-id"].encode()
                    assert (status, own in body) == (429, True)
                    assert json.loads(body)["correlation_id"] == headers["x-correlation-id"]
                    assert int(headers["content-length"]) == len(body)
                    said.add(body.replace(own, b"id"))
                assert len(said) == 1
                assert len({headers["x-request-id"] for _, headers, _ in answers}) == 3
            # Whoever asks something else is told something else: another query, a copy known.
            assert json.loads((await house.ask("/api/v1/best"))[2])["instance"] == "/api/v1/best"
            _, headers, _ = await house.ask(EVENTS)
            for _ in range(2):
                assert (await house.ask(EVENTS, f"If-None-Match: {headers['etag']}"))[0] == 304
                assert (await house.ask(EVENTS))[0] == 200
            # With tokens he is let in again, however short ago that was.
            for bucket in house.limiter._held.values():
                bucket.full_at_us = 0
            before = house.asked()
            assert (await house.ask("/api/v1/events?limit=2"))[0] == 200
            assert house.asked() > before

    asyncio.run(story())


def test_a_flood_s_tokens_buy_a_copy_while_it_is_young(database_urls: Urls) -> None:
    async def story() -> None:
        async with crowd(database_urls) as house:
            await house.spend(EVENTS)
            assert (await house.ask(EVENTS))[0] == 200

            async def with_token() -> tuple[int, dict[str, str]]:
                at_us = time.monotonic_ns() // 1_000
                for bucket in house.limiter._held.values():
                    bucket.full_at_us, bucket.refused_at_us = 0, at_us
                before = house.asked()
                _, headers, _ = await house.ask(EVENTS)
                return house.asked() - before, headers

            asked, headers = await with_token()
            # A look at the tenant's row is nobody's request.
            assert (asked <= 1, headers["age"]) == (True, "0")
            assert headers["x-rate-limit-remaining"] == str(BURST - 1)
            house.edge.later(seconds=2)
            asked, headers = await with_token()
            assert (asked >= 1, "age" in headers) == (True, False)
            # The copy is a new one; who was refused nothing for a while is asked for himself.
            assert (await with_token())[1]["age"] == "0"
            for bucket in house.limiter._held.values():
                bucket.refused_at_us = -SECOND_US
            assert "age" not in (await house.ask(EVENTS))[1]

    asyncio.run(story())


def test_the_copy_of_an_event_is_the_newest_answer(database_urls: Urls) -> None:
    """Within the limit a price that moved is there at once; past it, when a token has asked."""

    async def story() -> None:
        async with crowd(database_urls) as house:
            event_id = await lay(house.edge, "acme", home="2.40")

            async def shown() -> tuple[str, bool]:
                status, headers, body = await house.ask(f"/api/v1/events/{event_id}/markets")
                assert status == 200, body
                home = json.loads(body)["markets"][0]["selections"][0]
                return home["price"], "age" in headers

            first, is_copy = await shown()
            assert not is_copy
            await lay(house.edge, "acme", home="2.60")
            second, is_copy = await shown()
            assert (second != first, is_copy) == (True, False)
            for _ in range(BURST - 2):
                await shown()
            assert await shown() == (second, True)
            await lay(house.edge, "acme", home="2.10")
            assert await shown() == (second, True)
            house.edge.later(seconds=2)
            for bucket in house.limiter._held.values():
                bucket.full_at_us = 0
            third, is_copy = await shown()
            assert (third not in {first, second}, is_copy) == (True, False)

    asyncio.run(story())


def test_what_has_no_copy_is_refused_in_the_words_of_who_asks(database_urls: Urls) -> None:
    async def story() -> None:
        async with crowd(database_urls) as house:
            origin = "Origin: https://shop.example"
            await house.spend(EVENTS)
            for more in ((), (origin,), ("X-API-Key: " + "0" * 32,)):
                status, headers, body = await house.ask("/api/v1/events?limit=2", *more)
                problem = json.loads(body)
                assert (status, problem["code"]) == (429, "too_many_requests")
                assert set(headers) >= EVERYWHERE | {"retry-after", "ratelimit"}
                assert problem["request_id"] == headers["x-request-id"]
                # No origin was named by this tenant.
                assert "access-control-allow-origin" not in headers
            page = ("Accept: text/html", "X-Correlation-ID: order-4711")
            await house.spend("/nowhere", *page)
            status, headers, body = await house.ask("/nowhere", *page)
            assert (status, headers["content-type"]) == (429, "text/html; charset=utf-8")
            assert "default-src 'none'" in headers["content-security-policy"]
            assert b"order-4711" in body
            assert int(headers["retry-after"]) > 0

    asyncio.run(story())


def test_a_first_view_past_the_limit_is_its_copy_or_the_defaults(database_urls: Urls) -> None:
    async def story() -> None:
        async with crowd(database_urls) as house:
            await house.spend("/api/v1/best")
            status, headers, body = await house.ask("/api/v1/events")
            assert (status, json.loads(body)["items"]) == (200, [])
            assert headers["warning"].startswith("199")
            # Nobody's copies are shown once their tenant has shut.
            await house.spend("/")
            assert (await house.ask("/"))[0] == 200
            house.shelf.put("acme", "shop", shop(is_open=False, made_ms=millis(AT)))
            assert (await house.ask("/"))[0] == 429
            assert (await house.ask("/api/v1/events"))[0] == 429

    asyncio.run(story())


def test_a_page_past_its_limit_comes_with_its_style(database_urls: Urls) -> None:
    async def story() -> None:
        async with crowd(database_urls) as house:
            await house.spend("/")
            status, headers, page = await house.ask("/")
            assert (status, headers["warning"][:3]) == (200, "110")
            sheets = re.findall(r'(?:href|src)="(/static/[^"]+|/theme[^"]+)"', page.decode())
            assert any(one.startswith("/theme.css?v=") for one in sheets)
            assert len(sheets) >= 4
            # Of the house's looks no copy stands here yet; the files are not counted at all.
            for path in sheets:
                status, headers, _ = await house.ask(path)
                assert (path, status) == (path, 200)
                assert ("ratelimit" in headers) is not path.startswith(assets.PREFIX)
            # Whoever is logged in is one of those who are told the same.
            ann = await house.edge.player("ann")
            hers = f"Authorization: {ann.headers['Authorization']}"
            await house.spend("/bets", hers)
            assert (await house.ask("/bets", hers))[0] == 429
            assert (await house.ask("/theme.css?v=other", hers))[0] == 200

    asyncio.run(story())


def test_a_reading_of_the_front_is_a_copy_at_once_when_it_has_grown_old(
    database_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with crowd(database_urls) as house:
            full = await house.ask("/api/v1/events")
            # The second one finds the tenant known, and leaves a door behind.
            assert [(await house.ask("/api/v1/board"))[0] for _ in range(2)] == [200] * 2
            house.shelf.put("acme", "view:/api/v1/board", Snapshot(full[2], millis(AT)))
            await house.spend(EVENTS)
            monkeypatch.setattr(copies, "SURE_S", -1.0)
            monkeypatch.setattr(copies, "BEHIND_S", -1.0)
            task = house.line.wire.cycle
            for _ in range(3):
                status, headers, body = await house.ask("/api/v1/board")
                assert (status, body) == (200, full[2])
                assert headers["warning"].startswith("110")
                assert headers["x-rate-limit-remaining"] == "0"
            assert house.line.wire.cycle is task

    asyncio.run(story())


def test_who_is_logged_in_is_refused_by_himself(database_urls: Urls) -> None:
    async def story() -> None:
        async with crowd(database_urls) as house:
            ann, ben = [await house.edge.player(name) for name in ("ann", "ben")]
            hers, his = [f"Authorization: {one.headers['Authorization']}" for one in (ann, ben)]
            assert await house.spend("/api/v1/balance", hers) == [200] * BURST
            assert (await house.ask("/api/v1/balance", hers))[0] == 429
            before = house.asked()
            answers = [await house.ask("/api/v1/balance", hers) for _ in range(10)]
            assert {status for status, _, _ in answers} == {429}
            assert house.asked() - before <= 2
            assert (await house.ask("/api/v1/balance", his))[0] == 200
            # Her writes have a bucket of their own, and past it they are not read.
            length = ("Content-Type: application/json", "Content-Length: 0")
            posted = [
                (await house.ask("/api/v1/deposits", hers, *length, method="POST"))[0]
                for _ in range(BURST + 2)
            ]
            assert posted == [400] * BURST + [429] * 2
            # What everybody may see is counted for the address, and it is not past its limit.
            assert (await house.ask("/api/v1/events?limit=3", hers))[0] == 200

    asyncio.run(story())


def test_who_asks_for_hosts_that_are_nobodys_has_a_limit(database_urls: Urls) -> None:
    async def story() -> None:
        async with crowd(database_urls) as house:
            assert (await house.ask(EVENTS, host="sakura"))[0] == 200
            # The first look for a tenant was a look for somebody unknown, too.
            found = [(await house.ask(EVENTS, host=f"x{n}"))[0] for n in range(BURST)]
            assert found == [404] * (BURST - 1) + [429]
            before = house.asked()
            answers = [(await house.ask(EVENTS, host=f"y{n}"))[0] for n in range(10)]
            assert (answers, house.asked() - before) == ([429] * 10, 0)
            # A tenant that is known is open to the same address.
            assert (await house.ask(EVENTS, host="sakura"))[0] == 200

    asyncio.run(story())


def test_a_refusal_that_is_looked_at_is_the_one_that_would_be_met() -> None:
    rng = random.Random(6)
    limiter, rate, at_us = Limiter(), Rate(5, 10), 0
    refused = 0
    for _ in range(3_000):
        at_us += rng.choice((0, 1_000, 50_000, 200_000))
        seen = limiter.refusal("a", rate, at_us)
        verdict = limiter.now("a", rate, at_us)
        assert verdict is not None
        assert seen == (None if verdict.allowed else verdict)
        refused += not verdict.allowed
    assert refused > 300
    assert limiter.refusal("b", rate, at_us) is None
    assert limiter.refusal("a", Rate(5, 10), at_us + SECOND_US) is None


def record(client: str, status: int = 429) -> Record:
    ids = marks.ids(None, None)
    return Record("GET", "/x", None, status, 5_000, 10, ids, client, "acme", None)


def answered_429() -> float:
    """How many answers of the kind were counted."""
    said = {'endpoint="unmatched"', 'status="429"', 'tenant="acme"'}
    lines = [one for one in metrics.exposition()[0].decode().splitlines() if "429" in one]
    return sum(float(one.split()[-1]) for one in lines if all(word in one for word in said))


def test_a_flood_writes_two_lines_a_second() -> None:
    written = io.StringIO()
    before = answered_429()

    async def story() -> list[Record]:
        recorder = Recorder()
        loud = [record("203.0.113.9") for _ in range(100)]
        for one in (*loud, record("203.0.113.8"), record("203.0.113.9", 200)):
            recorder.past(one)
        recorder.flush()
        recorder.flush()
        return loud

    with restored_logging():
        logs.configure("info", written)
        loud = asyncio.run(story())
    lines: list[dict[str, Any]] = [json.loads(line) for line in written.getvalue().splitlines()]
    told = [(one["client"], one["status"], one.get("times", 1)) for one in lines]
    assert told == [
        ("203.0.113.9", 429, 1), ("203.0.113.8", 429, 1), ("203.0.113.9", 200, 1),
        ("203.0.113.9", 429, 99),
    ]  # fmt: skip
    assert lines[-1]["request_id"] == loud[-1].ids.request_id
    assert answered_429() - before == 101
