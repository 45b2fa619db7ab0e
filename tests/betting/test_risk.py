"""Risk on the database: rows kept as bets come, rooms given out in turn, markets that stop."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg

from overround.betting import exposure, risk
from overround.betting.bets import Slip
from overround.betting.exposure import jobs as exposure_jobs
from overround.betting.risk import Cap, PlayerRisk, Policy, Scope
from overround.core import grading
from overround.db.logins import Role
from tests.stories.world import Pick, World, opened

Urls = dict[Role, str]

HOME, DRAW, AWAY = (Pick("E1", "1x2", side) for side in ("home", "draw", "away"))
OVER = Pick("E1", "total", "over", line_q4=10)
SECOND, THIRD = Pick("E2", "1x2", "home"), Pick("E3", "1x2", "home")
PRICES_E4 = {HOME: 21_000, DRAW: 34_000, AWAY: 36_000, OVER: 19_000, SECOND: 15_000, THIRD: 50_000}


async def house(world: World, *players: str) -> dict[Pick, UUID]:
    """A tenant, rich players, and everything laid."""
    await world.tenant("acme")
    for name in players:
        await world.player(name, cash_minor=10_000_000)
    return {pick: await world.lay(pick, price_e4) for pick, price_e4 in PRICES_E4.items()}


async def stands(world: World, event: str) -> dict[str, tuple[int, int]]:
    """side -> (bets, liability) on an event's 1x2, as the desk shows it."""
    tenant_id = world.tenants["acme"].id
    event_id = await world.event(event)
    async with world.app.reading(tenant_id) as conn:
        found = await risk.liabilities(conn, tenant_id, [event_id])
    if event_id not in found:
        return {}
    markets = {market.market_type: market for market in found[event_id].markets}
    return {one.side: (one.bets, one.liability_minor) for one in markets["1x2"].selections}


async def made_anew(world: World) -> int:
    return await exposure_jobs.run_once(world.worker, world.tenants["acme"].id, world.at)


