"""The hub's desk for workers: who is connected, what each may say, and what all of them are told.

The hub asks the desk as it asks any live feed; the sockets are `roles.hub.port`. One connection an
id: a newer one replaces the older, whose late messages are refused
(test: a newer connection replaces the older).
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from overround.core import grading, ids
from overround.core.clock import Clock
from overround.core.errors import Conflict, Forbidden, Unauthenticated
from overround.db import worker_keys
from overround.odds.board import MarketCells
from overround.odds.feeds import FeedBatch, FeedEvent, FeedMarket, FeedPrice, Said, SourceKind
from overround.odds.feeds import worker as protocol
from overround.odds.feeds.worker import (
    GONE,
    PROVIDER_PREFIX,
    Allowance,
    ConfirmRequest,
    ConfirmResponse,
    Message,
    Ping,
    Refused,
    Register,
    Session,
    Sites,
    Wire,
)
from overround.odds.matching import Resolved
from overround.roles.hub.writer import Hub

# A worker that reads so slowly that as many messages wait for it is let go.
OUTBOX_MAX: Final = 256
# What the workers of one key may say. A message counts as one, and as one more for each 16 KiB: the
# largest take tens of milliseconds to read. A large site's snapshot is 250, every five seconds.
SAID_PER_S: Final = 120.0
SAID_BURST: Final = 600.0
SAID_BYTES: Final = 16 * 1024
WORKERS_MAX: Final = 500
WORKERS_PER_KEY: Final = 16
CONFIRMS_MAX: Final = 100
NAMED_MAX: Final = 10_000
# As many refusals on one connection are no accident.
REFUSALS_MAX: Final = 100

CLOSE_RESTART: Final = 1012
CLOSE_UNAUTHENTICATED: Final = 4401
CLOSE_FORBIDDEN: Final = 4403
CLOSE_SILENT: Final = 4408
CLOSE_REPLACED: Final = 4409
CLOSE_TOO_SLOW: Final = 4413
CLOSE_REFUSED: Final = 4429

Keys = Mapping[bytes, tuple[UUID, str, str]]


@dataclass(slots=True)
class Connection:
    """One socket. What is to be sent waits in `outbox`; a number there closes it with that code."""

    address: str
    opened_at: datetime
    heard_at: datetime
    outbox: asyncio.Queue[str | int] = field(
        default_factory=lambda: asyncio.Queue[str | int](OUTBOX_MAX)
    )
    session: Session | None = None
    key_id: UUID | None = None
    key_name: str = ""
    confirms: bool = False
    # The last number that the hub has heard, and the last one that is in its journal.
    heard_seq: int | None = None
    kept_seq: int | None = None
    messages: int = 0
    is_closing: bool = False
    is_welcome: bool = False
    refused: Counter[str] = field(default_factory=Counter[str])
    asked: dict[str, asyncio.Future[int | None]] = field(
        default_factory=dict[str, "asyncio.Future[int | None]"]
    )

    @property
    def name(self) -> str:
        """The worker's id, once it has registered."""
        return self.session.worker.worker_id if self.session else ""

    def send(self, message: Wire) -> None:
        """Put a message on its way; a reader who is too slow is let go."""
        self.send_text(json.dumps(message, separators=(",", ":")))

    def send_text(self, text: str) -> None:
        """`send` of what is encoded already, for several connections."""
        if self.is_closing:
            return
        # The last place is kept for the code that closes.
        if self.outbox.qsize() >= OUTBOX_MAX - 1:
            self.close(CLOSE_TOO_SLOW)
        else:
            self.outbox.put_nowait(text)

    def close(self, code: int) -> None:
        """Close after what is on its way; nothing more is sent or taken."""
        if not self.is_closing:
            self.is_closing = True
            self.outbox.put_nowait(code)


