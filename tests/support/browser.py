"""Chromium for tests, as Debian brings it; a test skips with one plain line where there is none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final, Literal

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

PHONE: Final = (360, 740)
DESK: Final = (1440, 900)

Scheme = Literal["light", "dark"]

_AXE: Final = Axe()
# What is right with a page is not described and not sent: it is most of axe's work.
_LOOK: Final = "axe.run({resultTypes: ['violations']}).then((found) => found.violations)"


def chromium_path() -> str | None:
    """Where Chromium is, if it is."""
    named = os.environ.get("OVERROUND_CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser")


def require_chromium() -> str:
    """Where Chromium is; skips the test where it is not."""
    path = chromium_path()
    if path is None:
        pytest.skip("chromium is not installed")
    return path


@contextmanager
def chromium() -> Generator[Browser]:
    """A headless Chromium; skips the test where none is installed."""
    path = require_chromium()
    with sync_playwright() as playwright:
        # Root has no sandbox, and a container's /dev/shm is too small for pictures of long pages.
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def context(
    browser: Browser,
    base_url: str,
    size: tuple[int, int] = DESK,
    scheme: Scheme = "light",
    **options: Any,
) -> Generator[BrowserContext]:
    """A browser of its own: cookies, storage, size and colour scheme."""
    made = browser.new_context(
        base_url=base_url,
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        reduced_motion="reduce",
        **options,
    )
    made.set_default_timeout(15_000)
    try:
        yield made
    finally:
        made.close()


def violations(page: Page) -> list[str]:
    """What axe finds wrong with the page as it is shown: the rule, and the first places."""
    page.evaluate(_AXE.axe_script)
    found: list[dict[str, Any]] = page.evaluate(_LOOK)
    return [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')}"
        for one in found
        for node in one["nodes"][:3]
    ]


def too_wide(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
