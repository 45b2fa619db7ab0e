"""The cashier: amounts, keys, the steps of a withdrawal, and what the ledger says afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httpx2
import psycopg
import pytest

from overround.core.errors import Invalid
from overround.db.logins import Role
from overround.money import ledger
from overround.people import tenants
from overround.people.cashier import rules
from tests.support.edge import Edge, opened, system_of, user_id_of

Urls = Mapping[Role, str]


async def cash(client: httpx2.AsyncClient) -> tuple[str, str]:
    """A player's free money, and what is on its way out."""
    found = (await client.get("/api/v1/balance")).json()
    return found["cash"], found["withdrawing"]


async def withdraw(edge: Edge, client: httpx2.AsyncClient, amount: str) -> httpx2.Response:
    """A withdrawal under a new key."""
    return await client.post("/api/v1/withdrawals", json={"amount": amount}, headers=edge.key())


async def decide(client: httpx2.AsyncClient, payment: str, step: str) -> httpx2.Response:
    """A step by staff."""
    body = {"reason": "not his account"} if step == "refuse" else None
    return await client.post(f"/api/v1/office/withdrawals/{payment}/{step}", json=body)


async def check_ledger(edge: Edge, host: str = "acme") -> None:
    """Every unit is accounted for."""
    tenant_id = edge.tenants[host].id
    async with edge.app_db.reading(tenant_id) as conn:
        assert await ledger.total_minor(conn, tenant_id) == 0
        assert await ledger.check(conn, tenant_id) == []
        assert await ledger.check_deep(conn, tenant_id) == []


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("10.50", "EUR", 1050),
        ("0.01", "EUR", 1),
        ("10", "EUR", 1000),
        ("1050", "JPY", 1050),
        ("1.005", "KWD", 1005),
        ("10000000000", "EUR", 10**12),
    ],
)
def test_an_amount_is_a_decimal_of_its_currency(text: str, currency: str, minor: int) -> None:
    assert rules.amount_minor(text, currency) == minor
    assert rules.signed_amount_minor(f"-{text}", currency) == -minor


@pytest.mark.parametrize(
    ("text", "currency", "code"),
    [
        ("", "EUR", "invalid_number"),
        ("0", "EUR", "amount_out_of_range"),
        ("0.00", "EUR", "amount_out_of_range"),
        ("-1", "EUR", "invalid_number"),
        ("+1", "EUR", "invalid_number"),
        ("1e3", "EUR", "invalid_number"),
        ("NaN", "EUR", "invalid_number"),
        ("Infinity", "EUR", "invalid_number"),
        (" 10", "EUR", "invalid_number"),
        ("10 ", "EUR", "invalid_number"),
        ("10,50", "EUR", "invalid_number"),
        ("1_000", "EUR", "invalid_number"),
        ("\uff11\uff10", "EUR", "invalid_number"),
        ("10.505", "EUR", "invalid_number"),
        ("10.5", "JPY", "invalid_number"),
        ("10000000000.01", "EUR", "amount_out_of_range"),
        ("9" * 24, "EUR", "invalid_number"),
    ],
)
def test_what_is_no_amount_is_refused(text: str, currency: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        rules.amount_minor(text, currency)
    assert (refused.value.code, refused.value.field) == (code, "amount")


@pytest.mark.parametrize("text", ["--5", "-0", "-", "- 5", "-5-"])
def test_a_sign_stands_once_and_first(text: str) -> None:
    with pytest.raises(Invalid):
        rules.signed_amount_minor(text, "EUR")


def test_a_deposit_is_cash_and_a_line_of_the_statement(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")
            for amount in ("100.00", "0.01"):
                assert (await edge.deposit(ann, amount)).status_code == 201
            assert await cash(ann) == ("100.01", "0.00")
            lines = (await ann.get("/api/v1/statement")).json()
            shown = [(i["amount"], i["balance_before"], i["balance_after"]) for i in lines["items"]]
            assert shown == [("0.01", "100.00", "100.01"), ("100.00", "0.00", "100.00")]
            assert lines["currency"] == "EUR"
            await check_ledger(edge)

    asyncio.run(story())


def test_yen_have_no_decimals(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann", host="sakura")
            assert (await edge.deposit(ann, "10.50")).json()["code"] == "invalid_number"
            paid = (await edge.deposit(ann, "1050")).json()
            assert (paid["amount"], paid["currency"]) == ("1050", "JPY")

    asyncio.run(story())


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"amount": 10},
        {"amount": 10.5},
        {"amount": True},
        {"amount": None},
        {"amount": ["1"]},
        {"amount": "1" * 25},
        {"amount": "10", "user_id": "00000000-0000-0000-0000-000000000001"},
        {"amount": "10", "tenant_id": "00000000-0000-0000-0000-000000000001"},
    ],
)
def test_a_body_is_read_strictly(database_urls: Urls, body: dict[str, object]) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")
            answer = await ann.post("/api/v1/deposits", json=body, headers=edge.key())
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
            assert await cash(ann) == ("0.00", "0.00")

    asyncio.run(story())


