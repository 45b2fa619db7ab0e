"""The lists of what every answer, log line and scrape holds, compared with a running api: on
routes of the framework and on each raw one."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from overround.db.logins import Role
from overround.roles.attach import Endpoints
from tests.support.edge import registration
from tests.web.test_api_role import Served, served
from tests.web.test_front import EVERYWHERE

Urls = Mapping[Role, str]
LIMITED = {"ratelimit", "ratelimit-policy", "x-rate-limit-remaining", "x-rate-limit-reset"}
LINE = {
    "timestamp", "level", "event", "method", "path", "route", "status", "taken_ms", "body_bytes",
    "correlation_id", "request_id", "client",
}  # fmt: skip
LOCAL = "127.0.0.1"
TRACE = "0af7651916cd43dd8448eb211c80319c"
SEEDS = Path(__file__).parents[2] / "docs" / "reference" / "seeds.md"
# Who is asked, and by whom: nobody's host, a tenant's, a tenant's by a player; and by somebody who
# shows a token that is nobody's.
PLATFORM, TENANT, PLAYER, GREETED = range(4)
ROUTES: list[tuple[str, str, int]] = [
    # The framework's, by one who is logged in and by one who is not.
    ("GET", "/api/v1/balance", PLAYER),
    ("GET", "/api/v1/events", TENANT),
    # By one who shows a token where nobody asks whose it is.
    ("GET", "/api/v1/events", GREETED),
    # The raw ones; a few of them twice, so that the second is answered at once.
    ("GET", "/api/v1/board", TENANT),
    ("GET", "/api/v1/board", TENANT),
    ("POST", "/api/v1/bets", PLAYER),
    ("GET", "/api/public/load-theme", TENANT),
    ("GET", "/acme/api/public/load-theme", TENANT),
    ("GET", "/api/public/board", TENANT),
    ("GET", "/api/public/fixtures", TENANT),
    ("GET", "/api/public/lobby", TENANT),
    ("GET", "/healthz", PLATFORM),
    ("GET", "/health", PLATFORM),
    ("GET", "/health/detailed", PLATFORM),
    ("GET", "/metrics", PLATFORM),
]


def of_seed(heading: str, names: str) -> set[str]:
    """The names of seed E's rows below a heading that are kept as they are."""
    part = SEEDS.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [row.split("|") for row in part.splitlines() if row.startswith("| E |")]
    return {name for row in rows for name in re.findall(r"`([\w-]+)`", row[2])} & set(
        re.findall(r"[\w-]+", names)
    )


def asked(client: httpx2.Client, token: str, n: int) -> httpx2.Response:
    """The answer of the nth route."""
    method, path, who = ROUTES[n]
    headers = {"X-Correlation-ID": f"route-{n:03}", "traceparent": f"00-{TRACE}-{'1' * 16}-01"}
    if who == PLATFORM:
        # Open to this machine, by its own name alone.
        headers["Host"] = LOCAL
    if who in {PLAYER, GREETED}:
        headers["Authorization"] = f"Bearer {token if who == PLAYER else 'x' * 43}"
    if method == "POST":
        headers |= {"Idempotency-Key": "first"}
        return client.post(path, json={"legs": [], "stake": "1.00"}, headers=headers)
    return client.get(path, headers=headers)


def says_what_it_should(answer: httpx2.Response, line: Mapping[str, Any], n: int) -> None:
    """Compare an answer and its log line with the lists."""
    method, path, who = ROUTES[n]
    said = set(answer.headers)
    assert said >= EVERYWHERE, (path, EVERYWHERE - said)
    assert answer.headers["x-correlation-id"] == f"route-{n:03}"
    assert answer.headers["traceparent"].startswith(f"00-{TRACE}-")
    assert (said >= LIMITED) == (who != PLATFORM), (path, LIMITED - said)
    assert set(line) >= LINE, (path, LINE - set(line))
    assert (line["method"], line["path"], line["status"]) == (method, path, answer.status_code)
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["trace_id"] == TRACE
    assert line.get("tenant") == (None if who == PLATFORM else "acme"), path
    assert ("user_id" in line and line["user_id"] is not None) == (who == PLAYER), path
    if answer.status_code >= 400:
        assert answer.json()["request_id"] == line["request_id"]


def lines_of(log: Path) -> dict[str, dict[str, Any]]:
    """The lines of answers, by correlation id."""
    found = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return {one["correlation_id"]: one for one in found if one["event"] == "http.request"}


@pytest.fixture
def ended(
    database_urls: Urls, endpoints: Endpoints, tmp_path: Path
) -> tuple[list[httpx2.Response], dict[str, dict[str, Any]], str]:
    """What an api answered to each route, logged, and told a scrape."""
    log = tmp_path / "api.log"
    with log.open("w") as stream, served(database_urls, endpoints.redis_url, stream) as api:
        with api.client() as client:
            token = client.post("/api/v1/users", json=registration("ann")).json()["token"]
            client.cookies.clear()
            answers = [asked(client, token, n) for n in range(len(ROUTES))]
            scrape = client.get("/metrics", headers={"Host": LOCAL}).text
        stop(api)
    return answers, lines_of(log), scrape


def stop(api: Served) -> None:
    """End it in order, so that its last lines are written."""
    api.process.send_signal(signal.SIGTERM)
    assert api.process.wait(20) == 0


def test_an_answer_a_line_and_a_scrape_hold_what_the_lists_say(
    ended: tuple[list[httpx2.Response], dict[str, dict[str, Any]], str],
) -> None:
    answers, lines, scrape = ended
    for n, answer in enumerate(answers):
        says_what_it_should(answer, lines[f"route-{n:03}"], n)
        labels = f'endpoint="{lines[f"route-{n:03}"]["route"]}",method="{ROUTES[n][0]}"'
        assert f"http_requests_total{{{labels}" in scrape, labels
    kept = of_seed("Metrics and log fields", scrape)
    assert kept >= {
        "http_requests_total", "http_request_duration_seconds", "tenant_requests_total",
        "db_pool_usage_percent", "db_pool_waiting_connections", "db_active_connections",
        "cache_hits_total", "cache_misses_total", "circuit_breaker_state",
    }  # fmt: skip
    assert of_seed("Metrics and log fields", " ".join(lines["route-000"])) == {
        "correlation_id", "request_id", "tenant", "user_id", "method", "path",
    }  # fmt: skip
    # A token where nobody asks whose it is is no way past the limit: one visitor, one bucket.
    public = [n for n, one in enumerate(ROUTES) if one[1] == "/api/v1/events"]
    left = [int(answers[n].headers["x-rate-limit-remaining"]) for n in public]
    assert left[1] == left[0] - 1
