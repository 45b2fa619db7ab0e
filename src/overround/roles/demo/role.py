"""The demonstration: two tenants, a market that moves by itself, and players who bet on it.

Everything runs as it does live, each role a process of its own; what is simulated comes in where a
feed and people come in, and nowhere else. A run begins with each start of the command; what the run
before left unended is called off first, and its stakes go back.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from overround import ops
from overround.betting import offers
from overround.core.clock import Clock, WallClock
from overround.core.errors import Invalid, OverroundError, Unavailable
from overround.db import Database
from overround.db import lease as leases
from overround.kit.settings import Settings
from overround.odds import feeds
from overround.odds.feeds import Payload, Provider, Rejected
from overround.odds.feeds.simulator import PROVIDER_KEY
from overround.people.tenants import Tenant
from overround.roles import jobs, seeding, serve, settle
from overround.roles.archive import importer
from overround.roles.attach import Endpoints
from overround.roles.demo import report as demo_report
from overround.roles.demo import run as demo_run
from overround.roles.demo.report import Figures
from overround.roles.demo.run import DemoRun, Staff, Truth
from overround.roles.hub import inbox
from overround.roles.hub import writer as hub
from overround.roles.process import TRANSIENT, database, session_limits, stopping
from overround.roles.serve import Say
from overround.roles.supervisor import Role, Supervisor

SPEED_MAX: Final = 600.0
FOR_S_MAX: Final = 86_400.0
PASSWORD_BYTES: Final = 12

_IN_PLAY_DELAY_MS: Final = 2_000
_LINE_EVERY_S: Final = 5.0
# What is counted for a line may take this share of the time.
_COUNTING_SHARE: Final = 0.05
# At the end the hub is waited for while it takes something within this time.
_CATCH_UP_S: Final = 8.0
_TRIES: Final = 60
_PAUSE_S: Final = 0.5

T = TypeVar("T")
Ready = Callable[[DemoRun], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What is simulated, how fast, and for how long (None: until interrupted)."""

    seed: int = 1
    speed: float = 60.0
    for_s: float | None = None
    feeds: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        """Raises Invalid `demo` for what nobody could watch."""
        if not 0 <= self.seed < 2**32:
            raise Invalid("a seed is a number below 4294967296", code="demo")
        if not 1 <= self.speed <= SPEED_MAX:
            raise Invalid(f"the speed is 1 to {SPEED_MAX:g}", code="demo")
        if self.for_s is not None and not 1 <= self.for_s <= FOR_S_MAX:
            raise Invalid(f"a run lasts 1 to {FOR_S_MAX:g} seconds", code="demo")


async def demo(
    settings: Settings,
    endpoints: Endpoints,
    options: Options,
    config: Path | None,
    say: Say,
    ready: Ready,
) -> dict[str, Any]:
    """Run the demonstration and return its report; `ready` is called when the api answers.

    Raises Unavailable when the state directory is served already, the port is taken, or the
    database stays away at the end.
    """
    with serve.alone(endpoints.state), stopping() as stop:
        await seeding.prepare(endpoints)
        async with database(settings, endpoints.url("worker"), "worker") as worker:
            shown = _Demo(settings, endpoints, worker, options, WallClock(), say)
            await shown.prepare()
            return await shown.run(config, stop, ready)


