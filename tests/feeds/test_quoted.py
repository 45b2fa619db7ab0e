"""Arbitrages that captures of many books quote: against a count that shares no code with ours."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from overround.cli.main import app

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("OVERROUND_DATA", ROOT.parent / "shared" / "data"))
SNAPSHOT = DATA / "the-odds-api" / "snapshot-2026-04-16"

HEADER = (
    "snapshot_time,sport_key,event_id,commence_time,home_team,away_team,bookmaker_key,last_update,"
    "market,outcome_name,price,point"
)
EVENT = "2026-04-16T19:00:00Z,baseball_mlb,g1,2026-04-17T19:00:00Z,Ann Town,Bob City"
BETTING_EXCHANGES = ("betfair_ex", "betdaq", "betopenly", "kalshi", "matchbook", "novig",
                     "polymarket", "prophetx", "smarkets")  # fmt: skip

Row = dict[str, str]


def quoted(path: Path, *options: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["edges", "quoted", str(path), "--json", *options])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def capture(folder: Path, *rows: str) -> Path:
    file = folder / "odds.csv"
    lines = (f"{EVENT},{row}" for row in rows)
    file.write_text("\n".join((HEADER, *lines)), encoding="utf-8")
    return file


ANN = "pinnacle,2026-04-16T18:59:00Z,h2h,Ann Town,2.10,"
ANN_OTHER = "pinnacle,2026-04-16T18:59:00Z,h2h,Bob City,1.80,"
BOB = "fanduel,2026-04-16T18:58:00Z,h2h,Bob City,2.05,"
BOB_OTHER = "fanduel,2026-04-16T18:58:00Z,h2h,Ann Town,1.85,"


def test_an_arbitrage_is_listed_with_its_legs_and_ages(tmp_path: Path) -> None:
    found = quoted(capture(tmp_path, ANN, ANN_OTHER, BOB, BOB_OTHER))
    (row,) = found["listed"]
    assert (found["arbitrages"], found["guaranteed"], found["above_profit_max"]) == (1, 1, 0)
    assert (row["event"], row["market"], row["period"]) == (
        "Ann Town - Bob City", "moneyline", "final",
    )  # fmt: skip
    # By hand: the inverse of 0.47619 + 0.48780 is 1.0373.
    assert (row["profit_pct"], row["guaranteed_pct"], row["oldest_s"]) == ("3.73", "3.73", 120)
    assert row["legs"] == [
        {"side": "home", "source": "pinnacle", "price": "2.10"},
        {"side": "away", "source": "fanduel", "price": "2.05"},
    ]


def test_a_stale_price_hides_none_that_is_fresh(tmp_path: Path) -> None:
    stale = ("betmgm,2026-04-16T18:49:59Z,h2h,Bob City,2.40,",
             "betmgm,2026-04-16T18:49:59Z,h2h,Ann Town,1.70,")  # fmt: skip
    file = capture(tmp_path, ANN, ANN_OTHER, BOB, BOB_OTHER, *stale)
    assert quoted(file)["listed"][0]["legs"][1]["source"] == "fanduel"
    assert quoted(file, "--within", "601")["listed"][0]["legs"][1]["source"] == "betmgm"
    assert quoted(file, "--within", "119")["listed"] == []


def test_what_promises_too_much_is_counted_and_not_listed(tmp_path: Path) -> None:
    file = capture(tmp_path, ANN, ANN_OTHER, BOB.replace("2.05", "3.05"), BOB_OTHER)
    assert (quoted(file)["arbitrages"], quoted(file)["above_profit_max"]) == (0, 1)
    assert quoted(file, "--profit-max", "25")["arbitrages"] == 1


def test_the_text_says_the_same(tmp_path: Path) -> None:
    file = capture(tmp_path, ANN, ANN_OTHER, BOB, BOB_OTHER)
    told = CliRunner().invoke(app, ["edges", "quoted", str(file)]).stdout
    assert "3.73 % (3.73 % sure)  Ann Town - Bob City  moneyline final" in told


# What a bookmaker quotes: (event, market, line of the home side) -> book -> answer -> row.
Asked = tuple[str, str, str]


def rows_of(folder: Path) -> Iterator[Row]:
    for file in sorted(folder.glob("*/odds.csv.gz")):
        with gzip.open(file) as packed:
            yield from csv.DictReader(io.TextIOWrapper(packed, "utf-8"))


def naive() -> set[tuple[str, str, str]]:
    """Every same-line arbitrage of the capture: (event, market, profit), by its rows alone.

    Books answer a market whole or not at all; "Draw" among the answers makes it another market
    than without, as a moneyline that plays on is another than the result of regulation time.
    """
    quotes: defaultdict[Asked, defaultdict[str, dict[str, Row]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    football: set[str] = set()
    for row in rows_of(SNAPSHOT):
        book, moments = row["bookmaker_key"], (row["snapshot_time"], row["last_update"])
        sport = row["sport_key"].partition("_")[0]
        if row["market"] not in ("h2h", "spreads", "totals"):
            continue
        # Rounds of a fight and runs of an innings are no score that results tell.
        if row["market"] != "h2h" and sport in ("boxing", "cricket", "mma"):
            continue
        if sport == "soccer":
            football.add(row["event_id"])
        captured, updated = (datetime.fromisoformat(at or row["snapshot_time"]) for at in moments)
        if captured - updated > timedelta(minutes=10):
            continue
        if book.startswith(BETTING_EXCHANGES) or not row["home_team"]:
            continue
        if Decimal(row["price"]) <= 1:
            continue
        line = Decimal(row["point"] or 0)
        if row["market"] == "spreads" and row["outcome_name"] == row["away_team"]:
            line = -line
        asked = row["event_id"], row["market"], str(line.normalize())
        quotes[asked][book].setdefault(row["outcome_name"], row)
    found: set[tuple[str, str, str]] = set()
    for (event, market, line), by_book in quotes.items():
        for answers in {frozenset(rows) for rows in by_book.values()}:
            whole = [rows for rows in by_book.values() if rows.keys() == answers]
            best = [max(Decimal(rows[name]["price"]) for rows in whole) for name in answers]
            total = sum(1 / Fraction(price) for price in best)
            # Football quoted without its draw, or without a favourite at 1.00, is not whole.
            missing = event in football and market == "h2h" and len(answers) < 3
            if len(answers) > 1 and total < 1 and not missing:
                found.add((event, f"{market} {line}", f"{float(100 / total - 100):.4f}"))
    return found


@pytest.mark.skipif(
    not SNAPSHOT.is_dir(), reason=f"the sample data is not there ({SNAPSHOT}); set OVERROUND_DATA"
)
def test_the_arbitrages_of_a_real_moment_are_those_of_a_naive_count() -> None:
    found = quoted(SNAPSHOT, "--profit-max", "1000")
    ours = sorted(Decimal(row["profit_pct"]) for row in found["listed"])
    theirs = sorted(Decimal(profit) for _, _, profit in naive())
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one <= other < one + Decimal("0.0101")
    listed = quoted(SNAPSHOT)
    assert listed["arbitrages"] == sum(profit <= 15 for profit in theirs)
    assert all(row["oldest_s"] <= 600 for row in listed["listed"])
