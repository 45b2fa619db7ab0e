"""How the product is doing, and the log of what it ran.

A *run* is a replay of one set of files for one tenant. Invariant: `advance_run` is called in the
transaction of the step it counts, so a killed replay goes on exactly where the last committed step
ended (test: killed at three moments).

A *look* is everything that can be seen of the house at one moment; its *findings* are what is not
as it should be; a *report* is both as a plain object. The jobs write one every few seconds, so that
nobody who asks over HTTP makes the database count anything. An *outcome* is what came of asking a
provider once, and `record` adds it to its hour; a *beat* is a process saying that it lives.
"""

from overround.ops.model import Books, Finding, FoundEdge, Look, Written
from overround.ops.reports import Report, books_report, report
from overround.ops.service import check_books, forget, look
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
    record,
    unended_events,
    write_report,
)

__all__ = [
    "Books",
    "Finding",
    "FoundEdge",
    "Look",
    "Report",
    "Run",
    "Written",
    "advance_run",
    "beat",
    "begin_run",
    "books_report",
    "check_books",
    "edges_found",
    "events_decided",
    "events_named",
    "finish_run",
    "forget",
    "last_report",
    "look",
    "prices_changed",
    "record",
    "report",
    "unended_events",
    "write_report",
]
