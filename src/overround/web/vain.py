"""What is said to whoever comes in vain: the same to everybody, so it is made once.

A queue that is full refuses thousands while it takes hundreds, and what a refusal costs is paid by
those who were taken. So of a problem that says nothing of its request but the ids, the ids are all
that is written anew (test: who comes in vain is told what any problem tells).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Final

from overround.core.errors import OverroundError
from overround.web import marks, problems
from overround.web.answers import Answer, Asked, of_response

# How long a refusal waits, so that whoever is refused does not come again at once; with the turn of
# the loop in which it was asked it takes less than 50 ms.
VAIN_S: Final = 0.02
_EARLY_S: Final = 0.001
# Ids of the length of ours, which stand nowhere else in a problem.
_BLANK: Final = "0" * 32
_INSIDE: Final = 500
# One for each error of each route that refuses so; there are not more than a handful.
_MADE_MAX: Final = 100


class Refusals:
    """The problems that were made; used from one event loop."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, int | None, str], tuple[Answer, list[bytes]]] = {}

    def answer(self, error: OverroundError, asked: Asked) -> Answer:
        """The problem that the error is to this request."""
        ids = asked.ids
        if error.status < _INSIDE or ids.correlation_id is not ids.request_id:
            return of_response(problems.of_error(error, asked.path, ids))
        key = error.code, getattr(error, "retry_after_s", None), asked.path
        made = self._made.get(key)
        if made is None:
            blank = of_response(problems.of_error(error, asked.path, marks.Ids(_BLANK, _BLANK)))
            made = blank, blank.body.split(_BLANK.encode())
            if len(self._made) < _MADE_MAX:
                self._made[key] = made
        same, parts = made
        body = ids.request_id.encode().join(parts)
        return Answer(same.status, same.headers, body, same.block)


class Later:
    """What is done a moment later, by one timer for all; used from one event loop.

    (test: what is done later is done in turn)
    """

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._waiting: deque[tuple[float, Callable[[], None]]] = deque()
        self._is_set = False

    def __call__(self, act: Callable[[], None]) -> None:
        """Do it, in its turn; what fails is the loop's to report."""
        self._waiting.append((monotonic() + self._delay_s, act))
        self._set()

    def _set(self) -> None:
        if self._waiting and not self._is_set:
            self._is_set = True
            asyncio.get_running_loop().call_later(self._waiting[0][0] - monotonic(), self._act)

    def _act(self) -> None:
        self._is_set = False
        # The timer may be a little early, by its own measure.
        now_s = monotonic() + _EARLY_S
        try:
            while self._waiting and self._waiting[0][0] <= now_s:
                self._waiting.popleft()[1]()
        finally:
            self._set()
