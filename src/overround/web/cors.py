"""Which pages of other origins may read a tenant's API: none, unless the tenant names them.

An origin that is named reads and writes with a bearer token or with none. Its requests never carry
our cookie with effect, because the answer does not allow credentials and the gate refuses a write
by cookie from any other origin than our own (test: a named origin has no use of the cookie).
"""

from __future__ import annotations

from typing import Final

MAX_AGE_S: Final = 600

METHODS: Final = b"GET, HEAD, POST, PUT, PATCH, DELETE"
REQUEST_HEADERS: Final = (
    b"Authorization, Content-Type, Idempotency-Key, If-None-Match, Prefer, X-Correlation-ID, "
    b"traceparent, Last-Event-ID"
)
EXPOSED: Final = (
    b"ETag, Link, Location, Retry-After, RateLimit, RateLimit-Policy, X-Rate-Limit-Remaining, "
    b"X-Rate-Limit-Reset, X-Correlation-ID, X-Request-ID, Idempotency-Replayed"
)

Headers = list[tuple[bytes, bytes]]


def headers(origin: str) -> Headers:
    """What lets a page of `origin` read this answer."""
    return [
        (b"access-control-allow-origin", origin.encode()),
        (b"access-control-expose-headers", EXPOSED),
        (b"vary", b"Origin"),
    ]


def preflight(origin: str) -> Headers:
    """What lets a browser go on and ask."""
    return [
        (b"access-control-allow-origin", origin.encode()),
        (b"access-control-allow-methods", METHODS),
        (b"access-control-allow-headers", REQUEST_HEADERS),
        (b"access-control-max-age", b"%d" % MAX_AGE_S),
        (b"vary", b"Origin"),
    ]
