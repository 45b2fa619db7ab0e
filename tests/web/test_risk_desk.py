"""The risk desk over HTTP: caps, the policy, players, what stopped itself, and their page."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from uuid import UUID

import httpx2
import pytest

from overround.betting.exposure import jobs as exposure
from overround.db.logins import Role
from tests.pages.test_form_answers import coming
from tests.support.edge import opened, user_id_of
from tests.web.test_betting_routes import lay
from tests.web.test_office import bet, minor, sides_of

Urls = Mapping[Role, str]

API = "/api/v1/office/risk"
NOBODY = UUID(int=1)


async def cap(client: httpx2.AsyncClient, scope: str, key: object, **limits: object) -> int:
    said = dict.fromkeys(("win_max", "selection_max", "event_max")) | limits
    body = {"scope": scope, "scope_key": str(key), **said}
    return (await client.put(f"{API}/caps", json=body)).status_code


def test_a_cap_holds_for_the_next_bet_and_says_what_fits(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await lay(edge, "acme", "sakura")
            ann, boss = await edge.player("ann"), await edge.staff("boss", "risk.manage")
            await edge.deposit(ann, "500.00")
            home = (await sides_of(ann, event_id))["home"]
            placed = await bet(edge, ann, "10.00", home)
            won = minor(placed["potential_payout"]) - 1_000
            limit = f"{2 * won // 100}.{2 * won % 100:02d}"
            assert await cap(boss, "event", event_id, selection_max=limit) == 200
            body = {"stake": "30.00", "legs": [{"selection_id": home[0], "price": home[1]}]}
            refused = await ann.post("/api/v1/bets", json=body, headers=edge.key())
            assert refused.status_code == 409
            problem = refused.json()
            assert (problem["code"], problem["leg"]) == ("stake_above_max", 1)
            assert minor(problem["stake_max"]) in range(980, 1_001)
            await bet(edge, ann, problem["stake_max"], home)
            full = await ann.post("/api/v1/bets", json=body, headers=edge.key())
            assert full.json()["code"] in {"liability_exceeded", "stake_above_max"}
            # Taken away again, nothing is limited.
            assert await cap(boss, "event", event_id) == 200
            assert (await boss.get(f"{API}/caps")).json()["items"] == []
            await bet(edge, ann, "30.00", home)

    asyncio.run(story())


def test_what_a_cap_or_a_policy_may_not_be_is_refused(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await lay(edge, "acme")
            boss, reader = await edge.staff("boss", "*"), await edge.staff("eye", "risk.read")
            await edge.player("ann")
            assert await cap(reader, "house", "house", win_max="1.00") == 403
            for scope, key, limits, status in (
                ("house", "home", {}, 404),
                ("sport", "chess", {"win_max": "1.00"}, 404),
                ("event", NOBODY, {"win_max": "1.00"}, 404),
                ("event", str(event_id).upper(), {"win_max": "1.00"}, 404),
                ("market", NOBODY, {"event_max": "1.00"}, 422),
                ("planet", "earth", {"win_max": "1.00"}, 422),
                ("house", "house", {"win_max": "-1.00"}, 422),
                ("house", "house", {"win_max": "1.001"}, 422),
                ("house", "house", {"win_max": "9" * 15}, 422),
            ):
                assert await cap(boss, scope, key, **limits) == status, (scope, limits)
            said = (await boss.get(f"{API}/policy")).json()
            for wrong in (
                {"hold_s": 0},
                {"ramp_share_bps": 10_001},
                {"repeat_max": 0},
                {"velocity_max": 1.5},
                {"player_day_max": "x"},
                {"unknown": 1},
            ):
                answer = await boss.put(f"{API}/policy", json=said | wrong)
                (error,) = answer.json()["errors"]
                assert error["pointer"] == f"#/{next(iter(wrong))}", wrong
            decided = {"factor_e4": 5_000, "delay_e4": 20_000, "note": "sharp"}
            for wrong in ({"factor_e4": 99}, {"delay_e4": 100_001}, {"note": "x" * 301}):
                answer = await boss.put(f"{API}/players/{NOBODY}", json=decided | wrong)
                assert answer.status_code == 422, wrong
            for left in decided:
                rest = {name: value for name, value in decided.items() if name != left}
                answer = await boss.put(f"{API}/players/{NOBODY}", json=rest)
                (error,) = answer.json()["errors"]
                assert error["pointer"] == f"#/{left}"
            assert (await boss.put(f"{API}/players/{NOBODY}", json=decided)).status_code == 404
            assert (await boss.delete(f"{API}/players/{NOBODY}")).status_code == 404
            lift = await boss.post(f"{API}/suspensions/{NOBODY}/lift")
            assert lift.status_code == 404
            me = str(await user_id_of(edge, "ann"))
            theirs = await edge.staff("boss", "*", host="sakura")
            assert (await theirs.put(f"{API}/players/{me}", json=decided)).status_code == 404
            assert (await boss.put(f"{API}/players/{me}", json=decided)).status_code == 204
            (one,) = (await boss.get(f"{API}/players")).json()["items"]
            assert (one["factor_e4"], one["player"], one["note"]) == (5_000, "ann", "sharp")
            assert (await theirs.get(f"{API}/players")).json()["items"] == []
            assert (await boss.delete(f"{API}/players/{me}")).status_code == 204

    asyncio.run(story())


def test_caps_are_said_whole_and_nothing_is_reset_unsaid(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            boss = await edge.staff("boss", "risk.manage", "risk.read")
            assert await cap(boss, "house", "house", win_max="5.00", event_max="9.00") == 200
            before = (await boss.get(f"{API}/caps")).json()
            for unsaid in ("win_max", "selection_max", "event_max", "scope_key"):
                body = {name: said for name, said in before["items"][0].items() if name != unsaid}
                answer = await boss.put(f"{API}/caps", json=body)
                assert answer.status_code == 422
                (error,) = answer.json()["errors"]
                assert error["pointer"] == f"#/{unsaid}"
            assert (await boss.get(f"{API}/caps")).json() == before
            assert await cap(boss, "house", "house", event_max="9.00") == 200
            (item,) = (await boss.get(f"{API}/caps")).json()["items"]
            assert (item["win_max"], item["event_max"]) == (None, "9.00")

    asyncio.run(story())


def test_the_page_caps_what_no_page_lists(database_urls: Urls) -> None:
    """A competition, a market and a selection: shown by its id, and saved by the form there."""

    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await coming(edge)
            boss = await edge.staff("boss", "*")
            home = (await sides_of(boss, event_id))["home"][0]
            async with edge.worker_db.reading(None) as conn:
                cursor = await conn.execute(
                    "SELECT s.market_id, e.competition_id FROM selection s"
                    " JOIN event e ON e.id = s.event_id WHERE s.id = %s",
                    [home],
                )
                row = await cursor.fetchone()
            assert row is not None
            market_id, competition_id = row
            page = (await boss.get(f"/office/events/{event_id}")).text
            assert f"/office/risk?scope=market&amp;key={market_id}#market-{market_id}" in page
            assert f"/office/risk?scope=selection&amp;key={home}#selection-{home}" in page
            page = await boss.get("/office/risk")
            assert f'<option value="{competition_id}">' in page.text
            headers = {"Origin": str(page.url).removesuffix("/office/risk")}
            scopes = {"competition": competition_id, "market": market_id, "selection": home}
            for scope, key in scopes.items():
                where = {"scope": scope, "key": str(key)}
                shown = (await boss.get("/office/risk", params=where)).text
                assert f'<li class="setting" id="{scope}-{key}">' in shown
                wrong = {**where, "win_max": "x"}
                refused = await boss.post("/office/risk/caps", data=wrong, headers=headers)
                assert refused.status_code == 422
                assert f'<li class="setting" id="{scope}-{key}">' in refused.text
                said = {**where, "win_max": "7.00"}
                done = await boss.post("/office/risk/caps", data=said, headers=headers)
                assert done.status_code == 303
                saved = (await boss.get(done.headers["location"])).text
                assert "These caps hold for the next bet." in saved
            items = (await boss.get(f"{API}/caps")).json()["items"]
            assert {one["scope"]: one["win_max"] for one in items} == dict.fromkeys(scopes, "7.00")
            where = {"scope": "market", "key": "x"}
            assert (await boss.get("/office/risk", params=where)).status_code == 404

    asyncio.run(story())


def test_the_page_shows_it_all_and_its_forms_do_what_they_say(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await lay(edge, "acme", "sakura")
            ann, boss = await edge.player("ann"), await edge.staff("boss", "*")
            reader = await edge.staff("eye", "risk.read")
            await edge.deposit(ann, "500.00")
            home = (await sides_of(ann, event_id))["home"]

            async def send(what: str, **fields: str) -> httpx2.Response:
                found = await boss.get("/office/risk")
                headers = {"Origin": str(found.url).removesuffix("/office/risk")}
                return await boss.post(f"/office/risk/{what}", data=fields, headers=headers)

            done = await send("policy", velocity_max="1", move_max_bps="7.5", hold_s="30")
            assert done.status_code == 303
            policy = (await boss.get(f"{API}/policy")).json()
            assert (policy["velocity_max"], policy["move_max_bps"]) == (1, 750)
            assert policy["suspend_at_bps"] is None
            assert (policy["legs_max"], policy["lower_stakes"]) == (None, False)
            bounds = {"legs_max": "4", "leg_price_max": "25.5", "payout_max": "900"}
            words = {"velocity_max": "1", "hold_s": "30", "lower_stakes": "on", **bounds}
            assert (await send("policy", **words)).status_code == 303
            policy = (await boss.get(f"{API}/policy")).json()
            assert (policy["legs_max"], policy["leg_price_max"]) == (4, "25.50")
            assert (policy["payout_max"], policy["lower_stakes"]) == ("900.00", True)
            done = await send("caps", scope="house", key="house", event_max="1000", win_max="")
            assert done.status_code == 303
            me = str(await user_id_of(edge, "ann"))
            done = await send("players", player=me, factor="0.5", delay="2", note="by the close")
            assert done.status_code == 303
            for wrong in ({"velocity_max": "x"}, {"hold_s": "1.5"}, {"move_max_bps": "7.555"}):
                answer = await send("policy", **wrong)
                assert (answer.status_code, "number" in answer.text) == (422, True)
            assert (await send("players", player="x")).status_code == 422
            assert (await send("nothing")).status_code == 404

            for _ in range(2):
                await bet(edge, ann, "10.00", home)
            tenant, watch = edge.tenants["acme"], exposure.Watch()
            at = edge.clock.now()
            assert await watch.run_once(edge.worker_db, tenant.id, tenant.book_id, at) == 1
            text = (await reader.get("/office/risk")).text
            assert "2 bets within a minute, more than 1" in text
            assert "Factor 0.5" in text
            assert "Lay again" not in text
            assert "readonly" in text
            (stopped,) = (await boss.get(f"{API}/suspensions")).json()["items"]
            assert (await send("lift", suspension=stopped["id"])).status_code == 303
            assert (await send("lift", suspension=stopped["id"])).status_code == 422
            assert "laid again" in (await boss.get("/office/risk")).text
            named = (await boss.get(f"/office/risk?event={event_id}")).text
            assert f'id="event-{event_id}"' in named
            assert (await ann.get("/office/risk")).status_code == 403

    asyncio.run(story())


@pytest.mark.parametrize("path", ["/office/risk?event=x", f"{API}/suspensions?limit=0"])
def test_bounds_of_the_desk(database_urls: Urls, path: str) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            boss = await edge.staff("boss", "*")
            assert (await boss.get(path)).status_code == 422

    asyncio.run(story())
