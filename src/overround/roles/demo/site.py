"""A tenant's site as the demonstration's players use it: over HTTP, like everybody.

A request that moves money is sent again, under its key, until it is answered: a server that was
killed may have done it or not, and only the key can tell.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final, cast

import httpx2

from overround.core.errors import Unavailable
from overround.roles.demo import crowd
from overround.roles.demo.crowd import Shown

_TIMEOUT: Final = httpx2.Timeout(6.0, connect=2.0)
_CONNECTIONS_MAX: Final = 16
# How long the board is looked at before it is read again: bets are at the prices of a moment ago.
_BOARD_S: Final = 4.0
_BOARD_EVENTS: Final = 50
# Statuses that are no answer to what was asked: come again.
_LATER: Final = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the site said. A problem's `code` is in the body."""

    status: int
    body: dict[str, Any]
    etag: str = ""

    @property
    def is_success(self) -> bool:
        """Whether it was done."""
        return self.status < 400

    @property
    def code(self) -> str:
        """Why it was not done."""
        return str(self.body.get("code", self.status))


class Site:
    """One tenant's site.

    `rng` says how long to wait before asking again. `troubles` counts by name what kept a request
    from its answer, `replays` the answers that had been given before: what was sent again was done.
    """

    def __init__(self, subdomain: str, base_domain: str, port: int, rng: random.Random) -> None:
        self.subdomain = subdomain
        self.troubles: Counter[str] = Counter()
        self.replays = 0
        self.rng = rng
        self._client = httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{port}/api/v1",
            headers={"Host": f"{subdomain}.{base_domain}:{port}"},
            timeout=_TIMEOUT,
            # Many people share this client: none may be taken for the one who logged in last.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            limits=httpx2.Limits(max_connections=_CONNECTIONS_MAX),
            # A proxy of the environment has no business between a machine and itself.
            trust_env=False,
        )
        self._reading = asyncio.Lock()
        self._board: dict[str, Shown] = {}
        self._board_etag = ""
        self._board_until_s = 0.0

    async def close(self) -> None:
        """Hang up."""
        await self._client.aclose()

    async def board(self, now_s: float) -> Collection[Shown]:
        """The events that can be bet on, by start. Raises Unavailable."""
        async with self._reading:
            if now_s >= self._board_until_s:
                await self._read_board()
                self._board_until_s = now_s + _BOARD_S
            return self._board.values()

    async def open(self, event: Shown) -> Shown:
        """What can be bet on the event now. Raises Unavailable."""
        answer = await self.ask("GET", f"/events/{event.event_id}/markets")
        if not answer.is_success:
            return event
        self._board[event.event_id] = crowd.shown(answer.body)
        return self._board[event.event_id]

    async def insist(
        self, path: str, body: object, *, key: str | None = None, token: str | None = None
    ) -> Answer:
        """The answer to a request that has to be answered, however long that takes."""
        failures = 0
        while True:
            try:
                return await self.ask("POST", path, body=body, key=key, token=token)
            except Unavailable:
                await asyncio.sleep(crowd.pause_s(self.rng, failures))
                failures += 1

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        key: str | None = None,
        token: str | None = None,
        etag: str | None = None,
    ) -> Answer:
        """One request and its answer. Raises Unavailable, and counts why, when there is none."""
        given = {"Idempotency-Key": key, "If-None-Match": etag}
        headers = {name: value for name, value in given.items() if value}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        try:
            answer = await self._client.request(method, path, json=body, headers=headers)
            if answer.status_code >= 500 or answer.status_code in _LATER:
                raise self._trouble(str(answer.status_code))
            content: object = answer.json() if answer.content else {}
        except (httpx2.HTTPError, ValueError) as error:
            raise self._trouble(type(error).__name__) from None
        if not isinstance(content, dict):
            raise self._trouble("not_an_object")
        self.replays += "Idempotency-Replayed" in answer.headers
        found = cast("dict[str, Any]", content)
        return Answer(answer.status_code, found, answer.headers.get("ETag", ""))

    async def _read_board(self) -> None:
        answer = await self.ask("GET", f"/board?limit={_BOARD_EVENTS}", etag=self._board_etag)
        if answer.status == 200:
            self._board_etag = answer.etag
            self._board = {item["id"]: crowd.shown(item) for item in answer.body["items"]}

    def _trouble(self, name: str) -> Unavailable:
        self.troubles[name] += 1
        return Unavailable(f"{self.subdomain}: {name}")
