"""A served house under fire: bettors, results, and one killed process after the other.

Everything random follows from the seed, but the moments of real processes do not: a seed gives the
same shots in the same order, not the same run.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg

from overround.core.errors import OverroundError
from overround.db import Database, logins, migrate
from overround.kit.processes import ProcessKey
from overround.kit.settings import Settings
from overround.people.sessions import rules as session_rules
from overround.people.sessions import store as sessions_store
from overround.people.sessions.model import Session
from overround.roles import place
from overround.roles.archive import importer
from overround.roles.attach import attached
from tests.kill import punter
from tests.kill.fire import BACK_S, Victim, clean_environment, key_of, overround, superuser_url
from tests.kill.punter import Diary, Punters
from tests.stories.world import Pick, World
from tests.support.waiting import until

PRICE_E4: Final = 21_000
PRICE: Final = "2.10"
# More than all bets can cost: whoever has nothing left would ask for ever.
CASH_MINOR: Final = 100_000_000
NIL: Final = UUID(int=0)
PLAYERS: Final = 12
PROCESSES: Final = 2
SIDES: Final = ("home", "draw", "away")
SCORES: Final[dict[str, tuple[int, int]]] = {"home": (2, 0), "draw": (1, 1), "away": (0, 1)}
# What the limits of a public site would not let one machine do.
LIMITS: Final = {
    "OVERROUND_LIMITS__BETS_BURST": "1000000",
    "OVERROUND_LIMITS__BETS_PER_S": "100000",
    "OVERROUND_LIMITS__TENANT_BURST": "1000000",
    "OVERROUND_LIMITS__TENANT_PER_S": "100000",
}
# The servers' own parent is shot seldom: its children are started anew with it.
ROLES: Final[tuple[Victim, ...]] = ("api", "settle", "hub", "jobs", "postgres", "valkey", "servers")
WEIGHTS: Final = (5, 4, 1, 1, 5, 2, 1)


@dataclass(slots=True)
class Volley:
    """The house, its bettors and what has been done to them."""

    state: Path
    folder: Path
    port: int
    rng: random.Random
    bets: int
    tenant_id: UUID = NIL
    events: dict[UUID, dict[str, UUID]] = field(default_factory=dict[UUID, dict[str, UUID]])
    ended: dict[UUID, str] = field(default_factory=dict[UUID, str])
    users: dict[str, UUID] = field(default_factory=dict[str, UUID])
    serving: subprocess.Popen[str] | None = None
    crowds: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])
    shots: Counter[str] = field(default_factory=Counter[str])
    back_s: list[float] = field(default_factory=list[float])
    # Of each diary: how many bytes were looked at, and the answers in them.
    counted: list[list[int]] = field(default_factory=lambda: [[0, 0] for _ in range(PROCESSES)])

    # -- the house -----------------------------------------------------------------------------

    async def furnish(self, urls: dict[str, str], events: int) -> None:
        """A tenant, players with money and log-ins, events that are laid."""
        at = datetime.now(UTC)
        worker = await Database.open(urls["worker"], purpose="worker", size_max=2)
        app = await Database.open(urls["app"], purpose="app", size_max=2)
        world = World(worker, app, at, live=True)
        self.tenant_id = (await world.tenant("acme")).id
        for n in range(PLAYERS):
            name = f"player{n}"
            self.users[name] = await world.player(name, cash_minor=CASH_MINOR)
            session = Session(self.users[name], self.users[name], "test", at, at, False)
            async with app.transaction(self.tenant_id) as conn:
                token = session_rules.token_sha256(token_of(name))
                await sessions_store.insert(conn, self.tenant_id, session, token)
        for n in range(events):
            event_id = await world.event(f"E{n}", starts_at=at + timedelta(days=1))
            self.events[event_id] = {
                side: await world.lay(Pick(f"E{n}", "1x2", side), PRICE_E4) for side in SIDES
            }
        await app.close()
        await worker.close()
        for n in range(PROCESSES):
            self._punters(n)

    def _punters(self, number: int) -> None:
        names = [name for n, name in enumerate(self.users) if n % PROCESSES == number]
        punters = Punters(
            diary=str(self.folder / f"diary{number}.jsonl"),
            host=f"acme.localhost:{self.port}",
            port=self.port,
            seed=self.rng.randrange(1 << 30),
            bets=self.bets // PROCESSES,
            players={name: token_of(name) for name in names},
            events={
                str(key): [str(one) for one in its.values()] for key, its in self.events.items()
            },
            price=PRICE,
        )
        punter.write(punters, self.folder / f"punters{number}.json")

    def start_crowd(self, number: int) -> subprocess.Popen[bytes]:
        """The bettors' process of that number, from where its diary ends."""
        command = [
            sys.executable,
            "-m",
            "tests.kill.punter",
            str(self.folder / f"punters{number}.json"),
        ]
        return subprocess.Popen(command, env=clean_environment())

    def diaries(self) -> list[Diary]:
        """What the bettors wrote so far."""
        return [punter.read(self.folder / f"diary{n}.jsonl") for n in range(PROCESSES)]

    def lines(self) -> int:
        """How many answers there are: what was written since the last look is counted, not read."""
        for n in range(PROCESSES):
            with suppress(FileNotFoundError), (self.folder / f"diary{n}.jsonl").open("rb") as file:
                file.seek(self.counted[n][0])
                content = file.read()
                whole = content[: content.rfind(b"\n") + 1]
                self.counted[n][0] += len(whole)
                self.counted[n][1] += whole.count(b'{"answer"')
        return sum(answers for _, answers in self.counted)

    # -- what goes on meanwhile ----------------------------------------------------------------

    def result(self) -> None:
        """One more event has ended, as somebody of the platform enters it; told until it is in."""
        event_id = next(key for key in self.events if key not in self.ended)
        side = self.ended[event_id] = self.rng.choice(SIDES)

        def is_in() -> bool:
            try:
                asyncio.run(self._enter(event_id, side))
            except (psycopg.Error, OverroundError, OSError):
                return False
            return True

        until(is_in, "a result to be entered", BACK_S)

    async def _enter(self, event_id: UUID, side: str) -> None:
        url = login_url(self.state, "worker")
        worker = await Database.open(url, purpose="worker", size_max=1, acquire_timeout_s=5)
        try:
            await importer.enter_result(
                worker, event_id, status="finished", scores={"ft": SCORES[side]},
                entered_by="a person", at=datetime.now(UTC),
            )  # fmt: skip
        finally:
            await worker.close()

    def shoot(self) -> None:
        """Kill one process with SIGKILL, and wait until there is another one in its place."""
        assert self.serving is not None
        number = self.rng.randrange(8)
        if number < PROCESSES and self.crowds[number].poll() is None:
            self.crowds[number].kill()
            self.crowds[number].wait()
            self.crowds[number] = self.start_crowd(number)
            self.shots["bettors"] += 1
            return
        victim = self.rng.choices(ROLES, WEIGHTS)[0]
        before = self._until_there(victim)
        with suppress(ProcessLookupError):
            os.kill(before.pid, signal.SIGKILL)
        killed_s = time.monotonic()
        parent = self.serving.pid
        until(lambda: key_of(self.state, parent, victim) not in {None, before}, victim, BACK_S)
        self.back_s.append(time.monotonic() - killed_s)
        self.shots[victim] += 1
        assert self.serving.poll() is None, "serve ended"

    def _until_there(self, victim: Victim) -> ProcessKey:
        assert self.serving is not None
        parent = self.serving.pid
        until(lambda: key_of(self.state, parent, victim), victim, BACK_S)
        found = key_of(self.state, parent, victim)
        return found if found is not None else self._until_there(victim)

    def fire(self, kills: int) -> None:
        """Shoot as the bets come in, evenly; an event ends with every so many of them."""
        for kill in range(kills):
            due = self.bets * (kill + self.rng.random()) / (kills + 1)
            until(lambda due=due: self.lines() >= due or self.is_over(), "bets", BACK_S)
            self.shoot()
            if len(self.ended) < len(self.events) * 3 // 4 * kill // kills:
                self.result()
        until(self.is_over, "the last bets", 10 * BACK_S)
        assert [crowd.returncode for crowd in self.crowds] == [0] * PROCESSES
        while len(self.ended) < len(self.events):
            self.result()
        until(self.is_settled, "the last settlement", BACK_S)

    def is_over(self) -> bool:
        """Whether the bettors have placed their bets."""
        return all(crowd.poll() is not None for crowd in self.crowds)

    def is_settled(self) -> bool:
        """Whether nothing is due and no bet is open."""
        query = (
            "SELECT (SELECT count(*) FROM work_due)"
            " + (SELECT count(*) FROM bet WHERE status = 'open')"
        )
        try:
            with psycopg.connect(superuser_url(self.state), connect_timeout=2) as conn:
                row = conn.execute(query).fetchone()
        except (psycopg.Error, OSError):
            return False
        return row is not None and row[0] == 0


