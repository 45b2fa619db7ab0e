"""The supervisor: the parent of PostgreSQL and Valkey, and of nothing else.

One per state directory. It starts both, starts again whichever dies, and stops both when no
command has been attached for `linger_s`. It holds `supervisor.lock` for its life, so there is
never a second one; when it is killed the lock is free at once, and the next one ends whatever it
left behind (tests/servers/test_kill.py).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any, Final

from overround.cache import server as cache_server
from overround.cache.server import ValkeyServer
from overround.core.errors import OverroundError, Unavailable
from overround.db import binaries, logins
from overround.db import server as db_server
from overround.db.logins import Passwords, Timeouts
from overround.db.server import PostgresServer
from overround.kit import accounts, logs, processes
from overround.kit.processes import FileLock, ProcessKey
from overround.roles import place as places
from overround.roles.place import Phase, Place, Record

TICK_S: Final = 0.05
BACKOFF_S: Final = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
FIRST_STARTS_MAX: Final = 5
LOCK_PATIENCE_S: Final = 0.3
LOG_BYTES_MAX: Final = 16_000_000

# For the PostgreSQL that a killed parent left: at once. What was acknowledged is in its log, and in
# good order it would write out its buffers first while nobody is served. A backend that computes
# does not notice by itself that its postmaster died, and holds the shared memory until it is told.
LEFTOVER_STEPS: Final = ((signal.SIGQUIT, 2.0), (signal.SIGKILL, 2.0))

Steps = Sequence[tuple[signal.Signals, float]]

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a supervisor must know; it travels as JSON on its command line."""

    state: str
    account: str
    linger_s: float
    shared_buffers_mb: int
    timeouts: Timeouts

    def to_json(self) -> str:
        """The plan as text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """The plan that `to_json` wrote."""
        content: dict[str, Any] = json.loads(text)
        timeouts = Timeouts(**content.pop("timeouts"))
        return cls(**content, timeouts=timeouts)


class Child:
    """One server under supervision: running or not, ready or not, and when to try again."""

    def __init__(
        self,
        name: str,
        server: PostgresServer | ValkeyServer,
        is_ready: Callable[[], bool],
        stop_steps: Steps,
        leftover_steps: Steps,
    ) -> None:
        self.name = name
        self.server = server
        self.key: ProcessKey | None = None
        self.ready = False
        self.starts = 0
        self.failures = 0
        self._is_ready = is_ready
        self._stop_steps = stop_steps
        self._leftover_steps = leftover_steps
        self._process: subprocess.Popen[bytes] | None = None
        self._due_s = 0.0

    def tick(self, now_s: float) -> bool:
        """Notice a death, start what is due, ask for readiness; True when something changed."""
        return self._note_death(now_s) or self._start_if_due(now_s) or self._note_ready()

    def stop(self) -> None:
        """End it, gently first, and whatever it left."""
        if self.key is not None:
            processes.end([self.key], self._stop_steps)
        if self._process is not None:
            self._process.wait()
        processes.end(self.server.leftovers(), self._leftover_steps)
        self._process, self.key, self.ready = None, None, False

    def _note_death(self, now_s: float) -> bool:
        if self._process is None or (code := self._process.poll()) is None:
            return False
        self.failures = 0 if self.ready else self.failures + 1
        self._due_s = now_s + BACKOFF_S[min(self.failures, len(BACKOFF_S) - 1)]
        self._process, self.key, self.ready = None, None, False
        last = db_server.last_line(self.server.log)
        _log.warning("server.ended", server=self.name, code=code, last=last)
        return True

    def _start_if_due(self, now_s: float) -> bool:
        if self._process is not None or now_s < self._due_s:
            return False
        processes.end(self.server.leftovers(), self._leftover_steps)
        self._process = self.server.start()
        self.key = processes.key_of(self._process.pid)
        self.starts += 1
        _log.info("server.started", server=self.name, pid=self._process.pid)
        return True

    def _note_ready(self) -> bool:
        if self.ready or not self._is_ready():
            return False
        self.ready = True
        return True


@dataclass(frozen=True, slots=True)
class Pair:
    """The two servers of one state directory, not started yet."""

    place: Place
    known: Passwords
    postgres: PostgresServer
    valkey: ValkeyServer

    def create(self) -> None:
        """Make what does not exist yet. Raises Unavailable."""
        self.valkey.create()
        self.postgres.create(self.known)


def assemble(plan: Plan) -> Pair:
    """Decide where everything stands, which port is free, who runs it; make the directories."""
    state = Path(plan.state)
    account = accounts.for_servers(plan.account)
    place = places.establish(state, account)
    # Whoever holds our port may be what a killed supervisor left: it goes first, so that the port
    # stays what the attached commands know.
    processes.end(db_server.leftovers(place.home), LEFTOVER_STEPS)
    place = replace(place, port=db_server.choose_port(place.port or None))
    places.write_place(state, place)
    postgres = PostgresServer(
        binaries.for_account(account, place.shelf),
        place.home,
        place.run,
        place.port,
        _rotated(state / "logs" / "postgres.log"),
        account,
        {**db_server.OPTIONS, "shared_buffers": f"{plan.shared_buffers_mb}MB"},
    )
    valkey = ValkeyServer(
        cache_server.for_account(account, place.shelf),
        place.home,
        place.run,
        _rotated(state / "logs" / "valkey.log"),
        account,
    )
    return Pair(place, logins.passwords(state), postgres, valkey)


class Supervisor:
    """The loop over both children. `run` returns when it was told to stop or nobody is attached."""

    def __init__(
        self, plan: Plan, pair: Pair, lock: FileLock, attached: FileLock, *, idle_stop: bool
    ) -> None:
        self._plan = plan
        self._pair = pair
        self._state = Path(plan.state)
        self._lock = lock
        self._attached = attached
        self._idle_stop = idle_stop
        self._idle_since_s: float | None = None
        self._told_to_stop = False
        self._prepared = False
        self._children = (
            Child(
                "postgres",
                pair.postgres,
                lambda: pair.postgres.is_ready(pair.known),
                db_server.STOP_STEPS,
                LEFTOVER_STEPS,
            ),
            Child(
                "valkey",
                pair.valkey,
                pair.valkey.is_ready,
                cache_server.STOP_STEPS,
                cache_server.STOP_STEPS,
            ),
        )

    def run(self) -> None:
        """Supervise. Raises Unavailable when a server does not come up at the first start."""
        while not self._should_stop():
            self._tick(time.monotonic())
            time.sleep(TICK_S)

    def stop(self) -> None:
        """End both children and take away the sockets. Stopping twice is safe."""
        self._publish("stopping")
        for child in reversed(self._children):
            child.stop()
        for path in self._pair.place.run.glob("*"):
            path.unlink(missing_ok=True)

    def tell_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        """A signal's handler."""
        self._told_to_stop = True

    def _tick(self, now_s: float) -> None:
        for child in self._children:
            if child.tick(now_s):
                self._publish(self._phase())
            if not self._prepared and child.failures >= FIRST_STARTS_MAX:
                raise Unavailable(
                    f"{child.name} does not start: {db_server.last_line(child.server.log)}"
                )
        if not self._prepared and all(child.ready for child in self._children):
            self._pair.postgres.prepare(self._pair.known, self._plan.timeouts)
            self._prepared = True
            self._publish(self._phase())

    def _phase(self) -> Phase:
        if not self._prepared:
            return "starting"
        return "ready" if all(child.ready for child in self._children) else "recovering"

    def _should_stop(self) -> bool:
        """Told to, or idle for long enough.

        The lock is kept from here on: a command that comes now waits for it and then starts a
        new supervisor, so none is handed a server that is about to stop.
        """
        # A state directory that was deleted takes its servers with it.
        if self._told_to_stop or not self._lock.is_in_place():
            return True
        if not self._idle_stop:
            return False
        if not self._attached.try_exclusive():
            self._idle_since_s = None
            return False
        now_s = time.monotonic()
        self._idle_since_s = self._idle_since_s or now_s
        if now_s - self._idle_since_s >= self._plan.linger_s:
            return True
        self._attached.release()
        return False

    def _publish(self, phase: Phase) -> None:
        if not self._lock.is_in_place():
            return
        postgres, valkey = self._children
        place = self._pair.place
        record = Record(
            phase=phase,
            supervisor=processes.ourselves(),
            home=str(place.home),
            run=str(place.run),
            port=place.port,
            postgres=postgres.key,
            valkey=valkey.key,
            redis_url=self._pair.valkey.url,
            postgres_restarts=max(0, postgres.starts - 1),
            valkey_restarts=max(0, valkey.starts - 1),
        )
        places.write_record(self._state, record)


