"""What is said to have happened is believed only where it can be."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from overround.core.endings import ResultStatus
from overround.core.errors import Invalid
from overround.db.logins import Role
from overround.odds import catalogue
from tests.stories.world import AT, World, opened

Urls = Mapping[Role, str]
Scores = dict[str, tuple[int, int]]

REFUSED: list[tuple[ResultStatus, Scores]] = [
    ("finished", {}),
    ("finished", {"ht": (1, 0)}),
    ("finished", {"s1": (6, 4)}),
    ("finished", {"ft": (1, 0), "ht": (2, 0)}),
    ("finished", {"ft": (1, 0), "xx": (2, 0)}),
    ("finished", {"ft": (1_000, 0)}),
    ("cancelled", {"ft": (1, 0)}),
    ("walkover", {"sets": (2, 0)}),
    ("retired", {"sets": (1, 0), "advanced": (1, 1)}),
]
TAKEN: list[tuple[ResultStatus, Scores, str]] = [
    ("finished", {"ft": (1, 0), "corners": (3, 9)}, "ended"),
    ("finished", {"final": (101, 99)}, "ended"),
    ("finished", {"sets": (2, 1)}, "ended"),
    ("abandoned", {"ft": (1, 0)}, "abandoned"),
    ("retired", {"sets": (1, 0), "advanced": (0, 1)}, "ended"),
    ("walkover", {"advanced": (0, 1)}, "cancelled"),
    ("postponed", {}, "postponed"),
]


async def said(world: World, status: ResultStatus, scores: Scores) -> str:
    """Records the result of E1; the event's status afterwards."""
    async with world.worker.transaction(None) as conn:
        event_id = world.events["E1"].event_id
        happened = catalogue.Happened(event_id, status, scores, "a feed", AT)
        await catalogue.record_results(conn, [happened])
        return (await catalogue.events_by_id(conn, [event_id]))[event_id].status


def test_a_result_that_cannot_be_is_refused(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await world.event("E1")
            for status, scores in REFUSED:
                with pytest.raises(Invalid) as refused:
                    await said(world, status, scores)
                assert refused.value.code == "result_impossible", (status, scores)
            assert await world.count("SELECT count(*) FROM result") == 0

    asyncio.run(story())


def test_every_way_to_end_is_recorded_and_closes_the_event(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await world.event("E1")
            for status, scores, expected in TAKEN:
                assert await said(world, status, scores) == expected
            assert await world.count("SELECT count(*) FROM result") == len(TAKEN)

    asyncio.run(story())
