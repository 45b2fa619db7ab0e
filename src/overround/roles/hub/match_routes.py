"""The match queue over HTTP, for the platform's people: on the hub's port, by a key of theirs.

Every decision goes the way of `overround match` and is kept under the name of the key. What is said
twice is said once: `confirm`, and `reject` of an event, answer a second time as the first; what
`new` and `unmatch` have done is not there to be done again (`not_found`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from overround.core.clock import Clock
from overround.core.errors import Forbidden, Invalid, Unauthenticated
from overround.db import Database, worker_keys
from overround.odds.catalogue import Event
from overround.odds.matching import Waiting
from overround.roles.hub import matches, worker_socket

PAGE_MOST: Final = 200

router = APIRouter(prefix="/matches", tags=["matches"])


async def _person(request: Request) -> str:
    """Who asks, by the name of the key; on loopback too, for it is kept with what is decided."""
    token = worker_socket.bearer(request.headers)
    if not token:
        raise Unauthenticated("send a key of the platform as a bearer token")
    async with _database(request).reading(None) as conn:
        name = await worker_keys.person(conn, token)
    if name is None:
        if worker_keys.hashed(token) in request.app.state.desk.keys:
            raise Forbidden("a worker's key decides nothing about matches")
        raise Unauthenticated("no valid key of the platform")
    return name


Person = Annotated[str, Depends(_person)]


class KeyIn(BaseModel):
    """The feed's event that is spoken of, as its provider names it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    provider: Annotated[str, Field(min_length=1, max_length=60)]
    provider_event_id: Annotated[str, Field(min_length=1, max_length=600)]

    @property
    def key(self) -> tuple[str, str]:
        return self.provider, self.provider_event_id


class ConfirmIn(KeyIn):
    """It is this event; `swapped` None takes the sides as the names say."""

    event: Annotated[UUID, Field(strict=False)]
    swapped: bool | None = None


class RejectIn(KeyIn):
    """It is not this event, or none of those that it may be."""

    event: Annotated[UUID | None, Field(strict=False)] = None


class NewIn(KeyIn):
    """It is nowhere yet; with `same_teams` a team that looks like one of ours is that one."""

    same_teams: bool = False


@router.get("/waiting")
async def waiting(
    request: Request,
    person: Person,
    provider: Annotated[str | None, Query(min_length=1, max_length=60)] = None,
    cursor: Annotated[str | None, Query(max_length=800)] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MOST)] = 50,
) -> dict[str, Any]:
    """What waits for a person, oldest first, with why and with what it may be."""
    del person
    page = await matches.waiting(_database(request), provider, limit + 1, _after(cursor))
    shown = page[:limit]
    return {
        "items": [_row(one, events) for one, events in shown],
        "next_cursor": _cursor(shown[-1][0]) if len(page) > limit else None,
    }


@router.post("/confirm")
async def confirm(request: Request, person: Person, said: ConfirmIn) -> dict[str, Any]:
    """It is this event of ours, whether it waits or was matched with another."""
    placed = await matches.confirm(
        _database(request), said.key, said.event, person, _now(request), swapped=said.swapped
    )
    return placed.as_dict()


@router.post("/reject")
async def reject(request: Request, person: Person, said: RejectIn) -> dict[str, Any]:
    """It is not that event; they are never proposed to each other again."""
    gone = await matches.reject(_database(request), said.key, said.event, person, _now(request))
    return {"key": ":".join(said.key), "rejected": [str(event_id) for event_id in gone]}


@router.post("/new")
async def new(request: Request, person: Person, said: NewIn) -> dict[str, Any]:
    """It is an event of its own that is nowhere yet."""
    placed = await matches.new(
        _database(request), said.key, person, _now(request), as_they_look=said.same_teams
    )
    return placed.as_dict()


@router.post("/unmatch")
async def unmatch(request: Request, person: Person, said: KeyIn) -> dict[str, Any]:
    """It is not the event that it was matched with; it waits, its prices beside the board."""
    placed = await matches.unmatch(_database(request), said.key, person, _now(request))
    return placed.as_dict()


def _row(one: Waiting, events: list[Event]) -> dict[str, Any]:
    return {
        "provider": one.provider,
        "provider_event_id": one.provider_event_id,
        "kind": one.kind,
        "reason": one.reason,
        "described": one.described,
        "queued_at": one.queued_at.isoformat(),
        "candidates": [
            {
                "event": str(event.id),
                "home": event.home,
                "away": event.away,
                "competition": event.competition,
                "starts_at": event.starts_at.isoformat(),
            }
            for event in events
        ],
    }


def _cursor(last: Waiting) -> str:
    # With Z, for a plus sign in a query is a space.
    queued_at = last.queued_at.astimezone(UTC).isoformat().removesuffix("+00:00")
    return f"{queued_at}Z|{last.provider}|{last.provider_event_id}"


def _after(cursor: str | None) -> tuple[datetime, str, str]:
    if cursor is None:
        return matches.BEFORE_ALL
    moment, _, rest = cursor.partition("|")
    provider, _, provider_event_id = rest.partition("|")
    try:
        queued_at = datetime.fromisoformat(moment)
    except ValueError:
        queued_at = None
    if queued_at is None or queued_at.tzinfo is None:
        raise Invalid("a cursor is what the page before gave", code="cursor_invalid")
    return queued_at, provider, provider_event_id


def _database(request: Request) -> Database:
    return request.app.state.database


def _now(request: Request) -> datetime:
    clock: Clock = request.app.state.desk.clock
    return clock.now()
