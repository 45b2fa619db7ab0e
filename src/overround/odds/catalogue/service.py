"""The catalogue's use cases, inside the caller's transaction.

Errors: NotFound (no such event), Invalid `result_impossible` (a score that cannot be).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from overround.core import facts, grading, ids, place_terms, positions
from overround.core.errors import Invalid, NotFound
from overround.db import Connection
from overround.odds.catalogue import store
from overround.odds.catalogue.model import Happened, Market, NewContest, Result, Selection

_EVENT_STATUS = {
    "finished": "ended",
    "awarded": "ended",
    "abandoned": "abandoned",
    "retired": "ended",
    "walkover": "cancelled",
    "postponed": "postponed",
    "cancelled": "cancelled",
}
# One of these is the score of a whole event, whatever the sport.
_WHOLE_SCORES = ("ft", "final", "sets")
_RUNNERS_MIN = 2
_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
# Who goes through can be told of a match that was never played.
_TOLD_UNPLAYED = frozenset({"advanced"})


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


def contest_market(
    event_id: UUID, runners: Sequence[str], terms: str | None
) -> tuple[Market, dict[str, Selection]]:
    """A contest's market `winner` and its selections by runner, with the ids that belong to them.

    Raises Invalid `unknown_side` for what is no runner's name, `place_terms`.
    """
    if terms is not None:
        place_terms.parse(terms)
    for runner in runners:
        grading.check("winner", "final", None, runner)
    market_id = ids.below(event_id, "market", "winner", "final", "")
    market = Market(market_id, event_id, "winner", "final", None, terms)
    return market, {
        runner: Selection(
            ids.below(event_id, "selection", "winner", "final", "", runner),
            market_id,
            event_id,
            runner,
        )
        for runner in runners
    }


async def add_contest(conn: Connection, contest: NewContest) -> dict[str, Selection]:
    """Write a contest with its competition and its market; returns its selections by runner.
    One that is there stays.

    Raises Invalid `contest_runners` for fewer than two runners or one named twice, and as
    `contest_market`.
    """
    count = len(contest.runners)
    if not _RUNNERS_MIN <= count <= positions.RUNNERS_MAX or len(set(contest.runners)) < count:
        raise Invalid("a contest has 2 to 200 runners, each named once", code="contest_runners")
    market, selections = contest_market(contest.id, contest.runners, contest.place_terms)
    named = contest.sport, contest.country, contest.competition
    wanted = {named: ids.derived(_NO_TIME, "competition", *named)}
    competitions = await store.add_competitions(conn, wanted)
    await store.add_contest(conn, contest, competitions[named])
    await store.add_markets(conn, [market], list(selections.values()))
    return selections


async def record_results(conn: Connection, happened: Sequence[Happened]) -> dict[UUID, int]:
    """Write what happened under the events' exclusive locks; the new versions by event.

    One whose newest version says the same already is left out. Bets that hold an event's lock are
    waited for, later ones see it closed (test: a bet after the result is refused). Raises NotFound,
    and Invalid `result_impossible`; then nothing is written.
    """
    for one in happened:
        impossible = contradiction(one)
        if impossible is not None:
            raise Invalid(impossible, code="result_impossible")
    for stranger in (await strangers(conn, happened)).values():
        raise Invalid(stranger, code="result_impossible")
    event_ids = [one.event_id for one in happened]
    if await store.lock_events(conn, event_ids) < len(set(event_ids)):
        raise NotFound("no such event")
    known = await store.latest_results(conn, event_ids)
    new: dict[UUID, Result] = {}
    for one in happened:
        before = new.get(one.event_id) or known.get(one.event_id)
        result = _next_version(one, before)
        if result is not None:
            # Of two words in one call the newer one is what is kept, under one number.
            version = new[one.event_id].version if one.event_id in new else result.version
            new[one.event_id] = replace(result, version=version)
    if new:
        results = list(new.values())
        await store.add_results(conn, results, [_EVENT_STATUS[r.status] for r in results])
    return {event_id: result.version for event_id, result in new.items()}


async def strangers(conn: Connection, happened: Sequence[Happened]) -> dict[UUID, str]:
    """event id -> why what is told is of no event of ours: a contest that has a score, or positions
    of somebody who does not run. A misspelt winner would make losers of all who backed him.
    """
    scored = [one.event_id for one in happened if one.scores]
    contests = await store.contests(conn, scored) if scored else set[UUID]()
    told = {one.event_id: one.positions for one in happened if one.positions is not None}
    named = await store.selections_of(conn, list(told)) if told else []
    known = {(one.event_id, one.side) for one in named}
    return dict.fromkeys(contests, "a contest has no score: say how its runners came in") | {
        event_id: f"no runner is called {runner}"
        for event_id, positions in told.items()
        for runner in positions
        if (event_id, runner) not in known
    }


def _next_version(one: Happened, before: Result | None) -> Result | None:
    """The version that `one` makes; None when it says nothing new, or less than a person said.

    A feed that is read again never takes back what a person has corrected
    (test: a feed read again leaves a correction alone), and what it said before its own correction
    does not come back (test: an older word changes no result). What somebody has only seen is a
    version of its own and never replaces what was confirmed
    (test: what was only seen gives way to what is confirmed).
    """
    scores = {period: [int(goals) for goals in score] for period, score in one.scores.items()}
    told = None if one.positions is None else dict(one.positions)
    if before is not None:
        same = (before.status, before.scores, before.positions) == (one.status, scores, told)
        surer = (before.certainty, one.certainty) == ("seen", "confirmed")
        vaguer = (before.certainty, one.certainty) == ("confirmed", "seen")
        outranked = before.by_person or vaguer or one.observed_at < before.observed_at
        if (same and not surer) or (outranked and not one.by_person):
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
        one.certainty,
        told,
    )


async def reschedule(
    conn: Connection, moves: Sequence[tuple[UUID, datetime, str]], at: datetime
) -> set[UUID]:
    """Move starts under the events' exclusive locks: (event, start, by whose word); which moved.

    Bets that hold a lock are waited for. The caller has seen to it that every start is ahead of
    `at`; what has ended or was cancelled stays where it is.
    """
    if not moves:
        return set()
    await store.lock_events(conn, [event_id for event_id, _, _ in moves])
    return await store.move_starts(conn, moves, at)


def contradiction(one: Happened) -> str | None:
    """Why what is said to have happened cannot be; None where it can."""
    impossible = facts.contradiction(one.scores)
    if impossible is None and one.positions is not None:
        impossible = positions.contradiction(one.positions)
    if impossible is not None:
        return impossible
    if one.positions is not None:
        return "a contest has no score" if one.scores else None
    if one.status in ("cancelled", "walkover") and set(one.scores) - _TOLD_UNPLAYED:
        return f"a {one.status} match has no score"
    if one.status == "finished" and not any(key in one.scores for key in _WHOLE_SCORES):
        return "a finished match needs its whole score"
    return None
