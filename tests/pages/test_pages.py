"""The pages over HTTP: what they show, to whom, and how a problem looks to a person."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

import httpx2
import pytest

from overround.db.logins import Role
from overround.web.pages import assets, render
from tests.support.edge import PASSWORD, Edge, opened, registration
from tests.web.test_betting_routes import lay

Urls = Mapping[Role, str]
HTML = {"Accept": "text/html"}
INLINE = re.compile(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=")
PUBLIC = ("/", "/login", "/register", "/sports/football", "/nowhere")
OWN = ("/bets", "/account", "/deposit")


async def form(client: httpx2.AsyncClient, path: str, **fields: str) -> httpx2.Response:
    """Send a form as the page of this host does."""
    headers = {**HTML, "Origin": str(client.base_url).rstrip("/")}
    return await client.post(path, data=fields, headers=headers)


def test_every_page_comes_with_the_policy(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            ann = await edge.player("ann")
            answers = [await client.get(path, headers=HTML) for path in PUBLIC]
            answers += [await ann.get(path, headers=HTML) for path in OWN]
            for answer in answers:
                assert answer.headers["content-security-policy"] == render.POLICY
                assert answer.headers["content-type"].startswith("text/html")
                # What the policy forbids is not on the page in the first place.
                assert not re.search(
                    r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=", answer.text
                )

    asyncio.run(story())


def test_the_board_shows_what_this_house_lays_and_an_event_shows_all_of_it(
    database_urls: Urls,
) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await lay(edge, "acme")
            async with edge.client() as acme, edge.client("sakura") as sakura:
                board = (await acme.get("/", headers=HTML)).text
                price = (await acme.get("/api/v1/board")).json()["items"][0]["markets"][0]
                assert "Home one" in board
                assert f'data-p="{price["selections"][0]["price"]}"' in board
                event = (await acme.get(f"/events/{event_id}", headers=HTML)).text
                assert "Match result" in event
                # The other tenant lays nothing on it: no price and no name on its board.
                other = (await sakura.get("/", headers=HTML)).text
                assert "Home one" not in other
                page = (await sakura.get(f"/events/{event_id}", headers=HTML)).text
                assert "Nothing is offered on this match" in page
                assert "data-p=" not in page

    asyncio.run(story())


def test_the_pages_of_sports_and_competitions(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            await lay(edge, "acme")
            board = (await client.get("/", headers=HTML)).text
            path = re.findall(r'href="(/competitions/[^"]+)"', board)[0]
            for found in (path, "/sports/football"):
                assert "Home one" in (await client.get(found, headers=HTML)).text
            assert (await client.get("/sports/tennis", headers=HTML)).status_code == 404
            # A sport that there is, at a house that lays nothing on it.
            async with edge.client("sakura") as sakura:
                empty = await sakura.get("/sports/football", headers=HTML)
            assert (empty.status_code, "Nothing is offered here now" in empty.text) == (200, True)
            assert "Home one" not in empty.text
            unknown = "/competitions/00000000-0000-0000-0000-000000000001"
            for wrong in (unknown, unknown.replace("competitions", "events"), "/events/x"):
                assert (await client.get(wrong, headers=HTML)).status_code == 404
            for wrong, status in (
                ("/sports/Foot ball", 404),
                ("/sports/<b>", 404),
                (f"{path}?cursor=x", 422),
            ):
                answer = await client.get(wrong, headers=HTML)
                assert answer.status_code == status, wrong
                assert "<b>" not in answer.text.partition("<main")[2]

    asyncio.run(story())


def test_the_offers_of_some_selections_are_asked_without_a_stream(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await lay(edge, "acme")
            async with edge.client() as acme, edge.client("sakura") as sakura:
                board = (await acme.get("/api/v1/board")).json()["items"]
                first = board[0]["markets"][0]["selections"][0]
                asked = f"{first['selection_id']},00000000-0000-0000-0000-000000000001"
                path = f"/api/v1/offers?selections={asked}"
                (row,) = (await acme.get(path)).json()["o"]
                assert row[:3] == [first["selection_id"], first["price"], "open"]
                assert (await sakura.get(path)).json()["o"] == []
                wrong = await acme.get("/api/v1/offers?selections=" + "x" * 40)
                assert (wrong.status_code, wrong.json()["code"]) == (422, "selections")
                many = ",".join([first["selection_id"]] * 201)
                assert (await acme.get(f"/api/v1/offers?selections={many}")).status_code == 422

    asyncio.run(story())


@pytest.mark.parametrize("path", OWN)
def test_who_is_not_logged_in_is_sent_to_and_comes_back(database_urls: Urls, path: str) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            answer = await client.get(path, headers=HTML)
            assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={path}")
            page = await client.get(answer.headers["location"], headers=HTML)
            assert f'name="next" value="{path}"' in page.text
            # Whoever did not ask for a page gets the problem.
            assert (await client.get(path)).json()["code"] == "unauthenticated"

    asyncio.run(story())


def test_staff_are_told_that_a_players_page_is_not_theirs(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            boss = await edge.staff("boss", "*")
            answer = await boss.get("/bets", headers=HTML)
            assert (answer.status_code, "This is not for you" in answer.text) == (403, True)

    asyncio.run(story())


def test_what_a_bet_came_to_is_said_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            for name in ("one", "two"):
                await lay(edge, "acme", name=name)
            ann = await edge.player("ann")
            await edge.deposit(ann, "100.00")
            items = (await ann.get("/api/v1/board")).json()["items"]
            firsts = [one["markets"][0]["selections"][0] for one in items]
            legs = [{"selection_id": one["selection_id"], "price": one["price"]} for one in firsts]
            for asked, badges in ((legs[:1], 1), (legs, 3)):
                body = {"stake": "10.00", "legs": asked}
                placed = await ann.post("/api/v1/bets", json=body, headers=edge.key())
                assert placed.status_code == 201, placed.text
                page = (await ann.get("/bets", headers=HTML)).text
                newest = page.partition("<article")[2].partition("</article>")[0]
                # A combo has its own and one for each leg.
                assert newest.count("data-grade=") == badges

    asyncio.run(story())


def test_a_problem_is_a_page_for_browsers_alone(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            async with edge.client() as client:
                page = await client.get("/nowhere", headers=HTML)
                assert (page.status_code, "There is nothing here" in page.text) == (404, True)
                assert page.headers["x-correlation-id"] in page.text
                assert (await client.get("/nowhere")).json()["code"] == "not_found"
                api = await client.get("/api/v1/nowhere", headers=HTML)
                assert api.json()["code"] == "not_found"
            async with edge.client("nobody") as stranger:
                page = await stranger.get("/", headers=HTML)
                assert (page.status_code, "no such tenant" in page.text) == (404, True)

    asyncio.run(story())


def test_a_static_file_is_kept_for_ever_and_nothing_else_is_served(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client("nobody") as client:
            sheet = await client.get(assets.address("site.css"))
            assert sheet.headers["content-type"] == "text/css; charset=utf-8"
            assert sheet.headers["cache-control"].endswith("immutable")
            script = await client.get(assets.address("page.js"))
            assert script.headers["content-type"] == "text/javascript; charset=utf-8"
            old = await client.get("/static/000000000000/site.css")
            assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")
            for wrong in ("", "x", "x/../app.py", "x/%2e%2e/app.py", "x/nothing.css", "x/"):
                assert (await client.get(f"/static/{wrong}")).status_code == 404
            assert (await client.post(assets.address("site.css"))).status_code == 404

    asyncio.run(story())


async def _registered(edge: Edge, client: httpx2.AsyncClient, name: str = "ann") -> None:
    answer = await form(client, "/register", next="", **registration(name))
    assert (answer.status_code, answer.headers["location"]) == (303, "/deposit"), answer.text
    assert edge.tenants["acme"].currency == "EUR"
    # The tests' client is on http without a loopback server, where no cookie is given; a bearer
    # stands for it.
    body = {"email": f"{name}@players.example", "password": PASSWORD}
    token = (await client.post("/api/v1/session", json=body)).json()["token"]
    client.headers["Authorization"] = f"Bearer {token}"


def test_the_forms_register_deposit_withdraw_and_log_out(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            await _registered(edge, client)
            page = (await client.get("/deposit", headers=HTML)).text
            key = re.findall(r'name="key" value="([^"]+)"', page)[0]
            for _ in range(2):
                # The same form sent twice is one payment.
                answer = await form(client, "/deposit", key=key, amount=" 75,50")
                assert (answer.status_code, answer.headers["location"]) == (303, "/account")
            assert (await client.get("/api/v1/balance")).json()["cash"] == "75.50"
            too_much = await form(client, "/withdraw", key="w1", amount="80")
            assert (too_much.status_code, "smaller than" in too_much.text) == (409, True)
            good = await form(client, "/withdraw", key="w2", amount="5.50")
            assert good.status_code == 303
            account = (await client.get("/account", headers=HTML)).text
            assert "70.00 EUR" in account
            assert "Withdrawal" in account
            assert (await form(client, "/logout")).headers["location"] == "/"
            assert (await client.get("/api/v1/balance")).status_code == 401
            assert (await form(client, "/logout")).status_code == 303

    asyncio.run(story())


def test_a_form_is_refused_in_the_words_of_the_api_and_keeps_what_was_typed(
    database_urls: Urls,
) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            short = registration("ann") | {"password": "short"}
            answer = await form(client, "/register", **short)
            assert answer.status_code == 422
            assert 'value="ann@players.example"' in answer.text
            assert "short" not in answer.text.partition("<main")[2].partition("hint")[0]
            wrong = await form(client, "/login", email='"><script>', password="x" * 20)
            assert wrong.status_code in {401, 422}
            assert "<script>" not in wrong.text.partition("<main")[2]
            nothing = await form(client, "/login")
            assert nothing.status_code in {401, 422}
            ann = await edge.player("ann")
            for amount in ("", "-5", "1e3", "0", "9" * 40, "5.001"):
                assert (await form(ann, "/deposit", key="k1", amount=amount)).status_code == 422
            for key in ("", "a b", "x" * 101):
                assert (await form(ann, "/deposit", key=key, amount="5")).status_code == 400

    asyncio.run(story())


def test_a_form_of_another_site_or_in_another_language_is_not_read(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")
            foreign = {**HTML, "Origin": "http://sakura.bet.example"}
            answer = await ann.post("/deposit", data={"amount": "5", "key": "k"}, headers=foreign)
            assert (answer.status_code, "another site" in answer.text) == (403, True)
            own = {"Origin": "http://acme.bet.example"}
            # The API reads JSON and no forms; a page reads its form and each field once.
            posted = await ann.post("/api/v1/deposits", data={"amount": "5"}, headers=own)
            assert posted.status_code == 415
            urlencoded = {**own, "Content-Type": "application/x-www-form-urlencoded"}
            for body in (b"amount=5&amount=6", b"amount", b"a=%ff", "a=é".encode(), b"a=1&" * 30):
                answer = await ann.post("/deposit", content=body, headers=urlencoded)
                assert answer.status_code == 400, body
            huge = await ann.post("/deposit", content=b"a=" + b"x" * 70_000, headers=urlencoded)
            assert huge.status_code == 413
            assert (await ann.get("/api/v1/balance")).json()["cash"] == "0.00"

    asyncio.run(story())


@pytest.mark.parametrize(
    ("asked", "gone"),
    [
        ("/bets", "/bets"),
        ("/bets?status=open", "/bets?status=open"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/bets\r\nSet-Cookie: a=b", "/"),
        ("", "/"),
    ],
)
def test_a_form_leads_nowhere_else(database_urls: Urls, asked: str, gone: str) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            await edge.player("ann")
            fields = {"email": "ann@players.example", "password": PASSWORD, "next": asked}
            answer = await form(client, "/login", **fields)
            assert (answer.status_code, answer.headers["location"]) == (303, gone)

    asyncio.run(story())


def test_who_asks_to_stay_logged_in_is_kept_for_a_day_without_a_visit(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await edge.player("ann")
            for ticked, hours in (("", 2), ("on", 23)):
                async with edge.client() as client:
                    client.base_url = f"https://{client.base_url.host}"
                    page = (await client.get("/login", headers=HTML)).text
                    assert ('name="permanent"' in page, "checked" in page) == (True, False)
                    known = {"email": "ann@players.example", "permanent": ticked}
                    wrong = await form(client, "/login", **known, password="not this one")
                    assert ("checked" in wrong.text) is bool(ticked)
                    entered = await form(client, "/login", **known, password=PASSWORD)
                    assert entered.status_code == 303, entered.text
                    age_s = 2_592_000 if ticked else 86_400
                    assert f"Max-Age={age_s};" in entered.headers["set-cookie"]
                    edge.later(hours=hours)
                    answer = await client.get("/api/v1/session")
                    assert answer.status_code == (200 if ticked else 401)
                    # A day without a visit ends it all the same.
                    edge.later(hours=25)
                    assert (await client.get("/api/v1/session")).status_code == 401

    asyncio.run(story())
