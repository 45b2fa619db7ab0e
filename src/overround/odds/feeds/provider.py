"""What a provider folder offers to the rest of the house: one `Provider`, named `PROVIDER`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from overround.odds.feeds.model import FeedBatch, FeedEvent, FeedResult, Rejected

SourceKind = Literal["bookmaker", "exchange"]


@dataclass(frozen=True, slots=True)
class Payload:
    """Bytes as the provider delivered them; `name` says where refusals in them stand."""

    name: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Parsed:
    """Everything one payload says, in the order it says it.

    `events` holds every event named, with prices or without; `rows` counts the records that were
    read, the refused ones included.
    """

    events: list[FeedEvent]
    batches: list[FeedBatch]
    results: list[FeedResult]
    rejected: list[Rejected]
    rows: int


@dataclass(frozen=True, slots=True)
class Provider:
    """One feed: how its bytes are found, known again and read.

    `recognises` looks at the first bytes of a file only. `parse(name, body)` raises
    ProviderDataError for a body that is not this provider's, and nothing else whatever the bytes.
    """

    key: str
    recognises: Callable[[bytes], bool]
    read: Callable[[Path], Iterator[Payload | Rejected]]
    parse: Callable[[str, bytes], Parsed]
    source_kind: Callable[[str], SourceKind]
