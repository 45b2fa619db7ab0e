"""Free bets: granted, used once, settled like any bet, and what of them is the player's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import psycopg
import pytest

from overround.betting.bets import Asked, Slip, SlipLeg
from overround.betting.bets.jobs import Acceptor
from overround.betting.freebets import jobs
from overround.betting.settlement import rules, settle_due
from overround.betting.settlement.model import Graded, StoredLeg, Verdict
from overround.betting.waiting import jobs as waiting
from overround.cli.books import violations
from overround.core import ids
from overround.core.endings import ResultStatus
from overround.core.payoff import GradeName
from overround.db.logins import Role
from overround.money import revenue
from overround.money.revenue import jobs as days
from overround.odds import catalogue
from overround.roles.archive import importer
from tests.support.edge import Edge, opened, user_id_of
from tests.web.test_betting_routes import home_of, lay, slip

Urls = Mapping[Role, str]

# Live bets are judged by the database's clock, so the stories are told today.
NOW = datetime.now(UTC)
LATER = (NOW + timedelta(days=30)).isoformat()
MINUTE = timedelta(minutes=1)


@asynccontextmanager
async def promoting(urls: Urls) -> AsyncGenerator[tuple[Edge, httpx2.AsyncClient]]:
    """A tenant today, with offers, and a person of it who may give free bets."""
    async with opened(urls) as edge:
        edge.clock.move_to(NOW)
        await lay(edge, "acme")
        async with edge.worker_db.transaction(None) as conn:
            # Another sport than the one that is laid.
            await catalogue.add_competitions(conn, {("tennis", "", "Open"): ids.new(NOW)})
        yield edge, await edge.staff("boss", "promotions.manage")


async def given(edge: Edge, boss: httpx2.AsyncClient, name: str, **more: Any) -> dict[str, Any]:
    """A free bet of 10.00 for a player."""
    body = {
        "player_id": str(await user_id_of(edge, name)), "amount": "10.00", "reason": "Welcome",
        "expires_at": LATER, **more,
    }  # fmt: skip
    answer = await boss.post("/api/v1/office/free-bets", json=body, headers=edge.key())
    assert answer.status_code == 201, answer.text
    return answer.json()


async def cash(client: httpx2.AsyncClient) -> str:
    return (await client.get("/api/v1/balance")).json()["cash"]


async def use(
    edge: Edge, client: httpx2.AsyncClient, free_bet_id: str, stake: str = "10.00", **more: Any
) -> httpx2.Response:
    selection, shown = await home_of(client)
    body = slip(selection, shown, stake, free_bet_id=free_bet_id, **more)
    return await client.post("/api/v1/bets", json=body, headers=edge.key())


async def happens(
    edge: Edge, event_id: UUID, home: int, away: int, status: ResultStatus = "finished"
) -> int:
    """A result, and what it settles; later ones correct it."""
    edge.clock.move_to(edge.clock.now() + MINUTE)
    tenant_id, now = edge.tenants["acme"].id, edge.clock.now()
    scores = {"ht": (0, 0), "ft": (home, away)} if status == "finished" else {}
    await importer.enter_result(
        edge.worker_db, event_id, status=status, scores=scores, entered_by="a person", at=now
    )
    async with edge.worker_db.transaction(tenant_id) as conn:
        return await settle_due(conn, tenant_id, now, 100)


async def sound(edge: Edge) -> None:
    """Every invariant of the tenant holds, and all its money is where it came from."""
    async with edge.worker_db.snapshot(edge.tenants["acme"].id) as conn:
        assert await violations(conn, edge.tenants["acme"].id, deep=True) == []


async def promotion(edge: Edge) -> int:
    """What stands at the tenant's promotion account."""
    tenant_id = edge.tenants["acme"].id
    async with edge.worker_db.reading(tenant_id) as conn:
        row = await (
            await conn.execute(
                "SELECT coalesce(sum(balance_minor), 0)::bigint FROM account_balance"
                " WHERE kind = 'promotion'"
            )
        ).fetchone()
    assert row is not None
    return row[0]


