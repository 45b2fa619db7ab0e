"""The simulator's races, alone and through the hub into a book."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from overround.betting import offers
from overround.betting.offers import Book, Offers
from overround.core import place_terms, positions
from overround.core.positions import WITHDRAWN
from overround.db.logins import Role
from overround.odds import catalogue
from overround.odds.board import SourceKind
from overround.odds.feeds.model import FeedBatch, FeedResult
from overround.odds.feeds.simulator import Simulator, races
from tests.stories.world import World, opened

ORIGIN = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def said(minutes: list[float]) -> tuple[dict[tuple[str, int], FeedBatch], list[FeedResult]]:
    """What is said of races in these minutes of the wall, which are the simulation's."""
    feed = Simulator(3, ORIGIN, 1.0, has_races=True)
    batches: dict[tuple[str, int], FeedBatch] = {}
    results: list[FeedResult] = []
    for minute in minutes:
        found = feed.until(ORIGIN + timedelta(minutes=minute))
        for batch in found.batches:
            if batch.event.runners:
                named = replace(batch, observed_at=ORIGIN)
                batches[batch.event.provider_event_id, races.look(minute)] = named
        results += [result for result in found.results if result.positions is not None]
    return batches, results


async def heard(world: World, feed: Simulator, minute: float) -> None:
    """The world's hub hears what the feed says of races by that minute."""
    world.at = ORIGIN + timedelta(minutes=minute)
    found = feed.until(world.at)
    batches = [batch for batch in found.batches if batch.event.runners]
    events = [event for event in found.events if event.runners]
    kinds: dict[str, SourceKind] = {
        price.source: feed.source_kind(price.source) for b in batches for price in b.prices
    }
    results = [result for result in found.results if result.positions is not None]
    async with world.worker.transaction(None) as conn:
        await world.hub.know(conn, events, world.at, batches)
        await world.hub.prices(conn, batches, kinds, world.at)
        await world.hub.start_due(conn, world.at)
        await world.hub.results(conn, results, [world.tenants["acme"].id], world.at)


def test_races_are_said_the_same_however_often() -> None:
    batches, results = said([0, 5, 5.5, 9, 15])
    seldom, same_results = said([6, 15])
    assert {key: batch for key, batch in batches.items() if key in seldom} == seldom
    assert results == same_results
    assert len(results) == 1


def test_the_truth_has_every_race_that_is_said() -> None:
    ends_min = 45.0
    feed = Simulator(3, ORIGIN, 1.0, ends_after_min=ends_min, has_races=True)
    named: set[str] = set()
    results: dict[str, dict[str, int] | None] = {}
    for minute in range(int(ends_min) + 1):
        found = feed.until(ORIGIN + timedelta(minutes=minute))
        named |= {event.provider_event_id for event in found.events if event.runners}
        results |= {r.provider_event_id: r.positions for r in found.results if r.positions}
    truth = cast("dict[str, dict[str, Any]]", feed.truth()["races"])
    assert len(named) == len(truth)
    over = [race["positions"] for race in truth.values() if race["minute"] <= ends_min]
    assert over == list(results.values())
    assert len(over) == 2


@pytest.mark.parametrize("first_min", [races.FIRST_MIN, races.FIRST_MIN + races.REPORTED_AFTER_MIN])
def test_whoever_listens_late_hears_of_races_that_are_run(
    database_urls: dict[Role, str], first_min: float
) -> None:
    over = races.race(3, 0)

    async def story() -> None:
        async with opened(database_urls) as world:
            await world.tenant("acme")
            feed = Simulator(3, ORIGIN, 1.0, has_races=True)
            await heard(world, feed, first_min)
            await heard(world, feed, over.reported_min + 1)
            (ours,) = [one for key, one in world.hub.events.items() if key[1].endswith("race-0")]
            async with world.worker.reading(None) as conn:
                found = await catalogue.events_by_id(conn, [ours.event_id])
            assert found[ours.event_id].status == "ended"

    asyncio.run(story())


def test_a_race_is_named_once() -> None:
    for first in (0, 12, 15):
        feed = Simulator(3, ORIGIN, 1.0, has_races=True)
        told = [feed.until(ORIGIN + timedelta(minutes=minute)) for minute in range(first, 20)]
        named = [one.home for said in told for one in said.events if one.runners]
        assert named.count(races.race(3, 0).name) == 1


def test_a_race_is_a_contest_that_can_be() -> None:
    found = [races.race(3, n) for n in range(200)]
    for race in found:
        assert positions.contradiction(race.positions) is None
        assert set(race.positions) == set(race.runners)
        assert all(positions.RUNNER.fullmatch(runner) for runner in race.runners)
        assert place_terms.parse(race.place_terms).places <= len(race.runners)
        quoted = list(races.prices(3, race, 2))
        for key in {one.source for one in quoted}:
            booksum = sum(10_000 / one.price_e4 for one in quoted if one.source == key)
            assert 1 < booksum < 1.6
    assert any(WITHDRAWN in race.positions.values() for race in found)
    assert any(list(race.positions.values()).count(2) == 2 for race in found)


def test_a_race_is_laid_bet_on_each_way_and_settled(database_urls: dict[Role, str]) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            tenant = await world.tenant("acme")
            await world.player("ann", cash_minor=10_000)
            world.hub.books = [Offers(Book(tenant.book_id, tenant.id, tenant.margin_bps))]
            feed = Simulator(3, ORIGIN, 1.0, has_races=True)
            race = races.race(3, 0)
            await heard(world, feed, 1)
            best = min(race.positions, key=lambda runner: race.positions[runner] or 999)
            (ours,) = [
                found for key, found in world.hub.events.items() if key[1].endswith("race-0")
            ]
            async with world.app.reading(tenant.id) as conn:
                lines = await offers.board(conn, tenant.book_id, [ours.event_id])
            assert {one.side for one in lines} == set(race.runners)
            assert {one.place_terms for one in lines} == {race.place_terms}
            line = next(one for one in lines if one.side == best)
            slip = world.slip("ann", 1_000, [(line.selection_id, line.price_e4)])
            (placed,) = await world.place([replace(slip, each_way=True)])
            assert placed.kind == "accepted"
            await heard(world, feed, race.reported_min)
            assert await world.settle() == 1
            paid = placed.answer["potential_payout_minor"]
            assert (await world.balance("ann")).cash_minor == 9_000 + paid
            assert not await world.violations()

    asyncio.run(story())
