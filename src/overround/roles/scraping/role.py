"""A scraper's process: one browser at one site, one connection to the hub.

The page says by itself when it has changed; between two changes it is read every few seconds, and
what was seen goes to the hub as a whole. Whatever is wrong with the page has a name (`State`), is
told to the hub once, which suspends what the site feeds, and is met by a growing pause:

    logged_out      log in                          frozen, closed      go to the board again
    markup_changed  read the operator's YAML anew   unreachable         a new browser

Nothing is told of a page that does not prove itself alive
(test: a frozen book is named and confirms nothing).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random, SystemRandom
from typing import Final

from overround.core import price
from overround.core.clock import Clock, WallClock
from overround.core.errors import Forbidden, SettingsError
from overround.kit import logs, loop
from overround.kit.settings import ScrapeSettings
from overround.odds.feeds import browser
from overround.odds.feeds.browser import (
    Account,
    Backoff,
    Look,
    Pulse,
    Site,
    Window,
    WindowFailed,
    WindowSettings,
)
from overround.odds.feeds.worker import ConfirmRequest, Match, is_site
from overround.roles.process import stopping
from overround.roles.scraping.worker_client import WorkerClient

# A page is still being built for so long after it was opened; what does not fit yet may fit soon.
SETTLE_S: Final = 5.0
# And an open page may be drawn anew: what does not fit has to go on not fitting.
PATIENCE_S: Final = 1.5
MEMORY_EVERY_S: Final = 15.0
# How long the hub's question for one price may take.
CONFIRM_S: Final = 2.0
TOKEN_BYTES_MAX: Final = 1_000
_WAITED_OUT: Final = frozenset({"markup_changed", "closed"})

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which site, at which address, for which hub. `over` is the operator's YAML for the site."""

    site: str
    hub: str
    token: str = field(repr=False)
    url: str | None = None
    worker_id: str | None = None
    account: Account | None = None
    over: Path | None = None
    headless: bool = True


@dataclass(slots=True)
class Operators:
    """The site, and the operator's file over it, which is read again when it has changed."""

    name: str
    over: Path | None = None
    _read: tuple[int, int] | None = None

    def site(self) -> Site:
        """The site as its files say now. Raises SettingsError."""
        self._read = self._stamp()
        return browser.site_named(self.name, _text(self.over) if self.over else "")

    def has_changed(self) -> bool:
        """Whether the operator's file is another than the one that was read."""
        return self.over is not None and self._stamp() != self._read

    def _stamp(self) -> tuple[int, int] | None:
        if self.over is None:
            return None
        with suppress(OSError):
            found = self.over.stat()
            return found.st_mtime_ns, found.st_size
        return None


async def run(asked: Asked, settings: ScrapeSettings, clock: Clock | None = None) -> None:
    """Read the site and tell the hub until a signal.

    Raises Forbidden `not_permitted` (scrape.permitted does not name the site), `robots` (its
    robots.txt says no), SettingsError for a site or a file we cannot use, Invalid `url_invalid`,
    Unavailable without a browser, Conflict when another process speaks for the worker.
    """
    with stopping() as stop:
        await watch(asked, settings, stop, clock or WallClock())


async def watch(asked: Asked, settings: ScrapeSettings, stop: asyncio.Event, clock: Clock) -> None:
    """As `run`, until `stop` is set."""
    async with opened(asked, settings, clock) as scraper:
        if settings.robots:
            await scraper.ask_robots(stop)
        telling = asyncio.create_task(scraper.client.run(stop))
        looking = asyncio.create_task(scraper.run(stop))
        done, _ = await asyncio.wait({telling, looking}, return_when=asyncio.FIRST_COMPLETED)
        # Who tells ends when told to and says goodbye; a page that is waited for is just left.
        stop.set()
        looking.cancel()
        await asyncio.gather(telling, looking, return_exceptions=True)
        for task in done:
            task.result()


@asynccontextmanager
async def opened(asked: Asked, settings: ScrapeSettings, clock: Clock) -> AsyncGenerator[Scraper]:
    """A scraper that has not begun; its browser is closed at the end of the block.

    Raises what `run` raises before it looks at anything.
    """
    if asked.site not in settings.permitted:
        raise Forbidden(
            f"scrape.permitted does not name {asked.site}: read the site's terms first",
            code="not_permitted",
        )
    operators = Operators(asked.site, asked.over)
    site = operators.site()
    url = asked.url or site.url
    if url is None:
        raise SettingsError(f"{asked.site}: say where its board is, with --url or in its YAML")
    news = News()
    windows = WindowSettings(executable=settings.chromium, headless=asked.headless)
    async with browser.window(site, url, windows, news.say) as window:
        yield Scraper(window, asked, settings, operators, news, clock, Pulse(site.freeze_s))


