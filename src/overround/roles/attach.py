"""Attaching: how a command gets the servers, shares them, and keeps them alive.

    with attached(settings) as endpoints:
        url = endpoints.url("app")

For the length of the block the command holds `attached.lock` shared and a thread looks after the
supervisor: when it was killed, one of the commands starts another, which takes about a second.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from overround.core.errors import OverroundError, Unavailable
from overround.db import logins
from overround.db.logins import ROLES, Role, Timeouts
from overround.db.server import shared_buffers_mb
from overround.kit import logs, machine, processes
from overround.kit.settings import Settings
from overround.roles import place as places
from overround.roles.place import Record
from overround.roles.servers import Plan

WATCH_S: Final = 0.1
RELAUNCH_S: Final = 5.0

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the database and the cache are, for the length of one attachment."""

    state: Path
    redis_url: str
    role_urls: Mapping[Role, str] = field(repr=False)
    embedded: Record | None = None

    def url(self, role: Role) -> str:
        """The database URL of a login."""
        return self.role_urls[role]

    def superuser_url(self, database: str = "postgres") -> str:
        """The bootstrap superuser of the embedded server: tests make databases with it.

        Raises Unavailable on an existing server, whose superuser is not ours.
        """
        if self.embedded is None:
            raise Unavailable("the superuser of an existing server is not known to us")
        return _socket_url(self.state, self.embedded, logins.SUPERUSER, database)


@contextmanager
def attached(settings: Settings) -> Generator[Endpoints]:
    """The servers of these settings, up and shared for the length of the block.

    Raises Unavailable with the reason when they do not come up in `servers.start_timeout_s`, and
    SettingsError for a state directory that is not ours.
    """
    state = places.open_state(settings.state)
    if settings.database.url and settings.redis.url:
        yield _endpoints(settings, state, None)
        return
    deadline = time.monotonic() + settings.servers.start_timeout_s
    lock = places.attached_lock(state)
    if not lock.wait_shared(settings.servers.start_timeout_s):
        raise Unavailable("the servers are being stopped by another process")
    try:
        plan = plan_of(settings, state)
        record = _wait_ready(plan, deadline)
        watcher = _Watcher(plan)
        watcher.start()
        try:
            yield _endpoints(settings, state, record)
        finally:
            watcher.stop()
    finally:
        lock.release()


def plan_of(settings: Settings, state: Path) -> Plan:
    """What the supervisor of these settings is told."""
    servers, database = settings.servers, settings.database
    timeouts = Timeouts(database.statement_s, database.idle_in_transaction_s)
    buffers_mb = servers.shared_buffers_mb or shared_buffers_mb(machine.memory_bytes())
    return Plan(str(state), servers.account, servers.linger_s, buffers_mb, timeouts)


class _Watcher(threading.Thread):
    """Starts a new supervisor when the present one was killed."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(name="servers-watcher", daemon=True)
        self._plan = plan
        self._done = threading.Event()

    def stop(self) -> None:
        """Stop watching; safe to call twice."""
        self._done.set()
        self.join()

    def run(self) -> None:
        """Look at the supervisor's lock every `WATCH_S`."""
        state = Path(self._plan.state)
        while not self._done.wait(WATCH_S):
            try:
                if not places.supervisor_runs(state) and _launch(self._plan, self._done):
                    _log.warning("supervisor.replaced")
            except (OverroundError, OSError, subprocess.SubprocessError) as error:
                _log.error("supervisor.not_started", reason=str(error))
                if not state.is_dir():
                    return


def _wait_ready(plan: Plan, deadline: float) -> Record:
    state = Path(plan.state)
    before = places.read_record(state)
    never = threading.Event()
    while time.monotonic() < deadline:
        record = places.read_record(state)
        if record and record.phase == "ready" and processes.is_alive(record.supervisor):
            return record
        if not places.supervisor_runs(state):
            # A failure that was written before we came is history: perhaps the disk is free now.
            if record and record.phase == "failed" and record != before:
                raise Unavailable(record.reason)
            _launch(plan, never)
        time.sleep(processes.POLL_S)
    raise Unavailable(f"the servers are not ready yet; see {state / 'logs'}")


def _launch(plan: Plan, give_up: threading.Event) -> bool:
    """Start a supervisor and wait until it is up or has failed, unless another command does so.

    Every attached command notices at the same moment that the supervisor was killed, and five that
    start one each hold up the one that counts (test: attached commands start one supervisor).
    Returns whether it was us. Raises Unavailable when it does not start.
    """
    state = Path(plan.state)
    lock = places.launch_lock(state)
    if not lock.try_exclusive():
        return False
    try:
        # Somebody may have started one between our look and our lock.
        if places.supervisor_runs(state):
            return False
        before = places.read_record(state)
        _spawn(plan, state / "logs" / "servers.log")
        deadline = time.monotonic() + RELAUNCH_S
        while time.monotonic() < deadline and not give_up.wait(processes.POLL_S):
            if places.supervisor_runs(state) or places.read_record(state) != before:
                break
    finally:
        lock.release()
    return True


def _spawn(plan: Plan, log: Path) -> None:
    with log.open("ab") as output:
        finished = subprocess.run(
            [sys.executable, "-P", "-m", "overround.roles.servers", plan.to_json()],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(os.environ),
            start_new_session=True,
            check=False,
            timeout=RELAUNCH_S * 4,
        )
    if finished.returncode != 0:
        raise Unavailable(f"the supervisor did not start; see {log}")


def _endpoints(settings: Settings, state: Path, record: Record | None) -> Endpoints:
    redis_url = settings.redis.url or (record.redis_url if record else "")
    if settings.database.url is None and record is not None:
        urls: dict[Role, str] = {
            role: _socket_url(state, record, logins.login(role)) for role in ROLES
        }
        return Endpoints(state, redis_url, urls, record)
    return Endpoints(state, redis_url, external_urls(settings, state))


def external_urls(settings: Settings, state: Path) -> dict[Role, str]:
    """The four logins' URLs on an existing server.

    A URL that is set is used; the others are `database.url` with the login's name and the
    password of this state directory, which `overround db migrate` gives the login.
    """
    database = settings.database
    given: dict[Role, str | None] = {
        "owner": database.owner_url,
        "app": database.app_url,
        "worker": database.worker_url,
        "reader": database.reader_url,
    }
    known = logins.passwords(state)
    base = database.url or ""
    return {
        role: url or logins.role_url(base, role, known.of(logins.login(role)))
        for role, url in given.items()
    }


def _socket_url(state: Path, record: Record, name: str, database: str = logins.DATABASE) -> str:
    password = logins.passwords(state).of(name)
    return logins.socket_url(name, password, Path(record.run), record.port, database)
