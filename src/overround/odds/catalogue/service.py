"""The catalogue's use cases, inside the caller's transaction.

Errors: NotFound (no such event), Invalid `result_impossible` (a score that cannot be).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from overround.core import grading, ids
from overround.core.errors import Invalid
from overround.db import Connection
from overround.odds.catalogue import store
from overround.odds.catalogue.model import Market, Result, ResultStatus, Selection

_EVENT_STATUS = {
    "finished": "ended",
    "awarded": "ended",
    "abandoned": "abandoned",
    "postponed": "postponed",
    "cancelled": "cancelled",
}
_GOALS_MAX = 999


def market_and_selections(
    event_id: UUID, starts_at: datetime, market_type: str, period: str, line_q4: int | None
) -> tuple[Market, dict[str, Selection]]:
    """A market of fixed sides and its selections by side, with the ids that belong to them.

    The ids follow from the event, type, period and line, so nobody needs to ask for them.
    Raises Invalid `unknown_market`.
    """
    words = (str(event_id), market_type, period, "" if line_q4 is None else str(line_q4))
    market = Market(
        ids.derived(starts_at, "market", *words), event_id, market_type, period, line_q4
    )
    selections = {
        side: Selection(
            ids.derived(starts_at, "selection", *words, side), market.id, event_id, side
        )
        for side in grading.sides(market_type)
    }
    return market, selections


async def record_result(
    conn: Connection,
    event_id: UUID,
    *,
    status: ResultStatus,
    scores: Mapping[str, Sequence[int]],
    entered_by: str,
    observed_at: datetime,
) -> int | None:
    """Write what happened under the event's exclusive lock; returns the new version.

    None when the newest version says the same already. Bets that hold the event's lock are waited
    for, later ones see it closed (test: a bet after the result is refused).
    """
    facts = {period: [int(goals) for goals in score] for period, score in scores.items()}
    for period, score in facts.items():
        if (
            period not in ("ht", "ft")
            or len(score) != 2
            or not 0 <= min(score) <= max(score) <= _GOALS_MAX
        ):
            raise Invalid(f"{period} {score} is no score", code="result_impossible")
    if status == "finished" and "ft" not in facts:
        raise Invalid("a finished match needs its full-time score", code="result_impossible")
    if (
        "ht" in facts
        and "ft" in facts
        and any(h > f for h, f in zip(facts["ht"], facts["ft"], strict=True))
    ):
        raise Invalid("goals are not taken back after half-time", code="result_impossible")
    await store.lock_event(conn, event_id)
    known = await store.latest_result(conn, event_id)
    if known is not None and (known.status, known.scores) == (status, facts):
        return None
    version = 1 if known is None else known.version + 1
    await store.add_result(
        conn,
        Result(event_id, version, status, facts, entered_by, observed_at),
        _EVENT_STATUS[status],
    )
    return version
