"""The real pairs of fixtures: how many are found, and how many are found that are none."""

from __future__ import annotations

import csv
import gzip
import os
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest

from overround.odds import matching

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("OVERROUND_DATA", ROOT.parent / "shared" / "data"))
PAIRS, ALIASES = DATA / "match-pairs.csv", DATA / "team-aliases.csv.gz"
PRECISION, RECALL, RECALL_BY_ALIAS = 0.998, 0.985, 0.995
# What is beside the match and never it.
NEVER = ("youth_women_reserve", "special_market_event", "series_or_doubleheader")

pytestmark = pytest.mark.skipif(
    not (PAIRS.is_file() and ALIASES.is_file()),
    reason=f"the sample data is not there ({PAIRS}, {ALIASES.name}); set OVERROUND_DATA",
)


@cache
def figures(
    *, learning: Literal["all", "half", "none"] = "all", raw: bool = False, known: bool = False
) -> dict[str, Any]:
    with PAIRS.open(newline="", encoding="utf-8") as stream:
        pairs = matching.read_pairs(csv.DictReader(stream), raw=raw)
    if not known:
        return matching.evaluate(pairs, None, learning)
    with gzip.open(ALIASES, "rt", newline="", encoding="utf-8") as stream:
        return matching.evaluate(pairs, matching.read_aliases(csv.DictReader(stream)), learning)


@pytest.mark.parametrize("learning", ["all", "half", "none"])
def test_precision_and_recall_on_real_pairs(learning: Literal["all", "half", "none"]) -> None:
    found = figures(learning=learning)
    assert found["precision"] >= PRECISION
    assert found["recall"] >= RECALL


def test_the_sources_own_times_are_as_good() -> None:
    assert figures(raw=True)["recall"] >= RECALL
    assert figures(raw=True)["precision"] >= PRECISION


def test_recall_where_the_spellings_are_known() -> None:
    assert figures(known=True)["recall"] >= RECALL_BY_ALIAS
    assert figures(known=True)["precision"] >= PRECISION


@pytest.mark.parametrize("known", [False, True])
def test_what_is_beside_a_match_is_never_merged_with_it(known: bool) -> None:
    by_kind = figures(known=known)["by_kind"]
    assert {kind: by_kind[kind]["false"] for kind in NEVER} == dict.fromkeys(NEVER, 0)
