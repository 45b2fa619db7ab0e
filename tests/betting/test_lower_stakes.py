"""A smaller stake where the player's does not fit, and the version of the offer that he saw."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

from overround.betting import risk
from overround.betting.bets import Decision, Slip, SlipLeg
from overround.betting.risk import Cap, Policy
from overround.db.logins import Role
from tests.betting.test_place_raw import house, said, slip
from tests.stories.world import Pick, World, opened

Urls = dict[Role, str]

HOME = Pick("E1", "1x2", "home")
OVER = Pick("E2", "total", "over", line_q4=10)


def lower(like: Slip) -> Slip:
    return replace(like, accept_lower_stake=True)


async def laid_in(world: World, cash_minor: int = 1_000_000) -> dict[Pick, UUID]:
    await world.tenant("acme", payout_max_minor=100_000)
    for name in ("ann", "bob"):
        await world.player(name, cash_minor=cash_minor)
    return {HOME: await world.lay(HOME, 21_000), OVER: await world.lay(OVER, 19_100)}


async def bounded(world: World, policy: Policy, *caps: Cap) -> None:
    tenant_id = world.tenants["acme"].id
    async with world.app.transaction(tenant_id) as conn:
        await risk.set_policy(conn, tenant_id, policy)
        for cap in caps:
            await risk.set_cap(conn, tenant_id, cap)


async def liability(world: World) -> int:
    """What the house loses if the home side wins."""
    event_id, tenant_id = await world.event("E1"), world.tenants["acme"].id
    async with world.app.reading(tenant_id) as conn:
        found = await risk.liabilities(conn, tenant_id, [event_id])
    (market,) = found[event_id].markets
    return market.selections[0].liability_minor


def stake(decision: Decision) -> int:
    return decision.answer["stake_minor"]


def test_a_stake_that_does_not_fit_is_lowered_to_one_that_does(database_urls: Urls) -> None:
    """By each bound, close to the largest that fits; the same key is told which was taken."""

    async def story() -> None:
        async with opened(database_urls) as world:
            laid = await laid_in(world)
            single = [(laid[HOME], 21_000)]
            both = [*single, (laid[OVER], 19_100)]

            # What pays 100,000 at 2.10, and as a system of two singles and their double.
            one = lower(world.slip("ann", 90_000, single))
            (first,) = await world.place([one])
            assert (first.kind, stake(first)) == ("accepted", 47_619)
            (again,) = await world.place([one])
            assert (again.kind, again.answer) == ("replayed", first.answer)
            (other,) = await world.place([replace(one, accept_lower_stake=False)])
            assert other.kind == "key_reused"
            system = lower(world.slip("ann", 500_000, both, sizes=(1, 2)))
            (found,) = await world.place([system])
            assert 99_990 < found.answer["potential_payout_minor"] <= 100_000

            # One call, both of one player and one key twice; who does not ask for it is refused.
            plain = world.slip("bob", 90_000, single)
            twice = lower(world.slip("bob", 80_000, single))
            answers = await world.place([plain, twice, twice, world.slip("bob", 100, single)])
            assert [answer.kind for answer in answers] == [
                "refused", "accepted", "replayed", "accepted",
            ]  # fmt: skip
            assert answers[0].answer["stake_max_minor"] == 47_619
            assert answers[1].answer == answers[2].answer
            assert stake(answers[1]) == 47_619

            # The last of a selection's room, and none of it for who comes behind.
            event = str(await world.event("E1"))
            await bounded(world, Policy(), Cap("house", "house", win_max_minor=2_000))
            (answer,) = await world.place([lower(world.slip("ann", 5_000, single))])
            assert 1_816 <= stake(answer) <= 1_818
            cap = Cap("event", event, selection_max_minor=await liability(world) + 4_000)
            await bounded(world, Policy(), Cap("house", "house"), cap)
            slips = [lower(world.slip(name, 9_000, single)) for name in ("ann", "bob")]
            answers = await world.place(slips)
            assert (answers[0].kind, answers[1].kind) == ("accepted", "refused")
            assert stake(answers[0]) < 9_000
            # Of many at once none passes the cap, and the room is given out to the last units.
            most = await liability(world) + 20_000
            cap = Cap("event", event, selection_max_minor=most)
            await bounded(world, Policy(), cap)
            slips = [lower(world.slip(name, 9_000, single)) for name in ("ann", "bob") * 3]
            found = await asyncio.gather(*(world.place([one]) for one in slips))
            kinds = [answer.kind for (answer,) in found]
            assert kinds.count("accepted") == 3, kinds
            assert most - 5 < await liability(world) <= most
            await bounded(world, Policy(player_event_max_minor=1), Cap("event", event))
            (answer,) = await world.place([lower(world.slip("ann", 5_000, single))])
            assert answer.refusal == "player_limit"

            # A house that gives no smaller stakes refuses with the stake that would do.
            await bounded(world, Policy(lower_stakes=False))
            (answer,) = await world.place([lower(world.slip("ann", 90_000, single))])
            assert (answer.refusal, stake_max(answer)) == ("payout_above_max", 47_619)
            await bounded(world, Policy())
            # A purse is no cap of the house's: nobody is given what he did not ask for.
            (answer,) = await world.place([lower(world.slip("bob", 1_000_001, single))])
            assert stake(answer) == 47_619
            assert await world.violations() == []

    asyncio.run(story())


def stake_max(decision: Decision) -> int:
    return decision.answer["stake_max_minor"]


def test_an_offer_that_was_replaced_is_not_what_was_shown(database_urls: Urls) -> None:
    """Who takes the shown price alone and says its version wants that offer, not its like."""

    async def story() -> None:
        async with opened(database_urls) as world:
            laid = await laid_in(world)

            async def ask(version: int, policy: str = "none", price_e4: int = 21_000) -> Decision:
                one = world.slip("ann", 100, [(laid[HOME], price_e4)])
                legs = (SlipLeg(laid[HOME], price_e4, offer_version=version),)
                one = replace(one, legs=legs, odds_policy=policy)
                (answer,) = await world.place([one])
                return answer

            assert (await ask(1)).kind == "accepted"
            await world.lay(HOME, 21_000, state="suspended")
            assert (await ask(1)).refusal == "market_suspended"
            await world.lay(HOME, 21_000)
            refused = await ask(1)
            assert (refused.refusal, refused.answer["leg"]) == ("market_changed", 1)
            assert refused.answer["offer_versions"] == [3]
            assert (await ask(3)).kind == "accepted"
            assert (await ask(1, "higher")).kind == "accepted"
            await world.lay(HOME, 22_000)
            refused = await ask(3)
            assert refused.refusal == "price_changed"
            assert (refused.answer["prices_e4"], refused.answer["offer_versions"]) == (
                [22_000],
                [4],
            )

    asyncio.run(story())


def test_both_ways_in_take_lower_stakes_and_versions(database_urls: Urls) -> None:
    async def story() -> None:
        async with house(database_urls) as (edge, raw, home):
            plain = await edge.player("ann")
            await edge.deposit(plain, "100.00")
            boss = await edge.staff("boss", "risk.manage")
            cap = {"scope": "house", "scope_key": "house", "win_max": "5.00",
                   "selection_max": None, "event_max": None}  # fmt: skip
            assert (await boss.put("/api/v1/office/risk/caps", json=cap)).status_code == 200
            fast = raw.client(token=plain.headers["authorization"].split()[1])
            for client, other in ((plain, fast), (fast, plain)):
                key = edge.key()
                asks = slip(home, "20.00", accept_lower_stake=True)
                answer = await client.post("/api/v1/bets", json=asks, headers=key)
                assert answer.status_code == 201, answer.text
                assert 4 < float(answer.json()["stake"]) < 6
                bet = (await client.get(f"/api/v1/bets/{answer.json()['bet_id']}")).json()
                assert bet["stake"] == answer.json()["stake"]
                told = await other.post("/api/v1/bets", json=asks, headers=key)
                assert told.headers["idempotency-replayed"] == "true"
                assert told.json() == answer.json()

                seen = slip(home, "1.00", odds_policy="none")
                seen["legs"][0]["offer_version"] = home["version"] + 1
                problems = [
                    said(await one.post("/api/v1/bets", json=seen, headers=key))
                    for key in (edge.key(),)
                    for one in (client, other)
                ]
                assert problems[0] == problems[1]
                status, text, _ = problems[0]
                assert status == 409
                assert b"market_changed" in text
                assert b"offer_versions" in text
                seen["legs"][0]["offer_version"] = -1
                wrong = await client.post("/api/v1/bets", json=seen, headers=edge.key())
                assert wrong.status_code == 422

    asyncio.run(story())
