"""Who owes what is told to him and to the office; a withdrawal that comes back pays his debt."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from uuid import UUID

import httpx2

from overround.cli import books
from overround.db.logins import Role
from tests.pages.test_pages import form
from tests.support.edge import Edge, opened
from tests.web.test_betting_routes import lay
from tests.web.test_office import bet, sides_of
from tests.web.test_settlement_desk import settled, told

Urls = Mapping[Role, str]
HTML = {"Accept": "text/html"}
DESK = "/office/cashier"
WITHDRAWALS = "/api/v1/office/withdrawals"
DEBTS = "/api/v1/office/debts"


async def money(client: httpx2.AsyncClient) -> tuple[str, str, str]:
    """What the player has, what is on its way out, and what he owes."""
    found = (await client.get("/api/v1/balance")).json()
    return found["cash"], found["withdrawing"], found["owed"]


async def asked(edge: Edge, client: httpx2.AsyncClient, amount: str) -> httpx2.Response:
    """A withdrawal under a new key."""
    return await client.post("/api/v1/withdrawals", json={"amount": amount}, headers=edge.key())


async def taken_back(edge: Edge, *names: str) -> dict[str, tuple[httpx2.AsyncClient, str]]:
    """Players who asked for all they had when the payout of their bet was found to be wrong; each
    with the id of his withdrawal of 111.00. They owe 21.00."""
    event_id = await lay(edge, "acme")
    found: dict[str, tuple[httpx2.AsyncClient, str]] = {}
    for name in names:
        player = await edge.player(name)
        await edge.deposit(player, "100.00")
        await bet(edge, player, "10.00", (await sides_of(player, event_id))["home"])
        found[name] = (player, "")
    await told(edge, event_id, 1, 0)
    await settled(edge)
    for name, (player, _) in found.items():
        found[name] = (player, (await asked(edge, player, "111.00")).json()["id"])
    await corrected(edge, event_id)
    return found


async def corrected(edge: Edge, event_id: UUID) -> None:
    """The other side won; nobody has to agree to so little."""
    await told(edge, event_id, 0, 1)
    await settled(edge)


async def assert_sound(edge: Edge) -> None:
    tenant_id = edge.tenants["acme"].id
    async with edge.worker_db.snapshot(tenant_id) as conn:
        assert await books.violations(conn, tenant_id, deep=True) == []


def test_what_comes_back_from_a_withdrawal_pays_what_was_lent_meanwhile(
    database_urls: Urls,
) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ((ann, payment_id),) = (await taken_back(edge, "ann")).values()
            clerk = await edge.staff("clerk", "payments.decide")
            assert await money(ann) == ("0.00", "111.00", "21.00")
            (waits,) = (await clerk.get(WITHDRAWALS)).json()["items"]
            assert (waits["owed"], waits["repays"]) == ("21.00", "21.00")
            body = {"reason": "the result was corrected"}
            await clerk.post(f"{WITHDRAWALS}/{payment_id}/refuse", json=body)
            assert await money(ann) == ("90.00", "0.00", "0.00")
            moved = (await ann.get("/api/v1/statement")).json()["items"][:2]
            assert [(one["code"], one["amount"]) for one in moved] == [
                ("debt_repay", "-21.00"),
                ("withdrawal_refuse", "111.00"),
            ]
            assert (await asked(edge, ann, "111.00")).json()["code"] == "insufficient_funds"
            assert (await asked(edge, ann, "90.00")).status_code == 201
            await assert_sound(edge)

    asyncio.run(story())


def test_what_is_paid_in_is_the_players_when_his_withdrawal_of_it_comes_back(
    database_urls: Urls,
) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ((ann, payment_id),) = (await taken_back(edge, "ann")).values()
            clerk = await edge.staff("clerk", "payments.decide")
            for step in ("approve", "pay"):
                await clerk.post(f"{WITHDRAWALS}/{payment_id}/{step}")
            await edge.deposit(ann, "50.00")
            assert await money(ann) == ("50.00", "0.00", "21.00")
            again = (await asked(edge, ann, "50.00")).json()
            (waits,) = (await clerk.get(WITHDRAWALS)).json()["items"]
            assert (waits["id"], waits["player"]) == (again["id"], "ann")
            assert (waits["owed"], waits["repays"]) == ("21.00", "0.00")
            assert "it would repay nothing" in (await clerk.get(DESK, headers=HTML)).text
            body = {"reason": "another account"}
            await clerk.post(f"{WITHDRAWALS}/{again['id']}/refuse", json=body)
            assert await money(ann) == ("50.00", "0.00", "21.00")
            await assert_sound(edge)

    asyncio.run(story())


def test_those_who_owe_are_a_list_in_pages(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            found = await taken_back(edge, "ann", "bob", "cat")
            clerk, other = (
                await edge.staff("clerk", "payments.decide"),
                await edge.staff("other", "bets.read"),
            )
            assert (await other.get(DEBTS)).status_code == 403
            assert (await found["ann"][0].get(DEBTS)).status_code == 403
            query: dict[str, str | int] = {"limit": 2}
            first = (await clerk.get(DEBTS, params=query)).json()
            query["cursor"] = first["next_cursor"]
            second = (await clerk.get(DEBTS, params=query)).json()
            assert second["next_cursor"] is None
            shown = first["items"] + second["items"]
            told_of = {(one["player"], one["owed"], one["currency"]) for one in shown}
            assert told_of == {(name, "21.00", "EUR") for name in found}
            theirs = await edge.staff("boss", "*", host="sakura")
            assert (await theirs.get(DEBTS)).json()["items"] == []
            # Who has paid is not among them.
            body = {"reason": "the result was corrected"}
            await clerk.post(f"{WITHDRAWALS}/{found['bob'][1]}/refuse", json=body)
            left = (await clerk.get(DEBTS)).json()["items"]
            assert {one["player"] for one in left} == {"ann", "cat"}

    asyncio.run(story())


def test_a_debt_is_seen_on_the_pages_while_there_is_one(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ((ann, payment_id),) = (await taken_back(edge, "ann")).values()
            clerk, other = (
                await edge.staff("clerk", "payments.decide"),
                await edge.staff("other", "bets.read"),
            )
            assert (await other.get(DESK, headers=HTML)).status_code == 403
            owing = (await ann.get("/account", headers=HTML)).text
            assert "You owe" in owing
            shown = (await clerk.get(DESK, headers=HTML)).text
            assert f'href="{DESK}"' in shown
            assert "Owes 21.00 EUR. Refused, this would repay 21.00 EUR of it." in shown
            assert 'class="number">21.00</td>' in shown

            path = f"{DESK}/{payment_id}"
            short = await form(clerk, path, step="refuse", reason="no")
            assert (short.status_code, f'data-page="{DESK}"' in short.text) == (422, True)
            assert 'value="no" aria-invalid="true"' in short.text
            assert "Why it is refused: " in short.text
            early = await form(clerk, path, step="pay")
            assert early.status_code == 409
            assert (await form(clerk, path, step="lend")).status_code == 404
            done = await form(clerk, path, step="refuse", reason="the result was corrected")
            assert (done.status_code, done.headers["location"]) == (303, DESK)

            shown = (await clerk.get(DESK, headers=HTML)).text
            assert "Nothing waits for a decision." in shown
            assert "Nobody owes anything." in shown
            assert "You owe" not in (await ann.get("/account", headers=HTML)).text

    asyncio.run(story())


def test_a_withdrawal_is_approved_and_paid_on_the_page(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, clerk = await edge.player("ann"), await edge.staff("clerk", "payments.decide")
            await edge.deposit(ann, "20.00")
            path = f"{DESK}/{(await asked(edge, ann, '5.00')).json()['id']}"
            assert "Owes" not in (await clerk.get(DESK, headers=HTML)).text.split("owing-title")[0]
            assert (await form(clerk, path, step="approve")).status_code == 303
            assert "It was paid" in (await clerk.get(DESK, headers=HTML)).text
            assert (await form(clerk, path, step="pay")).status_code == 303
            assert await money(ann) == ("15.00", "0.00", "0.00")

    asyncio.run(story())
