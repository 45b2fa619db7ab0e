"""An archive is taken in parts: what is decided and what is taken is as if it were one."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from overround.cli.main import app
from overround.core.errors import Invalid
from overround.db.logins import Role
from overround.odds import feeds
from overround.odds.feeds import tennis_data
from overround.roles.archive import files as reading
from overround.roles.archive import importer
from overround.roles.archive.files import Files
from overround.roles.archive.timeline import Season
from overround.roles.attach import Endpoints
from tests.roles.seasons import MATCHES, old
from tests.roles.test_import import YEARS_ON, House, of_tree, soccer, superuser

SETS = "W1,L1,W2,L2,W3,L3,W4,L4,W5,L5"
HEAD = (
    "ATP,Location,Tournament,Date,Series,Court,Surface,Round,Best of,Winner,Loser,WRank,LRank,"
    f"{SETS},Wsets,Lsets,Comment,B365W,B365L"
)


@pytest.fixture
def house(endpoints: Endpoints, database_urls: dict[Role, str]) -> House:
    return House(database_urls, superuser(endpoints, database_urls))


def tennis(tmp_path: Path, matches: list[tuple[str, str, str]]) -> Files:
    """An archive of (day, winner, loser)."""
    rows = [
        f"1,Vienna,Ann Open,{day},ATP250,Indoor,Clay,1st Round,3,{winner},{loser},1,2,"
        "6,4,6,4,,,,,,,2,0,Completed,1.80,2.00"
        for day, winner, loser in matches
    ]
    path = tmp_path / "atp.csv"
    path.write_text("\n".join([HEAD, *rows]), encoding="utf-8")
    return reading.read(path, [tennis_data.PROVIDER])


def counts(house: House, files: Files) -> tuple[int, int, int, int]:
    done = house.take(files, YEARS_ON)
    return done.matches, done.prices, done.changed, done.results


def test_an_archive_in_parts(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whom a part before named is known to the next: a namesake is nobody's other spelling."""
    monkeypatch.setattr(importer, "_EVENTS_TOGETHER", 1)
    archive = tennis(
        tmp_path,
        [
            ("2010-01-04", "Granollers Pujol M.", "Bob B."),
            ("2012-01-02", "Granollers Pujol G.", "Cat C."),
            ("2013-01-07", "Granollers Pujol G.", "Granollers Pujol M."),
        ],
    )
    assert counts(house, archive) == (3, 6, 6, 3)
    assert house.count("SELECT count(*) FROM participant") == 4
    assert house.count("SELECT count(*) FROM match_queue") == 0


def test_who_is_believed_most_is_decided_first() -> None:
    """Whatever starts first: the others' events are held against an authority's."""
    files = of_tree(soccer())
    theirs = files.season.events
    others = tuple(
        event.__class__(
            "a_follower", event.provider_event_id, event.sport, event.competition_key,
            event.competition_name, event.country, event.home, event.away,
            event.starts_at - timedelta(days=1),
        )
        for event in theirs
    )  # fmt: skip
    season = Season((*others, *theirs), files.season.batches, ())
    parts = list(
        importer._known_together(  # pyright: ignore[reportPrivateUsage]
            season, {"a_follower": "follower", "goalserve": "authority"}
        )
    )
    assert [part[0].provider for part, _ in parts] == ["goalserve", "a_follower"]
    assert [len(batches) for _, batches in parts] == [len(files.season.batches), 0]
    starts = [event.starts_at for part, _ in parts[:1] for event in part]
    assert all(one <= other for one, other in pairwise(starts))


def test_several_paths_are_one_import(tmp_path: Path) -> None:
    """Each file is named with its folder, and a match that two of them tell counts once."""
    for season in ("before", "after"):
        old(tmp_path / season)
    (tmp_path / "c.txt").write_bytes(b"nothing")
    paths = [tmp_path / name for name in ("before", "after", "c.txt")]
    files = reading.gather(feeds.payloads_of(paths), "three paths")
    assert [one.file for one in files.each] == ["before/E0.csv", "after/E0.csv", "c.txt"]
    assert len(files.season.events) == MATCHES
    assert files.each[1].refused == {"duplicate_row": MATCHES}
    one = reading.gather(feeds.payloads_of(paths[:1]), "one path")
    assert [one.file for one in one.each] == ["E0.csv"]


def test_files_of_no_event_are_told_one_by_one(endpoints: Endpoints, tmp_path: Path) -> None:
    """The command fails, and says of each file why."""
    (tmp_path / "a.json").write_bytes(b'{"scores": {"sport": "chess"}}')
    (tmp_path / "b.txt").write_bytes(b"nothing")
    with pytest.raises(Invalid) as refused:
        reading.read(tmp_path)
    assert refused.value.code == "no_events"
    words = ["import", str(tmp_path), "--state", str(endpoints.state)]
    ran = CliRunner().invoke(app, [*words, "--json"])
    assert ran.exit_code == 1
    told = json.loads(ran.stdout)
    assert told["problem"] == "no_events"
    assert {row["file"]: row["refused"] for row in told["files"]} == {
        "a.json": {"unknown_sport": 1},
        "b.txt": {"not_recognised": 1},
    }
    text = CliRunner().invoke(app, words).stdout
    assert "no_events" in text
    assert "1 not_recognised" in text
