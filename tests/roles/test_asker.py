"""How long an answer counts: from the moment of the question, as its page was read after that."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from overround.core.clock import SetClock
from overround.db import worker_keys
from overround.odds import edges
from overround.odds.edges import StoredEdge
from overround.odds.feeds import worker as protocol
from overround.odds.matching import Resolved
from overround.roles.hub.asker import ANSWER_S, Asker
from overround.roles.hub.workers import Connection, Desk
from overround.roles.hub.writer import Hub
from tests.edges.board_of import AT, EVENT, Table

STARTS = AT + timedelta(hours=2)


def edge_of(site: str) -> StoredEdge:
    """An arbitrage whose second leg is a worker's."""
    board = Table(starts_at=STARTS)
    board.say("one", "total 2.5", "2.00", "1.85")
    board.say(site, "total 2.5", "1.70", "2.20", provider=protocol.provider_of(site))
    (edge,) = board.step(AT).added
    return edge


def desk_of(site: str) -> tuple[Desk, Connection]:
    """A desk with one worker that answers, and the match that it has said."""
    hub = Hub.empty()
    desk = Desk(SetClock(AT), lambda: hub)
    desk.use_keys({worker_keys.hashed("token"): (UUID(int=1), "key", site)})
    connection = desk.opened("127.0.0.1")
    said = {"type": "worker:register", "worker_id": "w", "site": site, "seq": 0, "confirms": True}
    message = protocol.message(json.dumps(said | {"token": "token"}), AT)
    assert isinstance(message, protocol.Register)
    desk.register(connection, message, "token")
    match = {
        "home_team": "Ann", "away_team": "Bob", "league": "L", "starts_at": STARTS.isoformat(),
        "event_id": "m1", "odds": {"ft_ou": {"over": "1.70", "under": "2.20", "line": "2.5"}},
    }  # fmt: skip
    for seq, kind, more in (
        (1, "snapshot:begin", {}),
        (2, "odds:update", {"data": {"matches": [match]}}),
        (3, "snapshot:commit", {"count": 1}),
    ):
        tell(desk, connection, {"type": kind, "seq": seq, "site": site, **more})
    hub.events[protocol.provider_of(site), "m1"] = Resolved(EVENT, False, STARTS)
    return desk, connection


def tell(desk: Desk, connection: Connection, said: dict[str, Any]) -> None:
    desk.heard(connection, protocol.message(json.dumps({"worker_id": "w"} | said), AT))


def question(connection: Connection) -> dict[str, Any]:
    """The last that the worker was told."""
    told: dict[str, Any] = {}
    while not connection.outbox.empty():
        told = json.loads(str(connection.outbox.get_nowait()))
    assert told["type"] == "confirm:request"
    return told


def test_an_answer_that_took_long_counts_for_less() -> None:
    async def story() -> None:
        desk, connection = desk_of("sbo")
        edge, now_s, woken = edge_of("sbo"), 100.0, asyncio.Event()
        asker = Asker(desk, woken.set, lambda: now_s)
        asker.ask([edge])
        await asyncio.sleep(0)
        asked = question(connection)
        now_s += 1.0
        tell(desk, connection, {"type": "confirm:response", "id": asked["id"], "odds": "2.20"})
        await asyncio.wait_for(woken.wait(), 30)
        place = edges.place_of(edges.leg_of(edge.legs[1]))
        assert asker.second().answers == {place: 22_000}
        # It came half a second ago, and what it says may be older than what counts.
        now_s = 100.0 + ANSWER_S + 0.01
        assert asker.second().answers == {}
        await asker.close()

    asyncio.run(story())
