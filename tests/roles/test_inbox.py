"""Files for the hub that runs: handed over, taken between its ticks, refused where they must be."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from overround.core import ids
from overround.core.clock import SetClock
from overround.core.errors import Invalid
from overround.db import lease as leases
from overround.db.logins import Role
from overround.kit import loop
from overround.kit.settings import Settings
from overround.odds import board as boards
from overround.odds.feeds import (
    FeedBatch,
    FeedEvent,
    FeedMarket,
    FeedPrice,
    Parsed,
    Payload,
    football_data,
    letters_of,
)
from overround.roles.attach import Endpoints
from overround.roles.hub import inbox
from overround.roles.hub import live as live_hub
from overround.roles.hub import writer as hubs
from overround.roles.hub.writer import Hub
from tests.stories.world import AT, opened

Urls = Mapping[Role, str]

SECOND = timedelta(seconds=1)


def test_a_file_that_is_handed_over_is_taken_by_the_hub_that_runs(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    """Both ways of importing one file say the same; without a hub the import is the hub."""
    body = (
        b"Div,Date,Time,HomeTeam,AwayTeam,B365H,B365D,B365A,PSH,PSD,PSA\n"
        b"E0,03/03/2026,15:00,Arsenal,Chelsea,2.10,3.40,3.60,2.45,3.50,3.10\n"
    )
    given = [(football_data.PROVIDER, Payload("tomorrow.csv", body))]

    async def story() -> None:
        async with opened(database_urls) as world:
            await world.tenant("acme", margin_bps=0)
            stop, clock = asyncio.Event(), SetClock(AT)
            here = replace(endpoints, role_urls=database_urls)
            running = asyncio.create_task(
                live_hub.run(Settings(state=here.state), here, stop, (), clock)
            )
            async with asyncio.timeout(20):
                while not await world.count("SELECT count(*) FROM lease"):
                    await loop.wait(stop, 0.05)
            done = await inbox.import_path(world.worker, given, "tomorrow.csv", clock)
            assert (done["matches"], done["prices"], done["changed"]) == (1, 6, 6)
            assert await world.count("SELECT count(*) FROM offer WHERE state = 'open'") == 3
            assert await world.count("SELECT count(*) FROM inbox WHERE body <> ''") == 0
            nonsense = [(football_data.PROVIDER, Payload("bad.csv", b"Div,Date\n\xff"))]
            with pytest.raises(Invalid):
                await inbox.import_path(world.worker, nonsense, "bad.csv", clock)
            stop.set()
            await running
            again = await inbox.import_path(world.worker, given, "tomorrow.csv", clock)
            assert (again["matches"], again["changed"]) == (1, 0)

    asyncio.run(story())


def test_a_file_that_fails_the_hub_is_refused_at_last(
    database_urls: Urls, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It costs a few lives of the hub, and the next file is taken."""
    monkeypatch.setattr(live_hub, "_PAUSE_S", 0.01)
    head = b"Div,Date,Time,HomeTeam,AwayTeam,B365H,B365D,B365A\n"
    files = [
        Payload("bad.csv", head + b"E0,03/03/2026,15:00,Arsenal,Poison,2.10,3.40,3.60\n"),
        Payload("good.csv", head + b"E0,03/03/2026,15:00,Arsenal,Chelsea,2.10,3.40,3.60\n"),
    ]
    # What no reader of a file can foresee: the database itself will not have one of its events.
    break_it = """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN IF NEW.away = 'Poison' THEN RAISE 'poison'; END IF; RETURN NEW; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION refuse();"""
    with psycopg.connect(database_urls["owner"]) as conn:
        conn.execute(break_it)

    async def story() -> None:
        async with opened(database_urls) as world:
            stop, clock = asyncio.Event(), SetClock(AT)
            here = replace(endpoints, role_urls=database_urls)
            async with world.worker.transaction(None) as conn:
                for n, (name, body) in enumerate((one.name, one.body) for one in files):
                    at = AT + n * SECOND
                    await boards.hand_over(
                        conn, ids.new(at), football_data.PROVIDER.key, name, body, at
                    )
            running = asyncio.create_task(
                live_hub.run(Settings(state=here.state), here, stop, (), clock)
            )
            async with asyncio.timeout(20):
                while await world.count("SELECT count(*) FROM inbox WHERE taken_at IS NULL"):
                    await loop.wait(stop, 0.05)
            stop.set()
            await running
            assert await world.count("SELECT count(*) FROM inbox WHERE problem ~ '^bad.csv'") == 1
            assert await world.count("SELECT count(*) FROM inbox WHERE report IS NOT NULL") == 1
            assert await world.count("SELECT count(*) FROM event") == 1

    asyncio.run(story())


