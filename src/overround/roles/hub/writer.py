"""The hub: the single writer of the board. Feeds in; matched, journalled, edges, offers out.

Its methods run inside the caller's transaction, which must hold the hub's lease. They write the
memory before the commit, so when a transaction fails the hub is thrown away and loaded again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from overround.betting.offers import Offers, close_events, refresh_all
from overround.db import Connection, work
from overround.kit import logs
from overround.kit.meanwhile import meanwhile
from overround.odds import board as boards
from overround.odds import catalogue, edges, matching
from overround.odds.board import Board, SourceKind
from overround.odds.catalogue import Happened, Quarantined
from overround.odds.feeds import FeedBatch, FeedEvent, FeedResult, FeedScore, Rejected
from overround.odds.matching import Resolved
from overround.roles.hub import price_evidence
from overround.roles.hub.in_play import InPlay, oriented, take_scores
from overround.roles.hub.lookout import Lookout
from overround.roles.hub.starts import Ahead

LEASE: Final = "hub"
# How a live hub signs the lease; a replay and an import sign otherwise, and take no letters.
HOLDER: Final = "hub"
_NEVER: Final = datetime.max.replace(tzinfo=UTC)

_log = logs.get(__name__)

FeedKey = tuple[str, str]


@dataclass(slots=True)
class Hub:
    """The board, what each book lays on it, and which event of ours each feed event is."""

    board: Board
    books: list[Offers]
    events: dict[FeedKey, Resolved] = field(default_factory=dict[FeedKey, Resolved])
    _scopes: dict[UUID, tuple[str, str]] = field(default_factory=dict[UUID, tuple[str, str]])
    _closed_at: dict[UUID, datetime] = field(default_factory=dict[UUID, datetime])
    _starts_at: dict[UUID, datetime] = field(default_factory=dict[UUID, datetime])
    _ahead: Ahead = field(default_factory=Ahead)
    playing: InPlay = field(default_factory=InPlay)
    lookout: Lookout = field(default_factory=Lookout)
    # Whether it goes over what the journal has seen, as a replay does that stands before its end.
    goes_over: bool = True
    # The feed events that are known to be quoted in play.
    _in_play: set[FeedKey] = field(default_factory=set[FeedKey])
    # The last decision of a person about a match that is in here.
    heeded: int = 0
    # What the gate refused of the events that are known, and what of archives it recorded with
    # doubt, by feed event and reason; and the refused in all, by provider and reason.
    refused: Counter[tuple[FeedKey, str]] = field(default_factory=Counter[tuple[FeedKey, str]])
    doubted: Counter[tuple[FeedKey, str]] = field(default_factory=Counter[tuple[FeedKey, str]])
    refused_ever: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])

    @classmethod
    def empty(cls) -> Hub:
        """A hub that knows nothing yet."""
        return cls(Board(), [])

    @classmethod
    async def load(cls, conn: Connection, books: Sequence[Offers], at: datetime) -> Hub:
        """The hub as it stood at `at`, for a replay or an import that goes on from there."""
        heeded = await matching.newest_decision(conn)
        return await cls._over(conn, await boards.load(conn, at), books, heeded, at)

    @classmethod
    async def load_now(cls, conn: Connection, books: Sequence[Offers], at: datetime) -> Hub:
        """The hub as it stands: a live hub's start-up and recovery are the same path."""
        heeded = await matching.newest_decision(conn)
        hub = await cls._over(conn, await boards.load_now(conn, at), books, heeded, at)
        hub.goes_over = False
        return hub

    @classmethod
    async def _over(
        cls,
        conn: Connection,
        board: Board,
        books: Sequence[Offers],
        heeded: int,
        at: datetime,
    ) -> Hub:
        event_ids = board.event_ids()
        for book in books:
            await book.load(conn, event_ids)
        hub = cls(board, list(books))
        hub.heeded = heeded
        hub.playing.loaded_us = boards.to_us(at)
        await hub._scopes_of(conn, event_ids)
        await hub.lookout.load(conn, at)
        return hub

    async def know(
        self,
        conn: Connection,
        events: Sequence[FeedEvent],
        at: datetime,
        batches: Iterable[FeedBatch] = (),
    ) -> None:
        """Decide which event of ours each feed event is; what is decided already costs one read.

        What `batches` say about the events is held against the board
        (test: prices that agree only the other way round forbid a match).
        """
        batches = list(batches)
        await self._hear_in_play(conn, batches, at)
        prices = price_evidence.evidence_of(self.board, batches, self._ahead.__contains__)
        known = await matching.resolve(conn, events, at, prices)
        moved = {
            ours.event_id: ours.starts_at
            for key, ours in known.items()
            if self.events.get(key, ours).starts_at != ours.starts_at
            or self._starts_at.get(ours.event_id, ours.starts_at) != ours.starts_at
        }
        self.events |= known
        for event_id, starts_at in moved.items():
            self._put_off(event_id, starts_at)

    async def _hear_in_play(
        self, conn: Connection, batches: Sequence[FeedBatch], at: datetime
    ) -> None:
        """Remember which events somebody quotes in play: no word about their start moves those
        (test: what is being played is not put off by one word)."""
        found = {
            batch.event.key
            for batch in batches
            if batch.phase == "live"
            and batch.event.key not in self._in_play
            and (ours := self.events.get(batch.event.key)) is not None
            and ours.starts_at <= batch.observed_at
        }
        if found:
            await matching.hear_in_play(conn, sorted(found), at)
            self._in_play |= found

    def _put_off(self, event_id: UUID, starts_at: datetime) -> None:
        """The event's start has moved: whatever this hub knows of it moves too."""
        if event_id in self._starts_at:
            self._starts_at[event_id] = starts_at
            self._ahead.put({event_id: starts_at})
            self._closed_at.pop(event_id, None)
            self.playing.forget(event_id)
        for key, ours in self.events.items():
            if ours.event_id == event_id:
                self.events[key] = replace(ours, starts_at=starts_at)
                self._in_play.discard(key)

    async def heed(self, conn: Connection, at: datetime) -> int:
        """Take in what people have decided about matches since the last call, before anything is
        written by what was believed before; returns how many decisions there were.

        No decision is made until the transaction ends, so what it writes goes where it belongs
        (test: a decision waits for the tick of the hub).
        """
        decided = await matching.decisions(conn, self.heeded)
        if not decided:
            return 0
        self.heeded = decided[-1].seq
        keys = [one.key for one in decided]
        for key in keys:
            self.events.pop(key, None)
            self._in_play.discard(key)
        self.events |= await matching.recall(conn, keys)
        places = {place for one in decided for place in (one.event_before, one.event_id) if place}
        await self._reload(conn, sorted(places), at)
        return len(decided)

    async def _reload(self, conn: Connection, event_ids: Sequence[UUID], at: datetime) -> None:
        """The events as they stand in the journal: board, edges, what is laid on them."""
        self._unlearn(event_ids)
        found = await catalogue.events_by_id(conn, event_ids)
        on = [
            event_id
            for event_id, event in found.items()
            if event.status in ("scheduled", "live") and event.starts_at > at - boards.IN_PLAY
        ]
        for event_id in event_ids:
            self.board.drop(event_id)
        await boards.reload(conn, self.board, on)
        scopes = await self._scopes_of(conn, on)
        await self.lookout.look(conn, self.board, self._looked_at(scopes), at)
        for book in self.books:
            await book.load(conn, on)
        await self._refresh(conn, scopes, at)

    async def prices(
        self,
        conn: Connection,
        batches: Sequence[FeedBatch],
        kinds: Mapping[str, SourceKind],
        at: datetime,
        *,
        lay: bool = True,
        look: bool = True,
    ) -> int:
        """Take what providers say: board, journal, edges, offers. Returns the cells changed.

        Without `lay` no book prices anything by it: what is history is never laid
        (test: an import lays nothing that has started). Without `look` the caller looks for edges
        after the commit (`touched`).
        """
        unknown = [b.event for b in batches if b.event.key not in self.events]
        if unknown:
            await self.know(conn, unknown, at, batches)
        await self._hear_in_play(conn, batches, at)
        # Who looks behind the commit is the live hub's tick, and nobody else hears at this moment.
        how = {"seen_too": self.goes_over, "just_heard": not look, "later": True}
        taken = await boards.take(conn, self.board, batches, self.events, kinds, at, **how)
        said = (self.events.get(batch.event.key) for batch in batches)
        self.playing.heard((ours.event_id for ours in said if ours is not None), at)
        self._count(taken)
        scopes = await self._scopes_of(conn, taken.event_ids)
        # The server writes the journal while the offers are priced here.
        async with meanwhile(taken.journal()):
            if taken.fresh and look:
                await self._look(conn, scopes, at)
            elif taken.fresh:
                self.lookout.touch(taken.event_ids, at)
            if lay:
                await self._refresh(conn, scopes, at)
        return taken.changed

    def expect(self, polled: Mapping[str, float], at: datetime) -> None:
        """These providers are asked so often, in seconds: from now on they have to say something,
        whatever an earlier life has heard of them."""
        for provider, every_s in polled.items():
            rows = self.board.rows_of(provider)
            self.board.pace.expect(rows, round(every_s * 1_000_000), boards.to_us(at))

    async def hush(self, conn: Connection, providers: Collection[str], at: datetime) -> int:
        """Suspend what these providers feed that should have spoken by now: edges and offers of
        those events go with it. Returns how many events it was
        (test: what a silent provider feeds is laid no more until it says the whole)."""
        touched = await boards.suspend_silent(conn, self.board, at, providers)
        if touched:
            scopes = await self._scopes_of(conn, touched)
            await self._look(conn, scopes, at)
            await self._refresh(conn, scopes, at)
        return len(touched)

    def touched(self, at: datetime) -> dict[UUID, edges.Scope]:
        """The next events to look at of those that were touched; they are taken off the list."""
        on = self.lookout.some_touched(self.board, at)
        return self._looked_at({key: self._scopes[key] for key in on if key in self._scopes})

    async def _refresh(
        self, conn: Connection, scopes: Mapping[UUID, tuple[str, str]], at: datetime
    ) -> None:
        """Price these events anew for every book. What is laid ends with the start, however much
        of the play is on the board (test: what has started is laid no more), or is priced by what
        was seen since, where a book lays it in play."""
        on = self.playing.on
        laid = {
            key: scope
            for key, scope in scopes.items()
            if key in on or (self._starts_at[key] > at and self._closed_at.get(key, _NEVER) > at)
        }
        await refresh_all(conn, self.books, self.board, laid, at, on)

    async def record(
        self,
        conn: Connection,
        moments: Sequence[tuple[datetime, Sequence[FeedBatch]]],
        kinds: Mapping[str, SourceKind],
    ) -> int:
        """Take what providers said at moments long ago, in order: board and journal, and no more.

        What was an edge then would be forgotten the same day, and no book lays the past. Returns
        the cells changed.
        """
        every = [batch for _, batches in moments for batch in batches]
        unknown = [batch.event for batch in every if batch.event.key not in self.events]
        if unknown:
            await self.know(conn, unknown, moments[-1][0], every)
        for at, batches in moments:
            await self._hear_in_play(conn, batches, at)
        taken = await boards.take_moments(
            conn, self.board, moments, self.events, kinds, seen_too=self.goes_over
        )
        self._count(taken)
        await self._scopes_of(conn, taken.event_ids)
        return taken.changed

    async def _look(
        self, conn: Connection, scopes: Mapping[UUID, tuple[str, str]], at: datetime
    ) -> None:
        """Look for edges on the events that were touched, and at those that wait to be looked at a
        second time; what nobody has confirmed in time is believed no more."""
        waiting = await self._scopes_of(conn, self.lookout.waiting(self.board, at))
        await self.lookout.look(conn, self.board, self._looked_at({**scopes, **waiting}), at)
        await self.lookout.age(conn, at)

    def _looked_at(self, scopes: Mapping[UUID, tuple[str, str]]) -> dict[UUID, edges.Scope]:
        return {
            event_id: edges.Scope(sport, self._starts_at[event_id])
            for event_id, (sport, _) in scopes.items()
        }

    def _count(self, taken: boards.Taken) -> None:
        """Count what the gate refused and doubted, and log it by provider and reason."""
        found: Counter[tuple[str, str]] = Counter()
        for counted, told in ((self.refused, taken.refused), (self.doubted, taken.doubted)):
            for key, reasons in told.items():
                for reason, count in reasons.items():
                    counted[key, reason] += count
                    found[key[0], reason] += count if counted is self.refused else 0
        self.refused_ever += found
        for (provider, reason), count in (+found).items():
            _log.warning("gate.refused", provider=provider, reason=reason, prices=count)

    async def lay(
        self, conn: Connection, at: datetime, only: Sequence[Offers] | None = None
    ) -> int:
        """Price every event ahead by the settings that the books (or `only` some of them) have now;
        returns rows written.

        What was switched on again, a new margin and a new tenant's book show here
        (test: a tenant that comes later lays what is on the board).
        """
        found = await catalogue.events_by_id(conn, self.board.event_ids())
        ahead = {
            event.id: (event.sport, str(event.competition_id))
            for event in found.values()
            if event.id in self.playing.on
            or (event.starts_at > at and (event.closed_at or _NEVER) > at)
        }
        books = self.books if only is None else only
        return await refresh_all(conn, books, self.board, ahead, at, self.playing.on)

    async def start(self, conn: Connection, keys: Sequence[FeedKey], at: datetime) -> int:
        """The events start: closing prices are frozen, nothing of them is laid any more."""
        starting = {ours.event_id: ours.starts_at for key in keys if (ours := self.events.get(key))}
        return await self._begin(conn, starting, at)

    async def start_due(self, conn: Connection, at: datetime) -> int:
        """Start whatever on the board has come to its time, a start that was slept through too
        (test: an event that started while the hub was down is closed)."""
        return await self._begin(conn, due, at) if (due := self._ahead.due(at)) else 0

    async def _begin(
        self, conn: Connection, starting: Mapping[UUID, datetime], at: datetime
    ) -> int:
        self._ahead.drop(*starting)
        started = await catalogue.start_events(conn, list(starting))
        await boards.close(conn, self.board, starting)
        # An edge ends when its event starts, however late that is seen.
        await edges.expire_events(conn, {key: min(starting[key], at) for key in started})
        self.lookout.forget(starting)
        self.playing.begin({key: starting[key] for key in started})
        sports = {key: self._scopes[key][0] for key in starting if key in self._scopes}
        for book in self.books:
            await book.begin(conn, self.board, sports, at)
        return len(started)

    async def scores(self, conn: Connection, scores: Sequence[FeedScore], at: datetime) -> None:
        """Write where events in play stand; where one stands otherwise than before, nothing is laid
        any more at the prices of before (test: what is laid in play)."""
        changed = await take_scores(conn, self.playing, scores, self.events)
        await self._refresh(conn, await self._scopes_of(conn, changed), at)

    async def hush_in_play(self, conn: Connection, at: datetime) -> None:
        """Nothing is laid of an event in play of which nobody speaks."""
        await self._refresh(conn, await self._scopes_of(conn, self.playing.quiet(at)), at)

    def drop(self, event_ids: Sequence[UUID]) -> None:
        """Forget events that have ended: their prices, offers and names leave the memory."""
        gone = set(event_ids)
        self.lookout.forget(gone)
        self._unlearn(gone)
        for event_id in gone:
            for cells in self.board.markets_of(event_id):
                for book in self.books:
                    book.forget(cells.selection_ids)
            self.board.drop(event_id)
        self.events = {k: ours for k, ours in self.events.items() if ours.event_id not in gone}
        self._in_play &= self.events.keys()
        for counted in (self.refused, self.doubted):
            for key in [key for key in counted if key[0] not in self.events]:
                del counted[key]

    def _unlearn(self, event_ids: Collection[UUID]) -> None:
        """What is known of these events is of no use any more."""
        self.playing.forget(*event_ids)
        self._ahead.drop(*event_ids)
        for known in (self._scopes, self._closed_at, self._starts_at):
            for event_id in event_ids:
                known.pop(event_id, None)

    def starts_at(self, event_id: UUID) -> datetime:
        """When an event on the board starts."""
        return self._starts_at[event_id]

    def sport_of(self, event_id: UUID) -> str:
        """The sport of an event on the board."""
        return self._scopes[event_id][0]

    async def results(
        self,
        conn: Connection,
        results: Sequence[FeedResult],
        tenants: Sequence[UUID],
        at: datetime | None,
    ) -> int:
        """Record what happened and make it due for `tenants`; without `at` each when it was seen.

        Of an event the newest word counts; one that cannot be is kept in quarantine and costs
        itself only (test: an impossible result stops nobody else).

        Returns how many results were new. A tenant is due even when nothing is new: settling again
        pays nothing again, and a tenant that comes later has its bets settled too. It is due when
        the results can be seen, which may be after `at`
        (test: a result that is dated ahead is settled at its time).
        """
        said: dict[UUID, Happened] = {}
        refused: list[Quarantined] = []
        for result in sorted(results, key=lambda one: one.observed_at):
            ours = self.events.get(result.key)
            if ours is None:
                continue
            scores = oriented(result.scores, swapped=ours.swapped)
            what = ours.event_id, result.status, scores, result.provider, result.observed_at
            one = Happened(*what, certainty=result.certainty, positions=result.positions)
            why = catalogue.contradiction(one)
            if why is None:
                said[one.event_id] = one
            else:
                where = result.provider_event_id[:300]
                refused.append(
                    Quarantined(result.provider, "results", "result_impossible", where, why[:1000])
                )
        for event_id, why in (await catalogue.strangers(conn, list(said.values()))).items():
            by = said.pop(event_id).entered_by
            refused.append(Quarantined(by, "results", "result_impossible", str(event_id), why))
        if refused:
            _log.warning("feed.refused", rows=len(refused), where=[one.place for one in refused])
            await catalogue.quarantine(conn, refused)
        happened = list(said.values())
        new = await catalogue.record_results(conn, happened)
        if new:
            ended = {key: at or said[key].observed_at for key in new}
            for book in self.books:
                await book.close(conn, self.board, ended, max(ended.values()))
            self._closed_at |= ended
            self.playing.forget(*ended)
            self.lookout.forget(ended)
            await end(conn, ended)
        due = {
            one.event_id: (new.get(one.event_id, 0), max(at or one.observed_at, one.observed_at))
            for one in happened
        }
        await work.put(conn, "settle", tenants, due)
        return len(new)

    async def _scopes_of(
        self, conn: Connection, event_ids: Sequence[UUID]
    ) -> dict[UUID, tuple[str, str]]:
        missing = [event_id for event_id in event_ids if event_id not in self._scopes]
        if missing:
            found = await catalogue.events_by_id(conn, missing)
            self._scopes |= {e.id: (e.sport, str(e.competition_id)) for e in found.values()}
            self._closed_at |= {e.id: e.closed_at for e in found.values() if e.closed_at}
            self._starts_at |= {e.id: e.starts_at for e in found.values()}
            self._ahead.put({e.id: e.starts_at for e in found.values() if e.status == "scheduled"})
            self.playing.begin({e.id: e.starts_at for e in found.values() if e.status == "live"})
        return {event_id: self._scopes[event_id] for event_id in event_ids}


async def end(conn: Connection, ended: Mapping[UUID, datetime]) -> None:
    """Results have come: no book lays the events any more, and nothing of theirs is an edge
    (test: a result before the start closes the offers)."""
    await close_events(conn, list(ended), max(ended.values()))
    await edges.expire_events(conn, ended)


async def refuse(conn: Connection, provider: str, batch: str, rejected: Sequence[Rejected]) -> int:
    """Keep, count and log what a feed refused, with its reasons; returns the rows that were new."""
    if not rejected:
        return 0
    reasons = Counter(r.reason for r in rejected)
    _log.warning("feed.refused", provider=provider, rows=len(rejected), reasons=dict(reasons))
    return await catalogue.quarantine(
        conn,
        [
            Quarantined(provider, batch, r.reason[:60], r.where[:300], r.detail[:1000])
            for r in rejected
        ],
    )
