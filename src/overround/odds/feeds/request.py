"""What to ask a provider for, as values: nothing here asks.

A `Request` names everything but the key, so it can be logged and its answer remembered; `signed`
adds the key last, and what comes back is shown nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from overround.odds.feeds.keys import Answered, Quota, Verdict

if TYPE_CHECKING:
    from overround.odds.feeds.provider import Parsed

JSON: Final = ("application/json", "text/json", "text/plain")
XML: Final = ("application/xml", "text/xml", "text/plain")
CSV: Final = ("text/csv", "text/plain", "application/csv", "application/octet-stream")

_MAX_WAIT: Final = timedelta(days=31)
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_SAFE: Final = "/:@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class Request:
    """One question: a GET below the provider's base address.

    `name` tells the questions about one sport apart ("fixtures", "odds"). `cost` is what it takes
    of the provider's credits. The answer to a `delta` holds what changed since `cursor` and is no
    snapshot.
    """

    name: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    cost: int = 1
    delta: bool = False
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def target(self) -> str:
        """The path and query."""
        path = quote(self.path, safe=_SAFE)
        return f"{path}?{urlencode(self.query)}" if self.query else path

    def with_query(self, name: str, value: str) -> Request:
        """The same with one more parameter."""
        return replace(self, query=(*self.query, (name, value)))

    def with_header(self, name: str, value: str) -> Request:
        """The same with one more header."""
        return replace(self, headers=(*self.headers, (name, value)))


@dataclass(frozen=True, slots=True)
class Subject:
    """What is asked about: a sport by the word of the settings, and what is known of it.

    `options` are the settings of this sport that only the provider understands. `cursors` are by
    the name of the request: what the last answer said to go on from.
    """

    sport: str
    at: datetime
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    cursors: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Received:
    """The circumstances of a body: when it came, and whether it is the answer to a delta."""

    at: datetime
    delta: bool = False


def unsigned(request: Request, key: str) -> Request:
    """The request of a provider that wants no key."""
    del key
    return request


def no_cursor(request: Request, body: bytes) -> str | None:
    """A provider whose answers say nothing to go on from."""
    del request, body
    return None


def heard(status: int, headers: Mapping[str, str], body: bytes, at: datetime) -> Answered:
    """What an answer says about key and pace, by HTTP alone (RFC 9110, 10.2.3; RFC 6585, 4)."""
    del body
    until = retry_at(headers, at)
    if status == 429 or (status == 503 and until is not None):
        return Answered("busy", Quota(), until)
    return Answered(_verdict_of(status), Quota())


def retry_at(headers: Mapping[str, str], at: datetime) -> datetime | None:
    """The moment that `Retry-After` names, at most 31 days ahead; None where it names none."""
    text = next((v for name, v in headers.items() if name.casefold() == "retry-after"), "").strip()
    if _SECONDS.fullmatch(text):
        return at + min(timedelta(seconds=int(text)), _MAX_WAIT)
    try:
        named = parsedate_to_datetime(text)
    except ValueError:
        return None
    named = named.replace(tzinfo=UTC) if named.tzinfo is None else named
    return min(max(named, at), at + _MAX_WAIT)


def _verdict_of(status: int) -> Verdict:
    if status < 400:
        return "ok"
    if status in (401, 403):
        return "bad_key"
    return "failed" if status >= 500 else "bad_request"


@dataclass(frozen=True, slots=True)
class Asks:
    """How a provider is asked: part of a `Provider` that can be.

    `requests(subject)` are the questions about a sport, in the order to ask them; raises Invalid
    for a sport or option that the provider does not know. `parse(name, body, received)` is the
    provider's own with the circumstances known. `signed(request, key)` adds a key, `heard(status,
    headers, body, at)` says what an answer means for it, `cursor(request, body)` what to go on
    from. Where `base_url` is empty the settings have to say it.
    """

    base_url: str
    requests: Callable[[Subject], tuple[Request, ...]]
    parse: Callable[[str, bytes, Received], Parsed]
    media: tuple[str, ...] = JSON
    body_bytes_max: int = 64_000_000
    signed: Callable[[Request, str], Request] = unsigned
    heard: Callable[[int, Mapping[str, str], bytes, datetime], Answered] = heard
    cursor: Callable[[Request, bytes], str | None] = no_cursor
    needs_key: bool = False

    @property
    def goes_on(self) -> bool:
        """Whether an answer says what the next question goes on from."""
        return self.cursor is not no_cursor