def supervise(plan: Plan, *, idle_stop: bool) -> None:
    """Be the supervisor of `plan.state` until told to stop (or idle, with `idle_stop`).

    Raises Unavailable when another supervisor runs or a server does not start; the reason is
    left in the record for the commands that wait.
    """
    state = Path(plan.state)
    lock, attached = places.supervisor_lock(state), places.attached_lock(state)
    # Watchers look at the lock by taking it shared for a moment, so it is asked for a while.
    if not lock.wait_exclusive(LOCK_PATIENCE_S):
        raise Unavailable("another supervisor holds this state directory")
    if idle_stop and attached.try_exclusive():
        # Whoever launched us has gone, or was served by another supervisor in the meantime.
        attached.release()
        lock.release()
        return
    record = Record("starting", processes.ourselves(), "", "", 0)
    try:
        end_orphans(places.read_record(state))
        places.write_record(state, record)
        pair = assemble(plan)
        supervisor = Supervisor(plan, pair, lock, attached, idle_stop=idle_stop)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, supervisor.tell_to_stop)
        try:
            pair.create()
            supervisor.run()
        finally:
            supervisor.stop()
        if lock.is_in_place():
            places.forget_record(state)
        _log.info("servers.stopped")
    except Exception as error:
        if lock.is_in_place():
            places.write_record(state, replace(record, phase="failed", reason=str(error)))
        raise
    finally:
        lock.release()
        attached.release()