@dataclass(slots=True)
class News:
    """What the page said last of itself, unasked; an older word is nobody's."""

    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _last: object = None

    def say(self, found: object) -> None:
        """The page has changed."""
        self._last = found
        self.arrived.set()

    def take(self) -> object:
        """What was said since the last call; None for nothing."""
        self.arrived.clear()
        last, self._last = self._last, None
        return last


class Scraper:
    """One site's page, watched: `look` is the last one, `state` what it was, `passes` how many
    there were."""

    def __init__(
        self,
        window: Window,
        asked: Asked,
        settings: ScrapeSettings,
        operators: Operators,
        news: News,
        clock: Clock,
        pulse: Pulse,
        random: Random | None = None,
    ) -> None:
        self.state: str = ""
        self.passes = 0
        self._window, self._asked, self._settings = window, asked, settings
        self._operators, self._news, self._clock, self._pulse = operators, news, clock, pulse
        self._random = random or SystemRandom()
        self._backoff = Backoff(self._random)
        self._retry_s = 0.0
        self._settled_s = 0.0
        self._wrong_since_s: float | None = None
        self._measured_s = 0.0
        # The looks that the hub asked for: how many have begun, and the last one.
        self._reading = asyncio.Lock()
        self._begun = 0
        self._anew: Look | None = None
        self.look: Look | None = None
        self.client = WorkerClient(
            asked.hub,
            asked.token,
            site=asked.site,
            worker_id=asked.worker_id or f"worker-{asked.site}",
            answer=self.confirm,
            clock=clock,
        )

    async def ask_robots(self, stop: asyncio.Event) -> None:
        """Wait until the site has answered. Raises Forbidden `robots`."""
        while not stop.is_set():
            try:
                if await self._window.robots_allow():
                    return
            except WindowFailed as failed:
                self._tell(Look("unreachable", self._clock.now(), failed.detail))
                await loop.wait(stop, self._backoff.next_s())
                continue
            detail = f"{self._asked.site}: its robots.txt does not let us read the board"
            raise Forbidden(detail, code="robots")

    async def run(self, stop: asyncio.Event) -> None:
        """Open the page and watch it, again and again."""
        while not stop.is_set():
            try:
                self._pulse.renew()
                await self._window.open()
                self._settled_s = time.monotonic() + SETTLE_S
                await self._watch(stop)
            except WindowFailed as failed:
                self._tell(Look("unreachable", self._clock.now(), str(failed)))
                await loop.wait(stop, self._backoff.next_s())

    async def confirm(self, asked: ConfirmRequest) -> str | None:
        """The page's price now for what the hub asks, read anew; None where it cannot be had.

        A page that may be dead confirms nothing
        (test: a frozen book is named and confirms nothing).
        """
        try:
            async with asyncio.timeout(CONFIRM_S):
                look = await self._read_anew()
        except (TimeoutError, WindowFailed):
            return None
        if look.state != "reading" or not self._pulse.is_moving(time.monotonic()):
            return None
        return _price_in(look, asked)

    async def _read_anew(self) -> Look:
        """A look that begins after the call; all who ask during one share the next.

        Raises WindowFailed.
        """
        wanted = self._begun + 1
        async with self._reading:
            if self._begun < wanted or self._anew is None:
                self._begun, self._anew = self._begun + 1, None
                found = await self._window.read()
                look = browser.look(self._window.site, found, self._clock.now())
                self._anew = self._pulse.judge(look, time.monotonic())
            return self._anew

    # -- the page ------------------------------------------------------------------------------

    async def _watch(self, stop: asyncio.Event) -> None:
        """Look until the page has to be opened anew. Raises WindowFailed."""
        opened_s = time.monotonic()
        while not stop.is_set():
            look = await self._next_look()
            now_s = time.monotonic()
            if self._is_waited_out(look, now_s):
                continue
            self._tell(look)
            if look.state != "reading":
                if await self._mend(look, now_s, stop):
                    return
            elif self._is_worn(opened_s, now_s):
                _log.info("scrape.renewed", site=self._asked.site)
                return

    async def _next_look(self) -> Look:
        """The page when it says it has changed, and every now and then without that."""
        pause_s = self._window.site.pass_s * (0.5 + self._random.random())
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._news.arrived.wait()
        found = self._news.take()
        if found is None:
            found = await self._window.read()
        self.passes += 1
        look = browser.look(self._window.site, found, self._clock.now())
        return self._pulse.judge(look, time.monotonic())

    def _is_waited_out(self, look: Look, now_s: float) -> bool:
        """Whether a page that does not fit may yet be under construction."""
        if look.state not in _WAITED_OUT:
            self._wrong_since_s = None
            return False
        if self._wrong_since_s is None:
            self._wrong_since_s = now_s
        return now_s < self._settled_s or now_s - self._wrong_since_s < PATIENCE_S

    async def _mend(self, look: Look, now_s: float, stop: asyncio.Event) -> bool:
        """Do what may help, once its pause is over; True for a new window. Raises WindowFailed."""
        if self._operators.has_changed():
            return self._reread()
        if now_s < self._retry_s:
            return False
        self._retry_s = now_s + self._backoff.next_s()
        if look.state == "logged_out" and self._asked.account is not None:
            try:
                await self._window.log_in(self._asked.account)
            except WindowFailed as failed:
                _log.warning("scrape.login_failed", site=self._asked.site, reason=failed.detail)
        elif not stop.is_set():
            self._pulse.renew()
            await self._window.reload()
        self._settled_s = time.monotonic() + SETTLE_S
        return False

    def _reread(self) -> bool:
        """Take the operator's edited file; a file with a mistake is named and not taken."""
        try:
            self._window.site = self._operators.site()
        except SettingsError as error:
            _log.error("scrape.selectors_refused", site=self._asked.site, reason=error.detail)
            return False
        _log.info("scrape.selectors_read", site=self._asked.site)
        return True

    def _is_worn(self, opened_s: float, now_s: float) -> bool:
        """Whether the browser is old or large enough to be replaced by a new one."""
        if now_s - opened_s > self._settings.page_s:
            return True
        if now_s - self._measured_s < MEMORY_EVERY_S:
            return False
        self._measured_s = now_s
        return self._window.memory_mb() > self._settings.memory_mb_max

    # -- the hub -------------------------------------------------------------------------------

    def _tell(self, look: Look) -> None:
        """Prices as a whole, or once the name of why there are none."""
        if look.state == "reading" and not self._pulse.is_fresh(time.monotonic()):
            # A page that has not proved itself alive changes nothing yet.
            return
        self.look = look
        if look.state != self.state:
            level = _log.info if look.state == "reading" else _log.warning
            level("scrape.state", site=self._asked.site, state=look.state, detail=look.detail)
            if look.state != "reading":
                self.client.stopped(look.state)
            self.state = look.state
        if look.state != "reading":
            return
        self._backoff.worked()
        self._retry_s = 0.0
        self.client.seen(matches_of(look))