def token_of(name: str) -> str:
    """A log-in's token."""
    return name.rjust(43, "t")


def login_url(state: Path, role: logins.Role) -> str:
    """The database as one of the product's logins, without attaching. Raises OSError."""
    record = place.read_record(state)
    if record is None:
        raise OSError("the servers left no record")
    name = logins.login(role)
    password = logins.passwords(state).of(name)
    return logins.socket_url(name, password, Path(record.run), record.port, logins.DATABASE)


@contextmanager
def volley(state: Path, port: int, seed: int, bets: int, events: int) -> Generator[Volley]:
    """A house that is served and bet on until the block ends. Nothing of ours stays attached."""
    with ExitStack() as stack:
        found = Volley(state, state.parent, port, random.Random(seed), bets)
        with attached(Settings(state=state)) as endpoints:
            asyncio.run(migrate.migrate(endpoints.url("owner")))
            urls = {"worker": endpoints.url("worker"), "app": endpoints.url("app")}
            asyncio.run(found.furnish(urls, events))
            log = stack.enter_context((state.parent / "serve.log").open("w"))
            arguments = overround("serve", "--state", str(state), "--port", str(port))
            environment = {**clean_environment(), **LIMITS}
            found.serving = subprocess.Popen(
                arguments, stdout=log, stderr=log, text=True, env=environment
            )
            stack.callback(_stop, found.serving)
            found._until_there("api")
        found.crowds = [found.start_crowd(n) for n in range(PROCESSES)]
        stack.callback(lambda: [crowd.kill() for crowd in found.crowds])
        yield found


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(30)
    if process.poll() is None:
        process.kill()
        process.wait()
