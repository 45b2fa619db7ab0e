"""The report on closing prices is what its command counts, on one division of one real season."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from benchmarks.closing_arbitrage import REPORT, count_maxima

from tests.core.reference import DATA

SEASON = DATA / "football-data" / "2122"

pytestmark = pytest.mark.skipif(not SEASON.is_dir(), reason=f"the sample data is not at {DATA}")


def test_one_division(tmp_path: Path) -> None:
    shutil.copy(SEASON / "E0.csv", tmp_path)
    found = count_maxima(tmp_path)
    assert found["matches"] == 380
    # What only pushes guarantees nothing; what cannot push keeps its word; a quarter keeps some.
    assert found["whole naive"] > found["whole guaranteed"] == 0
    assert found["half naive"] == found["half guaranteed"] > 0
    assert 0 < found["quarter guaranteed ppm"] < found["quarter naive ppm"]
    assert found["alone any"] < found["across any"]
    assert found["alone one percent"] < found["across one percent"]


def test_the_report_has_more_across_markets_than_inside_one() -> None:
    rows = re.findall(
        r"^\| matches with (?:a guaranteed gain|more than 1 %) inside one market \| (.*) \|\n"
        r"\| … and across markets \| (.*) \|$",
        REPORT.read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    assert len(rows) == 2
    for inside, across in rows:
        pairs = zip(inside.split(" | "), across.split(" | "), strict=True)
        assert all(int(a.replace(",", "")) < int(b.replace(",", "")) for a, b in pairs)
