"""What the slip takes without asking: which offer, and how much lower its price may be."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.pages.moving import Moving
from tests.pages.person import deafen, odd, registered
from tests.support import browser as browsers


def choose(page: Page, selection: str, policy: str) -> None:
    odd(page, selection).click()
    page.get_by_label("Stake on").fill("10")
    page.get_by_label("When a price changes").select_option(policy)


def lay_again(house: Moving, selection: str) -> None:
    """At the same price."""
    house.move(selection, state="suspended")
    house.move(selection)


def place(page: Page) -> dict[str, Any]:
    """What is asked for by the button."""
    with page.expect_request("**/api/v1/bets") as asked:
        page.get_by_role("button", name="Place bet").click()
    return json.loads(asked.value.post_data or "")


def test_an_offer_that_was_laid_again_at_the_same_price_is_asked_about(
    chromium: Browser, house: Moving
) -> None:
    selection, price = house.offer("Alder", "1x2", "home")
    with browsers.context(chromium, house.url) as context:
        page = context.new_page()
        registered(page, "anna")
        deafen(page)
        page.goto(house.event("Alder"))
        choose(page, selection, "none")
        lay_again(house, selection)
        before = place(page)
        problem = page.locator("#slip-problem")
        expect(problem).to_contain_text("has changed since it was shown. Accept the new offer")
        expect(page.locator(".leg-now")).to_have_text(price)
        # It is asked about until it is accepted, and what is accepted is the offer of now.
        page.get_by_label("Stake on").press("Enter")
        expect(problem).to_contain_text("An offer was laid anew: accept it first.")
        assert browsers.violations(page) == []
        page.get_by_role("button", name="Accept the new offer").click()
        expect(page.locator("#slip-accept")).to_be_hidden()
        after = place(page)
        expect(page.locator("#slip-done")).to_contain_text(f"Placed at {price}")
        seen = [asked["legs"][0]["offer_version"] for asked in (before, after)]
        assert seen[1] == seen[0] + 2


def test_of_a_price_that_came_by_the_stream_the_version_is_learnt(
    chromium: Browser, house: Moving
) -> None:
    selection, before = house.offer("Alder", "1x2", "draw")
    with browsers.context(chromium, house.url) as context:
        page = context.new_page()
        registered(page, "bela")
        page.goto(house.event("Alder"))
        cell = odd(page, selection)
        expect(page.locator("#live")).to_have_attribute("data-state", "live")
        house.move(selection, "4.44")
        expect(cell.locator(".price")).to_have_text("4.44")
        with page.expect_response("**/markets"):
            choose(page, selection, "none")
        # Its answer has been read once what it said is kept.
        page.wait_for_function(
            "Object.values(localStorage).some((kept) => kept.includes('\"version\":'))"
        )
        lay_again(house, selection)
        place(page)
        expect(page.locator("#slip-problem")).to_contain_text("Accept the new offer")
        page.get_by_role("button", name="Accept the new offer").click()
        place(page)
        expect(page.locator("#slip-done")).to_contain_text("Placed at 4.44")
    house.move(selection, before)


def test_a_price_may_be_lower_by_as_much_as_the_player_says(
    chromium: Browser, house: Moving
) -> None:
    selection, before = house.offer("Alder", "1x2", "away")
    house.move(selection, "2.00")
    with browsers.context(chromium, house.url, browsers.PHONE) as context:
        page = context.new_page()
        registered(page, "cora")
        deafen(page)
        page.goto(house.event("Alder"))
        odd(page, selection).click()
        page.locator("#slip-bar").click()
        page.get_by_label("Stake on").fill("10")
        policy = page.get_by_label("When a price changes")
        policy.select_option(label="take a higher price, or up to 2 % lower")
        # It is remembered, as the policy is.
        page.reload()
        page.locator("#slip-bar").click()
        expect(policy).to_have_value("higher:200")
        assert browsers.too_wide(page) == 0
        house.move(selection, "1.95")
        place(page)
        expect(page.locator("#slip-problem")).to_contain_text("One price has changed")
        page.get_by_role("button", name="Accept the new prices").click()
        house.move(selection, "1.92")
        body = place(page)
        assert (body["odds_policy"], body["tolerance_bps"]) == ("higher", 200)
        expect(page.locator("#slip-done")).to_contain_text("Placed at 1.92")
    house.move(selection, before)
