"""One worker's WebSocket: let in, heard, answered, let go.

Whoever is refused waits a moment before he is heard again, and then for those who were refused
before him; whoever says too much is read more slowly: the sender's own buffers fill, and nobody
else notices (test: a flood of refused messages leaves a worker alone).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from fastapi import WebSocket
from fastapi.websockets import WebSocketDisconnect

from overround.core.errors import (
    Conflict,
    Forbidden,
    ProviderDataError,
    Unauthenticated,
)
from overround.odds.feeds import worker as protocol
from overround.odds.feeds.worker import Allowance, Message, OutOfTurn, Refused, Register
from overround.roles.hub.workers import (
    CLOSE_FORBIDDEN,
    CLOSE_SILENT,
    CLOSE_UNAUTHENTICATED,
    Connection,
    Desk,
)

# Who has not said by then who he is has nothing to say.
REGISTER_S: Final = 5.0
# A worker says at least that it is there.
SILENT_S: Final = 15.0
# After a refusal the next message is not looked at before this.
REFUSED_PAUSE_S: Final = 0.02
# A worker that takes nothing for this long is let go.
SEND_S: Final = 10.0
# Connections that have not registered: at a time, and so many a second in all and from one address.
# One that is refused may stay half open for ten seconds, so these bound our descriptors, too.
STRANGERS_MAX: Final = 100
STRANGERS_ALL_PER_S: Final = 40.0
STRANGERS_ALL_BURST: Final = 120.0
STRANGERS_PER_S: Final = 20.0
STRANGERS_BURST: Final = 60.0
ADDRESSES_MAX: Final = 1_000
# Who registers needs no more.
REGISTER_BYTES: Final = 4_096
_TOO_LARGE: Final = 1009
_BEARER: Final = "bearer "


@dataclass(slots=True)
class Door:
    """Who may knock: sockets that have not registered, by address; and the line in which those
    stand who were refused."""

    strangers: int = 0
    _line: asyncio.Lock = field(default_factory=asyncio.Lock)
    _all: Allowance = field(
        default_factory=lambda: Allowance(STRANGERS_ALL_PER_S, STRANGERS_ALL_BURST)
    )
    _allowances: dict[str, Allowance] = field(default_factory=dict[str, Allowance])

    def admits(self, address: str, now_s: float) -> bool:
        """Whether one more stranger from this address is let in."""
        if self.strangers >= STRANGERS_MAX:
            return False
        allowance = self._allowances.get(address)
        if allowance is None:
            if len(self._allowances) >= ADDRESSES_MAX:
                # Who comes from a thousand addresses is stopped by the number of strangers.
                self._allowances.clear()
            allowance = self._allowances[address] = Allowance(STRANGERS_PER_S, STRANGERS_BURST)
        return allowance.spend(now_s) and self._all.spend(now_s)

    @asynccontextmanager
    async def in_line(self) -> AsyncGenerator[None]:
        """The turn of one of them. Their pauses end together, and all of them at once would hold up
        everybody's frames (test: those who were refused are heard one after the other)."""
        async with self._line:
            yield
            # Whoever else has said something goes before the next of the line.
            await asyncio.sleep(0)


def bearer(headers: Mapping[str, str]) -> str:
    """The token of an Authorization header; "" where there is none."""
    said = headers.get("authorization", "")
    return said[len(_BEARER) :].strip() if said[: len(_BEARER)].lower() == _BEARER else ""


async def serve(desk: Desk, door: Door, websocket: WebSocket) -> None:
    """A socket from its handshake to its end."""
    address = websocket.client.host if websocket.client else ""
    # A page in somebody's browser may reach this port; no worker is a page.
    denied = "origin" if "origin" in websocket.headers else ""
    if not denied and not door.admits(address, time.monotonic()):
        denied = "too_many_connections"
    if denied:
        desk.refusals[denied, address] += 1
        # Before the handshake that is a plain 403; a body of our own would cost a line of log each.
        await websocket.close()
        return
    door.strangers += 1
    connection = desk.opened(address)
    try:
        await websocket.accept()
        await _converse(_hear(desk, door, connection, websocket), connection, websocket)
    finally:
        if connection.session is None:
            door.strangers -= 1
        desk.lost(connection)


