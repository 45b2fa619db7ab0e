"""A season settled wrongly, corrected and rolled back, beside the same season settled right.

The same bets are played twice, each time on servers of their own. Once some results are wrong and
are corrected after the season, and other events are held back and let go again; once everything was
right from the start. Afterwards every bet and every player's account must be the same.

    overround bench resettle            BETS=100000 CORRECTED=200 ROLLED_BACK=50 SEED=1

With RESETTLE_STATE=DIR the servers live there and a run that was stopped goes on where it was; the
files are those of OVERROUND_DATA (football-data/2324), or of SEASON, a folder or one division.
Nothing is timed against a reference: what is compared is the books. Both are played at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from overround.betting import settlement
from overround.betting.settlement import Ruling, jobs
from overround.cli import books
from overround.core import ids
from overround.core.principal import Principal
from overround.db import Database
from overround.kit import logs
from overround.kit.settings import ServersSettings, Settings
from overround.odds.feeds import FeedResult, football_data
from overround.people.tenants import Tenant
from overround.roles import seeding
from overround.roles.archive import files as reading
from overround.roles.archive import importer, players, timeline
from overround.roles.archive import replay as replaying
from overround.roles.archive.files import Files
from overround.roles.archive.replay import Options
from overround.roles.archive.timeline import Progress
from overround.roles.attach import Endpoints, attached

_DATA: Final = Path(__file__).resolve().parents[1] / "../shared/data"
# After every match of the season, and before anybody counts its days.
_LATER: Final = timedelta(days=3)
# A purse that no run of bad luck empties: who is refused for want of money in one of the two books
# would have bet in the other. Four bets to a purse, and few players with many, because each of them
# is registered and pays in by himself.
_BETS_PER_PLAYER: Final = 100
_PURSES: Final = 25

# What a bet came to.
BETS = "SELECT id, status, outcome, payout_minor FROM bet WHERE tenant_id = %s"

# What everybody has; of the tenant's own accounts what it earned stands together, because a
# correction counts on the day it is made and so does its fee.
BALANCES = """
SELECT coalesce(owner_id::text, 'tenant'),
       CASE WHEN kind IN ('house', 'revenue', 'fee') THEN 'earned' ELSE kind END,
       sum(balance_minor)::bigint
