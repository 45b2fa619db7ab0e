"""What is asked of others by schedule, shared by any number of processes.

Whoever finds something due claims it in one transaction, asks without one, and writes what came of
it under its claim. A process that is stopped past its claim is refused like one that lost a lease,
so an answer is handed on once or not at all (test: a stalled asker is fenced). The claims take the
place of a lease held for good: nothing has to be renewed while nothing is asked, and the work of a
process that has ended is anybody's at once.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from psycopg.rows import class_row

from overround.core.errors import Unavailable
from overround.db import holders
from overround.db.pools import Connection
from overround.kit.breaker import Breaker, BreakerState, Tolerance
from overround.kit.pace import Budget

Why = Literal["not_due", "asked_by_another", "busy", "resting", "breaker_open", "over_budget"]

# A second asker looks again after this when nothing tells a better time.
_SOON: Final = timedelta(seconds=1)
_KEPT_FOR: Final = timedelta(days=7)

# The provider's row, made by the first who asks.
_MEET = "INSERT INTO poll_provider (provider) VALUES (%s) ON CONFLICT DO NOTHING"

# Locked, so that what is counted below holds until the claim is written.
_LOCK_PROVIDER = """
SELECT breaker, failures, trips, breaker_until, rests_until, budget_due_at, quota_left
FROM poll_provider WHERE provider = %s FOR UPDATE"""

# What became of the provider.
_SAVE_PROVIDER = """
UPDATE poll_provider
SET breaker = %(breaker)s, failures = %(failures)s, trips = %(trips)s,
    breaker_until = %(breaker_until)s, rests_until = %(rests_until)s,
    budget_due_at = %(budget_due_at)s, quota_left = %(quota_left)s
