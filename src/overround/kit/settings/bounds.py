"""What a setting may hold: a section that knows its keys, and bounds with names."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


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


def _network(given: str) -> str:
    """An address stands for itself alone; host bits that are set are a misunderstanding."""
    try:
        return str(ip_network(given))
    except ValueError as error:
        raise ValueError(f"not a network: {error}") from None


# An interval in seconds.
PollSeconds = Annotated[int, BeforeValidator(_no_bool), Field(ge=1, le=604_800)]
# An address without a password in it.
BaseUrl = Annotated[str, Field(pattern=r"^https?://[^\s@]{1,300}$"), AfterValidator(_with_host)]
# An address, or a network like 10.0.0.0/8.
Network = Annotated[str, Field(max_length=60), AfterValidator(_network)]
Port = Annotated[int, Field(ge=1, le=65_535)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
PoolSize = Annotated[int, Field(ge=1, le=500)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,60}$")]


class Section(BaseModel):
    """A section of the settings: nothing unknown in it, nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
