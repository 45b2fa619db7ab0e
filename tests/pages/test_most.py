"""The most that may be staked, asked for on the slip, and the stake that a refusal names."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from overround.roles.attach import Endpoints
from tests.pages.moving import Moving, moving
from tests.pages.person import odd, registered
from tests.support import browser as browsers


@pytest.fixture(scope="module")
def house(endpoints: Endpoints) -> Generator[Moving]:
    """Made before the browser is started, and not at all where there is none."""
    browsers.require_chromium()
    with moving(endpoints) as found:
        yield found


def test_the_slip_stakes_the_most_and_takes_the_stake_that_a_refusal_names(
    house: Moving,
) -> None:
    selection, price = house.offer("Alder", "1x2", "home")
    with browsers.chromium() as chromium, browsers.context(chromium, house.url) as context:
        page = context.new_page()
        registered(page, "max")
        page.goto(house.event("Alder"))
        odd(page, selection).click()
        stake = page.get_by_label("Stake on Alder")
        stake.fill("90000")
        page.get_by_role("button", name="Place bet").click()
        expect(page.locator("#slip-problem")).to_contain_text("largest payout. It is 100000.00 EUR")
        assert browsers.violations(page) == []
        instead = page.get_by_role("button", name="instead")
        most = 100_000 / float(price)
        expect(instead).to_contain_text(f"{int(most):,}")
        if folder := os.environ.get("OVERROUND_PICTURES"):
            page.screenshot(path=Path(folder) / "slip-instead.png")
        instead.click()
        assert float(stake.input_value()) == pytest.approx(most, abs=0.02)
        expect(instead).to_be_hidden()

        page.get_by_role("button", name="Stake the most").click()
        expect(page.locator("#slip-most-note")).to_contain_text("is the most now, by your balance")
        assert stake.input_value() == "100.00"
        if folder := os.environ.get("OVERROUND_PICTURES"):
            page.screenshot(path=Path(folder) / "slip-most.png")
        page.get_by_role("button", name="Place bet").click()
        expect(page.locator("#slip-done")).to_contain_text("Placed at")
