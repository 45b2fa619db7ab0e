"""What a tenant shows without a database, on the raw front: looks, board, fixtures, lobby."""

from __future__ import annotations

from functools import partial
from typing import Final

from overround import storefront
from overround.core.clock import Clock
from overround.storefront import Shelf, ShownName
from overround.web.answers import Answer, Asked
from overround.web.front import Reading

_PATHS: Final[tuple[tuple[str, ShownName], ...]] = (
    ("/api/public/load-theme", "theme"),
    ("/api/public/board", "board"),
    ("/api/public/fixtures", "fixtures"),
    ("/api/public/lobby", "lobby"),
)


def readings(shelf: Shelf, clock: Clock) -> list[Reading]:
    """The routes, on the tenant's host and below its name there."""
    return [
        Reading(
            path,
            partial(_now, shelf, clock, name),
            partial(_then, shelf, clock, name),
            needs="label",
            below_tenant=True,
        )
        for path, name in _PATHS
    ]


def _now(shelf: Shelf, clock: Clock, name: ShownName, asked: Asked) -> Answer | None:
    assert asked.label is not None
    known = asked.text(b"if-none-match")
    found = storefront.at_hand(shelf, name, asked.label, clock.now(), known)
    return None if found is None else Answer(found.status, found.headers, found.body)


async def _then(shelf: Shelf, clock: Clock, name: ShownName, asked: Asked) -> Answer | None:
    assert asked.label is not None
    known = asked.text(b"if-none-match")
    found = await storefront.load(shelf, name, asked.label, clock.now(), known)
    return Answer(found.status, found.headers, found.body)
