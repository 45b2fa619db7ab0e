"""How long a suspension takes while many bet on its event: `python -m tests.proofs.crowded`.

32 players bet on one event without a pause, each in a transaction of its own; meanwhile the office
switches the event off and on. What is measured is the whole of the office's transaction, to the
commit after which no bet is taken, by a process of its own: who bets would delay who measures.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from overround.betting import bets, offers
from overround.betting.offers import Setting
from overround.db.logins import Role
from tests.stories.world import AT, Pick, World, opened
from tests.support.interleave import begin, commit, connected
from tests.support.servers import fresh_database, shared_servers

BETTORS: Final = 32
SUSPENSIONS: Final = 40
PRICE_E4: Final = 20_000
SIDES: Final = ("home", "draw", "away")


@dataclass(slots=True)
class Crowd:
    """What was seen: each suspension's milliseconds, the answers to the bets, and how many were
    taken that were asked for after a suspension's commit: none may be."""

    took_ms: list[float] = field(default_factory=list[float])
    answers: Counter[str] = field(default_factory=Counter[str])
    late: int = 0


@dataclass(slots=True)
class _Bettors:
    """Players who bet until it is over; `shut` while the event is."""

    world: World
    laid: list[UUID]
    seen: Crowd
    is_shut: bool = False
    is_over: bool = False
    enough: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def bet(self, number: int) -> None:
        tenant_id = self.world.tenants["acme"].id
        while not self.is_over:
            slip = self.world.slip(f"player{number}", 100, [(self.laid[number % 3], PRICE_E4)])
            was_shut = self.is_shut
            async with self.world.app.transaction(tenant_id) as conn:
                (told,) = await bets.place(conn, tenant_id, [slip])
            self.seen.late += was_shut and self.is_shut and told.kind == "accepted"
            self.seen.answers[told.refusal or told.kind] += 1
            async with self.enough:
                self.enough.notify_all()

    async def until_taken(self, more: int) -> None:
        """Wait until so many more bets were taken."""
        target = self.seen.answers["accepted"] + more
        async with self.enough:
            await self.enough.wait_for(lambda: self.seen.answers["accepted"] >= target)


async def suspended(
    urls: Mapping[Role, str], bettors: int = BETTORS, suspensions: int = SUSPENSIONS
) -> Crowd:
    """Suspend one event so many times while so many bet on it."""
    found = Crowd()
    async with opened(urls, live=True, connections=bettors + 2) as world:
        tenant_id = (await world.tenant("acme")).id
        for n in range(bettors):
            await world.player(f"player{n}", cash_minor=100_000_000)
        laid = [await world.lay(Pick("E1", "1x2", side), PRICE_E4) for side in SIDES]
        of_all = _Bettors(world, laid, found)
        words = urls["app"], str(tenant_id), str(world.events["E1"].event_id)
        office = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.proofs.crowded", *words,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert office.stdin is not None
        assert office.stdout is not None
        betting = [asyncio.create_task(of_all.bet(n)) for n in range(bettors)]
        for _ in range(suspensions):
            await of_all.until_taken(bettors)
            office.stdin.write(b"now\n")
            found.took_ms.append(float(await office.stdout.readline()))
            of_all.is_shut = True
            await asyncio.sleep(0)
            of_all.is_shut = False
            for side in SIDES:
                await world.lay(Pick("E1", "1x2", side), PRICE_E4)
        of_all.is_over = True
        await asyncio.gather(*betting)
        office.stdin.close()
        assert await office.wait() == 0
        assert await world.violations() == []
    return found


async def office(url: str, tenant_id: UUID, event_id: UUID) -> None:
    """Switch the event off whenever a line is read, and say how many milliseconds that took."""
    setting = Setting("event", str(event_id), False, None, 10_000)
    async with connected(url) as (conn,):
        while await asyncio.to_thread(sys.stdin.readline):
            started_s = time.perf_counter()
            await begin(tenant_id)(conn)
            assert await offers.switch(conn, tenant_id, setting, AT) == len(SIDES)
            await commit(conn)
            sys.stdout.write(f"{1_000 * (time.perf_counter() - started_s)}\n")
            sys.stdout.flush()


def figures(found: Crowd) -> str:
    """The measured times in a line."""
    median, worst = statistics.median(found.took_ms), max(found.took_ms)
    return (
        f"{len(found.took_ms)} suspensions while {found.answers.total()} bets were asked for:"
        f" median {median:.1f} ms, at most {worst:.1f} ms"
    )


def main(arguments: Sequence[str]) -> None:
    """Measure on servers of one's own; with arguments, be the office."""
    if arguments:
        url, tenant, event = arguments
        asyncio.run(office(url, UUID(tenant), UUID(event)))
        return
    with shared_servers() as endpoints, fresh_database(endpoints) as urls:
        sys.stdout.write(figures(asyncio.run(suspended(urls))) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
