"""The bettor's pages in a real Chromium: what is seen, heard, typed and clicked."""

from __future__ import annotations

import os
import re
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from overround.core import bets, each_way, place_terms, price
from overround.roles.attach import Endpoints
from tests.pages.moving import Moving, moving
from tests.pages.person import deafen, odd, registered
from tests.support import browser as browsers
from tests.support.browser import DESK, PHONE
from tests.support.edge import PASSWORD


def bets_of(page: Page) -> list[dict[str, object]]:
    """My bets, from the API."""
    return page.evaluate("fetch('/api/v1/bets').then((answer) => answer.json())")["items"]


PAGES = {
    "board": "/",
    "sport": "/sports/football",
    "bets": "/bets",
    "account": "/account",
    "deposit": "/deposit",
    "problem": "/nowhere",
}


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_every_page_is_accessible_and_fits(
    chromium: Browser, house: Moving, size: tuple[int, int]
) -> None:
    found: dict[str, list[str]] = {}

    def look(page: Page, name: str) -> None:
        if folder := os.environ.get("OVERROUND_PICTURES"):
            for scheme in ("dark", "light"):
                page.emulate_media(color_scheme=scheme)
                page.screenshot(path=Path(folder) / f"{name}-{size[0]}-{scheme}.png")
        assert browsers.too_wide(page) == 0, name
        assert browsers.too_small(page) == [], name
        found[name] = browsers.violations(page)

    with browsers.context(chromium, house.url, size) as context:
        page = context.new_page()
        for name in ("login", "register"):
            page.goto(f"/{name}")
            look(page, name)
        page.goto("/login")
        page.get_by_label("E-mail address").fill(house.house.player)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/")
        for name, path in {**PAGES, "event": house.event("Ostmark Rovers")}.items():
            page.goto(path)
            look(page, name)
        slip_with_two(page, house, is_phone=size == PHONE)
        look(page, "slip")
        page.get_by_role("tab", name="Singles").click()
        look(page, "slip-singles")
        system_of_three(page, house, is_phone=size == PHONE)
        look(page, "slip-system")
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def slip_with_two(page: Page, house: Moving, *, is_phone: bool) -> None:
    page.goto("/")
    for event in ("Ostmark Rovers", "Alder"):
        odd(page, house.offer(event, "1x2", "home")[0]).click()
    if is_phone:
        page.locator("#slip-bar").click()
    expect(page.get_by_role("tab", name="Combo")).to_have_attribute("aria-selected", "true")


def system_of_three(page: Page, house: Moving, *, is_phone: bool) -> None:
    """Two are on the slip; choose a third, and the system's tab by the keyboard."""
    if is_phone:
        page.locator("#slip-bar").click()
    odd(page, house.offer("Salt Bay Gulls", "moneyline", "home")[0]).click()
    if is_phone:
        page.locator("#slip-bar").click()
    page.get_by_role("tab", name="Singles").click()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="System")).to_have_attribute("aria-selected", "true")


