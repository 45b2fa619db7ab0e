"""Whether a start moves: whose word about it is believed, and when not even that.

Before the start its own provider's word is enough. From then on people may have seen what happened,
and a match that is ahead again takes bets again: one word does not do that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from overround.odds.feeds import FeedEvent
from overround.odds.matching.kept import Known

# Two providers that mean one new start write it this close to each other.
SAME_START: Final = timedelta(minutes=15)

Verdict = Literal["start_in_the_past", "start_after_it_began"]
Move = tuple[UUID, datetime, str]
# (provider, provider_event_id, the start it names, when it was quoted in play), as far as heard.
Word = tuple[str, str, datetime | None, datetime | None]


@dataclass(slots=True)
class Heard:
    """What is known of an event that has begun: each provider's last word about its start, and
    whether anything shows that it was played."""

    is_played: bool
    starts: dict[str, datetime] = field(default_factory=dict[str, datetime])


def has_begun(ours: Known, at: datetime) -> bool:
    """Whether the event's time has come by `at`; one that is put off by a result waits for its new
    start, which its own provider says."""
    return ours.status != "postponed" and (ours.starts_at <= at or ours.status == "live")


def move_of(
    ours: Known, event: FeedEvent, heard: Heard | None, at: datetime
) -> Move | Verdict | None:
    """Where the event's start goes by this word, or why it stays; None where nothing is asked.

    `heard` is needed of what has begun. That moves when nothing shows that it was played and a
    second provider says the same start, whoever of the two speaks first, and otherwise when a
    `postponed` result is recorded, by a feed or by a person
    (test: what is being played is not put off by one word).
    """
    is_owner = event.provider == ours.owner
    if has_begun(ours, at):
        start = None if heard is None else _agreed(ours.owner, heard, at)
        if start is not None:
            return ours.event_id, start, ours.owner
        is_doubted = is_owner and event.starts_at > max(at, ours.starts_at)
        return "start_after_it_began" if is_doubted else None
    if not is_owner or event.starts_at == ours.starts_at:
        return None
    if event.starts_at > at:
        return ours.event_id, event.starts_at, event.provider
    # Bets were taken since, and a person has to look (test: a start is not moved into the past).
    return "start_in_the_past" if ours.starts_at > at else None


def _agreed(owner: str, heard: Heard, at: datetime) -> datetime | None:
    """The owner's start that another provider says too, both ahead."""
    start = heard.starts.get(owner)
    if heard.is_played or start is None or start <= at:
        return None
    others = (said for name, said in heard.starts.items() if name != owner and said > at)
    return start if any(abs(said - start) <= SAME_START for said in others) else None


def told(ours: Known, event: FeedEvent) -> str:
    """The word that was not believed, for a person to read."""
    return f"{ours.starts_at.isoformat()} -> {event.starts_at.isoformat()}"


def to_ask_about(
    known: Mapping[str, Known], named: Mapping[str, FeedEvent], at: datetime
) -> list[UUID]:
    """The events that have begun and that somebody now says are ahead."""
    return [
        ours.event_id
        for key, ours in known.items()
        if has_begun(ours, at) and named[key].starts_at > max(at, ours.starts_at)
    ]