async def _converse(
    hearing: Coroutine[Any, Any, None], connection: Connection, websocket: WebSocket
) -> None:
    """Hear and send at once until one of both has ended. Raises what fails in hearing."""
    listening = asyncio.create_task(hearing)
    sending = asyncio.create_task(_send(connection, websocket))
    try:
        await asyncio.wait({listening, sending}, return_when=asyncio.FIRST_COMPLETED)
        if connection.is_closing and not sending.done():
            # The reason is still on its way.
            await asyncio.wait({sending}, timeout=SEND_S)
    finally:
        for task in (listening, sending):
            task.cancel()
        ended, _ = await asyncio.gather(listening, sending, return_exceptions=True)
    if isinstance(ended, Exception) and not isinstance(ended, WebSocketDisconnect):
        raise ended


async def _hear(desk: Desk, door: Door, connection: Connection, websocket: WebSocket) -> None:
    if await _enter(desk, connection, websocket):
        door.strangers -= 1
        await _listen(desk, door, connection, websocket)


async def _enter(desk: Desk, connection: Connection, websocket: WebSocket) -> bool:
    """Hear the first message; whether its sender is a worker of ours."""
    try:
        frame = await _receive(desk, connection, websocket, REGISTER_S)
        if len(frame) > REGISTER_BYTES:
            raise OutOfTurn("register first")
        message = protocol.message(frame, desk.clock.now())
        if not isinstance(message, Register):
            raise OutOfTurn("register first")
        desk.register(connection, message, bearer(websocket.headers))
    except TimeoutError:
        connection.close(CLOSE_SILENT)
    except (ProviderDataError, Conflict, Forbidden, Unauthenticated) as refused:
        desk.refuse(connection, Refused(refused.code, refused.detail))
        is_known = isinstance(refused, Forbidden | Conflict) and not isinstance(refused, OutOfTurn)
        connection.close(CLOSE_FORBIDDEN if is_known else CLOSE_UNAUTHENTICATED)
    else:
        return True
    return False


async def _listen(desk: Desk, door: Door, connection: Connection, websocket: WebSocket) -> None:
    """Hear a registered worker until it ends or falls silent."""
    was_refused = False
    while True:
        try:
            frame = await _receive(desk, connection, websocket, SILENT_S)
        except TimeoutError:
            connection.close(CLOSE_SILENT)
            return
        connection.heard_at = desk.clock.now()
        wait_s = desk.wait_s(connection, len(frame), time.monotonic())
        if wait_s:
            await asyncio.sleep(wait_s)
        async with door.in_line() if was_refused else nullcontext():
            was_refused = await _refused(desk, connection, frame)
        # Frames that wait are had without a pause: without this one a sender's whole backlog would
        # come before the tick that takes what all the others have said.
        await asyncio.sleep(REFUSED_PAUSE_S if was_refused else 0)


async def _refused(desk: Desk, connection: Connection, frame: str | bytes) -> bool:
    """Hear a frame; whether anything of it was refused."""
    before = connection.refused.total()
    try:
        message = await _read(frame, desk.clock.now())
    except ProviderDataError as refused:
        desk.refuse(connection, Refused(refused.code, refused.detail))
    else:
        desk.heard(connection, message)
    return connection.refused.total() > before


async def _read(frame: str | bytes, at: datetime) -> Message:
    """What a frame says; a tick and other workers' frames go between the parts of a large one.

    Raises ProviderDataError for what cannot be read.
    """
    parts = protocol.message_by_parts(frame, at)
    while True:
        try:
            next(parts)
        except StopIteration as done:
            return done.value
        await asyncio.sleep(0)


async def _receive(
    desk: Desk, connection: Connection, websocket: WebSocket, timeout_s: float
) -> str | bytes:
    """The next frame. Raises TimeoutError, and WebSocketDisconnect at the end."""
    async with asyncio.timeout(timeout_s):
        event = await websocket.receive()
    if event["type"] == "websocket.disconnect":
        code = int(event.get("code") or 0)
        if code == _TOO_LARGE:
            # The server has closed it already, before the message was whole.
            desk.refusals["message_too_large", connection.name or connection.address] += 1
        raise WebSocketDisconnect(code)
    found: str | bytes = event.get("text") or event.get("bytes") or ""
    return found


async def _send(connection: Connection, websocket: WebSocket) -> None:
    """Send what waits, to the code that closes. A socket that takes nothing raises something."""
    while True:
        item = await connection.outbox.get()
        async with asyncio.timeout(SEND_S):
            if isinstance(item, int):
                await websocket.close(item)
                return
            await websocket.send_text(item)
