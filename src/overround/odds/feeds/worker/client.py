"""The worker's half of the protocol without a socket: what to say next, and what was heard.

A scraper hands over one whole pass over its site at a time. What differs from the last pass is
said at once; the whole is said as a snapshot after a connection, after a refusal that lost
something, when a match has gone, and every `SNAPSHOT_EVERY`: the hub suspends what was not said as
a whole for longer than it allows. `overround.roles.scraping.worker_client` puts it on a WebSocket.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, cast

from overround.core import line as core_line
from overround.core.errors import Invalid
from overround.odds.feeds.worker import wire, words
from overround.odds.feeds.worker.model import ConfirmRequest, Match
from overround.odds.feeds.worker.wire import Wire

# Below the hub's bound with room for what stands around the matches.
CHUNK_BYTES: Final = 200_000
CHUNK_MATCHES: Final = 200
SNAPSHOT_EVERY: Final = timedelta(seconds=5)

MatchKey = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Heard:
    """One message of the hub: its type, the request to look again where it is one, and the rest."""

    kind: str
    said: Wire
    asked: ConfirmRequest | None = None


@dataclass(slots=True)
class Speaker:
    """One connection's half of the conversation; `odds_format` is how the site writes prices, and
    who `confirms` answers what the hub asks."""

    worker_id: str
    site: str
    odds_format: str = "decimal"
    confirms: bool = False
    seq: int = 0
    needs_snapshot: bool = True
    _said: dict[MatchKey, str] = field(default_factory=dict[MatchKey, str])
    _whole_at: datetime | None = None

    def hello(self, token: str, at: datetime) -> Wire:
        """The first message; what follows is numbered from it."""
        self.seq, self.needs_snapshot, self._said, self._whole_at = 0, True, {}, None
        return wire.register(self.worker_id, self.site, token, at, self.seq, confirms=self.confirms)

    def ping(self, at: datetime) -> Wire:
        """The worker is there, whatever it sees."""
        return {"type": "ping", "worker_id": self.worker_id, "timestamp": at.isoformat()}

    def state(self, state: str, at: datetime) -> Wire:
        """How the worker is doing; anything but `live` suspends what it feeds, until the next
        snapshot."""
        self.needs_snapshot = True
        return {
            "type": "worker:state",
            "worker_id": self.worker_id,
            "site": self.site,
            "state": state,
            "timestamp": at.isoformat(),
        }

    def seen(self, matches: Sequence[Match], at: datetime) -> list[Wire]:
        """What to say after a whole pass over the site: nothing, what differs, or everything."""
        now = {match.key: _encoded(match) for match in matches}
        before = self._said
        is_due = self._whole_at is None or at - self._whole_at >= SNAPSHOT_EVERY
        if self.needs_snapshot or is_due or before.keys() - now.keys():
            said = self._snapshot(now, at)
        else:
            changed = [body for key, body in now.items() if before.get(key) != body]
            said = [self._update(chunk, at) for chunk in _chunks(changed)]
        self._said = now
        return said

    def moved(self, matches: Sequence[Match], at: datetime) -> list[Wire]:
        """What to say when some matches moved between two passes; nothing before the first."""
        if self.needs_snapshot:
            return []
        now = {match.key: _encoded(match) for match in matches}
        changed = [body for key, body in now.items() if self._said.get(key) != body]
        self._said |= now
        return [self._update(chunk, at) for chunk in _chunks(changed)]

    def answer(self, asked: ConfirmRequest, odds: str | None, at: datetime) -> Wire:
        """What the site quotes now for what was asked; None for nothing to be had."""
        said: Wire = {
            "type": "confirm:response",
            "worker_id": self.worker_id,
            "id": asked.request_id,
            "odds": odds,
            "timestamp": at.isoformat(),
        }
        return said if self.odds_format == "decimal" else said | {"odds_format": self.odds_format}

    def heard(self, text: str) -> Heard:
        """Read a message of the hub. What is none is of the kind ""."""
        try:
            found: object = json.loads(text)
        except ValueError:
            found = None
        said = cast("Wire", found) if isinstance(found, dict) else {}
        kind = str(said.get("type", ""))
        if kind == "error" and said.get("snapshot_needed") is True:
            self.needs_snapshot = True
        return Heard(kind, said, _asked(said) if kind == "confirm:request" else None)

    def _snapshot(self, now: dict[MatchKey, str], at: datetime) -> list[Wire]:
        begin: Wire = {
            "type": "snapshot:begin", "worker_id": self.worker_id, "site": self.site,
            "timestamp": at.isoformat(), "seq": self._next(),
        }  # fmt: skip
        updates = [self._update(chunk, at) for chunk in _chunks(now.values())]
        self.needs_snapshot, self._whole_at = False, at
        commit = begin | {"type": "snapshot:commit", "count": len(now), "seq": self._next()}
        return [begin, *updates, commit]

    def _update(self, bodies: Iterable[str], at: datetime) -> Wire:
        matches: list[dict[str, Any]] = [json.loads(body) for body in bodies]
        return wire.update(
            self.worker_id, self.site, matches, at, seq=self._next(), odds_format=self.odds_format
        )

    def _next(self) -> int:
        self.seq += 1
        return self.seq


def _encoded(match: Match) -> str:
    return json.dumps(wire.match(match), separators=(",", ":"))


def _chunks(bodies: Iterable[str]) -> Iterable[list[str]]:
    """The matches in messages that the hub will take."""
    chunk: list[str] = []
    size = 0
    for body in bodies:
        if chunk and (size + len(body) > CHUNK_BYTES or len(chunk) == CHUNK_MATCHES):
            yield chunk
            chunk, size = [], 0
        chunk.append(body)
        size += len(body)
    if chunk:
        yield chunk


def _asked(said: Wire) -> ConfirmRequest | None:
    """The request to look again; None for one that cannot be understood."""
    texts = {name: value for name, value in said.items() if isinstance(value, str)}
    question = words.question_of(texts.get("market", ""))
    if question is None or "id" not in texts:
        return None
    try:
        line_q4 = core_line.parse(texts["line"]) if texts.get("line") else None
    except Invalid:
        return None
    return ConfirmRequest(
        texts["id"],
        texts.get("event_id", ""),
        texts.get("home_team", ""),
        texts.get("away_team", ""),
        question.market_type,
        question.period,
        line_q4,
        texts.get("side", ""),
    )
