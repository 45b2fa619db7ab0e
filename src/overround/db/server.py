"""The embedded PostgreSQL: made once, started as a direct child, asked whether it is ready.

The caller is the parent (roles/servers.py): being the direct parent of `postgres` is what makes a
restart after `kill -9` take a tenth of a second, because a postmaster that was started through
pg_ctl stays behind as a zombie that still owns its lock file.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from overround.core.errors import Unavailable
from overround.db import logins
from overround.db.logins import Passwords, Timeouts
from overround.kit import processes
from overround.kit.accounts import Account
from overround.kit.processes import ProcessKey

PROGRAM: Final = "postgres"

# Fast first, then immediate (the next start recovers from the log), then none the wiser.
STOP_STEPS: Final = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, 2.0))

# Given on the command line, where ALTER SYSTEM and a stale file cannot undo them.
OPTIONS: Final[Mapping[str, str]] = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "jit": "off",
    "max_connections": "100",
    "max_locks_per_transaction": "256",
    # Enough that checkpoints come by time, at thousands of bets a second too. The first change of a
    # page after each writes the whole page: in a book of a million players checkpoints by size
    # (512 MB) came every ten seconds, a bet wrote 12 kB instead of 3, and so they came sooner.
    "max_wal_size": "2GB",
    # A season arrives in a minute; plans that are older than its rows read whole tables.
    "autovacuum_naptime": "5s",
    # What was written since the last checkpoint is read again after a crash, and nobody is served
    # until then: a minute of a house's takes a second or two, one of thousands of bets a second
    # four, a quarter of an hour took twenty.
    "checkpoint_timeout": "1min",
    "listen_addresses": "127.0.0.1",
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

_BUFFERS_MB: Final = (128, 1_024)


def shared_buffers_mb(memory_bytes: int) -> int:
    """How many megabytes of pages a server keeps where nobody has said it: an eighth of memory.

    Players who come again want the pages of their bets, and a changed page that has to leave is
    written first: in 256 MB a bet in a book of a million players cost PostgreSQL a fifth more.
    """
    least, most = _BUFFERS_MB
    return min(max(memory_bytes // 8 // 2**20, least), most)


# Below the ephemeral range (32768-60999), where any outgoing connection may sit on a port.
PORTS: Final = range(15_432, 25_432)


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """One cluster: where its files are and as whom it runs.

    `home` is a 0700 directory of the account; the cluster is `home/postgres`.
    """

    install: Path
    home: Path
    run: Path
    port: int
    log: Path
    account: Account | None
    options: Mapping[str, str] = field(default_factory=lambda: OPTIONS)

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.home / "postgres"

    def create(self, known: Passwords) -> None:
        """Run initdb unless the cluster is there.

        It is made beside its place and renamed, so one that was interrupted half-way is made
        again (test: a half-made cluster is made anew). Raises Unavailable with initdb's own words.
        """
        if (self.data / "PG_VERSION").exists():
            self._check_version()
            return
        unfinished = self.home / "postgres.new"
        for directory, name in ((self.home, "initdb"), (unfinished, PROGRAM)):
            processes.end(processes.working_in(directory, name), [(signal.SIGKILL, 5.0)])
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(self.data, ignore_errors=True)
        password_file = self.home / "initdb.password"
        processes.write_atomically(password_file, known.of(logins.SUPERUSER))
        if self.account is not None:
            os.chown(password_file, self.account.uid, self.account.gid, follow_symlinks=False)
        try:
            self._initdb(unfinished, password_file)
        finally:
            password_file.unlink(missing_ok=True)
        unfinished.rename(self.data)

    def start(self) -> subprocess.Popen[bytes]:
        """Start `postgres` as our child; it is ready when `is_ready` says so.

        The pid that an unclean end left in postmaster.pid may belong to any process by now, and
        postgres would refuse to start on account of it. Naming that pid in PG_GRANDPARENT_PID
        makes postgres ignore it without our unlinking the file, which would race with a server
        that does live (test: a stale pid file that names a stranger).
        """
        for path in self.run.glob(".s.PGSQL.*"):
            path.unlink(missing_ok=True)
        environment: dict[str, str] = {}
        if (stale := self.recorded_pid()) is not None:
            environment["PG_GRANDPARENT_PID"] = str(stale)
        arguments: list[str | Path] = [self.install / "bin" / PROGRAM, "-D", self.data]
        settings = {
            **self.options,
            "port": str(self.port),
            # A list to PostgreSQL: quoted, so that a comma in the path is part of it.
            "unix_socket_directories": '"' + str(self.run).replace('"', '""') + '"',
        }
        for name, value in settings.items():
            arguments += ["-c", f"{name}={value}"]
        return processes.spawn(
            arguments,
            directory=self.data,
            log=self.log,
            account=self.account,
            environment=environment,
        )

    def is_ready(self, known: Passwords) -> bool:
        """Whether it answers a query of the superuser.

        Raises Unavailable when it does not know our password: waiting would not help.
        """
        import psycopg

        try:
            with psycopg.connect(self.superuser_url(known), connect_timeout=2) as conn:
                conn.execute("SELECT 1")
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise Unavailable(
                    f"{logins.SECRETS_NAME} does not belong to the cluster in {self.data}"
                ) from None
            return False
        return True

    def prepare(self, known: Passwords, timeouts: Timeouts) -> None:
        """Make logins, database and schema what they must be; after every start, in any order.

        So a first start that was killed between initdb and here is completed by the next one.
        """
        import psycopg

        with psycopg.connect(self.superuser_url(known), autocommit=True) as conn:
            logins.ensure(conn, known, timeouts)
            logins.ensure_database(conn, logins.DATABASE)
            conn.execute("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC")
        with psycopg.connect(self.superuser_url(known, logins.DATABASE), autocommit=True) as conn:
            logins.ensure_schema(conn)

    def superuser_url(self, known: Passwords, database: str = "postgres") -> str:
        """The bootstrap superuser's URL: for the supervisor and for tests that make databases."""
        password = known.of(logins.SUPERUSER)
        return logins.socket_url(logins.SUPERUSER, password, self.run, self.port, database)

    def leftovers(self) -> list[ProcessKey]:
        """Every living process of this cluster, whoever its parent is."""
        return leftovers(self.home)

    def recorded_pid(self) -> int | None:
        """The pid that postmaster.pid names, living or not."""
        try:
            first = (self.data / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0]
            return abs(int(first))
        except (OSError, ValueError):
            return None

    def _initdb(self, into: Path, password_file: Path) -> None:
        finished = processes.spawn(
            [
                self.install / "bin" / "initdb",
                *("-D", into, "-U", logins.SUPERUSER, f"--pwfile={password_file}"),
                *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--no-instructions"),
            ],
            directory=self.home,
            log=self.log,
            account=self.account,
        )
        try:
            code = finished.wait(timeout=120)
        except subprocess.TimeoutExpired:
            finished.kill()
            finished.wait()
            raise Unavailable("initdb took longer than two minutes") from None
        if code != 0:
            raise Unavailable(f"initdb failed: {last_line(self.log)}")

    def _check_version(self) -> None:
        found = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        share = self.install / "share"
        control = next(share.rglob("postgres.bki")).read_text(encoding="utf-8")[:64]
        ours = control.split("PostgreSQL ")[1].split()[0]
        if found != ours:
            raise Unavailable(
                f"{self.data} was made by PostgreSQL {found}, this is {ours}: dump it with the "
                "old version and restore it into a new state directory"
            )


def leftovers(home: Path) -> list[ProcessKey]:
    """Every living process of the cluster in `home`, whoever its parent is."""
    return processes.working_in(home / "postgres", PROGRAM)


def choose_port(wanted: int | None) -> int:
    """`wanted` when nobody sits on it, else the first free port of PORTS.

    Raises Unavailable when all are taken.
    """
    # Two state directories that start at once should not try the same ports in the same order.
    offset = int.from_bytes(os.urandom(2), "big") % len(PORTS)
    candidates = [PORTS[(offset + step) % len(PORTS)] for step in range(len(PORTS))]
    for port in ([wanted] if wanted else []) + candidates:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise Unavailable(f"no free port between {PORTS.start} and {PORTS.stop - 1}")


def last_line(log: Path) -> str:
    """The last words of a log, for an error message."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 4_096))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return "no log"
    return lines[-1] if lines else "no log"
