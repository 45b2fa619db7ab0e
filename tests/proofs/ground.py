"""Where two transactions are let loose on each other: one database for all orders of all pairs.

Each order has an event and a player of its own, so that orders do not meet. They are made many at a
time, because there are more orders than anything else here.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from psycopg.conninfo import conninfo_to_dict

from overround.betting import bets
from overround.betting.offers import OfferState
from overround.betting.offers import store as offers_store
from overround.betting.settlement import settle_due
from overround.core import ids
from overround.db import Connection
from overround.db.logins import Role
from overround.odds import catalogue
from overround.people import cashier, users
from overround.people.users import NewUser
from overround.roles.attach import Endpoints
from tests.stories.world import AT, PROVIDER, World, opened
from tests.support import interleave
from tests.support.gates import Functions, functions
from tests.support.interleave import Body, Run, Scheduler, Transaction
from tests.support.servers import fresh_database

CASES_AT_ONCE: Final = 24
PRICE_E4: Final = 20_000
CASH_MINOR: Final = 1_000


@dataclass(frozen=True, slots=True)
class Case:
    """A player with 10.00 and an event of their own; `home` and `away` are laid at 2.00."""

    name: str
    user_id: UUID
    event: str
    event_id: UUID
    home: UUID
    away: UUID


Prepare = Callable[[Case], Awaitable[Any]]
Pair = Callable[[Case], tuple[Body, Body]]
Verdict = Callable[[Case, Run], Awaitable[str]]


@dataclass(slots=True)
class Ground:
    """The world that all cases are in, its functions, and the loop that everything runs on."""

    world: World
    functions: Functions
    urls: Mapping[Role, str]
    superuser: str
    runner: asyncio.Runner
    made: int = 0
    _spare: list[Case] = field(default_factory=list[Case])

    @property
    def tenant_id(self) -> UUID:
        """Of acme, the tenant of every case."""
        return self.world.tenants["acme"].id

    def every_order(
        self,
        logins: tuple[Role, Role],
        pair: Pair,
        check: Verdict,
        *,
        names: tuple[str, str] = ("one", "other"),
        tenants: tuple[bool, bool] = (True, True),
        prepare: Prepare | None = None,
        isolation: interleave.Isolation = "READ COMMITTED",
        stops: str = "",
    ) -> Counter[str]:
        """What all orders of the two came to, counted; the books are sound after them.

        `names` of the two, `tenants` whether each is the tenant's (else the platform's), `prepare`
        what is done before a case, `isolation` of both, `stops` before which statements of either
        they stop where not before all.
        """
        cases: list[Case] = []
        whose = [self.tenant_id if its else None for its in tenants]

        async def make(_: int) -> tuple[Transaction, Transaction]:
            cases.append(await self.case())
            if prepare is not None:
                await prepare(cases[-1])
            one, other = pair(cases[-1])
            return (
                Transaction(names[0], one, whose[0], isolation, stops),
                Transaction(names[1], other, whose[1], isolation, stops),
            )

        async def verdict(number: int, run: Run) -> str:
            return await check(cases[number], run)

        async def story() -> Counter[str]:
            urls = self.urls[logins[0]], self.urls[logins[1]]
            async with interleave.scheduling(self.superuser, *urls) as scheduler:
                outcomes = await interleave.every_order(scheduler, make, verdict)
            assert await self.world.violations() == []
            return outcomes

        return self.runner.run(story())

    async def case(self) -> Case:
        """A case that no order has been played on."""
        if not self._spare:
            await self._make()
        return self._spare.pop(0)

    async def _make(self) -> None:
        world, tenant = self.world, self.world.tenants["acme"]
        numbers = range(self.made, self.made + CASES_AT_ONCE)
        self.made += CASES_AT_ONCE
        fixtures = [world.fixture(f"E{n}") for n in numbers]
        async with world.worker.transaction(None) as conn:
            await world.hub.know(conn, fixtures, world.at)
            for n, fixture in zip(numbers, fixtures, strict=True):
                world.events[f"E{n}"] = world.hub.events[PROVIDER, fixture.provider_event_id]
            self._spare = [self._case_of(n) for n in numbers]
            pieces = [
                catalogue.market_and_selections(one.event_id, "1x2", "ft", None)
                for one in self._spare
            ]
            await catalogue.add_markets(
                conn,
                [market for market, _ in pieces],
                [selection for _, by_side in pieces for selection in by_side.values()],
            )
            laid: list[tuple[UUID, int, OfferState]] = [
                (key, PRICE_E4, "open") for one in self._spare for key in (one.home, one.away)
            ]
            await offers_store.write(conn, tenant.book_id, sorted(laid), world.at)
        async with world.worker.transaction(tenant.id) as conn:
            for one in self._spare:
                asked = NewUser(f"{one.name}@players.example", one.name)
                await users.add_player(conn, tenant, one.user_id, asked, None, world.at)
                paid = ids.derived(AT, "case", one.name)
                await cashier.simulate_deposit(
                    conn, tenant.id, one.user_id, CASH_MINOR, paid, world.at
                )

    def _case_of(self, number: int) -> Case:
        name, event = f"player{number}", f"E{number}"
        event_id = self.world.events[event].event_id
        _, by_side = catalogue.market_and_selections(event_id, "1x2", "ft", None)
        user_id = ids.derived(AT, "player", "acme", name)
        self.world.players["acme", name] = user_id
        return Case(name, user_id, event, event_id, by_side["home"].id, by_side["away"].id)

    # -- what the sides do ---------------------------------------------------------------------

    def bet(self, of: Case, stake_minor: int = 600, **more: Any) -> Body:
        """Place a single on the home side; the answer is the refusal or the kind of decision."""
        slip = self.world.slip(of.name, stake_minor, [(of.home, PRICE_E4)], **more)

        async def body(conn: Connection) -> str:
            (decision,) = await bets.place(conn, self.tenant_id, [slip])
            return decision.refusal or decision.kind

        return body

    def settling(self) -> Body:
        """What a settler does in its transaction; the answer is how many bets it changed."""

        async def body(conn: Connection) -> int:
            return await settle_due(conn, self.tenant_id, self.world.at, 20)

        return body

    async def alone(self, body: Body, tenant_id: UUID | None) -> None:
        """Do it by itself, in a transaction of the worker's."""
        async with self.world.worker.transaction(tenant_id) as conn:
            await body(conn)

    async def cash_minor(self, of: Case) -> int:
        """What the player has to spend now."""
        return (await self.world.balance(of.name)).cash_minor


@contextmanager
def ground(endpoints: Endpoints, *gated: str) -> Generator[Ground]:
    """A ground on a database of its own, with gates in these schema functions."""
    with ExitStack() as stack:
        urls = stack.enter_context(fresh_database(endpoints))
        superuser = endpoints.superuser_url(str(conninfo_to_dict(urls["owner"])["dbname"]))
        found = stack.enter_context(functions(superuser))
        found.gate(*gated)
        runner = stack.enter_context(asyncio.Runner())
        entered = opened(urls, live=True, connections=3)
        world = runner.run(entered.__aenter__())
        stack.callback(lambda: runner.run(entered.__aexit__(None, None, None)))
        runner.run(world.tenant("acme"))
        yield Ground(world, found, urls, superuser, runner)


__all__ = ["CASH_MINOR", "PRICE_E4", "Case", "Ground", "Scheduler", "ground"]
