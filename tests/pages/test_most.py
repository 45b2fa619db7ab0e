"""The most that may be staked, asked for on the slip, and the stake that a refusal names."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.pages.moving import Moving
from tests.pages.person import odd, registered
from tests.support import browser as browsers

COVERED = """field => {
    const box = field.getBoundingClientRect();
    const seen = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return !field.contains(seen) && !seen?.contains(field);
}"""


def shown(page: Page, name: str) -> None:
    if folder := os.environ.get("OVERROUND_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_a_system_on_a_phone_shows_its_lines_and_its_stake_and_says_the_most(
    house: Moving,
) -> None:
    with (
        browsers.chromium() as chromium,
        browsers.context(chromium, house.url, browsers.PHONE) as context,
    ):
        page = context.new_page()
        registered(page, "phone")
        page.goto("/")
        for event in ("Ostmark Rovers", "Alder", "Salt Bay Gulls"):
            market = "moneyline" if event == "Salt Bay Gulls" else "1x2"
            odd(page, house.offer(event, market, "home")[0]).click()
        page.locator("#slip-bar").click()
        page.get_by_role("tab", name="System").click()
        shown(page, "system-phone")
        stake = page.get_by_label("System stake")
        for field in (page.get_by_label("Doubles"), page.get_by_label("Trebles"), stake):
            expect(field).to_be_in_viewport()
            assert not field.evaluate(COVERED)
        # Of its three lines each takes a third of the purse.
        page.get_by_role("button", name="Stake the most").click()
        note = page.locator("#slip-most-note")
        expect(note).to_contain_text("33.33 EUR a line is the most now, by your balance")
        assert stake.input_value() == "33.33"
        expect(page.locator("#sum-stake dd")).to_have_text("99.99 EUR")
        shown(page, "system-phone-most")
        assert browsers.violations(page) == []
        assert browsers.too_wide(page) == 0


def test_what_is_taken_of_a_refused_stake_is_bet_by_one_press(house: Moving) -> None:
    selection, price = house.offer("Alder", "1x2", "home")
    with (
        browsers.chromium() as chromium,
        browsers.context(chromium, house.url, browsers.PHONE) as context,
    ):
        page = context.new_page()
        registered(page, "max", "90000.00", "90,000.00 EUR")
        page.goto(house.event("Alder"))
        odd(page, selection).click()
        page.locator("#slip-bar").click()
        stake = page.get_by_label("Stake on Alder")
        stake.fill("90000")
        stake.press("Enter")
        expect(page.locator("#slip-problem")).to_contain_text("largest payout. It is 100000.00 EUR")
        assert browsers.violations(page) == []
        instead = page.get_by_role("button", name="instead")
        most = 100_000 / float(price)
        expect(instead).to_contain_text(f"Bet {int(most):,}")
        expect(instead).to_be_in_viewport()
        assert not instead.evaluate(COVERED)
        shown(page, "slip-instead")
        # Who changes the slip is offered nothing that he did not ask for.
        stake.fill("89000")
        expect(instead).to_be_hidden()
        stake.press("Enter")
        expect(instead).to_be_visible()
        with page.expect_request("**/api/v1/bets") as asked:
            instead.press("Enter")
        expect(page.locator("#slip-done")).to_contain_text("Placed at")
        body = json.loads(asked.value.post_data or "")
        assert (body["accept_lower_stake"], float(body["stake"])) == (
            True,
            pytest.approx(most, abs=0.02),
        )
        expect(page.locator("#slip-done")).to_contain_text(f"{body['stake']} EUR pays up to")
        expect(page.locator("#balance b")).to_have_text(f"{90_000 - float(body['stake']):,.2f} EUR")


def test_a_free_bet_is_staked_whole_and_not_instead(house: Moving) -> None:
    """What a refusal names would be staked from the purse, which nobody said."""
    selection, _ = house.offer("Alder", "1x2", "home")
    with browsers.chromium() as chromium, browsers.context(chromium, house.url) as context:
        page = context.new_page()
        registered(page, "moritz")
        free = {"id": "f", "state": "granted", "amount": "90000.00", "currency": "EUR",
                "stake_returned": False, "expires_at": "2099-01-01T00:00:00Z"}  # fmt: skip
        page.route("**/api/v1/free-bets", lambda route: route.fulfill(json={"items": [free]}))
        refused = {"code": "payout_above_max", "detail": "Too much.", "stake_max": "10.00"}
        page.route("**/api/v1/bets", lambda route: route.fulfill(status=409, json=refused))
        page.goto(house.event("Alder"))
        odd(page, selection).click()
        page.get_by_label("Stake from").select_option("f")
        page.get_by_role("button", name="Place bet").click()
        expect(page.locator("#slip-problem")).to_contain_text("Too much.")
        expect(page.get_by_role("button", name="instead")).to_be_hidden()


def test_the_slip_stakes_the_most(house: Moving) -> None:
    selection, _ = house.offer("Alder", "1x2", "home")
    with browsers.chromium() as chromium, browsers.context(chromium, house.url) as context:
        page = context.new_page()
        registered(page, "ilse")
        page.goto(house.event("Alder"))
        odd(page, selection).click()
        page.get_by_role("button", name="Stake the most").click()
        expect(page.locator("#slip-most-note")).to_contain_text("is the most now, by your balance")
        assert page.get_by_label("Stake on Alder").input_value() == "100.00"
        shown(page, "slip-most")
        page.get_by_role("button", name="Place bet").click()
        expect(page.locator("#slip-done")).to_contain_text("Placed at")
