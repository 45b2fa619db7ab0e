"""What was said, counted for the health of providers: by live feeds as they go on, by imports."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from overround import ops
from overround.db import Connection
from overround.odds.feeds import LiveFeed, Outcome, Payload, Provider, Rejected, Said

EVERY: Final = timedelta(seconds=15)


@dataclass(slots=True)
class _Heard:
    events: int = 0
    prices: int = 0
    rows: int = 0
    rejected: Counter[str] = field(default_factory=Counter[str])


@dataclass(slots=True)
class Tally:
    """The counts since they were last written; a life of the hub that fails loses them."""

    _since: datetime | None = None
    _ticked_at: datetime | None = None
    _tick_ms_max: int = 0
    _heard: dict[tuple[str, str], _Heard] = field(default_factory=dict[tuple[str, str], _Heard])
    _took_ms: Counter[str] = field(default_factory=Counter[str])

    def ask(self, feed: LiveFeed, at: datetime) -> Said:
        """What the feed says by `at`, counted; one feed may bring many providers."""
        began_s = time.monotonic()
        said = feed.until(at)
        self._took_ms[feed.key] += round((time.monotonic() - began_s) * 1000)
        for event in said.events:
            self._of(event.provider, event.sport).events += 1
        for batch in said.batches:
            heard = self._of(batch.event.provider, batch.event.sport)
            heard.rows += len(batch.prices) + len(batch.rejected)
            heard.prices += len(batch.prices)
            heard.rejected.update(one.reason for one in batch.rejected)
        return said

    def ticked(self, at: datetime, took_s: float) -> None:
        """A tick is over."""
        self._ticked_at = at
        self._tick_ms_max = max(self._tick_ms_max, round(took_s * 1000))

    def vitals(self) -> dict[str, object]:
        """When the last tick ended, and how long the longest took since this was asked last."""
        longest, self._tick_ms_max = self._tick_ms_max, 0
        ticked_at = self._ticked_at and self._ticked_at.isoformat(timespec="milliseconds")
        return {"tick_at": ticked_at, "tick_ms_max": longest}

    def is_due(self, at: datetime) -> bool:
        """Whether it is time to write."""
        self._since = self._since or at
        return at - self._since >= EVERY

    async def write(self, conn: Connection, at: datetime) -> None:
        """Write down what was heard, and begin anew."""
        for (provider, sport), heard in self._heard.items():
            await ops.record(
                conn,
                Outcome(
                    provider,
                    sport,
                    at,
                    rows=heard.rows,
                    events=heard.events,
                    prices=heard.prices,
                    rejected=heard.rejected,
                    took_ms=self._took_ms.pop(provider, 0),
                ),
            )
        self._heard.clear()
        self._took_ms.clear()
        self._since = at

    def _of(self, provider: str, sport: str) -> _Heard:
        return self._heard.setdefault((provider, sport), _Heard())


async def record_import(
    conn: Connection,
    found: Sequence[tuple[Provider, Payload] | Rejected],
    report: Mapping[str, Any],
    at: datetime,
) -> None:
    """Write down what an import's report says of each provider's files, as one outcome each."""
    sizes: Counter[str] = Counter()
    for one in found:
        if not isinstance(one, Rejected):
            sizes[one[0].key] += len(one[1].body)
    for provider in sizes:
        files = [row for row in report.get("files", ()) if row["provider"] == provider]
        rejected = sum((Counter[str](row["refused"]) for row in files), Counter[str]())
        prices = sum(row["prices"] for row in files)
        outcome = Outcome(
            provider,
            "",
            at,
            rows=prices + rejected.total(),
            events=sum(row["events"] for row in files),
            prices=prices,
            rejected=rejected,
            body_bytes=sizes[provider],
            took_ms=round(sum(row["seconds"] for row in files) * 1000),
        )
        await ops.record(conn, outcome)
