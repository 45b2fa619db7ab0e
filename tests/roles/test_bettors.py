"""The demonstration's players against a real api process, on a small board whose prices move."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from overround.betting import risk
from overround.betting.offers import Offers, book_of
from overround.betting.risk import Wait
from overround.core import price
from overround.core.errors import Invalid, SettingsError
from overround.db.logins import Role
from overround.kit.settings import Settings
from overround.odds.feeds import FeedBatch, FeedEvent, FeedMarket, FeedPrice
from overround.roles.attach import Endpoints
from overround.roles.demo import bettors, diary
from overround.roles.demo import run as demo_run
from overround.roles.demo.bettors import Options
from overround.roles.demo.diary import Diary, Facts
from overround.roles.demo.run import DemoRun
from overround.roles.hub.writer import Hub
from tests.support.edge import AT, Edge, opened
from tests.support.ports import free_port
from tests.support.waiting import until, until_async

pytestmark = pytest.mark.story

Urls = Mapping[Role, str]

STARTS = datetime(2100, 1, 1, 15, 0, tzinfo=UTC)
SEEN_AT = STARTS - timedelta(days=3)
EVENTS = 6
FEW = Options(players_first=4, players_most=5, bets_per_s=25)
PRICES = (("2.00", "3.40", "4.20"), ("1.90", "3.60", "4.40"))


SERVE = """
import asyncio, sys
from overround.kit.settings import Settings, WebSettings
from overround.roles import api
settings = Settings(web=WebSettings(port=int(sys.argv[2])))
asyncio.run(api.run_until_signal(settings, sys.argv[1]))
"""


class Api:
    """An api process that is started, killed and started again on one port."""

    def __init__(self, urls: Urls) -> None:
        self.port = free_port()
        self._command = [sys.executable, "-c", SERVE, urls["app"], str(self.port)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it listens when this returns."""
        self._process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)
        until(self._answers, "the api to answer", 60)

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"http://127.0.0.1:{self.port}/healthz").is_success
        except httpx2.TransportError:
            return False


@contextmanager
def api(urls: Urls) -> Generator[Api]:
    """A running api."""
    made = Api(urls)
    try:
        made.start()
        yield made
    finally:
        made.kill()


class Board:
    """Six matches that two tenants lay, and a hub that moves their prices."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._hub = Hub.empty()

    async def open(self) -> None:
        """The tenants' books, and the first prices."""
        for tenant in self._edge.tenants.values():
            async with self._edge.worker_db.reading(tenant.id) as conn:
                book = await book_of(conn, tenant)
            self._hub.books.append(Offers(book))
        await self.move(PRICES[0])

    async def move(self, texts: tuple[str, str, str]) -> None:
        """The prices of all matches, from now on."""
        batches = [FeedBatch(_event(n), SEEN_AT, _prices(texts)) for n in range(EVENTS)]
        async with self._edge.worker_db.transaction(None) as conn:
            await self._hub.prices(conn, batches, {}, SEEN_AT)


def _event(n: int) -> FeedEvent:
    return FeedEvent(
        "football_data", f"m{n}", "football", "E0", "Premier League", "England",
        f"Home {n}", f"Away {n}", STARTS,
    )  # fmt: skip


def _prices(texts: tuple[str, str, str]) -> tuple[FeedPrice, ...]:
    return tuple(
        FeedPrice(source, FeedMarket("1x2"), side, price.parse_decimal(text), text)
        for source in ("bet365", "pinnacle")
        for side, text in zip(("home", "draw", "away"), texts, strict=True)
    )


def demo(state: Path, port: int, run: str = "r1") -> None:
    """The state directory is that of a demonstration."""
    begun = replace(DemoRun.begin(7, 60.0, AT, port, None), run=run)
    content = {**asdict(begun), "origin": begun.origin.isoformat()}
    (state / "demo.json").write_text(json.dumps(content))


@asynccontextmanager
async def betting(state: Path, urls: Urls, options: Options = FEW) -> AsyncGenerator[None]:
    """The role, running, its diary open; it has ended when the block ends."""
    run = demo_run.read(state).run
    stop = asyncio.Event()
    endpoints = Endpoints(state, "", urls)
    role = asyncio.create_task(bettors.run(Settings(), endpoints, stop, options))

    def begun() -> bool:
        assert not role.done(), role
        found = diary.read(state / diary.NAME)
        return found is not None and found.run == run

    try:
        await until_async(begun, "the diary")
        yield
        assert not role.done(), role
    finally:
        stop.set()
        await asyncio.wait_for(role, 30)


def told(state: Path) -> Facts:
    """What the players wrote down."""
    found = diary.read(state / diary.NAME)
    assert found is not None
    return found


