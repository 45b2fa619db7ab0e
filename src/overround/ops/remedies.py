"""What each finding probably comes of, and what to do about it: by rule, so that it is always said.

The sentences are ours alone; nothing that came from outside is in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from overround.ops.model import Finding

# By code: the probable cause, and the remedy.
REMEDIES: Final[Mapping[str, tuple[str, str]]] = {
    "nothing_runs": (
        "nothing was started, or the machine was restarted",
        "start `overround serve`; if it ends at once, the end of logs/supervisor.log says why",
    ),
    "no_api": (
        "the api ends when it starts: a taken port, a wrong setting, a database of another version",
        "read logs/api.log; `overround config check` and `overround db check` name what is wrong",
    ),
    "no_hub": (
        "the hub ends when it starts, or was not started here",
        "read logs/hub.log; prices stand until it is back and are suspended as they grow old",
    ),
    "no_settle": (
        "no settle process runs, or it cannot reach the database",
        "start `overround run settle`; what is due is settled when it is back, once",
    ),
    "no_jobs": (
        "no jobs process runs, or it cannot reach the database",
        "start `overround run jobs`; revenue days are made up when it is back",
    ),
    "hub_stands": (
        "a very large file is read in, or the machine has no processor time left for the hub",
        "look at load and at the longest tick; restart the hub when it does not tick again",
    ),
    "cache_away": (
        "the cache was stopped, is out of memory, or cannot be reached",
        "start it again; nothing of value is in it, and pages fall back to the database meanwhile",
    ),
    "inbox_waits": (
        "the hub is down or takes letters in slower than they come",
        "see that one hub runs; ask providers less often if the letters pile up every time",
    ),
    "settlement_waits": (
        "too few settle processes for what was decided, or the database is slow",
        "start another `overround run settle`; any number share the work",
    ),
    "slips_wait": (
        "no settle process places what waited, or one slip of a batch cannot be placed",
        "start another `overround run settle`; what fails is named in its log as slips.slip_failed",
    ),
    "cash_outs_wait": (
        "no settle process pays what has stood its delay, or one of them cannot be paid",
        "start another `overround run settle`; what fails is named in its log as cash_outs.failed",
    ),
    "settlement_stuck": (
        "a bet cannot be graded with what is known of its event",
        "`overround verify` names it; correct the result and it is tried again",
    ),
    "provider_fails": (
        "the provider is down, refuses our key or address, or has changed its format",
        "the last state names which; check key and base_url, and its own status page",
    ),
    "breaker_open": (
        "it failed several times in a row and is left alone for a while",
        "nothing at first: it is tried again by itself; see provider_fails when it stays open",
    ),
    "quota_spent": (
        "the key's requests of this period are used up",
        "add a key to the pool, or ask less often; it is asked again when the period ends",
    ),
    "prices_stale": (
        "the provider is not asked any more, or answers without these events",
        "see when it was last asked and how that ended; its schedule or key may be missing",
    ),
    "books_broken": (
        "an entry is missing, doubled or of the wrong amount: a fault of ours or a manual change",
        "stop payouts; `overround verify --deep` names accounts and transfers; restore or correct",
    ),
    "books_unchecked": (
        "the jobs process does not run, or the check takes longer than its turn",
        "start `overround run jobs`, or run `overround verify --deep` by hand",
    ),
    "pool_crowded": (
        "requests hold connections for longer, most often behind a slow or locked statement",
        "look for long transactions in pg_stat_activity; raise database.pool_web if it is load",
    ),
    "connections_short": (
        "more processes, or larger pools, than the server has connections for",
        "lower the pools, put PgBouncer between, or raise max_connections",
    ),
    "replica_behind": (
        "the replica's disk or network is slower than what is written",
        "reads fall back to the primary; look at the replica's disk and at its replay",
    ),
    "answers_fail": (
        "the database is away or a fault of ours was rolled out",
        "the log's most frequent pattern names which; roll back if it began with a release",
    ),
    "answers_slow": (
        "the database or the machine is short of time: locks, a missing index, too much load",
        "compare db_pool_usage_percent and processor time; find the slow endpoint in the metrics",
    ),
    "errors_unusual": (
        "something began to fail that did not before",
        "the log's most frequent pattern names it; see what was changed when it began",
    ),
    "disk_short": (
        "history, logs or backups have grown",
        "lower retention.history_bytes_max or make room; a full disk stops every bet",
    ),
    "backup_old": (
        "what takes backups does not run, or fails",
        "run `overround db backup` and read what it says; then look at its timer",
    ),
    "database_unavailable": (
        "the database was stopped, cannot be reached, or refuses our log-in",
        "start it; public pages go on from copies, and money is refused until it is back",
    ),
}

CODES: Final = frozenset(REMEDIES)


def explained(finding: Finding) -> Finding:
    """The finding with its probable cause and its remedy."""
    cause, remedy = REMEDIES[finding.code]
    return replace(finding, cause=cause, remedy=remedy)
