"""The catalogue's use cases, inside the caller's transaction.

Errors: NotFound (no such event), Invalid `result_impossible` (a score that cannot be).
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from overround.core import grading, ids
from overround.core.errors import Invalid, NotFound
from overround.db import Connection
from overround.odds.catalogue import store
from overround.odds.catalogue.model import Happened, Market, Result, Selection

_EVENT_STATUS = {
    "finished": "ended",
    "awarded": "ended",
    "abandoned": "abandoned",
    "postponed": "postponed",
    "cancelled": "cancelled",
}
_GOALS_MAX = 99
_SIDES = 2


def market_and_selections(
    event_id: UUID, market_type: str, period: str, line_q4: int | None
) -> tuple[Market, dict[str, Selection]]:
    """A market of fixed sides and its selections by side, with the ids that belong to them.

    The ids follow from the event, type, period and line, so nobody needs to ask for them.
    Raises Invalid `unknown_market`.
    """
    words = (market_type, period, "" if line_q4 is None else str(line_q4))
    market = Market(ids.below(event_id, "market", *words), event_id, market_type, period, line_q4)
    selections = {
        side: Selection(ids.below(event_id, "selection", *words, side), market.id, event_id, side)
        for side in grading.sides(market_type)
    }
    return market, selections


async def record_results(conn: Connection, happened: Sequence[Happened]) -> dict[UUID, int]:
    """Write what happened under the events' exclusive locks; the new versions by event.

    One whose newest version says the same already is left out. Bets that hold an event's lock are
    waited for, later ones see it closed (test: a bet after the result is refused). Raises NotFound,
    and Invalid `result_impossible`; then nothing is written.
    """
    for one in happened:
        _check(one)
    event_ids = [one.event_id for one in happened]
    if await store.lock_events(conn, event_ids) < len(set(event_ids)):
        raise NotFound("no such event")
    known = await store.latest_results(conn, event_ids)
    new: dict[UUID, Result] = {}
    for one in happened:
        before = new.get(one.event_id) or known.get(one.event_id)
        result = _next_version(one, before)
        if result is not None and one.event_id not in new:
            new[one.event_id] = result
    if new:
        results = list(new.values())
        await store.add_results(conn, results, [_EVENT_STATUS[r.status] for r in results])
    return {event_id: result.version for event_id, result in new.items()}


def _next_version(one: Happened, before: Result | None) -> Result | None:
    """The version that `one` makes; None when it says nothing new, or less than a person said.

    A feed that is read again never takes back what a person has corrected
    (test: a feed read again leaves a correction alone).
    """
    scores = {period: [int(goals) for goals in score] for period, score in one.scores.items()}
    if before is not None:
        same = (before.status, before.scores) == (one.status, scores)
        if same or (before.by_person and not one.by_person):
            return None
    version = 1 if before is None else before.version + 1
    return Result(
        one.event_id,
        version,
        one.status,
        scores,
        one.entered_by,
        one.by_person,
        one.observed_at,
    )


def _check(one: Happened) -> None:
    scores = one.scores
    for period, score in scores.items():
        if (
            period not in ("ht", "ft")
            or len(score) != _SIDES
            or not 0 <= min(score) <= max(score) <= _GOALS_MAX
        ):
            raise Invalid(f"{period} {score} is no score", code="result_impossible")
    if one.status == "cancelled" and scores:
        raise Invalid("a cancelled match has no score", code="result_impossible")
    if one.status == "finished" and "ft" not in scores:
        raise Invalid("a finished match needs its full-time score", code="result_impossible")
    both = zip(scores.get("ht", ()), scores.get("ft", ()), strict=False)
    if any(half > full for half, full in both):
        raise Invalid("goals are not taken back after half-time", code="result_impossible")
