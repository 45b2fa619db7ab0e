"""Ending bets early over HTTP, and on the page of a player's bets."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import httpx2

from overround.db.logins import Role
from tests.support.edge import Edge, opened
from tests.web.test_betting_routes import home_of, lay, slip

Urls = Mapping[Role, str]
HTML = {"Accept": "text/html"}


async def placed(edge: Edge, client: httpx2.AsyncClient, stake: str = "10.00") -> str:
    selection, shown = await home_of(client)
    answer = await client.post(
        "/api/v1/bets", json=slip(selection, shown, stake), headers=edge.key()
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["bet_id"]


async def quote(client: httpx2.AsyncClient, bet_id: str, share_bps: int = 10_000) -> Any:
    answer = await client.get(f"/api/v1/bets/{bet_id}/cash-out?share_bps={share_bps}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def form(client: httpx2.AsyncClient, path: str, **fields: str) -> httpx2.Response:
    headers = {**HTML, "Origin": str(client.base_url).rstrip("/")}
    return await client.post(path, data=fields, headers=headers)


def pointers(answer: httpx2.Response) -> list[str]:
    return [one["pointer"] for one in answer.json().get("errors", [])]


def test_a_player_ends_half_a_bet_and_then_the_rest(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await lay(edge, "acme")
            ann, bob = await edge.player("ann"), await edge.player("bob")
            await edge.deposit(ann, "100.00")
            bet_id = await placed(edge, ann)
            path = f"/api/v1/bets/{bet_id}/cash-out"
            half = (await quote(ann, bet_id, 5_000))["quotes"][0]
            assert (half["stake"], half["rest_stake"]) == ("5.00", "5.00")
            key = edge.key()
            paid = await ann.post(path, json={"quote": half["quote"]}, headers=key)
            assert paid.status_code == 201, paid.text
            assert paid.json()["amount"] == half["amount"]
            again = await ann.post(path, json={"quote": half["quote"]}, headers=key)
            assert (again.content, again.headers["idempotency-replayed"]) == (paid.content, "true")
            valued = await quote(ann, bet_id)
            assert (valued["cashed_out"], valued["open_stake"]) == (half["amount"], "5.00")
            gone = await ann.get(f"{path}?share_bps=5000")
            assert (gone.json()["code"], pointers(gone)) == (
                "share_out_of_range", ["query/share_bps"],
            )  # fmt: skip
            whole = valued["quotes"][0]
            assert (await ann.post(path, json={"quote": whole["quote"]}, headers=edge.key())
                    ).status_code == 201  # fmt: skip
            bet = (await ann.get(f"/api/v1/bets/{bet_id}")).json()
            assert (bet["status"], bet["outcome"]) == ("settled", "cashed_out")
            lines = (await ann.get("/api/v1/statement")).json()["items"]
            assert [line["code"] for line in lines[:2]] == ["cash_out", "cash_out"]
            assert bet["payout"] == f"{sum(float(line['amount']) for line in lines[:2]):.2f}"

            # Nobody else sees it, and what is wrong is named.
            for method, more in (("GET", ""), ("DELETE", "/order")):
                assert (await bob.request(method, path + more)).status_code == 404
            assert (await bob.get(f"/api/v1/cash-outs?bet={bet_id}")).json()["items"] == []
            for body, status in (({"quote": "x"}, 422), ({}, 422), ({"quote": half["quote"]}, 409)):
                answer = await ann.post(path, json=body, headers=edge.key())
                assert answer.status_code == status, answer.text
                assert pointers(answer) == ([] if status == 409 else ["#/quote"])
            assert answer.json()["code"] == "bet_ended"
            assert (await ann.post(path, json={"quote": half["quote"]})).status_code == 400
            assert (await ann.get(path + "?share_bps=10001")).status_code == 422

    asyncio.run(story())


def test_a_bet_says_what_of_it_is_open(database_urls: Urls) -> None:
    """To its player and to the office, by program and on the page; `stake` is the bet's own."""

    async def story() -> None:
        async with opened(database_urls) as edge:
            await lay(edge, "acme")
            ann, boss = await edge.player("ann"), await edge.staff("boss", "bets.read")
            await edge.deposit(ann, "100.00")
            bet_id = await placed(edge, ann)
            whole = await open_of(ann, bet_id)
            assert whole["cashed_out"] == "0.00"
            assert (whole["open_stake"], whole["open_potential_payout"]) == (
                whole["stake"], whole["potential_payout"],
            )  # fmt: skip
            assert "Potential payout</dt>" in await text_of(ann, "/bets")
            paid = await ended(edge, ann, bet_id, 4_000)
            part = await open_of(ann, bet_id)
            assert (part["stake"], part["potential_payout"], part["payout"]) == (
                whole["stake"], whole["potential_payout"], None,
            )  # fmt: skip
            assert (part["cashed_out"], part["open_stake"]) == (paid, "6.00")
            most = Decimal(whole["potential_payout"])
            assert Decimal(part["open_potential_payout"]) == most * 6 / 10
            listed = (await boss.get("/api/v1/office/bets")).json()["items"]
            assert listed[0]["bet"] == part
            for client, path, rest in (
                (ann, "/bets", "Potential payout of the rest"),
                (boss, "/office/bets", "The rest could pay"),
            ):
                said = await text_of(client, path)
                assert f"Cashed out</dt><dd>{paid} EUR" in said
                assert "Stake left</dt><dd>6.00 EUR" in said
                assert f"{rest}</dt><dd>{part['open_potential_payout']} EUR" in said
            rest = await ended(edge, ann, bet_id, 10_000)
            over = await open_of(ann, bet_id)
            total = str(Decimal(paid) + Decimal(rest))
            assert (over["payout"], over["cashed_out"]) == (total, total)
            assert (over["open_stake"], over["open_potential_payout"]) == ("0.00", "0.00")

    asyncio.run(story())