def test_what_is_refused_halfway_leaves_no_trace_in_the_memory(
    database_urls: Urls, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second price of a letter is of no market there is. The first had its place on the board
    by then, and the database knew nothing of it: a hub that went on so would journal prices of
    markets that are not there."""
    monkeypatch.setattr(live_hub, "_PAUSE_S", 0.01)
    event = FeedEvent(
        football_data.PROVIDER.key, "one", "football", "E0", "Premier League", "England",
        "Arsenal", "Chelsea", AT + timedelta(days=1),
    )  # fmt: skip
    good = tuple(
        FeedPrice("book", FeedMarket("1x2"), side, 30_000, "3.0")
        for side in ("home", "draw", "away")
    )
    bad = FeedPrice("book", FeedMarket("nonsense"), "home", 30_000, "3.0")
    said = [
        FeedBatch(event, AT, (*good, bad), snapshot=False),
        FeedBatch(event, AT + SECOND, good, snapshot=False),
    ]

    async def story() -> None:
        async with opened(database_urls) as world:
            clock = SetClock(AT)
            for n, batch in enumerate(said):
                at = AT + n * SECOND
                (letter,) = letters_of(f"letter {n}", Parsed([event], [batch], [], [], 1), at)
                async with world.worker.transaction(None) as conn:
                    await boards.hand_over(
                        conn, ids.new(at), event.provider, f"letter {n}", letter, at
                    )
            async with leases.held(world.worker, hubs.LEASE, hubs.HOLDER) as lease:
                with pytest.raises(Invalid):
                    await inbox.take_one(world.worker, Hub.empty(), lease, clock, asyncio.Lock())
            stop = asyncio.Event()
            here = replace(endpoints, role_urls=database_urls)
            running = asyncio.create_task(
                live_hub.run(Settings(state=here.state), here, stop, (), clock)
            )
            async with asyncio.timeout(20):
                while await world.count("SELECT count(*) FROM inbox WHERE taken_at IS NULL"):
                    await loop.wait(stop, 0.05)
            stop.set()
            await running
            assert await world.count("SELECT count(*) FROM inbox WHERE problem ~ '^letter 0'") == 1
            on_board = (
                "SELECT count(*) FROM price p JOIN selection s ON s.id = p.selection_id"
                " JOIN market m ON m.id = s.market_id WHERE p.state = 'open'"
            )
            assert await world.count(on_board) == await world.count("SELECT count(*) FROM price")
            async with world.worker.reading(None) as conn:
                found = await Hub.load_now(conn, [], AT + SECOND)
            assert found.board.open_count() == 3

    asyncio.run(story())


def test_reports_of_several_files_add_up() -> None:
    one = {"prices": 2, "sports": {"tennis": {"mapped": 1}}, "called": "a"}
    other = {"prices": 3, "sports": {"tennis": {"mapped": 2}, "golf": {"mapped": 4}}}
    assert inbox.added(one, other) == {
        "prices": 5,
        "sports": {"tennis": {"mapped": 3}, "golf": {"mapped": 4}},
        "called": "a",
    }
