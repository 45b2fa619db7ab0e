"""A problem, shown to a person: where a browser asked for a page, it gets one that says what to do.

The problem is made as for any client and only put into other clothes here, so a page never says
less or more than the API. Who is not logged in is sent to do so and then back.
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from overround.web import problems
from overround.web.ids import header
from overround.web.pages import forms, render

_NOT_PAGES: Final = ("/api/", "/static/", "/docs", "/openapi.json", "/healthz")
_HEADINGS: Final = {
    401: "Please log in",
    403: "This is not for you",
    404: "There is nothing here",
    413: "That was too much",
    503: "One moment, please",
}


def asks_for_page(scope: Scope) -> bool:
    """Whether a browser asks for something to look at."""
    accepts = header(scope, b"accept") or ""
    return "text/html" in accepts and not scope["path"].startswith(_NOT_PAGES)


class Browsers:
    """ASGI middleware that answers problems as pages where `asks_for_page`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not asks_for_page(scope):
            await self._app(scope, receive, send)
            return
        held = _Held(send)
        try:
            await self._app(scope, receive, held)
        except Exception as error:
            if held.passed:
                raise
            if not held.is_problem:
                # From a layer outside the application, such as a host without a tenant.
                made = problems.of_exception(error, scope["path"], scope["state"]["ids"])
                held.is_problem, held.body = True, bytes(made.body)
        if held.is_problem:
            await _page(scope, json.loads(held.body))(scope, receive, send)


class _Held:
    """Passes an answer on as it comes, and keeps back one that is a problem."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.passed = False
        self.is_problem = False
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kinds = [value for name, value in message["headers"] if name == b"content-type"]
            self.is_problem = kinds == [problems.MEDIA_TYPE.encode()]
        if self.is_problem:
            self.body += message.get("body", b"")
        else:
            self.passed = True
            await self._send(message)


def _page(scope: Scope, problem: dict[str, Any]) -> Response:
    status: int = problem["status"]
    if status == 401 and scope["method"] in {"GET", "HEAD"}:
        return RedirectResponse(f"/login?next={quote(scope['path'], safe='/')}", 303)
    page = forms.page_of(scope["path"])
    if status == 405 and page != scope["path"]:
        # Asked for again, or typed in: the address of a form that was sent.
        return RedirectResponse(page, 303)
    heading = _HEADINGS.get(status, "That did not work")
    headers = {"Retry-After": str(problems.RETRY_AFTER_S)} if status == 503 else {}
    return render.page(
        "problem.html", {"heading": heading, "problem": problem}, status=status, headers=headers
    )
