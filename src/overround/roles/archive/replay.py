"""Replay: a past season through the whole flow, on its own clock.

prices -> matched -> board -> edges -> offers -> bets of simulated players -> ledger -> results ->
settlement -> revenue, by the same code that runs live. Each step is one transaction that also
counts itself, so a replay that was killed, or whose database was, goes on after the last step that
is committed and ends with the same report (test: killed at three moments).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from overround import ops
from overround.betting import bets, settlement
from overround.betting.bets import Slip, SlipLeg
from overround.betting.offers import Offers, book_of
from overround.core import ids
from overround.core.errors import Unavailable
from overround.db import Connection, Database
from overround.db import lease as leases
from overround.db.lease import Lease
from overround.kit import logs
from overround.money import ledger, revenue
from overround.odds import edges
from overround.people import cashier, users
from overround.people.tenants import Tenant
from overround.people.users import NewUser
from overround.roles import takings
from overround.roles.archive import players as playing
from overround.roles.archive import timeline
from overround.roles.archive.files import Files
from overround.roles.archive.players import Plan, Quote
from overround.roles.archive.timeline import Progress, Step
from overround.roles.hub import writer as hubs
from overround.roles.hub.writer import Hub
from overround.roles.process import TRANSIENT

BETS: Final = 20_000
PLAYERS: Final = 500
_EVENTS_PER_STEP: Final = 2_000
_EVENTS_PER_SETTLEMENT: Final = 1_000
_TRIES: Final = 20
_PAUSE_S: Final = 0.5
_RETRIED: Final = (*TRANSIENT, Unavailable)

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """How much is played, and the seed that everything random comes from.

    With `systems` some of the combos are systems: other bets than without. Each player brings
    `purses` times the money of one who bets a few times.
    """

    seed: int = 1
    bets: int = BETS
    players: int = PLAYERS
    systems: bool = False
    purses: int = 1


async def replay(
    worker: Database,
    app: Database,
    tenant: Tenant,
    files: Files,
    options: Options,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Run the whole season for `tenant` and return the report.

    `worker` and `app` are pools of those logins; players and bets go through `app`. Raises
    Unavailable while a hub holds the board, or when the database stays away.
    """
    began_s = time.monotonic()
    replaying = _Replay(worker, app, tenant, files, options)
    for _ in range(_TRIES):
        try:
            async with leases.held(worker, hubs.LEASE, "replay") as lease:
                report = await replaying.run(lease, progress)
            return {**report, "seconds": round(time.monotonic() - began_s, 1)}
        except _RETRIED as error:
            if not replaying.begun:
                raise
            _log.warning("replay.interrupted", reason=str(error)[:200])
            await asyncio.sleep(_PAUSE_S)
    raise Unavailable(f"the replay was interrupted {_TRIES} times")


