"""What the sites quote, as their workers said it, and what of that the hub has not heard yet.

A price is open on the board while the worker that said it is live. A worker whose connection has
gone, that has not said the whole for `SILENCE`, or that says it cannot see, feeds suspended prices
only, until it has said the whole again. Several workers may look at parts of one site: of a price
that two of them quote the newest word of a live one counts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from overround.odds.feeds.model import FeedBatch, FeedEvent, FeedMarket, FeedPrice
from overround.odds.feeds.worker.model import SiteEvent

# Providers are given fifteen seconds; the tick that notices needs some of them.
SILENCE: Final = timedelta(seconds=14)
# How often the board hears that a match still stands as it stood, and of how many at a time: a
# snapshot repeats thousands, and what has moved must not wait for what has not.
REFRESH: Final = timedelta(seconds=5)
REFRESH_MAX: Final = 50
# While something has moved it is so many and a share of those that wait: all of them get there.
REFRESH_MIN: Final = 2
_REFRESH_SHARE: Final = 16
# So many matches are taken at a time, those that have waited longest first: what a flood brings is
# taken as it stands when its turn comes, and no transaction is long.
TAKEN_MAX: Final = 250
# A worker that does not come back in this time takes its prices with it.
FORGET: Final = timedelta(minutes=10)
# A scraper that dies again and again comes back by another name each time.
GONE_MAX: Final = 32
MAX_EVENTS: Final = 5_000
MAX_PRICES: Final = 100_000

WAITING: Final = "waiting"
LIVE: Final = "live"
SILENT: Final = "silent"
GONE: Final = "gone"

_Key = tuple[FeedMarket, str]
_Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Statement:
    said: SiteEvent
    at: datetime


@dataclass(slots=True)
class Worker:
    """One worker and what it said: `prices` are how many. `complete_at` is when it last began to
    say the whole; `generation` counts its connections."""

    worker_id: str
    site: str
    since: datetime
    state: str = WAITING
    generation: int = 0
    complete_at: datetime | None = None
    prices: int = 0
    known: dict[str, _Statement] = field(default_factory=dict[str, _Statement])

    @property
    def is_live(self) -> bool:
        """Whether what it said may be bet on."""
        return self.state == LIVE


@dataclass(frozen=True, slots=True)
class Shown:
    """A match as the hub knows it of a site; `said_at` is when a worker last said it."""

    event: FeedEvent
    prices: tuple[FeedPrice, ...]
    said_at: datetime


@dataclass(slots=True)
class _Told:
    """What the board heard of a match last."""

    event: FeedEvent
    values: dict[_Key, tuple[int, bool]]
    at: datetime


class Sites:
    """Every worker's words, merged by site and match."""

    def __init__(self) -> None:
        self.workers: dict[str, Worker] = {}
        self._told: dict[_Place, _Told] = {}
        self._waiting: dict[_Place, None] = {}
        self._restated: dict[_Place, None] = {}

    @property
    def has_news(self) -> bool:
        """Whether something differs from what the hub has heard."""
        return bool(self._waiting)

    # -- what workers say ----------------------------------------------------------------------

    def join(self, worker_id: str, site: str, at: datetime) -> Worker:
        """A worker (anew): what it said before stays suspended until it has said the whole."""
        known = self.workers.get(worker_id)
        if known is not None and known.site != site:
            self._forget(known)
            known = None
        if known is None:
            self._make_room(site)
        worker = known or Worker(worker_id, site, at)
        self.workers[worker_id] = worker
        worker.generation += 1
        self.stop(worker, WAITING, at)
        return worker

    def stop(self, worker: Worker, state: str, at: datetime) -> None:
        """Suspend what the worker feeds, for a reason."""
        if worker.is_live:
            self._touch(worker, worker.known)
        worker.state, worker.since = state, at

    def say(self, worker: Worker, events: Iterable[SiteEvent], at: datetime) -> None:
        """Some matches, each with all its rows."""
        for said in events:
            key = said.event.provider_event_id
            before = worker.known.get(key)
            worker.known[key] = _Statement(said, at)
            worker.prices += len(said.prices) - (len(before.said.prices) if before else 0)
            differs = before is None or before.said.prices != said.prices or not worker.is_live
            places = self._waiting if differs else self._restated
            places[worker.site, key] = None

    def say_all(
        self, worker: Worker, events: Sequence[tuple[SiteEvent, datetime]], at: datetime
    ) -> None:
        """Everything the worker sees, said from `at` on: what is not in it is not on the site, and
        the worker is live."""
        named = {said.event.provider_event_id for said, _ in events}
        was_live = worker.is_live
        for key in [key for key in worker.known if key not in named]:
            worker.prices -= len(worker.known.pop(key).said.prices)
            self._waiting[worker.site, key] = None
        for said, said_at in events:
            self.say(worker, [said], said_at)
        if not was_live:
            worker.since = at
        worker.state, worker.complete_at = LIVE, at

    # -- what the hub hears --------------------------------------------------------------------

    def drain(self, at: datetime) -> list[FeedBatch]:
        """What has changed since the last call, one snapshot a match; silence is noticed here.

        Of more than `TAKEN_MAX` the rest waits for the next call, as `has_news` tells
        (test: a flood is taken bit by bit and ends where it stands).
        """
        self._notice(at)
        places = list(itertools.islice(self._waiting, TAKEN_MAX))
        for place in places:
            del self._waiting[place]
        batches = [batch for place in places if (batch := self._batch(place, at)) is not None]
        most, stood = REFRESH_MAX, 0
        if batches:
            most = min(most, REFRESH_MIN + len(self._restated) // _REFRESH_SHARE)
        for place in list(self._restated):
            if stood == most:
                break
            del self._restated[place]
            if self._stood_just_now(place, at):
                continue
            if (batch := self._batch(place, at)) is not None:
                batches.append(batch)
                stood += 1
        return batches

    def shown(self, site: str) -> Iterator[Shown]:
        """Every match of a site that a worker knows, with what stands there."""
        keys = {key: None for one in self._of(site) for key in one.known}
        for key in keys:
            statements = self._statements((site, key))
            newest = max(statements, key=lambda pair: pair[1].at)[1]
            prices = tuple(price for price, _ in _merged(statements).values())
            told = self._told.get((site, key))
            yield Shown(told.event if told else newest.said.event, prices, newest.at)

    def find(self, site: str, event_id: str) -> tuple[FeedEvent, str] | None:
        """A match of a site by its id there, and the live worker that spoke of it last."""
        live = [
            (statement.at, worker.worker_id, statement.said.event)
            for worker, statement in self._statements((site, event_id))
            if worker.is_live
        ]
        if not live:
            return None
        _, worker_id, event = max(live, key=lambda one: one[:2])
        return event, worker_id

    # -- inside --------------------------------------------------------------------------------

    def _notice(self, at: datetime) -> None:
        for worker in list(self.workers.values()):
            if worker.is_live and (worker.complete_at is None or at - worker.complete_at > SILENCE):
                self.stop(worker, SILENT, at)
            elif worker.state == GONE and at - worker.since > FORGET:
                self._forget(worker)

    def _make_room(self, site: str) -> None:
        gone = [one for one in self._of(site) if one.state == GONE]
        gone.sort(key=lambda one: one.since, reverse=True)
        for worker in gone[GONE_MAX - 1 :]:
            self._forget(worker)

    def _forget(self, worker: Worker) -> None:
        self._touch(worker, worker.known)
        del self.workers[worker.worker_id]

    def _touch(self, worker: Worker, keys: Iterable[str]) -> None:
        self._waiting |= dict.fromkeys((worker.site, key) for key in keys)

    def _of(self, site: str) -> list[Worker]:
        return [worker for worker in self.workers.values() if worker.site == site]

    def _statements(self, place: _Place) -> list[tuple[Worker, _Statement]]:
        """Who says something of a match, the word that counts most last."""
        site, key = place
        said = [(one, one.known[key]) for one in self._of(site) if key in one.known]
        return sorted(said, key=lambda pair: (pair[0].is_live, pair[1].at))

    def _stood_just_now(self, place: _Place, at: datetime) -> bool:
        """Whether the board has just heard what was said again. Most of a snapshot is so, and is
        not gone through price by price. Where several workers look at a site, another's older
        word may have stood."""
        told = self._told.get(place)
        return told is not None and at - told.at < REFRESH and len(self._of(place[0])) == 1

    def _batch(self, place: _Place, at: datetime) -> FeedBatch | None:
        """What the board has to hear of a match; None where it knows it and heard it just now.

        A value that differs was seen now. One that stands was seen when its own worker said it, and
        another worker's word about the match makes it no younger.
        """
        statements = self._statements(place)
        merged = _merged(statements)
        told = self._told.get(place)
        values = {key: (one.price_e4, one.suspended) for key, (one, _) in merged.items()}
        if told is not None and told.values == values and at - told.at < REFRESH:
            return None
        if told is None:
            if not merged:
                return None
            told = _Told(statements[-1][1].said.event, {}, at)
        prices = tuple(
            replace(price, seen_at=min(said_at, at))
            if told.values.get(key) == values[key]
            else price
            for key, (price, said_at) in merged.items()
        )
        if statements:
            # The event as it was named first: a start that was reckoned does not wander.
            self._told[place] = _Told(told.event, values, at)
        else:
            self._told.pop(place, None)
        return FeedBatch(told.event, at, prices)


def _merged(
    statements: Iterable[tuple[Worker, _Statement]],
) -> dict[_Key, tuple[FeedPrice, datetime]]:
    """What stands of a match by statements of which the last counts most, each price with when it
    was said."""
    merged: dict[_Key, tuple[FeedPrice, datetime]] = {}
    for worker, statement in statements:
        for price in statement.said.prices:
            stands = price if worker.is_live else replace(price, suspended=True)
            merged[price.market, price.side] = stands, statement.at
    return merged
