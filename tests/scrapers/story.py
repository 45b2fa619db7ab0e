"""Three scrapers in real browsers feed one hub from the replica books while things go wrong.

    make scrapers                                      # ten minutes, with a report
    .venv/bin/python -m tests.scrapers.story --minutes 3 --seed 2

Arbitrages are planted all the time between books that are well; meanwhile one after another a book
freezes, logs everybody out, is rebuilt, and a scraper, the cache or the hub is killed. What the hub
broadcasts is compared with what was planted, to the millisecond of the same clock. The figures are
one JSON object on standard output, the report for people is on standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import UUID

import httpx2
import structlog

from overround import cache
from overround.cache import keys
from overround.core import ids, principal
from overround.db import Database, migrate, worker_keys
from overround.kit.settings import Settings
from overround.people import tenants
from overround.people.tenants import NewTenant
from overround.roles import place
from overround.roles.attach import Endpoints, attached
from overround.roles.scraping.worker_client import WorkerClient
from tests.kill.fire import clean_environment, overround
from tests.replicas.app import PASSWORD, USER, Replicas, served
from tests.replicas.market import BOOKS, Market, Match, Question
from tests.scrapers.judge import Heard, Report
from tests.support.servers import state_directory

HERE: Final = Path(__file__).parent
# Every fault has to be seen by then (the hub's own bound for a site that says nothing).
SUSPENDED_S: Final = 15.0
BACK_S: Final = 120.0
# Between two faults everything is well for a while.
CALM_S: Final = 8.0
FAULTS: Final = ("freeze", "logout", "rebuild", "kill scraper", "kill cache", "kill hub")
OBSERVER: Final = "watch"
# Of each process's log, when something never came.
_TOLD_CHARS: Final = 1_500


@dataclass(slots=True)
class House:
    """The processes: a hub and a scraper a book, and where their files are."""

    state: Path
    address: str
    hub_port: int
    over: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(
        default_factory=dict[str, "subprocess.Popen[bytes]"]
    )

    @property
    def hub(self) -> str:
        """Where the hub listens."""
        return f"http://127.0.0.1:{self.hub_port}"

    def start(self, name: str) -> None:
        """Start the hub, or the scraper of a book."""
        files = self.state.parent
        if name == "hub":
            arguments = ["run", "hub"]
        else:
            arguments = [
                "scrape", name, "--hub", self.hub, "--url", f"{self.address}/{name}/",
                "--token-file", str(files / f"{name}.token"),
                "--login-file", str(files / "account"), "--selectors", str(self.over / name),
            ]  # fmt: skip
        with (files / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                overround(*arguments, "--state", str(self.state)),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment(),
            )  # fmt: skip

    def kill(self, name: str) -> None:
        """SIGKILL, and start it again as a supervisor would."""
        self.processes[name].kill()
        self.processes[name].wait()
        self.start(name)

    def end(self) -> None:
        """Stop everything, by pid."""
        for process in self.processes.values():
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def log(self, name: str) -> str:
        """What a process has said."""
        return (self.state.parent / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def _environment(self) -> dict[str, str]:
        return clean_environment() | {
            "OVERROUND_HUB__PORT": str(self.hub_port),
            "OVERROUND_SCRAPE__PERMITTED": json.dumps(BOOKS),
        }


@dataclass(slots=True)
class Story:
    """One run: the house, the books, what is under a fault, and what was heard."""

    house: House
    replicas: Replicas
    random: Random
    endpoints: Endpoints
    book_id: UUID
    report: Report
    faulty: set[str] = field(default_factory=set[str])
    states: dict[str, str] = field(default_factory=dict[str, str])
    # Planting ends before watching does: what was planted last is heard to its end.
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    # -- what is seen ------------------------------------------------------------------------

    async def listen(self, token: str) -> None:
        """Hear every broadcast, with the time it came."""

        def hear(said: dict[str, Any]) -> None:
            if said.get("type") == "arbitrage:opportunities":
                self.report.heard.append(Heard.of(said, time.monotonic(), datetime.now(UTC)))

        while not self.stop.is_set():
            client = WorkerClient(
                f"ws://127.0.0.1:{self.house.hub_port}/ws", token,
                site=OBSERVER, worker_id=OBSERVER, hear=hear,
            )  # fmt: skip
            await client.run(self.stop)

    async def watch_workers(self) -> None:
        """How each site is doing, as the hub says."""
        async with httpx2.AsyncClient(timeout=2) as client:
            while not self.stop.is_set():
                try:
                    rows = (await client.get(f"{self.house.hub}/workers")).json()["workers"]
                    self.states = {row["site"]: row["state"] for row in rows}
                except (httpx2.HTTPError, ValueError, KeyError):
                    self.states = {}
                await asyncio.sleep(0.1)

    async def until(self, condition: Callable[[], bool], what: str, timeout_s: float) -> float:
        """Wait; the seconds it took. What never came is in the report."""
        began_s = time.monotonic()
        while not condition():
            if time.monotonic() - began_s > timeout_s:
                self.report.missed.append(what)
                for name in self.house.processes:
                    sys.stderr.write(f"-- {name}\n{self.house.log(name)[-_TOLD_CHARS:]}\n")
                break
            await asyncio.sleep(0.05)
        return time.monotonic() - began_s

    def is_live(self, book: str) -> bool:
        """Whether the hub takes the book's prices as they are."""
        return self.states.get(book) == "live"

    # -- what is done ------------------------------------------------------------------------

    async def plant(self, *, for_s: float = 3.0) -> bool:
        """One arbitrage between two books that are well, to its end; False where there are none.

        On a whole line there is none to plant: the stakes come back, and nothing is guaranteed.
        """
        well = [book for book in BOOKS if book not in self.faulty and self.is_live(book)]
        if len(well) < 2:
            return False
        first, second = self.random.sample(well, 2)
        match, question = self.random.choice(self.free())
        planted = self.replicas.market.plant(
            match.id, question, (first, second), time.monotonic(), for_s=for_s
        )
        await asyncio.sleep(planted.ends_at_s - time.monotonic() + 1.5)
        planted.counts = not self.faulty & {first, second} and bool(self.states)
        return True

    def free(self) -> list[tuple[Match, Question]]:
        """Where one may be planted: two on one line would make a third one of their legs."""
        market, now_s = self.replicas.market, time.monotonic()
        busy = {(p.match_id, p.question) for p in market.planted if now_s < p.ends_at_s + 1.5}
        lines: list[tuple[Match, Question, int]] = []
        # The first handicap is where a book is frozen.
        for match in market.matches[1:]:
            lines.append((match, "hdp", match.hdp_q4))
            lines.append((match, "ou", match.total_q4))
        return [(m, q) for m, q, line in lines if line % 4 and (m.id, q) not in busy]

    async def plant_on(self) -> None:
        """One after another until the end."""
        while not self.enough.is_set():
            if not await self.plant():
                await asyncio.sleep(0.2)

    @asynccontextmanager
    async def fault(self, kind: str, book: str) -> AsyncGenerator[None]:
        """Something is wrong with a book from here on, and known to be over at the end."""
        self.faulty.add(book)
        # What was planted with it may still stand.
        await asyncio.sleep(5.5)
        self.report.story.append((time.monotonic(), f"{kind} {book}"))
        yield
        took_s = await self.until(lambda: self.is_live(book), f"{kind} {book}: back", BACK_S)
        self.report.recovered.setdefault(kind, []).append(took_s)
        self.report.story.append((time.monotonic(), f"{book} is back"))
        self.faulty.discard(book)

    async def suspended(self, kind: str, book: str) -> None:
        """The hub has to hear of it in time."""
        took_s = await self.until(
            lambda: not self.is_live(book), f"{kind} {book}: suspended", SUSPENDED_S + 1
        )
        self.report.suspended.setdefault(kind, []).append(took_s)

    async def freeze(self, book: str = "sbo", other: str = "cmd") -> None:
        """A book freezes with a high price on it; that price against another's is no arbitrage."""
        market = self.replicas.market
        async with self.fault("freeze", book):
            match = market.matches[0]
            high = market.plant(
                match.id, "hdp", (book, other), time.monotonic(), apart_s=0.1, for_s=2.0
            )
            high.counts = False
            await asyncio.sleep(1.0)
            began_s = time.monotonic()
            self.replicas.fault(book, "freeze")
            await self.suspended("freeze", book)
            bait = market.plant(match.id, "hdp", ("", other), time.monotonic(), apart_s=0.1)
            bait.counts = False
            self.report.baits.append((match.home, (book, other), bait.second_at_s, bait.ends_at_s))
            await asyncio.sleep(5 + max(0.0, 9.0 - (time.monotonic() - began_s)))
            self.replicas.fault(book, "freeze", on=False)

    async def logout(self, book: str = "ibc") -> None:
        """Every session ends."""
        async with self.fault("logout", book):
            self.replicas.fault(book, "logout")
            await self.suspended("logout", book)

    async def rebuild(self, book: str = "cmd") -> None:
        """The site is built anew; the operator edits his YAML; later it is as it was."""
        over = self.house.over / book
        second = (HERE / f"{book}_second_edition.yaml").read_text(encoding="utf-8")
        for on, text in ((True, second), (False, "{}\n")):
            async with self.fault("markup", book):
                self.replicas.fault(book, "markup", on=on)
                await self.suspended("markup", book)
                over.write_text(text, encoding="utf-8")

    async def kill_scraper(self, book: str = "cmd") -> None:
        """A scraper dies without a word."""
        async with self.fault("kill", book):
            self.house.processes[book].kill()
            await self.suspended("kill", book)
            self.house.kill(book)

    async def kill_cache(self) -> None:
        """Valkey dies; nobody waits for it, and what the house lays is in it again when it is
        back."""
        key = keys.of_book(self.book_id, "offers")
        await self._until_laid(key, "the first offers")
        pid = self._cache_pid()
        os.kill(pid, signal.SIGKILL)
        self.report.story.append((time.monotonic(), "kill cache"))
        await self.until(lambda: self._cache_pid() not in (0, pid), "kill cache: another", BACK_S)
        took_s = await self._until_laid(key, "kill cache: back")
        self.report.story.append((time.monotonic(), "the cache is back"))
        self.report.recovered.setdefault("kill cache", []).append(took_s)

    def _cache_pid(self) -> int:
        record = place.read_record(self.house.state)
        return record.valkey.pid if record is not None and record.valkey is not None else 0

    async def _until_laid(self, key: str, what: str) -> float:
        """Wait until the cache holds what the house lays; the seconds it took."""
        laid = 0

        async def look() -> None:
            nonlocal laid
            while laid < 2 and not self.stop.is_set():
                with suppress(*cache.failures()):
                    client = cache.connect(self.endpoints.redis_url)
                    try:
                        laid = await client.hlen(key)
                    finally:
                        await client.aclose()
                await asyncio.sleep(0.05)

        looking = asyncio.create_task(look())
        try:
            return await self.until(looking.done, what, BACK_S)
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def kill_hub(self) -> None:
        """The hub dies; every scraper comes back by itself."""
        self.faulty |= set(BOOKS)
        await asyncio.sleep(5.5)
        self.house.kill("hub")
        self.report.story.append((time.monotonic(), "kill hub"))
        await self.until(lambda: not self.states, "hub: gone", 10)
        took_s = await self.until(lambda: all(map(self.is_live, BOOKS)), "hub: back", BACK_S)
        self.report.story.append((time.monotonic(), "hub and all books are back"))
        self.report.recovered.setdefault("kill hub", []).append(took_s)
        self.faulty.clear()


