"""Whether a write comes from our own page: tenants are siblings, so SameSite is no defence."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def allows(
    method: str,
    own_origin: str,
    origin: str | None,
    sec_fetch_site: str | None,
    by_cookie: bool,
    named: Collection[str] = (),
) -> bool:
    """Whether the request may go on.

    A browser says where a write comes from, in Origin or in Sec-Fetch-Site; then it must be
    exactly here, or from an origin that the tenant `named`, and from there not with a cookie. A
    client that says neither is no browser of today: it may write with a bearer token or with none,
    and not with a cookie.
    """
    if method in SAFE_METHODS:
        return True
    if origin is not None:
        return origin == own_origin or (origin in named and not by_cookie)
    if sec_fetch_site is not None:
        return sec_fetch_site in {"same-origin", "none"}
    return not by_cookie
