"""`overround match evaluate`: what it reads, what it refuses, what it counts."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest

from overround.core.errors import Invalid
from overround.odds import matching
from tests.servers.commands import overround_cli

START = "2025-04-10T19:00:00Z"
ROW = {
    "pair_id": "1", "label": "1", "kind": "plain", "sport": "football",
    "a_source": "one", "a_league": "E3", "a_home": "Crewe", "a_away": "Cheltenham",
    "a_kickoff_raw": "2025-04-10 20:00", "a_tz": "Europe/London", "a_kickoff_utc": START,
    "b_source": "two", "b_league": "England. League Two. Season 2024/2025",
    "b_home": "Crewe Alexandra", "b_away": "Cheltenham Town",
    "b_kickoff_raw": "16:00", "b_tz": "America/Sao_Paulo", "b_kickoff_utc": START,
}  # fmt: skip
WOMEN = ROW | {"pair_id": "2", "label": "0", "kind": "women", "b_home": "Crewe Alexandra (W)"}
NICKNAME = ROW | {
    "pair_id": "3",
    "kind": "nickname",
    "b_home": "The Railwaymen",
    "b_away": "Robins",
}


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    text = StringIO(newline="")
    written = csv.DictWriter(text, rows[0].keys())
    written.writeheader()
    written.writerows(rows)
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def test_what_is_not_the_same_for_certain_is_counted_as_not_matched() -> None:
    found = matching.evaluate(matching.read_pairs([ROW, WOMEN, NICKNAME]))
    assert (found["found"], found["missed"], found["false"], found["apart"]) == (1, 1, 0, 1)
    assert (found["precision"], found["recall"]) == (1.0, 0.5)
    assert found["by_kind"]["women"] == {
        "precision": None, "recall": None, "found": 0, "missed": 0, "false": 0, "apart": 1,
    }  # fmt: skip
    assert [wrong["pair_id"] for wrong in found["wrong"]] == ["3"]


def test_spellings_that_are_known_are_found() -> None:
    aliases = [
        {"canonical_id": club, "sport": "football", "country": "England", "alias": alias}
        for club, alias in (
            ("crewe", "Crewe"), ("crewe", "The Railwaymen"),
            ("cheltenham", "Cheltenham"), ("cheltenham", "Robins"),
            # Two clubs of that name: it tells neither.
            ("swindon", "Robins"),
        )
    ]  # fmt: skip
    pairs = matching.read_pairs([NICKNAME])
    assert matching.evaluate(pairs, matching.read_aliases(aliases))["found"] == 0
    assert matching.evaluate(pairs, matching.read_aliases(aliases[:-1]))["proof"] == {"alias": 1}


def test_the_sources_own_times_are_read_in_their_zones() -> None:
    (pair,) = matching.read_pairs([ROW], raw=True)
    assert pair.ours.starts_at == pair.theirs.starts_at == datetime(2025, 4, 10, 19, tzinfo=UTC)
    unstated = ROW | {"a_tz": "not said", "a_kickoff_raw": "2025-04-10 18:00"}
    (pair,) = matching.read_pairs([unstated], raw=True)
    assert pair.ours.starts_at == datetime(2025, 4, 10, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({key: value for key, value in ROW.items() if key != "a_home"}, "no a_home"),
        (ROW | {"label": "yes"}, "the label is 0 or 1"),
        (ROW | {"b_kickoff_utc": "tomorrow"}, "tomorrow"),
        (ROW | {"b_kickoff_utc": "2025-04-10 19:00"}, "no zone"),
        (ROW | {"a_kickoff_utc": "0001-01-01T00:00:00+05:00"}, "a_kickoff is of no year"),
        (ROW | {"b_kickoff_utc": "9999-12-31T23:59:59-05:00"}, "b_kickoff is of no year"),
    ],
)
def test_a_row_that_is_none_is_refused_with_its_line(row: dict[str, str], said: str) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        matching.read_pairs([ROW, row])
    assert refused.value.code == "pairs"
    assert "line 3" in refused.value.detail


@pytest.mark.parametrize("start", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_a_source_s_own_time_at_the_end_of_the_calendar_is_refused(start: str) -> None:
    for row in (ROW | {"a_kickoff_raw": start}, ROW | {"b_kickoff_utc": start}):
        with pytest.raises(Invalid, match="line 2"):
            matching.read_pairs([row], raw=True)


@pytest.mark.parametrize("words", [("standing", "x" * 5000, "follower"), ("queue", "--provider=x")])
def test_a_provider_that_is_none_is_refused_by_name(words: tuple[str, ...]) -> None:
    done = overround_cli("match", *words)
    assert done.returncode == 2
    assert "is no" in done.stderr
    assert "football_data" in done.stderr
    assert len(done.stderr) < 2_000


def test_no_pairs_and_no_alias_columns_are_refused() -> None:
    with pytest.raises(Invalid, match="no pairs"):
        matching.evaluate([])
    with pytest.raises(Invalid, match="no canonical_id"):
        matching.read_aliases([{"alias": "x"}])


def test_the_command_reads_packed_files_and_speaks_json_and_text(tmp_path: Path) -> None:
    pairs = write(tmp_path / "pairs.csv.gz", [ROW, WOMEN])
    done = overround_cli("match", "evaluate", str(pairs), "--time", "raw", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["recall"] == 1.0
    done = overround_cli("match", "evaluate", str(pairs), "--learn", "none")
    assert done.stdout.splitlines()[0].split()[:3] == ["kind", "precision", "recall"]


@pytest.mark.parametrize("content", [b"", b"\x1f\x8bno", b"\xff\xfe\x00", b"a,b\n1,2\n"])
def test_a_file_that_is_none_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pairs.csv"
    path.write_bytes(content)
    done = overround_cli("match", "evaluate", str(path), "--json")
    assert done.returncode == 1
    assert done.stderr.startswith("overround: ")
    assert "Traceback" not in done.stderr


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    done = overround_cli("match", "evaluate", str(tmp_path / "nothing.csv"))
    assert done.returncode == 1
    assert "nothing.csv" in done.stderr
