"""What was said past a limit a moment ago, said again to who asks the same again.

A flood asks a few things many times. The first of each kind is weighed and answered by `Past`; for
a quarter of a second those who ask it again from the same address have the same answer, with ids of
their own, while the bucket is still empty: one look-up in place of a route, a copy and its headers
made anew (test: a flood is told the same again, with ids of its own).
"""

from __future__ import annotations

from typing import Final, Protocol

from overround.kit import metrics
from overround.kit.limits import Limiter
from overround.web.answers import Answer, Asked
from overround.web.limits import Buckets, LimitClass, Told
from overround.web.sites import Known

KEPT_US: Final = 250_000
REPEATS_MAX: Final = 10_000
# Who says any of these may be told something else than the others, or in other words.
_OWN: Final = frozenset(
    {b"authorization", b"cookie", b"origin", b"x-api-key", b"x-correlation-id"}
)  # fmt: skip

_REFUSED: Final = 429

# The host, the address, the path, the query; what is known already, and what is wished for.
Key = tuple[bytes, str, str, bytes, bytes | None, bytes | None]


class Shops(Protocol):
    """Who knows whether tenants are open."""

    def shop(self, label: str) -> object:
        """What says so: another object once something else is known."""
        ...


class Repeat:
    """One answer past a limit, of whom, and until when it may be said again."""

    __slots__ = (
        "answer", "buckets", "counted", "known", "label", "said_id", "shop", "site", "told",
        "until_us",
    )  # fmt: skip

    def __init__(
        self,
        answer: Answer,
        asked: Asked,
        of: LimitClass,
        buckets: Buckets,
        told: Told,
        known: Known | None,
        shop: object,
        at_us: int,
    ) -> None:
        is_refusal = answer.status == _REFUSED
        self.answer = answer
        self.buckets = buckets
        self.told = told
        self.known = known
        self.shop = shop
        self.site = asked.site
        self.label = asked.label
        # A refusal names its request; a copy is the same bytes for everybody.
        self.said_id = asked.ids.request_id.encode() if is_refusal else None
        self.counted = metrics.REFUSED_BY_LIMIT.at(of, "refused" if is_refusal else "copy")
        self.until_us = at_us + KEPT_US

    def stands(self, limiter: Limiter, shops: Shops, at_us: int) -> bool:
        """Whether whoever asks now would be told the same."""
        subject, whole = self.buckets
        return (
            at_us < self.until_us
            and not subject.is_gone
            and not whole.is_gone
            # A tenant that has just shut, or opened, is another one.
            and self.site is (self.known.site if self.known is not None else None)
            and (self.label is None or self.shop is shops.shop(self.label))
            and (limiter.refuses(subject, at_us) or limiter.refuses(whole, at_us))
        )

    def to(self, asked: Asked) -> Answer:
        """The answer to this request."""
        self.counted.add()
        same = self.answer
        if self.said_id is None:
            return same
        # The ids are as long as the others': so is the body.
        body = same.body.replace(self.said_id, asked.ids.request_id.encode())
        return Answer(same.status, same.headers, body, same.block)


class Repeats:
    """The answers of one process; used from one event loop."""

    def __init__(self) -> None:
        self._kept: dict[Key, Repeat] = {}

    def find(self, key: Key) -> Repeat | None:
        """What was said to that question, if it was a moment ago."""
        return self._kept.get(key)

    def keep(self, key: Key, repeat: Repeat) -> None:
        """Say it again."""
        if len(self._kept) >= REPEATS_MAX:
            # They are made again in a moment by who still comes.
            self._kept.clear()
        self._kept[key] = repeat


def key_of(asked: Asked) -> Key | None:
    """The question; None for one whose answer is nobody else's."""
    headers = asked.headers
    if not _OWN.isdisjoint(headers):
        return None
    return (
        headers.get(b"host", b""),
        asked.address,
        asked.path,
        asked.query,
        headers.get(b"if-none-match"),
        headers.get(b"accept"),
    )
