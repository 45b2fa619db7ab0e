"""Is their event our event? Decided from names, category, country, competition and start.

One false pair can cost a whole stake and a missed one costs a chance, so both teams have to agree,
a category or country that disagrees is a veto, and what is not clear goes to a person. Prices can
only forbid: two markets that agree are no proof of anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from overround.odds.catalogue import names
from overround.odds.catalogue.names import FIRST_TEAM, TeamName
from overround.odds.feeds import FeedEvent
from overround.odds.matching import evidence
from overround.odds.matching.evidence import NOTHING_KNOWN, Knowledge
from overround.odds.matching.likeness import likeness, rivals
from overround.odds.matching.marks import beginnings
from overround.odds.matching.model import Aliases, Candidate, Decision, Reason, Score

# Starts this far apart are the same start; sources round and correct by minutes.
NEAR: Final = timedelta(minutes=15)
# Where the names leave little doubt a start may be off by a time zone.
WIDE: Final = timedelta(hours=3)
# Where they leave less, by what a fixture is moved within the day, or within its round.
MOVED: Final = timedelta(hours=26)
MOVED_ROUND: Final = timedelta(hours=72)
# No side plays twice within it, so names that are only likely may be off by as much.
RESTED: Final = timedelta(hours=46)
_ESPORTS: Final = "esports"
# How far apart two starts may be at all. Between sides that meet again soon it is less than their
# next meeting: a doubleheader's second game cannot begin before the first one is over.
_WINDOWS: Final = {
    "football": MOVED_ROUND,
    "rugby": MOVED_ROUND,
    "american_football": MOVED_ROUND,
    "americanfootball": MOVED_ROUND,
    # Order of play: the start drifts by hours and the names decide.
    "tennis": MOVED,
    "mma": MOVED_ROUND,
    "boxing": MOVED_ROUND,
    "ice_hockey": timedelta(hours=12),
    "icehockey": timedelta(hours=12),
    "basketball": timedelta(hours=12),
    "baseball": timedelta(minutes=140),
    _ESPORTS: NEAR,
    "table_tennis": NEAR,
    "darts": NEAR,
}
# Where the names of two teams may meet twice within days: friendlies are played in pairs.
_SERIES_WORDS: Final = frozenset({"friendly", "friendlies", "test"})

ACCEPT: Final = 0.60
STRONG: Final = 0.70
# Enough of both sides where the start is the same and the country is known to be.
PLAUSIBLE: Final = 0.45
# One side beyond doubt, in the same slot and country: a team plays once at a time, so the other
# side needs to be possible only, or to be nobody else that the competition knows.
CERTAIN: Final = 0.97
LIKELY: Final = 0.85
POSSIBLE: Final = 0.30

# Below this it is another event; between it and ACCEPT a person decides.
DOUBTFUL: Final = 0.48
MARGIN: Final = 0.08

_EXACT: Final = 1.0
_NO_LIKENESS: Final = 0.0


class Fixture(evidence.Named, Protocol):
    """What a feed's event and a candidate share."""

    @property
    def starts_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Read:
    """A fixture as it is compared: its teams normalised, its place and competition read once."""

    sport: str
    home: TeamName
    away: TeamName
    place: str
    competition: str
    roster: str
    starts_at: datetime
    starts_s: int
    # How each side's telling words begin, by which it is looked up.
    home_begins: tuple[str, ...]
    away_begins: tuple[str, ...]
    home_id: UUID | None = None
    away_id: UUID | None = None

    @property
    def nameless(self) -> bool:
        """Whether there are no two teams to compare."""
        return not self.home.text or not self.away.text or self.home == self.away

    @property
    def plays_first_team(self) -> bool:
        """Whether one of the teams is a club's first one."""
        return FIRST_TEAM in (self.home.category, self.away.category)

    @property
    def special(self) -> bool:
        """Whether it counts something else than the match does (corners), or is a computer's."""
        return any(
            bool(team.category.pseudo) or (team.category.esports and self.sport != _ESPORTS)
            for team in (self.home, self.away)
        )


def read(
    fixture: Fixture,
    source: str = evidence.OURS,
    home_id: UUID | None = None,
    away_id: UUID | None = None,
) -> Read:
    """Normalise a fixture once, so that every comparison with it is of values."""
    competition = fixture.competition_name
    home, away = names.team(fixture.home, competition), names.team(fixture.away, competition)
    return Read(
        fixture.sport,
        home,
        away,
        names.country_of(fixture.country, competition),
        competition,
        evidence.roster_key(source, fixture.sport, fixture.country, competition),
        fixture.starts_at,
        int(fixture.starts_at.timestamp()),
        beginnings(home.text),
        beginnings(away.text),
        home_id,
        away_id,
    )


