"""What every answer carries: its ids, and headers that forbid a browser what no answer needs.

The raw front and the framework's layers mark by these functions, so that no route is apart.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

Headers = list[tuple[bytes, bytes]]

_CORRELATION: Final = re.compile(rb"[A-Za-z0-9._-]{8,64}")
# Version 00 of W3C trace context; ids of nothing but zeros are none.
_TRACE: Final = re.compile(rb"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")

# An answer of the API is nothing to render: should one be shown as a page, nothing in it runs.
API_POLICY: Final = (
    b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

SECURITY: Final[tuple[tuple[bytes, bytes], ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
# What one person may see is kept by nobody else; a public route says otherwise for itself.
PRIVATE: Final = (b"cache-control", b"private, no-store")
POLICY: Final = (b"content-security-policy", API_POLICY)
# A year, as browsers' lists ask. Only said under TLS, where it is heard.
STRICT_TRANSPORT: Final = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")

_ID_LETTERS: Final = 32
_IDS_AT_ONCE: Final = 256


@dataclass(slots=True)
class Ids:
    """The ids of one request. `traceparent` is ours below the caller's, where it sent one."""

    request_id: str
    correlation_id: str
    traceparent: str | None = None

    @property
    def trace_id(self) -> str | None:
        """The caller's trace, where it sent one."""
        return self.traceparent.split("-")[1] if self.traceparent else None

    def block(self) -> bytes:
        """The ids as they are written; they hold nothing but letters, by their making."""
        found = f"x-correlation-id: {self.correlation_id}\r\nx-request-id: {self.request_id}\r\n"
        if self.traceparent:
            found += f"traceparent: {self.traceparent}\r\n"
        return found.encode()

    def headers(self) -> Headers:
        """The ids as the answer carries them."""
        found = [
            (b"x-correlation-id", self.correlation_id.encode()),
            (b"x-request-id", self.request_id.encode()),
        ]
        if self.traceparent:
            found.append((b"traceparent", self.traceparent.encode()))
        return found


class _Numbers:
    """Ids of 128 random bits; the system is asked for many at once, because each asking counts."""

    def __init__(self) -> None:
        self._letters = ""
        self._at = 0
        # A fork would give the same ids once more.
        os.register_at_fork(after_in_child=self._forget)

    def next(self) -> str:
        at = self._at
        if at >= len(self._letters):
            self._letters, at = os.urandom(_ID_LETTERS // 2 * _IDS_AT_ONCE).hex(), 0
        self._at = at + _ID_LETTERS
        return self._letters[at : self._at]

    def _forget(self) -> None:
        self._letters, self._at = "", 0


_numbers: Final = _Numbers()


def ids(correlation: bytes | None, traceparent: bytes | None) -> Ids:
    """The ids of a request that came with these headers; ill-formed ones are as none."""
    request_id = _numbers.next()
    if correlation is None and traceparent is None:
        return Ids(request_id, request_id)
    if correlation is not None and _CORRELATION.fullmatch(correlation):
        correlated = correlation.decode()
    else:
        correlated = request_id
    if traceparent is None:
        return Ids(request_id, correlated)
    trace = _TRACE.fullmatch(traceparent)
    if trace is None:
        return Ids(request_id, correlated)
    own = f"00-{trace[1].decode()}-{request_id[:16]}-{trace[3].decode()}"
    return Ids(request_id, correlated, own)


def around(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """What `headers` of an answer lack of what every answer says."""
    said = {name for name, _ in headers}
    return [one for one in (*SECURITY, POLICY, PRIVATE) if one[0] not in said]


def block(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The headers as they are written. Raises ValueError for one that would be two."""
    lines = [b"%b: %b\r\n" % pair for pair in headers]
    written = b"".join(lines)
    if written.count(b"\n") != len(lines) or written.count(b"\r") != len(lines):
        raise ValueError("a header holds the end of a line")
    return written
