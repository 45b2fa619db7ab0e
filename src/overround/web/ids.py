"""The outermost layer of the framework's routes: ids and security headers on every answer, one
record a request, and the answer of last resort."""

from __future__ import annotations

import time
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from overround.kit import logs
from overround.web import marks, problems
from overround.web.records import Record, Recorder


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
    """ASGI middleware. Puts `ids` on `scope["state"]`, and `answer_headers`: a list to which
    inner layers add what the answer shall carry."""

    def __init__(self, app: ASGIApp, recorder: Recorder | None = None) -> None:
        self._app = app
        self._recorder = recorder or Recorder()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen, began_ns = _Seen(), time.perf_counter_ns()
        state = scope.setdefault("state", {})
        ids: marks.Ids = state.get("ids") or marks.ids(
            _bytes(scope, b"x-correlation-id"), _bytes(scope, b"traceparent")
        )
        added: marks.Headers = state.setdefault("answer_headers", [])
        state["ids"] = ids
        logs.bind(correlation_id=ids.correlation_id, request_id=ids.request_id)

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                message["headers"] = _marked(message.get("headers", ()), added, ids, scope)
            elif message["type"] == "http.response.body":
                seen.body_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        except Exception as error:  # noqa: BLE001 - the last resort: it is logged and answered
            # After a status nothing more can be said; the application has logged it by then.
            if not seen.status:
                answer = problems.of_exception(error, scope["path"], ids)
                await answer(scope, receive, send_marked)
        finally:
            self._record(scope, seen, time.perf_counter_ns() - began_ns)
            logs.unbind_all()

    def _record(self, scope: Scope, seen: _Seen, taken_ns: int) -> None:
        client, state = scope.get("client"), scope["state"]
        self._recorder.record(
            Record(
                method=scope["method"],
                path=scope["path"],
                route=getattr(scope.get("route"), "path", None),
                status=seen.status,
                taken_ns=taken_ns,
                body_bytes=seen.body_bytes,
                ids=state["ids"],
                client=client[0] if client else None,
                tenant=state.get("subdomain"),
                user_id=state.get("user_id"),
            )
        )


def _marked(
    said: marks.Headers, added: marks.Headers, ids: marks.Ids, scope: Scope
) -> marks.Headers:
    headers = [*said, *added, *marks.around(said), *ids.headers()]
    if scope.get("scheme") == "https":
        headers.append(marks.STRICT_TRANSPORT)
    return headers


def _bytes(scope: Scope, name: bytes) -> bytes | None:
    found = [value for key, value in scope["headers"] if key == name]
    return found[0] if len(found) == 1 else None
