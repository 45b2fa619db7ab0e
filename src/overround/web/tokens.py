"""The session token of a request: a bearer, or the cookie of this host."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# 32 random bytes in URL-safe base64. Anything else is no token of ours and costs no look-up.
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Credential:
    """The token, if there is one, and whether a browser would have sent it by itself."""

    token: str | None
    by_cookie: bool


def credential(authorization: list[str], cookies: list[str], name: str | None) -> Credential:
    """The request's credential; a bearer wins over a cookie.

    Two bearers, or two cookies of the name, are none: one of them was planted by somebody else.
    """
    if authorization:
        scheme, _, token = authorization[0].partition(" ")
        good = len(authorization) == 1 and scheme.lower() == "bearer" and _TOKEN.fullmatch(token)
        return Credential(token if good else None, by_cookie=False)
    if name is None:
        return Credential(None, by_cookie=False)
    pairs = (pair.strip().partition("=") for line in cookies for pair in line.split(";"))
    found = [value for key, _, value in pairs if key == name]
    if len(found) != 1 or not _TOKEN.fullmatch(found[0]):
        return Credential(None, by_cookie=bool(found))
    return Credential(found[0], by_cookie=True)
