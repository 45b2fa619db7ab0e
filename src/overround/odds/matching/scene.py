"""One provider's unknown events of one sport, decided: matched, new, or left for a person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from overround.core import ids
from overround.odds.catalogue import names
from overround.odds.catalogue.model import Event, NewContest, NewEvent, Participant, Spelling
from overround.odds.catalogue.names import TeamName
from overround.odds.feeds import FeedEvent
from overround.odds.matching.assign import assign
from overround.odds.matching.blocks import Blocks
from overround.odds.matching.calling import Spellings, Vote, place
from overround.odds.matching.entry import Standing, Teams
from overround.odds.matching.evidence import Knowledge, Prices, roster_key
from overround.odds.matching.kept import Remembered, described
from overround.odds.matching.likeness import likeness
from overround.odds.matching.model import Aliases, Candidate, Decision, Resolved
from overround.odds.matching.rules import NEAR, Fixture
from overround.odds.queue.model import Waiting

_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Scene:
    """What the unknown events of one provider in one sport are decided by, and what comes of it."""

    provider: str
    standing: Standing
    sport: str
    at: datetime
    candidates: dict[UUID, Candidate]
    blocks: Blocks
    spellings: Spellings
    competitions: dict[str, UUID]
    refused: dict[str, set[UUID]]
    knowledge: Knowledge
    prices: Prices
    decided: list[Remembered] = field(default_factory=list[Remembered])
    votes: list[Vote] = field(default_factory=list[Vote])
    waiting: list[Waiting] = field(default_factory=list[Waiting])
    found: dict[tuple[str, str], Resolved] = field(default_factory=dict[tuple[str, str], Resolved])
    # competition key -> our competitions that its matched events belong to.
    seen_in: defaultdict[str, list[UUID]] = field(
        default_factory=lambda: defaultdict[str, list[UUID]](list)
    )

    def match(self, event: FeedEvent, ours: Candidate, decision: Decision) -> None:
        """Their event is ours; one provider does not name one match twice."""
        del self.candidates[ours.event_id]
        self.blocks.discard(ours.event_id)
        self.found[event.key] = Resolved(ours.event_id, decision.swapped, ours.starts_at)
        confidence_bps = max(0, min(10_000, int(decision.confidence * 10_000)))
        self.decided.append(
            remembered(event, ours.event_id, decision.swapped, confidence_bps, decision.reason)
        )
        self.seen_in[event.competition_key].append(ours.event_id)
        if ours.home_id is not None and ours.away_id is not None:
            self.votes += self.spellings.news(
                event, (ours.home_id, ours.away_id), swapped=decision.swapped
            )

    def wait(
        self, event: FeedEvent, decision: Decision, reason: str = "", looks_like: str = ""
    ) -> None:
        """Leave the event for a person; `looks_like` is the team that one of its may be."""
        self.waiting.append(
            Waiting(
                *event.key,
                "ambiguous" if decision.kind == "matched" else decision.kind,
                reason or decision.reason,
                described(event, looks_like),
                [decision.event_id] if decision.event_id else [],
                self.at,
            )
        )

    def assign(self, events: Sequence[FeedEvent], aliases: Aliases) -> list[Decision]:
        """Decide events by everything that is known here but the spellings, which are given."""
        return assign(events, self.blocks, aliases, self.knowledge, self.prices)


@dataclass(slots=True)
class Entering:
    """A new event on its way in, with its teams; `made` are those that are new with it."""

    event: FeedEvent
    decision: Decision
    home_id: UUID
    away_id: UUID
    made: bool


def second_ids(
    events: Sequence[FeedEvent], own: Sequence[Candidate], listed: Set[UUID], at: datetime
) -> dict[tuple[str, str], Waiting]:
    """Which events are ours that their provider names so by another id, at the same start.

    Of those whose other id is `listed` beside them nobody is asked. What was over before theirs
    starts is another one (test: what was called off is not named again by what is ahead).
    """
    named: defaultdict[tuple[TeamName, ...], list[Candidate]] = defaultdict(list)
    for one in own:
        named[_called(one)].append(one)
    found: dict[tuple[str, str], Waiting] = {}
    for event in events:
        for one in named.get(_called(event), ()):
            is_other = one.over_at is not None and one.over_at < event.starts_at
            if abs(one.starts_at - event.starts_at) <= NEAR and not is_other:
                kind = "unmatched" if one.event_id in listed else "ambiguous"
                said = described(event)
                found[event.key] = Waiting(*event.key, kind, "second_id", said, [one.event_id], at)
    return found


def _called(fixture: Fixture) -> tuple[TeamName, ...]:
    """Both teams as they are compared; the sides are the provider's own."""
    competition = fixture.competition_name
    return names.team(fixture.home, competition), names.team(fixture.away, competition)


