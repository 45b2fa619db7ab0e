"""Asking about one sport of one provider: its questions in turn, each answer handed on whole.

An answer is fetched without a connection in hand, read in another process, and then written in one
transaction under the claim: its letters to the hub, and what the next question goes on from.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from overround import ops
from overround.core import ids
from overround.db import Connection, Database, polls
from overround.db.polls import Answer, Claim
from overround.kit.fetching import Fetched, Fetcher
from overround.odds import board as boards
from overround.odds.feeds import Answered, Key, Outcome, Received, Request
from overround.roles.pull.reader import Read, Readers
from overround.roles.pull.sources import Pair, Source

# Letters that the hub has not taken: beyond this nobody is asked, for prices would only grow old.
LETTERS_WAITING_MAX: Final = 2_000
_KEPT_BODY_BYTES_MAX: Final = 8_388_608
_SPENT_FOR: Final = timedelta(days=1)
_BUSY_MAX: Final = timedelta(minutes=10)
_MICROSECOND: Final = timedelta(microseconds=1)
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age=\"?([0-9]{1,9})")
_NEVER_FRESH: Final = re.compile(r"no-cache|no-store|must-revalidate")

# An answer that says: I live. What else there is to say is said by the state itself.
_LIVES: Final = frozenset({"ok", "not_changed", "rate_limited", "key_refused", "refused"})
_OUR_FAULTS: Final = frozenset({"parse_died", "fresh", "quota_spent", "keys_refused"})


@dataclass(frozen=True, slots=True)
class Question:
    """A request, what its answer is remembered under, and what is kept of the last one."""

    request: Request
    name: str
    kept: Answer | None
    is_fresh: bool


@dataclass(slots=True)
class Asked:
    """How the questions about a pair ended: the first state that is no success, or the best one.

    `answered` says whether the provider lives; None where nothing was heard of it.
    `rests_until` is what it asked for, and `everyone_rests` whether that concerns all its sports.
    """

    state: str = "fresh"
    status: int | None = None
    detail: str = ""
    answered: bool | None = None
    rests_until: datetime | None = None
    everyone_rests: bool = False
    fresh_until: datetime | None = None
    starts: tuple[datetime, ...] = ()
    rows: int = 0
    events: int = 0
    prices: int = 0
    letters: int = 0
    body_bytes: int = 0
    took_ms: int = 0
    rejected: Counter[str] = field(default_factory=Counter[str])

    @property
    def succeeded(self) -> bool:
        """Whether every question was answered, or needed no asking."""
        return self.state in {"ok", "not_changed", "fresh"}

    def shown(self) -> Mapping[str, object]:
        """What a log line says of it. No address is among it, for one may hold a key."""
        found = {
            "state": self.state,
            "status": self.status,
            "detail": self.detail,
            "prices": self.prices,
            "letters": self.letters,
            "body_bytes": self.body_bytes,
            "took_ms": self.took_ms,
        }
        return {name: value for name, value in found.items() if value not in (None, "")}


async def hub_is_behind(conn: Connection) -> bool:
    """Whether so much waits for the hub that more would only grow old."""
    return await boards.backlog(conn, LETTERS_WAITING_MAX) >= LETTERS_WAITING_MAX


async def kept(conn: Connection, source: Source, pair: Pair, at: datetime) -> dict[str, Answer]:
    """What is kept of the answers to a pair's questions."""
    names = [source.question(pair, one) for one in source.requests(pair, at)]
    return await polls.answers(conn, source.key, names)


def questions(
    source: Source, pair: Pair, found: Mapping[str, Answer], at: datetime
) -> list[Question]:
    """The questions about a pair, each with what is kept of its last answer."""
    asked: list[Question] = []
    for request in source.requests(pair, at, found):
        name = source.question(pair, request)
        answer = found.get(name)
        asked.append(
            Question(request, name, answer, answer is not None and answer.fresh_until > at)
        )
    return asked


