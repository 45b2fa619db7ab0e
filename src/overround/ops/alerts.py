"""Which findings are new, which stand still, and which have gone."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from overround.ops.model import Alert, Finding
from overround.ops.remedies import REMEDIES

_SUBJECT_CHARS_MAX: Final = 120
_DETAIL_CHARS_MAX: Final = 500
# A house in which everything is broken is told by its worst.
ALERTS_MAX: Final = 200


class Steady:
    """What was found at two looks in a row: a house that starts, or a pool that was full for a
    moment, is nobody's business."""

    def __init__(self) -> None:
        self._last: frozenset[tuple[str, str]] = frozenset()

    def confirmed(self, found: Sequence[Finding]) -> list[Finding]:
        """Those of this look that were found at the last one, too."""
        before = self._last
        self._last = frozenset((one.code, one.subject) for one in found)
        return [one for one in found if (one.code, one.subject) in before]


def changed(
    standing: Sequence[Alert], found: Sequence[Finding], at: datetime, repeat: timedelta
) -> list[Alert]:
    """The alerts as they have to be written down, and told where `told_at` is None.

    What stands for longer than `repeat` since it was told is told again. What comes back before its
    end was told was never gone.
    """
    known = {(one.code, one.subject): one for one in standing}
    present = {(one.code, one.subject[:_SUBJECT_CHARS_MAX]): one for one in found[:ALERTS_MAX]}
    written: list[Alert] = []
    for key, finding in present.items():
        alert = _standing(known.get(key), finding, at, repeat)
        if alert != known.get(key):
            written.append(alert)
    for key, alert in known.items():
        if key not in present and alert.state == "raised":
            written.append(replace(alert, state="cleared", changed_at=at, told_at=None))
    return written


def _standing(known: Alert | None, finding: Finding, at: datetime, repeat: timedelta) -> Alert:
    detail = finding.detail[:_DETAIL_CHARS_MAX]
    if known is None or known.state == "cleared":
        subject = finding.subject[:_SUBJECT_CHARS_MAX]
        return Alert(finding.code, subject, finding.level, detail, "raised", at, at, None)
    if finding.level != known.level:
        return replace(known, level=finding.level, detail=detail, changed_at=at, told_at=None)
    if known.told_at is not None and at - known.told_at >= repeat:
        return replace(known, detail=detail, changed_at=at, told_at=None)
    return known


def signature(secret: str, sent_at_s: int, body: bytes) -> str:
    """What a receiver checks a message by: HMAC-SHA256 of "<seconds>.<body>", in hex."""
    signed = b"%d.%b" % (sent_at_s, body)
    return f"sha256={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def message(alert: Alert, at: datetime, version: str) -> Mapping[str, Any]:
    """What a sink is told: the alert, its probable cause and its remedy. Times are ISO 8601."""
    cause, remedy = REMEDIES.get(alert.code, ("", ""))
    return {
        "id": f"{alert.code}:{alert.subject}:{alert.changed_at.isoformat()}",
        "code": alert.code,
        "subject": alert.subject,
        "state": alert.state,
        "level": alert.level,
        "detail": alert.detail,
        "cause": cause,
        "remedy": remedy,
        "raised_at": alert.raised_at.isoformat(),
        "at": at.isoformat(),
        "version": version,
    }
