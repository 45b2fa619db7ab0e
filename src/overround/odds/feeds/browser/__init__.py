"""Books that have a page and no feed, read with a real browser.

A site is data (`site.Site`, from the `selectors.yaml` of its folder and an operator's own): where
events, lines and prices stand, how they are written. One script reads the whole page at once and is
called again by the page itself when something on it changed. What comes of it is a `Look`: all the
prices of the page, or the name of why there are none. Invariants: a page that is logged out,
closed, frozen or built differently gives no price at all; nothing but the site's own hosts is
asked; no bytes of a page make `look` raise.
"""

from __future__ import annotations

from importlib import resources
from typing import Final

from overround.core.errors import SettingsError
from overround.odds.feeds.browser.manners import board_of, is_wanted, robots_allow
from overround.odds.feeds.browser.model import Look, State
from overround.odds.feeds.browser.parse import look
from overround.odds.feeds.browser.pulse import Backoff, Pulse
from overround.odds.feeds.browser.scrape import (
    Account,
    Window,
    WindowFailed,
    WindowSettings,
    account_of,
    window,
)
from overround.odds.feeds.browser.site import YAML_BYTES_MAX, Site, site_of
from overround.odds.feeds.browser.wire import match_of

# The sites there are: each is a folder beside this one.
SITES: Final = ("sbo", "ibc", "cmd", "bet365_page", "pinnacle_page")


def site_named(name: str, over: str = "") -> Site:
    """A site of ours, with an operator's YAML laid over it. Raises SettingsError."""
    if name not in SITES:
        raise SettingsError(f"no scraper for {name!r}: there is {', '.join(SITES)}")
    folder = resources.files(f"overround.odds.feeds.{name}")
    text = (folder / "selectors.yaml").read_text(encoding="utf-8")
    return site_of(text, over)


__all__ = [
    "SITES",
    "YAML_BYTES_MAX",
    "Account",
    "Backoff",
    "Look",
    "Pulse",
    "Site",
    "State",
    "Window",
    "WindowFailed",
    "WindowSettings",
    "account_of",
    "board_of",
    "is_wanted",
    "look",
    "match_of",
    "robots_allow",
    "site_named",
    "site_of",
    "window",
]
