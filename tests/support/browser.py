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
_LOOK: Final = """(rules) => axe.run({resultTypes: ['violations'], ...(rules && {runOnly: rules})})
  .then((found) => found.violations)"""
# What a colour scheme decides.
_OF_COLOURS: Final = ("color-contrast",)


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
    """What axe finds wrong with the page as it is shown, and with its colours in the dark: the
    scheme, the rule, and the first places. The page is in the light again afterwards."""
    page.evaluate(_AXE.axe_script)
    found = {"light": page.evaluate(_LOOK, None)}
    page.emulate_media(color_scheme="dark")
    found["dark"] = page.evaluate(_LOOK, _OF_COLOURS)
    page.emulate_media(color_scheme="light")
    return [
        f"{scheme}: {one['id']}: {node['target']} {node.get('failureSummary', '')}"
        for scheme, wrong in found.items()
        for one in wrong
        for node in one["nodes"][:3]
    ]


def too_small(page: Page) -> list[list[float]]:
    """The boxes to tick that no finger meets: each with its width, and its label's height."""
    return page.evaluate("""[...document.querySelectorAll("input[type=checkbox]")]
        .filter((box) => box.checkVisibility())
        .map((box) => [box.offsetWidth, box.closest("label").getBoundingClientRect().height])
        .filter(([box, label]) => box < 24 || label < 33)""")


def too_wide(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
