"""What the hub remembers of the edges that it has written."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from overround.odds.edges import StoredEdge
from overround.odds.edges.lifecycle import Step, key_of
from overround.odds.edges.standing import Standing
from tests.edges.board_of import AT, SECOND, Table

MINUTE = timedelta(minutes=1)


def edge_of_two() -> StoredEdge:
    board = Table()
    board.say("one", "total 2.5", "2.00", "1.85")
    board.say("two", "total 2.5", "1.70", "2.20")
    (edge,) = board.step(AT).added
    return edge


def test_what_another_hand_has_ended_is_read_anew() -> None:
    edge, standing = edge_of_two(), Standing()
    assert standing.unknown([edge.event_id]) == [edge.event_id]
    standing.know([edge.event_id], [edge])
    assert standing.unknown([edge.event_id]) == []
    assert standing.of([edge.event_id]) == {key_of(edge): edge}
    standing.forget([edge.event_id])
    assert standing.unknown([edge.event_id]) == [edge.event_id]
    assert standing.of([edge.event_id]) == {}


def test_what_is_written_is_remembered() -> None:
    edge, standing = edge_of_two(), Standing()
    standing.know([edge.event_id], [])
    standing.step(Step(added=(edge,), changed=(), seen=(), gone=()))
    higher = replace(edge, edge_ppm=edge.edge_ppm + 1)
    standing.step(Step(added=(), changed=(higher,), seen=(), gone=()))
    assert list(standing.of([edge.event_id]).values()) == [higher]
    gone = replace(higher, status="expired", expired_at=AT)
    standing.step(Step(added=(), changed=(), seen=(), gone=(gone,)))
    assert standing.of([edge.event_id]) == {}


def test_what_is_remembered_grows_stale() -> None:
    edge, standing = edge_of_two(), Standing()
    standing.know([edge.event_id], [edge])
    assert edge.expires_at == AT + 5 * MINUTE
    assert not standing.grows_stale(AT + 5 * MINUTE - SECOND)
    assert standing.grows_stale(AT + 5 * MINUTE)
    standing.aged(AT + 5 * MINUTE)
    (stale,) = standing.of([edge.event_id]).values()
    assert stale.status == "stale"
    assert not standing.grows_stale(AT + 10 * MINUTE)
