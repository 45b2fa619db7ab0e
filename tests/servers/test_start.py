"""Where and as whom the servers start, and whom they let in."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from overround.core.errors import SettingsError, Unavailable
from overround.db import logins
from overround.db.logins import ROLES, Role
from overround.kit import accounts
from overround.kit.accounts import Account
from overround.kit.settings import DatabaseSettings, RedisSettings, ServersSettings, Settings
from overround.roles import place
from overround.roles.attach import Endpoints, attached
from tests.servers.commands import ROOT, attached_command, overround_cli, python_path
from tests.support.servers import state_directory, wait_stopped

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root lends another account")


@pytest.fixture
def state() -> Generator[Path]:
    """A state directory of this test alone."""
    with state_directory() as path:
        yield path
        if path.exists():
            wait_stopped(path)


@AS_ROOT
def test_as_root_the_servers_run_as_nobody(state: Path) -> None:
    with attached_command(state) as command:
        record = place.read_record(state)
        assert record is not None
        nobody = pwd.getpwnam("nobody").pw_uid
        for key in (record.postgres, record.valkey):
            assert key is not None
            assert Path(f"/proc/{key.pid}").stat().st_uid == nobody
        assert Path(command.said["home"]).stat().st_uid == nobody
        assert Path(command.said["home"]).stat().st_mode & 0o777 == 0o700
        assert (state / "secrets.json").stat().st_mode & 0o777 == 0o600
        assert (state / "secrets.json").stat().st_uid == 0


@AS_ROOT
def test_below_a_private_home_the_files_of_root_s_servers_stand_elsewhere() -> None:
    with tempfile.TemporaryDirectory(prefix="overround-private-") as private:
        state = Path(private) / "state"
        try:
            with attached_command(state) as command:
                home = Path(command.said["home"])
                assert home.parent == place.ROOT_BASE
                assert Path(f"{home}.state").read_text() == str(state)
            wait_stopped(state)
            # Nobody's directory was opened for the sake of the account.
            assert Path(private).stat().st_mode & 0o777 == 0o700
        finally:
            if (found := place.read_place(state)) and found.home.parent == place.ROOT_BASE:
                shutil.rmtree(found.home)
                Path(f"{found.home}.state").unlink()


def python_for(account: pwd.struct_passwd, into: Path) -> str:
    """Our interpreter, or a copy of it when the account cannot run it where it is."""
    if accounts.may_use(Account("", account.pw_uid, account.pw_gid), Path(sys.executable)):
        return sys.executable
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base = Path(sys.base_prefix)
    shutil.copytree(
        base / "lib" / version,
        into / "lib" / version,
        ignore=shutil.ignore_patterns("site-packages", "test", "tests", "__pycache__", "config-*"),
    )
    for library in (base / "lib").glob("libpython*"):
        shutil.copy2(library, into / "lib")
    (into / "bin").mkdir()
    return str(shutil.copy2(Path(sys.executable).resolve(), into / "bin" / version))


def doctor_as(
    account: pwd.struct_passwd, python: str, state: Path
) -> subprocess.CompletedProcess[str]:
    """Run doctor as the account."""
    return subprocess.run(
        [
            python,
            *("-c", "from overround.cli.main import run; run()"),
            *("doctor", "--json", "--state", str(state)),
        ],
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        cwd="/",
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": python_path(),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": "/nonexistent",
            # A copied interpreter looks for its library where it was installed.
            "LD_LIBRARY_PATH": str(Path(python).parents[1] / "lib"),
            "OVERROUND_SERVERS__LINGER_S": "0",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@AS_ROOT
def test_an_ordinary_user_starts_it_as_itself() -> None:
    account = pwd.getpwnam("daemon")
    if not accounts.may_pass(Account("", account.pw_uid, account.pw_gid), ROOT):
        pytest.skip(f"{ROOT} is below a private home, an ordinary user cannot read it")
    with state_directory() as state:
        python = python_for(account, state.parent / "python")
        os.chown(state.parent, account.pw_uid, account.pw_gid)
        done = doctor_as(account, python, state)
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert state.stat().st_uid == account.pw_uid
        assert state.stat().st_mode & 0o777 == 0o700
        data = Path(report["servers"]["home"]) / "postgres"
        assert data.parent.parent == state
        assert data.stat().st_uid == account.pw_uid
        # Root keeps its hands off a user's state directory: it would leave files of its own.
        with pytest.raises(SettingsError, match="another account"):
            place.open_state(state)
        wait_stopped(state)


def test_only_the_right_password_opens_the_door(endpoints: Endpoints) -> None:
    record = endpoints.embedded
    assert record is not None
    password = urlsplit(endpoints.url("app")).password
    tcp = f"host=127.0.0.1 port={record.port} dbname=overround user=overround_app"
    with psycopg.connect(f"{tcp} password={password}") as conn:
        assert conn.execute("SELECT current_user").fetchone() == ("overround_app",)
    for wrong in ("", "wrong"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(f"{tcp} password={wrong}")
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(f"{tcp} host={record.run} password={wrong}")


def test_the_port_is_outside_the_ephemeral_range(endpoints: Endpoints) -> None:
    assert endpoints.embedded is not None
    assert endpoints.embedded.port < 32_768


def test_no_login_has_a_right_it_does_not_need(endpoints: Endpoints) -> None:
    with psycopg.connect(endpoints.superuser_url()) as conn:
        rows = conn.execute(
            "SELECT rolname, rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole "
            "OR rolreplication FROM pg_roles WHERE rolname LIKE 'overround%'"
        ).fetchall()
    assert dict(rows) == {logins.login(role): False for role in ROLES}
    with psycopg.connect(endpoints.url("app")) as conn:
        # As the settings of the tests' servers say; the other one is the default.
        assert conn.execute("SHOW statement_timeout").fetchone() == ("15s",)
        assert conn.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("5s",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("CREATE TABLE mine (id int)")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(logins.with_database(endpoints.url("app"), "postgres"))


def test_a_path_too_long_for_a_socket_gets_a_short_directory() -> None:
    with state_directory() as base:
        base.mkdir(mode=0o711)
        state = base / ("long" * 20) / ("path" * 20)
        state.parent.mkdir(mode=0o711)
        with attached_command(state) as command:
            run = Path(place.read_record(state).run)  # type: ignore[union-attr]
            assert len(os.fsencode(run)) < 90
            assert run.stat().st_mode & 0o777 == 0o700
            with psycopg.connect(command.said["app"]) as conn:
                assert conn.execute("SELECT 1").fetchone() == (1,)
        wait_stopped(state)
        assert not list(run.iterdir())
        with attached_command(state) as again:
            assert again.said["redis"] == command.said["redis"]
        wait_stopped(state)
        run.rmdir()


def test_a_state_path_with_a_blank_or_a_comma_is_a_path() -> None:
    with state_directory() as state:
        made = state.with_name('a blank, quo"te and per%20cent')
        settings = Settings(state=made, servers=ServersSettings(linger_s=0))
        with attached(settings) as endpoints, psycopg.connect(endpoints.url("app")) as conn:
            assert conn.execute("SELECT 1").fetchone() == (1,)
        wait_stopped(made)


def test_a_directory_with_other_files_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    mode = tmp_path.stat().st_mode
    with pytest.raises(SettingsError, match="holds other files"):
        place.open_state(tmp_path)
    assert tmp_path.stat().st_mode == mode
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_place_that_cannot_be_read_is_not_guessed(state: Path) -> None:
    place.open_state(state)
    (state / "place.json").write_text("{}")
    settings = Settings(state=state, servers=ServersSettings(linger_s=0))
    with pytest.raises(Unavailable, match=r"place\.json"), attached(settings):
        pass


def test_secrets_of_another_cluster_are_named_at_once(state: Path) -> None:
    with attached_command(state) as command:
        assert command.finish() == 0
    wait_stopped(state)
    (state / "secrets.json").unlink()
    settings = Settings(state=state, servers=ServersSettings(linger_s=0))
    with pytest.raises(Unavailable, match=r"secrets\.json does not belong"), attached(settings):
        pass


@AS_ROOT
@pytest.mark.parametrize("account", ["root", "no-such-account"])
def test_an_account_that_cannot_run_postgres_is_refused(state: Path, account: str) -> None:
    settings = Settings(state=state, servers=ServersSettings(account=account))
    with pytest.raises(Unavailable, match=r"servers\.account"), attached(settings):
        pass


def test_existing_servers_are_used_and_none_is_started(
    endpoints: Endpoints, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    settings = Settings(
        state=state,
        database=DatabaseSettings(
            url=endpoints.superuser_url("overround"), app_url=endpoints.url("app")
        ),
        redis=RedisSettings(url=endpoints.redis_url),
    )
    with attached(settings) as found:
        assert found.url("app") == endpoints.url("app")
        assert urlsplit(found.url("worker")).username == "overround_worker"
        assert found.redis_url == endpoints.redis_url
        assert found.embedded is None
        with pytest.raises(Unavailable, match="superuser"):
            found.superuser_url()
    assert not place.supervisor_runs(state)


def test_migrate_makes_the_logins_on_an_existing_server(state: Path) -> None:
    with state_directory() as other:
        settings = Settings(state=other, servers=ServersSettings(linger_s=0))
        with attached(settings) as endpoints:
            environment: Mapping[str, str] = {
                "DATABASE_URL": endpoints.superuser_url("overround"),
                "REDIS_URL": endpoints.redis_url,
                "OVERROUND_STATE": str(state),
            }
            done = overround_cli("db", "migrate", "--json", env=environment)
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout)["applied"]
            checked = overround_cli("db", "check", "--json", env=environment)
            assert checked.returncode == 0, checked.stdout + checked.stderr
            role: Role = "app"
            base = endpoints.superuser_url("overround")
            known = logins.passwords(state).of(logins.login(role))
            with psycopg.connect(logins.role_url(base, role, known)) as conn:
                assert conn.execute("SELECT current_user").fetchone() == ("overround_app",)
        wait_stopped(other)