def read_ours(candidate: Candidate) -> Read:
    """A candidate as it is compared, with its participants."""
    return read(candidate, evidence.OURS, candidate.home_id, candidate.away_id)


def decide(
    event: FeedEvent,
    candidates: Sequence[Candidate],
    aliases: Aliases,
    knowledge: Knowledge = NOTHING_KNOWN,
) -> Decision:
    """Which of `candidates` the feed's event is, if any; `assign` decides many at once.

    The caller gives every event of ours that starts within `window(sport)` of it: a decision on
    fewer may create an event twice.
    """
    theirs = read(event, event.provider)
    if (refused := refusal(theirs)) is not None:
        return refused
    scored = [(score(theirs, read_ours(c), aliases, knowledge), c.event_id) for c in candidates]
    return verdict(scored)


def refusal(theirs: Read) -> Decision | None:
    """Why a feed's event can be no event of ours at all, or None."""
    if theirs.special:
        return Decision("unmatched", None, 0.0, "special_event")
    if theirs.nameless:
        return Decision("unmatched", None, 0.0, "no_name")
    return None


def verdict(scored: Sequence[tuple[Score, UUID]]) -> Decision:
    """What one event's scores decide, where no other event of the feed wants the same ones."""
    ranked = sorted(
        scored,
        key=lambda pair: (proof(pair[0]) is not None, pair[0].value),
        reverse=True,
    )
    if not ranked:
        return Decision("new", None, 1.0, "no_candidate")
    best, event_id = ranked[0]
    reason = proof(best)
    if reason is None:
        return unproved(best, event_id)
    if any(best.value - other.value < MARGIN for other, _ in ranked[1:]):
        return Decision("ambiguous", event_id, best.value, "two_candidates", best.swapped)
    return Decision("matched", event_id, best.value, reason, best.swapped)


def unproved(best: Score, event_id: UUID) -> Decision:
    """A new event, or a question, where even the best score proves nothing."""
    if best.reason == "prices_differ":
        return Decision("ambiguous", event_id, best.value, "prices_differ", best.swapped)
    # A team plays once at a time: one of theirs in our slot is a question, never a second event.
    twice = not best.moved and max(best.home, best.away) >= CERTAIN
    if not twice and best.value < DOUBTFUL:
        return Decision("new", None, 1.0 - best.value, "no_candidate")
    return Decision("ambiguous", event_id, best.value, "weak_names", best.swapped)


def same_event(
    ours: Read, theirs: Read, aliases: Aliases, knowledge: Knowledge = NOTHING_KNOWN
) -> tuple[bool, float, str]:
    """Whether two fixtures are one event, how alike they are (0..1), and why."""
    if theirs.special != ours.special:
        return False, 0.0, "special_event"
    found = score(theirs, ours, aliases, knowledge)
    reason = proof(found)
    return reason is not None, found.value, reason or found.reason


def window(sport: str) -> timedelta:
    """How far apart two starts may be at all: what a caller has to fetch candidates for."""
    return _WINDOWS.get(sport, WIDE)


def score(
    theirs: Read, ours: Read, aliases: Aliases, knowledge: Knowledge = NOTHING_KNOWN
) -> Score:
    """How alike two fixtures are; all zero, with the reason, where something forbids it."""
    if theirs.sport != ours.sport:
        return _forbidden("sport")
    gap = abs(theirs.starts_at - ours.starts_at)
    if gap > window(theirs.sport):
        return _forbidden("start")
    if theirs.place and ours.place and theirs.place != ours.place:
        return _forbidden("country")
    found = _sides(theirs, ours, aliases, knowledge, swapped=False)
    if found.reason != "category" and min(found.home, found.away) < STRONG:
        turned = _sides(theirs, ours, aliases, knowledge, swapped=True)
        found = turned if turned.value > found.value else found
    low, high = sorted((found.home, found.away))
    # At neutral venues sources disagree about who is at home; the other leg comes days later.
    if found.swapped and (gap > WIDE or low < STRONG or high < CERTAIN):
        return _forbidden("swapped")
    if gap > NEAR:
        moved = _may_have_moved(theirs, ours, found, gap)
        return replace(found, moved=True) if moved else _forbidden("start")
    if found.reason == "names" and low < ACCEPT and theirs.place and theirs.place == ours.place:
        return replace(found, reason=_slot_evidence(theirs, ours, found, knowledge))
    return found


