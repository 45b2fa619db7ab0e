"""64 connections at once: slips, settlements, suspensions, limits. No floor or limit is broken."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final
from uuid import UUID

import pytest

from overround.betting import bets, offers
from overround.betting.offers import Setting
from overround.betting.settlement import Asked, Ruling, lift, propose, settle_due
from overround.core.errors import Conflict, Forbidden
from overround.core.principal import Principal
from overround.db import Connection
from overround.db.logins import Role
from overround.people import cashier
from tests.proofs import crowded
from tests.stories.world import Pick, World, opened

Urls = Mapping[Role, str]

SEED: Final = 7
PLAYERS: Final = 6
EVENTS: Final = 6
SLIPS: Final = 40
ROUNDS: Final = 5
PRICE_E4: Final = 20_000
PAYOUT_MAX_MINOR: Final = (2_000, 600)

# The greatest payout that a bet was taken with while the smaller limit held for its whole call.
TOO_LARGE: Final = "SELECT count(*) FROM bet WHERE potential_payout_minor > %s"
LOWEST: Final = "SELECT min(balance_after_minor) FROM entry WHERE version IS NOT NULL"
LIMIT: Final = "UPDATE tenant SET payout_max_minor = %s WHERE id = %s"


class Throng:
    """Everybody on one house; each does what it does in a transaction of its own."""

    def __init__(self, world: World, clerk: Principal, rng: random.Random) -> None:
        self.world = world
        self.clerk = clerk
        self.rng = rng
        self.tenant_id = world.tenants["acme"].id
        self.laid: dict[str, UUID] = {}
        self.seen: Counter[str] = Counter()

    def app(self) -> AbstractAsyncContextManager[Connection]:
        return self.world.app.transaction(self.tenant_id)

    async def bet(self) -> None:
        names = self.rng.sample(sorted(self.laid), self.rng.choice([1, 1, 2]))
        legs = [(self.laid[name], PRICE_E4) for name in names]
        player = f"player{self.rng.randrange(PLAYERS)}"
        slip = self.world.slip(player, self.rng.randint(100, 500), legs)
        async with self.app() as conn:
            (told,) = await bets.place(conn, self.tenant_id, [slip])
        self.seen[told.refusal or told.kind] += 1

    async def switch(self, name: str) -> None:
        event_id = self.world.events[name].event_id
        for enabled in (False, True):
            setting = Setting("event", str(event_id), enabled, None, 10_000)
            async with self.app() as conn:
                await offers.switch(conn, self.tenant_id, setting, self.world.at)
        await self.world.lay(Pick(name, "1x2", "home"), PRICE_E4)
        self.seen["switched"] += 1

    async def limit(self, payout_max_minor: int) -> None:
        async with self.world.worker.transaction(self.tenant_id) as conn:
            await conn.execute(LIMIT, [payout_max_minor, self.tenant_id])
        self.seen["limited"] += 1

    async def settle(self) -> None:
        async with self.world.worker.transaction(self.tenant_id) as conn:
            self.seen["settled"] += await settle_due(conn, self.tenant_id, self.world.at, 20)

    async def end(self, name: str) -> None:
        score = self.rng.choice([(1, 0), (0, 1)])
        await self.world.result(name, {"ft": score})
        self.seen["ended"] += 1

    async def rule(self, name: str) -> None:
        event_id = self.world.events[name].event_id
        try:
            async with self.app() as conn:
                self.seen["asked"] += 1
                asked = Asked(f"r{self.seen['asked']}", bytes(32))
                made = await propose(
                    conn, self.clerk, event_id, Ruling("hold"), "because", asked, self.world.at
                )
            async with self.app() as conn:
                await lift(conn, self.clerk, made.ruling.id, self.world.at)
        except (Conflict, Forbidden):
            # More than one person may do alone; it waits for another.
            self.seen["second person"] += 1

    async def withdraw(self, number: int) -> None:
        user_id = self.world.players["acme", f"player{number % PLAYERS}"]
        who = Principal(self.tenant_id, user_id, "player")
        async with self.app() as conn:
            asked = await cashier.withdraw(
                conn, who, "3.00", f"w{number}", bytes(32), self.world.at
            )
        self.seen[f"withdrawal {asked.payment.status}"] += 1


async def throng(urls: Urls) -> Counter[str]:
    """Rounds of everybody at once; what was seen."""
    async with opened(urls, live=True, connections=32) as world:
        await world.tenant("acme", payout_max_minor=PAYOUT_MAX_MINOR[0])
        for n in range(PLAYERS):
            await world.player(f"player{n}", cash_minor=5_000)
        all_of = Throng(world, await world.clerk(), random.Random(SEED))
        names = [f"E{n}" for n in range(EVENTS)]
        for name in names:
            all_of.laid[name] = await world.lay(Pick(name, "1x2", "home"), PRICE_E4)
        for played in range(ROUNDS):
            of_now = [
                *(all_of.bet() for _ in range(SLIPS)),
                *(all_of.switch(name) for name in names[played:]),
                *(all_of.limit(most) for most in PAYOUT_MAX_MINOR),
                *(all_of.settle() for _ in range(6)),
                *(all_of.withdraw(4 * played + n) for n in range(4)),
                all_of.end(names[played]),
                all_of.rule(names[max(0, played - 1)]),
            ]
            all_of.rng.shuffle(of_now)
            assert len(of_now) >= 55
            await asyncio.gather(*of_now)
        # The smaller limit from here on: nothing above it is taken any more.
        await all_of.limit(PAYOUT_MAX_MINOR[1])
        above = await world.count(TOO_LARGE, PAYOUT_MAX_MINOR[1], tenant="acme")
        await asyncio.gather(*(all_of.bet() for _ in range(SLIPS)))
        assert above == await world.count(TOO_LARGE, PAYOUT_MAX_MINOR[1], tenant="acme")
        await world.settle()
        assert await world.count(TOO_LARGE, PAYOUT_MAX_MINOR[0], tenant="acme") == 0
        assert await world.count(LOWEST, tenant="acme") >= 0
        assert await world.violations() == []
        return all_of.seen


def test_everybody_at_once_breaks_no_floor_and_no_limit(database_urls: Urls) -> None:
    seen = asyncio.run(throng(database_urls))
    for what in ("accepted", "payout_above_max", "event_started", "settled", "switched", "ended"):
        assert seen[what] > 0, seen


@pytest.mark.story
def test_a_suspension_is_not_starved(
    database_urls: Urls, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it takes is printed; on a machine that does other work too it is bounded loosely."""
    found = asyncio.run(crowded.suspended(database_urls, suspensions=3))
    with capsys.disabled():
        sys.stdout.write(f"\n{crowded.figures(found)}\n")
    assert found.late == 0
    assert found.answers["accepted"] >= 3 * crowded.BETTORS
    assert max(found.took_ms) < 5_000
