"""The raw front: what every answer of it carries, and what it refuses."""

from __future__ import annotations

import asyncio
import io
import json
import math
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx2
import pytest

from overround.core.clock import SetClock
from overround.core.errors import Conflict, Unavailable
from overround.core.principal import Principal
from overround.kit import logs, metrics
from overround.kit.limits import Limiter, Rate
from overround.web import marks, shortcuts, sites
from overround.web.answers import Answer, Asked, Copy, asked_of, json_answer
from overround.web.front import Front, Read, Reading, Writing
from overround.web.limits import CLASSES, LimitClass, Limits
from overround.web.past import Past
from overround.web.records import Recorder
from overround.web.sites import Site, Sites
from tests.support.edge import AT, restored_logging

ACME = Site(UUID(int=1), UUID(int=2), "acme", "limit:acme", frozenset({"https://shop.example"}))
ANN = Principal(ACME.tenant_id, UUID(int=7), "player")
TOKEN = "a" * 43
# What every answer says, whoever gave it.
EVERYWHERE = {
    "x-correlation-id", "x-request-id", "x-content-type-options", "x-frame-options",
    "referrer-policy", "content-security-policy", "cross-origin-opener-policy",
    "permissions-policy", "cache-control",
}  # fmt: skip


class Known(Sites):
    """Sites without a database: acme is the only tenant."""

    async def find(self, label: str, at_s: float) -> Site:
        if label != "acme":
            return await super().find(label, at_s)
        return ACME

    def known(self, label: str, at_s: float) -> Site | None:
        return ACME if label == "acme" else None

    def record(self, label: str) -> sites.Known | None:
        return sites.Known(ACME, math.inf) if label == "acme" else None


class House:
    """A front with one route of each kind, and what reached behind it."""

    def __init__(self, burst: int = 100) -> None:
        self.passed: list[str] = []
        self.copy = Copy(b'{"board":1}', "application/json")
        self.recorder = Recorder()
        self.board_is_away = False
        self.board_error: Read | None = None
        self.is_full = False
        self.room = 1_000

        async def nobody(label: str) -> None:
            return None

        async def who(tenant_id: UUID, token: str) -> Principal | None:
            return ANN if (tenant_id, token) == (ACME.tenant_id, TOKEN) else None

        async def app(scope: Any, receive: Any, send: Any) -> None:
            self.passed.append(scope["path"])
            headers = scope["state"].get("answer_headers", [])
            await send({"type": "http.response.start", "status": 204, "headers": headers})
            await send({"type": "http.response.body", "body": b""})

        rates: dict[LimitClass, Rate] = {of: Rate(burst, 1) for of in CLASSES}
        self.front = Front(
            app,
            (
                Reading("/board", self.board),
                Reading("/theme", self.theme, needs="label", below_tenant=True),
                Reading("/alive", lambda _: json_answer(200, b"{}"), needs="nothing"),
                Writing("/bets", self.bet, limit="bets", refusal=self.full),
            ),
            sites=Known(nobody, "bet.example"),
            limited=Limits(Limiter(), rates, Rate(1_000, 1_000)),
            authenticate=who,
            recorder=self.recorder,
            clock=SetClock(AT),
        )

    def board(self, asked: Asked) -> Answer | None:
        if self.board_error is not None:
            return self.board_error(asked)
        return None if asked.query or self.board_is_away else self.copy.answer(asked)

    def theme(self, asked: Asked) -> Answer:
        return json_answer(200, json.dumps(asked.label).encode())

    def full(self, coming: int) -> Unavailable | None:
        return Unavailable("too many wait") if self.is_full or coming >= self.room else None

    async def bet(self, asked: Asked, principal: Principal) -> Answer:
        if b"taken" in asked.body:
            raise Conflict("it is taken", code="taken")
        if b"broken" in asked.body:
            raise RuntimeError("the secret is 4711")
        return json_answer(201, str(principal.actor_id).encode())

    def client(self, host: str = "acme.bet.example", scheme: str = "http") -> httpx2.AsyncClient:
        transport = httpx2.ASGITransport(self.front)
        return httpx2.AsyncClient(transport=transport, base_url=f"{scheme}://{host}")


