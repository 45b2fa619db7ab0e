"""A line between the product and its PostgreSQL that a test may freeze, cut and mend.

A frozen line is what a stopped server looks like: it neither answers nor hangs up, and takes new
connections without a word. A cut one is a killed server: what was open breaks, what is new fails.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from psycopg.conninfo import conninfo_to_dict

from overround.db import logins

_CHUNK: Final = 65_536


class Line:
    """`url` leads over the line to the same database as `direct` does."""

    def __init__(self, direct: str, directory: Path) -> None:
        facts = conninfo_to_dict(direct)
        self._server = Path(str(facts["host"])) / f".s.PGSQL.{facts['port']}"
        self._socket = directory / f".s.PGSQL.{facts['port']}"
        self.url = logins.socket_url(
            str(facts["user"]),
            str(facts["password"]),
            directory,
            int(str(facts["port"])),
            str(facts["dbname"]),
        )
        self._flows = asyncio.Event()
        self._flows.set()
        self._listening: asyncio.Server | None = None
        self._pumps: set[asyncio.Task[None]] = set()
        self.connections = 0

    async def mend(self) -> None:
        """Let connections through, the frozen ones too."""
        self._flows.set()
        if self._listening is None:
            self._listening = await asyncio.start_unix_server(self._serve, self._socket)

    def freeze(self) -> None:
        """Let nothing through, and tell nobody."""
        self._flows.clear()

    async def cut(self) -> None:
        """Break what is open and refuse what is new."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        self._socket.unlink(missing_ok=True)
        for pump in list(self._pumps):
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        pump = asyncio.current_task()
        assert pump is not None
        self._pumps.add(pump)
        try:
            await self._flows.wait()
            theirs = await asyncio.open_unix_connection(self._server)
            try:
                pumps = (self._pump(reader, theirs[1]), self._pump(theirs[0], writer))
                both = [asyncio.ensure_future(one) for one in pumps]
                try:
                    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for one in both:
                        one.cancel()
            finally:
                theirs[1].close()
        except (asyncio.CancelledError, OSError):
            # Cut; the streams would report a cancelled server task as a fault of its own.
            return
        finally:
            self._pumps.discard(pump)
            writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(_CHUNK):
            await self._flows.wait()
            writer.write(chunk)
            await writer.drain()


@asynccontextmanager
async def line(direct: str) -> AsyncGenerator[Line]:
    """A line to the database of `direct`, whole at first."""
    # A socket's path is short: pytest's own directories may be too long for it.
    with tempfile.TemporaryDirectory() as made:
        found = Line(direct, Path(made))
        await found.mend()
        try:
            yield found
        finally:
            await found.cut()
