"""The command line: its output, its exit codes, and how quickly it helps."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from overround.roles import place
from overround.roles.attach import Endpoints
from tests.servers.commands import attached_command, overround_cli
from tests.support.servers import state_directory, wait_stopped
from tests.support.waiting import until

QUICK = {"OVERROUND_SERVERS__LINGER_S": "0"}


@pytest.fixture(scope="module")
def state() -> Generator[Path]:
    """The state directory of this file, its servers kept up by an attached command."""
    with state_directory() as path:
        with attached_command(path):
            yield path
        wait_stopped(path)


def test_help_imports_neither_the_database_nor_the_web() -> None:
    script = (
        "import sys, overround.cli.main;"
        "print([m for m in ('psycopg', 'redis', 'fastapi', 'pydantic', 'numpy', 'structlog')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_usage_and_configuration_errors_exit_2(tmp_path: Path) -> None:
    assert overround_cli("no-such-command").returncode == 2
    assert overround_cli("doctor", "--no-such-option").returncode == 2
    done = overround_cli("config", "check", env={"OVERROUND_WEB__PROT": "1"})
    assert done.returncode == 2
    assert done.stderr == "overround: unknown setting in the environment: OVERROUND_WEB__PROT\n"
    (tmp_path / "letter.txt").write_text("dear")
    done = overround_cli("doctor", "--state", str(tmp_path))
    assert done.returncode == 2
    assert "holds other files" in done.stderr


def test_config_check_shows_everything_but_passwords(tmp_path: Path) -> None:
    (tmp_path / "overround.yaml").write_text("web: {port: 8100}\n")
    environment = {"DATABASE_URL": "postgresql://ann:hunter2@db/x"}
    done = overround_cli("config", "check", "--json", env=environment, cwd=tmp_path)
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert found["web"]["port"] == 8100
    assert found["database"]["url"] == "postgresql://ann:***@db/x"
    text = overround_cli("config", "check", env=environment, cwd=tmp_path).stdout
    assert re.search(r"^web\.port: 8100 +# overround\.yaml$", text, re.MULTILINE)
    assert re.search(r"^database\.url: .+ +# DATABASE_URL$", text, re.MULTILINE)
    assert "hunter2" not in text + done.stdout


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("ann: {sports: {nfl: 60}}", "feeds.providers.ann: not a provider that is asked"),
        ("draftkings: {sports: {curling_by_night: 60}}", "draftkings.sports.curling_by_night: "),
        ("the_odds_api: {sports: {nfl: 60}}", "feeds.providers.the_odds_api.keys: "),
        ("draftkings: {sports: {nfl: true}}", "draftkings.sports.nfl.every_s: "),
    ],
)
def test_config_check_names_what_cannot_be_asked(tmp_path: Path, said: str, words: str) -> None:
    (tmp_path / "overround.yaml").write_text(f"feeds: {{providers: {{{said}}}}}\n")
    done = overround_cli("config", "check", cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_prints_what_one_wants_to_know(state: Path) -> None:
    done = overround_cli("doctor", "--json", "--state", str(state), env=QUICK)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    record = place.read_record(state)
    assert record is not None
    assert record.postgres is not None
    assert found["servers"]["postgres_pid"] == record.postgres.pid
    assert found["servers"]["supervisor_pid"] == record.supervisor.pid
    assert found["postgres"]["fsync"] == "on"
    assert found["logins"]["overround_app"] == ["LOGIN"]
    assert found["guard"] == {
        "overround_app": [],
        "overround_worker": [],
        "overround_reader": [],
    }
    text = overround_cli("doctor", "--state", str(state), env=QUICK)
    assert "  fsync: on\n" in text.stdout
    for password in json.loads((state / "secrets.json").read_text()).values():
        assert password not in done.stdout + text.stdout + text.stderr


def test_migrate_says_what_it_did(state: Path) -> None:
    first = overround_cli("db", "migrate", "--json", "--state", str(state), env=QUICK)
    assert first.returncode == 0, first.stderr
    again = overround_cli("db", "migrate", "--json", "--state", str(state), env=QUICK)
    assert json.loads(again.stdout)["applied"] == []
    assert overround_cli("db", "check", "--state", str(state), env=QUICK).returncode == 0


def test_psql_speaks_to_the_database(state: Path) -> None:
    arguments = ("db", "psql", "--state", str(state))
    asked = ("-AtXc", "SELECT current_user, current_database()")
    done = overround_cli(*arguments, "--role", "app", *asked, env=QUICK)
    assert done.stdout == "overround_app|overround\n", done.stderr
    done = overround_cli(*arguments, *asked, env=QUICK)
    assert done.stdout == "overround_owner|overround\n"
    assert overround_cli(*arguments, "-c", "SELECT wrong", env=QUICK).returncode == 1
    assert overround_cli(*arguments, "--role", "postgres", env=QUICK).returncode == 2


def test_a_dependency_that_is_down_exits_3(endpoints: Endpoints, tmp_path: Path) -> None:
    nobody_listens = f"host={tmp_path}"
    environment = {
        "DATABASE_URL": f"postgresql://ann@/x?{nobody_listens}",
        "REDIS_URL": endpoints.redis_url,
        "OVERROUND_STATE": str(tmp_path / "state"),
    }
    done = overround_cli("db", "check", env=environment)
    assert done.returncode == 3
    assert done.stderr.startswith("overround: the database cannot be reached")
    environment |= {"DATABASE_URL": endpoints.superuser_url("overround")}
    environment |= {"OVERROUND_DATABASE__APP_URL": endpoints.url("app")}
    environment |= {"REDIS_URL": f"unix://{tmp_path}/no.sock"}
    done = overround_cli("doctor", env=environment)
    assert done.returncode == 3
    assert done.stderr.startswith("overround: the cache does not answer")


def test_a_second_supervisor_exits_3(state: Path) -> None:
    done = overround_cli("run", "servers", "--state", str(state), env=QUICK)
    assert done.returncode == 3
    assert "another supervisor" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_servers_in_the_foreground_stay_until_they_are_told(number: signal.Signals) -> None:
    with state_directory() as state:
        script = "from overround.cli.main import run; run()"
        process = subprocess.Popen(
            [sys.executable, "-c", script, "run", "servers", "--state", str(state)],
            env={**os.environ, **QUICK},
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:

            def is_ready() -> bool:
                record = place.read_record(state)
                return record is not None and record.phase == "ready"

            until(is_ready, "the servers")
            with attached_command(state) as command:
                assert command.said["supervisor"] == process.pid
                command.finish()
            # Nobody is attached any more, and the linger time is zero.
            assert process.poll() is None
            process.send_signal(number)
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
            process.communicate()
        assert place.read_record(state) is None


def test_an_interrupted_command_exits_130() -> None:
    with state_directory() as state:
        holding = place.open_state(state)
        # A supervisor that is about to stop holds this lock alone: the command waits for it.
        lock = place.attached_lock(holding)
        assert lock.try_exclusive()
        # As at a terminal, whatever the tests' own parent ignores.
        script = (
            "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
            "from overround.cli.main import run; run()"
        )
        process = subprocess.Popen(
            [sys.executable, "-X", "importtime", "-c", script, "doctor", "--state", str(state)],
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if "overround.roles.attach" in line:
                    break
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
            assert process.returncode == 130
        finally:
            process.kill()
            process.communicate()
            lock.release()
