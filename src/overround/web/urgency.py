"""What each route is worth when the database is short: public, read or critical.

- *public*: anybody may ask, and a copy is as good for a while: answered from the copy, or with
  defaults, as soon as the pool is crowded or the database away.
- *read*: somebody's own figures. Answered from a copy that says so while his session is known to be
  live, otherwise refused with 503.
- *critical*: a write. It always asks the database, whose answer is the only one there is.

It follows from what a route is: its method, and the permission that it declares. The table of every
route stands in docs/reference/outage.md (test: the table names every route).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from overround.db.pools import Purpose
from overround.kit.routes import Permission

Urgency = Literal["public", "read", "critical"]
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# Whose writes move money; they have a pool of their own.
_MONEY_TAGS: Final = frozenset({"bets", "cashier", "casino", "cash_out"})
_OFFICE: Final = re.compile(r"(?:/api/v1)?/office(?:/|$)")


@dataclass(frozen=True, slots=True)
class Worth:
    """One route: its template, how urgent it is, and the pool that it asks."""

    template: str
    methods: frozenset[str]
    urgency: Urgency
    purpose: Purpose
    path: re.Pattern[str]


# What is no route of the application: a 404 that costs nothing, or a stream.
_UNKNOWN: Final = Worth("", SAFE, "critical", "reads", re.compile(""))

# Paths that were asked of late, and are not compared with every pattern again.
_FOUND_MAX: Final = 1_000


class Table:
    """Every route of the application with what it is worth."""

    def __init__(self, routes: Iterable[APIRoute]) -> None:
        self.rows = [_worth(route) for route in routes]
        self._exact = {
            (method, row.template): row
            for row in self.rows
            for method in row.methods
            if "{" not in row.template
        }
        self._patterns = [row for row in self.rows if "{" in row.template]
        self._found: dict[tuple[str, str], Worth] = {}

    def of(self, method: str, path: str) -> Worth:
        """The route that a request goes to; HEAD is worth what GET is."""
        method = "GET" if method == "HEAD" else method
        found = self._exact.get((method, path))
        if found is not None:
            return found
        found = self._found.get((method, path))
        if found is None:
            found = self._matched(method, path)
            if len(self._found) >= _FOUND_MAX:
                self._found.clear()
            self._found[method, path] = found
        return found

    def _matched(self, method: str, path: str) -> Worth:
        for row in self._patterns:
            if method in row.methods and row.path.fullmatch(path):
                return row
        return _UNKNOWN


def _worth(route: APIRoute) -> Worth:
    methods = frozenset(route.methods or ())
    urgency: Urgency = "critical"
    if methods <= SAFE:
        # A program's key has a plan and a pace: what it gets is its own, like a person's figures.
        keyed = route.path.startswith("/v4/")
        personal = keyed or any(isinstance(one, Permission) for one in _calls(route.dependant))
        urgency = "read" if personal else "public"
    return Worth(route.path, methods, urgency, _purpose(route, urgency), route.path_regex)


def _purpose(route: APIRoute, urgency: Urgency) -> Purpose:
    if _OFFICE.match(route.path):
        return "admin"
    if urgency == "critical" and _MONEY_TAGS & {str(tag) for tag in route.tags}:
        return "bets"
    # A page's form asks the API in the same process and as the same request.
    if urgency == "critical" and route.path in {"/deposit", "/withdraw"}:
        return "bets"
    return "reads"


def _calls(dependant: Dependant) -> Iterator[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)
