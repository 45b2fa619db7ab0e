"""What the logs complain of: lines that say the same, counted as one.

Two lines say the same when they are of one level and one event, and their reasons are equal once
figures, ids and quoted text are taken away. So a hundred refused log-ins of a hundred players are
one pattern, and no player's name is in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast

from overround.ops.model import Pattern

LEVELS: Final = frozenset({"warning", "error", "critical"})
PATTERNS_MAX: Final = 30
_CHARS_MAX: Final = 160
# A program that logs something new with every line does not make this one grow.
_KEPT_MAX: Final = 2_000

# What was told of the house is no news of it.
_TOLD: Final = "alert."
_EVENT: Final = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)*")
_QUOTED: Final = re.compile(r"\"[^\"]*\"|'[^']*'|«[^»]*»")
_FIGURE: Final = re.compile(r"\b[0-9a-f]{8,}(?:-[0-9a-f]{4,})*\b|\d+(?:[.:]\d+)*")
_EXCEPTION: Final = re.compile(r"((?:\w+\.)*\w*(?:Error|Exception|Interrupt|Exit))\b(?::|$)")


@dataclass(slots=True)
class _Heard:
    count: int = 0
    roles: set[str] = field(default_factory=set[str])
    last_at: datetime | None = None


def grouped(lines: Iterable[tuple[str, str]], since: datetime) -> list[Pattern]:
    """The patterns of (role, line) since a time, the most frequent first.

    A line that is no JSON object is an interpreter's own; the name of an exception in it counts.
    """
    found: dict[tuple[str, str, str], _Heard] = {}
    for role, line in lines:
        said = _said(line, since)
        if said is None:
            continue
        level, what, reason, at = said
        key = (level, what, reason)
        if key not in found and len(found) >= _KEPT_MAX:
            continue
        heard = found.setdefault(key, _Heard())
        heard.count += 1
        heard.roles.add(role)
        heard.last_at = at if heard.last_at is None else max(at, heard.last_at)
    ranked = sorted(found.items(), key=lambda pair: (-pair[1].count, pair[0]))[:PATTERNS_MAX]
    return [
        Pattern(level, what, reason, heard.count, sorted(heard.roles), heard.last_at or since)
        for (level, what, reason), heard in ranked
    ]


def normalised(text: str) -> str:
    """`text` without what differs from one time to the next."""
    return _FIGURE.sub("#", _QUOTED.sub("…", text[: 4 * _CHARS_MAX]))[:_CHARS_MAX].strip()


def _said(line: str, since: datetime) -> tuple[str, str, str, datetime] | None:
    """Level, event, reason and time of a line that counts."""
    try:
        content = json.loads(line)
    except ValueError:
        broken = _EXCEPTION.match(line)
        return None if broken is None else ("error", broken[1][:_CHARS_MAX], "", since)
    if not isinstance(content, dict):
        return None
    fields = cast("dict[str, Any]", content)
    level, at = fields.get("level"), _time(fields.get("timestamp"))
    if level not in LEVELS or at is None or at < since:
        return None
    event = str(fields.get("event", ""))
    if event.startswith(_TOLD):
        return None
    what = event if _EVENT.fullmatch(event) else normalised(event)
    return str(level), what[:_CHARS_MAX], normalised(_reason(fields)), at


def _reason(fields: dict[str, Any]) -> str:
    """Why, as the line says it: its reason, or the last line of its traceback."""
    reason = fields.get("reason") or fields.get("code")
    if isinstance(reason, str):
        return reason
    raised = fields.get("exception")
    found = _EXCEPTION.findall(raised) if isinstance(raised, str) else []
    return str(found[-1]) if found else ""


def _time(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
