"""The status report: what was looked at as one plain object, the same for the terminal and HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from overround.ops import remedies, rules
from overround.ops.model import (
    Asked,
    Books,
    CacheUse,
    Counted,
    Finding,
    Life,
    Look,
    Server,
    Standing,
    Waiting,
)

Report = dict[str, Any]

# A provider's markets and sources that are named one by one; the others are in its totals.
_NAMED_MAX: Final = 200


def report(look: Look) -> Report:
    """Everything that was found, with `status` and `findings` above it. Times are ISO 8601 UTC."""
    found = rules.findings(look)
    return {
        "status": rules.overall(found),
        "version": look.version,
        "at": _time(look.at),
        "summary": summary(found),
        "findings": [_finding(one) for one in found],
        "processes": [_process(life, look.at) for life in look.lives],
        "leases": [{"name": one.name, "holder": one.holder} for one in look.leases],
        "database": {
            "version": look.storage.version,
            "bytes": look.storage.size_bytes,
            "history_bytes": look.storage.history_bytes,
            "history_pieces": look.storage.history_pieces,
            "history_from": _time(look.storage.history_from),
            **_server(look.server),
        },
        "cache": {"version": look.cache},
        "hub": _hub(look),
        "providers": [_provider(look, name) for name in _names(look)],
        "queue": {
            "waiting": sum(one.count for one in look.queue),
            "oldest_at": _time(min((one.oldest_at for one in look.queue), default=None)),
            "reasons": _by_reason(look.queue),
        },
        "inbox": _waiting(look.inbox),
        "settle": {**_waiting(look.settle), "stuck": look.settle.stuck},
        "books": books_report(look.books),
        "pools": [asdict(one) for one in look.pools],
        "traffic": look.traffic and asdict(look.traffic),
        "traffic_before": look.traffic_before and asdict(look.traffic_before),
        "patterns": [{**asdict(one), "last_at": _time(one.last_at)} for one in look.patterns],
        "machine": look.machine and asdict(look.machine),
        "backup_at": _time(look.backup_at),
        "sessions": {**look.sessions, **_hits(look.caches.get("session"))},
        "caches": {name: _hits(use) for name, use in look.caches.items()},
        "bets": {
            "waiting": look.bets_waiting,
            "slips": {why: _waiting(one) for why, one in look.slips.items()},
            "cash_outs": _waiting(look.cash_outs),
        },
    }


def _hits(use: CacheUse | None) -> Report:
    """How often a cache had it; nothing of a cache that nobody counted."""
    return {} if use is None else {**asdict(use), "hit_bps": use.hit_bps}


def down(code: str, detail: str) -> Report:
    """What can be said of a house in which nobody can be asked anything."""
    found = [remedies.explained(Finding(code, "down", detail))]
    told = [_finding(one) for one in found]
    return {"summary": summary(found), "worded_by": "rules", "findings": told}


def summary(found: Sequence[Finding]) -> str:
    """The house in a few sentences, by rule: how it is, and of the worst what to do."""
    if not found:
        return "Everything is as it should be."
    others = f" and {len(found) - 1} more" if len(found) > 1 else ""
    worst = found[0]
    said = f"The house is {worst.level}: {worst.detail}{others}."
    return f"{said} Probable cause: {worst.cause}. What to do: {worst.remedy}."


def books_report(books: Books) -> Report:
    """What the last check of the ledgers found."""
    return {
        "checked_at": _time(books.checked_at),
        "sound": None if books.checked_at is None else not books.violations,
        "tenants": books.tenants,
        "violations": list(books.violations),
    }


def books_of(said: Report | None) -> Books:
    """The books that `books_report` told."""
    if said is None or said["checked_at"] is None:
        return Books(None)
    checked_at = datetime.fromisoformat(said["checked_at"])
    return Books(checked_at, said["tenants"], tuple(said["violations"]))


def _finding(one: Finding) -> Report:
    return {
        "code": one.code,
        "subject": one.subject,
        "level": one.level,
        "detail": one.detail,
        "cause": one.cause,
        "remedy": one.remedy,
    }


def _server(server: Server | None) -> Report:
    """Who is connected and who follows; nothing where nobody asked."""
    if server is None:
        return {}
    return {
        "connections": server.connections,
        "connections_max": server.connections_max,
        "is_replica": server.is_replica,
        "replicas": [asdict(one) for one in server.replicas],
        "archived_at": _time(server.archived_at),
        "archive_failures": server.archive_failures,
    }


def _names(look: Look) -> list[str]:
    """Everybody who was asked, has a price standing, or waits for somebody."""
    named = {one.provider for one in (*look.asked, *look.standing, *look.quarantined, *look.queue)}
    return sorted(named | set(look.gates))


def _process(life: Life, at: datetime) -> Report:
    state = "running" if rules.running([life], at) else ("ended" if life.ended else "silent")
    return {
        "role": life.role,
        "state": state,
        "process": life.holder.partition(", ")[2],
        "version": life.version,
        "since": _time(life.since),
        "beat_at": _time(life.beat_at),
    }


def _hub(look: Look) -> Report | None:
    """What the hub that writes the board says of itself; None where none runs."""
    writer = rules.writer_of(look)
    return None if writer is None else writer.facts


def _provider(look: Look, name: str) -> Report:
    asked = [one for one in look.asked if one.provider == name]
    standing = [one for one in look.standing if one.provider == name]
    total = next((one for one in standing if one.source is None and one.sport is None), None)
    polls, ok = sum(one.polls for one in asked), sum(one.ok for one in asked)
    last = max(asked, key=lambda one: one.last_at, default=None)
    gate = look.gates.get(name)
    quotas = [one for one in asked if one.quota_left is not None]
    quota = max(quotas, key=lambda one: one.last_at).quota_left if quotas else None
    return {
        "provider": name,
        "polls": polls,
        "ok": ok,
        "success_bps": rules.success_bps(polls, ok),
        "states": _summed([one.states for one in asked]),
        "last_at": _time(last and last.last_at),
        "last_state": last and last.last_state,
        "last_ok_at": _time(max((one.last_ok_at for one in asked if one.last_ok_at), default=None)),
        "took_ms_mean": sum(one.took_ms for one in asked) // polls if polls else None,
        "took_ms_max": max((one.took_ms_max for one in asked), default=None),
        "rows": sum(one.rows_read for one in asked),
        "events": sum(one.events for one in asked),
        "prices": sum(one.prices for one in asked),
        "bytes": sum(one.body_bytes for one in asked),
        "rejected": _summed([one.rejected for one in asked]),
        "quarantined": _by_reason([one for one in look.quarantined if one.provider == name]),
        "undecided": sum(one.count for one in look.queue if one.provider == name),
        "quota_left": quota if gate is None or gate.quota_left is None else gate.quota_left,
        "breaker": gate and gate.breaker,
        "breaker_until": _time(gate and gate.breaker_until),
        "rests_until": _time(gate and gate.rests_until),
        "standing": None if total is None else _ages(total),
        "sources": [
            {"source": one.source, **_ages(one)} for one in standing if one.source is not None
        ][:_NAMED_MAX],
        "coverage": [
            {"sport": one.sport, "market": one.market_type, **_ages(one)}
            for one in standing
            if one.sport is not None
        ][:_NAMED_MAX],
        "sports": [_sport(one) for one in asked],
    }


def _sport(one: Asked) -> Report:
    return {
        "sport": one.sport,
        "polls": one.polls,
        "ok": one.ok,
        "events": one.events,
        "prices": one.prices,
        "last_ok_at": _time(one.last_ok_at),
    }


def _ages(one: Standing) -> Report:
    return {
        "prices": one.prices,
        "open": one.open_prices,
        "events": one.events,
        "age_p50_ms": one.p50_ms,
        "age_p95_ms": one.p95_ms,
    }


def _waiting(one: Waiting) -> Report:
    return {"waiting": one.count, "oldest_at": _time(one.oldest_at)}


def _by_reason(counted: Sequence[Counted]) -> dict[str, int]:
    return _summed([{one.reason: one.count} for one in counted])


def _summed(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(sorted(total.items(), key=lambda pair: (-pair[1], pair[0])))


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds")
