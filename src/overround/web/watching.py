"""What is seen from outside: /metrics, /health, /health/detailed, on every host and before every
layer.

Metrics and the detailed health are for whoever runs the house. They answer a request from this
machine, made to this machine by name, that no proxy has passed on; or a bearer of `watch.token`. A
page in somebody's browser can send neither: its Host is a name of its own, and it knows no token.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psycopg

from overround import ops
from overround.core.clock import Clock
from overround.core.errors import Forbidden, Unavailable
from overround.db import Database
from overround.kit import metrics
from overround.web.answers import Answer, Asked, json_answer
from overround.web.front import Reading, Route

# Whoever checks health has little patience, and a database that takes this long does not answer.
_PATIENCE_S: Final = 2.0
# What a proxy adds: a request that was passed on is not of this machine.
_PASSED_ON: Final = (b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via")
_NO_STORE: Final = (b"cache-control", b"no-store")


class Watch:
    """The routes, for the front. `token` opens them to other machines."""

    def __init__(self, database: Database, clock: Clock, token: str | None = None) -> None:
        self._database = database
        self._clock = clock
        self._token = None if token is None else _hashed(token)

    def routes(self) -> tuple[Route, ...]:
        """What the front answers."""
        return (
            Reading("/metrics", _waits, self.metrics, needs="nothing"),
            Reading("/health", _waits, self.health, needs="nothing"),
            Reading("/health/detailed", _waits, self.detailed, needs="nothing"),
        )

    async def metrics(self, asked: Asked) -> Answer:
        """Every process's figures, for a scraper. Raises Forbidden."""
        self._admit(asked)
        accept = asked.text(b"accept") or ""
        body, media_type = await asyncio.to_thread(metrics.exposition, accept)
        length = (b"content-length", b"%d" % len(body))
        return Answer(200, ((b"content-type", media_type.encode()), length, _NO_STORE), body)

    async def health(self, _: Asked) -> Answer:
        """Whether requests can be served: 200, or 503 while the database does not answer."""
        written = await self._last_report()
        status = "down" if written is None else "healthy"
        body = json.dumps({"status": status, "version": version("overround")}).encode()
        return json_answer(200 if status == "healthy" else 503, body, _NO_STORE)

    async def detailed(self, asked: Asked) -> Answer:
        """Everything that can be seen from here. Raises Forbidden.

        The status is that of the last look, and `down` while the database does not answer: what
        this process and this machine know is told all the same.
        """
        self._admit(asked)
        reports = await self._last_report()
        said = await asyncio.to_thread(self._seen, reports)
        body = json.dumps(said, ensure_ascii=False, default=str).encode()
        return json_answer(200 if said["status"] != "down" else 503, body, _NO_STORE)

    def _seen(self, reports: Mapping[str, ops.Written | None] | None) -> dict[str, Any]:
        house = None if reports is None else reports["house"]
        at = self._clock.now()
        found: dict[str, Any] = {
            "status": "down" if reports is None else ops.believed(house, at),
            "version": version("overround"),
            "at": at.isoformat(),
            "database": "does not answer" if reports is None else "answers",
            "checked_at": house and house.made_at.isoformat(),
            "pools": [_pool(one) for one in self._database.every()],
            "machine": asdict(ops.machine_of(metrics.kept_directory() or Path.cwd())),
        }
        told = {} if house is None else house.report
        found["cache"] = told.get("cache")
        found["findings"] = told.get("findings", [])
        found["replication"] = {
            name: told.get("database", {}).get(name)
            for name in ("is_replica", "replicas", "archived_at", "archive_failures")
        }
        found["providers"] = [_provider(one) for one in told.get("providers", [])]
        found["queues"] = {name: told.get(name) for name in ("bets", "queue", "inbox", "settle")}
        found["caches"] = told.get("caches", {})
        found["sessions"] = told.get("sessions")
        found["last_verify"] = told.get("books")
        found["last_backup"] = told.get("backup_at")
        found["processes"] = told.get("processes", [])
        return found

    async def _last_report(self) -> Mapping[str, ops.Written | None] | None:
        """The last report, or None where the database cannot be asked for it in time."""
        try:
            async with asyncio.timeout(_PATIENCE_S), self._database.reading(None) as conn:
                return {"house": await ops.last_report(conn, "house")}
        except (Unavailable, TimeoutError, psycopg.Error):
            return None

    def _admit(self, asked: Asked) -> None:
        """Raises Forbidden `watch_closed` for everybody but this machine and bearers."""
        offered = asked.text(b"authorization") or ""
        scheme, _, token = offered.partition(" ")
        if self._token is not None and scheme.lower() == "bearer":
            if hmac.compare_digest(_hashed(token.strip()), self._token):
                return
        elif not offered and _is_local(asked):
            return
        raise Forbidden("this is open on this machine, or with watch.token", code="watch_closed")


def _waits(_: Asked) -> None:
    """Nothing here is answered without waiting."""


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _is_local(asked: Asked) -> bool:
    """Whether it comes from this machine, to this machine, and from nobody behind."""
    if any(name in asked.headers for name in _PASSED_ON):
        return False
    host = (asked.text(b"host") or "").rpartition(":")[0] or (asked.text(b"host") or "")
    return _is_loopback(asked.address) and (host == "localhost" or _is_loopback(host.strip("[]")))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _pool(pool: Database) -> dict[str, Any]:
    stands = pool.figures()
    return {
        "pool": stands.purpose,
        "size_max": stands.size_max,
        "in_use": stands.in_use,
        "waiting": stands.waiting,
        "usage_percent": stands.usage_percent,
        "breaker": stands.breaker,
    }


def _provider(said: Mapping[str, Any]) -> dict[str, Any]:
    """How fresh a provider is; the rest of it is in the report."""
    standing: Mapping[str, Any] = said.get("standing") or {}
    return {
        "provider": said["provider"],
        "last_ok_at": said["last_ok_at"],
        "last_state": said["last_state"],
        "breaker": said["breaker"],
        "prices": standing.get("prices", 0),
        "age_p50_ms": standing.get("age_p50_ms"),
        "age_p95_ms": standing.get("age_p95_ms"),
    }
