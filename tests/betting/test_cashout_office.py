"""What the office sees of bets that end early: what was asked, what waits, what is to come."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx2

from overround.db.logins import Role
from tests.betting.test_cashout_in_play import asked, bets, paid
from tests.betting.test_cashout_routes import HTML
from tests.betting.test_in_play import goal, on, people
from tests.support.edge import opened
from tests.support.in_play import offered

Urls = Mapping[Role, str]
LIST = "/api/v1/office/cash-outs"
PAGE = "/office/cash-out"


async def pages(client: httpx2.AsyncClient, path: str, **more: Any) -> list[Any]:
    """Every item of a list that is read one by one."""
    items: list[Any] = []
    cursor = None
    while True:
        words = {"limit": 1, **more, **({"cursor": cursor} if cursor else {})}
        found = (await client.get(path, params=words)).json()
        items += found["items"]
        cursor = found["next_cursor"]
        if cursor is None:
            return items


def test_the_office_lists_what_was_asked_and_what_is_ordered(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, boss = await people(edge)
            await offered(edge, boss, stale_ms=60_000)
            matches = [await on(edge, name) for name in ("paid", "refused", "waits", "order")]
            stand = await bets(edge, matches, ann)
            order = f"/api/v1/bets/{stand[3]}/cash-out/order"
            assert (await ann.put(order, json={"amount": "0.97"})).status_code == 200
            sent: list[httpx2.Response] = []
            for bet_id in stand[:2]:
                edge.later(seconds=1)
                sent.append(await asked(edge, ann, bet_id))
            await goal(matches[1])
            assert await paid(edge, 6) == 2
            edge.later(seconds=1)
            sent.append(await asked(edge, ann, stand[2]))
            mine = [(await ann.get(one.headers["location"])).json() for one in sent]
            assert [one["status"] for one in mine] == ["paid", "refused", "waiting"]

            found = await pages(boss, LIST)
            assert [one["cash_out"] for one in found] == mine[::-1]
            assert {one["player"] for one in found} == {"ann"}
            for one in mine:
                (only,) = await pages(boss, LIST, state=one["status"])
                assert only["cash_out"] == one
            (ordered,) = await pages(boss, f"{LIST}/orders")
            assert ordered["order"] == {"bet_id": stand[3], "amount": "0.97", "currency": "EUR"}
            assert (await boss.get(LIST, params={"state": "ordered"})).status_code == 422
            seller = await edge.staff("seller", "offers.read")
            for client in (ann, seller):
                assert (await client.get(LIST)).status_code == 403
                assert (await client.get(f"{LIST}/orders")).status_code == 403

            chief = await edge.staff("chief", "offers.read", "risk.read")
            for state, said, unsaid in (
                ("", "The score has changed.", "0.97"),
                ("?state=waiting", "Waits until", "The score has changed."),
                ("?state=paid", ">Paid</td>", "Waits until"),
                ("?state=refused", "The score has changed.", "Waits until"),
                ("?state=orders", "<b>0.97</b>", "Waits until"),
            ):
                page = (await chief.get(PAGE + state, headers=HTML)).text
                assert said in page, state
                assert unsaid not in page, state
            # Whoever sets terms alone sees nobody's money.
            page = (await seller.get(PAGE, headers=HTML)).text
            assert "ann" not in page.partition("<main")[2]
            await drop_order(ann, order)
            assert await pages(boss, f"{LIST}/orders") == []
            assert "No bet waits" in (await chief.get(f"{PAGE}?state=orders", headers=HTML)).text

    asyncio.run(story())


async def drop_order(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.delete(path)).status_code == 204
