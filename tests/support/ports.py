"""Ports for the processes that tests start."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress
from typing import Final

# Below those that the kernel gives to connections and to whoever asks for any: between the choice
# and the moment at which a process listens there, nobody comes by it by chance.
_CHOICE: Final = range(20_000, 32_000)


def free_port() -> int:
    """A port that nobody listens on now, and nobody is given but by asking for it."""
    for _ in range(100):
        port = secrets.choice(_CHOICE)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("every port that was tried is taken")