def post(client: httpx2.AsyncClient, content: str, **headers: str) -> Any:
    said = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    said |= {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/bets", content=content, headers=said)


def test_every_answer_of_the_front_carries_what_every_answer_carries() -> None:
    async def story() -> None:
        house = House()
        async with house.client() as client:
            found = [
                (200, await client.get("/board")),
                (304, await client.get("/board", headers={"If-None-Match": house.copy.etag})),
                (200, await client.get("/theme")),
                (200, await client.get("/acme/theme")),
                (404, await client.get("/sakura/theme", headers={"Accept": "*/*"})),
                (201, await post(client, "{}")),
                (409, await post(client, '{"a":"taken"}')),
                (500, await post(client, '{"a":"broken"}')),
                (400, await post(client, '{"a":1,"a":2}')),
                (401, await post(client, "{}", authorization="Bearer x")),
                (415, await post(client, "{}", content_type="text/plain")),
            ]
        ids: set[str] = set()
        for status, answer in found:
            assert answer.status_code == status, answer.text
            assert set(answer.headers) >= EVERYWHERE
            ids.add(answer.headers["x-request-id"])
            assert {"ratelimit", "x-rate-limit-reset"} <= set(answer.headers) or status >= 400
            if status >= 400:
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["request_id"] == answer.headers["x-request-id"]
                assert "4711" not in answer.text
        assert len(ids) == len(found)

    asyncio.run(story())


def test_the_board_counts_down_and_is_answered_past_the_limit() -> None:
    async def story() -> None:
        house = House(burst=3)
        async with house.client() as client:
            left = [
                (answer.status_code, answer.headers["x-rate-limit-remaining"])
                for answer in [await client.get("/board") for _ in range(5)]
            ]
            assert left == [(200, "2"), (200, "1"), (200, "0"), (200, "0"), (200, "0")]
            answer = await client.get("/board")
            assert answer.headers["ratelimit-policy"] == '"public";q=3;w=3'
            assert answer.headers["ratelimit"] == '"public";r=0;t=3'
            assert answer.headers["x-rate-limit-reset"] == str(int(AT.timestamp()) + 3)
            # What memory cannot answer goes on, and is counted there.
            assert (await client.get("/board?page=2")).status_code == 204
        assert house.passed == ["/board"]

    asyncio.run(story())


def test_a_write_past_the_limit_is_429_with_a_time_to_wait() -> None:
    async def story() -> None:
        house = House(burst=2)
        async with house.client() as client:
            answers = [await post(client, "{}") for _ in range(3)]
            assert [one.status_code for one in answers] == [201, 201, 429]
            assert answers[2].headers["retry-after"] == "1"
            assert answers[2].json()["code"] == "too_many_requests"
            # Somebody else's bucket is another: this one is a visitor's.
            assert (await client.get("/board")).headers["x-rate-limit-remaining"] == "1"

    asyncio.run(story())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"origin": "http://acme.bet.example"}, 201),
        ({"origin": "http://sakura.bet.example"}, 403),
        ({"origin": "https://shop.example"}, 201),
        ({"origin": "https://shop.example.evil"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
    ],
)
def test_a_write_to_the_front_comes_from_here_or_from_a_named_origin(
    headers: dict[str, str], status: int
) -> None:
    async def story() -> None:
        async with House().client() as client:
            answer = await post(client, "{}", **headers)
        assert answer.status_code == status
        allowed = answer.headers.get("access-control-allow-origin")
        named = headers.get("origin") == "https://shop.example"
        assert allowed == ("https://shop.example" if named else None)

    asyncio.run(story())


