"""A scraper at a replica book, for tests: in the real browser, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from overround.core.clock import WallClock
from overround.kit.settings import ScrapeSettings
from overround.odds.feeds import browser
from overround.odds.feeds.browser import Account
from overround.roles.scraping import role as scrape
from overround.roles.scraping.role import Asked, Scraper
from tests.replicas.app import PASSWORD, USER, Replicas, served
from tests.replicas.market import Market
from tests.support.browser import require_chromium

ANN = Account(USER, PASSWORD)
# Nobody listens there: what a scraper sees is looked at in itself.
NOBODY = "ws://127.0.0.1:9/ws"


@contextmanager
def books(seed: int = 7) -> Generator[tuple[Replicas, str]]:
    """The replica books, served; skips the test without a Chromium."""
    require_chromium()
    replicas = Replicas(Market(seed, datetime.now(UTC)))
    with served(replicas) as address:
        yield replicas, address


def settings(*sites: str, robots: bool = True) -> ScrapeSettings:
    """The operator may read these sites."""
    return ScrapeSettings(permitted=sites, chromium=require_chromium(), robots=robots)


@asynccontextmanager
async def watching(
    site: str, address: str, *, account: Account | None = None, over: Path | None = None
) -> AsyncGenerator[Scraper]:
    """A scraper that looks at a replica book until the end of the block."""
    asked = Asked(site, NOBODY, "token", f"{address}/{site}/", None, account, over)
    stop = asyncio.Event()
    async with scrape.opened(asked, settings(site), WallClock()) as scraper:
        looking = asyncio.create_task(scraper.run(stop))
        try:
            yield scraper
        finally:
            stop.set()
            await asyncio.wait_for(looking, 20)


def quoted(scraper: Scraper, home: str, market_type: str, side: str) -> int:
    """The price of the last look, 0 where there is none."""
    look = scraper.look
    for batch in look.batches if look is not None else ():
        for price in batch.prices:
            if (batch.event.home, price.market.market_type, price.side) == (
                home,
                market_type,
                side,
            ):
                return price.price_e4
    return 0


def shown(replicas: Replicas, book: str) -> int:
    """How many prices a book shows."""
    site = browser.site_named(book)
    return len(replicas.market.matches) * sum(len(market.prices) for market in site.markets)
