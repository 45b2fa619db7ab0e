"""A real season replayed while its servers, or it, are killed: `make kill`. Minutes, not seconds.

Each run kills one process with SIGKILL at three moments of one replay, starts what must be started
again by hand (only the replay itself), and compares the report with that of an undisturbed run.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import psycopg
import pytest

from overround.kit.settings import Settings
from overround.roles import place
from overround.roles.attach import Endpoints, attached
from tests.support.servers import state_directory

pytestmark = [pytest.mark.kill, pytest.mark.timeout(1800)]

DATA: Final = Path(
    os.environ.get("OVERROUND_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
)
SEASON: Final = DATA / "football-data" / "2122" / "E0.csv"
BETS: Final = "3000"
MOMENTS: Final = (0.2, 0.5, 0.8)

Victim = Literal["postgres", "valkey", "supervisor", "replay"]


def _start(state: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from overround.cli.main import run; run()"]
    arguments = ["replay", str(SEASON), "--tenant", "acme", "--bets", BETS, "--json"]
    clean = {k: v for k, v in os.environ.items() if not k.startswith("OVERROUND_")}
    return subprocess.Popen(
        [*command, *arguments, "--state", str(state)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean,
    )


def _report(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err[-2000:]
    report: dict[str, Any] = json.loads(out.splitlines()[-1])
    report.pop("seconds")
    return report


def _step(endpoints: Endpoints) -> int:
    """How many steps are committed; 0 while the database is away."""
    try:
        with psycopg.connect(endpoints.superuser_url("overround"), connect_timeout=2) as conn:
            row = conn.execute("SELECT max(step) FROM replay_run").fetchone()
    except psycopg.Error:
        return 0
    return row[0] or 0 if row else 0


@contextmanager
def _attached(state: Path) -> Generator[Endpoints]:
    with attached(Settings(state=state)) as endpoints:
        yield endpoints


def _kill(state: Path, victim: Victim, replay: subprocess.Popen[str]) -> None:
    record = place.read_record(state)
    assert record is not None
    pid = {
        "postgres": record.postgres and record.postgres.pid,
        "valkey": record.valkey and record.valkey.pid,
        "supervisor": record.supervisor.pid,
        "replay": replay.pid,
    }[victim]
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def undisturbed() -> tuple[dict[str, Any], int]:
    """The report of a run that nobody disturbs, and how many steps it has."""
    if not SEASON.exists():
        pytest.skip(f"no sample data at {SEASON}")
    with state_directory() as state, _attached(state) as endpoints:
        report = _report(_start(state))
        return report, _step(endpoints)


@pytest.mark.parametrize("victim", ["postgres", "valkey", "supervisor", "replay"])
def test_killed_at_three_moments(victim: Victim, undisturbed: tuple[dict[str, Any], int]) -> None:
    expected, steps = undisturbed
    with state_directory() as state, _attached(state) as endpoints:
        replay = _start(state)
        for moment in MOMENTS:
            while _step(endpoints) < moment * steps and replay.poll() is None:
                time.sleep(0.02)
            assert replay.poll() is None, "the replay ended before it could be disturbed"
            _kill(state, victim, replay)
            if victim == "replay":
                replay.communicate()
                replay = _start(state)
        first = _report(replay)
        again = _report(_start(state))
        verified = subprocess.run(
            [sys.executable, "-c", "from overround.cli.main import run; run()", "verify", "--deep",
             "--json", "--state", str(state)],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
    assert first == expected
    assert again == expected
    assert verified.returncode == 0, verified.stdout
