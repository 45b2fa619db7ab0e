"""What the report of a demonstration proves, and what it would not let pass."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from overround.ops import FoundEdge
from overround.roles.demo.report import proof


def edge(market_type: str, line_q4: int | None, guaranteed_ppm: int, *legs: str) -> FoundEdge:
    """An edge with legs written `stake_ppm@price_e4`."""
    found: list[dict[str, Any]] = []
    for place, leg in enumerate(legs):
        stake_ppm, _, price_e4 = leg.partition("@")
        found.append(
            {
                "side": str(place),
                "source": str(place),
                "price_e4": int(price_e4),
                "stake_ppm": int(stake_ppm),
            }
        )
    sport, period = ("tennis", "final") if market_type == "moneyline" else ("football", "ft")
    one = UUID(int=1)
    return FoundEdge(one, "sure", sport, market_type, period, line_q4, guaranteed_ppm, found)


# 2.10 on both sides of a half line: 1.05 of the stake comes back whatever happens.
SURE = edge("total", 10, 50_000, "500000@21000", "500000@21000")


def test_an_edge_that_pays_in_every_state_gains() -> None:
    assert proof(SURE) == "gains"
    three_ways = edge("1x2", None, 28_571, "342857@30000", "342857@30000", "314285@33000")
    assert proof(three_ways) == "gains"


def test_stakes_that_were_rounded_down_are_forgiven_a_millionth_each() -> None:
    assert proof(edge("1x2", None, 0, "333333@30000", "333333@30000", "333333@30000")) == "even"


def test_a_whole_line_that_only_pushes_is_even() -> None:
    assert proof(edge("total", 8, 0, "500000@21000", "500000@21000")) == "even"


@pytest.mark.parametrize(
    "wrong",
    [
        replace(SURE, guaranteed_ppm=60_000),
        edge("total", 8, 50_000, "500000@21000", "500000@21000"),
        edge("total", 10, 50_000, "700000@21000", "300000@21000"),
        edge("total", 10, 0, "600000@25000", "600000@25000"),
        edge("total", 10, 0, "400000@25000", "400000@25000"),
    ],
    ids=["says more", "pushes", "badly divided", "more than all", "less than all"],
)
def test_an_edge_that_does_not_keep_what_it_says_is_false(wrong: FoundEdge) -> None:
    assert proof(wrong) == "false"
