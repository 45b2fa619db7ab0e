"""What is seen from outside: who may look, what is there, and that it answers when little does."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from overround.core.clock import SetClock
from overround.db import Database
from overround.db.logins import Role
from overround.kit import logs, metrics
from overround.kit.threads import BoundedThreads
from overround.people.sessions import SessionLimits
from overround.roles import looking
from overround.roles.looking import Lookout
from overround.web import Services, create_app
from overround.web.watching import Watch
from tests.support.edge import AT, BASE_DOMAIN, restored_logging
from tests.support.waiting import until_async

Urls = Mapping[Role, str]
TOKEN = "a-token-for-the-watch"
CLOSED = ("/metrics", "/health/detailed")
HERE = "http://localhost:8000"


@dataclass(slots=True)
class House:
    """The application as a server runs it, and the database's other login."""

    app: Any
    web: Database
    worker: Database

    def client(self, base: str = HERE, peer: str = "127.0.0.1") -> httpx2.AsyncClient:
        transport = httpx2.ASGITransport(self.app, client=(peer, 4711))
        return httpx2.AsyncClient(transport=transport, base_url=base)

    async def ask(self, path: str, peer: str = "127.0.0.1", **headers: str) -> httpx2.Response:
        base = headers.pop("base", HERE)
        async with self.client(base, peer) as client:
            return await client.get(
                path, headers={k.replace("_", "-"): v for k, v in headers.items()}
            )


@asynccontextmanager
async def opened(urls: Urls) -> AsyncGenerator[House]:
    clock = SetClock(AT)
    app_db = await Database.open(urls["app"], purpose="web", size_max=4)
    worker_db = await Database.open(urls["worker"], purpose="worker", size_max=2)
    hashing = BoundedThreads(1, 4, "hashing")
    try:
        raw = Watch(app_db, clock, TOKEN).routes()
        services = Services(app_db, clock, hashing, BASE_DOMAIN, SessionLimits(), raw=raw)
        yield House(create_app(services), app_db, worker_db)
    finally:
        hashing.close()
        await app_db.close()
        await worker_db.close()


