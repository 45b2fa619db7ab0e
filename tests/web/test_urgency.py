"""What each route is worth when the database is short, in the code and in the document."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from overround.web.app import api_routes
from overround.web.urgency import Table

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "outage.md"
TABLE = Table(api_routes())


def test_the_table_names_every_route() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    row = re.compile(r"^\| `([A-Z]+) (/\S*)` \| (\w+) \| (\w+) \|$", re.MULTILINE)
    told = set(row.findall(text))
    known = {
        (method, one.template, str(one.urgency), str(one.purpose))
        for one in TABLE.rows
        for method in one.methods
    }
    missing, gone = sorted(known - told), sorted(told - known)
    lines = [f"| `{method} {path}` | {worth} | {pool} |" for method, path, worth, pool in missing]
    assert not missing, "add to docs/reference/outage.md:\n" + "\n".join(lines)
    assert not gone, f"take from docs/reference/outage.md: {gone}"


@pytest.mark.parametrize(
    ("method", "path", "urgency", "purpose"),
    [
        ("GET", "/", "public", "reads"),
        ("HEAD", "/api/v1/board", "public", "reads"),
        ("GET", "/sports/football", "public", "reads"),
        ("GET", "/api/v1/balance", "read", "reads"),
        ("GET", "/v4/sports", "read", "reads"),
        ("POST", "/api/v1/bets", "critical", "bets"),
        ("POST", "/api/v1/deposits", "critical", "bets"),
        ("POST", "/deposit", "critical", "bets"),
        ("POST", "/api/v1/session", "critical", "reads"),
        ("GET", "/api/v1/office/events", "read", "admin"),
        ("PUT", "/api/v1/office/offer-settings", "critical", "admin"),
        ("GET", "/officers", "critical", "reads"),
        ("DELETE", "/nowhere", "critical", "reads"),
    ],
)
def test_a_write_is_critical_and_money_has_its_own_pool(
    method: str, path: str, urgency: str, purpose: str
) -> None:
    found = TABLE.of(method, path)
    assert (found.urgency, found.purpose) == (urgency, purpose)