def test_what_stands_twice_is_no_way_in() -> None:
    """As at the layers: neither the last nor the first of two is believed."""
    bearer, kind = ("Authorization", f"Bearer {TOKEN}"), ("Content-Type", "application/json")
    own, here = ("Origin", "https://acme.bet.example"), ("Sec-Fetch-Site", "same-origin")
    cookie = ("Cookie", f"__Host-session={TOKEN}")

    async def story() -> None:
        async with House().client(scheme="https") as client:
            for status, headers in (
                (201, [kind, cookie, own]),
                (201, [kind, cookie, ("Cookie", "theme=dark"), own]),
                (401, [kind, cookie, cookie, own]),
                (401, [kind, bearer, bearer, cookie, own]),
                (403, [kind, bearer, own, own]),
                (403, [kind, cookie, ("Sec-Fetch-Site", "cross-site"), here]),
                (415, [kind, kind, bearer]),
            ):
                found = await client.post("/bets", content="{}", headers=headers)
                assert found.status_code == status, headers

    asyncio.run(story())
    twice = [
        (b"idempotency-key", b"a"), (b"idempotency-key", b"b"), (b"prefer", b"wait=1"),
        (b"if-none-match", b'"a"'), (b"if-none-match", b'"b"'), (b"x-player-id", b"1"),
        (b"x-player-id", b"2"), (b"traceparent", b"0"), (b"traceparent", b"1"),
    ]  # fmt: skip
    scope: Any = {"method": "POST", "path": "/bets", "headers": twice}
    assert asked_of(scope).headers == {
        b"prefer": b"wait=1", b"if-none-match": b'"a", "b"', b"x-player-id": b"1, 2",
    }  # fmt: skip


def test_who_is_past_a_limit_is_counted_by_whatever_way_he_came() -> None:
    def counted(of: str, got: str) -> float:
        lines = metrics.exposition()[0].decode().splitlines()
        words = ("http_rate_limited_total{", f'endpoint_class="{of}"', f'answer="{got}"')
        found = [one for one in lines if all(word in one for word in words)]
        return sum(float(one.split()[-1]) for one in found)

    async def story() -> None:
        house = House(burst=2)
        copies, refused = counted("public", "copy"), counted("bets", "refused")
        named = {"Origin": "https://shop.example"}
        async with house.client() as client:
            for headers in ({}, named, {}, named, named):
                assert (await client.get("/board", headers=headers)).status_code == 200
            assert [(await post(client, "{}")).status_code for _ in range(4)] == [201] * 2 + [
                429
            ] * 2
        assert counted("public", "copy") - copies == 3
        assert counted("bets", "refused") - refused == 2

    asyncio.run(story())


def test_a_door_whose_bucket_is_forgotten_leads_nowhere() -> None:
    async def story() -> None:
        house = House()
        async with house.client() as client:
            limiter, doors = house.front._limits, house.front._doors
            assert limiter is not None
            for name in (":public:", ":public"):
                assert (await client.get("/board")).status_code == 200
                (key,) = doors._doors
                at_us = 1
                assert doors.at(key, at_us) is not None
                for held in limiter.limiter._held.values():
                    held.is_gone = name in held.key if name[-1] == ":" else held.key.endswith(name)
                assert doors.at(key, at_us) is None
                limiter.limiter._held.clear()

    asyncio.run(story())


class Broken(Past):
    """What weighs requests, and fails at it."""

    def __init__(self) -> None:
        pass

    @property
    def is_beset(self) -> bool:
        return True

    def at_once(self, asked: Asked) -> Answer | None:
        raise RuntimeError("the secret is 4711")

    async def answer(self, asked: Asked) -> Answer | None:
        raise RuntimeError("the secret is 4711")

    def route(self, asked: Asked) -> str | None:
        return None


def test_a_failure_before_the_layers_is_a_problem_too() -> None:
    async def story() -> None:
        house = House()
        house.front._past = Broken()
        async with house.client() as client:
            found = [await client.get("/elsewhere")]
        scope: Any = {
            "method": "GET", "path": "/elsewhere", "query_string": b"", "headers": [],
            "scheme": "http", "client": None, "state": {}, "extensions": None,
        }  # fmt: skip
        said: list[int] = []

        def directly(_: Any, status: int, block: bytes, body: bytes) -> bool:
            said.append(status)
            return b"4711" not in body

        scope["extensions"] = {shortcuts.DIRECT: directly}
        assert house.front.at_once(scope)
        assert (said, [one.status_code for one in found]) == ([500], [500])
        assert found[0].json()["request_id"] == found[0].headers["x-request-id"]
        assert "4711" not in found[0].text

    asyncio.run(story())