def booked(urls: Urls) -> dict[str, str]:
    """Every bet of the books: its id -> the key it was asked under."""
    query = """SELECT b.id::text, r.key FROM bet b
    LEFT JOIN bet_request r ON r.tenant_id = b.tenant_id AND r.bet_id = b.id
    WHERE b.tenant_id = %s"""
    found: dict[str, str] = {}
    with psycopg.connect(urls["worker"]) as conn:
        for (tenant_id,) in conn.execute("SELECT id FROM tenant").fetchall():
            conn.execute("SELECT set_config('overround.tenant_id', %s, true)", [str(tenant_id)])
            found |= dict(conn.execute(query, [tenant_id]).fetchall())
    return found


def as_booked(facts: Facts) -> dict[str, str]:
    """The bets that the players were told of, in the form of `booked`."""
    return {bet: f"demo:{facts.run}:{which}" for bet, which in facts.bets.items()}


def open_keys(facts: Facts) -> set[str]:
    """The keys of what has no answer yet, or waits for one."""
    asked = {f"{ask.player}:{ask.n}" for ask in facts.asked.values()}
    waiting = {f"{player}:{n}" for player, slips in facts.waiting.items() for n in slips}
    return {f"demo:{facts.run}:{which}" for which in asked | waiting}


def test_players_join_pay_in_and_bet_at_both_tenants(database_urls: Urls, tmp_path: Path) -> None:
    wanted = {"accepted", "paid", "price_changed", "insufficient_funds", "legs_conflict"}

    def seen() -> bool:
        facts = told(tmp_path)
        hosts = {which.partition("-")[0] for which in facts.bets.values()}
        return wanted <= set(facts.outcomes) and hosts == {"acme", "sakura"}

    async def story() -> None:
        async with opened(database_urls) as edge:
            board = Board(edge)
            await board.open()
            with api(database_urls) as served:
                demo(tmp_path, served.port)
                async with betting(tmp_path, database_urls):
                    moves = asyncio.create_task(_move(board))
                    await until_async(seen, "bets and refusals of both tenants", 60)
                    moves.cancel()

    asyncio.run(story())
    facts = told(tmp_path)
    assert set(facts.members) == {f"{host}-{n}" for host in ("acme", "sakura") for n in range(5)}
    unknown = booked(database_urls).items() - as_booked(facts).items()
    assert as_booked(facts).items() <= booked(database_urls).items()
    assert {key for _, key in unknown} <= open_keys(facts)
    assert (tmp_path / diary.NAME).stat().st_mode & 0o777 == 0o600


async def _move(board: Board) -> None:
    for texts in itertools.cycle(PRICES):
        await board.move(texts)
        await asyncio.sleep(0.3)


def test_an_api_that_was_killed_is_asked_again(database_urls: Urls, tmp_path: Path) -> None:
    def accepted() -> int:
        return told(tmp_path).outcomes["accepted"]

    async def story() -> None:
        async with opened(database_urls) as edge:
            await Board(edge).open()
            with api(database_urls) as served:
                demo(tmp_path, served.port)
                async with betting(tmp_path, database_urls):
                    await until_async(lambda: accepted() >= 10, "the first bets", 60)
                    served.kill()
                    await until_async(lambda: told(tmp_path).asked, "one without an answer", 60)
                    before = accepted()
                    await asyncio.to_thread(served.start)
                    await until_async(lambda: accepted() >= before + 10, "bets again", 60)
                    # Whoever was asking when it died has his answer by now or gets it soon.
                    await until_async(lambda: accepted() >= before + 20, "and more", 60)

    asyncio.run(story())
    facts = told(tmp_path)
    found = booked(database_urls)
    assert as_booked(facts).items() <= found.items()
    assert {key for bet, key in found.items() if bet not in facts.bets} <= open_keys(facts)


def test_a_killed_process_is_followed_by_one_that_asks_the_same_again(
    database_urls: Urls, tmp_path: Path
) -> None:
    async def story(port: int) -> None:
        async with betting(tmp_path, database_urls):
            await until_async(lambda: told(tmp_path).bets, "a bet", 60)
        # What a process leaves that was killed between the server's answer and its own note of it.
        book = Diary(tmp_path / diary.NAME, "r1")
        ask = book.facts.asked.get("acme-0") or book.asks("acme-0", "bets", await _slip(port))
        book.close()
        async with client(port, book.facts.members["acme-0"].token) as acme:
            key = {"Idempotency-Key": f"demo:r1:acme-0:{ask.n}"}
            placed = await acme.post("/bets", json=ask.body, headers=key)
        assert placed.is_success, placed.text
        bet_id: str = placed.json()["bet_id"]
        async with betting(tmp_path, database_urls):
            await until_async(lambda: bet_id in told(tmp_path).bets, "the bet to be known", 60)
        assert told(tmp_path).bets[bet_id] == f"acme-0:{ask.n}"

    async def whole() -> None:
        async with opened(database_urls) as edge:
            await Board(edge).open()
            with api(database_urls) as served:
                demo(tmp_path, served.port)
                await story(served.port)

    asyncio.run(whole())
    found = booked(database_urls)
    assert len(set(found.values())) == len(found)
    assert as_booked(told(tmp_path)).items() <= found.items()


