"""Telling what was found to whoever has to know: the log, and a webhook where one is set.

What is told and what was heard is in the database, so an alert outlives whoever tells it. No
connection is held while a receiver is waited for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any, Final

import httpx2

from overround import ops
from overround.db import Database
from overround.kit import logs
from overround.kit.settings import AlertSettings
from overround.ops import Alert, Finding

# The others are told at the next look, ten seconds later.
_AT_ONCE_MAX: Final = 20
_LEVELS: Final = {"down": "error", "degraded": "warning", "healthy": "info"}

_log = logs.get(__name__)


async def tell(
    db: Database, findings: Sequence[Finding], at: datetime, settings: AlertSettings
) -> int:
    """Tell what is new, what stands still and what has gone; returns how many were taken."""
    async with db.transaction(None) as conn:
        due = await ops.tell_alerts(conn, findings, at, timedelta(seconds=settings.repeat_s))
    taken = 0
    for alert in due[:_AT_ONCE_MAX]:
        said = ops.message(alert, at, version("overround"))
        if alert.changed_at == at:
            _write(alert, said)
        if settings.webhook_url is None or await _posted(said, at, settings):
            async with db.transaction(None) as conn:
                await ops.told_alert(conn, alert, at)
            taken += 1
    return taken


def _write(alert: Alert, said: Mapping[str, Any]) -> None:
    """One line a change, however often the webhook has to be asked."""
    level = "info" if alert.state == "cleared" else _LEVELS[alert.level]
    fields = {name: said[name] for name in ("code", "subject", "detail", "cause", "remedy")}
    getattr(_log, level)(f"alert.{alert.state}", **fields)


async def _posted(said: Mapping[str, Any], at: datetime, settings: AlertSettings) -> bool:
    """Whether the receiver took it: any 2xx."""
    assert settings.webhook_url is not None
    body = json.dumps(said, ensure_ascii=False).encode()
    sent_at_s = int(at.timestamp())
    headers = {"Content-Type": "application/json", "X-Overround-Timestamp": str(sent_at_s)}
    if settings.webhook_secret is not None:
        secret = settings.webhook_secret.get_secret_value()
        headers["X-Overround-Signature"] = ops.signature(secret, sent_at_s, body)
    try:
        async with httpx2.AsyncClient(
            timeout=settings.webhook_timeout_s, follow_redirects=False, trust_env=False
        ) as client:
            answer = await client.post(settings.webhook_url, content=body, headers=headers)
    except httpx2.HTTPError as error:
        _log.warning("alert.not_posted", code=said["code"], reason=type(error).__name__)
        return False
    if not answer.is_success:
        _log.warning("alert.not_posted", code=said["code"], reason=f"status {answer.status_code}")
    return answer.is_success
