"""Many sources in one catalogue: saved bodies of three providers, and pairs that people checked.

The Odds API's snapshot, Pinnacle's fixtures and football-data's fixtures are loaded one after the
other; then come fixtures of the labelled pairs as a further source names them, each of which is
known to be one of those events, or known not to be. One event per real fixture means: every one of
the sample is on the event of its pair, or waits for a person, and none is on another.
"""

from __future__ import annotations

import asyncio
import csv
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from overround.db.logins import Role
from overround.odds import feeds
from overround.odds.feeds import FeedEvent
from overround.odds.feeds.football_data.words import DIVISIONS
from overround.roles.archive import files
from tests.stories.world import World, opened

Urls = Mapping[Role, str]

ROOT: Final = Path(__file__).resolve().parents[2]
DATA: Final = Path(os.environ.get("OVERROUND_DATA", ROOT.parent / "shared" / "data"))
BODIES: Final = (
    "the-odds-api/snapshot-2026-04-16",
    "pinnacle-ps3838/fixtures.json.gz",
    "football-data/extra/fixtures_2026-05-23.csv",
)
# Before the first start of all of them, so that everything is ahead.
AT: Final = datetime(2025, 3, 1, tzinfo=UTC)
SAMPLE: Final = 200
# The pairs' name of a source -> its provider with us, and where its id stands in the reference.
LOADED: Final = {"the-odds-api": "the_odds_api", "ps3838": "pinnacle"}

pytestmark = pytest.mark.skipif(
    not all((DATA / body).exists() for body in (*BODIES, "match-pairs.csv")),
    reason=f"the sample data are not at {DATA}",
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A fixture that is loaded, and one that another source names; `same` is what people say."""

    loaded: tuple[str, str]
    other: FeedEvent
    same: bool
    kind: str


def bodies() -> list[list[FeedEvent]]:
    return [list(files.read(DATA / body, feeds.PROVIDERS).season.events) for body in BODIES]


def pairs(loaded: Iterable[FeedEvent]) -> list[Pair]:
    """The labelled pairs of which one side is loaded, in the file's order."""
    known = {event.key: event for event in loaded}
    found: list[Pair] = []
    with (DATA / "match-pairs.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for ours, theirs in (("a", "b"), ("b", "a")):
                provider = LOADED.get(row[f"{ours}_source"])
                key = (provider or "", row[f"{ours}_ref"].rpartition("/")[2])
                if key in known and row[f"{theirs}_source"] not in LOADED:
                    found.append(Pair(key, named(row, theirs), row["label"] == "1", row["kind"]))
                    break
    return found


def named(row: Mapping[str, str], side: str) -> FeedEvent:
    """One side of a pair as its source would send it."""
    league = row[f"{side}_league"]
    return FeedEvent(
        row[f"{side}_source"],
        row[f"{side}_ref"],
        row["sport"],
        league,
        # As football-data's own parser names its codes, which the other statisticians use too.
        DIVISIONS.get(league, ("", league))[1],
        # Of clubs of two countries the file names one, which need not be this one's.
        "" if row["kind"] == "homonym_other_country" else row["country"],
        row[f"{side}_home"],
        row[f"{side}_away"],
        datetime.fromisoformat(row[f"{side}_kickoff_utc"]),
    )


async def load(world: World, events: Iterable[FeedEvent]) -> None:
    async with world.worker.transaction(None) as conn:
        await world.hub.know(conn, list(events), AT)


async def verdicts(world: World) -> list[tuple[Pair, str]]:
    """What became of every pair: one event ("same"), two ("apart"), or a person is asked."""
    said = bodies()
    for events in said:
        await load(world, events)
    found = pairs(event for events in said for event in events)
    await load(world, {pair.other.key: pair.other for pair in found}.values())
    known = world.hub.events
    told: list[tuple[Pair, str]] = []
    for pair in found:
        ours, theirs = known.get(pair.loaded), known.get(pair.other.key)
        if ours is None or theirs is None:
            told.append((pair, "asked"))
        else:
            told.append((pair, "same" if ours.event_id == theirs.event_id else "apart"))
    return told


def test_a_fixture_of_many_sources_is_one_event(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            told = await verdicts(world)
        merged = [pair for pair, verdict in told if not pair.same and verdict == "same"]
        assert merged == []
        found = [verdict for pair, verdict in told if pair.same]
        assert len(found) > 1_300
        assert Counter(found)["apart"] == 0
        assert Counter(found)["same"] / len(found) > 0.95
        # The checked sample, spread over the whole file: none on another event.
        sample = Counter(found[:: len(found) // SAMPLE][:SAMPLE])
        assert sample.total() == SAMPLE
        assert sample["apart"] == 0
        assert sample["same"] >= 0.95 * SAMPLE

    asyncio.run(story())