def test_a_key_is_needed_and_stands_for_one_request(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, bob = await edge.player("ann"), await edge.player("bob")
            path, body = "/api/v1/deposits", {"amount": "10.00"}
            for headers, code in (
                ({}, "idempotency_key_missing"),
                ({"Idempotency-Key": ""}, "idempotency_key_missing"),
                ({"Idempotency-Key": "x" * 65}, "idempotency_key_invalid"),
            ):
                without = await ann.post(path, json=body, headers=headers)
                assert (without.status_code, without.json()["code"]) == (400, code)
            key = {"Idempotency-Key": "order-1"}
            first = await ann.post(path, json=body, headers=key)
            assert "idempotency-replayed" not in first.headers
            again = await ann.post(path, json=body, headers=key)
            assert again.headers["idempotency-replayed"] == "true"
            assert (again.status_code, again.json()) == (201, first.json())
            # The same words for another amount, or for another thing, are another request.
            other = await ann.post(path, json={"amount": "10.01"}, headers=key)
            thing = await ann.post("/api/v1/withdrawals", json=body, headers=key)
            for answer in (other, thing):
                assert (answer.status_code, answer.json()["code"]) == (
                    422,
                    "idempotency_key_reused",
                )
            # Somebody else's key is his own.
            assert (await bob.post(path, json=body, headers=key)).status_code == 201
            assert await cash(ann) == ("10.00", "0.00")
            await check_ledger(edge)

    asyncio.run(story())


def test_64_equal_deposits_post_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")
            key = {"Idempotency-Key": "once"}
            sent = [
                ann.post("/api/v1/deposits", json={"amount": "10.00"}, headers=key)
                for _ in range(64)
            ]
            answers = await asyncio.gather(*sent)
            assert {a.status_code for a in answers} == {201}
            assert len({a.text for a in answers}) == 1
            assert sum("idempotency-replayed" not in a.headers for a in answers) == 1
            assert await cash(ann) == ("10.00", "0.00")
            await check_ledger(edge)

    asyncio.run(story())


def test_64_withdrawals_at_once_never_overdraw(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")
            await edge.deposit(ann, "100.00")
            answers = await asyncio.gather(*(withdraw(edge, ann, "10.00") for _ in range(64)))
            codes = [a.status_code for a in answers]
            assert (codes.count(201), codes.count(409)) == (10, 54)
            assert {a.json().get("code") for a in answers} == {None, "insufficient_funds"}
            assert await cash(ann) == ("0.00", "100.00")
            await check_ledger(edge)

    asyncio.run(story())


def test_a_refusal_for_want_of_money_is_an_answer_and_stays_one(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")
            key, body = {"Idempotency-Key": "too-much"}, {"amount": "10.00"}
            first = await ann.post("/api/v1/withdrawals", json=body, headers=key)
            assert (first.status_code, first.json()["code"]) == (409, "insufficient_funds")
            await edge.deposit(ann, "10.00")
            again = await ann.post("/api/v1/withdrawals", json=body, headers=key)
            assert (again.status_code, again.json()["code"]) == (409, "insufficient_funds")
            assert await cash(ann) == ("10.00", "0.00")
            kinds = [
                (p["kind"], p["status"])
                for p in (await ann.get("/api/v1/payments")).json()["items"]
            ]
            assert sorted(kinds) == [("deposit", "paid"), ("withdrawal", "refused")]

    asyncio.run(story())


def test_a_withdrawal_is_requested_approved_and_paid(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, clerk = await edge.player("ann"), await edge.staff("clerk", "payments.decide")
            await edge.deposit(ann, "100.00")
            payment = (await withdraw(edge, ann, "30.00")).json()
            assert payment["status"] == "requested"
            assert await cash(ann) == ("70.00", "30.00")
            queue = (await clerk.get("/api/v1/office/withdrawals")).json()["items"]
            assert [p["id"] for p in queue] == [payment["id"]]
            # It is not paid before it is approved, and no step is taken twice.
            assert (await decide(clerk, payment["id"], "pay")).json()["code"] == "payment_step"
            assert (await decide(clerk, payment["id"], "approve")).json()["status"] == "approved"
            again = await decide(clerk, payment["id"], "approve")
            assert (again.status_code, again.json()["code"]) == (409, "payment_step")
            assert (await decide(clerk, payment["id"], "pay")).json()["status"] == "paid"
            for step in ("pay", "refuse", "approve"):
                assert (await decide(clerk, payment["id"], step)).status_code == 409
            assert await cash(ann) == ("70.00", "0.00")
            assert (await clerk.get("/api/v1/office/withdrawals")).json()["items"] == []
            await check_ledger(edge)

    asyncio.run(story())


@pytest.mark.parametrize("first", [[], ["approve"]])
def test_a_refused_withdrawal_is_cash_again(database_urls: Urls, first: list[str]) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, clerk = await edge.player("ann"), await edge.staff("clerk", "payments.decide")
            await edge.deposit(ann, "100.00")
            payment = (await withdraw(edge, ann, "30.00")).json()["id"]
            for step in first:
                await decide(clerk, payment, step)
            path = f"/api/v1/office/withdrawals/{payment}/refuse"
            assert (await clerk.post(path, json={"reason": "no"})).json()["code"] == "reason"
            refused = (await decide(clerk, payment, "refuse")).json()
            assert (refused["status"], refused["reason"]) == ("refused", "not his account")
            assert await cash(ann) == ("100.00", "0.00")
            await check_ledger(edge)

    asyncio.run(story())


def test_two_decisions_at_once_pay_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, clerk = await edge.player("ann"), await edge.staff("clerk", "payments.decide")
            await edge.deposit(ann, "100.00")
            # More is on its way out than one payment, so no empty account refuses the second one.
            asked = [(await withdraw(edge, ann, "10.00")).json()["id"] for _ in range(4)]
            for payment in asked[:2]:
                await decide(clerk, payment, "approve")
                steps = ["pay", "refuse"] * 8
                answers = await asyncio.gather(*(decide(clerk, payment, s) for s in steps))
                codes = sorted(a.json().get("code", "") for a in answers)
                assert codes == [""] + ["payment_step"] * 15
            out = (await ann.get("/api/v1/balance")).json()["withdrawing"]
            assert out == "20.00"
            await check_ledger(edge)

    asyncio.run(story())


def test_a_replay_after_the_decision_gets_the_first_answer(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, clerk = await edge.player("ann"), await edge.staff("clerk", "payments.decide")
            await edge.deposit(ann, "100.00")
            key, body = {"Idempotency-Key": "w-1"}, {"amount": "30.00"}
            first = await ann.post("/api/v1/withdrawals", json=body, headers=key)
            for step in ("approve", "refuse"):
                await decide(clerk, first.json()["id"], step)
            again = await ann.post("/api/v1/withdrawals", json=body, headers=key)
            assert (again.status_code, again.json()) == (201, first.json())

    asyncio.run(story())


def test_a_player_decides_nothing_and_takes_nothing_back(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")
            await edge.deposit(ann, "100.00")
            payment = (await withdraw(edge, ann, "30.00")).json()["id"]
            for step in ("approve", "pay", "refuse"):
                assert (await decide(ann, payment, step)).json()["code"] == "forbidden"
            assert (await ann.delete(f"/api/v1/withdrawals/{payment}")).status_code == 404
            assert (await ann.get("/api/v1/office/withdrawals")).status_code == 403
            assert await cash(ann) == ("70.00", "30.00")

    asyncio.run(story())


def test_a_deposit_cannot_be_decided(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, clerk = await edge.player("ann"), await edge.staff("clerk", "payments.decide")
            payment = (await edge.deposit(ann, "100.00")).json()["id"]
            for step in ("approve", "pay", "refuse"):
                assert (await decide(clerk, payment, step)).status_code == 404

    asyncio.run(story())


def test_an_adjustment_needs_the_scope_and_a_reason(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, boss = await edge.player("ann"), await edge.staff("boss", "payments.adjust")
            clerk = await edge.staff("clerk", "payments.decide")
            who = str(await user_id_of(edge, "ann"))
            path = "/api/v1/office/adjustments"
            body = {"user_id": who, "amount": "5.00", "reason": "goodwill"}
            for client in (ann, clerk):
                answer = await client.post(path, json=body, headers=edge.key())
                assert answer.json()["code"] == "forbidden"
            poor = await boss.post(path, json={**body, "reason": " "}, headers=edge.key())
            assert poor.json()["code"] == "reason"
            key = edge.key()
            made = await boss.post(path, json=body, headers=key)
            assert (made.json()["status"], made.json()["amount"]) == ("paid", "5.00")
            assert (await boss.post(path, json=body, headers=key)).json() == made.json()
            down = {**body, "amount": "-2.00", "reason": "paid in error"}
            taken = await boss.post(path, json=down, headers=edge.key())
            assert taken.json()["amount"] == "-2.00"
            more = await boss.post(path, json={**down, "amount": "-3.01"}, headers=edge.key())
            assert more.json()["code"] == "insufficient_funds"
            assert await cash(ann) == ("3.00", "0.00")
            own = (await boss.get("/api/v1/session")).json()["user"]["id"]
            self_ = await boss.post(path, json={**body, "user_id": own}, headers=edge.key())
            assert self_.json()["code"] == "not_a_player"
            await check_ledger(edge)

    asyncio.run(story())


def test_every_act_of_staff_leaves_an_audit_row(database_urls: Urls) -> None:
    async def story() -> list[tuple[str, str]]:
        async with opened(database_urls) as edge:
            ann, boss = await edge.player("ann"), await edge.staff("boss", "*")
            await edge.deposit(ann, "100.00")
            for steps in (["approve", "pay"], ["refuse"]):
                payment = (await withdraw(edge, ann, "10.00")).json()["id"]
                for step in steps:
                    await decide(boss, payment, step)
            who = str(await user_id_of(edge, "ann"))
            body = {"user_id": who, "amount": "5.00", "reason": "goodwill"}
            key = edge.key()
            for _ in range(2):
                await boss.post("/api/v1/office/adjustments", json=body, headers=key)
            own = (await boss.get("/api/v1/session")).json()["user"]["id"]
            async with edge.app_db.reading(edge.tenants["acme"].id) as conn:
                rows = await conn.execute(
                    "SELECT action, actor_id FROM audit WHERE actor_kind = 'staff' ORDER BY id"
                )
                found = [(row[0], str(row[1])) for row in await rows.fetchall()]
            assert {actor for _, actor in found} == {own}
            return found

    actions = [action for action, _ in asyncio.run(story())]
    assert actions == [
        "withdrawal.approved",
        "withdrawal.paid",
        "withdrawal.refused",
        "adjustment.paid",
    ]


def test_without_the_setting_nobody_deposits_without_paying(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")
            caller = system_of(edge.tenants["acme"].id)
            async with edge.worker_db.transaction(caller.tenant_id) as conn:
                await tenants.allow_demo_deposits(conn, caller, False, edge.clock.now())
            answer = await edge.deposit(ann, "10.00")
            assert (answer.status_code, answer.json()["code"]) == (409, "deposits_closed")
            assert await cash(ann) == ("0.00", "0.00")

    asyncio.run(story())


def test_lists_page_without_gaps_or_repeats(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")
            for number in range(7):
                await edge.deposit(ann, f"{number + 1}.00")
                edge.later(seconds=number % 2)
            for path in ("/api/v1/payments", "/api/v1/statement"):
                amounts: list[str] = []
                query: dict[str, str | int] = {"limit": 3}
                while True:
                    page = (await ann.get(path, params=query)).json()
                    amounts += [item["amount"] for item in page["items"]]
                    if page["next_cursor"] is None:
                        break
                    query["cursor"] = page["next_cursor"]
                assert sorted(amounts) == [f"{n}.00" for n in range(1, 8)]

    asyncio.run(story())


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/v1/payments", {"limit": "0"}),
        ("/api/v1/payments", {"limit": "-669891"}),
        ("/api/v1/payments", {"limit": "201"}),
        ("/api/v1/payments", {"limit": "1e9"}),
        ("/api/v1/payments", {"cursor": "x"}),
        ("/api/v1/payments", {"cursor": "A" * 65}),
        ("/api/v1/payments", {"cursor": "_" * 32}),
        ("/api/v1/payments", {"cursor": "é"}),
        ("/api/v1/statement", {"limit": "100000"}),
        ("/api/v1/statement", {"cursor": "0"}),
        ("/api/v1/statement", {"cursor": "9" * 30}),
    ],
)
def test_a_page_is_bounded(database_urls: Urls, path: str, query: dict[str, str]) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")
            answer = await ann.get(path, params=query)
            assert answer.status_code == 422
            assert answer.json()["code"] in {"invalid", "cursor"}

    asyncio.run(story())


def test_nobody_rewrites_or_deletes_a_payment(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")
            await edge.deposit(ann, "10.00")
            for database in (edge.app_db, edge.worker_db):
                for change in (
                    b"UPDATE payment SET amount_minor = 1",
                    b"UPDATE payment SET user_id = user_id",
                    b"DELETE FROM payment",
                    b"TRUNCATE payment",
                ):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        async with database.transaction(edge.tenants["acme"].id) as conn:
                            await conn.execute(change)

    asyncio.run(story())
