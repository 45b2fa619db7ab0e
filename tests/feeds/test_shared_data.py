"""Every file of the sample data: known for whose it is, read to its end, nothing unexplained."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from overround.odds import feeds
from overround.odds.feeds import Rejected
from tests.feeds.conformance import check

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("OVERROUND_DATA", ROOT.parent / "shared" / "data"))
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"the sample data is not there ({DATA}); set OVERROUND_DATA"
)


@dataclass(frozen=True)
class Folder:
    """What a folder holds: files of feeds, events, prices, what is refused, and other files."""

    name: str
    files: int
    events: int
    prices: int
    refused: dict[str, int] = field(default_factory=dict[str, int])
    others: tuple[str, ...] = ()


# What is no feed: tables of names, pages for a browser, a description of one team.
FOLDERS = (
    Folder(
        "asian-xml-feed",
        2,
        652,
        15_555,
        {"duplicate_event": 7},
        ("BET.b", "BETFAIR_LINE.txt.gz", "CHAM.b", "TEAM.B"),
    ),
    Folder(
        "bet365-page",
        0,
        0,
        0,
        {},
        (
            "cruzeiro_v_atletico_mineiro_2025-05-15.html",
            "parsed_bahia_atletico_nacional.json",
        ),
    ),
    Folder(
        "betfair-api", 24, 0, 246, {"not_a_match": 34, "not_market_data": 6, "stream_degraded": 1}
    ),
    # Races, which are no match of two.
    Folder("betfair-stream", 3, 0, 0, {"not_a_match": 1}),
    Folder("betsson", 2, 1, 0),
    Folder("ggbet", 1, 497, 28_267),
    Folder(
        "goalserve",
        10,
        767,
        63_444,
        {"price_not_above_one": 498, "side_unknown": 5},
        ("team_info.xml",),
    ),
    Folder("multi-book-hdp-ou", 1, 43, 174),
    Folder("oddsportal-harvester", 33, 42, 290, {"home_missing": 4, "result_incomplete": 3}),
    Folder("pinnacle-guest", 2, 4, 0),
    Folder(
        "pinnacle-page",
        0,
        0,
        0,
        {},
        (
            "cruzeiro_v_atletico_mineiro_2025-05-15.html",
            "parsed_bahia_atletico_nacional.json",
        ),
    ),
    Folder("pinnacle-ps3838", 3, 3_125, 2_239, {}, ("matched_leagues_betsapi.json",)),
    Folder(
        "tennis-data",
        1,
        44_708,
        393_236,
        {
            "incomplete_market": 42,
            "price_invalid": 1,
            "price_not_above_one": 175,
            "result_inconsistent": 21,
        },
    ),
)
# The feeds that have tests of their own on their data.
ELSEWHERE = {"casino", "draftkings", "fanduel", "football-data", "the-odds-api"}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_folder_is_read_to_its_end(folder: Folder) -> None:
    files = events = prices = 0
    refused: Counter[str] = Counter()
    others: list[str] = []
    for found in feeds.payloads(DATA / folder.name):
        if isinstance(found, Rejected):
            assert found.reason == "not_recognised"
            others.append(found.where)
            continue
        provider, payload = found
        parsed = provider.parse(payload.name, payload.body)
        check(provider, parsed)
        files += 1
        events += len(parsed.events)
        prices += sum(len(batch.prices) for batch in (*parsed.batches, *parsed.quotes))
        refused.update(rejected.reason for rejected in parsed.rejected)
    assert (files, events, prices) == (folder.files, folder.events, folder.prices)
    assert dict(refused) == folder.refused
    assert tuple(others) == folder.others


def test_every_folder_is_in_the_table() -> None:
    folders = {path.name for path in DATA.iterdir() if path.is_dir()}
    assert folders <= {folder.name for folder in FOLDERS} | ELSEWHERE
