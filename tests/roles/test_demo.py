"""The demonstration as a person starts it: a run, its report, and what the next one finds."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from overround.core.errors import Invalid, SettingsError
from overround.kit.settings import ServersSettings, Settings
from overround.roles.attach import attached
from overround.roles.demo import run as demo_run
from overround.roles.demo.role import Options
from overround.roles.demo.run import DemoRun, Staff
from tests.servers.commands import overround_cli
from tests.support.ports import free_port
from tests.support.servers import state_directory, wait_stopped
from tests.support.waiting import until

# So many that no tenant is left without.
BETS = 12
ORIGIN = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture
def state() -> Generator[Path]:
    """A state directory of this test alone."""
    with state_directory() as path:
        yield path
        wait_stopped(path)


def demo(state: Path, *further: str) -> list[str]:
    """The command's arguments."""
    port = str(free_port())
    return ["demo", "--json", "--no-open", "--state", str(state), "--port", port, *further]


@contextmanager
def begun(state: Path, said: Path) -> Generator[subprocess.Popen[str]]:
    """A demonstration without an end, saying into a file; killed at the end of the block."""
    with said.open("w") as says:
        running = subprocess.Popen(
            [sys.executable, "-m", "overround.cli", *demo(state)],
            stdout=subprocess.PIPE,
            stderr=says,
            text=True,
            cwd="/",
        )
        try:
            yield running
        finally:
            running.kill()
            running.communicate()


@pytest.mark.timeout(600)
def test_an_interrupted_run_reports_and_the_next_calls_off_what_it_left(
    state: Path, tmp_path: Path
) -> None:
    said = tmp_path / "said.txt"
    settings = Settings(state=state, servers=ServersSettings(linger_s=0))
    # The servers stand from one command to the next.
    with attached(settings):
        with begun(state, said) as running:
            served_s = until(lambda: "office:" in said.read_text(), "the site", 120)
            # It tells how it goes every few seconds, from when there is something to look at.
            until(lambda: bets_told(said.read_text()) >= BETS, "bets at both tenants", 120)
            refused = overround_cli(*demo(state))
            assert refused.returncode == 3
            assert "another serve or demo runs" in refused.stderr
            running.send_signal(signal.SIGINT)
            out, _ = running.communicate(timeout=60)
            assert running.returncode == 0, said.read_text()
        first: dict[str, Any] = json.loads(out)
        assert first["run"] == demo_run.read(state).run
        # Its time begins with the start of the roles, which takes as long as it just took.
        done = overround_cli(*demo(state, "--for", f"{served_s + 5:.0f}"))
        assert done.returncode == 0, done.stderr
        assert "events of the run before are called off" in done.stderr
        second: dict[str, Any] = json.loads(done.stdout)
        checked = overround_cli("verify", "--deep", "--json", "--state", str(state))
        assert checked.returncode == 0, checked.stdout + checked.stderr
        # Fixtures of the same names are other ones: none is taken for one of the run before.
        queue = overround_cli("match", "queue", "--json", "--state", str(state))
        assert json.loads(queue.stdout)["items"] == []
    assert first["run"] < second["run"]
    assert second["events"] > 20
    assert second["prices"] > 1_000
    assert all(first["bets_by_tenant"].values())
    for report in (first, second):
        assert report["ledger_total"] == {"EUR": "0.00", "JPY": "0"}
        assert report["arbitrages_false"] == 0
        assert report["restarts"] == dict.fromkeys(report["restarts"], 0)


def bets_told(said: str) -> int:
    """How many bets the newest line of a run tells of."""
    found = re.findall(r"([\d,]+) bets", said)
    return int(found[-1].replace(",", "")) if found else 0


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
