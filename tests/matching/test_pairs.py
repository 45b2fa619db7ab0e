"""The real pairs of fixtures: how many are found, and how many are found that are none."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from overround.odds import matching
from overround.odds.feeds.football_data.words import DIVISIONS

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("OVERROUND_DATA", ROOT.parent / "shared" / "data"))
PAIRS = DATA / "match-pairs.csv"
PRECISION, RECALL = 0.998, 0.985


@dataclass(frozen=True)
class Side:
    sport: str
    competition_name: str
    country: str
    home: str
    away: str
    starts_at: datetime


def side(row: dict[str, str], which: str) -> Side:
    league = row[f"{which}_league"]
    return Side(
        row["sport"],
        league,
        DIVISIONS.get(league, ("", ""))[0],
        row[f"{which}_home"],
        row[f"{which}_away"],
        datetime.fromisoformat(row[f"{which}_kickoff_utc"]),
    )


def verdicts() -> Iterator[tuple[bool, bool, str]]:
    with PAIRS.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            same, _, _ = matching.same_event(side(row, "a"), side(row, "b"))
            yield same, row["label"] == "1", row["kind"]


@pytest.mark.skipif(
    not PAIRS.is_file(), reason=f"the sample data is not there ({PAIRS}); set OVERROUND_DATA"
)
def test_precision_and_recall_on_real_pairs() -> None:
    counts = Counter((same, label) for same, label, _ in verdicts())
    found, false, missed = counts[True, True], counts[True, False], counts[False, True]
    assert found / (found + false) >= PRECISION
    assert found / (found + missed) >= RECALL