def test_players_whose_slips_wait_go_on_with_other_things(
    database_urls: Urls, tmp_path: Path
) -> None:
    few = Options(players_first=2, players_most=2, bets_per_s=25)

    def full() -> bool:
        waiting = told(tmp_path).waiting
        return len(waiting) == 4 and all(len(of) == bettors.WAITING_MAX for of in waiting.values())

    async def story(edge: Edge, port: int) -> None:
        everything = Wait("house", "house", 0, None)
        for tenant in edge.tenants.values():
            async with edge.app_db.transaction(tenant.id) as conn:
                await risk.set_wait(conn, tenant.id, everything)
        async with betting(tmp_path, database_urls, few):
            # Nobody looks at any slip; each player has sent as many as he may, and not one.
            await until_async(full, "as many slips of each as may wait", 60)
        assert told(tmp_path).bets == {}
        for tenant in edge.tenants.values():
            async with edge.app_db.transaction(tenant.id) as conn:
                await risk.set_wait(conn, tenant.id, replace(everything, approve_win_minor=None))
        member = told(tmp_path).members["acme-0"]
        path = next(iter(told(tmp_path).waiting["acme-0"].values()))
        async with client(port, member.token) as acme:
            assert (await acme.post(f"{path}/withdraw")).is_success
        async with betting(tmp_path, database_urls, few):
            await until_async(lambda: told(tmp_path).bets, "a bet", 60)
            await until_async(
                lambda: told(tmp_path).outcomes["slip_withdrawn"], "what became of a slip", 60
            )

    async def whole() -> None:
        async with opened(database_urls) as edge:
            await Board(edge).open()
            with api(database_urls) as served:
                demo(tmp_path, served.port)
                await story(edge, served.port)

    asyncio.run(whole())


def client(port: int, token: str = "") -> httpx2.AsyncClient:
    """A client of acme."""
    headers = {"Host": f"acme.localhost:{port}"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1", headers=headers)


async def _slip(port: int) -> dict[str, Any]:
    async with client(port) as acme:
        board = (await acme.get("/board")).json()
    first = board["items"][0]["markets"][0]["selections"][0]
    leg = {"selection_id": first["selection_id"], "price": first["price"]}
    return {"legs": [leg], "stake": "1.00", "odds_policy": "any", "tolerance_bps": 0}


def test_who_is_registered_or_logged_out_logs_in(database_urls: Urls, tmp_path: Path) -> None:
    def members() -> Mapping[str, diary.Member]:
        return told(tmp_path).members

    async def story(port: int) -> None:
        book = Diary(tmp_path / diary.NAME, "r1")
        # Registered, and the answer was lost.
        credentials = {"email": "acme-0.r1@demo.example", "password": book.facts.password}
        async with client(port) as acme:
            body = {**credentials, "display_name": "Player 0"}
            assert (await acme.post("/users", json=body)).is_success
        # A session that is over.
        old = "A" * 43
        book.joined("acme-1", old)
        async with client(port) as acme:
            body = {**body, "email": "acme-1.r1@demo.example"}
            assert (await acme.post("/users", json=body)).is_success
        book.close()
        async with betting(tmp_path, database_urls):
            await until_async(lambda: "acme-0" in members(), "the first player", 60)
            await until_async(lambda: members()["acme-1"].token != old, "the second", 60)

    async def whole() -> None:
        async with opened(database_urls) as edge:
            await Board(edge).open()
            with api(database_urls) as served:
                demo(tmp_path, served.port)
                await story(served.port)

    asyncio.run(whole())


def test_without_a_server_they_wait_and_can_be_stopped(database_urls: Urls, tmp_path: Path) -> None:
    async def story() -> None:
        demo(tmp_path, free_port())
        async with betting(tmp_path, database_urls):
            await asyncio.sleep(0)
        assert told(tmp_path).members == {}

    asyncio.run(story())


def test_another_run_begins_with_other_players(database_urls: Urls, tmp_path: Path) -> None:
    async def story(run: str) -> Facts:
        with api(database_urls) as served:
            demo(tmp_path, served.port, run)
            async with betting(tmp_path, database_urls):
                await until_async(lambda: len(told(tmp_path).members) == 10, "the players", 60)
        return told(tmp_path)

    async def whole() -> None:
        async with opened(database_urls):
            first, second = await story("r1"), await story("r2")
        assert (first.run, second.run) == ("r1", "r2")
        assert first.password != second.password
        assert not {m.token for m in first.members.values()} & {
            m.token for m in second.members.values()
        }

    asyncio.run(whole())


def test_a_directory_without_a_demonstration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="names no demonstration"):
        asyncio.run(bettors.run(Settings(), Endpoints(tmp_path, "", {}), asyncio.Event()))


@pytest.mark.parametrize(
    "values", [(0, 10, 1.0), (10, 9, 1.0), (1, 1_001, 1.0), (1, 1, 0.0), (1, 1, 25.1)]
)
def test_a_crowd_has_bounds(values: tuple[int, int, float]) -> None:
    with pytest.raises(Invalid):
        Options(*values)