def groups(
    scene: Scene, events: Sequence[FeedEvent]
) -> dict[tuple[str, tuple[str, ...]], list[FeedEvent]]:
    """The events that are decided together: of one country, under the same spellings.

    Those that say their country go first: what they name is known then to those that do not.
    """
    groups: defaultdict[tuple[str, tuple[str, ...]], list[FeedEvent]] = defaultdict(list)
    for event in events:
        groups[place(event), scopes_of(scene, event)].append(event)
    return dict(sorted(groups.items(), key=lambda pair: (not pair[0][0], pair[0])))


def scopes_of(scene: Scene, event: FeedEvent) -> tuple[str, ...]:
    """Where a spelling of the event's teams may hold apart, the narrowest first."""
    scopes = [f"provider:{scene.provider}"]
    competition = scene.competitions.get(event.competition_key)
    if competition is not None:
        scopes.append(f"competition:{competition}")
    return tuple(scope for scope in scopes if scene.spellings.has_scope(scope))


def decide_group(
    scene: Scene, country: str, scopes: tuple[str, ...], events: Sequence[FeedEvent]
) -> list[tuple[FeedEvent, Decision]]:
    """Match what can be matched, leave what is doubtful; returns what is new."""
    aliases = scene.spellings.of(country, scopes)
    plain = [event for event in events if event.provider_event_id not in scene.refused]
    decisions = list(zip(plain, scene.assign(plain, aliases), strict=True))
    fresh = _sorted_out(scene, decisions)
    # What a person said it is not is not there for it.
    for event in events:
        refused = scene.refused.get(event.provider_event_id)
        if refused is not None:
            decision = _decide_without(scene, event, refused, aliases)
            fresh += _sorted_out(scene, [(event, decision)])
    return fresh


def _decide_without(
    scene: Scene, event: FeedEvent, refused: set[UUID], aliases: Aliases
) -> Decision:
    hidden = [scene.candidates[key] for key in refused if key in scene.candidates]
    for candidate in hidden:
        scene.blocks.discard(candidate.event_id)
    [decision] = scene.assign([event], aliases)
    for candidate in hidden:
        scene.blocks.add(candidate)
    return decision


def _sorted_out(
    scene: Scene, decisions: Sequence[tuple[FeedEvent, Decision]]
) -> list[tuple[FeedEvent, Decision]]:
    fresh: list[tuple[FeedEvent, Decision]] = []
    for event, decision in decisions:
        if decision.kind == "matched" and decision.event_id is not None:
            scene.match(event, scene.candidates[decision.event_id], decision)
        elif decision.kind == "new" and scene.standing != "follower":
            fresh.append((event, decision))
        else:
            scene.wait(event, decision)
    return fresh


def unless_vetoed(
    scene: Scene, fresh: list[tuple[FeedEvent, Decision]]
) -> list[tuple[FeedEvent, Decision]]:
    """Without what is new only because its names belong to other teams in our books.

    Names that agree while the books say otherwise mean that the books may be wrong: a team was
    made twice. An authority is believed.
    """
    if scene.standing == "authority" or not fresh:
        return fresh
    refused = scene.refused
    blind = scene.assign([event for event, _ in fresh], {})
    kept: list[tuple[FeedEvent, Decision]] = []
    for (event, decision), other in zip(fresh, blind, strict=True):
        if other.kind == "matched" and other.event_id not in refused.get(
            event.provider_event_id, ()
        ):
            scene.wait(event, other, "other_team")
        else:
            kept.append((event, decision))
    return kept