def end_orphans(record: Record | None) -> None:
    """End the servers that a killed supervisor left behind.

    A process is ours when pid and start time are those that were recorded and its command line
    names our directory; anything else that bears the pid today is left alone
    (tests/servers/test_kill.py).
    """
    if record is None:
        return
    steps = {record.postgres: LEFTOVER_STEPS, record.valkey: cache_server.STOP_STEPS}
    for key, its_steps in steps.items():
        if key and any(record.home in argument for argument in processes.command_line(key)):
            _log.warning("server.orphan_ended", pid=key.pid)
            processes.end([key], its_steps)


def main(arguments: Sequence[str]) -> int:
    """`python -m overround.roles.servers PLAN`: become a daemon, supervise, say why not."""
    parser = argparse.ArgumentParser(prog="overround.roles.servers")
    parser.add_argument("plan")
    plan = Plan.from_json(parser.parse_args(arguments).plan)
    # The command that started us waits for this process only; its grandchild belongs to nobody,
    # so it neither dies with the command nor stays behind as its zombie.
    if os.fork():
        return 0
    logs.configure("info")
    try:
        supervise(plan, idle_stop=True)
    except (OverroundError, OSError) as error:
        _log.error("supervisor.failed", reason=str(error))
        return 1
    return 0


def _rotated(log: Path) -> Path:
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.rename(log.with_suffix(".log.1"))
    return log


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