class _Demo:
    """One run, from its tenants to its report."""

    def __init__(
        self,
        settings: Settings,
        endpoints: Endpoints,
        worker: Database,
        options: Options,
        clock: Clock,
        say: Say,
    ) -> None:
        self._settings = settings
        self._state = endpoints.state
        self._endpoints = endpoints
        self._worker = worker
        self._options = options
        self._clock = clock
        self._say = say
        self._tenants: Sequence[Tenant] = ()
        self._staff: dict[str, Staff] = {}

    async def prepare(self) -> None:
        """The tenants and their offices there, and nothing left open of the run before."""
        at = self._clock.now()
        self._tenants = await seeding.seed(self._worker, at)
        before = demo_run.before(self._state)
        known = before.staff if before is not None else {}
        for tenant in self._tenants:
            self._staff[tenant.subdomain] = await self._office(tenant, known, at)
            if before is None:
                await self._lay_in_play(tenant, at)
        async with self._worker.reading(None) as conn:
            left = await ops.unended_events(conn, PROVIDER_KEY)
        for event_id in left:
            await importer.enter_result(
                self._worker, event_id, status="cancelled", scores={}, entered_by="demo", at=at
            )
        if left:
            self._say(f"{len(left)} events of the run before are called off")
            await settle.run_once(self._worker, self._clock)

    async def run(self, config: Path | None, stop: asyncio.Event, ready: Ready) -> dict[str, Any]:
        """The roles up until the time is over or `stop` is set, then the report."""
        options = self._options
        async with self._worker.reading(None) as conn:
            before = await ops.prices_changed(conn, PROVIDER_KEY)
        run = DemoRun.begin(
            options.seed, options.speed, self._clock.now(), self._settings.web.port, options.for_s
        )
        run = run.with_staff(self._staff).after(before)
        demo_run.write(self._state, run)
        roles = serve.house(
            self._settings,
            self._endpoints,
            config,
            self._say,
            hub=("--simulate",),
            further=(Role("bettors"),),
        )
        async with roles as supervisor:
            writing = asyncio.create_task(asyncio.to_thread(demo_run.write_truth, self._state, run))
            beside = [
                asyncio.create_task(self._watch(run, stop, ready)),
                asyncio.create_task(self._hand_in_files()),
            ]
            try:
                with suppress(TimeoutError):
                    await asyncio.wait_for(supervisor.until(stop), options.for_s)
            finally:
                for task in beside:
                    task.cancel()
                truth = await writing
            self._say("ending: bets stop, results are settled")
            await supervisor.end("bettors")
            if not stop.is_set():
                await self._caught_up(run, truth)
            found = await self._finish(run, supervisor)
            report = found.as_dict() | {"restarts": supervisor.restarts()}
        return {"run": run.run, "seed": run.seed, "speed": run.speed, **report}

    async def _office(self, tenant: Tenant, known: dict[str, Staff], at: datetime) -> Staff:
        """The log-in of the tenant's office: the one that was told before, while it is there."""
        staff = known.get(tenant.subdomain)
        if staff is not None and await seeding.has_staff(self._worker, tenant, staff.email):
            return staff
        email = f"office@{tenant.subdomain}.example"
        if await seeding.has_staff(self._worker, tenant, email):
            # Whoever knew its password did not leave it here.
            email = f"office.{secrets.token_hex(4)}@{tenant.subdomain}.example"
        staff = Staff(email, secrets.token_urlsafe(PASSWORD_BYTES))
        await seeding.add_staff(self._worker, tenant, staff.email, staff.password, at)
        return staff

    async def _lay_in_play(self, tenant: Tenant, at: datetime) -> None:
        """What is being played is laid too; what an office has switched off later stays off."""
        async with self._worker.transaction(tenant.id) as conn:
            for sport in offers.IN_PLAY_SPORTS:
                # A simulated minute is a second: what waits five is another match.
                found = replace(offers.usual_in_play(sport), delay_ms=_IN_PLAY_DELAY_MS)
                await offers.set_in_play(conn, tenant.id, sport, found, at)

    async def _watch(self, run: DemoRun, stop: asyncio.Event, ready: Ready) -> None:
        """Tell when it can be looked at, then say every few seconds how it goes."""
        if not await serve.up(self._settings, stop):
            return
        ready(run)
        clock = asyncio.get_running_loop()
        pause_s = _LINE_EVERY_S
        while True:
            await asyncio.sleep(pause_s)
            began_s = clock.time()
            with suppress(*TRANSIENT, Unavailable):
                self._say((await self._figures(run)).line())
            pause_s = max(_LINE_EVERY_S, (clock.time() - began_s) / _COUNTING_SHARE)

    async def _hand_in_files(self) -> None:
        """Hand the files to the hub, as `import` does while one runs; a bad one is told of."""
        for path in self._options.feeds:
            try:
                found = await asyncio.to_thread(_payloads, path)
                await self._insist(self._hub_runs)
                done = await inbox.import_path(self._worker, found, path.name, self._clock)
                self._say(f"{path.name}: {done['matches']} matches, {done['changed']:,} prices")
            except (*TRANSIENT, OverroundError) as error:
                self._say(f"{path.name}: {error}")

    async def _hub_runs(self) -> None:
        """Raises Unavailable while no hub holds the lease."""
        async with self._worker.reading(None) as conn:
            if await leases.holder_of(conn, hub.LEASE) is None:
                raise Unavailable("there is no hub yet")

    async def _figures(self, run: DemoRun) -> Figures:
        return await demo_report.figures(self._worker, run, self._tenants, self._clock.now())

    async def _finish(self, run: DemoRun, supervisor: Supervisor) -> Figures:
        """End the run in order, so that the report is of something that stands still.

        Nobody bets any more, what is due is settled, the days are written. The roles that did so
        until now end first: their work is done here once more.
        """
        await asyncio.gather(*(supervisor.end(name) for name in ("hub", "settle", "jobs")))
        await self._insist(lambda: settle.run_once(self._worker, self._clock))
        limits = session_limits(self._settings)
        await self._insist(lambda: jobs.run_once(self._worker, limits, self._clock))
        return await self._insist(lambda: self._figures(run))

    async def _caught_up(self, run: DemoRun, truth: Truth) -> None:
        """Wait until the hub has taken everything that was said before the end of the run."""
        clock = asyncio.get_running_loop()
        before, heard_s = Truth(-1, -1), clock.time()
        while (known := await self._insist(lambda: self._known(run))) != truth:
            if known != before:
                before, heard_s = known, clock.time()
            if clock.time() - heard_s > _CATCH_UP_S:
                self._say(
                    f"the hub has not taken everything: {known.events} of {truth.events} events,"
                    f" {known.decided} of {truth.decided} results"
                )
                return
            await asyncio.sleep(_PAUSE_S)

    async def _known(self, run: DemoRun) -> Truth:
        async with self._worker.reading(None) as conn:
            events = await ops.events_named(conn, PROVIDER_KEY, run.origin)
            decided = await ops.events_decided(conn, PROVIDER_KEY, run.origin)
        return Truth(events, decided)

    async def _insist(self, work: Callable[[], Awaitable[T]]) -> T:
        """`work`, again while what it needs is away. Raises Unavailable when it stays away."""
        away: Exception | None = None
        for _ in range(_TRIES):
            try:
                return await work()
            except (*TRANSIENT, Unavailable) as error:
                away = error
            await asyncio.sleep(_PAUSE_S)
        raise Unavailable(f"given up after {_TRIES} tries: {away}")


def _payloads(path: Path) -> list[tuple[Provider, Payload] | Rejected]:
    return list(feeds.payloads(path))
