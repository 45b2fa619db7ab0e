"""One browser with one page at one site: opened, read, observed, logged in, kept small.

Playwright is the extra `scrape`, so it is looked up when a browser is opened and has no types
here. Whatever it raises is `WindowFailed` with a stable code.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult

import psutil

from overround.core.errors import SettingsError, Unavailable
from overround.odds.feeds.browser import manners, script
from overround.odds.feeds.browser.site import Site, places

_CHROMIUMS: Final = ("chromium", "chromium-browser", "google-chrome")
_MEGABYTE: Final = 1_000_000
_ROBOTS_TIMEOUT_S: Final = 10.0


class WindowFailed(Exception):
    """The browser or the page did not do what was asked; `code` says which step."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}"[:300])
        self.code, self.detail = code, detail[:200]


@dataclass(frozen=True, slots=True)
class Account:
    """Who logs in at a site."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """How a browser is run. Without an `executable` the system's Chromium is taken.

    The page says that it has changed at most once in `pause_ms`.
    """

    executable: str | None = None
    headless: bool = True
    timeout_s: float = 15.0
    pause_ms: int = 100


# Gets what the page said of itself, as `script.READ` returns it.
Pushed = Callable[[object], None]


@dataclass(slots=True)
class Window:
    """The browser of one site. One task opens, reloads and logs in; any may read meanwhile."""

    site: Site
    board: SplitResult
    settings: WindowSettings
    pushed: Pushed
    _playwright: Any
    _error: type[Exception]
    _browser: Any = None
    _page: Any = None

    async def open(self) -> None:
        """A fresh profile at the board, observed. Raises WindowFailed `unreachable`, `browser`."""
        await self.shut()
        async with self._named("browser"):
            self._browser = await self._playwright.chromium.launch(
                executable_path=self.settings.executable or _chromium(),
                headless=self.settings.headless,
                args=_arguments(self.board, self.site),
                # The process that opened the browser ends it: a signal must not come between.
                handle_sigint=False,
                handle_sigterm=False,
                handle_sighup=False,
            )
            context = await self._browser.new_context(
                accept_downloads=False, service_workers="block", permissions=[]
            )
            context.set_default_timeout(self.settings.timeout_s * 1_000)
            # Playwright keeps a note on the owner of a bound method, and this one has no room.
            await context.route("**/*", self._router())
            await context.expose_binding(script.BINDING, self._listener())
            # In every document of the window from its beginning: a page that goes elsewhere by
            # itself, after a login, is observed there too.
            await context.add_init_script(
                script.observer(places(self.site), self.settings.pause_ms)
            )
            self._page = await context.new_page()
        await self.reload()

    async def reload(self) -> None:
        """Go to the board again in the same session. Raises WindowFailed `unreachable`."""
        page = self._there()
        async with self._named("unreachable"):
            answer = await page.goto(self.board.geturl(), wait_until="domcontentloaded")
            if answer is not None and answer.status >= 500:
                raise WindowFailed("unreachable", f"status {answer.status}")

    async def read(self) -> object:
        """The page as plain values, by one call into it.

        Raises WindowFailed `unreachable`. What the script itself throws is the page's answer.
        """
        page = self._there()
        async with self._named("unreachable"):
            try:
                return await page.evaluate(script.READ, places(self.site))
            except self._error as error:
                if page.is_closed() or "SyntaxError" not in str(error):
                    raise
                return {"failed": str(error).splitlines()[0][:200]}

    async def log_in(self, account: Account) -> None:
        """Fill the form and send it. Raises WindowFailed `login`."""
        form = self.site.login
        if form is None:
            raise WindowFailed("login", "the site's file names no form")
        page = self._there()
        async with self._named("login"):
            if form.open is not None:
                await page.click(form.open)
            await page.fill(form.user, account.user)
            await page.fill(form.password, account.password)
            await page.click(form.submit)
            await page.wait_for_selector(self.site.page.board, state="visible")

    async def robots_allow(self) -> bool:
        """Whether the site's robots.txt lets us read the board; a site without one does.

        Raises WindowFailed `unreachable`.
        """
        url = f"{self.board.scheme}://{self.board.netloc}/robots.txt"
        async with self._named("unreachable"):
            request = await self._playwright.request.new_context()
            try:
                answer = await request.get(url, timeout=_ROBOTS_TIMEOUT_S * 1_000)
                if answer.status >= 500:
                    raise WindowFailed("unreachable", f"robots.txt: status {answer.status}")
                body = await answer.text() if answer.ok else ""
            finally:
                await request.dispose()
        return manners.robots_allow(body, self.board.geturl())

    def memory_mb(self) -> int:
        """What the browser's processes hold, memory they share counted in each."""
        held = 0
        for process in _browsers():
            with suppress(psutil.Error):
                held += process.memory_info().rss
        return held // _MEGABYTE

    async def shut(self) -> None:
        """Close the browser; twice is safe."""
        browser, self._browser, self._page = self._browser, None, None
        if browser is not None:
            with suppress(self._error, TimeoutError):
                async with asyncio.timeout(self.settings.timeout_s):
                    await browser.close()

    def _there(self) -> Any:
        if self._page is None:
            raise WindowFailed("unreachable", "the page is not open")
        return self._page

    @asynccontextmanager
    async def _named(self, code: str) -> AsyncGenerator[None]:
        """Whatever the browser raises in the block, or a wait without an end, by that code."""
        try:
            async with asyncio.timeout(self.settings.timeout_s * 2):
                yield
        except (self._error, TimeoutError) as error:
            detail = (str(error).splitlines() or [""])[0]
            raise WindowFailed(code, detail) from None

    def _router(self) -> Callable[[Any], Awaitable[None]]:
        async def route(asked: Any) -> None:
            request = asked.request
            wanted = manners.is_wanted(
                request.url, request.resource_type, self.board, self.site.hosts
            )
            # The page may be gone by the time its wish is heard.
            with suppress(self._error):
                await (asked.continue_() if wanted else asked.abort())

        return route

    def _listener(self) -> Callable[[Any, object], None]:
        def say(source: Any, found: object) -> None:
            # Only the page itself speaks for it, not a frame that somebody put into it.
            if self._page is not None and source["frame"] == self._page.main_frame:
                self.pushed(found)

        return say