async def record(conn: Connection, source: Source, pair: Pair, asked: Asked, at: datetime) -> None:
    """Add the outcome to the provider's health; what was not asked is none."""
    if asked.state == "fresh":
        return
    outcome = Outcome(
        source.key,
        pair.sport,
        at,
        asked.state,
        asked.rows,
        asked.events,
        asked.prices,
        dict(asked.rejected),
        asked.body_bytes,
        asked.took_ms,
        source.keys.remaining,
    )
    await ops.record(conn, outcome)


class Asker:
    """Who asks: a client, reading processes, a database; `now` is the time of the schedule."""

    def __init__(
        self,
        db: Database,
        fetcher: Fetcher,
        readers: Readers,
        now: Callable[[], datetime],
        cache_s: int,
    ) -> None:
        self._db = db
        self._fetcher = fetcher
        self._readers = readers
        self._now = now
        self._cache_s = cache_s

    async def ask(
        self, source: Source, pair: Pair, claim: Claim, asked_for: Sequence[Question]
    ) -> Asked:
        """Ask the questions in turn; the first one that fails ends it.

        Raises Unavailable when the claim was lost meanwhile: somebody else has asked then.
        """
        asked = Asked()
        for question in asked_for:
            if question.is_fresh:
                continue
            fetched = await self._fetch(source, question, asked)
            if fetched is None or fetched.state not in {"ok", "not_changed"}:
                break
            if not await self._hand_on(source, pair, claim, question, fetched, asked):
                break
        return asked

    async def _fetch(self, source: Source, question: Question, asked: Asked) -> Fetched | None:
        """The answer, by whichever key gets one; None when no key may be used now."""
        fetched: Fetched | None = None
        for _ in range(max(1, len(source.keys.keys))):
            at = self._now()
            key = _key(source, question, at)
            if key is None and source.keys.keys:
                # What was heard of the last key says more than that no other is left.
                if fetched is None:
                    _rest(source, asked)
                return fetched
            call = source.call(question.request, key.secret if key else None, question.kept)
            fetched = await self._fetcher.fetch(call, source.asks.body_bytes_max)
            answered = self._heard(source, fetched, asked)
            if key is None or answered is None:
                return fetched
            source.keys = source.keys.heard(key.secret, answered)
            if answered.verdict in {"ok", "bad_request", "failed"}:
                return fetched
        asked.rests_until = source.keys.rests_until() or asked.rests_until
        return fetched

    def _heard(self, source: Source, fetched: Fetched, asked: Asked) -> Answered | None:
        """Note how a fetch ended; what the answer says about key and pace, where there was one."""
        asked.state, asked.status, asked.detail = fetched.state, fetched.status, fetched.detail
        asked.answered = fetched.state in _LIVES
        asked.body_bytes += len(fetched.body)
        asked.took_ms += fetched.took_ms
        if fetched.status is None:
            return None
        body = fetched.body if fetched.state != "ok" else b""
        at = self._now()
        heard = source.asks.heard(fetched.status, fetched.headers, body, at)
        if heard.verdict == "busy" and heard.until is not None:
            # Nobody is busy for a month; only a quota has a reset that is far away
            # (test: a provider that is busy is asked again in minutes).
            heard = replace(heard, until=min(heard.until, at + _BUSY_MAX))
        if heard.verdict == "spent":
            asked.state = "quota_spent"
        asked.rests_until = heard.until
        if heard.until is not None:
            # With several keys it is the key that rests; the pool says when all of them do.
            asked.everyone_rests = len(source.keys.keys) <= 1
        return heard

    async def _hand_on(
        self,
        source: Source,
        pair: Pair,
        claim: Claim,
        question: Question,
        fetched: Fetched,
        asked: Asked,
    ) -> bool:
        """Have the answer read and write what it says; False when it cannot be read."""
        at = self._now()
        body = await _body(question, fetched)
        name = f"{source.key}/{pair.sport}/{question.request.name}"
        received = Received(at, question.request.delta)
        read = await self._readers.read(source.key, name, body, received)
        if read.state != "ok":
            asked.state, asked.detail = read.state, read.detail
            # Bytes that are not what they should be are the provider's failure like any other.
            asked.answered = None if read.state in _OUR_FAULTS else False
            return False
        answer = await self._answer(source, pair, question, fetched, body, at)
        async with self._db.transaction(None) as conn:
            await polls.keep(conn, claim, answer)
            # In the order in which they were said, over all questions: odds follow their fixtures.
            for n, letter in enumerate(read.letters, asked.letters):
                came_at = at + n * _MICROSECOND
                await boards.hand_over(conn, ids.new(at), source.key, name, letter, came_at)
        _add(asked, read)
        if _says_how_long(fetched):
            asked.fresh_until = max(asked.fresh_until or answer.fresh_until, answer.fresh_until)
        return True

    async def _answer(
        self,
        source: Source,
        pair: Pair,
        question: Question,
        fetched: Fetched,
        body: bytes,
        at: datetime,
    ) -> Answer:
        """What is kept of the answer. A body that is too large to keep is asked for in full."""
        headers, before = fetched.headers, question.kept
        etag, modified = headers.get("etag"), headers.get("last-modified")
        packed: bytes | None = None
        if fetched.state == "not_changed" and before is not None:
            etag, modified = etag or before.etag, modified or before.last_modified
            packed = before.body
        elif (etag or modified) and not question.request.delta:
            packed = await asyncio.to_thread(gzip.compress, body, 1)
        if packed is None or len(packed) > _KEPT_BODY_BYTES_MAX:
            packed = etag = modified = None
        cursor = source.asks.cursor(question.request, body) or (before.cursor if before else None)
        return Answer(
            question.name,
            at,
            at + timedelta(seconds=self._fresh_s(pair, headers)),
            cursor,
            etag[:300] if etag else None,
            modified[:100] if modified else None,
            packed,
        )

    def _fresh_s(self, pair: Pair, headers: Mapping[str, str]) -> float:
        """For how long the answer stands for the next one (RFC 9111, 5.2.2).

        Where the provider does not say, half of the tightest interval: another schedule that asks
        the same shares it, and the pair's own never finds it fresh.
        """
        said = headers.get("cache-control", "").lower()
        if _NEVER_FRESH.search(said):
            return 0.0
        if found := _MAX_AGE.search(said):
            return min(int(found[1]), self._cache_s)
        tightest_s = min([pair.plan.every_s, *(window.every_s for window in pair.plan.windows)])
        return min(tightest_s / 2, self._cache_s)


