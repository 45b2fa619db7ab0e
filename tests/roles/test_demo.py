"""The demonstration as a person starts it: a run, its report, and what the next one finds."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from overround.core.errors import Invalid, SettingsError
from overround.roles.demo import run as demo_run
from overround.roles.demo.role import Options
from overround.roles.demo.run import DemoRun, Staff
from tests.servers.commands import overround_cli
from tests.support.servers import state_directory, wait_stopped
from tests.support.waiting import until

ORIGIN = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
QUICK = {"OVERROUND_SERVERS__LINGER_S": "0"}


@pytest.fixture
def state() -> Generator[Path]:
    """A state directory of this test alone."""
    with state_directory() as path:
        yield path
        wait_stopped(path)


def free_port() -> str:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return str(sock.getsockname()[1])


def demo(state: Path, *further: str) -> list[str]:
    """The command's arguments."""
    return ["demo", "--json", "--no-open", "--state", str(state), "--port", free_port(), *further]


def test_a_run_tells_of_itself_and_the_next_calls_off_what_it_left(state: Path) -> None:
    reports: list[dict[str, Any]] = []
    for lasts_s in ("15", "5"):
        done = overround_cli(*demo(state, "--for", lasts_s), env=QUICK)
        assert done.returncode == 0, done.stderr
        reports.append(json.loads(done.stdout))
        checked = overround_cli("verify", "--deep", "--json", "--state", str(state), env=QUICK)
        assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "events of the run before are called off" in done.stderr
    first, second = reports
    assert first["run"] < second["run"]
    assert first["events"] > 20
    # Fixtures of the same names are other ones: none of them is taken for one of the run before.
    queue = overround_cli("match", "queue", "--json", "--state", str(state), env=QUICK)
    assert json.loads(queue.stdout)["items"] == []
    assert first["prices"] > 1_000
    assert all(first["bets_by_tenant"].values())
    assert first["bets"] > second["bets"]
    for report in reports:
        assert report["ledger_total"] == {"EUR": "0.00", "JPY": "0"}
        assert report["arbitrages_false"] == 0
        assert report["restarts"] == dict.fromkeys(report["restarts"], 0)


def test_an_interrupted_run_reports_and_a_second_one_is_refused(state: Path) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "overround.cli", *demo(state)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
    )
    try:
        until((state / "demo.json").exists, "the run to begin", 60)
        refused = overround_cli(*demo(state))
        assert refused.returncode == 3
        assert "another serve or demo runs" in refused.stderr
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
        assert running.returncode == 0, err
        assert json.loads(out)["run"] == demo_run.read(state).run
    finally:
        running.kill()
        running.communicate()


def test_a_run_is_read_as_it_was_written(state: Path) -> None:
    state.mkdir()
    run = DemoRun.begin(7, 60.0, ORIGIN, 8000, 30.0).with_staff({"acme": Staff("a@b.c", "secret")})
    assert run.ends_after_min == 30.0
    assert run.key_prefix == "demo:20260301T120000250:"
    demo_run.write(state, run)
    assert demo_run.read(state) == run
    assert (state / "demo.json").stat().st_mode & 0o77 == 0


def test_the_truth_does_not_depend_on_when_a_run_began(state: Path) -> None:
    state.mkdir()
    texts: set[str] = set()
    for hour in (8, 20):
        run = DemoRun.begin(7, 60.0, ORIGIN.replace(hour=hour), 8000, 30.0)
        truth = demo_run.write_truth(state, run)
        assert 0 < truth.decided < truth.events
        texts.add((state / "demo-truth.json").read_text())
    assert len(texts) == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"run": 1, "origin": "yesterday"}'])
def test_a_file_that_names_no_run_is_refused(state: Path, text: str) -> None:
    state.mkdir()
    (state / "demo.json").write_text(text)
    with pytest.raises(SettingsError, match="names no demonstration"):
        demo_run.read(state)
    assert demo_run.before(state) is None


@pytest.mark.parametrize(
    "asked",
    [
        {"seed": -1},
        {"seed": 2**32},
        {"speed": 0.5},
        {"speed": 601.0},
        {"speed": float("nan")},
        {"for_s": 0.5},
        {"for_s": 86_401.0},
    ],
)
def test_a_run_that_nobody_could_watch_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        Options(**asked)