@asynccontextmanager
async def window(
    site: Site, url: str, settings: WindowSettings, pushed: Pushed
) -> AsyncGenerator[Window]:
    """A window that is not open yet; whatever it opens is closed at the end of the block.

    Raises Unavailable without the extra `scrape` or a Chromium, Invalid `url_invalid`.
    """
    board = manners.board_of(url)
    if settings.executable is None and _chromium() is None:
        raise Unavailable("no Chromium was found: install it, or name one in scrape.chromium")
    try:
        api: Any = importlib.import_module("playwright.async_api")
    except ImportError:
        raise Unavailable("browsers need the extra: pip install 'overround[scrape]'") from None
    async with api.async_playwright() as playwright:
        opened = Window(site, board, settings, pushed, playwright, api.Error)
        try:
            yield opened
        finally:
            await opened.shut()


def account_of(path: Path) -> Account:
    """The account in a file of two lines, name and password. Raises SettingsError."""
    try:
        if path.stat().st_size > 10_000:
            raise SettingsError(f"{path}: larger than an account is")
        user, password = path.read_text(encoding="utf-8").splitlines()[:2]
    except (OSError, UnicodeDecodeError, ValueError):
        raise SettingsError(f"{path}: expected two lines, a name and a password") from None
    return Account(user.strip(), password.strip())


def _chromium() -> str | None:
    return next((path for name in _CHROMIUMS if (path := shutil.which(name))), None)


def _arguments(board: SplitResult, site: Site) -> list[str]:
    arguments = [
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-extensions",
        "--mute-audio",
        f"--host-resolver-rules={manners.resolver_rules(board, site.hosts)}",
    ]
    # Root has no sandbox of its own; a scraper should be run as a user.
    return [*arguments, "--no-sandbox"] if os.geteuid() == 0 else arguments


def _browsers() -> list[psutil.Process]:
    """The processes below this one that are a browser's."""
    try:
        return psutil.Process().children(recursive=True)
    except psutil.Error:
        return []
