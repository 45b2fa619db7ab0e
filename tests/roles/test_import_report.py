"""What an import tells of each file, and what the gate makes of what a file says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from overround.db.logins import Role
from overround.odds.feeds import Rejected
from overround.roles.archive import files as reading
from overround.roles.archive import reports
from overround.roles.archive.files import Files
from overround.roles.attach import Endpoints
from overround.roles.hub import inbox
from tests.roles.test_import import (
    DATA,
    MORNING,
    ROOT,
    SAMPLES,
    House,
    of_tree,
    soccer,
    superuser,
)

REFUSED = """
SELECT r.reason, s.side, r.price_e4, r.held_e4, r.recorded
FROM price_refused r JOIN selection s ON s.id = r.selection_id ORDER BY s.side, r.observed_at"""


@pytest.fixture
def house(endpoints: Endpoints, database_urls: dict[Role, str]) -> House:
    return House(database_urls, superuser(endpoints, database_urls))


def with_total(over: str, under: str, minutes: int = 0) -> Files:
    """The sample's first match with another price for over and under 2.5 goals."""
    tree: Any = soccer()
    tree["scores"]["ts"] = str(int(tree["scores"]["ts"]) + 60 * minutes)
    match = tree["scores"]["categories"][0]["matches"][0]
    pair = match["odds"][2]["bookmakers"][0]["odds"][0]["odds"]
    pair[0]["value"], pair[1]["value"] = over, under
    return of_tree(tree)


def total_of(house: House, line_q4: int = 10) -> list[tuple[Any, ...]]:
    return house.rows(
        "SELECT s.side, p.price_e4, p.state FROM price p JOIN selection s ON s.id = p.selection_id"
        " JOIN market m ON m.id = s.market_id JOIN feed_event f ON f.event_id = m.event_id"
        f" WHERE f.provider_event_id = 'football:101' AND m.market_type = 'total'"
        f" AND m.line_q4 = {line_q4} ORDER BY s.side"
    )


def test_each_file_says_what_was_read_of_it(house: House, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{"scores": {"sport": "chess"}}')
    (tmp_path / "b.json").write_bytes((SAMPLES / "soccer.json").read_bytes())
    (tmp_path / "c.txt").write_bytes(b"nothing")
    report = house.take(reading.read(tmp_path), MORNING).as_dict()
    rows = {row["file"]: row for row in report["files"]}
    assert (rows["a.json"]["provider"], rows["a.json"]["refused"]) == (
        "goalserve", {"unknown_sport": 1},
    )  # fmt: skip
    assert (rows["c.txt"]["provider"], rows["c.txt"]["refused"]) == ("", {"not_recognised": 1})
    read = rows["b.json"]
    assert (read["events"], read["undecided"], read["results"]) == (3, 0, 1)
    assert read["prices"] == report["prices"] > 0
    assert read["refused"] == {"price_not_above_one": 1}
    assert 0 < read["seconds"] < 10


def test_what_is_no_match_of_ours_waits_for_nobody(house: House) -> None:
    tree: Any = soccer()
    match = tree["scores"]["categories"][0]["matches"][0]
    for side in ("localteam", "visitorteam"):
        match[side]["name"] += " (Corners)"
    done = house.take(of_tree(tree), MORNING).as_dict()
    assert (done["matches"], done["undecided"], done["left_out"]) == (2, 0, {"special_event": 1})
    (row,) = done["files"]
    assert (row["undecided"], row["left_out"]) == (0, {"special_event": 1})
    assert "1 special_event (no match)" in reports.told(done)


def test_what_the_gate_refuses_is_told_kept_and_not_laid(house: House) -> None:
    house.take(with_total("1.80", "2.00"), MORNING)
    done = house.take(with_total("1.20", "1.25", minutes=1), MORNING).as_dict()
    assert done["gate"] == {"overround_out_of_range": 2}
    assert done["files"][0]["refused"]["overround_out_of_range"] == 2
    assert house.rows(REFUSED) == [
        ("overround_out_of_range", "over", 12_000, 18_000, False),
        ("overround_out_of_range", "under", 12_500, 20_000, False),
    ]
    assert total_of(house) == [("over", 18_000, "suspended"), ("under", 20_000, "suspended")]
    assert ("total", 10) not in house.open("football:101")
    # The same words again add nothing, and are not told again.
    again = house.take(with_total("1.20", "1.25", minutes=1), MORNING).as_dict()
    assert "gate" not in again
    assert len(house.rows(REFUSED)) == 2


def test_what_is_right_again_is_laid_again(house: House) -> None:
    for minutes, pair in enumerate((("1.80", "2.00"), ("1.20", "1.25"), ("1.85", "1.95"))):
        house.take(with_total(*pair, minutes=minutes), MORNING)
    assert total_of(house) == [("over", 18_500, "open"), ("under", 19_500, "open")]
    assert ("total", 10) in house.open("football:101")


def test_what_the_gate_says_counts_for_the_last_file_with_prices() -> None:
    key, other = ("p", "1"), ("p", "2")
    one = reports.FileRead("a", "p", frozenset({key}), {key: 4}, {}, 0, {"x": 1}, 0.5)
    two = reports.FileRead(
        "b", "p", frozenset({key, other}), {key: 6}, {other: 3}, 1, {}, 0.25, {"Odd or even": 4}
    )
    outcome = reports.Outcome(
        frozenset({other}), frozenset({key}), {(key, "y"): 2}, {(key, "z"): 1}
    )
    first, second = reports.rows([one, two], outcome)
    assert (first["refused"], first["doubted"], first["undecided"]) == ({"x": 1}, {}, 0)
    assert second == {
        "file": "b", "provider": "p", "events": 2, "undecided": 1, "left_out": {}, "prices": 6,
        "results": 1,
        "unmapped": 4, "unmapped_markets": {"Odd or even": 4},
        "refused": {"y": 2, "event_unknown": 1}, "doubted": {"z": 1}, "seconds": 0.25,
    }  # fmt: skip


def test_nothing_in_the_report_of_the_sample_data_is_unexplained() -> None:
    """It is made by hand (`benchmarks.import_report`): every folder is in it, and every reason."""
    report = (ROOT / "docs/reports/import.md").read_text(encoding="utf-8")
    assert "not explained" not in report
    if DATA.is_dir():
        folders = {path.name for path in DATA.iterdir() if path.is_dir()}
        rows = {line.split("|")[1].strip() for line in report.splitlines() if "|" in line}
        assert folders <= rows


def test_the_table_is_for_people() -> None:
    files = reading.read(SAMPLES / "soccer.json")
    (read,) = files.each
    table = reports.told({"files": reports.rows([read], reports.NOTHING)}).splitlines()
    assert table[0].split() == [
        "file", "provider", "events", "undecided", "prices", "unmapped", "results", "seconds",
        "refused",
    ]  # fmt: skip
    assert table[1].split()[:3] == ["soccer.json", "goalserve", "3"]
    assert table[1].endswith("1 price_not_above_one")


def test_reports_of_a_hub_are_joined() -> None:
    unread = reports.rows([reports.unknown(Rejected("not_recognised", "x"))], reports.NOTHING)
    joined = inbox.added({"prices": 1, "files": unread}, {"prices": 2, "files": unread})
    assert joined["prices"] == 3
    assert [row["file"] for row in joined["files"]] == ["x", "x"]
    assert json.dumps(joined)