def test_the_rows_are_those_of_the_open_bets_whatever_happens(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            laid = await house(world, "ann", "bob")
            rng = random.Random(11)
            for _ in range(6):
                slips: list[Slip] = []
                for _ in range(10):
                    by_event: dict[str, Pick] = {}
                    for pick in rng.sample(list(laid), rng.randint(1, 4)):
                        by_event.setdefault(pick.event, pick)
                    legs = [(laid[pick], PRICES_E4[pick]) for pick in by_event.values()]
                    name = rng.choice(["ann", "bob"])
                    slips.append(world.slip(name, rng.randint(10, 5_000), legs))
                assert {answer.kind for answer in await world.place(slips)} == {"accepted"}
                assert await world.violations() == []
            assert await made_anew(world) == 0

            world.at += timedelta(days=1, hours=3)
            await world.result("E2", {"ft": (2, 0)})
            assert await world.settle() > 0
            # Marked, and so not yet wrong; made anew, a combo weighs more on what is left of it.
            assert await world.violations() == []
            before = await stands(world, "E1")
            assert await made_anew(world) > 0
            assert await world.violations() == []
            after = await stands(world, "E1")
            assert before != after
            assert await stands(world, "E2") == {}

            await world.result("E2", {"ft": (0, 2)})
            await world.settle()
            await made_anew(world)
            assert await world.violations() == []
            await world.result("E1", {"ft": (1, 1)})
            await world.result("E3", {"ft": (1, 0)})
            await world.settle()
            await made_anew(world)
            assert await world.violations() == []
            assert await world.count("SELECT count(*) FROM risk_liability", tenant="acme") == 0

    asyncio.run(story())


def test_a_row_that_was_tampered_with_is_found(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            laid = await house(world, "ann")
            await world.place([world.slip("ann", 1_000, [(laid[HOME], 21_000)])])
            assert (await stands(world, "E1"))["home"] == (1, 1_100)
            tenant_id = world.tenants["acme"].id
            async with await psycopg.AsyncConnection.connect(database_urls["owner"]) as owner:
                await owner.execute(
                    "SELECT set_config('overround.tenant_id', %s, true)", [tenant_id.hex]
                )
                await owner.execute("UPDATE risk_liability SET payout_minor = payout_minor - 1")
            (violation,) = await world.violations()
            assert violation.invariant == "liability = open bets"
            async with world.worker.reading(tenant_id) as conn:
                assert len(await exposure.check(conn, tenant_id)) == 1

    asyncio.run(story())


def test_batches_that_cross_lay_both(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            laid = await house(world, *(f"p{n}" for n in range(8)))
            picks = [HOME, DRAW, AWAY, SECOND, THIRD]

            async def some(n: int) -> None:
                order = picks if n % 2 else picks[::-1]
                slips = [
                    world.slip(f"p{n}", 100, [(laid[pick], PRICES_E4[pick])]) for pick in order * 4
                ]
                answers = await world.place(slips)
                assert {answer.kind for answer in answers} == {"accepted"}

            await asyncio.gather(*(some(n) for n in range(8)))
            assert (await stands(world, "E1"))["home"] == (32, 32 * 210 - 3 * 32 * 100)
            assert await world.violations() == []

    asyncio.run(story())


def test_the_last_room_goes_to_one_of_twenty(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls, live=True, connections=20) as world:
            names = [f"p{n}" for n in range(20)]
            laid = await house(world, *names)
            await cap(world, "house", "house", None, 3_299, 100_000)
            # Room for two bets that win 11.00 and most of a third: they come one by one, together.
            gate = asyncio.Barrier(len(names))

            async def one(name: str) -> str | None:
                slip = world.slip(name, 1_000, [(laid[HOME], 21_000)])
                await gate.wait()
                (answer,) = await world.place([slip])
                return answer.refusal

            answers = Counter(await asyncio.gather(*(one(name) for name in names)))
            assert answers == {None: 2, "stake_above_max": 18}
            assert (await stands(world, "E1"))["home"] == (2, 2_200)
            # In one call too, and a smaller stake still fits: what was refused took no money.
            slips = [world.slip(name, 900, [(laid[HOME], 21_000)]) for name in names]
            found = Counter(answer.refusal for answer in await world.place(slips))
            assert found == {None: 1, "stake_above_max": 19}
            assert await world.violations() == []

    asyncio.run(story())


WORST = """
SELECT event_cap - event_room FROM risk_room_v1(
    ARRAY[%s::uuid], ARRAY[%s::uuid], ARRAY(SELECT market_id FROM selection WHERE id = %s),
    ARRAY[%s::uuid], ARRAY[%s::timestamptz])"""


def test_no_end_of_a_market_costs_more_than_its_worst(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await house(world, "ann")
            tenant_id = world.tenants["acme"].id
            rng = random.Random(3)
            await cap(world, "house", "house", None, None, 10**9)
            event_id = await world.event("E1")
            picks = [
                *(Pick("E1", "double_chance", side) for side in grading.sides("double_chance")),
                *(Pick("E1", "asian_handicap", side, line_q4=-3) for side in ("home", "away")),
                *(Pick("E1", "draw_no_bet", side) for side in ("home", "away")),
            ]
            for n in range(1, 4):
                slips: list[Slip] = []
                selection_id = await world.selection(picks[0])
                for pick in rng.sample(picks, 4):
                    price_e4 = rng.randrange(11_000, 40_000)
                    selection_id = await world.lay(pick, price_e4)
                    stake = rng.randrange(10, 20_000)
                    slips.append(world.slip("ann", stake, [(selection_id, price_e4)]))
                await world.place(slips)
                async with world.app.reading(tenant_id) as conn:
                    values = [tenant_id, event_id, selection_id, selection_id, world.at]
                    row = await (await conn.execute(WORST, values)).fetchone()
                    found = (await risk.liabilities(conn, tenant_id, [event_id]))[event_id]
                    (top,) = risk.by_exposure(await risk.top_standings(conn, tenant_id, 1))
                assert row is not None
                assert found.exposure_minor <= row[0]
                assert (top, top.bets) == (found, n * 4)

    asyncio.run(story())


ROOM = """
SELECT decision, answer FROM bets_within_risk_v1(
    %(tenants)s::uuid[], %(users)s::uuid[], %(stakes)s::bigint[], %(potentials)s::bigint[],
    %(ats)s::timestamptz[], %(decisions)s::text[], array_fill(NULL::jsonb, ARRAY[%(count)s]),
    %(currencies)s::text[], %(slips)s::integer[], %(events)s::uuid[], %(markets)s::uuid[],
    %(selections)s::uuid[], %(prices)s::integer[])"""


async def rooms(
    world: World, urls: Urls, asked: list[tuple[str, int, list[tuple[Pick, int]]]]
) -> list[str | tuple[str, int]]:
    """What risk says of (player, stake, legs) slips of one call: 'accepted', a refusal, or a
    refusal with the greatest stake."""
    tenant_id = world.tenants["acme"].id
    values: dict[str, Any] = {
        name: [] for name in ("slips", "events", "markets", "selections", "prices")
    }
    potentials: list[int] = []
    async with await psycopg.AsyncConnection.connect(urls["owner"]) as conn:
        await conn.execute("SELECT set_config('overround.tenant_id', %s, true)", [str(tenant_id)])
        for n, (_, stake, legs) in enumerate(asked, start=1):
            potential = stake
            for pick, price_e4 in legs:
                selection_id = await world.selection(pick)
                cursor = await conn.execute(
                    "SELECT event_id, market_id FROM selection WHERE id = %s", [selection_id]
                )
                row = await cursor.fetchone()
                assert row is not None
                values["slips"].append(n)
                values["events"].append(row[0])
                values["markets"].append(row[1])
                values["selections"].append(selection_id)
                values["prices"].append(price_e4)
                potential = potential * price_e4 // 10_000
            potentials.append(potential)
        cursor = await conn.execute(
            ROOM,
            {
                **values,
                "tenants": [tenant_id] * len(asked),
                "users": [world.players["acme", name] for name, _, _ in asked],
                "stakes": [stake for _, stake, _ in asked],
                "potentials": potentials,
                "ats": [world.at] * len(asked),
                "decisions": ["accepted"] * len(asked),
                "count": len(asked),
                "currencies": ["EUR"] * len(asked),
            },
        )
        row = await cursor.fetchone()
        assert row is not None
        await conn.rollback()
    said: list[str | tuple[str, int]] = []
    for decision, answer in zip(row[0], row[1], strict=True):
        if decision == "accepted":
            said.append("accepted")
        elif "stake_max_minor" in answer:
            said.append((answer["refusal"], answer["stake_max_minor"]))
        else:
            said.append(answer["refusal"])
    return said


async def cap(world: World, scope: Scope, key: str, *limits: int | None) -> None:
    tenant_id = world.tenants["acme"].id
    async with world.app.transaction(tenant_id) as conn:
        await risk.set_cap(conn, tenant_id, Cap(scope, key, *limits))


def test_rooms_are_given_out_by_the_narrowest_cap(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            laid = await house(world, "ann", "bob")
            tenant_id = world.tenants["acme"].id
            ten = ("ann", 1_000, [(HOME, 21_000)])
            assert await rooms(world, database_urls, [ten]) == ["accepted"]

            # One unit more than the room, and what would fit; the next on the list takes it.
            await cap(world, "house", "house", None, 1_099, None)
            assert await rooms(world, database_urls, [ten]) == [("stake_above_max", 998)]
            await cap(world, "house", "house", None, 1_100, None)
            assert await rooms(world, database_urls, [ten, ten]) == [
                "accepted",
                "liability_exceeded",
            ]
            other = ("bob", 100, [(AWAY, 36_000)])
            assert await rooms(world, database_urls, [ten, ten, other]) == [
                "accepted", "liability_exceeded", "accepted",
            ]  # fmt: skip

            # What stands counts, net of what the other answers have staked.
            await world.place([world.slip("ann", 1_000, [(laid[HOME], 21_000)])])
            assert await rooms(world, database_urls, [ten]) == ["liability_exceeded"]
            await world.place([world.slip("bob", 500, [(laid[DRAW], 34_000)])])
            assert await rooms(world, database_urls, [ten]) == [("stake_above_max", 453)]

            # A narrower word holds instead of the house's, for its selection alone.
            await cap(world, "selection", str(laid[HOME]), None, 10_000, None)
            assert await rooms(world, database_urls, [ten]) == ["accepted"]
            event_id = str(await world.event("E1"))
            await cap(world, "event", event_id, None, None, 1_200)
            # The worst of the market stands at 600; 600 are left whatever the selection's cap.
            assert await rooms(world, database_urls, [ten]) == [("stake_above_max", 544)]
            await cap(world, "event", event_id)
            await cap(world, "selection", str(laid[HOME]))

            # A combo takes its share of the room on each of its legs.
            combo = ("ann", 1_000, [(SECOND, 15_000), (THIRD, 50_000)])
            await cap(world, "house", "house", None, 5_777, None)
            # (7.5 - 1) * 10.00 / (6.5 - 2) = 14.44, of which THIRD wins 57.80.
            assert (await rooms(world, database_urls, [combo]))[0] == ("stake_above_max", 998)
            await cap(world, "house", "house", None, 5_780, None)
            assert await rooms(world, database_urls, [combo]) == ["accepted"]

            # What one bet may win, by the player's factor.
            await cap(world, "house", "house", 1_100, None, None)
            assert await rooms(world, database_urls, [ten]) == ["accepted"]
            ann = world.players["acme", "ann"]
            async with world.app.transaction(tenant_id) as conn:
                await risk.set_player(
                    conn, tenant_id, PlayerRisk(ann, 1_000, 20_000, "wins too well", world.at)
                )
            assert await rooms(world, database_urls, [ten, ("bob", *ten[1:])]) == [
                ("stake_above_max", 100), "accepted",
            ]  # fmt: skip

    asyncio.run(story())


def test_a_player_may_not_repeat_himself_or_win_it_all(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            laid = await house(world, "ann", "bob")
            tenant_id = world.tenants["acme"].id

            async def policy(**said: Any) -> None:
                async with world.app.transaction(tenant_id) as conn:
                    await risk.set_policy(conn, tenant_id, Policy(**said))

            ten = ("ann", 1_000, [(HOME, 21_000)])
            await world.place([world.slip("ann", 1_000, [(laid[HOME], 21_000)])])
            await policy(repeat_max=1, repeat_s=60)
            others = [("bob", *ten[1:]), ("ann", 10, [(AWAY, 36_000)])]
            assert await rooms(world, database_urls, [ten, *others]) == [
                "repeated_bet", "accepted", "accepted",
            ]  # fmt: skip
            world.at += timedelta(seconds=61)
            assert await rooms(world, database_urls, [ten]) == ["accepted"]
            await policy(player_day_max_minor=2_200)
            assert await rooms(world, database_urls, [ten, ten]) == ["accepted", "player_limit"]
            await policy(player_event_max_minor=1_200)
            # Of 1,200 he has 1,100 to win already; 90 more would win 99.
            assert await rooms(world, database_urls, [ten]) == [("player_limit", 90)]
            assert await rooms(world, database_urls, [("ann", 1_000, [(SECOND, 15_000)])]) == [
                "accepted"
            ]
            # A day before the start a fifth of the cap is open, and all of it at the start.
            await policy(ramp_share_bps=2_000, ramp_s=3_600)
            await cap(world, "house", "house", None, 5_000, None)
            bob = ("bob", 1_000, [(SECOND, 25_000)])
            assert await rooms(world, database_urls, [bob]) == [("stake_above_max", 665)]
            world.at += timedelta(hours=23, minutes=40)
            assert await rooms(world, database_urls, [bob]) == ["accepted"]

    asyncio.run(story())


def test_another_houses_caps_and_rows_are_not_seen(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            laid = await house(world, "ann")
            other = await world.tenant("sakura", currency="JPY", time_zone="Asia/Tokyo")
            await world.place([world.slip("ann", 1_000, [(laid[HOME], 21_000)])])
            await cap(world, "house", "house", 1, 1, 1)
            async with world.app.reading(other.id) as conn:
                assert await risk.caps(conn, other.id) == {}
                assert await risk.caps(conn, world.tenants["acme"].id) == {}
                assert await risk.top_standings(conn, world.tenants["acme"].id, 10) == []

    asyncio.run(story())