@asynccontextmanager
async def running(seed: int, hub_port: int, books_port: int = 0) -> AsyncGenerator[Story]:
    """A hub, three scrapers and the books, all live."""
    replicas = Replicas(Market(seed, datetime.now(UTC)))
    with state_directory() as state, served(replicas, books_port) as address:
        over = state.parent / "selectors"
        over.mkdir()
        for book in BOOKS:
            (over / book).write_text("{}\n", encoding="utf-8")
        (state.parent / "account").write_text(f"{USER}\n{PASSWORD}\n", encoding="utf-8")
        house = House(state, address, hub_port, over)
        with attached(Settings(state=state)) as endpoints:
            tokens, book_id = await _settled(endpoints)
            report = Report(replicas.market)
            story = Story(house, replicas, Random(seed), endpoints, book_id, report)
            for site, token in tokens.items():
                (state.parent / f"{site}.token").write_text(token, encoding="utf-8")
            async with _going(story, tokens[OBSERVER]):
                yield story


async def _settled(endpoints: Endpoints) -> tuple[dict[str, str], UUID]:
    """A schema, a worker's token for each site, and a tenant's book that lays what the sites
    quote."""
    await migrate.migrate(endpoints.url("owner"))
    database = await Database.open(endpoints.url("worker"), purpose="test", size_min=1, size_max=1)
    at = datetime.now(UTC)
    try:
        async with database.transaction(None) as conn:
            tokens = {
                site: (await worker_keys.add(conn, site, site, at))[1]
                for site in (*BOOKS, OBSERVER)
            }
        caller = principal.system(ids.new(at))
        asked = NewTenant("acme", "Acme", "ops@acme.example", "EUR", "Europe/Vienna")
        async with database.transaction(caller.tenant_id) as conn:
            tenant = await tenants.create(conn, caller, asked, at)
        return tokens, tenant.book_id
    finally:
        await database.close()


