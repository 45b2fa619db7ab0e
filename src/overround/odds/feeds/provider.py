"""What a provider folder offers to the rest of the house: one `Provider`, named `PROVIDER`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from overround.odds.feeds.coverage import Coverage
from overround.odds.feeds.model import (
    FeedBatch,
    FeedEvent,
    FeedQuotes,
    FeedResult,
    FeedScore,
    Rejected,
)
from overround.odds.feeds.request import Asks

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
    read, the refused ones included. `coverage` counts by sport, where a provider quotes more than
    has a place with us. `quotes` are prices of events that the provider names in another payload;
    `scores` are those of events that are on.
    """

    events: list[FeedEvent]
    batches: list[FeedBatch]
    results: list[FeedResult]
    rejected: list[Rejected]
    rows: int
    coverage: list[Coverage] = field(default_factory=list[Coverage])
    quotes: list[FeedQuotes] = field(default_factory=list[FeedQuotes])
    scores: list[FeedScore] = field(default_factory=list[FeedScore])


@dataclass(frozen=True, slots=True)
class Provider:
    """One feed: how its bytes are found, known again and read.

    `recognises` looks at the first bytes of a file only. `parse(name, body)` raises
    ProviderDataError for a body that is not this provider's, and nothing else whatever the bytes.
    With `repeats` a later file may say more of an event; without, it is there twice by mistake.
    `asks` is how it is asked over HTTP, for those that can be.
    """

    key: str
    recognises: Callable[[bytes], bool]
    read: Callable[[Path], Iterator[Payload | Rejected]]
    parse: Callable[[str, bytes], Parsed]
    source_kind: Callable[[str], SourceKind]
    repeats: bool = False
    asks: Asks | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a live feed said since it was last asked.

    At most one batch and one score an event: the newest; a batch of some books alone is no
    snapshot. `events` are those named for the first time.
    """

    events: tuple[FeedEvent, ...] = ()
    batches: tuple[FeedBatch, ...] = ()
    scores: tuple[FeedScore, ...] = ()
    results: tuple[FeedResult, ...] = ()


class LiveFeed(Protocol):
    """A feed that goes on: the hub asks it again and again."""

    @property
    def key(self) -> str:
        """The provider's key, as in its events."""
        ...

    def source_kind(self, source: str) -> SourceKind:
        """Whether a source is a bookmaker or an exchange."""
        ...

    def until(self, at: datetime) -> Said:
        """Everything that was said after the last call and by `at`.

        The first call of a new process says the present state as a whole: every event that is
        ahead or in play, with all its prices as a snapshot.
        """
        ...

    def next_at(self) -> datetime | None:
        """When there will be something new; None when the feed has ended."""
        ...