def _may_have_moved(theirs: Read, ours: Read, found: Score, gap: timedelta) -> bool:
    """Whether the names are good enough for starts that are this far apart."""
    low, high = sorted((found.home, found.away))
    agree = evidence.competitions_agree(theirs.competition, ours.competition)
    if agree is False:
        return False
    if gap > MOVED or window(theirs.sport) < WIDE:
        series = _SERIES_WORDS.intersection(names.fold(theirs.competition).split())
        least = CERTAIN if gap > RESTED else LIKELY
        return low >= least and agree is True and not series
    if low >= STRONG:
        return True
    if not agree or any(rivals(*pair) for pair in _unsure(theirs, ours, found)):
        return False
    return low >= ACCEPT or (gap <= WIDE and low >= PLAUSIBLE and high >= STRONG)


def _unsure(theirs: Read, ours: Read, found: Score) -> list[tuple[str, str]]:
    """Their name and ours of each side that is not beyond doubt."""
    sides = (theirs.away, theirs.home) if found.swapped else (theirs.home, theirs.away)
    return [
        (their_team.text, our_team.text)
        for their_team, our_team, alike in zip(
            sides, (ours.home, ours.away), (found.home, found.away), strict=True
        )
        if alike < CERTAIN
    ]


def _slot_evidence(theirs: Read, ours: Read, found: Score, knowledge: Knowledge) -> str:
    """What the same start in the same country adds to a weak name: a team plays once at a time."""
    low, high = sorted((found.home, found.away))
    if evidence.competitions_agree(theirs.competition, ours.competition) is False:
        return "names"
    unsure = _unsure(theirs, ours, found)
    known = knowledge.of_one_competition(theirs.roster, ours.roster)
    if known is None:
        certain = high >= CERTAIN and not any(rivals(*pair) for pair in unsure)
        return "one_team" if certain else "names"
    if not all(evidence.nobody_else(*pair, *known, knowledge.words) for pair in unsure):
        return "names"
    return "roster" if high >= STRONG or (high >= ACCEPT and low >= PLAUSIBLE) else "names"


def weigh_prices(found: Score, theirs: evidence.Fair, ours: evidence.Fair) -> Score:
    """The score with both sides' fair prices looked at: forbidden, supported, or as it was.

    `theirs` is as the feed names the sides. Prices that agree support names that are nearly good
    enough and nothing less: many matches have the same prices.
    """
    if proof(found) is not None:
        if evidence.prices_forbid(theirs, ours, found.swapped):
            return replace(found, reason="prices_differ")
        return found
    low, high = sorted((found.home, found.away))
    told = tuple(reversed(theirs)) if found.swapped else theirs
    agree = evidence.price_gap(told, ours) <= evidence.PRICES_AGREE
    nearly = not found.moved and low >= PLAUSIBLE and high >= ACCEPT
    return replace(found, reason="prices") if agree and nearly else found


def _forbidden(reason: str) -> Score:
    return Score(_NO_LIKENESS, _NO_LIKENESS, reason)


def proof(found: Score) -> Reason | None:
    """The evidence that is enough, or None."""
    low, high = sorted((found.home, found.away))
    match found.reason:
        case "exact" | "alias" | "roster" | "prices" as reason:
            return reason
        case "names" if low >= ACCEPT or (found.moved and low >= PLAUSIBLE):
            return "names"
        case "one_team" if low >= POSSIBLE and high >= CERTAIN:
            return "one_team"
        case _:
            return None


def _sides(
    theirs: Read, ours: Read, aliases: Aliases, knowledge: Knowledge, *, swapped: bool
) -> Score:
    """Team against team, the feed's sides as they stand or swapped."""
    their_sides = (theirs.away, theirs.home) if swapped else (theirs.home, theirs.away)
    likenesses: list[float] = []
    reason = "exact"
    # A second team plays adults, an academy's youth does not.
    adults = theirs.plays_first_team and ours.plays_first_team
    for their_team, our_team, participant in zip(
        their_sides, (ours.home, ours.away), (ours.home_id, ours.away_id), strict=True
    ):
        if their_team.category != our_team.category and not (
            their_team.category.agrees(our_team.category)
            or (adults and their_team.category.stands_in(our_team.category))
        ):
            return Score(_NO_LIKENESS, _NO_LIKENESS, "category", swapped)
        from_there, from_here = their_team.place or theirs.place, our_team.place or ours.place
        if from_there and from_here and from_there != from_here:
            return Score(_NO_LIKENESS, _NO_LIKENESS, "country", swapped)
        known = aliases.get(their_team.identity) if participant is not None else None
        if their_team.text == our_team.text:
            likenesses.append(_EXACT)
        elif known is None:
            likenesses.append(likeness(their_team.text, our_team.text, knowledge.words))
            reason = "names"
        elif known == participant:
            likenesses.append(_EXACT)
            reason = "alias" if reason == "exact" else reason
        else:
            # A spelling that is known to be another team's is evidence against, however alike.
            return Score(_NO_LIKENESS, _NO_LIKENESS, "other_team", swapped)
    return Score(likenesses[0], likenesses[1], reason, swapped)
