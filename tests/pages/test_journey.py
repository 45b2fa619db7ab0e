"""The whole way in a running demonstration, in Chromium: two houses, moving prices, real results.

The second test makes the pictures of the README; OVERROUND_PICTURES=DIR keeps its pictures and
those of every page on the way.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.pages.person import deafen, odd, registered
from tests.pages.running import Running, first, running
from tests.support import browser as browsers
from tests.support.browser import DESK, PHONE
from tests.support.edge import PASSWORD
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(600)

ASKS_MAX: Final = 20
SETTLED_MS_MAX: Final = 120_000
PICTURE_BYTES_MAX: Final = 250_000

LEGS: Final = 5
ALL_CLOSED: Final = -1
# The number of a leg whose price has gone up since it was chosen; null while there is none.
_RISEN: Final = """() => {
  const legs = [...document.querySelectorAll('.leg')];
  const isOpen = (leg) => leg.querySelector('.leg-state').hidden;
  if (!legs.some(isOpen)) return -1;
  const found = legs.findIndex((leg) => leg.dataset.change === 'up' && isOpen(leg));
  return found < 0 ? null : found;
}"""
# Prices of the first two cards of the board that have just moved.
_NEWS: Final = "#board > section:nth-child(-n + 2) .odd[data-new]"
# From the first card of the board, the two matches that begin last.
_TWO_LEGS: Final = """() => [...document.querySelector('.board').querySelectorAll('tbody tr')]
  .slice(-2).map((row, n) => row.querySelectorAll('.odd:not([aria-disabled])')[2 * n].dataset.s)"""
_LISTEN: Final = """() => {
  const heard = window.heard = {offers: 0, hints: []};
  const source = new EventSource('/api/v1/stream?topics=board,account');
  source.addEventListener('offers', () => { heard.offers += 1; });
  source.addEventListener('hint', (event) => heard.hints.push(...JSON.parse(event.data).topics));
  return new Promise((resolve) => { source.onopen = () => resolve(null); });
}"""


@pytest.fixture(scope="module")
def market() -> Generator[Running]:
    """Started before the browser is, and not at all where there is none."""
    browsers.require_chromium()
    with running() as found:
        yield found


@pytest.fixture(scope="module")
def chromium(market: Running) -> Generator[Browser]:
    with browsers.chromium() as found:
        yield found


def board(page: Page) -> None:
    """The board of football, with its prices moving."""
    page.goto("/sports/football")
    expect(page.locator("#live")).to_have_attribute("data-state", "live", timeout=30_000)


def bets_of(page: Page) -> list[dict[str, Any]]:
    """My bets, newest first."""
    return page.evaluate("fetch('/api/v1/bets').then((answer) => answer.json())")["items"]


def choose(page: Page, market: Running, count: int, kind: str) -> list[str]:
    """Put winners-to-be of so many matches on the slip."""

    def enough() -> list[str] | None:
        found = market.soon(page)
        return found[:count] if len(found) >= count else None

    chosen = first(enough, f"{count} matches that begin soon")
    for selection_id in chosen:
        odd(page, selection_id).click()
    page.get_by_role("tab", name=kind).click()
    return chosen


def asked(page: Page, stake: str, leg: int | None = None) -> str:
    """Place it, once; what the slip says: it begins with "Placed" or is a refusal."""
    field = page.locator("#combo-stake") if leg is None else page.locator(".leg .stake").nth(leg)
    field.fill(stake)
    field.press("Enter")
    answer = page.locator("#slip-done:visible, #slip-problem:visible").first
    answer.wait_for()
    return answer.inner_text()


def agreed(page: Page, stake: str, leg: int | None = None) -> bool:
    """Place it, agreeing to every lower price; False when it takes no bets any more."""
    for _ in range(ASKS_MAX):
        agree = page.get_by_role("button", name="Accept the new prices")
        if agree.is_visible():
            agree.click()
        answer = asked(page, stake, leg)
        if "price has changed" not in answer.lower():
            return answer.startswith("Placed")
    return False


def clear(page: Page) -> None:
    """Nothing is on the slip."""
    button = page.get_by_role("button", name="Clear the slip")
    if button.is_visible():
        button.click()


def a_better_price_is_taken(page: Page, market: Running) -> None:
    """A single on a price that has risen since it was shown is placed at the higher one."""
    for _ in range(ASKS_MAX):
        board(page)
        choose(page, market, LEGS, "Singles")
        leg: int = first(lambda: page.evaluate(_RISEN), "a price that rises")
        shown = page.locator(".leg .leg-old").nth(leg).text_content()
        answer = "" if leg == ALL_CLOSED else asked(page, "10", leg)
        clear(page)
        if not answer.startswith("Placed"):
            continue
        bet = bets_of(page)[0]["legs"][0]
        if Decimal(bet["price"]) > Decimal(bet["shown_price"]):
            assert bet["shown_price"] == shown
            assert answer.startswith(f"Placed at {bet['price']};")
            return
    raise AssertionError("no price rose and stayed")


def a_fallen_price_is_refused(page: Page, market: Running) -> None:
    """A single on a price that fell unheard is refused by the house, and placed when agreed to."""
    deafen(page)
    shown: dict[str, str] = {}
    for _ in range(ASKS_MAX):
        page.goto("/sports/football")
        before = bets_of(page)
        chosen = choose(page, market, LEGS, "Singles")
        shown = {key: odd(page, key).get_attribute("data-p") or "" for key in chosen}
        leg = first(partial(fallen, market, shown), "a price that falls")
        answer = "" if leg == ALL_CLOSED else asked(page, "10", leg)
        if "One price has changed. Accept the new price" in answer:
            assert bets_of(page) == before
            if agreed(page, "10", leg):
                break
        clear(page)
    page.unroute_all()
    clear(page)
    taken: dict[str, str] = bets_of(page)[0]["legs"][0]
    assert Decimal(taken["price"]) < Decimal(shown[taken["selection_id"]])


def fallen(market: Running, shown: dict[str, str]) -> int | None:
    """Which of these prices the house has lowered since; None while there is none."""
    rows = market.ask("acme", f"/offers?selections={','.join(shown)}").json()["o"]
    now = {key: Decimal(price) for key, price, state, _ in rows if state == "open"}
    if not now:
        return ALL_CLOSED
    lower = [n for n, key in enumerate(shown) if key in now and now[key] < Decimal(shown[key])]
    return lower[0] if lower else None


def a_combo_is_placed(page: Page, market: Running) -> None:
    """Two matches in one bet, at what their prices are by then."""
    for _ in range(ASKS_MAX):
        board(page)
        choose(page, market, 2, "Combo")
        if agreed(page, "5.50"):
            break
        clear(page)
    expect(page.locator("#slip-done")).to_contain_text("\N{MULTIPLICATION SIGN}")
    assert bets_of(page)[0]["kind"] == "combo"


def they_are_settled(page: Page) -> list[dict[str, Any]]:
    """The page that was open all the time shows what became of every bet."""
    page.bring_to_front()
    expect(page.locator(".bet")).to_have_count(len(bets_of(page)), timeout=20_000)
    open_bets = page.locator(".bet header .chip[data-grade=open]")
    expect(open_bets).to_have_count(0, timeout=SETTLED_MS_MAX)
    assert page.evaluate("window.kept") is True, "the page was loaded anew"
    found = bets_of(page)
    assert {bet["outcome"] for bet in found} == {"won"}
    return found


def the_statement_agrees(page: Page, deposit: Decimal, bets: list[dict[str, Any]]) -> None:
    """To the cent: the balance is what was paid in, less the stakes, and the payouts."""
    page.goto("/account")
    rows = page.locator("#statement tbody tr").all()
    cells = [[cell.inner_text() for cell in row.locator("td").all()] for row in rows]
    amounts = [Decimal(row[2].replace(",", "")) for row in cells]
    balances = [Decimal(row[3].replace(",", "")) for row in cells]
    stakes = sum(Decimal(bet["stake"]) for bet in bets)
    payouts = sum(Decimal(bet["payout"]) for bet in bets)
    assert [row[1] for row in cells].count("Stake") == len(bets)
    assert [row[1] for row in cells].count("Payout") == len(bets)
    assert balances[0] == sum(amounts) == deposit - stakes + payouts
    assert balances[:-1] == [
        before + own for before, own in zip(balances[1:], amounts, strict=False)
    ]
    expect(page.locator("#balance b")).to_have_text(f"{balances[0]:,} EUR")


def nobody_sees_the_other(acme: Page, sakura: Page, market: Running) -> None:
    """Neither the bets of the other house nor its sessions nor its hints; the market is one."""
    for bet in bets_of(acme):
        asked_for = f"fetch('/api/v1/bets/{bet['id']}').then((answer) => answer.status)"
        assert acme.evaluate(asked_for) == 200
        assert sakura.evaluate(asked_for) == 404
    carried = {one.get("name", ""): one.get("value", "") for one in acme.context.cookies()}
    assert market.ask("acme", "/balance", carried).json()["currency"] == "EUR"
    assert market.ask("sakura", "/balance", carried).status_code == 401
    assert bets_of(sakura) == []
    heard = sakura.evaluate("window.heard")
    assert heard["offers"] > 0
    assert heard["hints"] == []
    assert acme.evaluate("window.heard.hints").count("account") >= len(bets_of(acme))
    expect(sakura.locator("#balance b")).to_have_text("20,000 JPY")


def test_a_player_of_each_house(chromium: Browser, market: Running) -> None:
    with (
        browsers.context(chromium, market.url("sakura")) as there,
        browsers.context(chromium, market.url("acme")) as here,
    ):
        sakura, page, mine = there.new_page(), here.new_page(), here.new_page()
        registered(sakura, "hana", "20000", "20,000 JPY")
        registered(page, "gerda", "200.00")
        mine.goto("/bets")
        mine.evaluate("window.kept = true")
        for listener in (sakura, mine):
            listener.evaluate(_LISTEN)
        page.bring_to_front()
        a_better_price_is_taken(page, market)
        a_fallen_price_is_refused(page, market)
        a_combo_is_placed(page, market)
        bets = they_are_settled(mine)
        nobody_sees_the_other(mine, sakura, market)
        the_statement_agrees(page, Decimal(200), bets)
        if folder := os.environ.get("OVERROUND_PICTURES"):
            pictures(chromium, page, market, Path(folder))


def pictures(chromium: Browser, page: Page, market: Running, folder: Path) -> None:
    """Every page of the player and of the office, at both widths."""
    staff = market.run.staff["acme"]
    with browsers.context(chromium, market.url("acme")) as context:
        office = context.new_page()
        log_in(office, staff.email, staff.password)
        office.goto("/office")
        event = office.locator("#exposures a").first.get_attribute("href")
        page.goto("/")
        match = page.locator(".board tbody th a").nth(8).get_attribute("href")
        paths = {"board": "/", "sport": "/sports/tennis", "event": match, "bets": "/bets",
                 "account": "/account", "deposit": "/deposit", "office": "/office",
                 "office-events": "/office/events", "office-event": event,
                 "office-bets": "/office/bets", "office-revenue": "/office/revenue"}  # fmt: skip
        for width, height in (PHONE, DESK):
            for name, path in paths.items():
                shown = office if name.startswith("office") else page
                shown.set_viewport_size({"width": width, "height": height})
                shown.goto(path or "/")
                shown.screenshot(path=folder / f"journey-{name}-{width}.png")
                assert browsers.too_wide(shown) == 0, name


def log_in(page: Page, email: str, password: str) -> None:
    page.goto("/login")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def test_the_pictures_of_the_readme(chromium: Browser, market: Running, tmp_path: Path) -> None:
    folder = Path(os.environ.get("OVERROUND_PICTURES") or tmp_path)
    with browsers.context(chromium, market.url("acme"), DESK) as context:
        page = context.new_page()
        registered(page, "iris", "250.00")
        lively(page)
        two_legs(page)
        page.locator("#combo-stake").fill("10")
        page.screenshot(path=folder / "board.png")
    with browsers.context(
        chromium, market.url("acme"), PHONE, "dark", device_scale_factor=2
    ) as context:
        page = context.new_page()
        log_in(page, "iris@players.example", PASSWORD)
        lively(page)
        two_legs(page)
        page.screenshot(path=folder / "phone.png")
    for name in ("board.png", "phone.png"):
        assert 20_000 < (folder / name).stat().st_size <= PICTURE_BYTES_MAX


def lively(page: Page) -> None:
    """Wait for a board with matches in play and prices that have just moved."""
    page.goto("/")
    in_play, moved = page.locator(".in-play li"), page.locator(_NEWS)
    until(lambda: in_play.count() >= 6 and moved.count() >= 5, "a lively board", 120)


def two_legs(page: Page) -> None:
    """A home and an away win of matches that have a few seconds yet."""
    chosen: list[str] = page.evaluate(_TWO_LEGS)
    for selection_id in chosen:
        odd(page, selection_id).click()
    expect(page.locator("#slip-count")).to_have_text("2")
    page.mouse.move(0, 0)
    page.evaluate("scrollTo(0, 0)")
