"""What a request prefers of its answer (RFC 7240)."""

from __future__ import annotations


def prefers_async(header: str | None) -> bool:
    """Whether `Prefer` asks for an answer before the work is done: `respond-async` is among it."""
    if header is None:
        return False
    names = (one.partition(";")[0].partition("=")[0] for one in header.split(","))
    return any(name.strip().lower() == "respond-async" for name in names)