@asynccontextmanager
async def _going(story: Story, token: str) -> AsyncGenerator[None]:
    """The processes and whoever watches them, from the first boards to the end."""
    house = story.house
    tasks: list[asyncio.Task[None]] = []
    try:
        for name in ("hub", *BOOKS):
            house.start(name)
        tasks += [asyncio.create_task(story.listen(token))]
        tasks += [asyncio.create_task(story.watch_workers())]
        await story.until(lambda: all(map(story.is_live, BOOKS)), "the first boards", BACK_S)
        yield
    finally:
        story.stop.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        house.end()


async def play(
    minutes: float,
    seed: int,
    hub_port: int,
    faults: Sequence[str] = FAULTS,
    calm_s: float = CALM_S,
) -> Report:
    """Plant and break for so many minutes, each fault at least once."""
    async with running(seed, hub_port) as story:
        story.report.began_s = time.monotonic()
        until_s = story.report.began_s + minutes * 60
        planting = [asyncio.create_task(story.plant_on()) for _ in range(2)]
        turns: dict[str, Callable[[], Awaitable[None]]] = {
            "freeze": story.freeze, "logout": story.logout, "rebuild": story.rebuild,
            "kill scraper": story.kill_scraper, "kill cache": story.kill_cache,
            "kill hub": story.kill_hub,
        }  # fmt: skip
        for number in itertools.count():
            if number >= len(faults) and time.monotonic() >= until_s:
                break
            await turns[faults[number % len(faults)]]()
            await asyncio.sleep(calm_s)
        story.enough.set()
        await asyncio.gather(*planting)
        story.report.planted = story.replicas.market.planted
        return story.report


def main() -> None:
    """Play, and print what came of it; 1 when something is not as promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=8108)
    asked = parser.parse_args()
    # The figures have standard output for themselves.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    report = asyncio.run(play(asked.minutes, asked.seed, asked.port))
    sys.stderr.write(report.text())
    sys.stdout.write(json.dumps({"story": "scrapers", **report.figures()}) + "\n")
    sys.exit(1 if report.faults() else 0)


if __name__ == "__main__":
    main()
