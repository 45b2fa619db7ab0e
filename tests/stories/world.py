"""A world to tell stories in: a real database, tenants, players, events and what is laid on them.

Everything goes through the product's own services and the logins that would run them; the clock is
a field that the story moves.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from overround.betting import bets
from overround.betting.bets import Decision, Slip, SlipLeg
from overround.betting.offers import OfferState
from overround.betting.offers import store as offers_store
from overround.betting.settlement import jobs as settling
from overround.cli import books
from overround.core import grading, ids, principal
from overround.core.principal import Principal
from overround.db import Connection, Database, work
from overround.db.logins import Role
from overround.money import ledger, revenue, wallets
from overround.money.ledger import Violation
from overround.money.revenue import jobs as closing
from overround.odds import catalogue
from overround.odds.catalogue import ResultStatus
from overround.odds.feeds import FeedEvent, FeedResult
from overround.odds.matching import Resolved
from overround.people import cashier, tenants, users
from overround.people.tenants import NewTenant, Tenant
from overround.people.users import NewStaff, NewUser
from overround.roles.hub.writer import Hub

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
# Later than any database's clock: a live bet of that time is placed at its own time.
LIVE_AT = datetime(2100, 3, 2, 12, 0, tzinfo=UTC)
PROVIDER = "football_data"

_TOWNS = ("Ash", "Birch", "Cedar", "Elm", "Fir", "Gorse", "Hazel", "Ivy", "Juniper", "Larch")
_SUITS = ("Rovers", "Albion", "Harriers", "Orient", "Wanderers", "Thistle", "Argyle", "Villa")


@dataclass(frozen=True, slots=True)
class Pick:
    """A selection by its words; for `asian_handicap` the line is the home side's."""

    event: str
    market_type: str
    side: str
    period: str = "ft"
    line_q4: int | None = None


