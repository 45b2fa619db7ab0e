"""Which writes come from our own page, as a table."""

from __future__ import annotations

import pytest

from overround.web import origins

OWN = "https://acme.bet.example"
SIBLING = "https://sakura.bet.example"


@pytest.mark.parametrize(
    ("method", "origin", "site", "by_cookie", "allowed"),
    [
        # Reads change nothing.
        ("GET", SIBLING, "same-site", True, True),
        ("HEAD", SIBLING, "cross-site", True, True),
        # A browser on our own page.
        ("POST", OWN, "same-origin", True, True),
        ("DELETE", OWN, None, True, True),
        ("POST", None, "same-origin", True, True),
        ("POST", None, "none", True, True),
        # A sibling tenant is the same site to the browser, so its cookies would come along.
        ("POST", SIBLING, "same-site", True, False),
        ("POST", None, "same-site", True, False),
        # Anybody else, with a cookie or a bearer or nothing at all (log-in from elsewhere).
        ("POST", "https://evil.example", "cross-site", True, False),
        ("POST", "https://evil.example", "cross-site", False, False),
        ("POST", None, "cross-site", False, False),
        ("POST", "null", None, True, False),
        # Nearly our own origin is not our own.
        ("POST", "http://acme.bet.example", None, True, False),
        ("POST", "https://acme.bet.example:8443", None, True, False),
        ("POST", "https://acme.bet.example.evil.example", None, True, False),
        ("POST", f"{OWN}, {SIBLING}", None, True, False),
        # No browser: a bearer or nothing is fine, a cookie is not.
        ("POST", None, None, False, True),
        ("POST", None, None, True, False),
    ],
)
def test_a_write_comes_from_here_or_from_no_browser(
    method: str, origin: str | None, site: str | None, by_cookie: bool, allowed: bool
) -> None:
    assert origins.allows(method, OWN, origin, site, by_cookie) is allowed
