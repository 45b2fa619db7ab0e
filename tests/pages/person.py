"""What a person does on the pages, in the words of the pages."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.support.edge import PASSWORD


def registered(page: Page, name: str, amount: str = "100.00", shown: str = "") -> None:
    """Register and deposit; `shown` is the balance as the page writes it."""
    page.goto("/register")
    page.get_by_label("Name to show").fill(name)
    page.get_by_label("E-mail address").fill(f"{name}@players.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Open an account").click()
    page.get_by_label("Amount").fill(amount)
    page.get_by_role("button", name="Pay in").click()
    expect(page.locator("#balance b")).to_have_text(shown or f"{amount} EUR")


def odd(page: Page, selection_id: str) -> Locator:
    """The cell of a selection."""
    return page.locator(f'main .odd[data-s="{selection_id}"]').first


def deafen(page: Page) -> None:
    """The page hears of no price from now on."""
    page.route("**/api/v1/stream*", lambda route: route.abort())
    page.route("**/api/v1/offers*", lambda route: route.abort())
