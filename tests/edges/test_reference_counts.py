"""The arbitrages of a real season's closing prices, found from the files and one by one as listed.

The files are read here in a few lines on purpose: what is tested is the rule, not our feed.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from overround.core import line, price
from overround.core.errors import Invalid
from overround.odds import edges
from overround.odds.edges import Arbitrage
from tests.core.reference import DATA

SEASON = DATA / "football-data" / "2122"
LISTED = DATA / "arbitrage-2021-22.csv"

pytestmark = pytest.mark.skipif(
    not (SEASON.is_dir() and LISTED.exists()), reason=f"the sample data is not at {DATA}"
)

# market -> (column of a closing price, what its last letter says)
COLUMNS = {
    "1x2": (re.compile(r"(.+)C([HDA])"), {"H": "home", "D": "draw", "A": "away"}),
    "total": (re.compile(r"(.+)C([<>])2\.5"), {">": "over", "<": "under"}),
    "asian_handicap": (re.compile(r"(.+)CAH([HA])"), {"H": "home", "A": "away"}),
}
NOT_BOOKS = {"Max", "Avg", "BFE"}
THEIR_MARKET = {"1X2": "1x2", "OU2.5": "total", "AH": "asian_handicap"}

Key = tuple[str, str, str, str]


def _columns(header: list[str], market: str) -> list[tuple[str, str, str]]:
    """(column, source, side) of the closing prices.

    A closing column has its opening one beside it: "VCH" is the opening price of a book called VC
    and not the closing price of a book called V, because there is no "VH".
    """
    pattern, sides = COLUMNS[market]
    matches = [(name, found) for name in header if (found := pattern.fullmatch(name))]
    return [
        (name, found[1], sides[found[2]])
        for name, found in matches
        if found[1] not in NOT_BOOKS and found[1] + name[len(found[1]) + 1 :] in header
    ]


def _row_arbitrages(file: Path) -> Iterator[tuple[Key, Arbitrage]]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.DictReader(opened)
        header = list(reader.fieldnames or [])
        columns = {market: _columns(header, market) for market in COLUMNS}
        for row in reader:
            for market, cells in columns.items():
                quotes: dict[str, dict[str, int]] = {}
                for name, source, side in cells:
                    try:
                        price_e4 = price.parse_decimal(row[name])
                    except Invalid:
                        continue
                    quotes.setdefault(source, {})[side] = price_e4
                line_q4 = 10 if market == "total" else None
                if market == "asian_handicap":
                    if not row["AHCh"]:
                        continue
                    line_q4 = line.parse(row["AHCh"])
                found = edges.arbitrage(market, line_q4, quotes)
                if found is not None:
                    yield (row["Div"], row["Date"], row["HomeTeam"], market), found


@pytest.fixture(scope="module")
def found() -> dict[Key, Arbitrage]:
    return dict(pair for file in sorted(SEASON.glob("*.csv")) for pair in _row_arbitrages(file))


def _listed() -> dict[Key, dict[str, str]]:
    with LISTED.open(encoding="utf-8", newline="") as opened:
        return {
            (row["div"], row["date"], row["home"], THEIR_MARKET[row["market"]]): row
            for row in csv.DictReader(opened)
        }


def test_the_season_has_the_listed_arbitrages_and_no_others(found: dict[Key, Arbitrage]) -> None:
    assert found.keys() == _listed().keys()


def test_the_counts_of_the_season(found: dict[Key, Arbitrage]) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for (*_, market), arbitrage in found.items():
        counts[market, "all"] += 1
        counts[market, "clean"] += not arbitrage.suspect
        counts[market, "guaranteed"] += arbitrage.guaranteed > 0
    assert counts == {
        ("1x2", "all"): 961,
        ("1x2", "clean"): 956,
        ("1x2", "guaranteed"): 961,
        ("total", "all"): 32,
        ("total", "clean"): 32,
        ("total", "guaranteed"): 32,
        ("asian_handicap", "all"): 100,
        ("asian_handicap", "clean"): 100,
        # The other 37 stand on whole lines: they only give the stakes back if the line is hit.
        ("asian_handicap", "guaranteed"): 63,
    }


def test_each_has_the_listed_prices_margin_and_flag(found: dict[Key, Arbitrage]) -> None:
    for key, row in _listed().items():
        arbitrage = found[key]
        listed_e4 = [price.parse_decimal(leg.split("@")[1]) for leg in row["legs"].split()]
        assert [leg.price_e4 for leg in arbitrage.legs] == listed_e4, key
        assert abs(100 * arbitrage.naive_margin - Fraction(row["margin_pct"])) <= Fraction(
            "0.0005"
        ), key
        assert ("suspect" if arbitrage.suspect else "clean") == row["flag"], key
