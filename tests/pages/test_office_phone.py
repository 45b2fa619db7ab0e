"""The office on a phone: where one is is seen, and what a table says is not cut off."""

from __future__ import annotations

from typing import cast

from playwright.sync_api import Browser, Page, expect

from overround.web.pages.office_settlement import WAITS_FOR
from tests.pages.test_office_browser import at_work
from tests.support.browser import PHONE
from tests.support.house import House
from tests.support.waiting import until

_BESIDE = """() => {
  const row = document.querySelector(".main-nav").getBoundingClientRect();
  const here = document.querySelector(".main-nav [aria-current]").getBoundingClientRect();
  return Math.max(row.left - here.left, here.right - row.right);
}"""
# A row with the longest words that there are, as the page would say them.
_ROW = """(said) => {
  document.querySelector("#waiting").removeAttribute("data-refresh");
  document.querySelector("#waiting tbody").innerHTML = `<tr>
    <th scope="row"><a href="/">Wolverhampton Wanderers &ndash; Brighton and Hove Albion</a></th>
    <td>${said}</td><td class="number">1,204</td><td class="number">120,400.00</td></tr>`;
}"""
_CUT = """() => [...document.querySelectorAll(".scroll")].filter(
  (one) => one.scrollWidth > one.clientWidth).length"""
_PLAIN = """(selector) => [...document.querySelectorAll(selector)].filter(
  (one) => getComputedStyle(one).textDecorationLine !== "underline").length"""


def loaded(page: Page, path: str) -> None:
    """The page with everything that it runs."""
    page.goto(path)
    expect(page.locator("html")).to_have_attribute("data-loaded", "true")


def test_the_tab_of_the_page_is_in_sight(office: House, browser: Browser) -> None:
    with at_work(browser, office, PHONE) as page:
        loaded(page, "/office")
        links = cast(
            "list[str]",
            page.evaluate("[...document.querySelectorAll('.main-nav a')].map((one) => one.href)"),
        )
        assert len(links) == 12
        for link in links:
            page.goto(link)
            until(lambda: page.evaluate(_BESIDE) <= 1, f"the tab of {link}")
        expect(page.locator(".main-nav [aria-current]")).to_have_text("Site")


def test_a_table_of_settlement_fits_a_phone(office: House, browser: Browser) -> None:
    with at_work(browser, office, PHONE) as page:
        loaded(page, "/office/settlement")
        page.evaluate(_ROW, max(WAITS_FOR.values(), key=len))
        assert page.evaluate(_CUT) == 0


def test_a_link_among_words_is_more_than_a_colour(office: House, browser: Browser) -> None:
    with at_work(browser, office, PHONE) as page:
        loaded(page, "/office")
        assert page.locator("#ticker .legs-of a").count() > 0
        assert page.evaluate(_PLAIN, "#ticker .legs-of a") == 0
        loaded(page, "/office/risk")
        assert page.locator("#exposed .quiet a").count() > 0
        assert page.evaluate(_PLAIN, "#exposed .quiet a") == 0


def test_a_long_form_says_at_the_field_why_not(office: House, browser: Browser) -> None:
    with at_work(browser, office, PHONE) as page:
        loaded(page, "/office/risk")
        field = page.get_by_label("The last two suspend for")
        field.fill("0")
        field.press("Enter")
        expect(field).to_be_focused()
        expect(field).to_have_accessible_description(
            "The last two suspend for: 1 to 86400 seconds (a day), whole ones."
        )
        expect(page.locator("#why")).to_be_in_viewport()
