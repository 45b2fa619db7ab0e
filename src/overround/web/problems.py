"""Problems (RFC 9457): the one shape of every answer that is not what was asked for.

`code` is stable and is what a client should read; `detail` is for people. Nothing of the inside is
in it: no trace, no statement, no value that was sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from psycopg import OperationalError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from overround.core.errors import OverroundError
from overround.kit import logs
from overround.web.marks import Ids

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 1
_ERRORS_MAX: Final = 20

_CODES: Final[Mapping[int, str]] = {
    400: "malformed",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "body_too_large",
    415: "not_json",
    429: "too_many_requests",
    431: "headers_too_large",
    500: "internal",
    503: "unavailable",
}

# What a person learns of a bare status, where the phrase of HTTP says too little.
_DETAILS: Final[Mapping[int, str]] = {
    400: "This request cannot be read: strict JSON is, without NUL, and no key stands in it twice.",
}

# How the framework, and pydantic without it, say of a whole body that there is none: what is no
# JSON has been refused before.
_NO_BODY: Final = frozenset({"missing", "json_invalid"})

_log = logs.get(__name__)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    instance: str,
    ids: Ids,
    errors: Sequence[Mapping[str, str]] = (),
    facts: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer; `errors` point at what was wrong in the request, `facts` are its own members."""
    body: dict[str, Any] = {
        **(facts or {}),
        "type": f"urn:overround:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": code,
        "correlation_id": ids.correlation_id,
        "request_id": ids.request_id,
    }
    if errors:
        body["errors"] = list(errors)
    content = json.dumps(body, ensure_ascii=True).encode()
    return Response(content, status, dict(headers or {}), MEDIA_TYPE)


def of_error(error: OverroundError, instance: str, ids: Ids) -> Response:
    """The problem that an error of ours is; one that names a wait says it in Retry-After."""
    wait_s: int | None = getattr(error, "retry_after_s", None)
    if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        wait_s = wait_s or RETRY_AFTER_S
    headers = {"Retry-After": str(wait_s)} if wait_s is not None else {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    inside = error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    # What broke inside is for the log; the client learns only that it did.
    detail = "The service cannot answer this now." if inside else error.detail
    named = None if inside else error.field
    return problem(
        error.status,
        error.code,
        detail,
        instance=instance,
        ids=ids,
        errors=[] if named is None else [{"pointer": pointer(named), "detail": detail}],
        facts={} if inside else error.facts,
        headers=headers,
    )


def of_status(
    status: int, instance: str, ids: Ids, headers: Mapping[str, str] | None = None
) -> Response:
    """The problem of a bare HTTP status."""
    phrase = HTTPStatus(status).phrase
    code = _CODES.get(status) or phrase.lower().replace(" ", "_")
    return problem(
        status,
        code,
        _DETAILS.get(status) or HTTPStatus(status).description or phrase,
        instance=instance,
        ids=ids,
        headers=headers,
    )


def of_exception(error: Exception, instance: str, ids: Ids) -> Response:
    """The problem that any exception is; what nobody expected is logged and is a bare 500."""
    if isinstance(error, OverroundError):
        # Who is told when to come back was refused on purpose: nothing has failed.
        told_when = getattr(error, "retry_after_s", None) is not None
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR and not told_when:
            _log.error("http.failed", code=error.code, reason=error.detail)
        return of_error(error, instance, ids)
    if isinstance(error, HTTPException):
        return of_status(error.status_code, instance, ids, error.headers)
    if isinstance(error, RequestValidationError):
        return of_validation(error, instance, ids)
    _log.error("http.crashed", path=instance, exc_info=error)
    if isinstance(error, OperationalError):
        # The database went away or was too slow: nothing is committed, or the key will tell.
        wait = {"Retry-After": str(RETRY_AFTER_S)}
        return of_status(HTTPStatus.SERVICE_UNAVAILABLE, instance, ids, wait)
    return of_status(HTTPStatus.INTERNAL_SERVER_ERROR, instance, ids)


def of_validation(error: RequestValidationError, instance: str, ids: Ids) -> Response:
    """The problem of values that do not fit; it points at each and repeats none.

    A path with a value that cannot be one, such as an id that is none, leads nowhere: 404.
    """
    if any(found["loc"][:1] == ("path",) for found in error.errors()):
        return of_status(HTTPStatus.NOT_FOUND, instance, ids)
    detail = "A value is missing, unknown or outside its bounds."
    errors = [
        {"pointer": _pointer(found["loc"]), "detail": str(found["msg"])}
        for found in error.errors()[:_ERRORS_MAX]
    ]
    if any(
        tuple(found["loc"]) == ("body",) and found["type"] in _NO_BODY for found in error.errors()
    ):
        detail = "This is asked with a body of JSON, and there is none."
        errors = [{"pointer": "#", "detail": detail}]
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid",
        detail,
        instance=instance,
        ids=ids,
        errors=errors,
    )


def install(app: FastAPI) -> None:
    """Let the application answer every error with a problem."""
    for kind in (OverroundError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _on_error)


async def _on_error(request: Request, error: Exception) -> Response:
    return of_exception(error, request.url.path, request.state.ids)


def pointer(field: str) -> str:
    """The pointer of an error's field: into the body, where it does not say another place."""
    return field if field.startswith(("header/", "query/")) else f"#/{field}"


def _pointer(place: Sequence[int | str]) -> str:
    """A JSON pointer into the body (`#/amount`), or the other place (`query/limit`)."""
    words = [str(word).replace("~", "~0").replace("/", "~1")[:100] for word in place]
    if words[:1] == ["body"]:
        return "#" + "".join(f"/{word}" for word in words[1:])
    return "/".join(words)
