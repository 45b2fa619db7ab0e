"""What `overround edges` prints, and what it refuses before it asks anybody."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest

from overround.cli import edges_found
from overround.core import ids
from overround.core.errors import Invalid
from overround.odds import edges
from overround.odds.catalogue import Event
from overround.odds.edges import StoredEdge
from tests.edges.board_of import AT, EVENT, Table


def arbitrage() -> StoredEdge:
    board = Table()
    board.say("one", "total 2.5", "2.00", "1.85")
    board.say("two", "total 2.5", "1.70", "2.20")
    (edge,) = board.step(AT).added
    return edge


def test_an_edge_is_told_with_its_event_and_a_line_a_leg() -> None:
    event = Event(
        EVENT, "football", ids.derived(AT, "league"), "League", "Austria", "Foxes", "Hounds",
        AT + timedelta(hours=2), "scheduled", None,
    )  # fmt: skip
    row = edges_found._row(arbitrage(), event, AT)
    assert edges_found._listed([row]).splitlines() == [
        f"   4.76 %  arbitrage detected Foxes - Hounds, 2026-03-01T14:00Z  {row['id']}",
        "          52.38 %  total ft 2.5 over 2.00  one",
        "          47.61 %  total ft 2.5 under 2.20  two",
    ]
    assert edges_found._listed([]) == "no edges"
    # Nobody was there to say so: it is stale all the same.
    assert edges_found._row(arbitrage(), event, AT + timedelta(minutes=5))["status"] == "stale"


def test_stakes_are_told_in_the_houses_currencies() -> None:
    edge = arbitrage()
    told = edges_found._placed(edges_found._staked(edge, edges.placeable(edge, Fraction(100)), AT))
    assert told.splitlines()[-1] == "total 100, net 4.76 to 4.764"
    nothing = edges_found._staked(edge, edges.placeable(edge, Fraction("0.01")), AT)
    assert edges_found._placed(nothing).startswith("nothing")


@pytest.mark.parametrize("percent", ["", "nan", "1e3", "101", "-100.1"])
def test_a_share_out_of_bounds_is_refused(percent: str) -> None:
    with pytest.raises(Invalid):
        edges_found._least(percent)


def test_an_unknown_kind_is_refused_by_name() -> None:
    with pytest.raises(Invalid, match="low_hold") as refused:
        edges_found._kind("sure")
    assert refused.value.code == "unknown_kind"