@dataclass(slots=True)
class World:
    """What a story stands on. `at` is the business time; `live` places bets as the api does."""

    worker: Database
    app: Database
    at: datetime = AT
    live: bool = False
    hub: Hub = field(default_factory=Hub.empty)
    tenants: dict[str, Tenant] = field(default_factory=dict[str, Tenant])
    events: dict[str, Resolved] = field(default_factory=dict[str, Resolved])
    players: dict[tuple[str, str], UUID] = field(default_factory=dict[tuple[str, str], UUID])
    _numbers: Any = field(default_factory=itertools.count)

    # -- who -----------------------------------------------------------------------------------

    async def tenant(
        self, name: str, currency: str = "EUR", time_zone: str = "Europe/Vienna", **terms: Any
    ) -> Tenant:
        """A new operator; `terms` are those of NewTenant."""
        asked = NewTenant(name, name.title(), f"ops@{name}.example", currency, time_zone, **terms)
        caller = self.system(ids.derived(AT, "tenant", name))
        async with self.worker.transaction(caller.tenant_id) as conn:
            self.tenants[name] = await tenants.create(conn, caller, asked, self.at)
        return self.tenants[name]

    async def player(self, name: str, tenant: str = "acme", cash_minor: int = 0) -> UUID:
        """A player with that much cash; the same name is the same player."""
        if (tenant, name) not in self.players:
            owner = self.tenants[tenant]
            user_id = ids.derived(AT, "player", tenant, name)
            asked = NewUser(f"{name}@players.example", name)
            async with self.app.transaction(owner.id) as conn:
                await users.add_player(conn, owner, user_id, asked, None, self.at)
            self.players[tenant, name] = user_id
        if cash_minor:
            await self.deposit(name, cash_minor, tenant)
        return self.players[tenant, name]

    async def deposit(self, name: str, amount_minor: int, tenant: str = "acme") -> None:
        """Money arrives."""
        user_id = await self.player(name, tenant)
        tenant_id = self.tenants[tenant].id
        async with self.worker.transaction(tenant_id) as conn:
            payment_id = ids.derived(AT, "deposit", str(user_id), str(next(self._numbers)))
            await cashier.simulate_deposit(
                conn, tenant_id, user_id, amount_minor, payment_id, self.at
            )

    async def clerk(self, tenant: str = "acme") -> Principal:
        """A member of staff who may do everything, of that tenant."""
        tenant_id = self.tenants[tenant].id
        clerk_id = ids.derived(AT, "clerk", tenant)
        asked = NewStaff(f"clerk@{tenant}.example", "clerk", frozenset({"*"}))
        async with self.worker.transaction(tenant_id) as conn:
            if await users.by_email(conn, tenant_id, asked.email) is None:
                caller = self.system(tenant_id)
                await users.add_staff(conn, caller, clerk_id, asked, "no password", self.at)
        return Principal(tenant_id, clerk_id, "staff", asked.scopes)

    def system(self, tenant_id: UUID) -> Principal:
        """The product's own processes, acting for the tenant."""
        return principal.system(tenant_id)

    async def balance(self, name: str, tenant: str = "acme") -> wallets.Balance:
        """A player's money now."""
        tenant_id = self.tenants[tenant].id
        async with self.app.reading(tenant_id) as conn:
            return await wallets.balance(conn, tenant_id, self.players[tenant, name])

    # -- what may happen -----------------------------------------------------------------------

    def fixture(
        self, name: str, starts_at: datetime | None = None, sport: str = "football"
    ) -> FeedEvent:
        """The feed's event of that name; two names are two pairs of teams."""
        digits = int.from_bytes(name.encode(), "big")
        home = f"{_TOWNS[digits % 10]} {_SUITS[digits % 8]} {name}"
        away = f"{_TOWNS[(digits + 3) % 10]} {_SUITS[(digits + 5) % 8]} {name}"
        return FeedEvent(
            PROVIDER,
            f"fixture {name}",
            sport,
            "E0" if sport == "football" else sport,
            "Premier League",
            "England",
            home,
            away,
            starts_at or (LIVE_AT if self.live else AT) + timedelta(days=1),
        )

    async def event(
        self, name: str, starts_at: datetime | None = None, sport: str = "football"
    ) -> UUID:
        """An event, known to the hub; the same name is the same event."""
        if name not in self.events:
            fed = self.fixture(name, starts_at, sport)
            async with self.worker.transaction(None) as conn:
                await self.hub.know(conn, [fed], self.at)
            self.events[name] = self.hub.events[PROVIDER, fed.provider_event_id]
        return self.events[name].event_id

    async def selection(self, pick: Pick) -> UUID:
        """The selection's id; its event and market are made when they are new."""
        event_id = await self.event(pick.event)
        market, by_side = catalogue.market_and_selections(
            event_id,
            pick.market_type,
            pick.period,
            pick.line_q4,
        )
        async with self.worker.transaction(None) as conn:
            await catalogue.add_markets(conn, [market], list(by_side.values()))
        return by_side[pick.side].id

    async def lay(
        self, pick: Pick, price_e4: int, tenant: str = "acme", state: OfferState = "open"
    ) -> UUID:
        """The tenant's book lays the selection at this price; returns the selection's id."""
        selection_id = await self.selection(pick)
        async with self.worker.transaction(None) as conn:
            await write_offer(conn, self.tenants[tenant], selection_id, price_e4, state, self.at)
        return selection_id

    async def result(
        self,
        event: str,
        scores: Mapping[str, tuple[int, int]],
        status: ResultStatus = "finished",
    ) -> int:
        """What happened, as a provider says it; due for every tenant. Returns the new results."""
        said = FeedResult(PROVIDER, f"fixture {event}", status, dict(scores), self.at)
        everyone = [tenant.id for tenant in self.tenants.values()]
        async with self.worker.transaction(None) as conn:
            return await self.hub.results(conn, [said], everyone, self.at)

    # -- bets ----------------------------------------------------------------------------------

    def slip(
        self,
        name: str,
        stake_minor: int,
        legs: Sequence[tuple[UUID, int]],
        *,
        tenant: str = "acme",
        key: str | None = None,
        odds_policy: Literal["none", "higher", "any"] = "higher",
        tolerance_bps: int = 0,
        sizes: tuple[int, ...] | None = None,
        bankers: int = 0,
    ) -> Slip:
        """A slip on (selection, price seen) legs, the first ones bankers, under a new key unless
        one is given."""
        number = next(self._numbers)
        return Slip(
            bet_id=ids.derived(self.at, "bet", tenant, str(number)),
            user_id=self.players[tenant, name],
            key=key or f"key-{number}",
            legs=tuple(SlipLeg(*leg, n < bankers) for n, leg in enumerate(legs)),
            stake_minor=stake_minor,
            at=self.at,
            odds_policy=odds_policy,
            tolerance_bps=tolerance_bps,
            sizes=sizes,
        )

    async def place(self, slips: Sequence[Slip], tenant: str = "acme") -> list[Decision]:
        """The answers to the slips of one call, committed."""
        tenant_id = self.tenants[tenant].id
        if self.live:
            async with self.app.transaction(tenant_id) as conn:
                return await bets.place(conn, tenant_id, slips)
        async with self.worker.transaction(tenant_id) as conn:
            return await bets.place_at(conn, tenant_id, slips)

    async def settle(self) -> int:
        """Run the settler until nothing is due; returns the bets settled."""
        settled = 0
        while (count := await settling.run_once(self.worker, self.at)) is not None:
            settled += count
        return settled

    # -- the books -----------------------------------------------------------------------------

    async def close_days(self, tenant: str = "acme") -> int:
        """Bring the tenant's revenue days up to now; returns the days that changed."""
        owner = self.tenants[tenant]
        return await closing.run_once(
            self.worker,
            owner.id,
            currency=owner.currency,
            time_zone=owner.time_zone,
            fee_bps=owner.fee_bps,
            at=self.at,
        )

    async def ggr_minor(self, tenant: str = "acme") -> int:
        """What the sportsbook earned so far."""
        await self.close_days(tenant)
        async with self.app.reading(self.tenants[tenant].id) as conn:
            totals = await revenue.totals(conn, self.tenants[tenant].id)
        return totals.ggr_minor if totals else 0

    async def own_minor(self, kind: str, tenant: str = "acme") -> int:
        """What a tenant's own account holds."""
        tenant_id = self.tenants[tenant].id
        async with self.app.reading(tenant_id) as conn:
            return (await ledger.accounts_of(conn, tenant_id, None))[kind].balance_minor

    async def due(self) -> int:
        """How much work still waits."""
        return await self.count("SELECT count(*) FROM work_due")

    async def count(self, query: str, *values: object, tenant: str | None = None) -> int:
        """One number, read as the worker."""
        async with self.worker.reading(self.tenants[tenant].id if tenant else None) as conn:
            row = await (await conn.execute(query.encode(), values)).fetchone()
        assert row is not None
        return row[0]

    async def violations(self) -> list[Violation]:
        """Every broken invariant of every tenant, as `overround verify --deep` finds them."""
        found: list[Violation] = []
        for tenant in self.tenants.values():
            async with self.worker.snapshot(tenant.id) as conn:
                found += await books.violations(conn, tenant.id, deep=True)
        return found


async def write_offer(
    conn: Connection,
    tenant: Tenant,
    selection_id: UUID,
    price_e4: int,
    state: OfferState,
    at: datetime,
) -> None:
    """What the tenant's book lays on one selection, as the hub writes it."""
    await offers_store.write(conn, tenant.book_id, [(selection_id, price_e4, state)], at)


def sides(market_type: str) -> tuple[str, ...]:
    """The answers of a market."""
    return grading.sides(market_type)


@asynccontextmanager
async def opened(
    urls: Mapping[Role, str], *, connections: int = 8, wait_s: float = 30.0, live: bool = False
) -> AsyncGenerator[World]:
    """An empty world on the database at `urls`, with that many connections for each login."""
    worker = await Database.open(
        urls["worker"],
        purpose="worker",
        size_min=1,
        size_max=connections,
        acquire_timeout_s=wait_s,
    )
    app = await Database.open(
        urls["app"], purpose="app", size_min=1, size_max=connections, acquire_timeout_s=wait_s
    )
    try:
        yield World(worker, app, LIVE_AT if live else AT, live)
    finally:
        await app.close()
        await worker.close()


__all__ = ["AT", "LIVE_AT", "PROVIDER", "Pick", "World", "opened", "sides", "work", "write_offer"]
