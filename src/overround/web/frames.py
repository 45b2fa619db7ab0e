"""What is written on a stream: server-sent events, and the words a client asks for them with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from overround.core import price
from overround.core.errors import Invalid
from overround.storefront import Shown

EVENTS_MAX: Final = 30
# Thirty events, the three other topics and the commas between them.
TOPICS_LENGTH_MAX: Final = 1_500

# A comment keeps the line open; the event beside it is what a page's script can hear.
HEARTBEAT: Final = b": still here\nevent: beat\ndata: {}\n\n"

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MARK: Final = re.compile(r"([0-9a-f]{8})\.([0-9]{1,18})")

PrivateTopic = Literal["account", "office"]
ByeReason = Literal["restart", "session"]


@dataclass(frozen=True, slots=True)
class Public:
    """The public part of what one stream carries; many streams ask for the same."""

    board: bool
    events: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Topics:
    """What one stream carries."""

    public: Public
    private: frozenset[PrivateTopic]


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a stream stands: the version of a view, and which view that was."""

    epoch: str
    version: int


def topics(text: str) -> Topics:
    """The topics of a query: `board`, `event:<id>`, `account`, `office`, with commas between.

    Raises Invalid `no_topic`, `unknown_topic`, and `too_many_topics` above 30 events.
    """
    if len(text) > TOPICS_LENGTH_MAX:
        raise Invalid(f"a stream follows at most {EVENTS_MAX} events", code="too_many_topics")
    names = set(text.split(",")) - {""}
    if not names:
        raise Invalid("name at least one topic", code="no_topic")
    private: set[PrivateTopic] = set()
    events: set[UUID] = set()
    for name in names - {"board"}:
        kind, colon, key = name.partition(":")
        if name == "account" or name == "office":
            private.add(name)
        elif kind == "event" and colon and _UUID.fullmatch(key):
            events.add(UUID(key))
        else:
            raise Invalid("a topic is board, event:<id>, account or office", code="unknown_topic")
    if len(events) > EVENTS_MAX:
        raise Invalid(f"a stream follows at most {EVENTS_MAX} events", code="too_many_topics")
    return Topics(Public("board" in names, frozenset(events)), frozenset(private))


def mark_of(text: str | None) -> Mark | None:
    """The mark of a `Last-Event-ID`; None for one that we never gave."""
    found = _MARK.fullmatch(text) if text is not None else None
    return Mark(found[1], int(found[2])) if found else None


def rows(shown: Iterable[Shown]) -> str:
    """The selections as the members of a JSON array: id, price, state, changed at in ms."""
    return ",".join(
        f'["{one.selection_id}","{price.to_text(one.price_e4)}","{one.state}",{one.changed_ms}]'
        for one in shown
    )


def offers(name: Literal["offers", "snapshot"], mark: Mark, parts: Iterable[str]) -> bytes:
    """One event of offers; a snapshot is all of the stream's topics."""
    data = ",".join(part for part in parts if part)
    head = f"id: {mark.epoch}.{mark.version}\nevent: {name}\n"
    return f'{head}data: {{"o":[{data}]}}\n\n'.encode()


def hint(topic: PrivateTopic) -> bytes:
    """Something of the topic has changed: look again."""
    return f'event: hint\ndata: {{"topics":["{topic}"]}}\n\n'.encode()


def retry(after_ms: int) -> bytes:
    """How long the client waits before it connects again, whenever the connection ends."""
    return f"retry: {after_ms}\n\n".encode()


def bye(reason: ByeReason, after_ms: int) -> bytes:
    """The last event of a stream: why it ends, and how long to wait before asking again."""
    data = f'{{"reason":"{reason}","retry_ms":{after_ms}}}'
    return f"retry: {after_ms}\nevent: bye\ndata: {data}\n\n".encode()
