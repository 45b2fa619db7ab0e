"""From the provider to the board: what is pulled is handed over, taken, laid; killed or not."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, LiteralString

import pytest

from overround.core import ids
from overround.core.clock import SetClock
from overround.core.errors import Unavailable
from overround.db import polls
from overround.db.logins import Role
from overround.db.polls import Answer, Claim, Ending, Later, Terms
from overround.kit.breaker import Tolerance
from overround.kit.pace import Budget
from overround.kit.settings import Settings
from overround.odds import board as boards
from overround.odds import feeds
from overround.odds.feeds import Received
from overround.roles.attach import Endpoints
from overround.roles.hub import live as live_hub
from overround.roles.pull.reader import Bounds, Readers
from tests.roles import pulling
from tests.roles.pulling import sport
from tests.stories.world import AT, World, opened
from tests.support import misbehaving
from tests.support.misbehaving import Request, Server
from tests.support.waiting import POLL_S, until_async

Urls = Mapping[Role, str]

SECOND: Final = timedelta(seconds=1)
STARTS: Final = AT + timedelta(days=2)
TERMS: Final = Terms(2, Budget(600, 50), Tolerance(), 30.0)
NFL_PATH: Final = "/v4/sports/americanfootball_nfl/odds"
KEY: Final = "a-key-that-nobody-may-see"

HEAD: Final = (
    b"Div,Date,Time,HomeTeam,AwayTeam,B365H,B365D,B365A\n"
    b"E0,04/03/2026,15:00,Arsenal,Chelsea,2.10,3.40,3.60\n"
)


@asynccontextmanager
async def hub(
    urls: Urls, endpoints: Endpoints, world: World, clock: SetClock
) -> AsyncGenerator[None]:
    """A live hub for the length of the block."""
    del world
    stop = asyncio.Event()
    here = replace(endpoints, role_urls=urls)
    running = asyncio.create_task(live_hub.run(Settings(state=here.state), here, stop, (), clock))
    try:
        yield
    finally:
        stop.set()
        await running


async def counted(world: World, query: LiteralString, wanted: int) -> None:
    """Until the database holds so many."""
    found = -1
    for _ in range(3_000):
        found = await world.count(query)
        if found == wanted:
            return
        await asyncio.sleep(POLL_S)
    raise AssertionError(f"{found} and not {wanted} of {query}")


async def taken(world: World) -> None:
    """Until the hub has taken every letter."""
    await counted(world, "SELECT count(*) FROM inbox WHERE taken_at IS NULL", 0)


def test_what_is_pulled_is_laid(database_urls: Urls, endpoints: Endpoints) -> None:
    """From the provider's bytes to an open offer; and a price that moves moves it."""

    async def story() -> None:
        async with opened(database_urls) as world:
            await world.tenant("acme", margin_bps=0)
            async with (
                pulling.world(database_urls) as (db, server, pace),
                hub(database_urls, endpoints, world, SetClock(AT + timedelta(minutes=5))),
            ):
                server.serves["/fixtures.csv"] = misbehaving.in_turn(
                    misbehaving.body(HEAD, "text/csv"),
                    misbehaving.body(HEAD.replace(b"2.10", b"2.20"), "text/csv"),
                )
                said = pulling.settings(server, {"football_data": {"sports": {"fixtures": 60}}})
                async with pulling.pulling(db, server, pace, said) as run:
                    await run.run_for(0.2)
                    await taken(world)
                    assert await world.count("SELECT count(*) FROM offer WHERE state = 'open'") == 3
                    assert (
                        await world.count("SELECT max(price_e4) FROM price WHERE price_e4 < 30000")
                        == 21_000
                    )
                    await run.run_for(2)
                    await taken(world)
                    assert (
                        await world.count("SELECT max(price_e4) FROM price WHERE price_e4 < 30000")
                        == 22_000
                    )
                    states = await run.rows("SELECT DISTINCT problem FROM inbox")
                    assert states == [(None,)]

    asyncio.run(story())


