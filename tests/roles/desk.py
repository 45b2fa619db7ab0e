"""A hub with its port open, and workers that talk to it over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from overround.core import line, price
from overround.core.clock import Clock, WallClock
from overround.db import lease as leases
from overround.db import worker_keys
from overround.db.lease import Lease
from overround.db.logins import Role
from overround.kit.settings import HubSettings
from overround.odds.board import CellState
from overround.odds.feeds import FeedEvent
from overround.roles import listening
from overround.roles.attach import Endpoints
from overround.roles.hub import port as hub_port
from overround.roles.hub import writer as hubs
from overround.roles.hub.live import Live
from overround.roles.hub.workers import Desk
from overround.storefront import Publisher
from tests.stories.world import PROVIDER, World, opened
from tests.support.waiting import until_async

Urls = Mapping[Role, str]
Wire = dict[str, Any]

UNITED = ("Manchester United", "Chelsea")


@dataclass(slots=True)
class Hub:
    """A live hub whose port is open; `tokens` are its keys by site."""

    world: World
    clock: Clock
    desk: Desk
    live: Live
    port: int
    running: asyncio.Task[None]
    tokens: dict[str, str] = field(default_factory=dict[str, str])

    async def die(self) -> None:
        """As if killed between two ticks: nothing more is suspended, said or written."""
        await self.stop_dead()
        await leases.release(self.world.worker, self.live.lease)

    async def stop_dead(self) -> None:
        """The same on a machine of its own: nobody knows that it has ended."""
        async with self.live.turn:
            self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    async def event(
        self, home: str, away: str, starts_at: datetime, event_id: str = "known"
    ) -> None:
        """An event of the catalogue, from somebody who may name events."""
        event = FeedEvent(
            PROVIDER, event_id, "football", "E0", "Premier League", "England", home, away, starts_at
        )
        async with self.live.turn, self.world.worker.transaction(None) as conn:
            await self.live.hub.know(conn, [event], self.clock.now())

    async def key(self, site: str, name: str = "") -> str:
        """A key for a site; its token."""
        async with self.world.worker.transaction(None) as conn:
            key, token = await worker_keys.add(conn, name or f"key-{site}", site, WallClock().now())
            assert key.site == site
            keys = await worker_keys.valid(conn)
        self.desk.use_keys(keys)
        self.tokens[site] = token
        return token

    @asynccontextmanager
    async def worker(
        self,
        site: str,
        worker_id: str = "",
        *,
        seq: int | None = 0,
        register: bool = True,
        confirms: bool = False,
    ) -> AsyncGenerator[Talk]:
        """A worker of a site with a key of its own, registered."""
        token = self.tokens.get(site) or await self.key(site)
        async with connect(self.url, compression=None, proxy=None) as socket:
            talk = Talk(socket, site, worker_id or f"worker-{site}-1", token, seq)
            if register:
                await talk.register(**({"confirms": True} if confirms else {}))
            yield talk

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        """What the port answers."""
        async with httpx2.AsyncClient() as client:
            return await client.get(f"http://127.0.0.1:{self.port}{path}", headers=headers)

    def board(self) -> dict[str, tuple[str, str]]:
        """Every price on the board: "sbo asian_handicap -0.5 home" -> (price, state)."""
        found: dict[str, tuple[str, str]] = {}
        board = self.live.hub.board
        for event_id in board.event_ids():
            for cells in board.markets_of(event_id):
                market = cells.market_type
                if cells.line_q4 is not None:
                    market += f" {line.to_text(cells.line_q4)}"
                for source in board.sources:
                    for side, column in zip(cells.sides, cells.columns.tolist(), strict=True):
                        state = CellState(int(board.state[source.row, column]))
                        if state is not CellState.EMPTY:
                            written = price.to_text(int(board.price_e4[source.row, column]))
                            found[f"{source.key} {market} {side}"] = written, state.name.lower()
        return found

    async def until_board(self, name: str, written: str, state: str) -> None:
        """Wait until the board shows that."""
        await until_async(
            lambda: self.board().get(name) == (written, state),
            f"{name} at {written} {state}; it is {self.board().get(name)}",
        )


@dataclass(slots=True)
class Talk:
    """One end of a worker's socket; `inbox` keeps what the hub said and nobody asked for yet."""

    socket: ClientConnection
    site: str
    worker_id: str
    token: str
    seq: int | None = None
    inbox: list[Wire] = field(default_factory=list[Wire])

    async def say(self, kind: str, **more: Any) -> None:
        """A message, numbered where the connection is."""
        said = {"type": kind, "worker_id": self.worker_id, "site": self.site} | more
        if self.seq is not None and kind in {"odds:update", "snapshot:begin", "snapshot:commit"}:
            self.seq += 1
            said.setdefault("seq", self.seq)
        await self.socket.send(json.dumps(said))

    async def register(self, **more: Any) -> Wire:
        """Register; the hub's answer."""
        numbered: Wire = {} if self.seq is None else {"seq": self.seq}
        await self.say("worker:register", token=self.token, **numbered, **more)
        return await self.hear("registration:ack")

    async def update(self, *matches: Wire, **more: Any) -> None:
        """Some matches."""
        await self.say("odds:update", data={"site": self.site, "matches": list(matches)} | more)

    async def snapshot(self, *matches: Wire) -> None:
        """The whole."""
        await self.say("snapshot:begin")
        await self.update(*matches)
        await self.say("snapshot:commit", count=len(matches))

    async def confirm(self, odds: str | None) -> Wire:
        """Answer the hub's next question; the question."""
        asked = await self.hear("confirm:request")
        await self.say("confirm:response", id=asked["id"], odds=odds)
        return asked

    async def hear(self, kind: str, timeout_s: float = 20.0) -> Wire:
        """The next message of that type; others wait in the inbox."""
        for place, said in enumerate(self.inbox):
            if said["type"] == kind:
                return self.inbox.pop(place)
        async with asyncio.timeout(timeout_s):
            while True:
                said = json.loads(await self.socket.recv())
                if said["type"] == kind:
                    return said
                self.inbox.append(said)

    async def refused(self) -> str:
        """The code of the hub's next refusal."""
        return (await self.hear("error"))["code"]

    async def closed(self, timeout_s: float = 20.0) -> int:
        """Wait until the hub has closed; its code. What it said before is kept in the inbox.

        A closing waits behind what was said and not read: it is read, or it would take what the
        hub grants whoever does not listen.
        """
        async with asyncio.timeout(timeout_s):
            with suppress(ConnectionClosed):
                async for said in self.socket:
                    self.inbox.append(json.loads(said))
            await self.socket.wait_closed()
        assert self.socket.close_code is not None
        return self.socket.close_code


