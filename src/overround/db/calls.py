"""The same few statements, called again and again on a connection of their own.

What the driver does for any statement (a cursor, a task that waits, two turns of the event loop
from the answer's coming to its reader) costs as much as a small call does. Here a call is sent at
once, and its answer handed on in the turn in which it is there, so that whoever hears it can send
the next call before he reads it (test: the next call leaves while the answer is heard).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any, Final

import psycopg
from psycopg import pq
from psycopg.adapt import Transformer

from overround.db.pools import Connection

Row = tuple[Any, ...]

# Errors after which the server closes the connection.
_LAST: Final = frozenset({b"FATAL", b"PANIC"})


class Calls:
    """One call at a time, each a transaction by itself; used from one event loop.

    `heard` is called with the row of each call, committed, or with its error; `lost` once, when the
    connection is of no use any more and `is_lost`. The connection is this one's alone.
    """

    def __init__(
        self,
        conn: Connection,
        heard: Callable[[Row | psycopg.Error], None],
        lost: Callable[[], None],
    ) -> None:
        self.is_lost = False
        self._conn = conn
        self._pgconn = conn.pgconn
        # The driver's library closes its socket as soon as it sees the end. The loop has another
        # descriptor of it, closed after the loop has let go: one whose number had gone to somebody
        # else meanwhile was never heard of (`make test-kill`).
        self._socket = os.dup(conn.pgconn.socket)
        self._heard = heard
        self._lost = lost
        self._rows = Transformer(conn)
        self._names: dict[str, bytes] = {}
        self._loop = asyncio.get_running_loop()
        self._result: pq.abc.PGresult | None = None
        self._is_under_way = False
        self._is_writing = False
        self._since_s = 0.0

    async def open(self, statements: Iterable[str]) -> None:
        """Prepare the statements, each of which gives one row, where the connection may.

        Raises psycopg.Error; then the connection is closed.
        """
        try:
            if self._conn.prepare_threshold is not None:
                for n, statement in enumerate(statements):
                    name = b"call_%d" % n
                    await self._conn.execute(b"PREPARE %b AS %b" % (name, _numbered(statement)))
                    self._names[statement] = name
        except BaseException:
            os.close(self._socket)
            self.is_lost = True
            await self._conn.close()
            raise
        self._loop.add_reader(self._socket, self._read)

    def call(self, statement: str, values: Iterable[str | None]) -> None:
        """Send a call when the one before it was heard; what goes wrong is heard too, later."""
        self._is_under_way, self._result = True, None
        self._since_s = monotonic()
        encoded = [None if value is None else value.encode() for value in values]
        try:
            if (name := self._names.get(statement)) is not None:
                self._pgconn.send_query_prepared(name, encoded)
            else:
                self._pgconn.send_query_params(_numbered(statement), encoded)
        except psycopg.OperationalError as error:
            self._loop.call_soon(self._end, error)
        else:
            self._write()

    def give_up(self, after_s: float) -> None:
        """Take the connection for lost when its call has had no answer for so long: a server whose
        machine is gone says nothing (test: a call that is never answered is given up)."""
        if self._is_under_way and monotonic() - self._since_s > after_s:
            self._end(psycopg.OperationalError("the server has not answered"))

    async def close(self) -> None:
        """Close the connection; nothing is heard any more."""
        self._let_go()
        await self._conn.close()

    def _write(self) -> None:
        """Send as much as the system takes; the rest when it takes more."""
        try:
            is_more = self._pgconn.flush() == 1
        except psycopg.OperationalError as error:
            self._loop.call_soon(self._end, error)
            return
        if is_more != self._is_writing:
            self._is_writing = is_more
            if is_more:
                self._loop.add_writer(self._socket, self._write)
            else:
                self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        """Something came: a part of an answer, the whole of it, or the end."""
        try:
            self._pgconn.consume_input()
            while self._is_under_way and not self._pgconn.is_busy():
                result = self._pgconn.get_result()
                if result is None:
                    # Not before this it is committed.
                    self._finish()
                elif self._result is None or result.status == pq.ExecStatus.FATAL_ERROR:
                    self._result = result
        except psycopg.OperationalError as error:
            self._end(error)

    def _finish(self) -> None:
        """The answer is whole: hand it on."""
        result = self._result
        assert result is not None
        if result.status != pq.ExecStatus.TUPLES_OK:
            error = psycopg.errors.error_from_result(result)
            if result.error_field(pq.DiagnosticField.SEVERITY_NONLOCALIZED) in _LAST:
                self._end(error)
                return
            self._is_under_way = False
            self._heard(error)
            return
        self._rows.set_pgresult(result)
        row = self._rows.load_row(0, tuple)
        assert row is not None
        self._is_under_way = False
        self._heard(row)

    def _end(self, error: psycopg.Error) -> None:
        """Nothing more will come of this connection."""
        if self.is_lost:
            return
        self._let_go()
        if self._is_under_way:
            self._is_under_way = False
            self._heard(error)
        self._lost()

    def _let_go(self) -> None:
        if not self.is_lost:
            self.is_lost = True
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            os.close(self._socket)


def _numbered(statement: str) -> bytes:
    """The statement as the server reads it: with its parameters by their numbers."""
    first, *others = statement.split("%s")
    return (first + "".join(f"${n}{one}" for n, one in enumerate(others, start=1))).encode()
