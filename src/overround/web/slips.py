"""The hot route: a slip from the raw front to the acceptor and its answer back.

Who sent a slip is remembered for five minutes, because asking the database for each would cost
more than placing it. The session is looked at all the same, by the call that places the slip and in
its own transaction: one that was ended places nothing (test: a session that ended places nothing).
What is late by those minutes is an end by the clock, of an hour without a request or a day in all.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from overround.betting.bets import Ask, Decision, LetWait, SentSlip, Waits
from overround.core.clock import Clock
from overround.core.errors import OverroundError, Unauthenticated
from overround.core.principal import Principal
from overround.kit.telling import Tell
from overround.web.answers import Answer, Asked, json_answer
from overround.web.front import Authenticate, Writing

PATH: Final = "/api/v1/bets"
KNOWN_FOR: Final = timedelta(minutes=5)
KNOWN_MAX: Final = 100_000

# What a part makes of a request: its answer's bytes and the decision in them.
Place = Callable[[SentSlip, Ask, LetWait], Awaitable[tuple[bytes, Decision | Waits]]]
Currency = Callable[[UUID], Awaitable[str]]
# What whoever comes now is told, after so many who are on their way already.
Refused = Callable[[int], OverroundError | None]


def nobody_is_refused(_: int) -> None:
    """Of whoever comes."""


@dataclass(frozen=True, slots=True)
class _Known:
    """Who a token is, until it is asked again."""

    principal: Principal
    token_sha256: bytes
    until: datetime


class Slips:
    """What the hot route remembers of one process: sessions and tenants' currencies."""

    def __init__(
        self,
        authenticate: Authenticate,
        currency_of: Currency,
        place: Place,
        ask: Ask,
        let_wait: LetWait,
        refusal: Refused,
        tell: Tell,
        clock: Clock,
    ) -> None:
        self._authenticate = authenticate
        self._currency_of = currency_of
        self._place = place
        self._ask = ask
        self._let_wait = let_wait
        self._refusal = refusal
        self._tell = tell
        self._clock = clock
        self._known: OrderedDict[tuple[UUID, str], _Known] = OrderedDict()
        # Fixed at a tenant's creation.
        self._currencies: dict[UUID, str] = {}

    def route(self) -> Writing:
        """The route, for the front."""
        return Writing(PATH, self.place, limit="bets", authenticate=self.who, refusal=self._refusal)

    async def who(self, tenant_id: UUID, token: str) -> Principal | None:
        """Whose token it is, as of at most five minutes ago."""
        now = self._clock.now()
        known = self._known.get((tenant_id, token))
        if known is not None and known.until > now:
            return known.principal
        principal = await self._authenticate(tenant_id, token)
        if principal is None:
            self._known.pop((tenant_id, token), None)
            return None
        sha256 = hashlib.sha256(token.encode()).digest()
        self._known[tenant_id, token] = _Known(principal, sha256, now + KNOWN_FOR)
        if len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)
        return principal

    async def place(self, asked: Asked, principal: Principal) -> Answer:
        """Answer one slip. Raises what the part raises."""
        tenant_id, token = principal.tenant_id, asked.scope["state"]["token"]
        known = self._known.get((tenant_id, token))
        if known is None:
            raise Unauthenticated
        currency = self._currencies.get(tenant_id)
        if currency is None:
            currency = self._currencies[tenant_id] = await self._currency_of(tenant_id)
        sent = SentSlip(
            caller=principal,
            currency=currency,
            body=asked.body,
            key=asked.text(b"idempotency-key"),
            asked_by=asked.text(b"x-player-id"),
            token_sha256=known.token_sha256,
            at=self._clock.now(),
            prefer=asked.text(b"prefer"),
        )
        try:
            body, decision = await self._place(sent, self._ask, self._let_wait)
        except Unauthenticated:
            self._known.pop((tenant_id, token), None)
            raise
        if isinstance(decision, Waits):
            self._tell(tenant_id, [principal.actor_id], office=True)
            return _waiting(decision)
        if decision.kind == "replayed":
            return json_answer(201, body, (b"idempotency-replayed", b"true"))
        self._tell(tenant_id, [principal.actor_id], office=True)
        return json_answer(201, body)


def _waiting(waits: Waits) -> Answer:
    said = [(name.encode(), value.encode()) for name, value in waits.headers().items()]
    shape = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(waits.body))]
    return Answer(202, [*shape, *said], waits.body)