class _Replay:
    """One replay: its plan, made once from the files, and its state, loaded at each (re)start."""

    def __init__(
        self, worker: Database, app: Database, tenant: Tenant, files: Files, options: Options
    ) -> None:
        self._worker = worker
        self._app = app
        self._tenant = tenant
        self._files = files
        self._options = options
        season = files.season
        self._begins_at = min(
            (batch.observed_at for batch in season.batches), default=season.events[0].starts_at
        ) - timedelta(days=1)
        self._run_id = ids.derived(
            self._begins_at,
            "replay",
            str(tenant.id),
            files.sha256,
            f"{options.seed}:{options.bets}:{options.players}" + ":systems" * options.systems,
        )
        plans = playing.plan(timeline.windows(season), options.bets, options.players, options.seed)
        self._steps = list(timeline.steps(season, plans))
        self._place = season.places()
        self._players = [
            ids.derived(self._begins_at, "player", str(self._run_id), str(n))
            for n in range(options.players)
        ]
        # Whether a step was ever begun: what fails before is for the caller to hear, not to retry.
        self.begun = False
        # The events that can be bet on now, in the order they opened.
        self._open: dict[int, None] = {}
        self._hub = Hub.empty()

    @property
    def _key(self) -> str:
        return f"replay:{self._run_id}:"

    async def run(self, lease: Lease, progress: Progress | None) -> dict[str, Any]:
        """Go on from the last committed step to the end; the report."""
        run = await self._begin(lease)
        self.begun = True
        for step in self._steps[run.step :]:
            async with self._worker.transaction(self._tenant.id) as conn:
                await lease.guard(conn)
                await self._bets(conn, step)
                await self._take(conn, step)
                run = await ops.advance_run(conn, run)
            if progress is not None:
                progress(run.step, len(self._steps))
        return await self._finish(lease, run)

    async def _begin(self, lease: Lease) -> ops.Run:
        """The fixtures known, the players there, the memory as it stood after the last step."""
        tenant = self._tenant
        async with self._worker.transaction(tenant.id) as conn:
            await lease.guard(conn)
            run = await ops.begin_run(
                conn, tenant.id, self._run_id, self._files.described, datetime.now(UTC)
            )
            for provider, refused in self._files.refused.items():
                await hubs.refuse(conn, provider, self._files.sha256, refused)
            book = await book_of(conn, tenant)
        at = self._steps[run.step - 1].at if run.step else self._begins_at
        async with self._worker.transaction(tenant.id) as conn:
            self._hub = await Hub.load(conn, [Offers(book)], at)
        await self._know_events(lease)
        if run.step == 0:
            await self._add_players()
        self._open = {}
        for step in self._steps[: run.step]:
            self._note_open(step)
        return run

    async def _know_events(self, lease: Lease) -> None:
        events = self._files.season.events
        for first in range(0, len(events), _EVENTS_PER_STEP):
            async with self._worker.transaction(None) as conn:
                await lease.guard(conn)
                await self._hub.know(
                    conn, events[first : first + _EVENTS_PER_STEP], self._begins_at
                )

    async def _add_players(self) -> None:
        """Register the players and take their deposits; those that are there stay as they are."""
        tenant = self._tenant
        async with self._worker.transaction(tenant.id) as conn:
            for n, user_id in enumerate(self._players):
                if await users.by_email(conn, tenant.id, self._email(n)) is not None:
                    continue
                asked = NewUser(self._email(n), f"Player {n}")
                await users.add_player(conn, tenant, user_id, asked, None, self._begins_at)
                await cashier.simulate_deposit(
                    conn,
                    tenant.id,
                    user_id,
                    playing.deposit_minor(n, tenant.stake_min_minor) * self._options.purses,
                    ids.derived(self._begins_at, "deposit", str(user_id)),
                    self._begins_at,
                )

    def _email(self, n: int) -> str:
        return f"player{n}.{self._run_id.hex[-12:]}@players.invalid"

    # -- steps ---------------------------------------------------------------------------------

    async def _take(self, conn: Connection, step: Step) -> None:
        """Everything of a step but its bets."""
        if step.kind == "prices":
            await self._hub.prices(conn, step.batches, self._files.kinds, step.at)
        elif step.kind == "start":
            events = self._files.season.events
            keys = [(events[n].provider, events[n].provider_event_id) for n in step.starts]
            await self._hub.start(conn, keys, step.at)
        elif step.kind == "results":
            tenant_id = self._tenant.id
            await self._hub.results(conn, step.results, [tenant_id], step.at)
            await settlement.settle_due(conn, tenant_id, step.at, _EVENTS_PER_SETTLEMENT)
        self._note_open(step)

    def _note_open(self, step: Step) -> None:
        for batch in step.batches:
            if batch.prices:
                self._open[self._place[batch.event.key]] = None
        for place in step.starts:
            self._open.pop(place, None)

    async def _bets(self, conn: Connection, step: Step) -> None:
        """Place the step's bets, each at its own time, in the commit that counts the step."""
        open_events = list(self._open)
        slips = [slip for plan in step.bets if (slip := self._slip(plan, open_events))]
        await bets.place_at(conn, self._tenant.id, slips)

    def _slip(self, plan: Plan, open_events: Sequence[int]) -> Slip | None:
        wish = playing.wish(
            plan.n,
            plan.event,
            open_events,
            self._quotes,
            self._tenant.stake_min_minor,
            self._options.seed,
        )
        if wish is None:
            return None
        seed, legs = self._options.seed, len(wish.quotes)
        return Slip(
            bet_id=ids.derived(plan.at, "bet", str(self._run_id), str(plan.n)),
            user_id=self._players[plan.player],
            key=f"{self._key}{plan.n}",
            legs=tuple(SlipLeg(q.selection_id, q.price_e4) for q in wish.quotes),
            stake_minor=wish.stake_minor,
            at=plan.at,
            sizes=playing.sizes(plan.n, legs, seed) if self._options.systems else None,
        )

    def _quotes(self, place: int) -> list[Quote]:
        """What the tenant lays on an event now, in an order that a reloaded board has too."""
        event = self._files.season.events[place]
        ours = self._hub.events.get(event.key)
        (offers,) = self._hub.books
        found: list[Quote] = []
        markets = self._hub.board.markets_of(ours.event_id) if ours else []
        for cells in sorted(markets, key=lambda m: (m.market_type, m.period, m.line_q4 or 0)):
            for selection_id in cells.selection_ids:
                laid = offers.get(selection_id)
                if laid is not None and laid[1] == "open":
                    found.append(Quote(selection_id, cells.market_type, laid[0]))
        return found

    # -- the end -------------------------------------------------------------------------------

    async def _finish(self, lease: Lease, run: ops.Run) -> dict[str, Any]:
        tenant = self._tenant
        last_at = self._steps[-1].at
        async with self._worker.transaction(tenant.id) as conn:
            await lease.guard(conn)
            await ledger.roll_up(conn, tenant.id)
            await revenue.close_days(
                conn,
                tenant.id,
                currency=tenant.currency,
                time_zone=tenant.time_zone,
                fee_bps=tenant.fee_bps,
                since=datetime(1970, 1, 1, tzinfo=UTC),
                today=self._day(last_at) + timedelta(days=1),
                at=last_at,
            )
            report = await self._report(conn, last_at)
            await ops.finish_run(conn, run, last_at, report)
        return report

    async def _report(self, conn: Connection, last_at: datetime) -> dict[str, Any]:
        tenant = self._tenant
        event_ids = list({ours.event_id for ours in self._hub.events.values()})
        taken = await takings.read(conn, tenant, self._begins_at, last_at, self._key)
        closing = await edges.count_closing(conn, event_ids)
        return {
            "tenant": tenant.subdomain,
            "matches": len(event_ids),
            "prices": self._files.prices,
            "rejected": self._files.rejected,
            "bets": taken.accepted,
            "refused": taken.refused,
            "settled": taken.settled,
            "revenue": {tenant.currency: taken.revenue()},
            "ledger_total": {tenant.currency: taken.ledger_total()},
            "closing_arbitrages": {
                market_type: closing.get(market_type, edges.CloseCount()).as_dict()
                for market_type in ("1x2", "total", "asian_handicap")
            },
        }

    def _day(self, at: datetime) -> date:
        return at.astimezone(ZoneInfo(self._tenant.time_zone)).date()
