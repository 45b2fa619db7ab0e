"""Scrapers at the replica books, in the real browser; what only a browser can show."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from overround.core.clock import WallClock
from overround.core.errors import Forbidden
from overround.odds.feeds import FeedBatch, browser
from overround.odds.feeds.browser import script
from overround.odds.feeds.browser.site import places
from overround.odds.feeds.worker import ConfirmRequest
from overround.roles.scraping import role as scrape
from overround.roles.scraping.role import Asked
from tests.scrapers.test_look import FEEDS, sample
from tests.scrapers.watching import ANN, NOBODY, books, quoted, settings, shown, watching
from tests.support.browser import chromium
from tests.support.waiting import until_async

pytestmark = pytest.mark.story

# When the two pages were saved: one of them shows no year.
SAVED_AT = datetime(2025, 5, 16, 2, 27, tzinfo=UTC)
DATA = Path(__file__).parents[3] / "shared" / "data"


def test_the_script_makes_of_each_sample_what_the_tests_read() -> None:
    with chromium() as running:
        page = running.new_page()
        for name in browser.SITES:
            site = browser.site_named(name)
            page.set_content((FEEDS / name / "samples" / "board.html").read_text(encoding="utf-8"))
            assert page.evaluate(script.READ, places(site)) == sample(name), name


@pytest.mark.parametrize(
    ("name", "folder", "price"),
    [
        ("bet365_page", "bet365-page", r"gl-Participant[A-Za-z]*_Odds[^>]*>([0-9.]+)<"),
        ("pinnacle_page", "pinnacle-page", r"class=odd>([0-9.]+)<"),
    ],
)
def test_the_saved_pages_of_two_books_are_read_whole(name: str, folder: str, price: str) -> None:
    found = sorted((shared_data() / folder).glob("*.html"))
    if not found:
        pytest.skip(f"the sample data has no {folder}")
    text = found[0].read_text(encoding="utf-8")
    with chromium() as running:
        page = running.new_page()
        page.set_content(text)
        site = browser.site_named(name)
        seen = browser.look(site, page.evaluate(script.READ, places(site)), SAVED_AT)
    assert (seen.state, seen.rejected) == ("reading", ())
    (batch,) = seen.batches
    assert (batch.event.home, batch.event.away) == ("Cruzeiro", "Atlético Mineiro")
    assert batch.event.starts_at.isoformat() == "2025-05-18T23:30:00+00:00"
    # Every price of the page, counted in its bytes by other means, is on the board.
    assert sorted(one.source_text for one in batch.prices) == sorted(re.findall(price, text))


def shared_data() -> Path:
    """The folder of sample data; skips without it."""
    import os

    folder = Path(os.environ.get("OVERROUND_DATA") or DATA)
    if not folder.is_dir():
        pytest.skip("the sample data is not here")
    return folder


def test_a_book_is_read_and_speaks_up_when_a_price_moves(tmp_path: Path) -> None:
    # Read by turns only every few minutes: what is seen sooner, the page has said by itself.
    over = tmp_path / "sbo.yaml"
    over.write_text("pass_s: 600\n")

    async def story() -> None:
        with books() as (replicas, address):
            async with watching("sbo", address, over=over) as scraper:
                await until_async(lambda: scraper.state == "reading", "the first look")
                look = scraper.look
                assert look is not None
                assert sum(len(b.prices) for b in look.batches) == shown(replicas, "sbo")
                match = replicas.market.matches[0]
                now_s = time.monotonic()
                replicas.market.plant(match.id, "hdp", ("sbo", "ibc"), now_s, margin_bps=900)
                high = 21_000 - 600
                await until_async(
                    lambda: quoted(scraper, match.home, "asian_handicap", "home") > high,
                    "the planted price",
                )
                match.suspended.add("sbo")
                await until_async(
                    lambda: any(p.suspended for b in _batches(scraper) for p in b.prices),
                    "the stopped prices",
                )
                assert replicas.asked["logo.png"] == 0
                assert replicas.asked["font.woff2"] == 0

    asyncio.run(story())


def test_a_frozen_book_is_named_and_confirms_nothing() -> None:
    async def story() -> None:
        with books() as (replicas, address):
            async with watching("sbo", address) as scraper:
                await until_async(lambda: scraper.state == "reading", "the first look")
                asked = _question(scraper)
                assert await scraper.confirm(asked) is not None
                replicas.fault("sbo", "freeze")
                # Long before it is called frozen its answers are no longer believed.
                for _ in range(100):
                    if await scraper.confirm(asked) is None:
                        break
                    await asyncio.sleep(0.1)
                assert scraper.state == "reading"
                await until_async(lambda: scraper.state == "frozen", "the freeze")
                assert not _batches(scraper)
                assert await scraper.confirm(asked) is None
                replicas.fault("sbo", "freeze", on=False)
                await until_async(lambda: scraper.state == "reading", "the thaw")

    asyncio.run(story())


def test_a_book_that_logs_out_is_entered_again_whatever_its_new_format() -> None:
    async def story() -> None:
        with books() as (replicas, address):
            async with watching("ibc", address, account=ANN) as scraper:
                await until_async(lambda: scraper.state == "reading", "the first login")
                home = replicas.market.matches[0].home
                before = quoted(scraper, home, "asian_handicap", "home")
                replicas.fault("ibc", "logout")
                await until_async(lambda: scraper.state == "logged_out", "the logout")
                await until_async(lambda: scraper.state == "reading", "the second login")
                # Hong Kong odds before, Malay odds now; the prices are what they were.
                assert replicas.books["ibc"].written == "malay"
                assert abs(quoted(scraper, home, "asian_handicap", "home") - before) < 1_000

    asyncio.run(story())


def test_a_changed_site_needs_a_yaml_edit(tmp_path: Path) -> None:
    over = tmp_path / "cmd.yaml"
    over.write_text("{}\n")

    async def story() -> None:
        with books() as (replicas, address):
            async with watching("cmd", address, over=over) as scraper:
                await until_async(lambda: scraper.state == "reading", "the first look")
                replicas.fault("cmd", "markup")
                await until_async(lambda: scraper.state == "markup_changed", "the new edition")
                assert scraper.look is not None
                assert (scraper.look.detail, scraper.look.batches) == ("events", ())
                over.write_text("event: {each: [\n")
                over.write_text((Path(__file__).parent / "cmd_second_edition.yaml").read_text())
                await until_async(lambda: scraper.state == "reading", "the edited selectors")
                assert sum(len(b.prices) for b in _batches(scraper)) == shown(replicas, "cmd")

    asyncio.run(story())


def test_a_killed_browser_is_opened_again() -> None:
    async def story() -> None:
        with books() as (_, address):
            async with watching("cmd", address) as scraper:
                await until_async(lambda: scraper.state == "reading", "the first look")
                for process in psutil.Process().children(recursive=True):
                    if "--type=renderer" in process.cmdline():
                        process.kill()
                await until_async(lambda: scraper.state == "unreachable", "the loss")
                await until_async(lambda: scraper.state == "reading", "another browser")

    asyncio.run(story())


def test_a_closed_and_an_unreachable_book_are_two_things() -> None:
    async def story() -> None:
        with books() as (replicas, address):
            replicas.fault("cmd", "down")
            async with watching("cmd", address) as scraper:
                await until_async(lambda: scraper.state == "unreachable", "the refusal")
                replicas.fault("cmd", "down", on=False)
                await until_async(lambda: scraper.state == "reading", "the board")
                replicas.fault("cmd", "empty")
                await until_async(lambda: not _batches(scraper), "the empty board")
                assert scraper.state == "reading"
                replicas.fault("cmd", "close")
                await until_async(lambda: scraper.state == "closed", "the maintenance")

    asyncio.run(story())


def test_nothing_is_read_that_the_operator_or_the_site_does_not_allow() -> None:
    async def refused(address: str, *permitted: str, robots: bool = True) -> str:
        asked = Asked("cmd", NOBODY, "token", f"{address}/cmd/")
        allowed = settings(*permitted, robots=robots)
        with pytest.raises(Forbidden) as error:
            await scrape.watch(asked, allowed, asyncio.Event(), WallClock())
        return error.value.code

    with books() as (replicas, address):
        assert asyncio.run(refused(address, "sbo")) == "not_permitted"
        replicas.robots = "User-agent: overround\nDisallow: /cmd/\n"
        assert asyncio.run(refused(address, "cmd")) == "robots"
        assert replicas.asked["cmd"] == 0


def _batches(scraper: scrape.Scraper) -> tuple[FeedBatch, ...]:
    return scraper.look.batches if scraper.look is not None else ()


def _question(scraper: scrape.Scraper) -> ConfirmRequest:
    event = _batches(scraper)[0].event
    price = _batches(scraper)[0].prices[0]
    return ConfirmRequest(
        "1", event.provider_event_id, event.home, event.away, price.market.market_type,
        price.market.period, price.market.line_q4, price.side,
    )  # fmt: skip
