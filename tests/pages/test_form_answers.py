"""The answer to a form is the form's own page, with what was typed still in it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from html import unescape
from uuid import UUID

from fastapi.routing import APIRoute

from overround.db.logins import Role
from overround.web.pages import ROUTERS, forms
from tests.betting.test_cashout_routes import HTML, form
from tests.betting.test_freebets import given, promoting
from tests.betting.test_waiting import send
from tests.support.edge import Edge, opened, user_id_of
from tests.support.house import House
from tests.support.house import lay as lay_house
from tests.web.test_betting_routes import home_of, lay, slip

Urls = Mapping[Role, str]
NOBODY = str(UUID(int=7))


def field(page: str, name: str) -> list[str]:
    """The values of the fields with that name, in the order of the page."""
    found = re.findall(rf'<input name="{name}"[^>]*>', page)
    return [unescape(one[1]) for tag in found if (one := re.search(r' value="([^"]*)"', tag))]


def posted() -> list[str]:
    """The address of every form, with ids of nobody in their places."""
    found = {
        route.path
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and "POST" in (route.methods or ())
    }
    words = {"what": "policy", "step": "accept"}
    return sorted(re.sub(r"{(\w+)}", lambda one: words.get(one[1], NOBODY), path) for path in found)


def test_the_address_of_a_form_leads_to_its_page(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await lay(edge, "acme")
            ann, boss = await edge.player("ann"), await edge.staff("boss", "*")
            addresses = posted()
            assert len(addresses) > 15
            for path in addresses:
                client = boss if path.startswith("/office") else ann
                answer = await client.get(path, headers=HTML)
                page = forms.page_of(path)
                if page == path:
                    # A page of its own, or of something that is not there.
                    assert answer.status_code in (200, 303, 404), path
                    continue
                assert (answer.status_code, answer.headers["location"]) == (303, page), path
                found = await client.get(page, headers=HTML)
                assert found.status_code == 200, path
                assert "data-page" not in found.text

    asyncio.run(story())


def test_a_form_that_is_sent_twice_gives_one_free_bet(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            edge.clock.move_to(datetime(2026, 3, 1, 12, tzinfo=UTC))
            boss, ann = await edge.staff("boss", "*"), await edge.player("ann")
            typed = {
                "form": "free-bet-1", "player": "ann@players.example", "amount": "5", "days": "7",
                "reason": "Welcome", "single": "on",
            }  # fmt: skip
            for _ in range(2):
                answer = await form(boss, "/office/promotions", **typed)
                assert answer.status_code == 303, answer.text
                edge.clock.move_to(edge.clock.now() + timedelta(seconds=2))
            (one,) = (await ann.get("/api/v1/free-bets")).json()["items"]
            assert one["expires_at"] == "2026-03-09T00:00:00Z"

    asyncio.run(story())


async def coming(edge: Edge) -> UUID:
    """A match that is laid and comes within hours, so that an office sees it."""
    now, laid = datetime.now(UTC), House()
    edge.clock.move_to(now)
    await lay_house(edge, laid, now)
    return laid.events["Alder"]


def test_what_was_typed_is_kept_and_its_fault_is_marked(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await coming(edge)
            boss = await edge.staff("boss", "*")
            await edge.player("ann")
            risk = "/office/risk"

            typed = {"stake_min": "900000000", "hold_s": "45", "lower_stakes": "on"}
            answer = await form(boss, f"{risk}/policy", **typed)
            assert (answer.status_code, 'data-page="/office/risk"' in answer.text) == (422, True)
            assert field(answer.text, "stake_min") == ["900000000"]
            assert field(answer.text, "hold_s") == ["45"]
            assert re.search(r'name="stake_min"[^>]* aria-invalid="true"', answer.text)
            answer = await form(boss, f"{risk}/policy", hold_s="1" * 12, velocity_max="7")
            assert (field(answer.text, "velocity_max"), answer.status_code) == (["7"], 422)
            assert re.search(r'name="hold_s"[^>]* aria-invalid="true"', answer.text)

            caps = {"scope": "event", "key": str(event_id), "win_max": "-1", "event_max": "50"}
            answer = await form(boss, f"{risk}/caps", **caps)
            assert f'id="event-{event_id}"' in answer.text
            assert "-1" in field(answer.text, "win_max")
            assert "50" in field(answer.text, "event_max")

            # A player is found by his name; whom a part of one means, a person says.
            me = str(await user_id_of(edge, "ann"))
            answer = await form(boss, f"{risk}/players", player="an", factor="0.5", note="sharp")
            assert (answer.status_code, f'<option value="{me}">ann, ann@' in answer.text) == (
                422, True,
            )  # fmt: skip
            assert (field(answer.text, "factor"), field(answer.text, "note")) == (
                ["0.5"], ["sharp"],
            )  # fmt: skip
            # No text here can hold NUL, and nobody is asked for one.
            answer = await form(boss, f"{risk}/players", player="\0", factor="0.5")
            assert answer.status_code == 400
            answer = await form(boss, f"{risk}/players", player="zoe", factor="0.5")
            assert ("Nobody here" in answer.text, field(answer.text, "factor")) == (True, ["0.5"])
            for name in ("Ann", "ann@players.example", me):
                answer = await form(boss, f"{risk}/players", player=name, factor="0.5")
                assert answer.status_code == 303, name
            assert "Factor 0.5" in (await boss.get(risk, headers=HTML)).text

    asyncio.run(story())


def test_what_waits_is_said_of_an_event_by_its_name(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id, desk = await coming(edge), "/office/approvals"
            ann, boss = await edge.player("ann"), await edge.staff("boss", "*")
            await edge.deposit(ann, "1000.00")

            # An event is searched for and let wait by its name.
            found = (await boss.get(f"{desk}?find=alder", headers=HTML)).text
            link = re.search(r'href="(/office/approvals\?scope=event[^"#]+)#', found)
            assert link is not None
            page = (await boss.get(unescape(link[1]), headers=HTML)).text
            assert f'id="event-{event_id}"' in page
            wait = {"scope": "event", "key": str(event_id), "approve_win": "50", "delay": "x"}
            answer = await form(boss, f"{desk}/waits", **wait)
            assert (answer.status_code, "x" in field(answer.text, "delay")) == (422, True)
            assert "Alder \N{EN DASH} Brixen 04" in answer.text
            assert (await form(boss, f"{desk}/waits", **{**wait, "delay": ""})).status_code == 303
            assert "Alder \N{EN DASH} Brixen 04" in (await boss.get(desk, headers=HTML)).text
            assert "premier" in (await boss.get(f"{desk}?find=premier", headers=HTML)).text.lower()
            for wrong in ("scope=event&key=x", "scope=planet&key=earth", f"find={'x' * 61}"):
                status = (await boss.get(f"{desk}?{wrong}", headers=HTML)).status_code
                assert status in (404, 422), wrong
            unknown = await boss.get(f"{desk}?scope=event&key={NOBODY}", headers=HTML)
            assert (unknown.status_code, NOBODY in unknown.text) == (200, False)

            wait = {"scope": "house", "key": "house", "approve_win": "50", "delay": ""}
            assert (await form(boss, f"{desk}/waits", **wait)).status_code == 303
            slip_id = (await send(edge, ann, "100.00")).json()["slip_id"]
            typed = {"verdict": "offer", "reason": "no", "stake": "25", "price_0": "1.80"}
            answer = await form(boss, f"{desk}/{slip_id}", **typed)
            assert (answer.status_code, 'data-page="/office/approvals"' in answer.text) == (
                422, True,
            )  # fmt: skip
            assert "3 to 300 printable" in answer.text
            assert [field(answer.text, name) for name in ("reason", "stake", "price_0")] == [
                ["no"], ["25"], ["1.80"],
            ]  # fmt: skip
            assert "data-kept" in answer.text
            assert re.search(r'name="reason"[^>]* aria-invalid="true"', answer.text)

    asyncio.run(story())


def test_a_slip_that_waits_says_that_it_is_a_free_bet(database_urls: Urls) -> None:
    async def story() -> None:
        async with promoting(database_urls) as (edge, promoter):
            ann, boss = await edge.player("ann"), await edge.staff("desk", "risk.manage")
            free = await given(edge, promoter, "ann")
            wait = {"scope": "house", "key": "house", "approve_win": "1", "delay": ""}
            assert (await form(boss, "/office/approvals/waits", **wait)).status_code == 303
            selection, shown = await home_of(ann)
            body = slip(selection, shown, "10.00", free_bet_id=free["id"])
            said = await ann.post("/api/v1/bets", json=body, headers=edge.key())
            assert said.status_code == 202, said.text
            page = (await boss.get("/office/approvals", headers=HTML)).text
            assert '<span class="quiet">Free bet</span>' in page
            assert "Stake, the house" in page
            # It is staked whole: there is no other stake to offer.
            assert field(page, "stake") == []
            assert "<dt>Free bet</dt>" in (await ann.get("/bets", headers=HTML)).text

    asyncio.run(story())
