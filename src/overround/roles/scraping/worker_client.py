"""A worker's connection to the hub: for whoever looks at a site and has prices to tell.

    client = WorkerClient("ws://127.0.0.1:8001/ws", token, site="sbo", worker_id="worker-sbo-1")
    running = asyncio.create_task(client.run(stop))
    while not stop.is_set():
        client.seen(await look_at_the_whole_page())     # `overround.odds.feeds.worker.Match`es

`seen` and `moved` wait for nothing and queue nothing: what the hub has not been told when the next
pass comes is replaced by it. A connection that breaks is made anew with growing pauses, and the
first pass after it is a snapshot (test: a worker comes back by itself).
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from overround.core.clock import Clock, WallClock
from overround.core.errors import Conflict, SettingsError
from overround.kit import logs, loop
from overround.odds.feeds.worker import ConfirmRequest, Match, Speaker, Wire

PING_S: Final = 5.0
OPEN_TIMEOUT_S: Final = 5.0
# The pause after a failure doubles from the first to the second.
PAUSE_FIRST_S: Final = 0.2
PAUSE_MAX_S: Final = 5.0
# What was seen longer ago is not told any more: the next pass is.
FRESH: Final = timedelta(seconds=5)
_FRAME_BYTES_MAX: Final = 1024 * 1024
# The hub closed the connection because a newer one of the same worker id has come.
CLOSED_REPLACED: Final = 4409

_log = logs.get(__name__)

# Answers with the site's text of the price now, None for nothing to be had.
Answer = Callable[[ConfirmRequest], Awaitable[str | None]]
# Hears every message of the hub that is not the protocol's own business.
Hear = Callable[[Wire], None]


class WorkerClient:
    """One worker of one site. `problem` is the hub's last refusal, by its code; "" while all is
    well. With an `answer` the hub verifies the worker's prices by asking it to look again, and by
    nothing else."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        site: str,
        worker_id: str,
        odds_format: str = "decimal",
        answer: Answer | None = None,
        hear: Hear | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.problem = ""
        self.connected = asyncio.Event()
        self._url, self._token = url, token
        self._speaker = Speaker(worker_id, site, odds_format, confirms=answer is not None)
        self._answer, self._hear = answer, hear
        self._clock = clock or WallClock()
        self._rng = rng or random.SystemRandom()
        self._news = asyncio.Event()
        self._pass: Sequence[Match] | None = None
        self._pass_at = self._clock.now()
        self._moved: dict[tuple[str, str, str, str], Match] = {}
        self._state: str | None = None
        self._answering: set[asyncio.Task[None]] = set()

    # -- what the scraper says -----------------------------------------------------------------

    def seen(self, matches: Sequence[Match]) -> None:
        """A whole pass over the site: everything that is on it now."""
        self._pass, self._pass_at = matches, self._clock.now()
        self._moved.clear()
        self._news.set()

    def moved(self, matches: Sequence[Match]) -> None:
        """Some matches moved since the last pass, each with all its rows."""
        self._moved |= {match.key: match for match in matches}
        self._news.set()

    def stopped(self, state: str) -> None:
        """The site cannot be read, for a reason of one word: the hub suspends at once."""
        self._pass, self._state = None, state
        self._moved.clear()
        self._news.set()

    # -- the connection ------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Stay connected until told to stop.

        Raises Conflict when another process speaks for this worker id (the newer one holds), and
        SettingsError for an address that is none.
        """
        failures = 0
        while not stop.is_set():
            try:
                async with connect(
                    self._url,
                    additional_headers={"Authorization": f"Bearer {self._token}"},
                    max_size=_FRAME_BYTES_MAX,
                    compression=None,
                    open_timeout=OPEN_TIMEOUT_S,
                    proxy=None,
                ) as socket:
                    failures = 0 if await self._converse(socket, stop) else failures + 1
            except InvalidURI as error:
                raise SettingsError(f"this is no address of a hub: {self._url}") from error
            except ConnectionClosed as closed:
                failures += not self.connected.is_set()
                self._give_up_if_replaced(closed)
                _log.info("worker.disconnected", code=closed.rcvd.code if closed.rcvd else 1006)
            except (OSError, TimeoutError, InvalidHandshake) as error:
                failures += 1
                _log.info("worker.unreachable", reason=str(error)[:200])
            finally:
                self.connected.clear()
            if not stop.is_set():
                await loop.wait(stop, self._pause_s(failures))

    def _pause_s(self, failures: int) -> float:
        """How long to wait: each failure doubles it, and no two workers come back together."""
        longest_s = min(PAUSE_MAX_S, PAUSE_FIRST_S * 2 ** min(failures, 10))
        return longest_s * self._rng.uniform(0.5, 1.5)

    def _give_up_if_replaced(self, closed: ConnectionClosed) -> None:
        if closed.rcvd is not None and closed.rcvd.code == CLOSED_REPLACED:
            raise Conflict("another process speaks for this worker", code="replaced") from closed

    async def _converse(self, socket: ClientConnection, stop: asyncio.Event) -> bool:
        """Speak and listen until one of both ends; whether the hub ever took us."""
        await self._send(socket, self._speaker.hello("", self._clock.now()))
        working: set[asyncio.Task[Any]] = {
            asyncio.create_task(stop.wait()),
            asyncio.create_task(self._listen(socket)),
            asyncio.create_task(self._speak(socket)),
            asyncio.create_task(self._beat(socket)),
        }
        try:
            done, _ = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            working |= self._answering
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
        return self.connected.is_set()

    async def _listen(self, socket: ClientConnection) -> None:
        async for frame in socket:
            heard = self._speaker.heard(frame if isinstance(frame, str) else frame.decode())
            if heard.kind == "registration:ack":
                self.problem = ""
                self.connected.set()
                self._news.set()
            elif heard.kind == "error":
                self.problem = str(heard.said.get("code", ""))
                _log.warning("worker.refused", code=self.problem, detail=heard.said.get("detail"))
            elif heard.asked is not None and self._answer is not None:
                looking = self._look_again(socket, heard.asked, self._answer)
                self._answering.add(asyncio.create_task(looking))
            if self._hear is not None and heard.kind not in {"pong", "confirm:request"}:
                self._hear(heard.said)

    async def _look_again(
        self, socket: ClientConnection, asked: ConfirmRequest, answer: Answer
    ) -> None:
        """Answer beside everything else: a look takes as long as the site does."""
        try:
            odds = await answer(asked)
        except Exception:  # noqa: BLE001 (the scraper's own fault; a price not seen is none)
            _log.exception("worker.look_failed")
            odds = None
        finally:
            self._answering.discard(cast("asyncio.Task[None]", asyncio.current_task()))
        with suppress(ConnectionClosed):
            await self._send(socket, self._speaker.answer(asked, odds, self._clock.now()))

    async def _speak(self, socket: ClientConnection) -> None:
        await self.connected.wait()
        while True:
            await self._news.wait()
            self._news.clear()
            for message in self._due():
                await self._send(socket, message)

    def _due(self) -> list[Wire]:
        """What the hub is to be told of what came since it was told last."""
        at = self._clock.now()
        messages: list[Wire] = []
        if self._state is not None:
            messages.append(self._speaker.state(self._state, at))
            self._state = None
        if self._pass is not None and at - self._pass_at <= FRESH:
            messages += self._speaker.seen(self._pass, at)
        self._pass = None
        if self._moved:
            messages += self._speaker.moved(list(self._moved.values()), at)
            self._moved.clear()
        return messages

    async def _beat(self, socket: ClientConnection) -> None:
        while True:
            await asyncio.sleep(PING_S)
            await self._send(socket, self._speaker.ping(self._clock.now()))

    async def _send(self, socket: ClientConnection, message: Wire) -> None:
        await socket.send(json.dumps(message, separators=(",", ":")))