def _key(source: Source, question: Question, at: datetime) -> Key | None:
    """The key to ask with; those without credits rest for a day and are tried again then."""
    cost = question.request.cost
    key = source.keys.pick(cost, at)
    if key is None:
        source.keys = source.keys.spent(cost, at + _SPENT_FOR)
    return key


def _rest(source: Source, asked: Asked) -> None:
    """Nothing was asked, for no key may be used now."""
    if all(key.is_bad for key in source.keys.keys):
        asked.state = "keys_refused"
    else:
        are_busy = any(key.is_busy for key in source.keys.keys)
        asked.state = "rate_limited" if are_busy else "quota_spent"
    asked.rests_until = source.keys.rests_until()


async def _body(question: Question, fetched: Fetched) -> bytes:
    """The bytes to read: what came, or what is kept where nothing has changed since."""
    if fetched.state == "ok" or question.kept is None or question.kept.body is None:
        return fetched.body
    return await asyncio.to_thread(gzip.decompress, question.kept.body)


def _says_how_long(fetched: Fetched) -> bool:
    return "max-age" in fetched.headers.get("cache-control", "").lower()


def _add(asked: Asked, read: Read) -> None:
    asked.rows += read.rows
    asked.events += read.events
    asked.prices += read.prices
    asked.letters += len(read.letters)
    asked.rejected.update(read.rejected)
    asked.starts = (*asked.starts, *read.starts)
