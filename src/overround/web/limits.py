"""Limits at the edge: whose bucket a request takes a token from, and what the answer says of it.

A request takes one token of its subject's bucket (a visitor's address, or who is logged in) and one
of its tenant's, both for its class alone: a flood of readers cannot stop a tenant's bets, nor one
tenant another (test: a loud tenant is not heard next door). Past the limit a public copy is
answered all the same, because it costs less than a refusal; whatever reaches further is refused
with 429 and Retry-After.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address, ip_network
from typing import Final, Literal, get_args
from uuid import UUID

from overround.cache import keys
from overround.core.clock import Clock
from overround.core.errors import Refusal
from overround.kit.limits import SECOND_US, Bucket, Limiter, Rate, Verdict
from overround.kit.settings import LimitSettings
from overround.web import marks

LimitClass = Literal["public", "page", "login", "read", "write", "bets"]
CLASSES: Final[tuple[LimitClass, ...]] = get_args(LimitClass)
Headers = list[tuple[bytes, bytes]]
Buckets = tuple[Bucket, Bucket]

# The seed's numbers for what is public. A page is a document and a few reads that its scripts ask
# for; a log-in costs a hash; who is logged in is one person, or a program that was given a key.
DEFAULTS: Final[Mapping[LimitClass, Rate]] = {
    "public": Rate(100, 2),
    "page": Rate(300, 10),
    "login": Rate(100, 2),
    "read": Rate(300, 20),
    "write": Rate(100, 10),
    "bets": Rate(100, 10),
}
TENANT: Final = Rate(20_000, 10_000)
# Buckets have hundreds of tokens; of larger ones only some answers are kept.
_MADE_MAX: Final = 5_000


def rates_of(settings: LimitSettings) -> dict[LimitClass, Rate]:
    """The numbers of each class, as they are set."""
    return {
        of: Rate(getattr(settings, f"{of}_burst"), getattr(settings, f"{of}_per_s"))
        for of in CLASSES
    }


class Seconds:
    """The second of a clock, which is looked at once in each."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._second_s, self._ends_us = 0, 0

    def at(self, at_us: int) -> int:
        """Seconds of 1970 UTC at that time of a clock that never runs backwards."""
        if at_us >= self._ends_us:
            at = self._clock.now()
            self._second_s = int(at.timestamp())
            self._ends_us = at_us + SECOND_US - at.microsecond
        return self._second_s


class TooManyRequests(Refusal):
    """You ask too often."""

    code = "too_many_requests"
    status = 429

    def __init__(self, verdict: Verdict) -> None:
        """`verdict` says how long to wait."""
        super().__init__()
        self.retry_after_s = verdict.retry_after_s


@dataclass(frozen=True, slots=True)
class Limits:
    """The limiter of this process and the numbers of each class."""

    limiter: Limiter = field(default_factory=Limiter)
    rates: Mapping[LimitClass, Rate] = field(default_factory=lambda: DEFAULTS)
    tenant: Rate = TENANT

    def now(self, prefix: str, of: LimitClass, subject: str, at_us: int) -> Verdict | None:
        """The verdict if this process knows it by itself."""
        whole = f"{prefix}:{of}"
        verdict = self.limiter.now(f"{whole}:{subject}", self.rates[of], at_us)
        if verdict is None or not verdict.allowed:
            return verdict
        shared = self.limiter.now(whole, self.tenant, at_us)
        if shared is None:
            return None
        return verdict if shared.allowed else shared

    def refusal(self, prefix: str, of: LimitClass, subject: str, at_us: int) -> Verdict | None:
        """The refusal that a request would meet now, as far as this process knows; takes none."""
        whole = f"{prefix}:{of}"
        found = self.limiter.refusal(f"{whole}:{subject}", self.rates[of], at_us)
        return found or self.limiter.refusal(whole, self.tenant, at_us)

    def buckets(self, prefix: str, of: LimitClass, subject: str, at_us: int) -> Buckets:
        """The subject's and its tenant's, for whoever asks them many times."""
        whole = f"{prefix}:{of}"
        bucket = self.limiter.bucket(f"{whole}:{subject}", self.rates[of], at_us)
        return bucket, self.limiter.bucket(whole, self.tenant, at_us)

    async def take(self, prefix: str, of: LimitClass, subject: str, at_us: int) -> Verdict:
        """A token of the subject's bucket and one of its tenant's."""
        whole = f"{prefix}:{of}"
        verdict = await self.limiter.take(f"{whole}:{subject}", self.rates[of], at_us)
        if not verdict.allowed:
            return verdict
        shared = await self.limiter.take(whole, self.tenant, at_us)
        return verdict if shared.allowed else shared


def prefix_of(tenant_id: UUID) -> str:
    """What the names of a tenant's buckets begin with."""
    return keys.of_tenant(tenant_id, "limit")


@lru_cache(maxsize=65_536)
def subject_of(address: str) -> str:
    """Whose bucket an address is: the whole /64 of IPv6, which is one household's."""
    try:
        found = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((found, 64), strict=False).network_address)


def headers(of: LimitClass, verdict: Verdict, epoch_s: int) -> Headers:
    """What the answer says: structured fields, and the older names with a time of the clock."""
    told = Told(of, verdict.rate)
    return told.headers(verdict.remaining, epoch_s)


class Told:
    """What answers say of one bucket: made once for each number of tokens left, where few are."""

    __slots__ = ("_made", "_name", "_rate", "_reset")

    def __init__(self, of: LimitClass, rate: Rate) -> None:
        self._name = of.encode()
        self._rate = rate
        # By tokens left: what is said, as it is written, and when the bucket is full again.
        self._made: dict[int, tuple[bytes, int]] = {}
        self._reset = (-1, b"")

    def block(self, remaining: int, epoch_s: int) -> bytes:
        """The headers as they are written, with so many tokens left at that time of the clock."""
        made = self._made.get(remaining)
        if made is None:
            made = marks.block(self._said(remaining)), self._rate.reset_s(remaining)
            if len(self._made) < _MADE_MAX:
                self._made[remaining] = made
        said, reset_s = made
        at_s = epoch_s + reset_s
        if self._reset[0] != at_s:
            self._reset = (at_s, b"x-rate-limit-reset: %d\r\n" % at_s)
        return said + self._reset[1]

    def headers(self, remaining: int, epoch_s: int) -> Headers:
        """The same as pairs."""
        at_s = epoch_s + self._rate.reset_s(remaining)
        return [*self._said(remaining), (b"x-rate-limit-reset", b"%d" % at_s)]

    def _said(self, remaining: int) -> Headers:
        rate, name = self._rate, self._name
        reset_s = rate.reset_s(remaining)
        window_s = -(-rate.full_after_us // SECOND_US)
        return [
            (b"ratelimit-policy", b'"%b";q=%d;w=%d' % (name, rate.burst, window_s)),
            (b"ratelimit", b'"%b";r=%d;t=%d' % (name, remaining, reset_s)),
            (b"x-rate-limit-remaining", b"%d" % remaining),
        ]
