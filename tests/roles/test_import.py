"""Files of a feed through the house: what is laid of them, what never is, and what stays as it was.

The clock is the import's own, so that the past of the files is a present, a future or a past.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from overround.core.errors import Unavailable
from overround.db import lease as leases
from overround.db.logins import Role
from overround.odds import feeds
from overround.odds.feeds import Payload
from overround.roles.archive import files as reading
from overround.roles.archive import importer
from overround.roles.archive.files import Files
from overround.roles.attach import Endpoints
from overround.roles.hub import writer as hubs
from tests.roles.seasons import old, pools, tenant_of, whole
from tests.roles.test_replay import superuser

Urls = Mapping[Role, str]

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("OVERROUND_DATA", ROOT.parent / "shared" / "data"))
CAPTURE = DATA / "goalserve" / "prematch-2025-09-11.zip"
SAMPLES = ROOT / "src/overround/odds/feeds/goalserve/samples"

# The samples were made at eight; the first match starts at half past six in the evening.
MORNING = datetime(2025, 9, 11, 8, 5, tzinfo=UTC)
LATER = MORNING + timedelta(minutes=30)
YEARS_ON = datetime(2026, 11, 20, tzinfo=UTC)

# What a book lays, with whose words it is laid.
LAID = """
SELECT f.provider_event_id, m.market_type, m.period, m.line_q4, s.side, o.state
FROM offer o JOIN selection s ON s.id = o.selection_id JOIN market m ON m.id = s.market_id
JOIN feed_event f ON f.event_id = s.event_id"""

# Open offers on which not every side of the market is to be had from the source.
NOT_OFFERABLE = """
SELECT count(*) FROM offer o JOIN selection s ON s.id = o.selection_id
WHERE o.state = 'open' AND EXISTS (
    SELECT 1 FROM selection side LEFT JOIN price p ON p.selection_id = side.id
    WHERE side.market_id = s.market_id AND (p.state IS NULL OR p.state <> 'open'))"""

Key = tuple[str, str, str, int | None, str]


@dataclass(slots=True)
class House:
    """A database with one tenant, looked at from above row security."""

    urls: Urls
    url: str

    def take(self, files: Files, at: datetime) -> importer.Import:
        async def run() -> importer.Import:
            async with pools(self.urls) as (worker, _):
                await tenant_of(worker, "acme")
                return await importer.import_files(worker, files, at)

        return asyncio.run(run())

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as conn:
            return conn.execute(sql.SQL(query)).fetchall()  # pyright: ignore[reportArgumentType]

    def count(self, query: str) -> int:
        return self.rows(query)[0][0]

    def laid(self) -> dict[Key, str]:
        """Every offer by its words, with its state."""
        return {row[:5]: row[5] for row in self.rows(LAID)}

    def open(self, event: str) -> set[tuple[str, int | None]]:
        """The markets of an event that are open, each by type and line."""
        return {
            (key[1], key[3])
            for key, state in self.laid().items()
            if key[0] == event and state == "open"
        }


@pytest.fixture
def house(endpoints: Endpoints, database_urls: dict[Role, str]) -> House:
    return House(database_urls, superuser(endpoints, database_urls))


def soccer() -> Any:
    return json.loads((SAMPLES / "soccer.json").read_text(encoding="utf-8"))


def of_tree(tree: Any, name: str = "soccer.json") -> Files:
    payload = Payload(name, json.dumps(tree).encode())
    provider = feeds.provider_of(payload.body)
    assert provider is not None
    return reading.gather([(provider, payload)], name)


def test_what_can_be_had_whole_is_laid_and_nothing_else(house: House) -> None:
    done = house.take(of_tree(soccer()), MORNING)
    assert (done.matches, done.results) == (3, 1)
    # The away win is stopped, so is the level line, half-time/full-time is not told whole and
    # nobody takes 1.00 for under 6.5.
    assert house.open("football:101") == {("asian_handicap", -1), ("total", 10), ("total", 11)}
    assert house.open("football:102") == set()
    assert house.open("football:103") == {("draw_no_bet", None)}
    assert house.count(NOT_OFFERABLE) == 0


def test_what_is_stopped_later_is_suspended_and_what_is_gone_too(house: House) -> None:
    house.take(of_tree(soccer()), MORNING)
    tree = soccer()
    tree["scores"]["ts"] = str(int(tree["scores"]["ts"]) + 600)
    match = tree["scores"]["categories"][0]["matches"][0]
    match["odds"][1]["bookmakers"][0]["odds"][0]["odds"][0]["stop"] = "True"
    del match["odds"][3]
    house.take(of_tree(tree), LATER)
    assert house.open("football:101") == {("total", 10)}
    laid = house.laid()
    for key in (
        ("football:101", "asian_handicap", "ft", -1, "home"),
        ("football:101", "asian_handicap", "ft", -1, "away"),
        ("football:101", "total", "ft", 11, "over"),
    ):
        assert laid[key] == "suspended"
    assert house.count(NOT_OFFERABLE) == 0


def test_files_of_several_moments_are_taken_in_order(house: House, tmp_path: Path) -> None:
    """The newest word counts, whatever the files are called."""
    tree = soccer()
    for name, minutes, price in (("a", 20, "1.70"), ("b", 0, "1.80"), ("c", 10, "1.60")):
        tree["scores"]["ts"] = str(1757577600 + 60 * minutes)
        match = tree["scores"]["categories"][0]["matches"][0]
        match["odds"][2]["bookmakers"][0]["odds"][0]["odds"][0]["value"] = price
        (tmp_path / f"{name}.json").write_text(json.dumps(tree), encoding="utf-8")
    files = reading.read(tmp_path)
    assert len(files.season.events) == 3
    assert len(files.season.batches) == 9
    house.take(files, LATER)
    (found,) = house.rows(
        "SELECT p.price_e4 FROM price p JOIN selection s ON s.id = p.selection_id"
        " JOIN market m ON m.id = s.market_id"
        " WHERE m.market_type = 'total' AND m.line_q4 = 10 AND s.side = 'over'"
    )
    assert found == (17_000,)


def test_a_match_that_is_put_off_is_recorded_and_not_laid(house: House) -> None:
    house.take(of_tree(soccer()), MORNING)
    statuses = dict(
        house.rows(
            "SELECT provider_event_id, status FROM event e JOIN feed_event f ON f.event_id = e.id"
        )
    )
    assert statuses == {
        "football:101": "scheduled",
        "football:102": "postponed",
        "football:103": "scheduled",
    }


def test_an_import_lays_nothing_that_has_started(house: House) -> None:
    """What has begun is history: catalogue, prices at their time, and the close."""
    house.take(of_tree(soccer()), YEARS_ON)
    assert house.laid() == {}
    assert house.count("SELECT count(*) FROM offer") == 0
    assert house.rows("SELECT DISTINCT observed_at FROM price") == [
        (datetime(2025, 9, 11, 8, tzinfo=UTC),)
    ]
    open_prices = house.count("SELECT count(*) FROM price WHERE state = 'open'")
    assert house.count("SELECT count(*) FROM closing_price") == open_prices > 0
    assert house.rows("SELECT status, closed_at = starts_at FROM event ORDER BY starts_at") == [
        ("live", True),
        ("postponed", False),
        ("live", True),
    ]


def test_what_was_laid_is_closed_when_a_later_import_finds_it_started(house: House) -> None:
    house.take(of_tree(soccer()), MORNING)
    assert "open" in house.laid().values()
    house.take(of_tree(soccer()), YEARS_ON)
    assert set(house.laid().values()) == {"closed"}


@pytest.mark.parametrize("at", [MORNING, YEARS_ON], ids=["ahead", "past"])
def test_a_file_again_adds_nothing(house: House, at: datetime) -> None:
    tables = ("event", "market", "selection", "price_history", "closing_price", "feed_batch")
    tables += ("offer", "quarantine", "result", "participant", "match_queue")

    def sizes() -> dict[str, int]:
        return {name: house.count(f"SELECT count(*) FROM {name}") for name in tables}

    house.take(of_tree(soccer()), at)
    before = sizes()
    again = house.take(of_tree(soccer()), at)
    assert sizes() == before
    assert (again.changed, again.results) == (0, 0)


def test_a_broken_file_costs_itself_only(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{"scores": {"sport": "chess"}}')
    (tmp_path / "b.json").write_bytes((SAMPLES / "soccer.json").read_bytes())
    (tmp_path / "c.xml").write_bytes(b"<scores/>")
    whole(tmp_path)
    files = reading.read(tmp_path)
    assert {event.provider for event in files.season.events} == {"goalserve", "football_data"}
    assert [(r.reason, r.where) for r in files.refused["goalserve"]][:1] == [
        ("unknown_sport", "a.json")
    ]
    assert [(r.reason, r.where) for r in files.refused[reading.NOBODY]] == [
        ("not_recognised", "c.xml")
    ]
    assert files.kinds["bet365"] == "bookmaker"


def test_an_import_counts_what_it_did_by_sport(house: House) -> None:
    report = house.take(of_tree(soccer()), YEARS_ON).as_dict()
    assert report["matches"] == 3
    assert report["undecided"] == 0
    assert report["reasons"] == {"price_not_above_one": 1}
    football = report["sports"]["football"]
    assert football["called"] == "soccer"
    assert football["selections"] == football["mapped"] + football["unmapped"] == 25


def test_a_season_has_no_coverage_to_count(house: House, tmp_path: Path) -> None:
    report = house.take(reading.read(old(tmp_path)), YEARS_ON).as_dict()
    assert "sports" not in report
    assert report["results"] == report["matches"] > 0


def test_an_import_waits_for_nobody_who_holds_the_board(house: House) -> None:
    async def story() -> None:
        async with pools(house.urls) as (worker, _), leases.held(worker, hubs.LEASE, "a hub"):
            with pytest.raises(Unavailable):
                await importer.import_files(worker, of_tree(soccer()), MORNING)

    asyncio.run(story())


needs_capture = pytest.mark.skipif(
    not CAPTURE.is_file(), reason=f"the sample data is not there ({CAPTURE}); set OVERROUND_DATA"
)


def not_offerable() -> set[Key]:
    """Every selection of the capture that is not to be had by any of its prices."""
    files = reading.read(CAPTURE)
    shut: set[Key] = set()
    for batch in files.season.batches:
        for p in batch.prices:
            market = p.market
            if p.suspended:
                key = (batch.event.provider_event_id, market.market_type, market.period)
                shut.add((*key, market.line_q4, p.side))
    return shut


@needs_capture
def test_of_a_real_day_everything_whole_is_laid_and_nothing_stopped(house: House) -> None:
    files = reading.read(CAPTURE)
    done = house.take(files, MORNING)
    assert done.matches == 552
    laid = house.laid()
    opened = {key for key, state in laid.items() if state == "open"}
    assert house.count(NOT_OFFERABLE) == 0
    assert not opened & not_offerable()
    assert len(opened) > 30_000
    whole_markets: dict[tuple[Any, ...], int] = {}
    for batch in files.season.batches:
        for p in batch.prices:
            key = (batch.event.provider_event_id, p.market)
            whole_markets[key] = whole_markets.get(key, 0) + (not p.suspended)
    winners = {
        key[0]
        for key, sides in whole_markets.items()
        if key[1].market_type == "1x2" and key[1].period == "ft" and sides == 3
    }
    assert winners == {key[0] for key in opened if key[1:3] == ("1x2", "ft")}