def match(
    home: str = UNITED[0],
    away: str = UNITED[1],
    *,
    starts_at: datetime | None = None,
    time: str = "",
    **odds: Any,
) -> Wire:
    """A match as a scraper says it: `match(ft_hdp=("1.95", "1.90", "-0.5"))`."""
    names = {"hdp": ("home", "away", "handicap"), "ou": ("over", "under", "line")}
    said: Wire = {
        "home_team": home,
        "away_team": away,
        "league": "Premier League",
        "time": time,
        "odds": {
            market: _row(names[market.partition("_")[2]], cast("tuple[Any, ...]", written))
            if isinstance(written, tuple)
            else written
            for market, written in odds.items()
        },
    }
    return said if starts_at is None else said | {"starts_at": starts_at.isoformat()}


def _row(names: tuple[str, ...], written: tuple[Any, ...]) -> Wire:
    return dict(zip(names, written, strict=True))


@asynccontextmanager
async def hub_port_of(
    urls: Urls, endpoints: Endpoints, clock: Clock | None = None
) -> AsyncGenerator[Hub]:
    """A live hub over acme's book, its port open; United play Chelsea in two hours."""
    async with opened(urls) as world:
        await world.tenant("acme", margin_bps=0)
        async with living(world, endpoints, clock or WallClock()) as hub:
            await hub.event(*UNITED, hub.clock.now() + timedelta(hours=2))
            yield hub


@asynccontextmanager
async def living(world: World, endpoints: Endpoints, clock: Clock) -> AsyncGenerator[Hub]:
    """One life of a hub on that world."""
    async with (
        leases.held(world.worker, hubs.LEASE, "test") as lease,
        living_under(lease, world, endpoints, clock) as hub,
    ):
        yield hub


@asynccontextmanager
async def living_under(
    lease: Lease, world: World, endpoints: Endpoints, clock: Clock
) -> AsyncGenerator[Hub]:
    """The same under a lease that the test has taken and keeps."""
    desk = Desk(clock, lambda: live.hub)
    live = Live(world.worker, lease, [desk], clock, desk)
    publisher = await Publisher.open(endpoints.redis_url, live.everything)
    stop = asyncio.Event()
    listener = listening.listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    try:
        async with hub_port.opened(HubSettings(), desk, world.worker, lambda: live.hub, listener):
            running = asyncio.create_task(live.run(publisher, stop))
            try:
                # The life that was loaded is the one whose memory a test may look at.
                await until_async(lambda: live.hub.books or running.done(), "the hub to load")
                yield Hub(world, clock, desk, live, port, running)
            finally:
                stop.set()
                (ended,) = await asyncio.gather(running, return_exceptions=True)
            if isinstance(ended, Exception):
                raise ended
    finally:
        await publisher.close()
