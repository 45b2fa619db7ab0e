"""What the report of a demonstration proves, and what it would not let pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from overround.ops import FoundEdge
from overround.people.tenants import Tenant
from overround.roles.demo.report import Figures, proof
from overround.roles.takings import Takings


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


@pytest.mark.parametrize(
    ("accepted", "settled", "said"),
    [(0, 0, "no bet was placed"), (3, 0, "nothing was settled"), (3, 1, None)],
)
def test_noughts_are_told_plainly_and_every_refusal_has_a_name(
    accepted: int, settled: int, said: str | None
) -> None:
    tenant = Tenant(
        UUID(int=1), "acme", "Acme", "ops@acme.example", "EUR", "UTC", "active", "down", 10, 10**9,
        0, 0, UUID(int=2), {}, datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    refused = {"price_changed": 2}
    one = Takings(tenant, accepted, refused, 4, settled, 0, 0, 0, 0)
    report = Figures(1, 1, [], [one]).as_dict()
    assert report.get("note", "").startswith(said or "")
    assert ("note" in report) is (said is not None)
    assert (report["refused"], report["waiting"]) == (refused, 4)
