"""The inbox: what is handed to the hub that runs, taken between its ticks: the files of an import,
and the letters of the pull role."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID

from overround.core import ids
from overround.core.clock import Clock
from overround.core.errors import Invalid, ProviderDataError, Unavailable
from overround.db import Database
from overround.db import lease as leases
from overround.db.lease import Lease
from overround.kit import logs
from overround.odds import board as boards
from overround.odds import edges, feeds
from overround.odds.board import IN_PLAY
from overround.odds.feeds import Letter, Payload, Provider, Rejected
from overround.roles import tally
from overround.roles.archive import files as reading
from overround.roles.archive import importer, reports
from overround.roles.archive.timeline import Progress
from overround.roles.hub import letters
from overround.roles.hub import writer as hubs
from overround.roles.hub.writer import Hub

# A hub that takes nothing for this long is not there, or has work for longer than people wait.
PATIENCE_S: Final = 120.0
_LOOK_EVERY_S: Final = 0.2
# A hub may be killed over a file by chance; one that ends it this often is to blame.
TRIES_MAX: Final = 3

_log = logs.get(__name__)


async def import_path(
    worker: Database,
    found: Sequence[tuple[Provider, Payload] | Rejected],
    described: str,
    clock: Clock,
    progress: Progress | None = None,
    edges_kept: timedelta = edges.KEPT,
) -> dict[str, Any]:
    """Import payloads: by the hub that runs, or where none does, here under its lease.

    Raises Unavailable while something else (a replay, another import) writes the board, or when
    the hub takes nothing for two minutes; what was handed over is taken when it runs again.
    """
    done = await _imported(worker, found, described, clock, progress, edges_kept)
    async with worker.transaction(None) as conn:
        await tally.record_import(conn, found, done, clock.now())
    return done


async def _imported(
    worker: Database,
    found: Sequence[tuple[Provider, Payload] | Rejected],
    described: str,
    clock: Clock,
    progress: Progress | None,
    edges_kept: timedelta,
) -> dict[str, Any]:
    async with worker.reading(None) as conn:
        holder = await leases.holder_of(conn, hubs.LEASE)
    if holder != hubs.HOLDER:
        files = await asyncio.to_thread(reading.gather, found, described)
        done = await importer.import_files(worker, files, clock.now(), progress, edges_kept)
        return done.as_dict()
    payloads = [one for one in found if not isinstance(one, Rejected)]
    refused = [one for one in found if isinstance(one, Rejected)]
    reasons = Counter(one.reason for one in refused)
    rows = reports.rows([reports.unknown(one) for one in refused], reports.NOTHING)
    unread = {"rejected": len(refused), "reasons": dict(reasons), "files": rows}
    if not payloads:
        raise Invalid(f"{described} is of no feed we know", code="no_events", facts=unread)
    handed = [await _hand_over(worker, *one, clock.now()) for one in payloads]
    try:
        return added(await _wait(worker, handed, progress), unread)
    except Invalid as error:
        facts = added(error.facts, unread)
        raise Invalid(error.detail, code=error.code, facts=facts) from error


async def _hand_over(worker: Database, provider: Provider, payload: Payload, at: datetime) -> UUID:
    payload_id = ids.new(at)
    async with worker.transaction(None) as conn:
        await boards.hand_over(
            conn, payload_id, provider.key, payload.name[-300:], payload.body, at
        )
    return payload_id


async def _wait(
    worker: Database, handed: Sequence[UUID], progress: Progress | None
) -> dict[str, Any]:
    """Until the hub has taken everything; the reports added up."""
    heard_s, known = time.monotonic(), 0
    while True:
        async with worker.reading(None) as conn:
            answers = await boards.answers(conn, handed)
        if len(answers) == len(handed):
            problems = [problem for _, problem in answers.values() if problem]
            total: dict[str, Any] = {}
            for report, _ in answers.values():
                total = added(total, report or {})
            if len(problems) == len(answers):
                raise Invalid("; ".join(problems)[:1000], code="no_events", facts=total)
            return {**total, **({"problems": problems} if problems else {})}
        if len(answers) > known:
            heard_s, known = time.monotonic(), len(answers)
        if time.monotonic() - heard_s > PATIENCE_S:
            raise Unavailable("the hub has not taken the file yet; it will when it runs")
        if progress is not None:
            progress(len(answers), len(handed))
        await asyncio.sleep(_LOOK_EVERY_S)


def added(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Two reports as one: figures are added, sections merged, lists joined, words kept."""
    total = dict(one)
    for key, value in other.items():
        before = total.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            total[key] = added(cast("dict[str, Any]", before), cast("dict[str, Any]", value))
        elif isinstance(before, list) and isinstance(value, list):
            total[key] = [*cast("list[Any]", before), *cast("list[Any]", value)]
        elif isinstance(before, int) and isinstance(value, int):
            total[key] = before + value
        else:
            total.setdefault(key, value)
    return total


async def take_one(
    worker: Database,
    hub: Hub,
    lease: Lease,
    clock: Clock,
    turn: AbstractAsyncContextManager[object],
    edges_kept: timedelta = edges.KEPT,
) -> bool:
    """Take the payload that has waited longest, in steps that each wait for their `turn`.

    False when none waits. A payload that cannot be read is answered with why. Whatever fails once
    it is the hub's turn is raised, for its memory may be ahead of its journal then
    (test: what is refused halfway leaves no trace in the memory). The payload is taken by the
    hub's next life, until it has cost `TRIES_MAX` of them
    (test: a file that fails the hub is refused at last).
    """
    async with worker.reading(None) as conn:
        waiting = await boards.waiting(conn)
    if waiting is None:
        return False
    payload_id, provider, name, body = waiting
    report: Mapping[str, Any] | None = None
    read: Letter | reading.Files | None = None
    problem: str | None = None
    async with worker.transaction(None) as conn:
        await lease.guard(conn)
        tries = await boards.tried(conn, payload_id)
    try:
        _check_tries(tries)
        whose = _provider(provider)
        read = await asyncio.to_thread(_read, whose, name, body)
    except (Invalid, ProviderDataError) as error:
        problem = f"{name}: {error.detail}"[:1000]
        # A file of no event is refused with what was read of it.
        report = error.facts or None
        _log.warning("inbox.refused", name=name, reason=problem)
    else:
        if isinstance(read, Letter):
            report = await letters.take(worker, hub, lease, whose, read, clock.now(), turn)
        else:
            done = await importer.take(
                worker, hub, lease, read, clock.now(), turn=turn, edges_kept=edges_kept
            )
            report = done.as_dict()
    at = clock.now()
    async with turn, worker.transaction(None) as conn:
        await lease.guard(conn)
        # A letter is laid as it is taken, event by event.
        if isinstance(read, reading.Files):
            await hub.lay(conn, at)
        await boards.taken(conn, payload_id, report, problem, at)
        hub.drop([key for key in hub.board.event_ids() if hub.starts_at(key) < at - IN_PLAY])
    return True


def _check_tries(tries: int) -> None:
    if tries > TRIES_MAX:
        raise Invalid(f"the hub failed over it {TRIES_MAX} times", code="not_taken")


def _provider(key: str) -> Provider:
    provider = next((one for one in feeds.PROVIDERS if one.key == key), None)
    if provider is None:
        raise Invalid(f"no provider is called {key}", code="unknown_provider")
    return provider


def _read(provider: Provider, name: str, body: bytes) -> Letter | reading.Files:
    if feeds.is_letter(body):
        return feeds.letter_of(body)
    return reading.gather([(provider, Payload(name, body))], name)