# The price, the place terms and whether it is a banker, leg by leg; and the sizes of the lines.
SYSTEMS: list[tuple[list[tuple[str, str, bool]], list[int]]] = [
    ([("2.10", "1/4 1-3", False), ("3.55", "1/5 1-2", False)], [2]),
    ([("2.10", "1/4 1-3", True), ("3.55", "1/5 1-2", False), ("7", "1/3 1-4", False)], [1, 2]),
    ([(f"{n}.0101", f"1/{n} 1-3", n == 2) for n in range(2, 9)], [1, 3, 6]),
]


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_the_slip_reckons_each_way_is_what_the_book_does(
    chromium: Browser, house: Moving, system: tuple[list[tuple[str, str, bool]], list[int]]
) -> None:
    legs, sizes = system
    reckon = """async ([parts, sizes]) => {
      const from = document.scripts[0].src;
      const [each, sums] = await Promise.all(
        ["./each_way.js", "./sums.js"].map((name) => import(new URL(name, from))));
      const won = parts.map((one) => ({ ...one, returns: sums.returned(one.price) }));
      const [above, below] = sums.systemReturn(1000n, won, sizes);
      return [each.eachWaySystem(1000n, parts, sizes), above / below].map(String);
    }"""
    parts = [{"price": price, "terms": terms, "banker": marked} for price, terms, marked in legs]
    with browsers.context(chromium, house.url) as context:
        page = context.new_page()
        page.goto("/")
        found = [int(text) for text in page.evaluate(reckon, [parts, sizes])]
    bankers = [marked for *_, marked in legs]
    whole = [size + sum(bankers) for size in sizes]
    prices_e4 = [price.parse_decimal(text) for text, *_ in legs]
    terms = [place_terms.parse(text) for _, text, _ in legs]
    both = each_way.potential_ratio(2_000, prices_e4, terms, whole, bankers)
    won = bets.potential_ratio(1_000, prices_e4, whole, bankers)
    assert found == [above // below for above, below in (both, won)]


def test_a_combo_with_a_closed_leg_promises_nothing(chromium: Browser, house: Moving) -> None:
    close = """(id) => import(new URL("./cells.js", document.scripts[0].src))
        .then((cells) => cells.apply([[id, "2.00", "closed", Date.now()]]))"""
    with browsers.context(chromium, house.url) as context:
        page = context.new_page()
        slip_with_two(page, house, is_phone=False)
        page.get_by_label("Stake", exact=True).fill("5")
        expect(page.locator("#sum-return dd")).to_contain_text("EUR")
        page.evaluate(close, house.offer("Alder", "1x2", "home")[0])
        page.get_by_role("tab", name="Combo").click()
        expect(page.locator("#sum-odds dd, #sum-return dd")).to_have_text(["\N{EN DASH}"] * 2)


def test_a_system_with_a_banker_is_placed_as_it_was_shown(chromium: Browser, house: Moving) -> None:
    with browsers.context(chromium, house.url) as context:
        page = context.new_page()
        registered(page, "hugo")
        slip_with_two(page, house, is_phone=False)
        system_of_three(page, house, is_phone=False)
        page.get_by_role("button", name="Trixie").click()
        expect(page.locator("#sum-lines dd")).to_have_text("4")
        page.get_by_label("System stake").fill("1,50")
        expect(page.locator("#sum-lines dd")).to_have_text("4 \N{MULTIPLICATION SIGN} 1.50")
        expect(page.locator("#sum-stake dd")).to_have_text("6.00 EUR")
        page.get_by_label("Singles").check()
        expect(page.get_by_role("button", name="Patent")).to_have_attribute("aria-pressed", "true")
        page.locator(".leg", has_text="Salt Bay Gulls").get_by_label("Banker").check()
        for size, is_wanted in ((1, True), (2, False)):
            page.get_by_label(f"{size} of 2 with the banker").set_checked(is_wanted)
        expect(page.locator("#sum-stake dd")).to_have_text("3.00 EUR")
        promised = page.locator("#sum-return dd").inner_text()
        page.get_by_role("button", name="Place the system").click()
        expect(page.locator("#slip-done")).to_contain_text(promised)
        (bet,) = bets_of(page)
        assert (bet["kind"], bet["sizes"], bet["stake"]) == ("system", [2], "3.00")
        assert f"{bet['potential_payout']} EUR" == promised
        page.goto("/bets")
        expect(page.locator(".bet")).to_contain_text("System 2 of 3")
        expect(page.locator(".bet li", has_text="Salt Bay Gulls")).to_contain_text("Banker")


def test_a_free_bet_is_given_in_the_office_and_staked_on_the_slip(
    chromium: Browser, house: Moving
) -> None:
    with browsers.context(chromium, house.url) as context:
        page = context.new_page()
        page.goto("/login")
        page.get_by_label("E-mail address").fill(house.house.staff)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/office")
        with browsers.context(chromium, house.url, PHONE) as other:
            player = other.new_page()
            registered(player, "ida")
            page.goto("/office/promotions")
            page.get_by_label("Player's e-mail address").fill("ida@players.example")
            page.get_by_label("Amount, EUR").fill("5.00")
            page.get_by_label("Reason").fill("Sorry for the wait")
            page.get_by_role("button", name="Give it").click()
            expect(page.locator("#given")).to_contain_text("ida")
            assert browsers.violations(page) == []
            player.goto("/account")
            expect(player.locator("#free-bets")).to_contain_text("5.00 EUR")
            player.goto("/")
            odd(player, house.offer("Alder", "1x2", "draw")[0]).click()
            player.locator("#slip-bar").click()
            player.get_by_label("Stake from").select_option(index=1)
            expect(player.get_by_label("Stake on")).to_have_value("5.00")
            promised = player.locator("#sum-return dd").inner_text()
            assert browsers.violations(player) == []
            if folder := os.environ.get("OVERROUND_PICTURES"):
                player.screenshot(path=Path(folder) / "free-bet-phone.png")
                page.screenshot(path=Path(folder) / "free-bet-office.png")
            player.get_by_role("button", name="Place bet").click()
            expect(player.locator("#slip-done")).to_contain_text(f"pays up to {promised}")
            expect(player.locator("#balance b")).to_have_text("100.00 EUR")
            (bet,) = bets_of(player)
            assert (bet["stake"], f"{bet['potential_payout']} EUR") == ("5.00", promised)
            player.goto("/bets")
            expect(player.locator(".bet")).to_contain_text("Free bet")
        page.reload()
        expect(page.locator("#given")).to_contain_text("Used")


def test_a_price_that_moved_is_shown_and_taken_when_it_is_better(
    chromium: Browser, house: Moving
) -> None:
    selection, before = house.offer("Alder", "1x2", "away")
    with browsers.context(chromium, house.url) as context:
        page = context.new_page()
        registered(page, "carl")
        page.goto(house.event("Alder"))
        expect(page.locator("#live")).to_have_attribute("data-state", "live")
        cell = odd(page, selection)
        cell.click()
        expect(cell).to_have_attribute("aria-pressed", "true")
        house.move(selection, "9.50")
        expect(cell.locator(".price")).to_have_text("9.50")
        expect(cell).to_have_attribute("data-dir", "up")
        expect(cell).to_have_attribute("data-age", "fresh")
        expect(page.locator(".leg-old")).to_have_text(before)
        expect(page.locator(".leg-now")).to_have_text("9.50")
        page.get_by_label("Stake on").fill("10")
        expect(page.locator("#sum-return dd")).to_have_text("95.00 EUR")
        page.get_by_role("button", name="Place bet").click()
        expect(page.locator("#slip-done")).to_contain_text("Placed at 9.50")
        expect(page.locator("#balance b")).to_have_text("90.00 EUR")
        page.goto("/bets")
        expect(page.locator(".bet")).to_contain_text(f"shown {before}")


def test_a_price_that_fell_is_asked_about(chromium: Browser, house: Moving) -> None:
    selection, before = house.offer("Alder", "1x2", "draw")
    with browsers.context(chromium, house.url) as context:
        page = context.new_page()
        registered(page, "dora")
        page.goto(house.event("Alder"))
        expect(page.locator("#live")).to_have_attribute("data-state", "live")
        odd(page, selection).click()
        page.get_by_label("Stake on").fill("10")
        house.move(selection, "2.00")
        expect(page.locator(".leg-now")).to_have_text("2.00")
        page.get_by_label("Stake on").press("Enter")
        expect(page.locator("#slip-problem")).to_contain_text("accept it first")
        assert bets_of(page) == []
        page.get_by_role("button", name="Accept the new prices").click()
        expect(page.locator(".leg-old")).to_be_hidden()
        page.get_by_role("button", name="Place bet").click()
        expect(page.locator("#slip-done")).to_contain_text("Placed at 2.00")
    house.move(selection, before)


def test_a_refusal_is_told_in_plain_words(chromium: Browser, house: Moving) -> None:
    selection, before = house.offer("Alder", "1x2", "home")
    with browsers.context(chromium, house.url) as context:
        page = context.new_page()
        registered(page, "emil", "20.00")
        deafen(page)
        page.goto(house.event("Alder"))
        odd(page, selection).click()
        page.get_by_label("Stake on").fill("10")
        house.move(selection, "1.50")
        page.get_by_role("button", name="Place bet").click()
        problem = page.locator("#slip-problem")
        expect(problem).to_contain_text("One price has changed. Accept the new price")
        expect(page.locator(".leg-now")).to_have_text("1.50")
        page.get_by_role("button", name="Accept the new prices").click()
        page.get_by_label("Stake on").fill("50")
        page.get_by_role("button", name="Place bet").click()
        expect(problem).to_contain_text("Make a deposit, or lower the stake.")
        house.move(selection, state="suspended")
        page.get_by_label("Stake on").fill("10")
        page.get_by_role("button", name="Place bet").click()
        expect(problem).to_contain_text("suspended")
        assert bets_of(page) == []
    house.move(selection, before)


def test_a_suspended_price_is_locked_and_opens_again(chromium: Browser, house: Moving) -> None:
    selection, _ = house.offer("Ostmark Rovers", "1x2", "draw")
    with browsers.context(chromium, house.url) as context:
        page = context.new_page()
        page.goto("/")
        cell = odd(page, selection)
        expect(page.locator("#live")).to_have_attribute("data-state", "live")
        cell.click()
        house.move(selection, state="suspended")
        expect(cell).to_have_attribute("aria-disabled", "true")
        expect(page.locator(".leg-state")).to_have_text("Suspended")
        house.move(selection)
        expect(cell).not_to_have_attribute("aria-disabled", "true")
        expect(page.locator(".leg-state")).to_be_hidden()
        house.move(selection, state="closed")
        expect(page.locator(".leg-state")).to_have_text("Closed")
    house.move(selection)


def test_a_double_click_and_a_lost_answer_are_one_bet(chromium: Browser, house: Moving) -> None:
    lost: list[str] = []

    def lose_the_first(route: Route) -> None:
        """The server does it; the answer never arrives."""
        if lost:
            route.continue_()
            return
        asked = route.request
        headers = {**asked.all_headers(), "host": asked.url.split("/")[2]}
        local = asked.url.replace("acme.localhost", "127.0.0.1")
        answer = httpx2.post(local, content=asked.post_data or "", headers=headers)
        lost.append(answer.json()["bet_id"])
        route.abort()

    with browsers.context(chromium, house.url) as context:
        page = context.new_page()
        registered(page, "fritz")
        page.route("**/api/v1/bets", lose_the_first)
        page.goto(house.event("Ostmark Rovers"))
        odd(page, house.offer("Ostmark Rovers", "1x2", "away")[0]).click()
        page.get_by_label("Stake on").fill("10")
        page.get_by_role("button", name="Place bet").dblclick()
        expect(page.locator("#slip-done")).to_contain_text("Placed at")
        page.unroute("**/api/v1/bets")
        assert [bet["id"] for bet in bets_of(page)] == lost
        expect(page.locator("#balance b")).to_have_text("90.00 EUR")


def test_a_combo_is_placed_and_settled_and_stands_in_the_statement(
    chromium: Browser, endpoints: Endpoints
) -> None:
    with moving(endpoints) as house, browsers.context(chromium, house.url, PHONE) as context:
        page = context.new_page()
        registered(page, "gerd")
        slip_with_two(page, house, is_phone=True)
        odds = page.locator("#sum-odds dd").inner_text()
        page.get_by_label("Stake", exact=True).fill("10,00")
        promised = page.locator("#sum-return dd").inner_text()
        page.get_by_role("button", name="Place the combo").click()
        # Seen, too, when nothing is left on the slip.
        expect(page.locator("#slip-done:visible")).to_contain_text("Placed at")
        page.goto("/bets")
        bet = page.locator(".bet").first
        expect(bet).to_contain_text("Combo of 2")
        expect(bet).to_contain_text(promised)
        house.end("Ostmark Rovers", 2, 0)
        page.reload()
        expect(bet.locator(".chip[data-grade=won]")).to_have_count(1)
        house.end("Alder", 1, 0)
        page.reload()
        expect(bet.locator("header .chip")).to_have_attribute("data-grade", "won")
        page.goto("/account")
        first = page.locator("#statement tbody tr").first
        expect(first).to_contain_text("Payout")
        expect(first).to_contain_text(f"+{promised.removesuffix(' EUR')}")
        assert float(odds) > 1


def test_the_slip_is_worked_by_the_keyboard(chromium: Browser, house: Moving) -> None:
    with browsers.context(chromium, house.url, PHONE) as context:
        page = context.new_page()
        page.goto("/")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        cell = odd(page, house.offer("Alder", "1x2", "home")[0])
        cell.focus()
        page.keyboard.press("Enter")
        expect(cell).to_have_attribute("aria-pressed", "true")
        expect(cell).to_be_focused()
        bar = page.locator("#slip-bar")
        bar.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#slip-title")).to_be_focused()
        page.get_by_role("tab", name="Singles").focus()
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("tab", name="Combo")).to_be_focused()
        page.keyboard.press("Escape")
        expect(bar).to_be_focused()
        expect(page.locator("#slip-body")).to_be_hidden()


