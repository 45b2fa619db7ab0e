"""Looking at the house and at its books, and writing down what was found."""

from __future__ import annotations

import time
from datetime import datetime

from overround import ops
from overround.cache import failures, opened, version
from overround.core.errors import Unavailable
from overround.db import Database
from overround.ops import Books, Look, Written
from overround.people import tenants


async def look(db: Database, at: datetime, redis_url: str | None) -> Look:
    """Everything there is to see at `at`; `db` is the worker's. A cache that is away is seen."""
    cache = await _cache_version(redis_url)
    async with db.reading(None) as conn:
        return await ops.look(conn, at, cache)


async def write_house(db: Database, at: datetime, redis_url: str | None) -> None:
    """Look, and put the report where the api reads it."""
    began_s = time.monotonic()
    report = ops.report(await look(db, at, redis_url))
    async with db.transaction(None) as conn:
        await ops.write_report(conn, "house", Written(report, at, _ms_since(began_s)))


async def write_books(db: Database, at: datetime) -> None:
    """Check every tenant's ledger, each at one moment, and put down what is broken."""
    began_s = time.monotonic()
    books = Books(at)
    async with db.reading(None) as conn:
        everyone = await tenants.everyone(conn)
    for tenant in everyone:
        async with db.snapshot(tenant.id) as conn:
            books = await ops.check_books(conn, books, tenant.subdomain, tenant.id)
    written = Written(ops.books_report(books), at, _ms_since(began_s))
    async with db.transaction(None) as conn:
        await ops.write_report(conn, "books", written)


async def forget(db: Database, at: datetime) -> int:
    """Delete what is too old to be told; returns how many rows."""
    async with db.transaction(None) as conn:
        return await ops.forget(conn, at)


async def _cache_version(redis_url: str | None) -> str | None:
    if redis_url is None:
        return None
    try:
        async with opened(redis_url) as client:
            return await version(client)
    except (Unavailable, *failures()):
        return None


def _ms_since(began_s: float) -> int:
    return round((time.monotonic() - began_s) * 1000)
