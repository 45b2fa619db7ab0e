"""Slips that wait, on the office's page and on the player's: plain forms, without a script."""

from __future__ import annotations

import asyncio
import re

from tests.betting.test_cashout_routes import HTML, form
from tests.betting.test_waiting import ASYNC, Urls, run, send
from tests.support.edge import opened
from tests.web.test_betting_routes import lay


def test_the_office_offers_and_the_player_takes_it(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await lay(edge, "acme")
            ann, boss = await edge.player("ann"), await edge.staff("boss", "risk.manage")
            await edge.deposit(ann, "1000.00")
            desk = "/office/approvals"
            assert (await ann.get(desk, headers=HTML)).status_code == 403
            assert "Nothing waits for a person." in (await boss.get(desk, headers=HTML)).text
            words = {"scope": "house", "key": "house", "approve_win": "50", "delay": "1.5"}
            assert (await form(boss, f"{desk}/waits", **words)).status_code == 303
            wrong = await form(boss, f"{desk}/waits", **{**words, "delay": "soon"})
            assert wrong.status_code == 422
            assert "Delay: 0 to 60 seconds, such as 2.5." in wrong.text
            page = (await boss.get(desk, headers=HTML)).text
            assert re.search(r'name="approve_win"[^>]* value="50.00"', page)
            assert re.search(r'name="delay"[^>]* value="1.5"', page)

            slip_id = (await send(edge, ann, "100.00")).json()["slip_id"]
            page = (await boss.get(desk, headers=HTML)).text
            assert "ann: Single" in page
            assert "unchanged" in page
            assert "The house looks at it" in (await ann.get("/bets", headers=HTML)).text
            act = f"{desk}/{slip_id}"
            refused = await form(
                boss, act, verdict="offer", reason="too much", stake="", price_0=""
            )
            assert refused.status_code == 422
            assert "say a lower stake or other prices" in refused.text
            fields = {"verdict": "offer", "reason": "too much", "stake": "25", "price_0": "1.80"}
            for verdict in ("approve", "refuse"):
                told = await form(boss, act, **{**fields, "verdict": verdict})
                assert told.status_code == 422
                assert "Stake instead: only an offer has a stake of its own." in told.text
                assert re.search(r'name="stake"[^>]* value="25"', told.text)
                told = await form(boss, act, **{**fields, "verdict": verdict, "stake": ""})
                assert "Price instead: only an offer has prices of its own." in told.text
            told = await form(boss, act, **{**fields, "price_1": "1.80"})
            assert "Price instead: a price for each leg, in their order." in told.text
            assert await run(edge) is None
            assert (await form(boss, act, **fields)).status_code == 303
            page = (await ann.get("/bets", headers=HTML)).text
            assert "The house takes <b>25.00 EUR</b> at <b>1.80</b>" in page
            assert (await form(ann, f"/slips/{slip_id}/accept")).status_code == 303
            assert await run(edge) == 1
            page = (await ann.get("/bets", headers=HTML)).text
            assert "The house takes" not in page
            assert "25.00" in page

            # What ends without a bet is said where it was.
            waits = await send(edge, ann, "1.00", **ASYNC)
            page = (await ann.get("/bets", headers=HTML)).text
            assert "number 1 in the queue" in page
            taken_back = await form(ann, f"{waits.headers['location'][7:]}/withdraw")
            assert taken_back.status_code == 303
            assert "Taken back" in (await ann.get("/bets", headers=HTML)).text
            late = await form(ann, f"/slips/{slip_id}/withdraw")
            assert late.status_code == 409
            assert "waits no more" in late.text

    asyncio.run(story())
