"""The board as bytes: what the application answers to `GET /api/v1/board`, given many times.

A copy stands for a quarter of a second whatever happens, so that a market that moves makes the
board anew four times a second and not once for each visitor; after that for as long as the view of
the book has not changed, and for a second at most. So a price that moved is on the board as soon as
on the stream, give or take that quarter (test: a copy of the board follows the book).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from starlette.types import ASGIApp, Scope

from overround.kit import logs, metrics
from overround.storefront import BookView, OfferFeed
from overround.web import marks
from overround.web.answers import Answer, Asked
from overround.web.inside import Heard, no_body, visit
from overround.web.sites import Site

PATH: Final = "/api/v1/board"
SURE_S: Final = 0.25
KEPT_S: Final = 1.0
# Behind the visitor's back, as long as nothing has changed that anybody could see.
BEHIND_S: Final = 2.0
COPIES_MAX: Final = 2_000

# Where the book stands now: a value that differs when something has changed; None if unknown.
Mark = Callable[[UUID], object | None]

_log = logs.get(__name__)


@dataclass(slots=True)
class _Copy:
    """An answer, when it was made, and where the book stood before that."""

    full: Answer
    unchanged: Answer
    etag: bytes
    made_s: float
    mark: object

    def answer(self, asked: Asked) -> Answer:
        known = asked.headers.get(b"if-none-match")
        if known is None:
            return self.full
        if known == self.etag or self.etag in (one.strip() for one in known.split(b",")):
            return self.unchanged
        return self.full


class BookMarks:
    """Where books stand, by the views that this process follows; once asked, a book is followed."""

    def __init__(self, feed: OfferFeed) -> None:
        self._feed = feed
        self._views: dict[UUID, BookView] = {}

    def __call__(self, book_id: UUID) -> object | None:
        """The view's version; None while it is not there yet."""
        view = self._views.get(book_id)
        if view is None:
            view = self._views[book_id] = self._feed.follow(book_id)
        return (view.epoch, view.version) if view.is_ready else None


class BoardCopies:
    """The copies of one process, by tenant; used from one event loop."""

    def __init__(self, app: ASGIApp, mark: Mark, admits: Callable[[], bool] = lambda: True) -> None:
        """`admits` says whether the database is to be asked now; if not, the layers answer."""
        self._app = app
        self._admits = admits
        self._mark = mark
        self._copies: dict[UUID, _Copy] = {}
        self._making: dict[UUID, asyncio.Task[_Copy | None]] = {}
        self._hits = metrics.CACHE_HITS.at("board")
        self._misses = metrics.CACHE_MISSES.at("board")

    def now(self, asked: Asked) -> Answer | None:
        """The copy if it stands; a page further on is the application's to answer."""
        site = asked.site
        if asked.query or site is None:
            return None
        copy = self._copies.get(site.tenant_id)
        if copy is None:
            return None
        age_s = time.monotonic() - copy.made_s
        if age_s > SURE_S:
            if age_s > BEHIND_S or copy.mark is None or copy.mark != self._mark(site.book_id):
                return None
            if age_s > KEPT_S and self._admits():
                self._make(site, asked.headers.get(b"host", b""))
        self._hits.add()
        return copy.answer(asked)

    async def later(self, asked: Asked) -> Answer | None:
        """The copy that is made now, once for all who wait; None where the application refuses."""
        site = asked.site
        if asked.query or site is None:
            return None
        self._misses.add()
        if not self._admits():
            return None
        copy = await asyncio.shield(self._make(site, asked.headers.get(b"host", b"")))
        return copy.answer(asked) if copy is not None else None

    def _make(self, site: Site, host: bytes) -> Awaitable[_Copy | None]:
        task = self._making.get(site.tenant_id)
        if task is None:
            # In a context of its own: it outlives the request that asked first.
            task = asyncio.create_task(self._made(site, host), context=Context())
            self._making[site.tenant_id] = task
            task.add_done_callback(lambda _: self._making.pop(site.tenant_id, None))
        return task

    async def _made(self, site: Site, host: bytes) -> _Copy | None:
        mark = self._mark(site.book_id)
        began_s = time.monotonic()
        heard = Heard()
        try:
            await self._app(_visit(site, host), no_body, heard.send)
        except Exception as error:  # noqa: BLE001 - the layers answer in its place, and better
            _log.warning("board.not_copied", reason=f"{type(error).__name__}: {error}"[:200])
            return None
        headers = heard.headers if heard.status == 200 else {}
        etag, body = headers.get(b"etag"), heard.body
        if etag is None:
            return None
        kept = [(b"etag", etag), (b"cache-control", headers[b"cache-control"])]
        shape = [
            (b"content-type", headers[b"content-type"]),
            (b"content-length", b"%d" % len(body)),
        ]
        copy = _Copy(Answer(200, shape + kept, body), Answer(304, kept), etag, began_s, mark)
        if site.tenant_id not in self._copies and len(self._copies) >= COPIES_MAX:
            self._copies.pop(next(iter(self._copies)))
        self._copies[site.tenant_id] = copy
        return copy


def _visit(site: Site, host: bytes) -> Scope:
    """An anonymous visitor of the site, as the layers would hand his question to the routes."""
    state = {
        "site": site,
        "tenant_id": site.tenant_id,
        "book_id": site.book_id,
        "subdomain": site.subdomain,
        "token": None,
        "ids": marks.ids(None, None),
    }
    return visit(PATH, host, state)
