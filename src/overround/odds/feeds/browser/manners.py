"""What a browser of ours asks for and what it leaves alone."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Final
from urllib.parse import SplitResult, urlsplit
from urllib.robotparser import RobotFileParser

from overround.core.errors import Invalid

# The name that a site's robots.txt may speak to.
AGENT: Final = "overround"
# Nothing of these says a price.
BLOCKED_KINDS: Final = frozenset(
    {"image", "media", "font", "texttrack", "beacon", "ping", "csp_report"}
)
_PORTS: Final = {"http": 80, "https": 443}
_ROBOTS_BYTES_MAX: Final = 500_000


def board_of(url: str) -> SplitResult:
    """The address of a board, taken apart. Raises Invalid `url_invalid`: http(s) with a host, and
    no name or password in it."""
    try:
        parts = urlsplit(url)
        named = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        named = False
        parts = SplitResult("", "", "", "", "")
    if not named or parts.username is not None or len(url) > 500 or not url.isprintable():
        raise Invalid("a board is an http or https address with a host", code="url_invalid")
    return parts


def is_wanted(url: str, kind: str, board: SplitResult, hosts: Sequence[str] = ()) -> bool:
    """Whether the page may load `url`, a resource of that kind (the browser's word).

    Its own origin and the hosts the site's file names (`cdn.example`, `*.example`), pages and data
    only. Trackers are other people's hosts, so no list of them is needed
    (test: trackers pictures and fonts are not loaded).
    """
    if kind in BLOCKED_KINDS:
        return False
    try:
        asked = urlsplit(url)
        host, port = asked.hostname or "", asked.port
    except ValueError:
        return False
    scheme = {"ws": "http", "wss": "https"}.get(asked.scheme, asked.scheme)
    if scheme not in _PORTS:
        return asked.scheme in {"data", "blob"}
    if host == board.hostname:
        own = board.port or _PORTS[board.scheme]
        return (port or _PORTS[scheme]) == own
    if _is_address(host):
        # What a page of the internet wants with a bare address is nothing of ours to fetch.
        return False
    return any(host == name or _is_below(host, name) for name in hosts)


def _is_below(host: str, name: str) -> bool:
    return name.startswith("*.") and host.endswith(name[1:])


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def resolver_rules(board: SplitResult, hosts: Sequence[str] = ()) -> str:
    """For the browser's resolver: no other host has an address, whatever asks for it."""
    named = [board.hostname or "", *hosts]
    return ", ".join(["MAP * ~NOTFOUND", *(f"EXCLUDE {name}" for name in named)])


def robots_allow(body: str, url: str) -> bool:
    """Whether a site's robots.txt lets `AGENT` read `url`."""
    rules = RobotFileParser()
    rules.parse(body[:_ROBOTS_BYTES_MAX].splitlines())
    return rules.can_fetch(AGENT, url)
