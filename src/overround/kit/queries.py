"""Queries: what a route of the API does not take is refused, as an unknown field of a body is.

A misspelt `limt=5` would be answered with what nobody asked for. It is asked where a route's
permission is, after who calls is known and counted; a request without a query costs one look. Pages
are not asked: links to them carry what others put there. Nor is /v4, whose original takes anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl
from weakref import WeakKeyDictionary

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.types import Scope

from overround.core.errors import Invalid

_OF: Final = "/api/"
_NAME_LENGTH_SHOWN: Final = 100


class UnknownParameter(Invalid):
    """This has no such parameter."""

    code = "parameter_unknown"


# What each handler takes, found once.
_taken: Final[WeakKeyDictionary[Callable[..., Any], frozenset[str]]] = WeakKeyDictionary()


def check(scope: Scope) -> None:
    """Raises UnknownParameter for the first parameter of the query that the route does not take."""
    query: bytes = scope["query_string"]
    if not query or not scope["path"].startswith(_OF):
        return
    route: object = scope.get("route")
    if not isinstance(route, APIRoute):
        return
    taken = _taken.get(route.endpoint)
    if taken is None:
        taken = _taken[route.endpoint] = frozenset(_queries(route.dependant))
    for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name not in taken:
            raise UnknownParameter(field=f"query/{name[:_NAME_LENGTH_SHOWN]}")


def _queries(dependant: Dependant) -> set[str]:
    """The names of a handler's query parameters, and of all that it depends on."""
    found = {field.alias for field in dependant.query_params}
    return found.union(*map(_queries, dependant.dependencies))
