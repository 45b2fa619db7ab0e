"""The inbox: what is handed to the hub that runs, taken between its ticks: the files of an import,
and the letters of the pull role."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
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
from overround.odds import feeds
from overround.odds.board import IN_PLAY
from overround.odds.feeds import Payload, Provider, Rejected
from overround.roles import files as reading
from overround.roles import hub as hubs
from overround.roles import importer, letters, reports, tally
from overround.roles.hub import Hub
from overround.roles.replay import Progress

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
) -> dict[str, Any]:
    """Import payloads: by the hub that runs, or where none does, here under its lease.

    Raises Unavailable while something else (a replay, another import) writes the board, or when
    the hub takes nothing for two minutes; what was handed over is taken when it runs again.
    """
    done = await _imported(worker, found, described, clock, progress)
    async with worker.transaction(None) as conn:
        await tally.record_import(conn, found, done, clock.now())
    return done


async def _imported(
    worker: Database,
    found: Sequence[tuple[Provider, Payload] | Rejected],
    described: str,
    clock: Clock,
    progress: Progress | None,
) -> dict[str, Any]:
    async with worker.reading(None) as conn:
        holder = await leases.holder_of(conn, hubs.LEASE)
    if holder != hubs.HOLDER:
        files = await asyncio.to_thread(reading.gather, found, described)
        done = await importer.import_files(worker, files, clock.now(), progress)
        return done.as_dict()
    payloads = [one for one in found if not isinstance(one, Rejected)]
    if not payloads:
        raise Invalid(f"{described} is of no feed we know", code="no_events")
    handed = [await _hand_over(worker, *one, clock.now()) for one in payloads]
    done = await _wait(worker, handed, progress)
    refused = [one for one in found if isinstance(one, Rejected)]
    reasons = Counter(one.reason for one in refused)
    unread = reports.rows([reports.unknown(one) for one in refused], reports.NOTHING)
    return added(done, {"rejected": len(refused), "reasons": dict(reasons), "files": unread})


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
            reports = [report for report, _ in answers.values() if report]
            if not reports:
                raise Invalid("; ".join(problems)[:1000], code="no_events")
            total: dict[str, Any] = {}
            for report in reports:
                total = added(total, report)
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
) -> bool:
    """Take the payload that has waited longest, in steps that each wait for their `turn`.

    False when none waits. A payload that cannot be read is answered with why; any other failure
    is the hub's own, and the payload is taken by its next life, until it has cost `TRIES_MAX`
    of them (test: a file that fails the hub is refused at last).
    """
    async with worker.reading(None) as conn:
        waiting = await boards.waiting(conn)
    if waiting is None:
        return False
    payload_id, provider, name, body = waiting
    report: Mapping[str, Any] | None = None
    problem: str | None = None
    async with worker.transaction(None) as conn:
        await lease.guard(conn)
        tries = await boards.tried(conn, payload_id)
    is_letter = feeds.is_letter(body)
    try:
        _check_tries(tries)
        if is_letter:
            letter = await asyncio.to_thread(feeds.letter_of, body)
            whose = _provider(provider)
            report = await letters.take(worker, hub, lease, whose, letter, clock.now(), turn)
        else:
            files = await asyncio.to_thread(_read, provider, name, body)
            done = await importer.take(worker, hub, lease, files, clock.now(), turn=turn)
            report = done.as_dict()
    except (Invalid, ProviderDataError) as error:
        problem = f"{name}: {error.detail}"[:1000]
        _log.warning("inbox.refused", name=name, reason=problem)
    at = clock.now()
    async with turn, worker.transaction(None) as conn:
        await lease.guard(conn)
        # A letter is laid as it is taken, event by event.
        if not is_letter:
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


def _read(provider_key: str, name: str, body: bytes) -> reading.Files:
    return reading.gather([(_provider(provider_key), Payload(name, body))], name)
