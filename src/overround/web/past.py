"""What is past its limit, answered before anything is looked at for it.

A request of a framework's route is weighed here first: for a visitor his token is taken, for who is
logged in it is only looked at, because whose session it is stands in the record. Past the limit the
answer is the copy that stands, or 429: no task of the framework's, no row of the tenant, no line of
the log for each (test: past the limit nothing is asked of the layers). So what a flood costs is
what its answers cost, and the neighbours have the rest. Of what was refused something a moment ago
the tokens that come in meanwhile buy a copy, too, if it is no older than a second: so a flood at
twenty a second costs one look at the layers for each thing that it asks
(test: a flood's tokens buy a copy while it is young). A host that is nobody's is weighed too, by
its visitor's address: looking for its tenant costs the database a question
(test: who asks for hosts that are nobodys has a limit).
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Final, Protocol
from uuid import UUID

from starlette.types import Scope

from overround import storefront
from overround.core.clock import Clock
from overround.kit import metrics
from overround.kit.limits import SECOND_US, Rate, Verdict
from overround.people import sessions
from overround.web import gate, limits, problems, tokens
from overround.web.answers import Answer, Asked, of_response
from overround.web.limits import Buckets, LimitClass, Limits, Told, TooManyRequests
from overround.web.origins import SAFE_METHODS
from overround.web.pages import assets, render
from overround.web.pages.browsers import asks_for_page
from overround.web.repeats import Repeat, Repeats, Shops, key_of
from overround.web.sites import Known, Sites
from overround.web.urgency import Table

# Whose token is whose, for as long as it is among the last so many.
CALLERS_MAX: Final = 50_000
# How long after a refusal a server offers every request at once.
BESET_US: Final = 1_000_000
# How old a copy may be that is given for a token of who was refused a moment ago.
YOUNG_MS: Final = 1_000
# The buckets of hosts that are nobody's.
_NOBODY: Final = limits.prefix_of(UUID(int=0))
_READS: Final = frozenset({"GET", "HEAD"})
# Stands for the id in a page that is made once.
_NO_ID: Final = "0" * 32


class Copies(Shops, Protocol):
    """Who has copies of public answers."""

    def at_hand(
        self, scope: Scope, age_ms_max: int | None = None
    ) -> tuple[storefront.Answer | None, bool]:
        """The copy of this process, if it is no older; and whether that is all there is, without
        looking further."""
        ...

    async def instead(self, scope: Scope) -> storefront.Answer | None:
        """The copy or the defaults; None when there is neither."""
        ...


class Past:
    """Weighs the requests of one process; used from one event loop."""

    def __init__(
        self,
        sites: Sites,
        limited: Limits,
        table: Table,
        copies: Copies,
        clock: Clock,
    ) -> None:
        self._sites = sites
        self._limits = limited
        self._table = table
        self._copies = copies
        self._epoch_s = limits.Seconds(clock).at
        # By host and token: the subject of the buckets of whose it is.
        self._callers: dict[tuple[bytes, str], str] = {}
        self._repeats = Repeats()
        self._told: dict[tuple[LimitClass, Rate], Told] = {}
        self._beset_until_us = 0

    @property
    def is_beset(self) -> bool:
        """Whether somebody was past his limit a moment ago."""
        return _now_us() < self._beset_until_us

    def at_once(self, asked: Asked) -> Answer | None:
        """The answer for who is past his limit and can be answered without waiting."""
        at_us = asked.began_ns // 1_000
        key = key_of(asked)
        repeat = self._repeats.find(key) if key is not None else None
        if repeat is not None and repeat.stands(self._limits.limiter, self._copies, at_us):
            return self._again(repeat, asked, at_us)
        weighed = self._weighed(asked)
        if weighed is None:
            return None
        prefix, of, subject, _ = weighed
        refused = self._limits.refusal(prefix, of, subject, at_us)
        if refused is None:
            return None
        answer = self._now(asked, of, refused)
        if answer is not None and key is not None:
            buckets = self._limits.buckets(prefix, of, subject, at_us)
            told, known = self._told_of(of, refused.rate), self._known(asked)
            shop = self._copies.shop(asked.label) if asked.label is not None else None
            self._repeats.keep(key, Repeat(answer, asked, of, buckets, told, known, shop, at_us))
        return answer

    async def answer(self, asked: Asked) -> Answer | None:
        """The answer for who is past his limit; None, and the layers answer.

        What they must not count again is noted on the scope.
        """
        weighed = self._weighed(asked)
        if weighed is None:
            return None
        prefix, of, subject, takes = weighed
        at_us = _now_us()
        if not takes:
            verdict = self._limits.refusal(prefix, of, subject, at_us)
            return None if verdict is None else await self._given(asked, of, verdict)
        verdict = self._limits.now(prefix, of, subject, at_us)
        if verdict is None:
            verdict = await self._limits.take(prefix, of, subject, at_us)
        if not verdict.allowed:
            return await self._given(asked, of, verdict)
        young = self._young(asked, of, verdict, self._limits.buckets(prefix, of, subject, at_us))
        if young is not None:
            return young
        if asked.site is not None:
            # Whose tenant is found further in is counted as its visitor there, too.
            state = asked.scope["state"]
            state["counted"] = True
            state["answer_headers"] = limits.headers(of, verdict, self._epoch_s(at_us))
        return None

    async def instead(self, asked: Asked, of: LimitClass) -> Answer | None:
        """The answer for who has been counted and is past his limit, by what is known of it."""
        prefix = asked.site.limits if asked.site is not None else _NOBODY
        subject, at_us = limits.subject_of(asked.address), _now_us()
        refused = self._limits.refusal(prefix, of, subject, at_us)
        return None if refused is None else await self._given(asked, of, refused)

    async def stranger(self, asked: Asked, of: LimitClass) -> None:
        """Count who asks for a host that no tenant is known of. Raises TooManyRequests."""
        at_us = _now_us()
        verdict = await self._limits.take(_NOBODY, of, limits.subject_of(asked.address), at_us)
        if not verdict.allowed:
            metrics.REFUSED_BY_LIMIT.at(of, "refused").add()
            raise TooManyRequests(verdict)

    def route(self, asked: Asked) -> str | None:
        """The template of the route that was asked; None for what is no route."""
        return self._table.of(asked.method, asked.path).template or None

    def learn(self, scope: Scope) -> None:
        """Remember whose token it was that the layers have just counted."""
        state = scope["state"]
        user_id, token = state.get("user_id"), state.get("token")
        if user_id is None or token is None:
            return
        if len(self._callers) >= CALLERS_MAX:
            # They are learnt again in a moment from who still comes.
            self._callers.clear()
        self._callers[_host(scope), token] = UUID(user_id).hex

    def _weighed(self, asked: Asked) -> tuple[str, LimitClass, str, bool] | None:
        """The prefix, class and subject of the buckets, and whether a token is taken here."""
        scope, headers = asked.scope, asked.headers
        if asked.method == "OPTIONS" or asked.path.startswith(assets.PREFIX):
            return None
        host = headers.get(b"host", b"")
        asked.label = label = self._sites.label(host)
        known = self._known(asked)
        asked.site = site = known.site if known is not None else None
        if label is not None and site is not None:
            # An old one is looked up again, behind this request's back.
            self._sites.known(label, asked.began_ns / 1_000_000_000)
        prefix = site.limits if site is not None else _NOBODY
        token = _token(asked) if b"authorization" in headers or b"cookie" in headers else None
        if gate.is_visitor(scope, token, self._table):
            subject = limits.subject_of(asked.address)
            return prefix, gate.class_of(scope), subject, asked.method in _READS
        assert token is not None
        caller = self._callers.get((host, token))
        return None if caller is None else (prefix, gate.class_of_caller(scope), caller, False)

    def _known(self, asked: Asked) -> Known | None:
        return self._sites.record(asked.label) if asked.label is not None else None

    def _again(self, repeat: Repeat, asked: Asked, at_us: int) -> Answer:
        """What was said a moment ago to the same question of the same visitor."""
        self._beset_until_us = at_us + BESET_US
        asked.site, asked.label, asked.allowed = repeat.site, repeat.label, False
        asked.told = repeat.told, 0, self._epoch_s(at_us)
        return repeat.to(asked)

    def _young(
        self, asked: Asked, of: LimitClass, verdict: Verdict, buckets: Buckets
    ) -> Answer | None:
        """The copy for a token of who was refused a moment ago, unless it is old."""
        at_us = asked.began_ns // 1_000
        if at_us - max(one.refused_at_us for one in buckets) > SECOND_US:
            return None
        if not self._may_be_copied(asked):
            return None
        copy, _ = self._copies.at_hand(asked.scope, YOUNG_MS)
        if copy is None:
            return None
        self._say(asked, of, verdict, at_us)
        return Answer(copy.status, copy.headers, copy.body)

    def _now(self, asked: Asked, of: LimitClass, refused: Verdict) -> Answer | None:
        """The copy at hand, or the refusal; None where a copy may stand further away."""
        if not self._may_be_copied(asked):
            return self._refused(asked, of, refused)
        copy, is_all = self._copies.at_hand(asked.scope)
        if copy is not None:
            return self._copied(asked, of, refused, copy)
        return self._refused(asked, of, refused) if is_all else None

    async def _given(self, asked: Asked, of: LimitClass, refused: Verdict) -> Answer:
        found = self._now(asked, of, refused)
        if found is not None:
            return found
        copy = await self._copies.instead(asked.scope)
        if copy is None:
            return self._refused(asked, of, refused)
        return self._copied(asked, of, refused, copy)

    def _told_of(self, of: LimitClass, rate: Rate) -> Told:
        return self._told.setdefault((of, rate), Told(of, rate))

    def _may_be_copied(self, asked: Asked) -> bool:
        return (
            asked.method in _READS and self._table.of(asked.method, asked.path).urgency == "public"
        )

    def _copied(
        self, asked: Asked, of: LimitClass, refused: Verdict, copy: storefront.Answer
    ) -> Answer:
        self._mark(asked, of, refused)
        metrics.REFUSED_BY_LIMIT.at(of, "copy").add()
        return Answer(copy.status, copy.headers, copy.body)

    def _refused(self, asked: Asked, of: LimitClass, refused: Verdict) -> Answer:
        self._mark(asked, of, refused)
        metrics.REFUSED_BY_LIMIT.at(of, "refused").add()
        if asks_for_page(asked.scope) and asked.method in SAFE_METHODS:
            body = _page(refused.retry_after_s).replace(_NO_ID, asked.ids.correlation_id).encode()
            return Answer(429, _page_headers(refused.retry_after_s, len(body)), body)
        error = TooManyRequests(refused)
        return of_response(problems.of_error(error, asked.path, asked.ids))

    def _mark(self, asked: Asked, of: LimitClass, refused: Verdict) -> None:
        """It was past its limit."""
        at_us = _now_us()
        self._beset_until_us = at_us + BESET_US
        asked.allowed = False
        self._say(asked, of, refused, at_us)

    def _say(self, asked: Asked, of: LimitClass, verdict: Verdict, at_us: int) -> None:
        """What the answer says besides: of the limit, and to a page of another origin."""
        asked.told = self._told_of(of, verdict.rate), verdict.remaining, self._epoch_s(at_us)
        asked.share()


def _now_us() -> int:
    return time.monotonic_ns() // 1_000


def _host(scope: Scope) -> bytes:
    headers: dict[bytes, bytes] = dict(scope["headers"])
    return headers.get(b"host", b"")


def _token(asked: Asked) -> str | None:
    scope = asked.scope
    server = scope.get("server")
    authorization, cookie = asked.text(b"authorization"), asked.text(b"cookie")
    return tokens.credential(
        [authorization] if authorization is not None else [],
        [cookie] if cookie is not None else [],
        sessions.cookie_name(scope["scheme"], server[0] if server else ""),
    ).token


@lru_cache(maxsize=128)
def _page(wait_s: int) -> str:
    """The refusal as a page, with a place for the id."""
    detail = f"{TooManyRequests.__doc__} Please wait {wait_s} s."
    said = {"status": 429, "code": TooManyRequests.code, "detail": detail, "correlation_id": _NO_ID}
    return render.html("problem.html", {"heading": "One moment, please", "problem": said})


def _page_headers(wait_s: int, length: int) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", b"%d" % length),
        (b"content-security-policy", render.POLICY.encode()),
        (b"retry-after", b"%d" % wait_s),
    ]