FROM account_balance WHERE tenant_id = %s GROUP BY 1, 2"""

# The events that bets are on, with what the files know them by.
EVENTS = """
SELECT e.home, e.away, e.starts_at, e.id FROM event e
WHERE EXISTS (SELECT 1 FROM leg l WHERE l.tenant_id = %s AND l.event_id = e.id)"""

# How many bets with a leg on some events are open.
OPEN = """
SELECT count(DISTINCT b.id) FROM leg l JOIN bet b ON b.tenant_id = l.tenant_id AND b.id = l.bet_id
WHERE l.tenant_id = %s AND l.event_id = ANY(%s) AND b.status = 'open'"""

# How many bets there are of each kind.
KINDS = "SELECT kind, count(*) FROM bet WHERE tenant_id = %s GROUP BY 1 ORDER BY 1"

# How often a settlement was changed after the first.
RESETTLED = "SELECT count(*) FROM bet WHERE tenant_id = %s AND settlement_version > 1"


@dataclass(frozen=True, slots=True)
class Asked:
    """How much is played, how much of it goes wrong, and the seed of all chance."""

    bets: int
    corrected: int
    rolled_back: int
    seed: int

    @property
    def options(self) -> Options:
        """The replay's."""
        players = max(50, self.bets // _BETS_PER_PLAYER)
        return Options(self.seed, self.bets, players, systems=True, purses=_PURSES)


@dataclass(frozen=True, slots=True)
class Books:
    """What is compared: every bet, every account, and what is broken in them."""

    bets: Mapping[UUID, tuple[str, str | None, int | None]]
    balances: Mapping[tuple[str, str], int]
    violations: Sequence[str]


def main() -> None:
    """Print one JSON object; exit 1 where the books differ."""
    logs.configure("warning")
    asked = Asked(
        _number("BETS", 100_000),
        _number("CORRECTED", 200),
        _number("ROLLED_BACK", 50),
        _number("SEED", 1),
    )
    season = Path(os.environ.get("OVERROUND_DATA", _DATA)) / "football-data" / "2324"
    season = Path(os.environ.get("SEASON", season))
    if not season.exists():
        raise SystemExit(
            f"no season at {season}: set OVERROUND_DATA, or SEASON to a folder or file"
        )
    files = reading.read(season, [football_data.PROVIDER])
    state = os.environ.get("RESETTLE_STATE")
    if state is not None:
        figures = run(asked, files, Path(state))
    else:
        with tempfile.TemporaryDirectory(prefix="overround-bench-") as made:
            Path(made).chmod(0o711)
            figures = run(asked, files, Path(made))
    print(json.dumps({"bench": "resettle", **figures}))
    sys.exit(0 if figures["equal"] else 1)


def _number(name: str, otherwise: int) -> int:
    return int(os.environ.get(name, otherwise))


def run(asked: Asked, files: Files, state: Path) -> dict[str, Any]:
    """Both seasons, in `state`, and what they have in common."""
    began_s = time.perf_counter()
    with (
        _servers(state / "wrong") as one,
        _servers(state / "right") as other,
        ThreadPoolExecutor(2) as both,
    ):
        # Each half waits for its own servers half of the time.
        played_wrong = both.submit(asyncio.run, _wrong(asked, files, one))
        played_right = both.submit(asyncio.run, _right(asked, files, other))
        wrong, did = played_wrong.result()
        right = played_right.result()
    differing = sum(wrong.bets.get(bet_id) != found for bet_id, found in right.bets.items())
    accounts = {*wrong.balances, *right.balances}
    unequal = [a for a in accounts if wrong.balances.get(a, 0) != right.balances.get(a, 0)]
    broken = [*wrong.violations, *right.violations]
    is_equal = len(wrong.bets) == len(right.bets) and not (differing or unequal or broken)
    return {
        "equal": is_equal,
        "bets": len(right.bets),
        "seed": asked.seed,
        **did,
        "bets_differing": differing + abs(len(wrong.bets) - len(right.bets)),
        "accounts": len(accounts),
        "accounts_differing": len(unequal),
        "violations": len(broken),
        "seconds": round(time.perf_counter() - began_s, 1),
    }


def _told(name: str) -> Progress:
    """Says to stderr how far a replay is, at every twentieth, and how many seconds it took."""
    began_s = time.perf_counter()

    def tell(done: int, steps: int) -> None:
        if done % max(1, steps // 20) == 0 or done == steps:
            taken_s = time.perf_counter() - began_s
            sys.stderr.write(f"{name}: step {done} of {steps} after {taken_s:.0f} s\n")

    return tell


def _servers(state: Path) -> Any:
    state.mkdir(parents=True, exist_ok=True)
    return attached(Settings(state=state, servers=ServersSettings(linger_s=0)))


async def _right(asked: Asked, files: Files, endpoints: Endpoints) -> Books:
    async with _house(endpoints) as (worker, app, tenant):
        await replaying.replay(worker, app, tenant, files, asked.options, _told("right"))
        return await _books(worker, tenant)


async def _wrong(asked: Asked, files: Files, endpoints: Endpoints) -> tuple[Books, dict[str, int]]:
    rng = random.Random(asked.seed)
    results = _bet_on(asked, files)
    said_wrong = rng.sample(results, min(asked.corrected, len(results)))
    altered = {one.provider_event_id for one in said_wrong}
    season = replace(
        files.season,
        results=tuple(
            _altered(one) if one.provider_event_id in altered else one
            for one in files.season.results
        ),
    )
    async with _house(endpoints) as (worker, app, tenant):
        altered_files = replace(files, season=season)
        await replaying.replay(worker, app, tenant, altered_files, asked.options, _told("wrong"))
        at = max(one.observed_at for one in season.results) + _LATER
        places = await _places(worker, tenant, files)
        corrected = await _correct(worker, said_wrong, places, at)
        await _settled(worker, at)
        agreed = await _agree(worker, tenant, at)
        await _settled(worker, at)
        rolled_back = rng.sample(sorted(places.values()), min(asked.rolled_back, len(places)))
        reopened = await _roll_back(worker, tenant, rolled_back, at + timedelta(minutes=1))
        found = await _books(worker, tenant)
        resettled = await _count(worker, tenant, RESETTLED, [tenant.id])
        async with worker.reading(tenant.id) as conn:
            kinds = await (await conn.execute(KINDS, [tenant.id])).fetchall()
    did = {
        "corrected": corrected,
        "agreed": agreed,
        "rolled_back": len(rolled_back),
        "reopened": reopened,
    }
    return found, {**dict(kinds), **did, "resettled": resettled}


def _bet_on(asked: Asked, files: Files) -> list[FeedResult]:
    """The results of the events that somebody means to bet on."""
    options, season = asked.options, files.season
    plans = players.plan(timeline.windows(season), options.bets, options.players, options.seed)
    wanted = {season.events[plan.event].provider_event_id for plan in plans}
    found = [one for one in season.results if one.provider_event_id in wanted]
    return sorted(found, key=lambda one: one.provider_event_id)


def _altered(one: FeedResult) -> FeedResult:
    """Another winner and another total than what happened."""
    home, away = one.scores["ft"]
    return replace(one, scores={"ht": (0, 0), "ft": (away + 1, home)})


@asynccontextmanager
async def _house(endpoints: Endpoints) -> AsyncGenerator[tuple[Database, Database, Tenant]]:
    await seeding.prepare(endpoints)
    worker = await Database.open(endpoints.url("worker"), purpose="bench", size_min=1, size_max=3)
    app = await Database.open(endpoints.url("app"), purpose="bench", size_min=1, size_max=2)
    try:
        origin = datetime(2020, 1, 1, tzinfo=UTC)
        yield worker, app, await seeding.tenant(worker, "acme", origin)
    finally:
        await app.close()
        await worker.close()


async def _places(worker: Database, tenant: Tenant, files: Files) -> dict[str, UUID]:
    """The provider's id of each event that bets are on -> ours."""
    async with worker.reading(tenant.id) as conn:
        rows = await (await conn.execute(EVENTS, [tenant.id])).fetchall()
    ours = {(home, away, starts_at): event_id for home, away, starts_at, event_id in rows}
    keys = {
        event.provider_event_id: (event.home, event.away, event.starts_at)
        for event in files.season.events
    }
    found = {name: ours[key] for name, key in keys.items() if key in ours}
    if len(found) != len(ours):
        raise SystemExit(f"{len(ours) - len(found)} events are called otherwise than in the files")
    return found


async def _correct(
    worker: Database, right: Sequence[FeedResult], places: Mapping[str, UUID], at: datetime
) -> int:
    """Enter what did happen; returns on how many events with bets. Again it changes nothing."""
    corrected = 0
    for one in right:
        event_id = places.get(one.provider_event_id)
        if event_id is not None:
            await importer.enter_result(
                worker, event_id, status=one.status, scores=one.scores, entered_by="a person", at=at
            )
            corrected += 1
    return corrected


async def _agree(worker: Database, tenant: Tenant, at: datetime) -> int:
    """Somebody agrees to the corrections that move too much to go by themselves."""
    clerk = Principal(tenant.id, ids.derived(at, "clerk", "one"), "staff", frozenset({"*"}))
    async with worker.transaction(tenant.id) as conn:
        waiting = await settlement.rulings(conn, tenant.id, state="proposed", limit=10_000)
        for ruling in waiting:
            await settlement.decide(conn, clerk, ruling.id, at, agrees=True)
    return len(waiting)


async def _roll_back(
    worker: Database, tenant: Tenant, event_ids: Sequence[UUID], at: datetime
) -> int:
    """Hold the events back, so that their bets are open again, and let them go; returns how many
    bets that reopened."""
    one, other = (
        Principal(tenant.id, ids.derived(at, "clerk", name), "staff", frozenset({"*"}))
        for name in ("one", "other")
    )
    async with worker.transaction(tenant.id) as conn:
        known = await settlement.rulings(conn, tenant.id, limit=10_000)
    held = {ruling.event_id: ruling for ruling in known if ruling.kind == "hold"}
    for event_id in event_ids:
        if event_id in held:
            continue
        async with worker.transaction(tenant.id) as conn:
            asked = settlement.Asked(f"{event_id}", bytes(32))
            made = await settlement.propose(
                conn, one, event_id, Ruling("hold"), "settled too soon", asked, at
            )
            ruling = made.ruling
            if ruling.state == "proposed":
                ruling = await settlement.decide(conn, other, ruling.id, at, agrees=True)
        held[event_id] = ruling
    await _settled(worker, at)
    reopened = await _count(worker, tenant, OPEN, [tenant.id, list(event_ids)])
    for event_id in event_ids:
        if held[event_id].state == "effective":
            async with worker.transaction(tenant.id) as conn:
                await settlement.lift(conn, other, held[event_id].id, at)
    await _settled(worker, at + timedelta(minutes=1))
    return reopened


async def _settled(worker: Database, at: datetime) -> None:
    while await jobs.run_once(worker, at) is not None:
        pass


async def _count(worker: Database, tenant: Tenant, query: Any, values: Sequence[object]) -> int:
    async with worker.reading(tenant.id) as conn:
        row = await (await conn.execute(query, values)).fetchone()
    assert row is not None
    return row[0]


async def _books(worker: Database, tenant: Tenant) -> Books:
    async with worker.snapshot(tenant.id) as conn:
        bets = await (await conn.execute(BETS, [tenant.id])).fetchall()
        balances = await (await conn.execute(BALANCES, [tenant.id])).fetchall()
        broken = await books.violations(conn, tenant.id, deep=True)
    return Books(
        {bet_id: (status, outcome, payout) for bet_id, status, outcome, payout in bets},
        {(owner, kind): minor for owner, kind, minor in balances},
        [f"{one.invariant}: {one.subject}: {one.found}" for one in broken],
    )


if __name__ == "__main__":
    main()
