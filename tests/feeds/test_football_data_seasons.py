"""Every real season file: what is read equals what a spreadsheet would count."""

from __future__ import annotations

import csv
import io
import os
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest

from overround.odds.feeds import FeedBatch, Rejected, football_data
from overround.odds.feeds.provider import Parsed, Payload

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("OVERROUND_DATA", ROOT.parent / "shared" / "data"))
FOLDER = DATA / "football-data"
needs_data = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the sample data is not there ({FOLDER}); set OVERROUND_DATA"
)
SEASONS = ("1819", "1920", "2021", "2122", "2223", "2324", "extra")
MATCHES = {"1819": 1826, "1920": 1725, "2021": 1826, "2122": 7822, "2223": 7830, "2324": 7799}

# The named books of these seasons, written out: the parser has no such list, so the two can differ.
BOOKS = ["B365", "BW", "IW", "PS", "P", "WH", "VC", "BV", "BFD", "BMGM", "CL", "LB", "BFE"]


@pytest.fixture(scope="module", autouse=True)
def forgotten() -> Iterator[None]:
    """The seasons are half a gigabyte, which the other files need not carry along."""
    yield
    season.cache_clear()


@cache
def season(name: str) -> list[tuple[Payload, Parsed]]:
    payloads = [x for x in football_data.read(FOLDER / name) if isinstance(x, Payload)]
    return [(x, football_data.parse(x.name, x.body)) for x in payloads]


def groups_of(book: str) -> Iterator[tuple[str, ...]]:
    for closing in ("", "C"):
        yield tuple(f"{book}{closing}{side}" for side in "HDA")
        yield tuple(f"{book}{closing}{side}2.5" for side in "<>")
        yield tuple(f"{book}{closing}AH{side}" for side in "HA")


def count_prices(body: bytes) -> int:
    """Cells above 1, in complete groups, of the written-out books; handicaps need their line."""
    total = 0
    text = body.decode("utf-8-sig").replace("B36CA", "B365CA")
    rows = csv.DictReader(io.StringIO(text))
    columns = set(rows.fieldnames or ())
    groups = [group for book in BOOKS for group in groups_of(book) if columns.issuperset(group)]
    for row in rows:
        for group in groups:
            cells = [row.get(column) or "" for column in group]
            whole = all(re.fullmatch(r"\d+(\.\d+)?", c) and float(c) > 1 for c in cells)
            line = row.get("AHCh" if group[0].endswith("CAHH") else "AHh")
            if whole and (not group[0].endswith("AHH") or line):
                total += len(group)
    return total


@needs_data
@pytest.mark.parametrize("name", SEASONS)
def test_every_price_a_spreadsheet_would_count_is_read(name: str) -> None:
    found = season(name)
    assert sum(len(b.prices) for _, p in found for b in p.batches) == sum(
        count_prices(payload.body) for payload, _ in found
    )
    assert sum(len(p.events) for _, p in found) == sum(p.rows for _, p in found)


@needs_data
@pytest.mark.parametrize("name", MATCHES)
def test_every_match_has_its_result_and_season(name: str) -> None:
    parsed = [p for _, p in season(name)]
    events = [e for p in parsed for e in p.events]
    assert len(events) == sum(len(p.results) for p in parsed) == MATCHES[name]
    assert len({e.provider_event_id for e in events}) == MATCHES[name]
    assert {e.season for e in events} == {f"20{name[:2]}/{name[2:]}"}
    assert all(e.country for e in events)


@needs_data
def test_what_the_source_wrote_wrong_is_named() -> None:
    rejected = [r for name in SEASONS for _, p in season(name) for r in p.rejected]
    assert Counter(r.reason for r in rejected) == {
        "price_invalid": 4,
        "incomplete_market": 3,
        "line_missing": 8,
    }
    assert Rejected("price_invalid", "N1.csv:133:B365CH", "'#'") in rejected


def arbitrage(quotes: dict[str, dict[str, Fraction]], sides: tuple[str, ...]) -> str | None:
    """The flag of an arbitrage as data/README.md defines it, or None where there is none."""
    best = {
        side: max((prices[side], source) for source, prices in quotes.items()) for side in sides
    }
    if len({source for _, source in best.values()}) < 2:
        return None
    if sum(1 / price for price, _ in best.values()) >= 1:
        return None
    for side, (price, source) in best.items():
        others = [prices[side] for other, prices in quotes.items() if other != source]
        if others and price > Fraction(8, 5) * statistics.median(others):
            return "suspect"
    own = (sum(1 / price for price in prices.values()) for prices in quotes.values())
    return "suspect" if any(booksum < 1 for booksum in own) else "clean"


def arbitrages(batch: FeedBatch) -> Iterator[tuple[str, str]]:
    markets: dict[str, dict[str, dict[str, Fraction]]] = defaultdict(lambda: defaultdict(dict))
    for p in batch.prices:
        if football_data.source_kind(p.source) == "bookmaker":
            markets[p.market.market_type][p.source][p.side] = Fraction(p.price_e4, 10_000)
    for market_type, quotes in markets.items():
        sides = tuple(next(iter(quotes.values())))
        flag = arbitrage(quotes, sides)
        if flag:
            yield market_type, flag


@needs_data
def test_closing_arbitrages_are_those_of_the_reference_list() -> None:
    words = {"1X2": "1x2", "OU2.5": "total", "AH": "asian_handicap"}
    with (DATA / "arbitrage-2021-22.csv").open(newline="") as stream:
        expected = Counter(
            (r["div"], r["date"], r["home"], r["away"], words[r["market"]], r["flag"])
            for r in csv.DictReader(stream)
        )
    found = Counter(
        (
            batch.event.competition_key,
            "/".join(reversed(batch.event.provider_event_id.split(":")[1].split("-"))),
            batch.event.home,
            batch.event.away,
            *hit,
        )
        for _, parsed in season("2122")
        for batch in parsed.batches
        if batch.phase == "closing"
        for hit in arbitrages(batch)
    )
    assert found == expected
    clean = Counter(key[4] for key in found if key[5] == "clean")
    assert clean == {"1x2": 956, "total": 32, "asian_handicap": 100}
