"""Matching's use case: feed events in, our events out; inside the caller's transaction.

A decision is made once per feed event and kept. What cannot be decided raises nothing: it waits in
the queue, and its prices stay off the board until a person has looked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from overround.core import ids
from overround.db import Connection
from overround.odds import catalogue
from overround.odds.catalogue import NewEvent, Participant
from overround.odds.feeds import FeedEvent
from overround.odds.matching import rules, store
from overround.odds.matching.model import Aliases, Candidate, Decision, Resolved
from overround.odds.matching.store import Remembered

# Whose events and teams enter the catalogue by themselves. Everybody else's must match one that is
# there or wait for a person: a team is never made from an unknown spelling silently.
AUTHORITIES = frozenset({"football_data", "goalserve", "simulator"})

_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


async def resolve(
    conn: Connection, events: Sequence[FeedEvent], at: datetime
) -> dict[tuple[str, str], Resolved]:
    """(provider, provider_event_id) -> our event, for every feed event that is decided."""
    resolved: dict[tuple[str, str], Resolved] = {}
    by_scope: defaultdict[tuple[str, str, str], list[FeedEvent]] = defaultdict(list)
    by_provider: defaultdict[str, dict[str, FeedEvent]] = defaultdict(dict)
    for event in events:
        by_provider[event.provider][event.provider_event_id] = event
    for provider, named in by_provider.items():
        known = await store.known(conn, provider, list(named))
        resolved |= {(provider, key): found for key, found in known.items()}
        for key, event in named.items():
            if key not in known:
                by_scope[provider, event.sport, event.country].append(event)
    for (provider, sport, country), unknown in by_scope.items():
        resolved |= await _decide_all(conn, provider, sport, country, unknown, at)
    return resolved


async def recall(
    conn: Connection, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Resolved]:
    """What was decided before about feed events that are named by their keys alone."""
    by_provider: defaultdict[str, list[str]] = defaultdict(list)
    for provider, provider_event_id in keys:
        by_provider[provider].append(provider_event_id)
    found: dict[tuple[str, str], Resolved] = {}
    for provider, named in by_provider.items():
        known = await store.known(conn, provider, named)
        found |= {(provider, key): ours for key, ours in known.items()}
    return found


async def _decide_all(
    conn: Connection,
    provider: str,
    sport: str,
    country: str,
    events: Sequence[FeedEvent],
    at: datetime,
) -> dict[tuple[str, str], Resolved]:
    starts = [event.starts_at for event in events]
    window = rules.window(sport)
    candidates = await store.candidates(
        conn, provider, sport, min(starts) - window, max(starts) + window
    )
    aliases = await _aliases(conn, sport, country)
    found: dict[tuple[str, str], Resolved] = {}
    decided: list[Remembered] = []
    fresh: list[tuple[FeedEvent, Decision]] = []
    for event in events:
        decision = rules.decide(event, _near(event, candidates), aliases)
        if decision.kind == "matched" and decision.event_id is not None:
            ours = next(c for c in candidates if c.event_id == decision.event_id)
            # One provider does not name one match twice: a second game of the day is another one.
            candidates.remove(ours)
            found[event.key] = Resolved(ours.event_id, decision.swapped, ours.starts_at)
            decided.append(_remembered(event, ours.event_id, decision))
        elif decision.kind == "new" and provider in AUTHORITIES:
            fresh.append((event, decision))
        else:
            await _queue(conn, event, decision, at)
    for event, decision, event_id in await _create(conn, fresh, aliases, at):
        found[event.key] = Resolved(event_id, False, event.starts_at)
        decided.append(_remembered(event, event_id, decision))
    if decided:
        await store.remember(conn, decided, at)
    return found


def _near(event: FeedEvent, candidates: Sequence[Candidate]) -> list[Candidate]:
    return [
        c for c in candidates if abs(c.starts_at - event.starts_at) <= rules.window(event.sport)
    ]


async def _aliases(conn: Connection, sport: str, country: str) -> dict[str, UUID]:
    known = await catalogue.aliases(conn, sport, country)
    return {
        f"{spelling}#{category}" if category else spelling: participant
        for (category, spelling), participant in known.items()
    }


async def _create(
    conn: Connection,
    fresh: Sequence[tuple[FeedEvent, Decision]],
    aliases: Aliases,
    at: datetime,
) -> list[tuple[FeedEvent, Decision, UUID]]:
    competitions = await _competitions(conn, [event for event, _ in fresh])
    participants: dict[UUID, tuple[Participant, str]] = {}
    new_events: list[NewEvent] = []
    created: list[tuple[FeedEvent, Decision, UUID]] = []
    for event, decision in fresh:
        home, away = (
            _participant(event, name, aliases, participants) for name in (event.home, event.away)
        )
        if home == away:
            await _queue(conn, event, decision, at, reason="same_participant")
            continue
        event_id = ids.derived(event.starts_at, "event", *event.key)
        competition = competitions[event.provider, event.competition_key]
        new_events.append(
            NewEvent(
                event_id,
                event.sport,
                competition,
                home,
                away,
                event.home,
                event.away,
                event.starts_at,
            )
        )
        created.append((event, decision, event_id))
    if participants:
        made = list(participants.values())
        await catalogue.add_participants(conn, [p for p, _ in made], [s for _, s in made], "name")
    if new_events:
        await catalogue.add_events(conn, new_events)
    return created


def _participant(
    event: FeedEvent,
    name: str,
    aliases: Aliases,
    made: dict[UUID, tuple[Participant, str]],
) -> UUID:
    spelt = catalogue.team(name, event.competition_name)
    known = aliases.get(spelt.identity)
    if known is not None:
        return known
    category = spelt.category.key
    participant_id = ids.derived(
        _NO_TIME, "participant", event.sport, event.country, category, spelt.text
    )
    if participant_id not in made:
        participant = Participant(participant_id, event.sport, event.country, category, name)
        made[participant_id] = (participant, spelt.text)
    return participant_id


async def _competitions(
    conn: Connection, events: Sequence[FeedEvent]
) -> dict[tuple[str, str], UUID]:
    found: dict[tuple[str, str], UUID] = {}
    for provider in {event.provider for event in events}:
        for key, competition_id in (await catalogue.competition_aliases(conn, provider)).items():
            found[provider, key] = competition_id
    for event in events:
        key = (event.provider, event.competition_key)
        if key in found:
            continue
        words = (event.sport, event.country, event.competition_name)
        found[key] = await catalogue.add_competition(
            conn, ids.derived(_NO_TIME, "competition", *words), *words
        )
        await catalogue.add_competition_alias(conn, *key, found[key])
    return found


def _remembered(event: FeedEvent, event_id: UUID, decision: Decision) -> Remembered:
    return Remembered(
        event.provider,
        event.provider_event_id,
        event_id,
        decision.swapped,
        max(0, min(10_000, int(decision.confidence * 10_000))),
        decision.reason,
    )


async def _queue(
    conn: Connection,
    event: FeedEvent,
    decision: Decision,
    at: datetime,
    *,
    reason: str | None = None,
) -> None:
    described = {
        "sport": event.sport,
        "competition": event.competition_name,
        "country": event.country,
        "home": event.home,
        "away": event.away,
        "starts_at": event.starts_at.isoformat(),
    }
    await store.queue(
        conn,
        event.provider,
        event.provider_event_id,
        reason or decision.reason,
        described,
        decision.event_id,
        at,
    )