async def open_of(client: httpx2.AsyncClient, bet_id: str) -> Any:
    """The bet by itself, which is the one in the list."""
    found = (await client.get(f"/api/v1/bets/{bet_id}")).json()
    assert (await client.get("/api/v1/bets")).json()["items"] == [found]
    return found


async def text_of(client: httpx2.AsyncClient, path: str) -> str:
    return (await client.get(path, headers=HTML)).text


async def ended(edge: Edge, client: httpx2.AsyncClient, bet_id: str, share_bps: int) -> str:
    """Cash out up to a share; what was paid."""
    body = {"quote": (await quote(client, bet_id, share_bps))["quotes"][0]["quote"]}
    answer = await client.post(f"/api/v1/bets/{bet_id}/cash-out", json=body, headers=edge.key())
    assert answer.status_code == 201, answer.text
    return answer.json()["amount"]


def test_the_office_sets_the_margin(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await lay(edge, "acme")
            ann, boss = await edge.player("ann"), await edge.staff("boss", "offers.manage")
            await edge.deposit(ann, "100.00")
            bet_id = await placed(edge, ann)
            path = "/api/v1/office/cash-out"
            assert (await ann.get(path)).status_code == 403
            reader = await edge.staff("reader", "offers.read")
            terms = (await reader.get(path)).json()
            before = (await quote(ann, bet_id))["quotes"][0]
            lower = {**terms, "margin_bps": 2_000}
            assert (await boss.put(path, json=lower)).json() == lower
            for body, code, at in (
                ({"amount": "0"}, "amount_out_of_range", "#/amount"),
                ({"amount": "1e3"}, "invalid_number", "#/amount"),
                ({"amount": "1.00"}, "order_reached", "#/amount"),
            ):
                order = await ann.put(f"/api/v1/bets/{bet_id}/cash-out/order", json=body)
                assert (order.json()["code"], pointers(order)) == (code, [at])
            # An order that is reached comes with the quote that does it at once.
            worth = (await quote(ann, bet_id))["quotes"][0]
            assert (order.json()["amount"], order.json()["quote"]) == (
                worth["amount"], worth["quote"],
            )  # fmt: skip
            changed = await ann.post(
                f"/api/v1/bets/{bet_id}/cash-out",
                json={"quote": before["quote"]},
                headers=edge.key(),
            )
            assert changed.status_code == 409
            found = changed.json()
            assert (found["code"], pointers(changed)) == ("cash_out_changed", ["#/quote"])
            assert float(found["amount"]) < float(before["amount"])
            refused = await boss.put(path, json={**terms, "margin_bps": 5_001})
            assert refused.json()["code"] == "margin_out_of_range"
            assert pointers(refused) == ["#/margin_bps"]
            off = {**terms, "enabled": False}
            assert (await boss.put(path, json=off)).status_code == 200
            assert (await quote(ann, bet_id))["reason"] == "cash_out_off"

    asyncio.run(story())


def test_the_page_ends_bets_without_a_script(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await lay(edge, "acme")
            ann = await edge.player("ann")
            await edge.deposit(ann, "100.00")
            bet_id = await placed(edge, ann)
            page = (await ann.get("/bets", headers=HTML)).text
            quotes = re.findall(r'name="quote" value="([^"]+)"', page)
            (key,) = re.findall(r'name="key" value="([^"]+)"', page)
            assert '<details data-key="now">' in page
            assert [one.split(".")[1] for one in quotes] == ["10000", "7500", "5000", "2500"]
            path = f"/bets/{bet_id}/cash-out"
            ordered = await form(ann, path + "/order", amount="20.00")
            assert ordered.status_code == 303, ordered.text
            assert "by itself at <b>20.00 EUR" in (await ann.get("/bets", headers=HTML)).text
            too_much = await form(ann, path + "/order", amount="99999")
            assert too_much.status_code == 422
            assert "this bet pays at most" in too_much.text
            assert (await form(ann, path + "/stop")).status_code == 303
            edge.later(seconds=60)
            # Whoever has unfolded it keeps it so, while it is not offered, too: it is one element.
            async with edge.worker_db.transaction(edge.tenants["acme"].id) as conn:
                await conn.execute("UPDATE offer SET state = 'suspended'")
            page = (await ann.get("/bets", headers=HTML)).text
            assert '<details data-key="now"><summary class="quiet">No cash-out now: ' in page
            async with edge.worker_db.transaction(edge.tenants["acme"].id) as conn:
                await conn.execute("UPDATE offer SET state = 'open'")
            late = await form(ann, path, quote=quotes[0], key="late")
            assert late.status_code == 409
            assert "shown too long ago" in late.text
            (fresh, *_) = re.findall(r'name="quote" value="([^"]+)"', late.text)
            assert (await form(ann, path, quote=fresh, key=key)).status_code == 303
            page = (await ann.get("/bets", headers=HTML)).text
            assert "Cashed out" in page
            assert 'name="quote"' not in page
            ended = await form(ann, path, quote=fresh, key="once more")
            assert ended.status_code in (400, 409)

    asyncio.run(story())