WHERE provider = %(provider)s"""

# A pair that is new is due at once.
_ENTER = """
INSERT INTO poll (provider, sport, next_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"""

# The pair as it stands; a claim that has run out is none.
_PAIR = """
SELECT provider, sport, next_at, asked_at, state, failures, starts, holder,
       expires_at > clock_timestamp() AS held, expires_at
FROM poll WHERE provider = %s AND sport = %s"""

# Every pair, for whoever reports on them.
_PAIRS = """
SELECT provider, sport, next_at, asked_at, state, failures, starts, holder,
       expires_at > clock_timestamp() AS held, expires_at
FROM poll ORDER BY provider, sport LIMIT %s"""

# Who asks this provider just now.
_HOLDERS = """
SELECT sport, holder FROM poll WHERE provider = %s AND expires_at > clock_timestamp()"""

# From now on it is ours, for as long as an answer may take.
_CLAIM = """
UPDATE poll SET token = %s, holder = %s, asked_at = %s,
    expires_at = clock_timestamp() + make_interval(secs => %s)
WHERE provider = %s AND sport = %s"""

# The row lock keeps another from claiming until this transaction ends, so the token alone says
# whose it is.
_GUARD = "SELECT 1 FROM poll WHERE provider = %s AND sport = %s AND token = %s FOR UPDATE"

# How it ended and when it is due again; the claim ends with it.
_FINISH = """
UPDATE poll SET next_at = %s, state = %s, failures = %s, starts = %s,
    token = NULL, holder = NULL, expires_at = NULL
WHERE provider = %s AND sport = %s AND token = %s"""

# Asked for nothing: it is due as before.
_GIVE_BACK = """
UPDATE poll SET token = NULL, holder = NULL, expires_at = NULL WHERE token = ANY(%s)"""

# What the last answers said, by the question.
_ANSWERS = """
SELECT question, answered_at, fresh_until, cursor, etag, last_modified, body
FROM poll_answer WHERE provider = %s AND question = ANY(%s)"""

# The newest answer takes the place of the one before.
_KEEP = """
INSERT INTO poll_answer (provider, question, answered_at, fresh_until, cursor, etag, last_modified,
    body)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (provider, question) DO UPDATE
SET answered_at = EXCLUDED.answered_at, fresh_until = EXCLUDED.fresh_until,
    cursor = EXCLUDED.cursor, etag = EXCLUDED.etag, last_modified = EXCLUDED.last_modified,
    body = EXCLUDED.body"""

# Questions that nobody asks any more, such as those about a day that is over.
_FORGET = "DELETE FROM poll_answer WHERE provider = %s AND answered_at < %s"

# The breakers and quotas, for whoever reports on them.
_PROVIDERS = """
SELECT provider, breaker, failures, trips, breaker_until, rests_until, budget_due_at, quota_left
FROM poll_provider ORDER BY provider LIMIT %s"""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a provider bears at once, by the minute, in failures; and how long a claim lasts."""

    concurrency: int
    budget: Budget
    tolerance: Tolerance
    claim_s: float


@dataclass(frozen=True, slots=True)
class Poll:
    """A pair as it stands. `held` by `holder` until `expires_at` where somebody asks just now."""

    provider: str
    sport: str
    next_at: datetime
    asked_at: datetime | None
    state: str
    failures: int
    starts: list[datetime]
    holder: str | None
    held: bool | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is kept of the newest answer to a question."""

    question: str
    answered_at: datetime
    fresh_until: datetime
    cursor: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """A pair that is ours to ask about: prove it with `guard` in each writing transaction."""

    provider: str
    sport: str
    token: UUID
    failures: int
    starts: tuple[datetime, ...]

    async def guard(self, conn: Connection) -> None:
        """Raises Unavailable when the claim is not ours now (test: a stalled asker is fenced)."""
        row = await (await conn.execute(_GUARD, [self.provider, self.sport, self.token])).fetchone()
        if row is None:
            raise Unavailable(f"the claim on {self.provider} {self.sport} was lost")


@dataclass(frozen=True, slots=True)
class Later:
    """Not now: look again at `at`, because of `why`."""

    at: datetime
    why: Why


@dataclass(frozen=True, slots=True)
class Ending:
    """How the asking ended. `answered` is None where nothing was learnt of the provider's health.

    `rests_until` is what the provider asked for; `quota_left` None leaves what was known.
    """

    state: str
    next_at: datetime
    failures: int
    starts: tuple[datetime, ...]
    answered: bool | None
    rests_until: datetime | None = None
    quota_left: int | None = None


@dataclass(frozen=True, slots=True)
class ProviderState:
    """What all sports of a provider share."""

    provider: str
    breaker: BreakerState
    failures: int
    trips: int
    breaker_until: datetime | None
    rests_until: datetime | None
    budget_due_at: datetime | None
    quota_left: int | None

    @property
    def as_breaker(self) -> Breaker:
        """The breaker as a value."""
        return Breaker(self.breaker, self.failures, self.trips, self.breaker_until)

    def with_breaker(self, breaker: Breaker) -> ProviderState:
        """The same with another breaker."""
        return replace(
            self,
            breaker=breaker.state,
            failures=breaker.failures,
            trips=breaker.trips,
            breaker_until=breaker.until,
        )


async def claim(
    conn: Connection, provider: str, sport: str, terms: Terms, at: datetime, requests: int = 1
) -> Claim | Later:
    """Make a pair ours to ask about with so many `requests`, or hear when to look again.

    The provider's row is locked first and the pair's second, here and everywhere.
    """
    state = await _provider(conn, provider)
    await conn.execute(_ENTER, [provider, sport, at])
    pair = await _pair(conn, provider, sport)
    later = await _refusal(conn, pair, state, terms, at)
    if later is not None:
        return later
    breaker = state.as_breaker.asking(at, terms.tolerance)
    if breaker is None:
        return Later(state.breaker_until or at + _SOON, "breaker_open")
    due_at = terms.budget.spent(state.budget_due_at, at, requests)
    await _save(conn, replace(state.with_breaker(breaker), budget_due_at=due_at))
    token = UUID(bytes=secrets.token_bytes(16))
    held = [token, holders.signed("pull"), at, terms.claim_s, provider, sport]
    await conn.execute(_CLAIM, held)
    return Claim(provider, sport, token, pair.failures, tuple(pair.starts))


async def _refusal(
    conn: Connection, pair: Poll, state: ProviderState, terms: Terms, at: datetime
) -> Later | None:
    """Why there is nothing to ask now, in order of precedence."""
    if pair.next_at > at:
        return Later(pair.next_at, "not_due")
    if pair.held and pair.holder is not None and not holders.has_ended(pair.holder):
        return Later(at + _SOON, "asked_by_another")
    if state.rests_until is not None and state.rests_until > at:
        return Later(state.rests_until, "resting")
    rows = await (await conn.execute(_HOLDERS, [pair.provider])).fetchall()
    asking = [row for row in rows if row[0] != pair.sport and not holders.has_ended(row[1])]
    if len(asking) >= terms.concurrency:
        return Later(at + _SOON, "busy")
    ready_at = terms.budget.ready_at(state.budget_due_at, at)
    return Later(ready_at, "over_budget") if ready_at > at else None


async def answers(conn: Connection, provider: str, questions: Sequence[str]) -> dict[str, Answer]:
    """What is kept of the answers to some questions, by the question."""
    async with conn.cursor(row_factory=class_row(Answer)) as cursor:
        await cursor.execute(_ANSWERS, [provider, list(questions)])
        return {one.question: one for one in await cursor.fetchall()}


async def keep(conn: Connection, claim: Claim, answer: Answer) -> None:
    """Keep what an answer says to go on from. Raises Unavailable when the claim was lost."""
    await claim.guard(conn)
    kept = [
        claim.provider,
        answer.question,
        answer.answered_at,
        answer.fresh_until,
        answer.cursor,
        answer.etag,
        answer.last_modified,
        answer.body,
    ]
    await conn.execute(_KEEP, kept)


async def finish(
    conn: Connection, claim: Claim, ending: Ending, tolerance: Tolerance, at: datetime
) -> Breaker:
    """End the claim: when the pair is due again, and what became of the provider.

    Returns the provider's breaker. Raises Unavailable when the claim was lost.
    """
    state = await _provider(conn, claim.provider)
    await claim.guard(conn)
    breaker = state.as_breaker
    if ending.answered is not None:
        breaker = breaker.answered() if ending.answered else breaker.failed(at, tolerance)
    quota_left = state.quota_left if ending.quota_left is None else ending.quota_left
    rests = [one for one in (state.rests_until, ending.rests_until) if one is not None]
    await _save(
        conn,
        replace(
            state.with_breaker(breaker),
            rests_until=max(rests, default=None),
            quota_left=quota_left,
        ),
    )
    said = [ending.next_at, ending.state[:60], ending.failures, list(ending.starts)]
    await conn.execute(_FINISH, [*said, claim.provider, claim.sport, claim.token])
    await conn.execute(_FORGET, [claim.provider, at - _KEPT_FOR])
    return breaker


async def give_back(conn: Connection, claims: Sequence[Claim]) -> None:
    """End claims under which nothing was asked, or not to the end: they are due as before."""
    await conn.execute(_GIVE_BACK, [[claim.token for claim in claims]])


async def pairs(conn: Connection, limit: int = 1_000) -> list[Poll]:
    """Every pair as it stands."""
    async with conn.cursor(row_factory=class_row(Poll)) as cursor:
        await cursor.execute(_PAIRS, [limit])
        return await cursor.fetchall()


async def providers(conn: Connection, limit: int = 1_000) -> list[ProviderState]:
    """Every provider that was ever asked: breaker, rest and quota."""
    async with conn.cursor(row_factory=class_row(ProviderState)) as cursor:
        await cursor.execute(_PROVIDERS, [limit])
        return await cursor.fetchall()


async def _pair(conn: Connection, provider: str, sport: str) -> Poll:
    async with conn.cursor(row_factory=class_row(Poll)) as cursor:
        await cursor.execute(_PAIR, [provider, sport])
        found = await cursor.fetchone()
    assert found is not None
    return found


async def _provider(conn: Connection, provider: str) -> ProviderState:
    await conn.execute(_MEET, [provider])
    row = await (await conn.execute(_LOCK_PROVIDER, [provider])).fetchone()
    assert row is not None
    return ProviderState(provider, *row)


async def _save(conn: Connection, state: ProviderState) -> None:
    await conn.execute(
        _SAVE_PROVIDER,
        {
            "breaker": state.breaker,
            "failures": state.failures,
            "trips": state.trips,
            "breaker_until": state.breaker_until,
            "rests_until": state.rests_until,
            "budget_due_at": state.budget_due_at,
            "quota_left": state.quota_left,
            "provider": state.provider,
        },
    )
