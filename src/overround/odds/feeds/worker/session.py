"""One registered connection: which message may come when, and what it does to what is known.

Numbered connections say `snapshot:begin`, updates, `snapshot:commit`, and updates between; a number
that is missing means that something was lost. A connection without numbers is the protocol's first
form: each `odds:update` is one whole pass over the site.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from overround.core.errors import Conflict, Forbidden
from overround.odds.feeds.worker.model import (
    ConfirmResponse,
    Envelope,
    Message,
    OddsUpdate,
    Ping,
    Refused,
    Register,
    SiteEvent,
    SnapshotBegin,
    SnapshotCommit,
    StateSaid,
)
from overround.odds.feeds.worker.sites import LIVE, MAX_EVENTS, MAX_PRICES, WAITING, Sites, Worker

# A message that took longer on its way than the quickest one by this is not about now.
DELAY_MAX: Final = timedelta(seconds=5)


class OutOfTurn(Conflict):
    """This message may not come now."""

    code = "out_of_turn"


class Lost(Conflict):
    """Something between the worker and the hub was lost, so what the site quotes is not known."""

    code = "lost"


@dataclass(slots=True)
class _Staged:
    began_at: datetime
    count: int = 0
    prices: int = 0
    events: dict[str, tuple[SiteEvent, datetime]] = field(
        default_factory=dict[str, "tuple[SiteEvent, datetime]"]
    )


@dataclass(slots=True)
class Session:
    """One connection of a worker; `seq` is the last number taken, None where it is not numbered.

    `said_seq` is the last one of which everything is known to the hub: a snapshot that has not
    ended yet is not.
    """

    worker: Worker
    sites: Sites
    seq: int | None
    said_seq: int | None = None
    _quickest: timedelta | None = None
    _staged: _Staged | None = None

    def take(self, message: Message, at: datetime) -> Refused | None:
        """Take a message that came at `at`; returns what of it was refused, with the reason.

        Codes: `foreign_worker`, `foreign_site`, `out_of_turn`, `stale`, `seq_missing`,
        `seq_repeated`, `seq_gap`, `snapshot_first`, `count_wrong`, `too_many_events`,
        `matches_rejected`.
        """
        try:
            self._check_sender(message.envelope)
            self._check_age(message.envelope, at)
            self._check_turn(message)
            refused = self._take(message, at)
            if self._staged is None:
                self.said_seq = self.seq
            return refused
        except Lost as lost:
            self._staged = None
            self.sites.stop(self.worker, WAITING, at)
            return Refused(lost.code, lost.detail, self.seq, snapshot_needed=True)
        except (Conflict, Forbidden) as refused:
            return Refused(refused.code, refused.detail, self.seq)

    # -- who, when, in which order -------------------------------------------------------------

    def _check_sender(self, envelope: Envelope) -> None:
        if envelope.worker_id not in ("", self.worker.worker_id):
            raise Forbidden("this connection is another worker's", code="foreign_worker")
        if any(site != self.worker.site for site in envelope.sites):
            raise Forbidden("this worker speaks for another site", code="foreign_site")

    def _check_age(self, envelope: Envelope, at: datetime) -> None:
        """Refuse what was long on its way, as after a stop of the worker or a full buffer.

        Clocks differ, so the quickest message there was is the measure.
        """
        if envelope.sent_at is None:
            return
        took = at - envelope.sent_at
        if self._quickest is None or took < self._quickest:
            self._quickest = took
        if took - self._quickest > DELAY_MAX:
            raise Lost("this message is not about now", code="stale")

    def _check_turn(self, message: Message) -> None:
        if isinstance(message, Register):
            raise OutOfTurn("the worker is registered")
        if not isinstance(message, OddsUpdate | SnapshotBegin | SnapshotCommit):
            return
        if self.seq is None:
            if not isinstance(message, OddsUpdate):
                raise OutOfTurn("a connection without numbers has no snapshots")
            return
        seq = message.envelope.seq
        if seq is None:
            raise Lost("this connection is numbered", code="seq_missing")
        if seq <= self.seq:
            raise OutOfTurn(f"number {seq} has come before", code="seq_repeated")
        missed, self.seq = seq - self.seq - 1, seq
        # A snapshot that begins makes good whatever was lost before it.
        if missed and not isinstance(message, SnapshotBegin):
            raise Lost(f"{missed} messages before number {seq} are missing", code="seq_gap")

    # -- what it does --------------------------------------------------------------------------

    def _take(self, message: Message, at: datetime) -> Refused | None:
        match message:
            case OddsUpdate():
                self._update(message, at)
                return self._rejected(message)
            case SnapshotBegin():
                self._staged = _Staged(at)
            case SnapshotCommit():
                self._commit(message)
            case StateSaid() if message.state != LIVE:
                self._staged = None
                self.sites.stop(self.worker, message.state, at)
            case Register() | Ping() | StateSaid() | ConfirmResponse():
                pass
        return None

    def _update(self, update: OddsUpdate, at: datetime) -> None:
        if self.seq is None:
            whole = _Staged(at)
            _stage(whole, update, at)
            self.sites.say_all(self.worker, list(whole.events.values()), at)
        elif self._staged is not None:
            _stage(self._staged, update, at)
        elif not self.worker.is_live:
            raise Lost("say the whole first", code="snapshot_first")
        else:
            self._check_size(update)
            self.sites.say(self.worker, update.events, at)

    def _check_size(self, update: OddsUpdate) -> None:
        known = self.worker.known
        new = sum(one.event.provider_event_id not in known for one in update.events)
        prices = self.worker.prices + sum(len(one.prices) for one in update.events)
        _check_size(len(known) + new, prices)

    def _commit(self, commit: SnapshotCommit) -> None:
        staged, self._staged = self._staged, None
        if staged is None:
            raise OutOfTurn("no snapshot has begun")
        if staged.count != commit.count:
            raise Lost(
                f"{staged.count} matches came and {commit.count} were counted", code="count_wrong"
            )
        self.sites.say_all(self.worker, list(staged.events.values()), staged.began_at)

    def _rejected(self, update: OddsUpdate) -> Refused | None:
        if not update.rejected:
            return None
        return Refused(
            "matches_rejected",
            "some matches or prices of this message were not taken",
            self.seq,
            rejected=update.rejected,
        )


def _stage(staged: _Staged, update: OddsUpdate, at: datetime) -> None:
    """Add an update to a snapshot. Raises Lost `too_many_events` beyond what a worker may feed."""
    staged.count += update.count
    for one in update.events:
        staged.prices += len(one.prices)
        staged.events[one.event.provider_event_id] = one, at
    _check_size(len(staged.events), staged.prices)


def _check_size(matches: int, prices: int) -> None:
    if matches > MAX_EVENTS or prices > MAX_PRICES:
        raise Lost(
            f"a worker has at most {MAX_EVENTS} matches and {MAX_PRICES} prices",
            code="too_many_events",
        )
