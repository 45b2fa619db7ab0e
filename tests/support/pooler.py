"""Debian's PgBouncer in transaction mode before the tests' PostgreSQL."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from overround.db import logins
from overround.kit import accounts
from overround.roles.attach import Endpoints
from tests.support.waiting import until

PROGRAM: Final = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
# Few, so that every transaction is on another's connection.
SERVER_CONNECTIONS: Final = 4
_PORT: Final = 6432


@dataclass(frozen=True, slots=True)
class Pooler:
    """A running pooler; its socket is in `directory`."""

    directory: Path

    def url(self, direct: str) -> str:
        """`direct` by way of the pooler."""
        facts = conninfo_to_dict(direct)
        name, password, database = (str(facts[key]) for key in ("user", "password", "dbname"))
        return logins.socket_url(name, password, self.directory, _PORT, database)


@contextmanager
def pooler(endpoints: Endpoints) -> Generator[Pooler]:
    """A pooler for the length of the block."""
    record = endpoints.embedded
    assert PROGRAM is not None
    assert record is not None
    # A socket's path is short, and root's pooler works as another account, as it insists.
    with tempfile.TemporaryDirectory(prefix="ov-pool-") as made:
        directory = Path(made)
        account = accounts.for_servers("nobody")
        known = logins.passwords(endpoints.state)
        names = [logins.login(role) for role in logins.ROLES]
        users = "\n".join(f'"{name}" "{known.of(name)}"' for name in names)
        (directory / "users.txt").write_text(users + "\n", encoding="utf-8")
        settings = [
            "[databases]",
            f"* = host={record.run} port={record.port}",
            "[pgbouncer]",
            f"unix_socket_dir = {directory}",
            f"listen_port = {_PORT}",
            "auth_type = scram-sha-256",
            f"auth_file = {directory / 'users.txt'}",
            "pool_mode = transaction",
            "max_client_conn = 400",
            f"default_pool_size = {SERVER_CONNECTIONS}",
            "syslog = 0",
            f"logfile = {directory / 'log'}",
        ]
        ini = directory / "pgbouncer.ini"
        ini.write_text("\n".join(settings) + "\n", encoding="utf-8")
        command = [PROGRAM, "-q", str(ini)]
        if account is not None:
            for path in (directory, *directory.iterdir()):
                os.chown(path, account.uid, account.gid)
            command[1:1] = ["-u", account.name]
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found = Pooler(directory)
        try:
            until(lambda: _answers(found, endpoints), "PgBouncer to answer")
            yield found
        finally:
            running.terminate()
            running.wait()


def _answers(found: Pooler, endpoints: Endpoints) -> bool:
    try:
        with psycopg.connect(found.url(endpoints.url("app")), connect_timeout=2) as conn:
            return conn.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False
