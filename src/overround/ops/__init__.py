"""How the product is doing, and the log of what it ran.

A *run* is a replay of one set of files for one tenant. Invariant: `advance_run` is called in the
transaction of the step it counts, so a killed replay goes on exactly where the last committed step
ended (test: killed at three moments).

A *look* is everything that can be seen of the house at one moment; its *findings* are what is not
as it should be; a *report* is both as a plain object. The jobs write one every few seconds, so that
nobody who asks over HTTP makes the database count anything. An *outcome* is what came of asking a
provider once, and `record` adds it to its hour; a *beat* is a process saying that it lives.

A finding says its probable cause and its remedy, and while it stands it is an *alert*: told when it
is raised, again from time to time, and when it has gone. A model may *word* a report; what it says
is shown beside what was found and changes nothing of it.
"""

from overround.ops.alerts import Steady, message, signature
from overround.ops.machine import machine_of
from overround.ops.model import (
    Alert,
    Books,
    Finding,
    FoundEdge,
    Look,
    Machine,
    Thresholds,
    Written,
)
from overround.ops.patterns import grouped
from overround.ops.remedies import CODES, explained
from overround.ops.reports import Report, books_report, down, report
from overround.ops.rules import believed, findings
from overround.ops.service import check_books, forget, look, record, tell_alerts
from overround.ops.store import (
    Run,
    advance_run,
    beat,
    begin_run,
    edges_found,
    events_decided,
    events_named,
    finish_run,
    last_report,
    prices_changed,
    told_alert,
    unended_events,
    write_report,
)
from overround.ops.traffic import History, bets_waiting_of, caches_of, counts_of, pools_of
from overround.ops.wording import (
    Facts,
    LlmKind,
    Question,
    answered,
    chosen,
    digest,
    facts_of,
    question,
)

__all__ = [
    "CODES",
    "Alert",
    "Books",
    "Facts",
    "Finding",
    "FoundEdge",
    "History",
    "LlmKind",
    "Look",
    "Machine",
    "Question",
    "Report",
    "Run",
    "Steady",
    "Thresholds",
    "Written",
    "advance_run",
    "answered",
    "beat",
    "begin_run",
    "believed",
    "bets_waiting_of",
    "books_report",
    "caches_of",
    "check_books",
    "chosen",
    "counts_of",
    "digest",
    "down",
    "edges_found",
    "events_decided",
    "events_named",
    "explained",
    "facts_of",
    "findings",
    "finish_run",
    "forget",
    "grouped",
    "last_report",
    "look",
    "machine_of",
    "message",
    "pools_of",
    "prices_changed",
    "question",
    "record",
    "report",
    "signature",
    "tell_alerts",
    "told_alert",
    "unended_events",
    "write_report",
]