def test_metrics_and_details_are_for_this_machine_and_for_bearers(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as house:
            for path in CLOSED:
                assert (await house.ask(path)).status_code == 200
                assert (await house.ask(path, base="http://[::1]:8000")).status_code == 200
                refused = [
                    await house.ask(path, peer="192.0.2.7"),
                    # A page in a browser of this machine, a name that leads here, a proxy.
                    await house.ask(path, base="http://acme.bet.example"),
                    await house.ask(path, base="http://localhost.evil.example"),
                    await house.ask(path, X_Forwarded_For="127.0.0.1"),
                    await house.ask(path, Forwarded="for=127.0.0.1"),
                    await house.ask(path, peer="192.0.2.7", Authorization="Bearer wrong"),
                    await house.ask(path, Authorization="Bearer wrong"),
                    await house.ask(path, peer="192.0.2.7", Authorization=f"Basic {TOKEN}"),
                ]
                assert [one.status_code for one in refused] == [403] * len(refused)
                assert all(one.json()["code"] == "watch_closed" for one in refused)
                bearer = f"Bearer {TOKEN}"
                assert (await house.ask(path, peer="192.0.2.7", Authorization=bearer)).is_success
                assert "X-Request-ID" in refused[0].headers
            await every_route_is_seen_from_outside(house)
            await a_scrape_counts_what_was_answered(house)
            await health_tells_whether_the_database_answers(house)

    asyncio.run(story())


# Raw routes from memory and with a wait, and one of the framework's.
ROUTES = ("/healthz", "/health", "/metrics", "/openapi.json")
FIELDS = {
    "correlation_id", "request_id", "tenant", "user_id", "method", "path", "route", "status",
    "taken_ms", "event", "level", "timestamp",
}  # fmt: skip


async def every_route_is_seen_from_outside(house: House) -> None:
    """Response, log line and scrape say the same of a request, whoever answered it."""
    with restored_logging():
        stream = io.StringIO()
        logs.configure("info", stream)
        for path in ROUTES:
            before = _requests((await house.ask("/metrics")).text)
            stream.truncate(0)
            answer = await house.ask(path, X_Correlation_ID="c-from-outside")
            assert answer.headers["X-Correlation-ID"] == "c-from-outside"
            request_id = answer.headers["X-Request-ID"]
            await until_async(partial(_holds, stream, request_id), f"the line of {path}")
            (line,) = [
                said
                for said in map(json.loads, stream.getvalue().strip("\0\n").splitlines())
                if said.get("request_id") == request_id
            ]
            assert set(line) >= FIELDS
            assert (line["event"], line["correlation_id"]) == ("http.request", "c-from-outside")
            assert (line["method"], line["path"], line["status"]) == (
                "GET", path, answer.status_code
            )  # fmt: skip
            after = _requests((await house.ask("/metrics")).text)
            key = (line["route"] or "unmatched", str(answer.status_code))
            assert after[key] > before.get(key, 0)


async def a_scrape_counts_what_was_answered(house: House) -> None:
    before = _requests((await house.ask("/metrics")).text)
    for _ in range(3):
        await house.ask("/healthz")
    answer = await house.ask("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    after = _requests(answer.text)
    assert after["/healthz", "200"] - before.get(("/healthz", "200"), 0) == 3
    asked = await house.ask("/metrics", Accept="application/openmetrics-text")
    assert asked.headers["content-type"].startswith("application/openmetrics-text")
    assert asked.text.endswith("# EOF\n")


async def health_tells_whether_the_database_answers(house: House) -> None:
    """And what this process and this machine know is told without it all the same."""
    well = await house.ask("/health", base="http://acme.bet.example", peer="192.0.2.7")
    assert (well.status_code, well.json()["status"]) == (200, "healthy")
    assert set(well.json()) == {"status", "version"}
    await looking.write_house(house.worker, AT, None, Lookout(sessions=SessionLimits()))
    told = (await house.ask("/health/detailed")).json()
    assert told["database"] == "answers"
    assert told["findings"][0]["code"] == "nothing_runs"
    assert told["findings"][0]["remedy"]
    expected = {
        "pools", "machine", "cache", "replication", "providers", "queues", "last_verify",
        "last_backup", "processes", "version", "sessions",
    }  # fmt: skip
    assert expected <= set(told)
    assert told["machine"]["disk_free_bytes"] > 0
    assert told["pools"][0]["size_max"] == 4
    assert told["replication"]["replicas"] == []
    assert told["sessions"] == {"active": 0, "created": 0, "revoked": 0}
    await house.web.close()
    assert (await house.ask("/healthz")).json() == {"status": "ok"}
    down = await house.ask("/health")
    assert (down.status_code, down.json()["status"]) == (503, "down")
    detailed = await house.ask("/health/detailed")
    assert detailed.status_code == 503
    assert detailed.json()["database"] == "does not answer"
    assert detailed.json()["machine"]["memory_bytes"] > 0
    assert (await house.ask("/metrics")).status_code == 200


def _holds(stream: io.StringIO, word: str) -> bool:
    return word in stream.getvalue()


def _requests(text: str) -> dict[tuple[str, str], float]:
    return {
        (sample.labels["endpoint"], sample.labels["status"]): sample.value
        for family in text_string_to_metric_families(text)
        if family.name == "http_requests"
        for sample in family.samples
        if sample.name == "http_requests_total"
    }


@pytest.mark.parametrize("made_up", ["FOO", "PROPFIND"])
def test_a_method_that_is_made_up_is_no_new_figure(made_up: str) -> None:
    before = len(json.dumps([one.values for one in metrics.HOUSE.counted()]))
    metrics.request_seen(made_up, "/x", 405, None, 0.01)
    metrics.request_seen(f"{made_up}2", "/x", 405, None, 0.01)
    named = [one for one in metrics.HOUSE.counted() if made_up in str(one.values)]
    assert named == []
    assert len(json.dumps([one.values for one in metrics.HOUSE.counted()])) < before + 200