def with_teams(
    scene: Scene,
    event: FeedEvent,
    decision: Decision,
    teams: Teams,
    made: dict[UUID, tuple[Participant, str]],
    *,
    as_they_look: bool = False,
) -> Entering | None:
    """The event with its teams, or None where it waits for a person.

    `as_they_look` is a person's word that a team which looks like another one is that one.
    """
    country, scopes = place(event), (*scopes_of(scene, event), "")
    sides: list[UUID] = []
    spelt_sides: list[TeamName] = []
    is_made = False
    new: list[tuple[Participant, str]] = []
    for name in (event.home, event.away):
        spelt = names.team(name, event.competition_name)
        spelt_sides.append(spelt)
        found = teams.find(spelt, country, scopes)
        maybe = found.maybe
        if maybe is not None and (as_they_look or _is_nobody_else(scene, event, spelt, maybe)):
            sides.append(maybe.participant_id)
        elif maybe is not None and scene.standing != "authority":
            scene.wait(event, decision, "team_in_doubt", f"{spelt.text} ~ {maybe.spelling}")
            return None
        elif found.participant_id is None:
            category = spelt.category.key
            words = ("participant", event.sport, country, category, spelt.text)
            participant_id = ids.derived(_NO_TIME, *words)
            new.append(
                (Participant(participant_id, event.sport, country, category, name), spelt.text)
            )
            is_made = True
            sides.append(participant_id)
        else:
            sides.append(found.participant_id)
            is_made = is_made or found.participant_id in made
    if sides[0] == sides[1]:
        scene.wait(event, decision, "same_participant")
        return None
    # Known to the next events of the call.
    made |= {participant.id: (participant, text) for participant, text in new}
    teams.add(Spelling(p.country, p.category, text, "", p.id) for p, text in new)
    for spelt, participant_id in zip(spelt_sides, sides, strict=True):
        teams.call(spelt, country, participant_id)
    return Entering(event, decision, sides[0], sides[1], is_made)


def in_doubt(
    scene: Scene,
    entering: Sequence[Entering],
    met: Sequence[Sequence[UUID]],
    taken: Set[UUID],
) -> set[tuple[str, str]]:
    """Which of them may be one of the events nearby in which their teams have `met`; they wait.

    Those that are `taken` already, or that a person has refused, are none of them.
    """
    doubtful: set[tuple[str, str]] = set()
    for one, event_ids in zip(entering, met, strict=True):
        refused = scene.refused.get(one.event.provider_event_id, set())
        left = [key for key in event_ids if key not in taken and key not in refused]
        if left:
            found = Decision("ambiguous", left[0], one.decision.confidence, one.decision.reason)
            scene.wait(one.event, found, "same_teams")
            doubtful.add(one.event.key)
    return doubtful


def unknown_competitions(scene: Scene, events_min: int) -> dict[str, list[UUID]]:
    """The provider's codes that are nobody's yet, of which so many events were matched."""
    return {
        key: event_ids
        for key, event_ids in scene.seen_in.items()
        if key not in scene.competitions and len(event_ids) >= events_min
    }


def agreed_competitions(
    codes: Mapping[str, Sequence[UUID]], events: Mapping[UUID, Event]
) -> dict[str, UUID]:
    """code -> our competition, where all matched events of the code are in one."""
    meant: dict[str, UUID] = {}
    for code, event_ids in codes.items():
        found = {events[event_id].competition_id for event_id in event_ids}
        if len(found) == 1:
            meant[code] = found.pop()
    return meant


def _is_nobody_else(scene: Scene, event: FeedEvent, spelt: TeamName, maybe: Spelling) -> bool:
    """Whether the rosters of the competition leave no other team for the spelling to mean
    (test: who is nobody else in the competition is the team that it looks like)."""
    roster = roster_key(event.provider, event.sport, event.country, event.competition_name)
    return scene.knowledge.same_team(roster, spelt.text, maybe.spelling)


def remembered(
    event: FeedEvent, event_id: UUID, swapped: bool, confidence_bps: int, reason: str
) -> Remembered:
    return Remembered(
        event.provider,
        event.provider_event_id,
        event_id,
        swapped,
        confidence_bps,
        reason,
        described(event),
    )


def new_event(one: Entering, competitions: Mapping[str, UUID]) -> NewEvent:
    """The event of ours that a new one becomes."""
    event = one.event
    return NewEvent(
        event_id(event),
        event.sport,
        competitions[event.competition_key],
        one.home_id,
        one.away_id,
        event.home,
        event.away,
        event.starts_at,
        event.provider,
    )


def new_contest(event: FeedEvent) -> NewContest:
    """The contest of ours that a feed's becomes."""
    return NewContest(
        event_id(event),
        event.sport,
        event.country,
        event.competition_name,
        event.home,
        event.starts_at,
        event.provider,
        event.runners,
        event.place_terms,
    )


def event_id(event: FeedEvent) -> UUID:
    """The id of the event of ours that a feed's event becomes."""
    return ids.derived(event.starts_at, "event", *event.key)


def is_crossed(event: FeedEvent, ours: Event) -> bool:
    """Whether the feed's home side is our away side, as far as the names say."""
    theirs = [names.team(n, event.competition_name).text for n in (event.home, event.away)]
    mine = [names.team(name, ours.competition).text for name in (ours.home, ours.away)]
    straight = likeness(theirs[0], mine[0]) + likeness(theirs[1], mine[1])
    return likeness(theirs[0], mine[1]) + likeness(theirs[1], mine[0]) > straight
