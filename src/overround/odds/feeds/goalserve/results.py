"""How a match of football stands or ended. Ninety minutes are graded from `ft` and never from
`goals`, which go on into extra time; `pen` counts for nobody's goals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from overround.core import facts
from overround.core.endings import ResultStatus
from overround.odds.feeds import body as bodies
from overround.odds.feeds.goalserve import tree
from overround.odds.feeds.goalserve.tree import Node
from overround.odds.feeds.model import FeedEvent, FeedResult, FeedScore
from overround.odds.feeds.reading import EventRefused

# The words by which a match is over; any other says that it is not.
_ENDED: Final[Mapping[str, ResultStatus]] = {
    "FT": "finished",
    "AET": "finished",
    "Pen.": "finished",
    "Aban.": "abandoned",
    "WO": "walkover",
    "Awarded": "awarded",
}
_NOT_PLAYED: Final[Mapping[str, ResultStatus]] = {
    "Postp.": "postponed",
    "Cancl.": "cancelled",
}
_AFTER_FULL_TIME: Final = frozenset({"AET", "Pen."})
_HALF_TIME: Final = "HT"
_MINUTE: Final = re.compile(r"[0-9]{1,3}")
_MINUTES: Final = 90
_SCORE: Final = re.compile(r"\[?\s*([0-9]{1,2})\s*-\s*([0-9]{1,2})\s*\]?")
# A body without a stamp of its own was made after its matches had ended.
_LENGTH: Final = timedelta(hours=2)


def result_of(event: FeedEvent, match: Node, seen_at: datetime | None) -> FeedResult | None:
    """How the match ended, if it did. Raises EventRefused `result_incomplete`,
    `result_inconsistent`."""
    status = tree.text(match, "status")
    ended = _NOT_PLAYED.get(status)
    at = seen_at or event.starts_at + _LENGTH
    if ended is not None:
        return FeedResult(event.provider, event.provider_event_id, ended, {}, at)
    ended = _ENDED.get(status)
    if ended is None or event.sport != "football":
        return None
    scores = _scores(match, status)
    if ended == "finished" and "ft" not in scores:
        raise EventRefused("result_incomplete", status)
    wrong = facts.contradiction(scores)
    if wrong is not None:
        raise EventRefused("result_inconsistent", wrong)
    return FeedResult(event.provider, event.provider_event_id, ended, scores, at)


def score_of(event: FeedEvent, match: Node, seen_at: datetime | None) -> FeedScore | None:
    """How the ninety minutes stand while they are on."""
    status = tree.text(match, "status")
    minute = int(status) if _MINUTE.fullmatch(status) else None
    is_on = status == _HALF_TIME or (minute is not None and minute <= _MINUTES)
    goals = _goals(match)
    if event.sport != "football" or not is_on or goals is None:
        return None
    clock = status if minute is None else f"{minute}'"
    at = seen_at or event.starts_at + timedelta(minutes=minute or 0)
    return FeedScore(event.provider, event.provider_event_id, clock, {"ft": goals}, at)


def _scores(match: Node, status: str) -> dict[str, tuple[int, int]]:
    found = {period: _score(match, period) for period in ("ht", "ft", "pen")}
    scores = {period: score for period, score in found.items() if score is not None}
    goals, full = _goals(match), scores.get("ft")
    if status in _AFTER_FULL_TIME and goals is not None and full is not None:
        if goals[0] < full[0] or goals[1] < full[1]:
            raise EventRefused("result_inconsistent", f"{goals} after {full}")
        scores["et"] = goals[0] - full[0], goals[1] - full[1]
    return scores


def _score(match: Node, period: str) -> tuple[int, int] | None:
    text = next((tree.text(one, "score") for one in tree.children(match, period)), "")
    found = _SCORE.fullmatch(text)
    return None if found is None else (int(found[1]), int(found[2]))


def _goals(match: Node) -> tuple[int, int] | None:
    teams = [tree.children(match, name) for name in ("localteam", "visitorteam")]
    goals = [tree.text(team[0], "goals") if team else "" for team in teams]
    return bodies.points(goals[0], goals[1])