def test_without_a_script_everything_but_the_slip_works(chromium: Browser, house: Moving) -> None:
    with browsers.context(chromium, house.url, java_script_enabled=False) as context:
        page = context.new_page()
        registered(page, "hanna")
        expect(page.locator("#statement")).to_contain_text("Deposit")
        page.goto("/")
        expect(page.locator(".board .price").first).to_be_visible()
        expect(page.locator("#slip")).to_contain_text("need JavaScript")
        page.get_by_role("link", name="Ostmark Rovers").first.click()
        expect(page.locator("h1")).to_contain_text("Cray City")
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("link", name="Log in")).to_be_visible()


def test_a_page_that_hears_nothing_says_so_and_recovers(chromium: Browser, house: Moving) -> None:
    selection, before = house.offer("Alder", "1x2", "home")
    with browsers.context(chromium, house.url) as context:
        page = context.new_page()
        page.clock.install()
        deafen(page)
        page.goto("/")
        badge = page.locator("#live")
        page.clock.run_for(6_000)
        expect(badge).to_have_attribute("data-state", "polling")
        page.clock.run_for(12_000)
        expect(badge).to_have_attribute("data-state", "stale")
        expect(badge).to_have_text("Prices may be old")
        house.move(selection, "3.33")
        page.unroute_all()
        page.clock.run_for(6_000)
        expect(badge).to_have_attribute("data-state", "live")
        expect(odd(page, selection).locator(".price")).to_have_text("3.33")
    house.move(selection, before)