class Desk:
    """Every worker of one hub, as one live feed. `hub_of` is the hub that is fed."""

    def __init__(self, clock: Clock, hub_of: Callable[[], Hub]) -> None:
        self.sites = Sites()
        self.keys: Keys = {}
        # What the log is told by the second: refusals by code and sender, comings and goings by
        # event, worker, site and key; what a worker did last stands last.
        self.refusals: Counter[tuple[str, str]] = Counter()
        self.moves: Counter[tuple[str, str, str, str]] = Counter()
        self.clock = clock
        self.ticked_at: datetime | None = None
        self._hub_of = hub_of
        self._allowances: dict[UUID, Allowance] = {}
        self._connections: dict[str, Connection] = {}
        # How a site names an event of ours, as it was found last.
        self._named: dict[tuple[str, UUID], tuple[str, str]] = {}
        self._swept = False
        # Set when a worker has said something that the hub has to take, or answered.
        self.news = asyncio.Event()
        # Set when there may be something to tell workers, or somebody new to tell it.
        self.found = asyncio.Event()

    # -- as a live feed ------------------------------------------------------------------------

    @property
    def key(self) -> str:
        """The desk's name among the feeds; its events name each site's provider."""
        return "workers"

    def source_kind(self, source: str) -> SourceKind:
        """Sites are bookmakers."""
        return protocol.source_kind(source)

    def until(self, at: datetime) -> Said:
        """What workers said since the last call.

        The first call of a life suspends what an earlier life left open: nobody knows yet whether
        it stands (test: a new hub opens nothing before a snapshot).
        """
        self.ticked_at = at
        left: list[FeedBatch] = []
        if not self._swept:
            self._swept = True
            left = list(_left_open(self._hub_of(), at))
        said = self.sites.drain(at)
        if self.sites.has_news:
            # Too much for one transaction; the next one follows at once.
            self.news.set()
        else:
            for connection in self._connections.values():
                if connection.session is not None:
                    connection.heard_seq = connection.session.said_seq
        return Said(batches=(*left, *said))

    def kept(self) -> None:
        """What the last call of `until` has told is in the journal: workers may be told so, once
        nothing of what they said waits any more (test: what was acknowledged outlives its hub)."""
        for connection in self._connections.values():
            connection.kept_seq = connection.heard_seq

    def next_at(self) -> datetime | None:
        """Nobody knows when a worker will speak."""
        return None

    # -- a connection's life -------------------------------------------------------------------

    def opened(self, address: str) -> Connection:
        """A socket that has not said yet who it is."""
        at = self.clock.now()
        return Connection(address, at, at)

    def register(self, connection: Connection, said: Register, token: str) -> None:
        """Let a worker in. `token` is the header's, which goes before the message's.

        Raises Unauthenticated, Forbidden `foreign_site`, Conflict `worker_id_taken`,
        `too_many_workers`.
        """
        at = self.clock.now()
        worker_id = said.envelope.worker_id
        key = self.keys.get(worker_keys.hashed(token or said.token))
        if key is None:
            raise Unauthenticated("no valid token of a worker")
        key_id, key_name, site = key
        if any(named != site for named in said.envelope.sites):
            raise Forbidden(f"this key is for {site}", code="foreign_site")
        before = self._connections.get(worker_id)
        if before is not None and before.key_id != key_id:
            raise Conflict("this worker is connected by another key", code="worker_id_taken")
        if before is None:
            self._check_room(key_id, worker_id)
        else:
            self._end(before, CLOSE_REPLACED)
        worker = self.sites.join(worker_id, site, at)
        connection.session = Session(worker, self.sites, said.envelope.seq)
        connection.key_id, connection.key_name = key_id, key_name
        connection.confirms = said.confirms
        self._connections[worker_id] = connection
        connection.send(protocol.acknowledged(worker_id, site, worker.generation, at))
        self.found.set()
        self._moved("worker.registered", connection)

    def _check_room(self, key_id: UUID, worker_id: str) -> None:
        same = sum(one.key_id == key_id for one in self._connections.values())
        known = worker_id in self.sites.workers
        if same >= WORKERS_PER_KEY or (not known and len(self.sites.workers) >= WORKERS_MAX):
            raise Conflict("there are too many workers", code="too_many_workers")

    def heard(self, connection: Connection, message: Message) -> None:
        """Take a message of a registered worker, or answer why not."""
        session, at = connection.session, self.clock.now()
        assert session is not None
        if connection.is_closing:
            self.refuse(connection, Refused("connection_ended", "this connection has ended"))
            return
        connection.messages += 1
        refused = session.take(message, at)
        if self.sites.has_news:
            self.news.set()
        if refused is not None:
            self.refuse(connection, refused)
        elif isinstance(message, Ping):
            connection.send(protocol.pong(at, connection.kept_seq))
        elif isinstance(message, ConfirmResponse):
            asked = connection.asked.pop(message.request_id, None)
            if asked is not None and not asked.done():
                asked.set_result(message.price_e4)

    def wait_s(self, connection: Connection, size: int, now_s: float) -> float:
        """How long a message of `size` characters has to wait, by what its key has said of late."""
        assert connection.key_id is not None
        allowance = self._allowances.get(connection.key_id)
        if allowance is None:
            allowance = self._allowances[connection.key_id] = Allowance(SAID_PER_S, SAID_BURST)
        return allowance.wait_s(now_s, 1 + size // SAID_BYTES)

    def refuse(self, connection: Connection, refused: Refused) -> None:
        """Say why, count it, and let go who is refused again and again."""
        connection.refused[refused.code] += 1
        self.refusals[refused.code, connection.name or connection.address] += 1
        connection.send(protocol.refused(refused, self.clock.now()))
        # Rejected matches are a site's oddities; a connection is not judged by them.
        grave = connection.refused.total() - connection.refused["matches_rejected"]
        if grave >= REFUSALS_MAX:
            connection.close(CLOSE_REFUSED)

    def lost(self, connection: Connection) -> None:
        """The socket is gone; what its worker feeds is suspended."""
        connection.is_closing = True
        for asked in connection.asked.values():
            if not asked.done():
                asked.set_result(None)
        if connection.session is not None and self.is_current(connection):
            del self._connections[connection.name]
            self.sites.stop(connection.session.worker, GONE, self.clock.now())
            self.news.set()
            self._moved("worker.gone", connection)

    def _moved(self, event: str, connection: Connection) -> None:
        assert connection.session is not None
        worker = connection.session.worker
        key = event, worker.worker_id, worker.site, connection.key_name
        self.moves[key] = self.moves.pop(key, 0) + 1

    def connection(self, worker_id: str) -> Connection:
        """The worker's connection. Raises KeyError when it has none."""
        return self._connections[worker_id]

    def is_current(self, connection: Connection) -> bool:
        """Whether no newer connection of the same id has come."""
        return self._connections.get(connection.name) is connection

    def _end(self, connection: Connection, code: int) -> None:
        connection.close(code)
        self._connections.pop(connection.name, None)

    def use_keys(self, keys: Keys) -> None:
        """These keys are valid from now on; who came by another one is let go
        (test: a revoked key ends its connection)."""
        self.keys = keys
        valid = {key_id for key_id, _, _ in keys.values()}
        for connection in list(self._connections.values()):
            if connection.key_id not in valid:
                assert connection.session is not None
                self.sites.stop(connection.session.worker, GONE, self.clock.now())
                self._end(connection, CLOSE_UNAUTHENTICATED)

    # -- what workers are told and asked -------------------------------------------------------

    def broadcast(self, message: Wire) -> int:
        """Tell every worker that was welcomed, encoded once; returns how many."""
        text = json.dumps(message, separators=(",", ":"))
        told = [one for one in self._connections.values() if one.is_welcome]
        for connection in told:
            connection.send_text(text)
        return len(told)

    def welcome(self, message: Wire | None) -> None:
        """Tell those who have come since what everybody else knows."""
        for connection in self._connections.values():
            if not connection.is_welcome:
                connection.is_welcome = True
                if message is not None:
                    connection.send(message)

    def answering(self) -> frozenset[str]:
        """The providers that look again when they are asked: sites of which every live worker
        does."""
        by_site: dict[str, bool] = {}
        for connection in self._connections.values():
            if connection.session is not None and connection.session.worker.is_live:
                site = connection.session.worker.site
                by_site[site] = by_site.get(site, True) and connection.confirms
        return frozenset(protocol.provider_of(site) for site, does in by_site.items() if does)

    async def confirm(
        self, source: str, event_id: UUID, market: FeedMarket, side: str, timeout_s: float
    ) -> int | None:
        """Ask the worker that delivered a price to look again: price_e4 now, in our event's words.

        None where no live worker knows the match, none answers in time, or nothing is to be had.
        """
        found = self._at_site(source, event_id)
        if found is None:
            return None
        event, swapped, connection = found
        market_type, line_q4 = market.market_type, market.line_q4
        if swapped:
            market_type, line_q4, side = grading.mirrored(market_type, line_q4, side)
        asked = ConfirmRequest(
            str(ids.new(self.clock.now())),
            event.provider_event_id,
            event.home,
            event.away,
            market_type,
            market.period,
            line_q4,
            side,
        )
        if not connection.confirms or len(connection.asked) >= CONFIRMS_MAX:
            return None
        answer: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        connection.asked[asked.request_id] = answer
        connection.send(protocol.confirm_request(asked, self.clock.now()))
        try:
            return await asyncio.wait_for(answer, timeout_s)
        except TimeoutError:
            return None
        finally:
            connection.asked.pop(asked.request_id, None)

    def _at_site(self, source: str, event_id: UUID) -> tuple[FeedEvent, bool, Connection] | None:
        """The match as the site of a source names it, and who speaks of it there."""
        provider, events = protocol.provider_of(source), self._hub_of().events
        before = self._named.pop((provider, event_id), None)
        # The site may have given it another id since.
        for key in itertools.chain([before] if before is not None else [], events):
            ours = events.get(key) if key[0] == provider else None
            if ours is None or ours.event_id != event_id:
                continue
            found = self.sites.find(source, key[1])
            if found is not None and found[1] in self._connections:
                if len(self._named) >= NAMED_MAX:
                    self._named.clear()
                self._named[provider, event_id] = key
                return found[0], ours.swapped, self._connections[found[1]]
        return None

    # -- for people ----------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._connections)

    def listing(self) -> list[dict[str, Any]]:
        """Every worker that is known, connected or not."""
        rows: list[dict[str, Any]] = []
        for worker in sorted(self.sites.workers.values(), key=lambda one: one.worker_id):
            connection = self._connections.get(worker.worker_id)
            row: dict[str, Any] = {
                "worker_id": worker.worker_id,
                "site": worker.site,
                "status": "registered" if connection else "disconnected",
                "state": worker.state,
                "generation": worker.generation,
                "since": worker.since,
                "complete_at": worker.complete_at,
                "matches": len(worker.known),
                "prices": worker.prices,
            }
            if connection is not None:
                row |= {
                    "key": connection.key_name,
                    "connected_at": connection.opened_at,
                    "heard_at": connection.heard_at,
                    "messages": connection.messages,
                    "refused": dict(connection.refused),
                }
            rows.append(row)
        return rows


def _left_open(hub: Hub, at: datetime) -> Iterator[FeedBatch]:
    """What the board still shows as open of workers, suspended: by source and event."""
    board = hub.board
    rows = [source for source in board.sources if source.provider.startswith(PROVIDER_PREFIX)]
    for event_id in board.event_ids() if rows else ():
        open_at = [(cells, board.open_prices(cells)) for cells in board.markets_of(event_id)]
        for source in rows:
            prices = tuple(
                price
                for cells, quoted in open_at
                for price in _suspended(source.key, cells, quoted[source.row].tolist())
            )
            if not prices:
                continue
            # A name that no site gives: the decision which event it is was made when it was.
            event = FeedEvent(
                source.provider, f"left:{event_id}", hub.sport_of(event_id), "", "", "", "", "",
                hub.starts_at(event_id),
            )  # fmt: skip
            hub.events[event.key] = Resolved(event_id, False, event.starts_at)
            yield FeedBatch(event, at, prices, snapshot=False)


def _suspended(source: str, cells: MarketCells, prices_e4: list[int]) -> Iterator[FeedPrice]:
    market = FeedMarket(cells.market_type, cells.period, cells.line_q4)
    for side, price_e4 in zip(cells.sides, prices_e4, strict=True):
        if price_e4:
            yield FeedPrice(source, market, side, price_e4, "", suspended=True)
