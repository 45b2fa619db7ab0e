"""The replica books over HTTP, with a control of their own for planting and for faults.

`POST /control/fault {"book": "sbo", "kind": "freeze", "on": true}`; kinds: `freeze` (the page lives
and its content does not), `logout` (every session ends), `markup` (the second edition), `close`,
`down` (500), `empty`. `POST /control/plant {"match": 7001, "question": "hdp", "books": ["sbo",
"ibc"], "for_s": 4}`. `GET /control/state` says what is planted and how often each book was asked.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.replicas import pages
from tests.replicas.market import BOOKS, Market
from tests.replicas.pages import Book
from tests.support.waiting import until

USER, PASSWORD = "ann", "correct horse"
TICK_S: Final = 0.25
_COOKIE: Final = "sid"


@dataclass(slots=True)
class Replicas:
    """The books and what was asked of them."""

    market: Market
    books: dict[str, Book] = field(default_factory=lambda: {name: Book(name) for name in BOOKS})
    asked: Counter[str] = field(default_factory=Counter[str])
    robots: str = "User-agent: *\nAllow: /\n"
    logins: int = 0

    def fault(self, book: str, kind: str, *, on: bool = True) -> None:
        """Begin or end one fault of a book. Raises KeyError for what there is not."""
        one = self.books[book]
        if kind == "logout":
            one.sessions.clear()
        elif kind == "markup":
            one.edition = 2 if on else 1
        elif kind == "freeze":
            one.frozen = self._said(one) if on else {}
            one.is_frozen = on
        else:
            name = {"close": "is_closed", "down": "is_down", "empty": "is_empty"}[kind]
            setattr(one, name, on)

    def said(self, book: Book) -> dict[str, str]:
        """What the page is told: the board, and the clock that shows it lives."""
        return book.frozen if book.is_frozen else self._said(book)

    def _said(self, book: Book) -> dict[str, str]:
        now_s = time.monotonic()
        return {"board": pages.board(self.market, book, now_s), "clock": f"{now_s:.0f}"}

    # -- routes ----------------------------------------------------------------------------------

    def app(self) -> Starlette:
        """The application."""
        routes = [
            Route("/", self._index),
            Route("/robots.txt", self._robots),
            Route("/control/state", self._state),
            Route("/control/fault", self._fault, methods=["POST"]),
            Route("/control/plant", self._plant, methods=["POST"]),
            Route("/static/{name}", self._static),
            Route("/{book}/", self._page),
            Route("/{book}/board", self._board),
            Route("/{book}/login", self._login, methods=["POST"]),
        ]
        return Starlette(routes=routes, lifespan=self._life)

    @asynccontextmanager
    async def _life(self, _: Starlette) -> AsyncGenerator[None]:
        async def move() -> None:
            while True:
                self.market.tick(time.monotonic())
                await asyncio.sleep(TICK_S)

        moving = asyncio.create_task(move())
        yield
        moving.cancel()

    async def _index(self, _: Request) -> Response:
        links = "".join(f'<li><a href="/{name}/">{name}</a></li>' for name in self.books)
        return HTMLResponse(f"<ul>{links}</ul>")

    async def _robots(self, _: Request) -> Response:
        return PlainTextResponse(self.robots)

    async def _static(self, request: Request) -> Response:
        self.asked[request.path_params["name"]] += 1
        return Response(status_code=404)

    async def _page(self, request: Request) -> Response:
        book = self._book(request)
        if book is None or book.is_down:
            return Response(status_code=404 if book is None else 500)
        return HTMLResponse(pages.PAGE.replace("BOOK", book.name))

    async def _board(self, request: Request) -> Response:
        book = self._book(request)
        if book is None or book.is_down:
            return Response(status_code=404 if book is None else 500)
        if book.is_closed:
            return Response(status_code=503)
        if book.name == "ibc" and request.cookies.get(_COOKIE) not in book.sessions:
            return Response(status_code=401)
        return JSONResponse(self.said(book))

    async def _login(self, request: Request) -> Response:
        book = self._book(request)
        # A form of two fields needs no parser of forms.
        sent = (await request.body()).decode().replace("+", " ")
        if book is None or sent != f"user={USER}&password={PASSWORD}":
            return Response(status_code=403)
        self.logins += 1
        # The quirk of this book: every other session starts in the other format.
        book.written = "malay" if self.logins % 2 == 0 else "hongkong"
        token = secrets.token_hex(8)
        book.sessions.add(token)
        answer = Response(status_code=303, headers={"Location": f"/{book.name}/"})
        answer.set_cookie(_COOKIE, token, httponly=True, samesite="lax")
        return answer

    async def _state(self, _: Request) -> Response:
        now_s = time.monotonic()
        return JSONResponse(
            {
                "now_s": now_s,
                "asked": dict(self.asked),
                "planted": [
                    {
                        "number": one.number,
                        "match": one.match_id,
                        "question": one.question,
                        "books": one.books,
                        "second_at_s": one.second_at_s,
                        "ends_at_s": one.ends_at_s,
                    }
                    for one in self.market.planted
                ],
            }
        )

    async def _fault(self, request: Request) -> Response:
        said: dict[str, Any] = await request.json()
        self.fault(said["book"], said["kind"], on=said.get("on", True))
        return Response(status_code=204)

    async def _plant(self, request: Request) -> Response:
        said: dict[str, Any] = await request.json()
        first, second = said["books"]
        planted = self.market.plant(
            said["match"],
            said["question"],
            (first, second),
            time.monotonic(),
            for_s=said.get("for_s", 4.0),
        )
        return JSONResponse({"number": planted.number}, status_code=201)

    def _book(self, request: Request) -> Book | None:
        name = request.path_params["book"]
        self.asked[name] += 1
        return self.books.get(name)


@contextmanager
def served(replicas: Replicas, port: int = 0) -> Generator[str]:
    """The books on a port of this machine, in a thread of their own; yields their address."""
    config = uvicorn.Config(
        replicas.app(), host="127.0.0.1", port=port, log_level="warning", log_config=None
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="replicas", daemon=True)
    thread.start()
    try:
        until(lambda: server.started, "the replica books")
        bound = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{bound}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
