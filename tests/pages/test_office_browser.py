"""The office in Chromium: readable at both widths and in both schemes, by keyboard, live."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import DESK, PHONE, context, too_small, too_wide, violations
from tests.support.house import PASSWORD, House


@contextmanager
def at_work(
    browser: Browser,
    office: House,
    size: tuple[int, int] = DESK,
    *,
    scripts: bool = True,
) -> Generator[Page]:
    """A page of the office, logged in."""
    with context(browser, office.url, size, java_script_enabled=scripts) as found:
        page = found.new_page()
        log_in(page, office.staff)
        expect(page).to_have_url(f"{office.url}/office")
        yield page


def log_in(page: Page, email: str) -> None:
    page.goto("/login")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Log in").click()


def place(office: House, stake: str) -> None:
    """Ann bets, over HTTP, at the api that serves the pages."""
    host = f"acme.localhost:{office.port}"
    with httpx2.Client(base_url=f"http://127.0.0.1:{office.port}/api/v1") as api:
        api.headers["Host"] = host
        body = {"email": office.player, "password": PASSWORD}
        token = api.post("/session", json=body).json()["token"]
        api.headers["Authorization"] = f"Bearer {token}"
        event = api.get(f"/events/{office.events['Salt Bay Gulls']}/markets").json()
        shown = event["markets"][0]["selections"][0]
        leg = {"selection_id": shown["selection_id"], "price": shown["price"]}
        placed = api.post(
            "/bets",
            json={"stake": stake, "legs": [leg]},
            headers={"Idempotency-Key": f"stake-{stake}"},
        )
        assert placed.status_code == 201, placed.text


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_every_page_is_readable(office: House, browser: Browser, size: tuple[int, int]) -> None:
    event = f"/office/events/{office.events['Ostmark Rovers']}"
    with at_work(browser, office, size) as page:
        narrow = "/office/events?sport=football"
        desk = "/office/settlement"
        ruling = f"{desk}/{office.events['Ostmark Rovers']}"
        offices = (
            "/office",
            "/office/events",
            narrow,
            event,
            "/office/bets",
            "/office/revenue",
            "/office/cash-out",
            "/office/in-play",
            "/office/approvals",
        )
        for path in (*offices, "/office/risk", desk, ruling, "/office/theme"):
            page.goto(path)
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            if path not in ("/office/theme", "/office/cash-out", "/office/in-play"):
                expect(page.locator("#live")).to_have_attribute("data-state", "live")
            assert violations(page) == [], path
            assert too_wide(page) <= 0, path
            assert too_small(page) == [], path


def test_an_event_is_switched_off_and_on_by_keyboard(office: House, browser: Browser) -> None:
    with at_work(browser, office) as page:
        page.goto("/office/events")
        page.keyboard.press("/")
        expect(page.locator("#search")).to_be_focused()
        page.keyboard.type("alder")
        page.keyboard.press("Enter")
        expect(page.locator("#events > li")).to_have_count(1)
        switch = page.get_by_role("switch", name="Offer Alder")
        expect(switch).to_have_attribute("aria-checked", "true")
        switch.focus()
        page.keyboard.press("Space")
        expect(switch).to_have_attribute("aria-checked", "false")
        expect(switch).to_be_focused()
        expect(page.locator("#say")).to_contain_text("It applies within a second")
        expect(page.locator("#events")).to_contain_text("0 laid, 9 suspended")
        page.keyboard.press("Space")
        expect(switch).to_have_attribute("aria-checked", "true")


def test_a_wrong_margin_is_told_where_it_was_typed(office: House, browser: Browser) -> None:
    with at_work(browser, office) as page:
        page.goto("/office/events?text=alder")
        row = page.locator("#events > li")
        margin = row.get_by_label("Margin, %")
        margin.fill("60")
        margin.press("Enter")
        expect(margin).to_have_attribute("aria-invalid", "true")
        expect(margin).to_be_focused()
        expect(row.get_by_role("alert")).to_contain_text("Margin: 0 to 50 %")
        assert violations(page) == []
        margin.fill("7.5")
        margin.press("Enter")
        expect(row.get_by_role("alert")).to_have_count(0)
        expect(row).to_contain_text("Margin 7.5 %")
        expect(margin).to_be_focused()
        # Enter saves and does not switch, although the switch is a button of the same form.
        expect(row.get_by_role("switch")).to_have_attribute("aria-checked", "true")


def test_a_bet_is_on_the_ticker_without_a_reload(office: House, browser: Browser) -> None:
    with at_work(browser, office) as page:
        page.goto("/office/bets")
        expect(page.locator("#live")).to_have_attribute("data-state", "live")
        page.evaluate("window.stayed = true")
        # Without its clocks a page can only know from the stream.
        page.evaluate("for (let n = 1; n < 1000; n += 1) clearInterval(n)")
        place(office, "12.34")
        newest = page.locator("#ticker > li").first
        expect(newest).to_contain_text("12.34 EUR", timeout=20_000)
        assert page.evaluate("window.stayed") is True


def test_a_refused_form_is_kept_while_the_page_goes_on(office: House, browser: Browser) -> None:
    with at_work(browser, office) as page:
        page.goto("/office/risk")
        page.get_by_label("More bets within a minute than").fill("many")
        page.get_by_label("Legs, at most").fill("7")
        page.get_by_role("button", name="Save what is watched").click()
        expect(page.get_by_role("alert")).to_contain_text(
            "More bets within a minute than: a whole number"
        )
        # The page has its own address again: it is brought up to date, and may be reloaded.
        expect(page).to_have_url(f"{office.url}/office/risk")
        page.get_by_label("Note").fill("still typing")
        counted = page.locator("#exposed tr", has_text="Salt Bay Gulls").locator("td").first
        before = int(counted.inner_text())
        place(office, "2.50")
        expect(counted).to_have_text(str(before + 1))
        wrong = page.get_by_label("More bets within a minute than")
        expect(wrong).to_have_value("many")
        expect(wrong).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_label("Legs, at most")).to_have_value("7")
        expect(page.get_by_label("Note")).to_have_value("still typing")
        assert violations(page) == []
        page.reload()
        expect(wrong).to_have_value("")


def test_the_office_works_without_scripts(office: House, browser: Browser) -> None:
    with at_work(browser, office, scripts=False) as page:
        page.goto("/office/events?text=alder")
        page.get_by_role("switch", name="Offer Alder").click()
        expect(page).to_have_url(f"{office.url}/office/events?text=alder")
        switch = page.get_by_role("switch", name="Offer Alder")
        expect(switch).to_have_attribute("aria-checked", "false")
        switch.click()
        expect(page.get_by_role("switch", name="Offer Alder")).to_have_attribute(
            "aria-checked", "true"
        )


def test_a_player_is_told_that_the_office_is_not_for_him(office: House, browser: Browser) -> None:
    with context(browser, office.url) as visitor:
        page = visitor.new_page()
        log_in(page, office.player)
        expect(page).to_have_url(f"{office.url}/")
        answer = page.goto("/office")
        assert answer is not None
        assert answer.status == 403
        expect(page.get_by_role("heading", level=1)).to_have_text("This is not for you")
        assert violations(page) == []


def test_a_ruling_is_previewed_made_and_lifted(office: House, browser: Browser) -> None:
    """Without a script too: it is a plain form."""
    with at_work(browser, office, scripts=False) as page:
        page.goto(f"/office/settlement/{office.events['Salt Bay Gulls']}")
        page.get_by_label("Why").fill("the teams were swapped")
        page.get_by_role("button", name="What would it do?").click()
        would = page.locator("#would")
        expect(would).to_contain_text("open bets would be settled")
        expect(page.get_by_label("Why")).to_have_value("the teams were swapped")
        page.get_by_role("button", name="Rule so").click()
        expect(page).to_have_url(f"{office.url}/office/settlement")
        ruled = page.locator("#rulings > li").first
        expect(ruled).to_contain_text("the teams were swapped")
        expect(ruled).to_contain_text("Holds")
        ruled.get_by_role("button", name="Lift").click()
        expect(page.locator("#rulings > li").first).to_contain_text("Lifted")
        page.goto(f"/office/settlement/{office.events['Salt Bay Gulls']}")
        page.get_by_role("button", name="What would it do?").click()
        page.get_by_role("button", name="Rule so").click()
        expect(page.get_by_role("alert")).to_contain_text("3 to 300")


def test_the_sites_looks_are_seen_while_they_are_typed(office: House, browser: Browser) -> None:
    def background() -> str:
        return page.locator(".preview.dark .top").evaluate("e => getComputedStyle(e).background")

    with at_work(browser, office) as page:
        page.goto("/office/theme")
        brand = page.get_by_label("Brand: header", exact=False).first
        brand.focus()
        page.keyboard.type("#B91C1C")
        expect(page.locator("#preview-style")).to_have_attribute("href", re.compile("B91C1C"))
        expect(page.get_by_label("Pick: Brand", exact=False)).to_have_value("#b91c1c")
        page.wait_for_function("document.getElementById('preview-style').sheet !== null")
        email = page.get_by_label("E-mail", exact=True)
        email.fill("help@acme")
        phone = page.get_by_label("Phone", exact=True)
        phone.fill("call us")
        phone.press("Enter")
        expect(phone).to_have_attribute("aria-invalid", "true")
        expect(phone).to_be_focused()
        expect(page.locator("#problem-phone")).to_contain_text("5 to 31 digits")
        assert violations(page) == []
        assert "rgb(185, 28, 28)" in background()
        phone.fill("+43 1 234567")
        phone.press("Enter")
        expect(page.get_by_text("The site shows it").last).to_be_visible()
        assert "rgb(185, 28, 28)" in page.locator("header.top").evaluate(
            "e => getComputedStyle(e).background"
        )
        expect(page.get_by_role("link", name="+43 1 234567")).to_be_visible()
        page.get_by_text("Go back to the default").press("Enter")
        page.get_by_role("button", name="Take it all away").press("Enter")
        expect(brand).to_have_value("")
