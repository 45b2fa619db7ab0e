"""Sockets that wait for connections: made here, or handed down by a parent."""

from __future__ import annotations

import socket
from typing import Final

from overround.core.errors import SettingsError, Unavailable

BACKLOG: Final = 1024


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises Unavailable, naming the address, when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise Unavailable(f"cannot listen on {host}:{port}: {error.strerror}") from error


def inherited(descriptor: int) -> socket.socket:
    """The listening socket that a parent keeps open for us, so that nobody is refused meanwhile.

    Raises SettingsError when the descriptor is no such thing.
    """
    try:
        listener = socket.socket(fileno=descriptor)
        if listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return listener
        listener.detach()
    except OSError:
        pass
    raise SettingsError(f"descriptor {descriptor} is no listening socket")
