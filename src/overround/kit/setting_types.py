"""What a setting may hold, where a type of Python's says too little."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field


def _no_bool(given: object) -> object:
    """`true` is an int to Python, and no interval to people: words that are no number are refused
    by the rule that follows."""
    return str(given).lower() if isinstance(given, bool) else given


def _with_host(given: str) -> str:
    """What only looks like an address fails here, and not when it is asked first."""
    try:
        parts = urlsplit(given)
        is_address = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ValueError(f"not an address: {error}") from None
    if not is_address:
        raise ValueError("not an address: no host or port")
    return given


# An interval in seconds.
PollSeconds = Annotated[int, BeforeValidator(_no_bool), Field(ge=1, le=604_800)]
# An address without a password in it.
BaseUrl = Annotated[str, Field(pattern=r"^https?://[^\s@]{1,300}$"), AfterValidator(_with_host)]