def _pinnacle() -> tuple[bytes, bytes]:
    """Fixtures, and in another body the odds and the score."""
    last = int(AT.timestamp() * 1_000)
    starts = (AT - timedelta(minutes=20)).isoformat().replace("+00:00", "Z")
    fixture = {"id": 101, "home": "Arsenal", "away": "Chelsea", "starts": starts}
    league = {"id": 1980, "name": "England - Premier League"}
    prices = {"home": 2.1, "draw": 3.4, "away": 3.6}
    period = {"lineId": 1, "number": 0, "cutoff": starts, "status": 1, "moneyline": prices}
    event = {"id": 101, "homeScore": 1, "awayScore": 0, "periods": [period]}
    fixtures = {"sportId": 29, "last": last, "league": [league | {"events": [fixture]}]}
    odds = {"sportId": 29, "last": last, "leagues": [{"id": 1980, "events": [event]}]}
    return json.dumps(fixtures).encode(), json.dumps(odds).encode()


def test_prices_find_the_event_that_another_body_named(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    """Pinnacle names events in one answer and quotes them in another, with the score."""

    async def story() -> None:
        async with opened(database_urls) as world:
            fixtures, odds = _pinnacle()
            async with (
                pulling.world(database_urls) as (db, server, pace),
                hub(database_urls, endpoints, world, SetClock(AT + timedelta(minutes=1))),
            ):
                server.serves["/fixtures.csv"] = misbehaving.body(
                    HEAD.replace(b"04/03/2026,15:00", b"02/03/2026,11:40"), "text/csv"
                )
                server.serves["/v3/fixtures"] = misbehaving.body(fixtures)
                server.serves["/v4/odds"] = misbehaving.body(odds)
                for asked in (
                    {"football_data": {"sports": {"fixtures": 600}}},
                    {"pinnacle": {"keys": ["ann:word"], "sports": {"football": 600}}},
                ):
                    said = pulling.settings(server, asked)
                    async with pulling.pulling(db, server, pace, said) as run:
                        await run.run_for(0.2)
                        await taken(world)
                        pace.sleepers.clear()
                quoted = await run.rows(
                    "SELECT count(*) FROM price p JOIN source s ON s.id = p.source_id"
                    " WHERE s.key = 'pinnacle'"
                )
                assert quoted == [(3,)]
                assert await run.rows("SELECT scores FROM event_score") == [({"ft": [1, 0]},)]
                assert not await run.rows("SELECT 1 FROM quarantine WHERE reason = 'event_unknown'")

    asyncio.run(story())


def test_a_letter_that_is_taken_twice_changes_nothing(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            readers = Readers(1, Bounds(20, 1_500_000_000))
            read = await readers.read("football_data", "x", HEAD, Received(AT))
            await readers.close()
            async with world.worker.transaction(None) as conn:
                for n, letter in enumerate([*read.letters, *read.letters]):
                    at = AT + n * SECOND
                    await boards.hand_over(conn, ids.new(at), "football_data", "x", letter, at)
            async with hub(database_urls, endpoints, world, SetClock(AT + 9 * SECOND)):
                await taken(world)
            assert await world.count("SELECT count(*) FROM price_history") == 3
            assert await world.count("SELECT count(*) FROM inbox WHERE problem IS NULL") == 2

    asyncio.run(story())


# -- the claim ------------------------------------------------------------------------------------


def test_a_stalled_asker_is_fenced(database_urls: Urls) -> None:
    """Past its claim another asks, and what the first one then says is written nowhere."""

    async def story() -> None:
        async with opened(database_urls) as world:
            db = world.worker
            brief = replace(TERMS, claim_s=0.0)
            async with db.transaction(None) as conn:
                first = await polls.claim(conn, "generic", "nfl", brief, AT)
            async with db.transaction(None) as conn:
                second = await polls.claim(conn, "generic", "nfl", TERMS, AT + SECOND)
            assert isinstance(first, Claim)
            assert isinstance(second, Claim)
            late = Answer("/nfl", AT, AT, cursor="late")
            with pytest.raises(Unavailable, match="lost"):
                async with db.transaction(None) as conn:
                    await polls.keep(conn, first, late)
            ending = Ending("ok", AT + 60 * SECOND, 0, (), answered=True)
            with pytest.raises(Unavailable, match="lost"):
                async with db.transaction(None) as conn:
                    await polls.finish(conn, first, ending, TERMS.tolerance, AT)
            async with db.transaction(None) as conn:
                await polls.keep(conn, second, replace(late, cursor="in time"))
                await polls.finish(conn, second, ending, TERMS.tolerance, AT)
            async with db.transaction(None) as conn:
                kept = await polls.answers(conn, "generic", ["/nfl"])
                third = await polls.claim(conn, "generic", "nfl", TERMS, AT + 59 * SECOND)
            assert kept["/nfl"].cursor == "in time"
            assert third == Later(AT + 60 * SECOND, "not_due")

    asyncio.run(story())


# -- reading --------------------------------------------------------------------------------------


def test_a_parser_that_never_ends_costs_one_answer() -> None:
    """Its process is ended, and the next body is read by another."""

    async def story() -> None:
        readers = Readers(1, Bounds(0.01, 1_500_000_000))
        try:
            slow = await readers.read("football_data", "x", HEAD, Received(AT))
            readers.bound(Bounds(20, 1_500_000_000))
            good = await readers.read("football_data", "x", HEAD, Received(AT))
        finally:
            await readers.close()
        assert (slow.state, good.state, good.prices) == ("parse_timed_out", "ok", 3)

    asyncio.run(story())


def test_a_body_that_takes_all_memory_costs_itself() -> None:
    async def story() -> None:
        readers = Readers(1, Bounds(60, 300_000_000))
        try:
            body = b"[" + b'{"a":[1,2,3,4]},' * 2_500_000 + b"1]"
            large = await readers.read("the_odds_api", "x", body, Received(AT))
            good = await readers.read("football_data", "x", HEAD, Received(AT))
        finally:
            await readers.close()
        assert large.state in {"parse_memory", "parse_died"}
        assert good.state == "ok"

    asyncio.run(story())


def test_letters_say_what_the_body_said() -> None:
    """Whatever the shape: prices, quotes, scores and results come through as they were."""

    async def story() -> None:
        fixtures, odds = _pinnacle()
        readers = Readers(1, Bounds(20, 1_500_000_000))
        try:
            first = await readers.read("pinnacle", "fixtures", fixtures, Received(AT))
            second = await readers.read("pinnacle", "odds", odds, Received(AT, delta=True))
        finally:
            await readers.close()
        named, said = feeds.letter_of(first.letters[0]), feeds.letter_of(second.letters[0])
        assert [event.home for event in named.events] == ["Arsenal"]
        assert [one.snapshot for one in said.quotes] == [False]
        assert feeds.letter_of(second.letters[-1]).scores[0].scores == {"ft": (1, 0)}

    asyncio.run(story())


# -- killed ---------------------------------------------------------------------------------------


@contextmanager
def _role(state: Path, config: Path, urls: Urls, log: Path) -> Generator[subprocess.Popen[bytes]]:
    """`overround run pull` as a process, for the length of the block."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OVERROUND_")}
    environment |= {"DATABASE_URL": urls["owner"], "OVERROUND_STATE": str(state)}
    environment |= {f"OVERROUND_DATABASE__{role.upper()}_URL": url for role, url in urls.items()}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "overround.cli", "run", "pull", "--config", str(config)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@dataclass(slots=True)
class Half:
    """Half an answer, and then nothing, for ever."""

    sent: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, _request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n["
        )
        await writer.drain()
        self.sent.set()
        await asyncio.Event().wait()


def _config(server: Server) -> str:
    asked: dict[str, Any] = {
        "the_odds_api": {"base_url": server.url, "keys": [KEY], "sports": {"nfl": 1}},
        "generic": {"base_url": server.url, "sports": {"nba": sport("/feed", 600)}},
    }
    return json.dumps({"feeds": {"providers": asked}, "log": {"level": "debug"}})


def test_killed_while_it_asks(database_urls: Urls, endpoints: Endpoints, tmp_path: Path) -> None:
    """SIGKILL in the middle of an answer: nothing of it is written, the next process asks at once
    and hands on the whole of it; what was handed over before is there, and not asked for again."""
    log, config, half = tmp_path / "pull.log", tmp_path / "overround.yaml", Half()
    asking_nfl = "SELECT count(*) FROM poll WHERE token IS NOT NULL AND sport = 'nfl'"
    nfl_is_done = "SELECT count(*) FROM poll WHERE sport = 'nfl' AND state = 'ok'"
    nba_is_done = "SELECT count(*) FROM poll WHERE sport = 'nba' AND state = 'ok'"
    nfl_answers = "SELECT count(*) FROM poll_answer WHERE provider = 'the_odds_api'"

    async def story() -> None:
        async with (
            opened(database_urls) as world,
            misbehaving.misbehaving(lambda: datetime.now(UTC)) as server,
        ):
            now = datetime.now(UTC)
            server.serves[NFL_PATH] = misbehaving.in_turn(half, misbehaving.body(b"[]"))
            feed = misbehaving.feed("Ann", now + timedelta(days=1), now)
            server.serves["/feed"] = misbehaving.body(feed)
            config.write_text(_config(server))
            with _role(endpoints.state, config, database_urls, log) as process:
                async with asyncio.timeout(60):
                    await half.sent.wait()
                await counted(world, nba_is_done, 1)
                assert await world.count(asking_nfl) == 1
                process.send_signal(signal.SIGKILL)
            assert await world.count(nfl_answers) == 0
            assert len(server.times(NFL_PATH)) == 1
            with _role(endpoints.state, config, database_urls, log) as process:
                await counted(world, nfl_is_done, 1)
                process.send_signal(signal.SIGTERM)
                # Sooner than any provider that it may be asking is given up.
                await until_async(lambda: process.poll() is not None, "the role to end", 10)
            assert len(server.times("/feed")) == 1
            assert await world.count("SELECT count(*) FROM inbox") == 1

    asyncio.run(story())
    assert "pull.asked" in log.read_text()


def test_no_key_is_written_anywhere(
    database_urls: Urls, endpoints: Endpoints, tmp_path: Path
) -> None:
    """Not with every line of every library in the log, and not in a table."""
    log, config = tmp_path / "pull.log", tmp_path / "overround.yaml"
    everything = """
        SELECT string_agg(t::text, '') FROM
        (SELECT poll::text AS t FROM poll UNION ALL SELECT poll_provider::text FROM poll_provider
         UNION ALL SELECT poll_answer::text FROM poll_answer UNION ALL
         SELECT inbox::text FROM inbox UNION ALL SELECT provider_hour::text FROM provider_hour) q"""

    async def story() -> None:
        async with (
            opened(database_urls) as world,
            misbehaving.misbehaving(lambda: datetime.now(UTC)) as server,
        ):
            server.serves[NFL_PATH] = misbehaving.in_turn(
                misbehaving.redirect(f"{server.url}/elsewhere?apiKey={KEY}"),
                misbehaving.status(500, KEY.encode()),
                misbehaving.body(b"[]", etag='"1"'),
            )
            config.write_text(_config(server))
            with _role(endpoints.state, config, database_urls, log):
                await counted(
                    world, "SELECT count(*) FROM poll WHERE sport = 'nfl' AND state = 'ok'", 1
                )
            async with world.worker.reading(None) as conn:
                row = await (await conn.execute(everything)).fetchone()
            assert row is not None
            assert KEY not in row[0]
            assert any(one.query.get("apiKey") == KEY for one in server.asked)

    asyncio.run(story())
    assert KEY not in log.read_text()
    assert "pull.asked" in log.read_text()
