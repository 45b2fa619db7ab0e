"""An answer on its way out past the framework: what every answer carries, and its one record."""

from __future__ import annotations

import time
from http import HTTPStatus

from starlette.types import Send

from overround.kit import logs, metrics
from overround.web import holds, marks, problems, shortcuts
from overround.web.answers import Answer, Asked, of_response
from overround.web.limits import TooManyRequests
from overround.web.records import Record, Recorder

_log = logs.get(__name__)


class Giving:
    """Gives the answers of one process; used from one event loop."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    async def give(self, answer: Answer, asked: Asked, route: str | None, send: Send) -> None:
        """Send the answer with what every answer carries, and record it."""
        if not self.gave(answer, asked, route):
            headers = [*answer.headers, *asked.ids.headers(), *asked.said(), *_others(asked)]
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer.body, "more_body": False})
            self._record(answer, asked, route)

    def gave(self, answer: Answer, asked: Asked, route: str | None) -> bool:
        """Send it in one piece and record it, where the server can; False, and nothing is done."""
        scope = asked.scope
        directly = shortcuts.directly(scope)
        if directly is None:
            return False
        block = answer.block + asked.ids.block() + asked.said_block()
        if asked.shared or scope["scheme"] == "https":
            block += marks.block(_others(asked))
        if not directly(scope, answer.status, block, answer.body):
            return False
        self._record(answer, asked, route)
        return True

    def _record(self, answer: Answer, asked: Asked, route: str | None) -> None:
        site = asked.site
        is_past = asked.allowed is False or answer.status == TooManyRequests.status
        if is_past:
            holds.hold(asked.scope)
        (self._recorder.past if is_past or asked.vain is not None else self._recorder.soon)(
            Record(
                asked.method,
                asked.path,
                route,
                answer.status,
                time.monotonic_ns() - asked.began_ns,
                len(answer.body),
                asked.ids,
                asked.address,
                site.subdomain if site is not None else None,
                asked.scope["state"].get("user_id"),
            )
        )


def unasked(status: HTTPStatus, client: str | None) -> bytes:
    """The problem of what is no request that could be read, as bytes; it is the last of its
    connection, and counted and logged like every answer."""
    ids = marks.ids(None, None)
    metrics.request_seen("other", None, status, None, 0.0)
    _log.info(
        "http.refused", status=int(status), client=client, request_id=ids.request_id,
        correlation_id=ids.correlation_id,
    )  # fmt: skip
    problem = problems.of_status(status, "/", ids, {"connection": "close"})
    headers = [*problem.raw_headers, *marks.around(problem.raw_headers), *ids.headers()]
    lines = [b"HTTP/1.1 %d %b" % (status, status.phrase.encode())]
    lines += [b"%b: %b" % pair for pair in headers]
    return b"\r\n".join([*lines, b"", bytes(problem.body)])


def refusal(error: Exception, asked: Asked) -> Answer:
    """What any exception is to this request; what nobody expected is logged, and a bare 500."""
    return of_response(problems.of_exception(error, asked.path, asked.ids))


def _others(asked: Asked) -> list[tuple[bytes, bytes]]:
    """What an answer says to a page of another origin, and under TLS."""
    is_secret = asked.scope["scheme"] == "https"
    return [*asked.shared, marks.STRICT_TRANSPORT] if is_secret else list(asked.shared)
