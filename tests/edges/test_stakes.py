"""What to put where: whole steps, limits, currencies, and a price of value by itself."""

from __future__ import annotations

from fractions import Fraction

import pytest

from overround.core.errors import Invalid
from overround.odds import edges
from overround.odds.edges import Policy, StoredEdge, Terms
from overround.odds.edges.stakes import room
from tests.edges.board_of import AT, Table

THOUSAND = Fraction(1_000)


def found(kind: str = "arbitrage", **terms: Terms) -> StoredEdge:
    """An arbitrage of 2.00 and 2.20, or a price of value, at houses with these terms."""
    board = Table(Policy(terms=terms))
    board.say("one", "total 2.5", "2.00", "1.85")
    board.say("two", "total 2.5", "1.70", "2.20")
    for source in ("three", "four"):
        board.say(source, "total 2.5", "1.90", "1.95")
    return next(
        edge
        for edge in board.step(AT).added
        if edge.kind == kind and edge.legs[-1]["source"] == "two"
    )


def test_a_total_is_divided_in_whole_steps_together() -> None:
    ten = Terms(step=Fraction(10))
    found_stakes = edges.placeable(found(one=ten, two=ten), THOUSAND)
    over, under = found_stakes.stakes
    assert (over, under) == (520, 470)
    assert found_stakes.guaranteed == min(over * 2, under * Fraction("2.2")) - 990


def test_limits_and_currencies_of_the_houses_hold() -> None:
    edge = found(
        one=Terms(stake_max=Fraction(50), currency="GBP", currency_rate=Fraction("1.2")),
        two=Terms(stake_min=Fraction(5)),
    )
    placed = edges.placeable(edge, THOUSAND)
    over, under = placed.stakes
    assert over <= 50
    assert placed.total == over * Fraction("1.2") + under
    assert placed.guaranteed > 0
    legs = [edges.leg_of(leg) for leg in edge.legs]
    # Sixty of the trader's own are 52.381 % of the total.
    assert int(room(legs).most or 0) == 114
    assert legs[0].currency == "GBP"


def test_what_coarse_steps_eat_up_is_not_placed() -> None:
    coarse = Terms(step=Fraction(100))
    nothing = edges.placeable(found(one=coarse, two=coarse), Fraction(150))
    assert (nothing.stakes, nothing.total, nothing.guaranteed) == ((0, 0), 0, 0)


def test_limits_that_no_total_fits_are_a_reason() -> None:
    apart = found(one=Terms(stake_max=Fraction(10)), two=Terms(stake_min=Fraction(100)))
    assert apart.reasons == ["limits_apart"]
    assert (
        found(one=Terms(stake_max=Fraction(100)), two=Terms(stake_min=Fraction(10))).reasons == []
    )


def test_a_price_of_value_takes_a_part_of_its_kelly_share() -> None:
    edge = found("value", two=Terms(stake_max=Fraction(30), step=Fraction(5)))
    assert edge.kelly_ppm is not None
    wanted = THOUSAND * edge.kelly_ppm / 1_000_000 / 4
    (stake,) = edges.placeable(edge, THOUSAND).stakes
    assert 0 < stake <= min(wanted, 30)
    assert stake % 5 == 0
    assert wanted - stake < 5 or stake == 30
    richer = edges.placeable(edge, THOUSAND * 1_000)
    assert (richer.stakes, richer.guaranteed, richer.best) == ((30,), -30, 36)
    assert edges.placeable(edge, Fraction(1)).total == 0


@pytest.mark.parametrize(
    ("total", "part"), [("0", "1"), ("1000000001", "1"), ("1", "0"), ("1", "2")]
)
def test_amounts_out_of_bounds_are_refused(total: str, part: str) -> None:
    with pytest.raises(Invalid):
        edges.placeable(found(), Fraction(total), Fraction(part))
