"""The office's pages as they come from the server: who sees what, and what a form means."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date, timedelta
from urllib.parse import urlencode
from uuid import UUID

import httpx2
import pytest

from overround.core.errors import Invalid
from overround.db.logins import Role
from overround.money.revenue import RevenueDay
from overround.web.pages import office_days, office_settings
from tests.support.edge import Edge, opened
from tests.web.test_betting_routes import STARTS, lay

Urls = Mapping[Role, str]

PAGE = {"Accept": "text/html"}
PAGES = ("/office", "/office/events", "/office/bets", "/office/revenue")
DAY = date(2026, 3, 1)


async def send(client: httpx2.AsyncClient, path: str, **fields: str) -> httpx2.Response:
    """A form as a browser without a script sends it."""
    headers = {**PAGE, "Content-Type": "application/x-www-form-urlencoded"}
    return await client.post(path, content=urlencode(fields), headers=headers)


async def in_time(edge: Edge) -> UUID:
    """An event that the office lists."""
    event_id = await lay(edge, "acme")
    edge.clock.move_to(STARTS - timedelta(days=2))
    return event_id


@pytest.mark.parametrize(
    ("margin", "multiplier", "bps", "e4"),
    [
        ("6.5", "0.95", 650, 9_500),
        ("6,25", "1,5", 625, 15_000),
        (" 0 ", "", 0, 10_000),
        ("", "0.5", None, 5_000),
        ("50", "1.0001", 5_000, 10_001),
    ],
)
def test_a_form_means_whole_numbers(margin: str, multiplier: str, bps: int | None, e4: int) -> None:
    body = office_settings.asked({"margin": margin, "multiplier": multiplier, "enabled": "on"})
    assert (body["margin_bps"], body["multiplier_e4"], body["enabled"]) == (bps, e4, True)


@pytest.mark.parametrize(
    ("margin", "multiplier", "field"),
    [
        ("six", "1", "margin"),
        ("-1", "1", "margin"),
        ("6.555", "1", "margin"),
        ("1e1", "1", "margin"),
        ("\uff16", "1", "margin"),
        ("9999999999", "1", "margin"),
        ("6", "1.00001", "multiplier"),
        ("6", "-1", "multiplier"),
        ("6", "x", "multiplier"),
    ],
)
def test_a_form_without_its_number_names_the_field(
    margin: str, multiplier: str, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        office_settings.asked({"margin": margin, "multiplier": multiplier})
    assert (refused.value.code, refused.value.field) == ("number", field)


@pytest.mark.parametrize(
    ("bps", "text"),
    [(0, "0"), (5, "0.05"), (600, "6"), (650, "6.5"), (625, "6.25"), (-9, "-0.09")],
)
def test_a_percentage_is_written_without_superfluous_digits(bps: int, text: str) -> None:
    assert office_settings.percent(bps) == text


def test_a_chart_keeps_its_proportions_and_its_zero() -> None:
    def day(n: int, ggr_minor: int) -> RevenueDay:
        return RevenueDay(DAY + timedelta(days=n), "EUR", 1_000, 1_000 - ggr_minor, ggr_minor, 0)

    days = office_days.of(
        [day(0, 300), day(2, -100), day(3, 1)], DAY, DAY + timedelta(days=4), "EUR"
    )
    assert days.zero_y == office_days.HEIGHT * 3 // 4
    heights = [bar.height for bar in days.bars]
    assert heights == [120, 0, 40, 1, 0]
    assert [bar.y for bar in days.bars] == [0, 120, 120, 119, 120]
    assert all(bar.x + bar.width <= office_days.WIDTH for bar in days.bars)
    assert [one.day.day for one in days.rows] == [4, 3, 1]
    assert days.total.ggr_minor == 201
    assert (office_days.hold(days.total), office_days.hold(day(0, -99))) == ("6.70 %", "-9.90 %")
    assert office_days.hold(days.bars[1].day) == "\N{EN DASH}"


def test_nothing_earned_is_an_empty_chart() -> None:
    days = office_days.of([], DAY, DAY, "EUR")
    assert [bar.height for bar in days.bars] == [0]
    assert days.rows == ()


def test_the_office_sends_strangers_to_log_in_and_players_away(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as visitor:
            ann = await edge.player("ann")
            for path in (*PAGES, f"/office/events/{UUID(int=1)}"):
                sent = await visitor.get(path, headers=PAGE)
                assert (sent.status_code, sent.headers["location"]) == (303, f"/login?next={path}")
                refused = await ann.get(path, headers=PAGE)
                assert refused.status_code == 403
                assert "This is not for you" in refused.text

    asyncio.run(story())


def test_a_page_shows_what_its_reader_may_see(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await in_time(edge)
            reader = await edge.staff("reader", "offers.read")
            home = await reader.get("/office", headers=PAGE)
            assert home.status_code == 200
            assert ('href="/office/events"' in home.text, "/office/bets" in home.text) == (
                True,
                False,
            )
            events = await reader.get("/office/events", headers=PAGE)
            assert "Home one" in events.text
            # Who may only read sees what holds, and neither a form nor what it could cost.
            assert 'class="set"' not in events.text
            for path in ("/office/bets", "/office/revenue"):
                assert (await reader.get(path, headers=PAGE)).status_code == 403
            sent = await send(reader, "/office/events", scope="sport", key="football")
            assert sent.status_code == 403
            missing = await reader.get(f"/office/events/{UUID(int=1)}", headers=PAGE)
            assert (missing.status_code, "There is nothing here" in missing.text) == (404, True)

    asyncio.run(story())


def test_a_form_switches_and_comes_back_to_its_list(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await in_time(edge)
            boss = await edge.staff("boss", "*")
            path = "/office/events?text=home%20one&sport=football"
            row = {"scope": "event", "key": str(event_id), "margin": "7.5", "multiplier": "0.9"}
            sent = await send(boss, path, **row, enabled="off")
            assert (sent.status_code, sent.headers["location"]) == (303, path)
            listed = (await boss.get(path, headers=PAGE)).text
            assert 'aria-checked="false" aria-label="Offer Home one \N{EN DASH} Away one"' in listed
            assert 'value="7.5"' in listed
            assert "0 laid, 3 suspended" in listed
            back = await send(boss, f"/office/events/{event_id}", **row, enabled="on")
            assert back.headers["location"] == f"/office/events/{event_id}"
            terms = (await boss.get(f"/api/v1/office/events/{event_id}")).json()["terms"]
            assert (terms["enabled"], terms["margin_bps"], terms["multiplier_e4"]) == (
                True,
                750,
                9_000,
            )

    asyncio.run(story())


def test_a_form_that_is_refused_keeps_what_was_typed(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await in_time(edge)
            boss = await edge.staff("boss", "*")
            row = {"scope": "event", "key": str(event_id), "multiplier": "1", "enabled": "off"}
            for path in ("/office/events", f"/office/events/{event_id}"):
                refused = await send(boss, path, **row, margin="<b>much")
                assert refused.status_code == 422
                assert 'value="&lt;b&gt;much"' in refused.text
                assert f'aria-describedby="problem-event-{event_id}"' in refused.text
                assert "Margin: 0 to 50 %" in refused.text
            # What is refused changes nothing, the switch neither.
            own = (await boss.get(f"/api/v1/office/events/{event_id}")).json()["own"]
            assert own is None
            unknown = await send(boss, "/office/events", **{**row, "key": str(UUID(int=1))})
            assert (unknown.status_code, "No such event." in unknown.text) == (422, True)

    asyncio.run(story())


@pytest.mark.parametrize(
    "path",
    [
        "/office/events?text=" + "x" * 61,
        "/office/events?sport=" + "x" * 41,
        "/office/events?competition=1",
        "/office/events?cursor=x",
        "/office/bets?cursor=x",
        "/office/revenue?days=8",
    ],
)
def test_a_question_out_of_bounds_is_refused(path: str, database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            boss = await edge.staff("boss", "*")
            refused = await boss.get(path, headers=PAGE)
            assert (refused.status_code, "That did not work" in refused.text) == (422, True)

    asyncio.run(story())


def test_a_market_and_an_answer_are_switched_and_priced_at_the_event(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await in_time(edge)
            boss = await edge.staff("boss", "offers.read", "offers.manage")
            path = f"/office/events/{event_id}"
            event = (await boss.get(f"/api/v1/events/{event_id}/markets")).json()
            market = event["markets"][0]
            home = market["selections"][0]["selection_id"]
            page = (await boss.get(path, headers=PAGE)).text
            assert "Match result, regular time" in page
            assert 'aria-label="Offer Home one, Match result, regular time"' in page
            fields = {"scope": "selection", "key": home, "multiplier": "1"}
            # The others pay 2.40 at best: at 2.55 a bettor would win for certain, and who says it
            # is asked whether he means it.
            asked = await send(boss, path, **fields, price="2,55", enabled="on")
            assert asked.status_code == 422
            assert "the board pays at best 2.40: a bettor would make 8.19 % for" in asked.text
            assert 'name="despite" value="819">' in asked.text
            assert (await boss.get(f"/api/v1/events/{event_id}/markets")).json() == event
            priced = await send(boss, path, **fields, price="2,55", despite="819", enabled="on")
            assert priced.status_code == 303, priced.text
            page = (await boss.get(path, headers=PAGE)).text
            assert 'value="2.55"' in page
            assert 'name="despite" value="819" checked>' in page
            assert "Waits for the next prices" in page
            wrong = await send(boss, path, **fields, price="0.5", enabled="on")
            assert wrong.status_code == 422
            assert 'value="0.5"' in wrong.text
            assert f'aria-describedby="problem-selection-{home}"' in wrong.text
            off = {
                "scope": "market",
                "key": market["market_id"],
                "margin": "7.5",
                "method": "shin",
                "multiplier": "1",
            }
            assert (await send(boss, path, **off, enabled="off")).status_code == 303
            event = (await boss.get(f"/api/v1/events/{event_id}/markets")).json()
            assert {one["state"] for one in event["markets"][0]["selections"]} == {"suspended"}
            page = (await boss.get(path, headers=PAGE)).text
            assert "3 laid, 3 suspended" in page
            assert '<option value="shin" selected>Shin</option>' in page
            assert 'value="7.5"' in page
            # A form keeps what the other field said.
            assert 'value="2.55"' in page

    asyncio.run(story())


def test_all_betting_is_stopped_by_one_form(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await in_time(edge)
            boss = await edge.staff("boss", "offers.read", "offers.manage")
            page = (await boss.get("/office/events", headers=PAGE)).text
            assert 'aria-checked="true" aria-label="Offer The whole house"' in page
            house = {"scope": "house", "key": "house", "multiplier": "1"}
            assert (await send(boss, "/office/events", **house, enabled="off")).status_code == 303
            event = (await boss.get(f"/api/v1/events/{event_id}/markets")).json()
            assert {one["state"] for one in event["markets"][0]["selections"]} == {"suspended"}
            for path in ("/office/events", f"/office/events/{event_id}"):
                assert "Off by the house" in (await boss.get(path, headers=PAGE)).text
            assert (await send(boss, "/office/events", **house, enabled="on")).status_code == 303
            page = (await boss.get("/office/events", headers=PAGE)).text
            assert "Off by the house" not in page

    asyncio.run(story())


def test_the_first_page_says_what_the_arbitrage_watch_does(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await in_time(edge)
            boss = await edge.staff("boss", "offers.read")
            page = (await boss.get("/office", headers=PAGE)).text
            assert "2 shaded (1 event)" in " ".join(page.split())
            for path in ("/office/events?watched=on", f"/office/events/{event_id}"):
                page = (await boss.get(path, headers=PAGE)).text
                assert "2 touched by the arbitrage watch" in page, path
            assert "Shaded: it could have been arbitraged" in page
            async with edge.worker_db.transaction(None) as conn:
                await conn.execute("UPDATE offer SET watched = NULL")
            assert "has shaded nothing" in (await boss.get("/office", headers=PAGE)).text
            page = (await boss.get("/office/events?watched=on", headers=PAGE)).text
            assert "No event is found." in page

    asyncio.run(story())


def test_the_terms_of_cash_outs_are_a_form(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            boss = await edge.staff("boss", "offers.read", "offers.manage")
            page = (await boss.get("/office/cash-out", headers=PAGE)).text
            assert 'name="margin"' in page
            assert 'value="4"' in page
            fields = {"margin": "5,5", "quote_s": "9", "delay_s": "4"}
            wrong = await send(boss, "/office/cash-out", **fields, stale_s="soon")
            assert wrong.status_code == 422
            assert 'value="soon"' in wrong.text
            too_far = await send(boss, "/office/cash-out", **fields, stale_s="999999")
            assert too_far.status_code == 422
            saved = await send(boss, "/office/cash-out", **fields, stale_s="600")
            assert saved.status_code == 303
            found = (await boss.get("/api/v1/office/cash-out")).json()
            # A box that is not ticked is not in a form.
            assert found == {
                "enabled": False, "margin_bps": 550, "quote_s": 9, "delay_s": 4, "stale_s": 600,
            }  # fmt: skip
            reader = await edge.staff("reader", "offers.read")
            assert (await reader.get("/office/cash-out", headers=PAGE)).status_code == 200
            refused = await send(reader, "/office/cash-out", **fields, stale_s="600")
            assert refused.status_code == 403

    asyncio.run(story())


def test_a_sport_is_laid_in_play_by_a_form(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            boss = await edge.staff("boss", "risk.read", "risk.manage")
            assert "Until the start" in (await boss.get("/office/in-play", headers=PAGE)).text
            fields = {"sport": "football", "stale": "20", "by_score": "on", "step": "lay"}
            for delay in ("soon", "31"):
                wrong = await send(boss, "/office/in-play", **fields, delay=delay)
                assert wrong.status_code == 422
                assert f'value="{delay}"' in wrong.text
                assert wrong.text.count('role="alert"') == 1
            nowhere = await send(
                boss, "/office/in-play", **{**fields, "sport": "quidditch"}, delay="5"
            )
            assert nowhere.text.count('role="alert"') == 1
            saved = await send(boss, "/office/in-play", **fields, delay="2,5")
            assert saved.status_code == 303
            found = (await boss.get("/api/v1/office/in-play")).json()["items"]
            assert found == [
                {"sport": "football", "delay_ms": 2500, "stale_ms": 20000, "by_score": True}
            ]
            assert 'value="2.5"' in (await boss.get("/office/in-play", headers=PAGE)).text
            fields["step"] = "stop"
            assert (await send(boss, "/office/in-play", **fields, delay="5")).status_code == 303
            assert (await boss.get("/api/v1/office/in-play")).json()["items"] == []
            reader = await edge.staff("reader", "risk.read")
            assert (await send(reader, "/office/in-play", **fields, delay="5")).status_code == 403

    asyncio.run(story())
