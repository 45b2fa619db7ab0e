"""The status report for a person at a terminal: a line on top, then tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

if TYPE_CHECKING:
    from rich.console import Console

_COLOURS: Final = {"healthy": "green", "degraded": "yellow", "down": "red", "running": "green"}
# As wide as the widest table, for whoever writes to a file.
_WIDTH: Final = 140
_REASONS_SHOWN: Final = 4
_PATTERNS_SHOWN: Final = 5

Report = Mapping[str, Any]


def write(report: Report, stream: TextIO) -> None:
    """Print the report."""
    from rich.console import Console

    console = Console(file=stream, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console = Console(file=stream, highlight=False, soft_wrap=True, width=_WIDTH)
    colour = _COLOURS[report["status"]]
    console.print(f"[bold {colour}]{report['status']}[/]  overround {report['version']}")
    if report.get("worded_by") == "model":
        console.print(f"\n{_plain(report['summary'])}\n")
    for one in report["findings"]:
        console.print(f"  [{_COLOURS[one['level']]}]{one['code']}[/]: {_plain(one['detail'])}")
        console.print(f"    [dim]probably {_plain(one['cause'])}[/]")
        console.print(f"    [dim]do: {_plain(one['remedy'])}[/]")
    if "processes" not in report:
        return
    at = datetime.fromisoformat(report["at"])
    _table(console, ("role", "state", "process", "for", "heard"), _processes(report, at))
    for line in _lines(report, at):
        console.print(line)
    patterns = [_pattern(one, at) for one in report["patterns"][:_PATTERNS_SHOWN]]
    if patterns:
        _table(console, ("level", "of the logs' last hour", "times", "last", "by"), patterns)
    providers = [_provider(one, at) for one in report["providers"]]
    if providers:
        _table(console, _PROVIDER_COLUMNS, providers)
    else:
        console.print("no provider was asked in a day, and no price stands")


def _processes(report: Report, at: datetime) -> list[Sequence[str]]:
    return [
        (one["role"], one["state"], _pid(one["process"]), _ago(one["since"], at),
         _ago(one["beat_at"], at))
        for one in report["processes"]
    ]  # fmt: skip


def _lines(report: Report, at: datetime) -> list[str]:
    database, hub, queue = report["database"], report["hub"], report["queue"]
    inbox, settle, books = report["inbox"], report["settle"], report["books"]
    leases = ", ".join(f"{one['name']} ({_pid(one['holder'])})" for one in report["leases"])
    sound = {None: "not checked yet", True: "sound", False: "BROKEN"}[books["sound"]]
    checked = f", checked {_ago(books['checked_at'], at)} ago" if books["checked_at"] else ""
    reasons = _counts(queue["reasons"])
    history = f"{_weight(database['history_bytes'])} in {database['history_pieces']} pieces"
    weighs = f"{_weight(database['bytes'])}, of it price history {history}"
    in_use = f"{database['connections']} of {database['connections_max']} connections"
    return [
        f"database  PostgreSQL {database['version']}, {weighs}, {in_use}",
        f"cache     {report['cache']['version'] or 'does not answer'}",
        f"leases    {_plain(leases) or 'none'}",
        f"hub       {_hub(hub, at)}",
        f"inbox     {_waits(inbox, at)}",
        f"queue     {_waits(queue, at)} for a decision{f': {reasons}' if reasons else ''}",
        f"settle    {_waits(settle, at)}, {settle['stuck']} stuck",
        f"books     {sound}, {books['tenants']} tenants{checked}",
        f"served    {_served(report['traffic'])}",
        f"machine   {_room(report['machine'])}",
    ]


def _served(traffic: Report | None) -> str:
    if traffic is None or not traffic["requests"]:
        return "nothing was asked lately"
    return (
        f"{traffic['requests']:,} requests in {_span(round(traffic['span_s'] * 1_000))},"
        f" half in {traffic['p50_ms']:g} ms, 95 % in {traffic['p95_ms']:g} ms,"
        f" {traffic['failed']:,} failed"
    )


def _room(machine: Report | None) -> str:
    if machine is None:
        return "not looked at"
    free, whole = (_weight(machine[f"disk_{word}"]) for word in ("free_bytes", "bytes"))
    room, memory = (_weight(machine[f"memory_{word}"]) for word in ("free_bytes", "bytes"))
    load = f"load {machine['load']:g} on {machine['processors']} processors"
    return f"{free} of {whole} disk and {room} of {memory} memory free, {load}"


def _pattern(one: Report, at: datetime) -> Sequence[str]:
    what = f"{one['what']}: {one['reason']}" if one["reason"] else one["what"]
    return (
        one["level"],
        what,
        f"{one['count']:,}",
        _ago(one["last_at"], at),
        ", ".join(one["roles"]),
    )


def _hub(hub: Report | None, at: datetime) -> str:
    if hub is None:
        return "nobody writes the board"
    ticked = f"ticked {_ago(hub['tick_at'], at)} ago" if hub.get("tick_at") else "has not ticked"
    return (
        f"{ticked} (longest {hub.get('tick_ms_max', 0)} ms), {hub.get('events', 0):,} events,"
        f" {hub.get('open_prices', 0):,} open prices of {hub.get('sources', 0)} sources,"
        f" {hub.get('books', 0)} books"
    )


def _waits(one: Report, at: datetime) -> str:
    if not one["waiting"]:
        return "nothing waits"
    return f"{one['waiting']:,} wait, the oldest for {_ago(one['oldest_at'], at)}"


_PROVIDER_COLUMNS: Final = (
    "provider", "asked", "ok", "last ok", "prices", "p50", "p95", "refused", "undecided", "quota",
    "breaker",
)  # fmt: skip


def _provider(one: Report, at: datetime) -> Sequence[str]:
    standing = cast("Report", one["standing"] or {})
    refused = _summed(one["rejected"], one["quarantined"])
    bps = one["success_bps"]
    return (
        one["provider"],
        f"{one['polls']:,}",
        "" if bps is None else f"{bps // 100} %",
        _ago(one["last_ok_at"], at) if one["last_ok_at"] else (one["last_state"] or ""),
        f"{standing.get('prices', 0):,}",
        _span(standing.get("age_p50_ms")),
        _span(standing.get("age_p95_ms")),
        _counts(refused),
        f"{one['undecided']:,}",
        "" if one["quota_left"] is None else f"{one['quota_left']:,}",
        one["breaker"] or "",
    )


def _summed(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """What was refused while it was read, and what was put aside: the same row is in one of them
    by the hour and in the other by its place, so the larger figure counts."""
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {**one, **other}}


def _table(console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(_coloured(cell) for cell in row))
    console.print(table)


def _coloured(cell: str) -> str:
    colour = _COLOURS.get(cell) or {"silent": "yellow", "ended": "red", "open": "red"}.get(cell)
    return f"[{colour}]{cell}[/]" if colour else _plain(cell)


def _pid(holder: str) -> str:
    """Which process it is; the rest of its signature tells machines and starts apart."""
    found = re.search(r"pid \d+", holder)
    return holder if found is None else found[0]


def _plain(text: str) -> str:
    """Text that is not ours: no colours by brackets in it."""
    return text.replace("[", "\\[")


def _counts(counts: Mapping[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    said = [f"{count:,} {word}" for word, count in ranked[:_REASONS_SHOWN]]
    return ", ".join(said) + (", …" if len(ranked) > _REASONS_SHOWN else "")


def _ago(then: str | None, at: datetime) -> str:
    if then is None:
        return ""
    return _span((at - datetime.fromisoformat(then)) // timedelta(milliseconds=1))


def _span(ms: int | None) -> str:
    """A length of time in its two largest words: 850 ms, 12 s, 3 min 4 s, 2 h 5 min, 3 d 4 h."""
    if ms is None:
        return ""
    seconds = max(ms, 0) // 1000
    if seconds < 1:
        return f"{max(ms, 0)} ms"
    words = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    said: list[str] = []
    for word, length in words:
        count, seconds = divmod(seconds, length)
        if count:
            said.append(f"{count} {word}")
        elif said:
            break
    return " ".join(said[:2])


def _weight(size_bytes: int) -> str:
    for unit, factor in (("GB", 1_000_000_000), ("MB", 1_000_000)):
        if size_bytes >= factor:
            tenths = size_bytes * 10 // factor
            return f"{tenths // 10}.{tenths % 10} {unit}"
    return f"{size_bytes // 1000} kB"
