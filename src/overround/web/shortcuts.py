"""What the raw front and the connection (`web.wire`) say to each other past the server's machinery.

A connection lends each request's scope two calls: one that takes a whole body that is there
already, one that writes a whole answer at once. And an application that can do without a task for
some requests says for which.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, cast

from starlette.types import Scope

DIRECT: Final = "overround.answer"
Direct = Callable[[Scope, int, bytes, bytes], bool]
WHOLE: Final = "overround.body"
Whole = Callable[[Scope], bytes | None]


def directly(scope: Scope) -> Direct | None:
    """The short way out of the answer to this request, where the server has one."""
    extensions = cast("dict[str, object] | None", scope.get("extensions"))
    return cast("Direct | None", extensions.get(DIRECT)) if extensions else None


def whole(scope: Scope) -> bytes | None:
    """The body, where all of it is there already; else it is received as ever."""
    extensions = cast("dict[str, object] | None", scope.get("extensions"))
    taken = cast("Whole | None", extensions.get(WHOLE)) if extensions else None
    return taken(scope) if taken is not None else None


class Instant(Protocol):
    """An application that can answer some requests without waiting."""

    @property
    def instant_urls(self) -> frozenset[bytes]:
        """Requests' targets, as they are sent."""
        ...

    @property
    def is_beset(self) -> bool:
        """Whether it wants to be asked for every target, because somebody asks too often."""
        ...

    def at_once(self, scope: Scope) -> bool:
        """Answer a GET by `directly`; False when it has to come as a task."""
        ...

    @property
    def vain_urls(self) -> frozenset[bytes]:
        """Targets of writes that may be refused before anything is looked at."""
        ...

    def is_vain(self, scope: Scope) -> bool:
        """Whether a write to one of them, which begins now, is refused; then `refuse` is to answer
        it soon, or else the application as a task. For one that is not, a place is kept until the
        task has brought it to its handler."""
        ...

    def later(self, act: Callable[[], None]) -> None:
        """Do it a moment later: by this a refusal is told."""
        ...

    def refuse(self, scope: Scope) -> None:
        """Answer by `directly` what was found to be in vain."""
        ...


def instant(app: object) -> Instant | None:
    """The application, if it is one that answers at once."""
    return cast("Instant", app) if hasattr(app, "instant_urls") else None
