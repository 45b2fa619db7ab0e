"""A browser that changes hands, and a page that arrived without its scripts."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, Route, expect

from tests.pages.moving import Moving
from tests.pages.person import odd, registered
from tests.support import browser as browsers


def bets(page: Page) -> list[object]:
    return page.evaluate("fetch('/api/v1/bets').then((answer) => answer.json())")["items"]


def test_what_was_asked_and_not_answered_is_not_placed_for_the_next_player(
    chromium: Browser, house: Moving
) -> None:
    selection, _ = house.offer("Alder", "1x2", "home")
    with browsers.context(chromium, house.url) as context:
        page = context.new_page()
        registered(page, "hana")
        page.goto(house.event("Alder"))
        odd(page, selection).click()
        page.get_by_label("Stake on").fill("7")
        page.route("**/api/v1/bets", lambda route: route.abort())
        with page.expect_request("**/api/v1/bets"):
            page.get_by_role("button", name="Place bet").click()
        page.unroute("**/api/v1/bets")
        page.context.clear_cookies()
        registered(page, "ivan")
        sent: list[str] = []
        page.on("request", lambda request: sent.append(f"{request.method} {request.url}"))
        page.goto("/")
        # What was not answered is asked first, before the page listens.
        expect(page.locator("#live")).to_have_attribute("data-state", "live")
        assert not [line for line in sent if line.startswith("POST")]
        assert bets(page) == []
        expect(page.locator("#slip-legs li")).to_have_count(0)


def test_a_page_whose_scripts_were_lost_is_asked_for_again(
    chromium: Browser, house: Moving
) -> None:
    with browsers.context(chromium, house.url) as context:
        page = context.new_page()
        lost: list[str] = []

        def lose(route: Route) -> None:
            if len(lost) < 1:
                lost.append(route.request.url)
                route.abort()
            else:
                route.continue_()

        page.clock.install()
        page.route("**/live.js", lose)
        page.goto("/")
        assert lost
        # The page waits for its scripts as long as a slow line may take, and some more by chance.
        page.clock.fast_forward(20_000)
        expect(page.locator("#live")).to_have_attribute("data-state", "live", timeout=40_000)
