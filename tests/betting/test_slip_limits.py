"""What a house takes of a slip: its legs, their prices and its own; a refusal says its bound."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from overround.betting import risk
from overround.betting.risk import Policy
from overround.core.errors import Invalid
from overround.db.logins import Role
from tests.betting.test_place_raw import house, slip
from tests.stories.world import Pick, World, opened

Urls = dict[Role, str]

PRICES_E4 = {
    Pick("E1", "1x2", "home"): 12_000,
    Pick("E2", "1x2", "home"): 20_000,
    Pick("E3", "1x2", "home"): 30_000,
}


async def take(world: World, policy: Policy) -> None:
    tenant_id = world.tenants["acme"].id
    async with world.app.transaction(tenant_id) as conn:
        await risk.set_policy(conn, tenant_id, policy)


def test_a_slip_beyond_the_houses_bounds_is_refused_with_them(database_urls: Urls) -> None:
    """Each bound by itself: the last slip within it is taken, the first beyond it is not."""
    low, mid, high = PRICES_E4

    async def story() -> None:
        async with opened(database_urls) as world:
            await world.tenant("acme", payout_max_minor=10_000_000)
            await world.player("ann", cash_minor=10_000_000)
            laid = {pick: await world.lay(pick, price_e4) for pick, price_e4 in PRICES_E4.items()}

            async def ask(*picks: Pick, sizes: tuple[int, ...] | None = None) -> dict[str, Any]:
                legs = [(laid[pick], PRICES_E4[pick]) for pick in picks]
                (answer,) = await world.place([world.slip("ann", 1_001, legs, sizes=sizes)])
                return {} if answer.kind == "accepted" else answer.answer

            def no(refusal: str, **bounds: int) -> dict[str, Any]:
                return {"refusal": refusal, "currency": "EUR", **bounds}

            await take(world, Policy(legs_min=2))
            assert await ask(mid) == no("too_few_legs", legs_min=2)
            assert await ask(low, mid) == {}
            await take(world, Policy(legs_max=2))
            assert await ask(low, mid) == {}
            assert await ask(low, mid, high) == no("too_many_legs", legs_max=2)
            assert (await ask(low, mid, high, sizes=(1, 2)))["refusal"] == "too_many_legs"
            await take(world, Policy(leg_price_min_e4=20_000))
            assert await ask(mid, high) == {}
            assert await ask(high, low) == no("odds_out_of_range", leg=2, price_min_e4=20_000)
            await take(world, Policy(leg_price_max_e4=20_000))
            assert await ask(low, mid) == {}
            assert await ask(low, high) == no("odds_out_of_range", leg=2, price_max_e4=20_000)
            # 1.20 times 2.00 of 10.01 pays 24.02, and no less than that may be asked for.
            await take(world, Policy(slip_price_min_e4=24_000, slip_price_max_e4=24_000))
            assert await ask(low, mid) == {}
            bounds = {"price_min_e4": 24_000, "price_max_e4": 24_000}
            assert await ask(mid) == no("odds_out_of_range", **bounds)
            assert await ask(low, high) == no("odds_out_of_range", **bounds)
            # 10.01 is staked, and pays 20.02 at 2.00; 10.00 would pay 20.00.
            await take(world, Policy(stake_min_minor=1_002))
            assert await ask(mid) == no("stake_below_min", stake_min_minor=1_002)
            await take(world, Policy(stake_min_minor=1_001, payout_max_minor=2_002))
            assert await ask(mid) == {}
            await take(world, Policy(payout_max_minor=2_001))
            refused = no(
                "payout_above_max",
                payout_max_minor=2_001,
                stake_max_minor=1_000,
                stake_least_minor=10,
            )
            assert await ask(mid) == refused
            # Who takes less of one slip takes the others of the same call.
            await take(world, Policy(legs_max=1))
            slips = [
                world.slip("ann", 100, [(laid[pick], PRICES_E4[pick]) for pick in picks])
                for picks in ((mid,), (low, mid), (high,))
            ]
            kinds = [answer.kind for answer in await world.place(slips)]
            assert kinds == ["accepted", "refused", "accepted"]
            assert await world.violations() == []
            with pytest.raises(Invalid) as raised:
                await take(world, replace(Policy(legs_max=1), legs_min=2))
            assert raised.value.code == "bounds_crossed"

    asyncio.run(story())


def test_the_office_bounds_slips_and_the_problem_names_the_bound(database_urls: Urls) -> None:
    async def story() -> None:
        async with house(database_urls) as (edge, _, home):
            ann = await edge.player("ann")
            await edge.deposit(ann, "100.00")
            boss = await edge.staff("boss", "risk.read", "risk.manage")
            policy = "/api/v1/office/risk/policy"
            whole = (await boss.get(policy)).json()
            body = whole | {"leg_price_min": "3.5", "slip_price_max": "100", "legs_max": 4}
            said = (await boss.put(policy, json=body)).json()
            assert (said["leg_price_min"], said["slip_price_max"]) == ("3.50", "100.00")
            assert (await boss.get(policy)).json() == said

            answer = await ann.post("/api/v1/bets", json=slip(home), headers=edge.key())
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (409, "odds_out_of_range")
            assert (problem["leg"], problem["price_min"]) == (1, "3.50")
            assert problem["errors"][0]["pointer"] == "#/legs/0/price"

            for wrong, code, field in (
                ({"legs_min": 3, "legs_max": 2}, "bounds_crossed", "legs_max"),
                ({"leg_price_min": "1.0"}, "price_out_of_range", "leg_price_min"),
                ({"slip_price_max": "two"}, "invalid_number", "slip_price_max"),
                ({"legs_max": 21}, "invalid", "legs_max"),
                ({"payout_max": "1.001"}, "invalid_number", "payout_max"),
                ({"player_day_max": "9" * 13}, "cap_out_of_range", "player_day_max"),
                # Against each other, and each against what the platform says of the other.
                ({"stake_min": "5", "payout_max": "5"}, "bounds_crossed", "stake_min"),
                ({"stake_min": "1000000000"}, "bounds_crossed", "stake_min"),
                ({"payout_max": "0.01"}, "bounds_crossed", "payout_max"),
            ):
                refused = await boss.put(policy, json=said | wrong)
                assert refused.status_code == 422, wrong
                told = refused.json()
                assert (told["code"], told["errors"][0]["pointer"]) == (code, f"#/{field}"), told
            # Nothing is reset unsaid: whoever leaves a field out is told which.
            refused = await boss.put(policy, json={})
            missing = {one["pointer"] for one in refused.json()["errors"]}
            assert (refused.status_code, missing) == (422, {f"#/{name}" for name in said})
            assert (await boss.get(policy)).json() == said

    asyncio.run(story())
