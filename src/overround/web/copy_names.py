"""Under which name the copy of an answer is kept, and for which questions there is none."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from starlette.types import Scope

from overround.people import sessions
from overround.web import tokens

# What a visitor sees first: kept in the cache for every process, and confirmed by one of them.
FIRST_VIEWS: Final = ("/", "/api/v1/board", "/api/v1/events", "/theme.css")


@dataclass(frozen=True, slots=True)
class CopyName:
    """A request that a copy could answer: whose host, under which name, as which person."""

    label: str
    name: str
    path: str
    first_view: bool
    token: str | None
    if_none_match: str | None

    @property
    def own(self) -> str:
        """The name of a personal copy: nobody finds it without the token."""
        return hashlib.sha256(f"{self.token}\n{self.name}".encode()).hexdigest()


def copy_name(scope: Scope, label: str | None) -> CopyName | None:
    """The request to the host of `label` as a copy's name; None where there can be no copy."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    path, query = scope["path"], scope["query_string"]
    shown = _credential(scope)
    # A program's key has a plan and a pace, which a copy would pass by.
    keyed = b"authorization" in headers and shown.token is None
    keyed = keyed or b"x-api-key" in headers or b"apikey" in query.lower()
    if label is None or keyed:
        return None
    first_view = path in FIRST_VIEWS and (not query or path == "/theme.css")
    whole = f"{path}?{query.decode('latin-1')}"
    known = headers.get(b"if-none-match")
    return CopyName(
        label=label,
        name=f"view:{path if first_view else hashlib.sha256(whole.encode()).hexdigest()}",
        path=path,
        first_view=first_view,
        token=shown.token,
        if_none_match=known.decode("latin-1") if known is not None else None,
    )


def _credential(scope: Scope) -> tokens.Credential:
    server = scope.get("server")
    return tokens.credential(
        [v.decode("latin-1") for n, v in scope["headers"] if n == b"authorization"],
        [v.decode("latin-1") for n, v in scope["headers"] if n == b"cookie"],
        sessions.cookie_name(scope["scheme"], server[0] if server else ""),
    )