def test_a_start_that_is_near_is_counted_down(chromium: Browser, house: Moving) -> None:
    with browsers.context(chromium, house.url) as context:
        page = context.new_page()
        page.clock.install()
        page.goto("/")
        left = page.get_by_role("row", name="Ostmark Rovers").locator(".until")
        expect(page.locator("#live")).to_have_attribute("data-state", "live")
        expect(left).to_have_text("")
        left_ms: int = left.evaluate("(place) => Number(place.dataset.at) - Date.now()")
        page.clock.fast_forward(left_ms - 150_000)
        page.clock.run_for(1_000)
        expect(left).to_have_text("in 2 min")
        page.clock.fast_forward(120_000)
        page.clock.run_for(1_000)
        expect(left).to_have_text(re.compile(r"^in \d+ s$"))
        page.clock.fast_forward(60_000)
        page.clock.run_for(1_000)
        expect(left).to_have_text("starts now")


def test_what_a_page_is_made_of_comes_from_the_browsers_cache_the_second_time(
    chromium: Browser, house: Moving
) -> None:
    """Style, scripts and the tenant's colours cost no byte of the network on the next visit. The
    icon is not looked at: the browser asks for it before or after the page is loaded."""
    taken = """performance.getEntriesByType('resource')
        .filter((one) => one.name.includes('/static/') || one.name.includes('/theme.css'))
        .filter((one) => !one.name.endsWith('/icon.svg'))
        .map((one) => [new URL(one.name).pathname, one.transferSize, one.decodedBodySize])"""

    def visit(context: BrowserContext) -> dict[str, tuple[int, int]]:
        page = context.new_page()
        page.goto("/")
        found = {name: (sent, size) for name, sent, size in page.evaluate(taken)}
        page.close()
        return found

    with browsers.context(chromium, house.url) as context:
        first, second = visit(context), visit(context)
        assert "/theme.css" in first
        assert len(first) >= 3
        assert all(sent > 0 for sent, _ in first.values())
        assert second.keys() == first.keys()
        assert all(sent == 0 and size > 0 for sent, size in second.values()), second
        # The looks, as a program loads them: no byte within five minutes, and then a 304.
        page = context.new_page()
        page.goto("/")
        sent = """async (mode) => {
            performance.clearResourceTimings();
            const answer = await fetch('/api/public/load-theme', {cache: mode});
            await answer.text();
            const [entry] = performance.getEntriesByType('resource').slice(-1);
            return [answer.status, entry.transferSize, entry.decodedBodySize];
        }"""
        assert page.evaluate(sent, "default")[1] > 0
        assert page.evaluate(sent, "default")[1] == 0
        again = page.evaluate(sent, "no-cache")
        assert again[0] == 200
        assert again[1] < again[2] + 1_000, "only the headers of a 304 were sent"
