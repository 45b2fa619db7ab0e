"""The logins of the database and their passwords.

Four logins, none of them superuser, none that passes by row security: `owner` owns every object
and runs the DDL, `app` serves requests, `worker` runs the hub, settlement and jobs, `reader` sees
named aggregates. Passwords are made once per state directory and kept in a file only we can read.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, cast, get_args
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from overround.core.errors import SettingsError
from overround.kit.processes import FileLock, write_atomically

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import TupleRow

Role = Literal["owner", "app", "worker", "reader"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
SUPERUSER: Final = "postgres"
DATABASE: Final = "overround"
SECRETS_NAME: Final = "secrets.json"
SECRETS_WAIT_S: Final = 5.0


def login(role: Role) -> str:
    """The database login of a role."""
    return f"overround_{role}"


@dataclass(frozen=True, slots=True, repr=False)
class Passwords:
    """One password per login; never printed."""

    by_login: dict[str, str]

    def of(self, name: str) -> str:
        """The password of a login."""
        return self.by_login[name]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """What `ALTER ROLE ... SET` fixes per login, so it holds behind a transaction pooler too."""

    statement_s: float = 3.0
    idle_in_transaction_s: float = 5.0


def passwords(state: Path) -> Passwords:
    """Read the passwords of this state directory; made at first use.

    Raises SettingsError when the file is there and is not ours.
    """
    path = state / SECRETS_NAME
    lock = FileLock(state / f"{SECRETS_NAME}.lock")
    names = [SUPERUSER, *map(login, ROLES)]
    if not path.exists() and lock.wait_exclusive(SECRETS_WAIT_S):
        try:
            if not path.exists():
                made = {name: secrets.token_urlsafe(24) for name in names}
                write_atomically(path, json.dumps(made, indent=1))
        finally:
            lock.release()
    try:
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None
    known = cast("dict[str, object]", content) if isinstance(content, dict) else {}
    if any(name not in known for name in names):
        raise SettingsError(f"{path} lacks a password: delete the state directory to start anew")
    return Passwords({name: str(known[name]) for name in names})


def socket_url(name: str, password: str, run: Path, port: int, database: str = DATABASE) -> str:
    """The URL of a login on the embedded server, over its unix socket."""
    # A blank is %20 to libpq, which takes a plus for itself
    # (test: a state path with a blank or a comma).
    query = urlencode({"host": str(run), "port": port}, quote_via=quote)
    return f"postgresql://{name}:{quote(password, safe='')}@/{database}?{query}"


def role_url(url: str, role: Role, password: str) -> str:
    """`url` of an existing server with the login of `role` in place of its own."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{login(role)}:{quote(password, safe='')}@{host}"))


def with_database(url: str, database: str) -> str:
    """`url` with another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


# A login keeps what it needs and loses what an earlier hand may have given it.
_ALTER: Final = (
    "ALTER ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD {}"
)
_EXISTS: Final = "SELECT count(*) FROM pg_roles WHERE rolname = %s"
_DATABASE_EXISTS: Final = "SELECT count(*) FROM pg_database WHERE datname = %s"


def ensure(conn: psycopg.Connection[TupleRow], known: Passwords, timeouts: Timeouts) -> None:
    """Make the four logins what they must be; running it again changes nothing.

    `conn` is a session in autocommit that may create roles. The server is sent verifiers, not
    passwords, so no log can hold one.
    """
    from psycopg import sql

    for role in ROLES:
        name = sql.Identifier(login(role))
        if not _count(conn, _EXISTS, login(role)):
            conn.execute(sql.SQL("CREATE ROLE {}").format(name))
        verifier = conn.pgconn.encrypt_password(
            known.of(login(role)).encode(), login(role).encode(), b"scram-sha-256"
        )
        conn.execute(sql.SQL(_ALTER).format(name, sql.Literal(verifier.decode())))
        for setting, value in _limits(role, timeouts).items():
            statement = sql.SQL("ALTER ROLE {} SET {} = {}")
            conn.execute(statement.format(name, sql.Identifier(setting), sql.Literal(value)))
    # Who looks after the house sees how far its replicas are; of rows this shows none.
    grant = sql.SQL("GRANT pg_read_all_stats TO {}")
    conn.execute(grant.format(sql.Identifier(login("worker"))))


def ensure_database(conn: psycopg.Connection[TupleRow], name: str) -> None:
    """Create the database for `overround_owner`, unless it is there; only the logins enter."""
    from psycopg import sql

    owner = sql.Identifier(login("owner"))
    database = sql.Identifier(name)
    if not _count(conn, _DATABASE_EXISTS, name):
        conn.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, owner))
    conn.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    entrants = sql.SQL(", ").join(sql.Identifier(login(role)) for role in ROLES)
    conn.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, entrants))


def ensure_schema(conn: psycopg.Connection[TupleRow]) -> None:
    """Inside the database: the owner owns `public`, the others may look in, nobody else may."""
    from psycopg import sql

    owner, *others = (sql.Identifier(login(role)) for role in ROLES)
    conn.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(owner))
    conn.execute(sql.SQL("REVOKE ALL ON SCHEMA public FROM PUBLIC"))
    grant = sql.SQL("GRANT USAGE ON SCHEMA public TO {}")
    conn.execute(grant.format(sql.SQL(", ").join(others)))


def _limits(role: Role, timeouts: Timeouts) -> dict[str, str]:
    # The owner migrates and workers settle in bulk: they are bounded, at another scale.
    scale = {"owner": 0, "app": 1, "worker": 20, "reader": 10}[role]
    idle_ms = round(timeouts.idle_in_transaction_s * 1000 * (scale or 60))
    return {
        "statement_timeout": f"{round(timeouts.statement_s * 1000 * scale)}ms",
        "idle_in_transaction_session_timeout": f"{idle_ms}ms",
        "timezone": "UTC",
    }


def _count(conn: psycopg.Connection[TupleRow], statement: str, name: str) -> int:
    row = conn.execute(statement.encode(), (name,)).fetchone()
    return 0 if row is None else int(row[0])


def ensure_on_existing(url: str, state: Path, timeouts: Timeouts) -> None:
    """Make logins and rights on an existing server, as far as the login of `url` may.

    A login that may not create roles leaves them as they are: they were made by hand then, and
    their URLs stand in the settings. Raises Unavailable when the server cannot be reached.
    """
    import psycopg

    from overround.core.errors import Unavailable

    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as conn:
            if not _count(conn, _MAY_CREATE_ROLES, "t"):
                return
            ensure(conn, passwords(state), timeouts)
            ensure_database(conn, conn.info.dbname)
            ensure_schema(conn)
    except psycopg.OperationalError as error:
        raise Unavailable(f"the database cannot be reached: {error}") from None


_MAY_CREATE_ROLES: Final = (
    "SELECT count(*) FROM pg_roles WHERE rolname = current_user AND rolsuper = %s::boolean"
)