def test_who_writes_again_is_looked_at_like_the_first_time() -> None:
    """The second write by one bearer takes the short way in, which lets nothing more in."""

    async def story() -> None:
        house = House(burst=20)
        async with house.client() as client, house.client("sakura.bet.example") as next_door:
            first, again = await post(client, "{}"), await post(client, "{}")
            assert [one.status_code for one in (first, again)] == [201, 201]
            left = [one.headers["x-rate-limit-remaining"] for one in (first, again)]
            assert left == ["19", "18"]
            assert sorted(first.headers) == sorted(again.headers)
            refused = [
                (403, await post(client, "{}", Origin="http://evil.example")),
                (403, await post(client, "{}", Sec_Fetch_Site="cross-site")),
                (401, await post(client, "{}", Authorization=f"Bearer {'x' * 43}")),
                (404, await post(next_door, "{}")),
                (415, await post(client, "{}", Content_Type="text/plain")),
                (400, await post(client, '{"a":1,"a":2}')),
                (409, await post(client, '{"a":"taken"}')),
            ]
            assert [one.status_code for _, one in refused] == [status for status, _ in refused]
            conflict, ids = refused[-1][1].json(), refused[-1][1].headers
            assert conflict["request_id"] == ids["x-request-id"]

    asyncio.run(story())


def test_only_the_tenants_own_host_has_its_routes() -> None:
    async def story() -> None:
        house = House()
        for host in ("sakura.bet.example", "x.acme.bet.example", "ACME.bet.example", "acme.evil"):
            async with house.client() as client:
                found = await client.get("/board", headers={"Host": host})
                assert (found.status_code, found.json()["code"]) == (404, "unknown_tenant")
        async with house.client("10.0.0.1") as client:
            assert (await client.get("/alive")).status_code == 200
        assert house.passed == []

    asyncio.run(story())


def test_tls_is_kept_where_it_is_spoken() -> None:
    async def story() -> None:
        async with House().client(scheme="https") as client:
            assert "max-age" in (await client.get("/board")).headers["strict-transport-security"]
        async with House().client() as client:
            assert "strict-transport-security" not in (await client.get("/board")).headers

    asyncio.run(story())


def test_a_log_line_a_scrape_and_an_answer_of_the_front_agree() -> None:
    written = io.StringIO()
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    async def story() -> list[Mapping[str, str]]:
        house = House()
        sent = {"X-Correlation-ID": "order-12345", "traceparent": trace}
        async with house.client() as client:
            answers = [await client.get("/board", headers=sent), await post(client, "{}", **sent)]
        house.recorder.flush()
        return [one.headers for one in answers]

    with restored_logging():
        logs.configure("info", written)
        answers = asyncio.run(story())
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    requests = [line for line in lines if line["event"] == "http.request"]
    assert [line["path"] for line in requests] == ["/board", "/bets"]
    for line, headers in zip(requests, answers, strict=True):
        assert line["correlation_id"] == headers["x-correlation-id"] == "order-12345"
        assert line["request_id"] == headers["x-request-id"]
        assert headers["traceparent"].split("-")[1] == line["trace_id"] == trace.split("-")[1]
        assert headers["traceparent"] != trace
        assert (line["tenant"], line["level"], line["route"]) == ("acme", "info", line["path"])
        assert {"timestamp", "method", "status", "taken_ms", "client"} <= set(line)
    assert [line["user_id"] for line in requests] == [None, str(ANN.actor_id)]
    scraped = metrics.exposition()[0].decode()
    assert 'endpoint="/board"' in scraped
    assert 'endpoint="/bets"' in scraped


def test_an_ill_formed_trace_is_none() -> None:
    for bad in (b"", b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01", b"01-4bf9-00f0-01"):
        assert marks.ids(None, bad).traceparent is None


def test_ids_never_repeat() -> None:
    assert len({marks.ids(None, None).request_id for _ in range(2_000)}) == 2_000
