"""The pull role: providers are asked by schedule, and what they say is handed to the hub.

Each sport of each provider is a task of its own that sleeps until it is due, claims its row, asks,
has the answer read in another process and writes letters, cursor and outcome in one transaction.
Nothing of one is waited for by another: a provider that hangs, lies or dies costs itself
(test: bad providers leave the others' timing alone). A process that is killed over an answer has
written all of it or nothing, and what it asked is asked once more by whoever is next
(test: killed while it asks).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final, Protocol

from overround.core.errors import Unavailable
from overround.db import Database, polls
from overround.db.polls import Claim, Ending, Later
from overround.kit import logs, loop
from overround.kit.fetching import Fetcher
from overround.kit.settings import Settings
from overround.odds import feeds
from overround.roles import presence
from overround.roles.attach import Endpoints
from overround.roles.process import TRANSIENT, database, stopping
from overround.roles.pull import asking, sources
from overround.roles.pull.asking import Asked, Asker
from overround.roles.pull.reader import Bounds, Readers
from overround.roles.pull.sources import Pair, Source

# After a failure of our own database; the provider has nothing to do with it.
_AGAIN: Final = timedelta(seconds=5)
# A start does not ask everybody in one moment.
_FIRST_WITHIN_S: Final = 10.0
# What ends by a signal has this long to give its claims back; they run out by themselves.
_LAST_WORD_S: Final = 0.5

_log = logs.get(__name__)


class Pace(Protocol):
    """The time by which a schedule is kept: the wall's, or one that a test moves."""

    def now(self) -> datetime:
        """The present moment, aware, UTC."""
        ...

    async def wait(self, until: datetime, stop: asyncio.Event) -> None:
        """Return at `until`, or when told to stop."""
        ...


class WallPace:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def wait(self, until: datetime, stop: asyncio.Event) -> None:
        """Sleep until then, looking up now and then: a machine that slept wakes late."""
        while not stop.is_set() and (left_s := (until - self.now()).total_seconds()) > 0:
            await loop.wait(stop, min(left_s, 60.0))


