"""The outermost layer: a request id and a correlation id on every answer, one log line a request,
and the answer of last resort."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from overround.kit import logs
from overround.web import problems

_CORRELATION: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")

_log = logs.get("overround.http")


def correlation_id(offered: str | None, made: str) -> str:
    """The caller's correlation id where it is one, else `made`."""
    if offered is not None and _CORRELATION.fullmatch(offered):
        return offered
    return made


def header(scope: Scope, name: bytes) -> str | None:
    """The only value of a request header; None when absent or sent twice."""
    found = [value for key, value in scope["headers"] if key == name]
    return found[0].decode("latin-1") if len(found) == 1 else None


@dataclass(slots=True)
class _Seen:
    """What was seen of an answer on its way out."""

    status: int = 0
    body_bytes: int = 0


class Ids:
    """ASGI middleware. Puts `correlation_id` and `request_id` on `scope["state"]`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(16)
        correlation = correlation_id(header(scope, b"x-correlation-id"), request_id)
        scope.setdefault("state", {}).update(correlation_id=correlation, request_id=request_id)
        logs.bind(correlation_id=correlation, request_id=request_id)
        seen, started_s = _Seen(), time.perf_counter()

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                _mark(MutableHeaders(scope=message), correlation, request_id)
            elif message["type"] == "http.response.body":
                seen.body_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        except Exception as error:  # noqa: BLE001 - the last resort: it is logged and answered
            # After a status nothing more can be said; the application has logged it by then.
            if not seen.status:
                answer = problems.of_exception(error, scope["path"], correlation)
                await answer(scope, receive, send_marked)
        finally:
            _log_line(scope, seen, time.perf_counter() - started_s)
            logs.unbind_all()


def _mark(headers: MutableHeaders, correlation: str, request_id: str) -> None:
    headers["X-Correlation-ID"] = correlation
    headers["X-Request-ID"] = request_id
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Referrer-Policy", "same-origin")
    # What one person may see is kept by nobody else; a public route says otherwise for itself.
    headers.setdefault("Cache-Control", "private, no-store")


def _log_line(scope: Scope, seen: _Seen, taken_s: float) -> None:
    client = scope.get("client")
    route = scope.get("route")
    _log.info(
        "http.request",
        method=scope["method"],
        path=scope["path"],
        route=getattr(route, "path", None),
        status=seen.status,
        taken_ms=round(taken_s * 1000, 2),
        body_bytes=seen.body_bytes,
        client=client[0] if client else None,
        tenant=scope["state"].get("subdomain"),
    )
