"""A Valkey of one test's own, that may be killed and started again."""

from __future__ import annotations

import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from overround.cache.server import ValkeyServer, installed
from tests.support.waiting import until


class Valkey:
    """The server of one directory; its URL is the same in every life."""

    def __init__(self, directory: Path) -> None:
        log = directory / "valkey.log"
        self._server = ValkeyServer(installed(), directory, directory, log, None)
        self._server.create()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = self._server.url

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = self._server.start()
        until(self._server.is_ready, "Valkey to answer")

    def kill(self) -> None:
        """kill -9; safe to call twice."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def valkey(directory: Path) -> Generator[Valkey]:
    """A running server below `directory`."""
    server = Valkey(directory)
    server.start()
    try:
        yield server
    finally:
        server.kill()
