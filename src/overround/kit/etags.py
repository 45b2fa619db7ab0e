"""Entity tags: whether a client has the answer already (RFC 9110, 13.1.2)."""

from __future__ import annotations


def matches(etag: str, if_none_match: str) -> bool:
    """Whether If-None-Match names `etag`: any of a list, a weakened one too."""
    named = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return "*" in named or etag in named