class Puller:
    """All pairs of the settings, each on its own schedule, until told to stop."""

    def __init__(
        self, db: Database, found: Sequence[Source], asker: Asker, pace: Pace, seed: int
    ) -> None:
        self._db = db
        self._sources = found
        self._asker = asker
        self._pace = pace
        self._seed = seed
        self._claims: dict[tuple[str, str], Claim] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Ask until `stop`; ends within a second of it."""
        tasks = [
            asyncio.create_task(self._keep(source, pair, stop), name=f"{source.key} {pair.sport}")
            for source in self._sources
            for pair in source.pairs
        ]
        _log.info("pull.started", pairs=len(tasks))
        await stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._claims:
            await self._give_back(*self._claims)
        _log.info("pull.stopped")

    async def _keep(self, source: Source, pair: Pair, stop: asyncio.Event) -> None:
        """One pair's life. An error costs a turn, and never the task."""
        # Each has its own dice: how often another is asked changes nothing here.
        chance = Random(f"{self._seed} {source.key} {pair.sport}")  # noqa: S311
        first_s = chance.uniform(0, min(_FIRST_WITHIN_S, pair.plan.every_s))
        due_at = next_at = self._pace.now() + timedelta(seconds=first_s)
        while not stop.is_set():
            await self._pace.wait(next_at, stop)
            if stop.is_set():
                return
            try:
                later = await self._turn(source, pair, chance)
                if later.why == "not_due":
                    due_at = next_at = later.at
                else:
                    # Of those that wait for the same moment, who has waited longest comes first.
                    turns_late = (self._pace.now() - due_at).total_seconds() / pair.plan.every_s
                    ahead_s = chance.uniform(0, 1) / (1 + max(0.0, turns_late))
                    next_at = later.at + timedelta(seconds=ahead_s)
            except (*TRANSIENT, Unavailable) as error:
                _log.warning("pull.interrupted", **_named(source, pair), reason=str(error)[:200])
                next_at = self._pace.now() + _AGAIN
            except Exception:  # noqa: BLE001  (a fault is logged; the next turn is the handler)
                _log.exception("pull.failed", **_named(source, pair))
                next_at = self._pace.now() + max(_AGAIN, timedelta(seconds=pair.plan.every_s))

    async def _turn(self, source: Source, pair: Pair, chance: Random) -> Later:
        """Ask about a pair if nothing is in the way; returns when to look again, and why then."""
        at, key = self._pace.now(), (source.key, pair.sport)
        async with self._db.transaction(None) as conn:
            if key in self._claims:
                await polls.give_back(conn, [self._claims[key]])
            if await asking.hub_is_behind(conn):
                _log.warning("pull.hub_is_behind", **_named(source, pair))
                return Later(at + timedelta(seconds=min(pair.plan.every_s, 60)), "busy")
            kept = await asking.kept(conn, source, pair, at)
            questions = asking.questions(source, pair, kept, at)
            count = sum(not question.is_fresh for question in questions)
            claim = await polls.claim(conn, source.key, pair.sport, source.terms, at, count)
        self._claims.pop(key, None)
        if isinstance(claim, Later):
            _log.debug("pull.later", **_named(source, pair), why=claim.why)
            return claim
        self._claims[key] = claim
        try:
            asked = await self._asker.ask(source, pair, claim, questions)
            next_at = await self._finish(source, pair, claim, asked, chance)
        except Exception:
            # Nobody could ask meanwhile, for this process lives
            # (test: a turn that fails gives its claim back).
            await self._give_back(key)
            raise
        del self._claims[key]
        return Later(next_at, "not_due")

    async def _give_back(self, *keys: tuple[str, str]) -> None:
        """End claims that were not asked to the end; where that fails too, the next turn does."""
        with suppress(TimeoutError, Unavailable, *TRANSIENT):
            async with asyncio.timeout(_LAST_WORD_S), self._db.transaction(None) as conn:
                await polls.give_back(conn, [self._claims[key] for key in keys])
            for key in keys:
                del self._claims[key]

    async def _finish(
        self, source: Source, pair: Pair, claim: Claim, asked: Asked, chance: Random
    ) -> datetime:
        """Write how it ended and when it is due again, in one transaction."""
        at = self._pace.now()
        starts = feeds.starts_kept([*claim.starts, *asked.starts], at)
        if asked.succeeded:
            failures = 0
            next_at = feeds.after_success(pair.plan, starts, at, chance)
            # While the provider itself says that its answer stands, there is nothing to ask.
            next_at = max(next_at, asked.fresh_until or next_at)
        else:
            failures = claim.failures + 1
            not_before = asked.rests_until
            next_at = feeds.after_failure(pair.plan, starts, at, failures, chance, not_before)
        ending = Ending(
            asked.state, next_at, failures, starts, asked.answered,
            asked.rests_until if asked.everyone_rests else None, source.keys.remaining,
        )  # fmt: skip
        async with self._db.transaction(None) as conn:
            breaker = await polls.finish(conn, claim, ending, source.terms.tolerance, at)
            await asking.record(conn, source, pair, asked, at)
        _log.log(
            20 if asked.succeeded else 30,
            "pull.asked",
            **_named(source, pair),
            **asked.shown(),
            next_s=round((next_at - at).total_seconds(), 1),
            breaker=breaker.state,
        )
        return next_at


async def run(
    settings: Settings,
    endpoints: Endpoints,
    stop: asyncio.Event,
    pace: Pace | None = None,
    seed: int | None = None,
) -> None:
    """Pull until told to stop. Raises SettingsError for what cannot be asked, and what
    `process.database` raises at the start; later failures are waited out."""
    pace = pace or WallPace()
    found = sources.sources_of(settings.feeds, pace.now())
    fetcher = Fetcher(sources.limits_of(settings.feeds), sources.named_origins(found))
    bounds = Bounds(settings.feeds.parse_s, settings.feeds.parse_bytes_max)
    readers = Readers(settings.feeds.readers, bounds)
    if seed is None:
        seed = int(pace.now().timestamp() * 1_000_000)
    try:
        async with (
            database(settings, endpoints.url("worker"), "worker") as db,
            presence.told(db, "pull", pace),
        ):
            asker = Asker(db, fetcher, readers, pace.now, settings.feeds.cache_s)
            await Puller(db, found, asker, pace, seed).run(stop)
    finally:
        await fetcher.close()
        await readers.close()


async def run_until_signal(settings: Settings, endpoints: Endpoints) -> None:
    """Pull until SIGTERM or SIGINT."""
    with stopping() as stop:
        await run(settings, endpoints, stop)


def _named(source: Source, pair: Pair) -> Mapping[str, str]:
    return {"provider": source.key, "sport": pair.sport}