async def earned(edge: Edge) -> tuple[int, int]:
    """GGR and what free bets cost, of all days."""
    tenant = edge.tenants["acme"]
    await days.run_once(
        edge.worker_db, tenant.id, currency="EUR", time_zone=tenant.time_zone, fee_bps=0,
        at=edge.clock.now(),
    )  # fmt: skip
    async with edge.worker_db.reading(tenant.id) as conn:
        total = await revenue.totals(conn, tenant.id)
    assert total is not None
    assert total.ngr_minor == total.ggr_minor - total.bonus_minor
    return total.ggr_minor, total.bonus_minor


def test_a_free_bet_pays_what_it_wins_and_no_more(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            edge.clock.move_to(NOW)
            event_id = await lay(edge, "acme")
            boss = await edge.staff("boss", "promotions.read", "promotions.manage")
            ann, bob = await edge.player("ann"), await edge.player("bob")
            free = await given(edge, boss, "ann")
            kept = await given(edge, boss, "bob", stake_returned=True)
            (mine,) = (await ann.get("/api/v1/free-bets")).json()["items"]
            assert (mine["id"], mine["state"], mine["amount"]) == (free["id"], "granted", "10.00")
            placed = (await use(edge, ann, free["id"])).json()
            price = float(placed["prices"][0])
            wins = f"{10 * price - 10:.2f}"
            assert placed["potential_payout"] == wins
            gross = (await use(edge, bob, kept["id"])).json()["potential_payout"]
            assert gross == f"{10 * price:.2f}"
            assert (await cash(ann), await promotion(edge)) == ("0.00", -2_000)
            quote = await ann.get(f"/api/v1/bets/{placed['bet_id']}/cash-out")
            assert quote.json()["reason"] == "cash_out_unavailable"
            order = f"/api/v1/bets/{placed['bet_id']}/cash-out/order"
            refused = await ann.put(order, json={"amount": "0.50"})
            assert (refused.status_code, refused.json()["code"]) == (409, "cash_out_unavailable")
            assert await happens(edge, event_id, 2, 0) == 2
            assert (await cash(ann), await cash(bob)) == (wins, gross)
            assert await promotion(edge) == -1_000
            (bet,) = (await ann.get("/api/v1/bets")).json()["items"]
            assert (bet["payout"], bet["free_bet_id"]) == (wins, free["id"])
            await sound(edge)
            # The book won 10.00 twice and paid both; ann's came back to promotion, bob's did not.
            paid = 2 * round(float(gross) * 100)
            assert await earned(edge) == (2_000 - paid, 1_000)
            # It was another result: nothing was won, and what came back is given again.
            assert await happens(edge, event_id, 0, 2) == 2
            assert (await cash(ann), await cash(bob)) == ("0.00", "0.00")
            assert await promotion(edge) == -2_000
            assert await earned(edge) == (2_000, 2_000)
            await sound(edge)

    asyncio.run(story())


def test_one_free_bet_is_used_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with promoting(database_urls) as (edge, boss):
            ann = await edge.player("ann")
            await edge.deposit(ann, "5.00")
            free = await given(edge, boss, "ann")
            answers = await asyncio.gather(*(use(edge, ann, free["id"]) for _ in range(6)))
            codes = sorted(one.json().get("code", "") for one in answers)
            assert codes == ["", *["free_bet_used"] * 5]
            # By the acceptor, beside a slip with money.
            again = await given(edge, boss, "ann")
            selection, shown = await home_of(ann)
            user_id, tenant_id = await user_id_of(edge, "ann"), edge.tenants["acme"].id
            leg = SlipLeg(UUID(selection), round(float(shown) * 10_000))
            used = UUID(again["id"])
            slips = [
                Slip(ids.new(NOW), user_id, f"batch-{n}", (leg,), stake, NOW, free_bet_id=free_bet)
                for n, (stake, free_bet) in enumerate([(1_000, used), (500, None), (1_000, used)])
            ]
            acceptor = Acceptor(database_urls["app"])
            async with acceptor.running():
                asked = [Asked(tenant_id, one) for one in slips]
                decided = await asyncio.gather(*map(acceptor.ask, asked))
                told = [(one.kind, one.refusal) for one in decided]
                assert told == [
                    ("accepted", None),
                    ("accepted", None),
                    ("refused", "free_bet_used"),
                ]
                repeated = await asyncio.gather(*map(acceptor.ask, asked))
                assert [one.kind for one in repeated] == ["replayed"] * 3
                other = replace(slips[0], free_bet_id=None)
                assert (await acceptor.ask(Asked(tenant_id, other))).kind == "key_reused"
            assert (await cash(ann), await promotion(edge)) == ("0.00", -2_000)
            await sound(edge)

    asyncio.run(story())


# terms of the grant, what is asked besides, the refusal and the bound that it names
REFUSED: list[tuple[dict[str, Any], str, str, dict[str, str]]] = [
    ({"kinds": ["combo", "system"]}, "10.00", "free_bet_kind", {}),
    ({"sports": ["tennis"]}, "10.00", "free_bet_sport", {}),
    ({"price_min": "9.00"}, "10.00", "free_bet_price", {"price_min": "9.00"}),
    ({}, "9.99", "free_bet_stake", {"stake": "10.00"}),
    ({"expires_at": (NOW + MINUTE).isoformat()}, "10.00", "free_bet_expired", {}),
]


def test_a_free_bet_that_is_refused_moves_nothing_and_is_answered_again(
    database_urls: Urls,
) -> None:
    async def story() -> None:
        async with promoting(database_urls) as (edge, boss):
            ann, bob = await edge.player("ann"), await edge.player("bob")
            free = [await given(edge, boss, "ann", **terms) for terms, *_ in REFUSED]
            edge.clock.move_to(NOW + 2 * MINUTE)
            selection, shown = await home_of(ann)
            for one, (_, stake, code, bound) in zip(free, REFUSED, strict=True):
                body = slip(selection, shown, stake, free_bet_id=one["id"])
                key = edge.key()
                answer = await ann.post("/api/v1/bets", json=body, headers=key)
                assert (answer.status_code, answer.json()["code"]) == (409, code)
                assert bound.items() <= answer.json().items()
                again = await ann.post("/api/v1/bets", json=body, headers=key)
                assert again.json()["code"] == code
                stranger = await bob.post("/api/v1/bets", json=body, headers=edge.key())
                assert stranger.json()["code"] == "free_bet_unknown"
            assert (await cash(ann), await promotion(edge)) == ("0.00", 0)
            mine = (await ann.get("/api/v1/free-bets")).json()["items"]
            assert {one["state"] for one in mine} == {"granted"}
            await sound(edge)

    asyncio.run(story())


def test_a_void_free_bet_comes_back_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            edge.clock.move_to(NOW)
            event_id = await lay(edge, "acme")
            boss = await edge.staff("boss", "promotions.read", "promotions.manage")
            ann = await edge.player("ann")
            free = await given(edge, boss, "ann")
            placed = (await use(edge, ann, free["id"])).json()

            async def states() -> dict[str, str]:
                found = (await boss.get("/api/v1/office/free-bets")).json()["items"]
                return {one["id"]: one["state"] for one in found}

            await happens(edge, event_id, 0, 0, "cancelled")
            assert (await cash(ann), await promotion(edge)) == ("0.00", 0)
            (new,) = set(await states()) - {free["id"]}
            assert await states() == {free["id"]: "used", new: "granted"}
            (bet,) = (await ann.get("/api/v1/bets")).json()["items"]
            assert (bet["outcome"], bet["payout"]) == ("void", "0.00")
            await sound(edge)
            await happens(edge, event_id, 1, 0)
            assert await states() == {free["id"]: "used", new: "revoked"}
            assert await cash(ann) == placed["potential_payout"]
            await sound(edge)
            await happens(edge, event_id, 0, 0, "cancelled")
            assert await states() == {free["id"]: "used", new: "granted"}
            assert (await cash(ann), await promotion(edge)) == ("0.00", 0)
            await sound(edge)

    asyncio.run(story())


def test_who_has_spent_a_free_bets_winnings_owes_them_and_no_more(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            edge.clock.move_to(NOW)
            event_id = await lay(edge, "acme")
            boss = await edge.staff("boss", "promotions.manage")
            ann = await edge.player("ann")
            free = await given(edge, boss, "ann")
            wins = (await use(edge, ann, free["id"])).json()["potential_payout"]
            await happens(edge, event_id, 1, 0)
            asked = await ann.post("/api/v1/withdrawals", json={"amount": wins}, headers=edge.key())
            assert asked.status_code == 201, asked.text
            await happens(edge, event_id, 0, 1)
            assert await cash(ann) == "0.00"
            async with edge.worker_db.reading(edge.tenants["acme"].id) as conn:
                row = await (await conn.execute("SELECT owed_minor FROM debt")).fetchone()
            assert row == (round(float(wins) * 100),)
            await sound(edge)

    asyncio.run(story())


def test_what_free_bets_have_moved_is_proved(database_urls: Urls) -> None:
    async def story() -> None:
        async with promoting(database_urls) as (edge, boss):
            ann = await edge.player("ann")
            free = await given(edge, boss, "ann")
            await use(edge, ann, free["id"])
            await sound(edge)
            tenant_id = edge.tenants["acme"].id
            async with await psycopg.AsyncConnection.connect(database_urls["owner"]) as conn:
                await conn.execute(
                    "SELECT set_config('overround.tenant_id', %s, false)", [str(tenant_id)]
                )
                await conn.execute("UPDATE free_bet SET back_minor = 1")
            async with edge.worker_db.snapshot(tenant_id) as conn:
                found = await violations(conn, tenant_id, deep=False)
            assert [one.invariant for one in found] == ["a free bet moved what is not back"]

    asyncio.run(story())


def test_a_slip_on_a_free_bet_may_wait(database_urls: Urls) -> None:
    async def story() -> None:
        async with promoting(database_urls) as (edge, boss):
            ann = await edge.player("ann")
            free = await given(edge, boss, "ann")
            selection, shown = await home_of(ann)
            body = slip(selection, shown, free_bet_id=free["id"])
            waits = [
                await ann.post(
                    "/api/v1/bets", json=body, headers={**edge.key(), "Prefer": "respond-async"}
                )
                for _ in range(2)
            ]
            assert [one.status_code for one in waits] == [202, 202]
            assert await promotion(edge) == 0
            while await waiting.run_once(edge.worker_db, edge.clock.now()):
                pass
            ends = [(await ann.get(one.headers["location"])).json() for one in waits]
            assert sorted(one["status"] for one in ends) == ["accepted", "refused"]
            assert (await cash(ann), await promotion(edge)) == ("0.00", -1_000)
            await sound(edge)

    asyncio.run(story())


def test_a_large_free_bet_needs_a_second_person(database_urls: Urls) -> None:
    async def story() -> None:
        async with promoting(database_urls) as (edge, boss):
            other = await edge.staff("other", "promotions.manage", "promotions.read")
            reader = await edge.staff("reader", "promotions.read")
            ann = await edge.player("ann")
            user_id = str(await user_id_of(edge, "ann"))
            body = {"player_id": user_id, "amount": "1000.01", "reason": "A large one"}
            body["expires_at"] = (NOW + timedelta(days=7)).isoformat()
            path, key = "/api/v1/office/free-bets", edge.key()
            large = (await boss.post(path, json=body, headers=key)).json()
            again = await boss.post(path, json=body, headers=key)
            assert (large["state"], again.json()["id"]) == ("proposed", large["id"])
            changed = await boss.post(path, json={**body, "amount": "5.00"}, headers=key)
            assert changed.json()["code"] == "idempotency_key_reused"
            assert (await use(edge, ann, large["id"], "1000.01")).json()["code"] in {
                "free_bet_unknown", "payout_above_max",
            }  # fmt: skip
            assert (await ann.get("/api/v1/free-bets")).json()["items"] == []
            own = await boss.post(f"{path}/{large['id']}/agree")
            assert (own.status_code, own.json()["code"]) == (403, "second_person")
            assert (await reader.post(f"{path}/{large['id']}/agree")).status_code == 403
            agreed = await other.post(f"{path}/{large['id']}/agree")
            assert agreed.json()["state"] == "granted"
            assert (await other.post(f"{path}/{large['id']}/agree")).json()[
                "code"
            ] == "free_bet_step"
            revoked = await boss.post(f"{path}/{large['id']}/revoke")
            assert revoked.json()["state"] == "revoked"
            small = {**body, "amount": "5.00"}
            soon = (await boss.post(path, json=small, headers=edge.key())).json()
            assert soon["state"] == "granted"
            tenant_id = edge.tenants["acme"].id
            assert await jobs.run_once(edge.worker_db, tenant_id, NOW + timedelta(days=8)) == 1
            assert await jobs.run_once(edge.worker_db, tenant_id, NOW + timedelta(days=8)) == 0
            found = (await reader.get(path, params={"state": "expired"})).json()["items"]
            assert [one["id"] for one in found] == [soon["id"]]
            for wrong, code in (
                ({"expires_at": NOW.isoformat()}, "expiry_out_of_range"),
                ({"amount": "0.00"}, "amount_out_of_range"),
                ({"reason": " "}, "reason"),
                ({"price_min": "1"}, "price_out_of_range"),
                ({"player_id": str(UUID(int=7))}, "not_found"),
            ):
                answer = await boss.post(path, json={**small, **wrong}, headers=edge.key())
                assert answer.json()["code"] == code, answer.text

    asyncio.run(story())


@pytest.mark.parametrize(
    ("grades", "sizes", "price_e4", "paid", "back"),
    [
        (("won",), None, 15_000, 1_500, 1_000),  # a single of 10.00 at 1.5 wins 5.00
        (("lost",), None, 15_000, 0, 0),
        (("void",), None, 15_000, 1_000, 1_000),
        (("half_lost",), None, 15_000, 500, 500),  # half of the stake comes back, to the house
        (("half_won",), None, 15_000, 1_250, 1_000),
        (("won", "void"), None, 15_000, 1_500, 1_000),
        # Two of three lines of 3.33 return nothing: they have no stake to give back.
        (("won", "won", "lost"), (2,), 20_000, 1_333, 333),
    ],
)
def test_of_a_free_bets_stake_goes_back_what_the_lines_return(
    grades: tuple[GradeName, ...],
    sizes: tuple[int, ...] | None,
    price_e4: int,
    paid: int,
    back: int,
) -> None:
    legs: list[StoredLeg] = [
        StoredLeg(
            UUID(int=1),
            UUID(int=2),
            n,
            UUID(int=100 + n),
            UUID(int=200 + n),
            UUID(int=300 + n),
            "football",
            "1x2",
            "ft",
            None,
            "home",
            price_e4,
            None,
            None,
            0,
            None,
            None,
            1_000,
            "down",
            NOW,
            sizes=sizes,
        )
        for n in range(1, len(grades) + 1)
    ]
    news = [Graded(legs[0].bet_id, n, grade, 1, 0) for n, grade in enumerate(grades, start=1)]
    is_void = set(grades) == {"void"}
    outcome: GradeName = "void" if is_void else "lost" if paid == 0 else "won"
    verdict = Verdict(legs[0].bet_id, outcome, paid)
    assert rules.back_minor(legs, news, verdict, stake_returned=False) == back
    returned = rules.back_minor(legs, news, verdict, stake_returned=True)
    assert returned == (back if is_void else 0)