def matches_of(look: Look) -> Sequence[Match]:
    """What the look shows, in the words of the protocol."""
    return [browser.match_of(batch) for batch in look.batches]


def token_of(path: Path) -> str:
    """The worker's token, alone in its file. Raises SettingsError."""
    token = _text(path, TOKEN_BYTES_MAX).strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise SettingsError(f"{path}: expected a worker's token and nothing else")
    return token


def hub_of(url: str) -> str:
    """The address of a hub's workers: http(s) is as good as ws(s), and `/ws` may be left out.

    Raises SettingsError.
    """
    scheme, colon, rest = url.strip().partition("://")
    known = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(scheme)
    if not colon or known is None or not rest.strip("/"):
        raise SettingsError(f"this is no address of a hub: {url}")
    path = "" if rest.rstrip("/").endswith("/ws") else "/ws"
    return f"{known}://{rest.rstrip('/')}{path}"


def site_name(name: str) -> str:
    """A site's name as `sbo`. Raises SettingsError for one that nobody reads."""
    if not is_site(name) or name not in browser.SITES:
        raise SettingsError(f"no scraper for {name!r}: there is {', '.join(browser.SITES)}")
    return name


def _price_in(look: Look, asked: ConfirmRequest) -> str | None:
    for batch in look.batches:
        event = batch.event
        by_id = event.provider_event_id == asked.event_id
        by_name = not asked.event_id and (event.home, event.away) == (asked.home, asked.away)
        if not (by_id or by_name):
            continue
        for one in batch.prices:
            market = one.market
            question = market.market_type, market.period, market.line_q4, one.side
            if question == (asked.market_type, asked.period, asked.line_q4, asked.side):
                return None if one.suspended else price.to_text(one.price_e4)
    return None


def _text(path: Path, bytes_max: int = browser.YAML_BYTES_MAX) -> str:
    try:
        if path.stat().st_size > bytes_max:
            raise SettingsError(f"{path}: larger than {bytes_max} bytes")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{path}: cannot be read") from None
