"""`overround status`: honest when nothing runs, and its exit code is what it says."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Generator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from overround.cli import status_tables
from overround.core.clock import WallClock
from overround.db import Database
from overround.kit.settings import ServersSettings, Settings
from overround.ops import store
from overround.roles import presence
from overround.roles.attach import attached
from overround.roles.process import database
from tests.servers.commands import overround_cli
from tests.support.servers import state_directory, wait_stopped


@pytest.fixture(scope="module")
def settings() -> Generator[Settings]:
    """A state directory with its servers up and migrated, and no role running."""
    with state_directory() as state:
        settings = Settings(state=state, servers=ServersSettings(linger_s=0))
        with attached(settings):
            assert overround_cli("db", "migrate", "--state", str(state)).returncode == 0
            yield settings
        wait_stopped(state)


def asked(state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return overround_cli("status", "--state", str(state), *words)


def test_where_nothing_runs_nothing_is_started(tmp_path: Path) -> None:
    state = tmp_path / "state"
    done = asked(state, "--json")
    assert done.returncode == 3
    said = json.loads(done.stdout)
    assert said["status"] == "down"
    assert [one["code"] for one in said["findings"]] == ["nothing_runs"]
    assert not state.exists()
    done = asked(state)
    assert done.returncode == 3
    assert "nothing runs in" in done.stdout
    assert done.stderr == ""


def test_an_existing_database_that_is_away_is_down(tmp_path: Path) -> None:
    away = {
        "DATABASE_URL": "postgresql://ann:secret@127.0.0.1:1/x",
        "REDIS_URL": "redis://127.0.0.1:1",
    }
    done = overround_cli("status", "--state", str(tmp_path / "state"), "--json", env=away)
    assert done.returncode == 3
    assert json.loads(done.stdout)["findings"][0]["code"] == "database_unavailable"
    assert "secret" not in done.stdout + done.stderr


def test_servers_without_roles_serve_nobody(settings: Settings) -> None:
    done = asked(settings.state, "--json")
    assert done.returncode == 3
    said = json.loads(done.stdout)
    assert said["findings"][0]["code"] == "nothing_runs"
    assert said["database"]["version"].startswith("18")
    assert said["cache"]["version"]
    assert said["providers"] == []
    assert said["hub"] is None


def test_the_exit_code_is_what_it_says(settings: Settings) -> None:
    """All roles live: 0. Nobody settles: 1. Nobody serves: 3."""
    clock = WallClock()

    async def looked(worker: Database, count: int) -> subprocess.CompletedProcess[str]:
        async with asyncio.timeout(20):
            while True:
                async with worker.reading(None) as conn:
                    if len(await store.lives(conn)) == count:
                        break
                await asyncio.sleep(0.01)
        return await asyncio.to_thread(asked, settings.state)

    async def story() -> list[subprocess.CompletedProcess[str]]:
        with attached(settings) as endpoints:
            async with (
                database(settings, endpoints.url("worker"), "worker") as worker,
                presence.told(worker, "hub", clock),
                presence.told(worker, "jobs", clock),
            ):
                async with presence.told(worker, "api", clock):
                    async with presence.told(worker, "settle", clock):
                        found = [await looked(worker, 4)]
                    found.append(await looked(worker, 3))
                return [*found, await looked(worker, 2)]

    healthy, degraded, down = asyncio.run(story())
    assert (healthy.returncode, healthy.stdout.split()[0]) == (0, "healthy")
    assert all(role in healthy.stdout for role in ("api", "hub", "settle", "jobs"))
    assert (degraded.returncode, degraded.stdout.split()[0]) == (1, "degraded")
    assert "no_settle" in degraded.stdout
    assert (down.returncode, down.stdout.split()[0]) == (3, "down")
    assert "no_api" in down.stdout


# -- what a person reads ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, ""), (0, "0 ms"), (-5, "0 ms"), (999, "999 ms"), (1_000, "1 s"),
        (184_000, "3 min 4 s"), (3_600_000, "1 h"), (7_500_000, "2 h 5 min"),
        (90_000_000, "1 d 1 h"), (86_460_000, "1 d"),
    ],
)  # fmt: skip
def test_a_length_of_time_is_two_words(ms: int | None, text: str) -> None:
    assert status_tables._span(ms) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 kB"), (999_999, "999 kB"), (1_550_000, "1.5 MB"), (12_340_000_000, "12.3 GB")],
)
def test_a_weight_is_a_number_and_a_unit(size_bytes: int, text: str) -> None:
    assert status_tables._weight(size_bytes) == text


def told(**changed: Any) -> str:
    """What a person reads of a report with one provider."""
    provider: dict[str, Any] = {
        "provider": "draftkings", "polls": 20, "ok": 15, "success_bps": 7_500,
        "last_ok_at": "2026-03-02T11:59:00+00:00", "last_state": "ok",
        "standing": {"prices": 1_234, "age_p50_ms": 4_000, "age_p95_ms": 61_000},
        "rejected": {"price_unreadable": 3}, "quarantined": {"price_unreadable": 2, "jump": 1},
        "undecided": 2, "quota_left": 480, "breaker": "open",
    }  # fmt: skip
    report: dict[str, Any] = {
        "status": "degraded", "version": "0.1.0", "at": "2026-03-02T12:00:00+00:00",
        "summary": "Look.", "worded_by": "model",
        "findings": [
            {"code": "x", "level": "degraded", "detail": "[red]not ours[/]", "cause": "c",
             "remedy": "r"}
        ],
        "processes": [], "leases": [],
        "database": {
            "version": "18", "bytes": 9, "history_bytes": 0, "history_pieces": 0,
            "connections": 9, "connections_max": 100,
        },
        "traffic": {
            "span_s": 300.0, "requests": 1_000, "p50_ms": 4.5, "p95_ms": 20.0, "failed": 3
        },
        "machine": {
            "disk_free_bytes": 5_000_000_000, "disk_bytes": 9_000_000_000,
            "memory_free_bytes": 1_000_000, "memory_bytes": 2_000_000, "load": 0.5, "processors": 2,
        },
        "patterns": [
            {"level": "error", "what": "bet.failed", "reason": "[b]x", "count": 9, "roles": ["api"],
             "last_at": "2026-03-02T11:59:00+00:00"},
        ],
        "cache": {"version": None}, "hub": None, "providers": [provider],
        "queue": {"waiting": 2, "oldest_at": "2026-03-02T11:00:00+00:00", "reasons": {"near": 2}},
        "inbox": {"waiting": 0, "oldest_at": None},
        "settle": {"waiting": 0, "oldest_at": None, "stuck": 0},
        "books": {"sound": None, "tenants": 0, "checked_at": None},
    }  # fmt: skip
    stream = StringIO()
    status_tables.write(report | changed, stream)
    return stream.getvalue()


def test_a_provider_is_a_line() -> None:
    (line,) = [line for line in told().splitlines() if "draftkings" in line]
    words = ("20", "75 %", "1 min", "1,234", "4 s", "1 min 1 s", "3 price_unreadable, 1 jump",
             "2", "480", "open")  # fmt: skip
    assert all(word in line for word in words)


def test_what_is_not_ours_paints_nothing() -> None:
    assert "[red]not ours[/]" in told()
    assert "nobody writes the board" in told()
    assert "bet.failed: [b]x" in told()
    assert "no provider was asked" in told(providers=[])


def test_what_was_served_and_the_models_words_are_told() -> None:
    assert "1,000 requests in 5 min, half in 4.5 ms, 95 % in 20 ms, 3 failed" in told()
    assert "5.0 GB of 9.0 GB disk" in told()
    assert "Look." in told()
    assert "Look." not in told(worded_by="rules")
    assert "nothing was asked lately" in told(traffic=None)
