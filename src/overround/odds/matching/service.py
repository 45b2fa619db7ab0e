"""Matching's use case: feed events in, our events out; inside the caller's transaction.

A decision is made once per feed event and kept. What cannot be decided raises nothing: it waits in
the queue, and its prices stay off the board until a person has looked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from overround.core import ids
from overround.core.errors import Conflict, NotFound
from overround.db import Connection
from overround.odds import catalogue, queue
from overround.odds.catalogue import Participant, Quarantined
from overround.odds.feeds import FeedEvent
from overround.odds.matching import entry, evidence, rules, starts, store
from overround.odds.matching import scene as scenes
from overround.odds.matching.blocks import Blocks
from overround.odds.matching.calling import Spellings, Vote
from overround.odds.matching.entry import Standing, Teams
from overround.odds.matching.evidence import NO_PRICES, Prices
from overround.odds.matching.kept import Known, Match, Moved, ToldBy, event_of
from overround.odds.matching.model import Decision, Resolved
from overround.odds.matching.scene import Entering, Scene
from overround.odds.queue import Waiting

# How far back it is looked who plays in a competition.
SEASON: Final = timedelta(days=60)

# How many matches have to say the same of a spelling before it is believed without one.
LEARN_AFTER: Final = 3

_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final[Mapping[Standing, int]] = {"authority": 0, "contributor": 1, "follower": 2}
# What a decision is worth that was none: nothing was there.
_SURE_BPS: Final = 10_000


async def resolve(
    conn: Connection, events: Sequence[FeedEvent], at: datetime, prices: Prices = NO_PRICES
) -> dict[tuple[str, str], Resolved]:
    """(provider, provider_event_id) -> our event, for every feed event that is decided.

    `prices` are fair ones of theirs and of ours, as far as the caller has any.
    """
    standings = await store.standings(conn)
    by_provider: defaultdict[str, dict[str, FeedEvent]] = defaultdict(dict)
    for event in events:
        by_provider[event.provider][event.provider_event_id] = event

    def standing(provider: str) -> Standing:
        return standings.get(provider, entry.STANDING_OF_OTHERS)

    resolved: dict[tuple[str, str], Resolved] = {}
    for provider in sorted(by_provider, key=lambda key: (_FIRST[standing(key)], key)):
        named = by_provider[provider]
        known = await store.known(conn, provider, list(named))
        resolved |= await _follow(conn, named, known, at)
        by_sport: defaultdict[str, list[FeedEvent]] = defaultdict(list)
        unknown = [key for key in named if key not in known]
        held = await queue.held(conn, provider, unknown) if unknown else set[str]()
        contests = [named[key] for key in unknown if named[key].runners]
        resolved |= await _contests(conn, contests, at) if contests else {}
        for key, event in named.items():
            if key not in known and key not in held and not event.runners:
                by_sport[event.sport].append(event)
        for strangers in by_sport.values():
            listed = {ours.event_id for ours in known.values()}
            first = await _first_ids(conn, strangers, listed, at)
            if first:
                resolved |= await _decide_all(conn, standing(provider), first, at, prices)
    return resolved


async def _contests(
    conn: Connection, events: Sequence[FeedEvent], at: datetime
) -> dict[tuple[str, str], Resolved]:
    """Contests enter as their provider names them: what two providers name is two contests."""
    for event in events:
        await catalogue.add_contest(conn, scenes.new_contest(event))
    sure = [scenes.remembered(e, scenes.event_id(e), False, _SURE_BPS, "contest") for e in events]
    await store.remember(conn, sure, at)
    return {e.key: Resolved(scenes.event_id(e), False, e.starts_at) for e in events}


async def recall(
    conn: Connection, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Resolved]:
    """What was decided before about feed events that are named by their keys alone."""
    by_provider: defaultdict[str, list[str]] = defaultdict(list)
    for provider, provider_event_id in keys:
        by_provider[provider].append(provider_event_id)
    found: dict[tuple[str, str], Resolved] = {}
    for provider, named in by_provider.items():
        known = await store.known(conn, provider, named)
        found |= {(provider, key): ours.resolved for key, ours in known.items()}
    return found


async def hear_in_play(conn: Connection, keys: Sequence[tuple[str, str]], at: datetime) -> None:
    """These feed events are quoted in play: what their provider names is being played."""
    await store.hear(conn, [(*key, None, at) for key in keys])


async def _follow(
    conn: Connection, named: Mapping[str, FeedEvent], known: Mapping[str, Known], at: datetime
) -> dict[tuple[str, str], Resolved]:
    """The decided ones, at the start that is believed now (`starts.move_of`)."""
    news = [named[key] for key, ours in known.items() if ours.said != named[key].starts_at]
    if news:
        await store.hear(conn, [(*event.key, event.starts_at, None) for event in news])
    begun = starts.to_ask_about(known, named, at)
    heard = await store.heard(conn, begun) if begun else {}
    moves: dict[UUID, starts.Move] = {}
    doubted: list[Quarantined] = []
    for key, ours in known.items():
        found = starts.move_of(ours, named[key], heard.get(ours.event_id), at)
        if isinstance(found, str):
            told = starts.told(ours, named[key])
            doubted.append(Quarantined(named[key].provider, "starts", found, key[:300], told))
        elif found is not None:
            moves[ours.event_id] = found
    if doubted:
        await catalogue.quarantine(conn, doubted)
    moved = await catalogue.reschedule(conn, list(moves.values()), at)
    now = {event_id: moves[event_id][1] for event_id in moved}
    return {
        named[key].key: replace(ours.resolved, starts_at=now.get(ours.event_id, ours.starts_at))
        for key, ours in known.items()
    }


async def _first_ids(
    conn: Connection, events: Sequence[FeedEvent], listed: set[UUID], at: datetime
) -> list[FeedEvent]:
    """Without events that their provider names already by another id: those are no second event.

    Where the other id is `listed` too (a match in play beside itself before the start) nobody is
    asked; where it is not, a person may say that the id has changed
    (test: a second id is no second event when it comes again).
    """
    starts = [event.starts_at for event in events]
    own = await store.own(
        conn,
        events[0].provider,
        events[0].sport,
        min(starts) - rules.NEAR,
        max(starts) + rules.NEAR,
    )
    waiting = scenes.second_ids(events, own, listed, at)
    if waiting:
        await queue.add(conn, list(waiting.values()), at)
    return [event for event in events if event.key not in waiting]


async def _decide_all(
    conn: Connection,
    standing: Standing,
    events: Sequence[FeedEvent],
    at: datetime,
    prices: Prices,
) -> dict[tuple[str, str], Resolved]:
    """Decide one provider's unknown events of one sport, and keep what was decided."""
    scene = await _scene(conn, standing, events, at, prices)
    fresh: list[tuple[FeedEvent, Decision]] = []
    for (country, scopes), group in scenes.groups(scene, events).items():
        fresh += scenes.decide_group(scene, country, scopes, group)
    fresh = scenes.unless_vetoed(scene, fresh)
    if fresh:
        await _enter(conn, scene, fresh)
    await _keep(conn, scene)
    return scene.found


async def _scene(
    conn: Connection,
    standing: Standing,
    events: Sequence[FeedEvent],
    at: datetime,
    prices: Prices = NO_PRICES,
) -> Scene:
    provider, sport = events[0].provider, events[0].sport
    window = rules.window(sport)
    starts = [event.starts_at for event in events]
    candidates = await store.candidates(
        conn, provider, sport, min(starts) - window, max(starts) + window
    )
    # One round of a competition is half a roster, and one letter may be a single event: who plays
    # where is learnt from what was named this season, too.
    season = min(starts) - SEASON, max(starts) + window
    named = {
        evidence.OURS: [*await store.ours_lately(conn, sport, *season), *candidates],
        provider: [*await store.named_lately(conn, provider, sport, *season), *events],
    }
    return Scene(
        provider,
        standing,
        sport,
        at,
        {candidate.event_id: candidate for candidate in candidates},
        Blocks(candidates),
        Spellings(await catalogue.spellings(conn, sport)),
        await catalogue.competition_aliases(conn, provider),
        await queue.refused(conn, provider, [event.provider_event_id for event in events]),
        evidence.learn(named),
        prices,
    )


# -- what is new enters the catalogue ----------------------------------------------------------


async def _enter(
    conn: Connection,
    scene: Scene,
    fresh: Sequence[tuple[FeedEvent, Decision]],
    *,
    by_person: bool = False,
    as_they_look: bool = False,
) -> None:
    """Make events and teams of what is new; what may be something that is there waits, unless a
    person has said that it is not (or, with `as_they_look`, that its teams are what they look
    like)."""
    provider, sport = scene.provider, scene.sport
    is_past = min(event.starts_at for event, _ in fresh) < scene.at - SEASON
    teams = Teams(
        # Of an archive that comes in parts, the parts before count (test: an archive in parts).
        await store.named(conn, provider, sport, _NO_TIME if is_past else scene.at),
        # What its matches of this very call say counts too.
        {v.called: v.participant_id for v in scene.votes}
        | await store.called(conn, provider, sport),
    )
    teams.add(scene.spellings.known)
    made: dict[UUID, tuple[Participant, str]] = {}
    entering: list[Entering] = []
    for event, decision in fresh:
        one = scenes.with_teams(scene, event, decision, teams, made, as_they_look=as_they_look)
        if one is not None:
            entering.append(one)
    if not by_person:
        entering = await _unless_met(conn, scene, entering)
    named = {team for one in entering for team in (one.home_id, one.away_id)}
    participants = [pair for key, pair in made.items() if key in named]
    competitions = await _competitions(conn, scene, [one.event for one in entering])
    if participants:
        await catalogue.add_participants(
            conn, [p for p, _ in participants], [text for _, text in participants]
        )
    if entering:
        await catalogue.add_events(conn, [scenes.new_event(one, competitions) for one in entering])
    taken_for: list[Vote] = []
    for one in entering:
        event_id = scenes.event_id(one.event)
        scene.found[one.event.key] = Resolved(event_id, False, one.event.starts_at)
        scene.decided.append(
            scenes.remembered(one.event, event_id, False, _SURE_BPS, one.decision.reason)
        )
        taken_for += scene.spellings.news(one.event, (one.home_id, one.away_id), swapped=False)
    if taken_for:
        told_by = "person" if by_person and as_they_look else "entry"
        await learn(conn, scene.provider, scene.sport, taken_for, told_by)


async def _unless_met(conn: Connection, scene: Scene, entering: list[Entering]) -> list[Entering]:
    """Without those whose two teams meet in an event nearby that the provider has not named.

    It may be that one, at another hour or put off (test: the same teams nearby are doubted).
    """
    old = [one for one in entering if not one.made]
    if not old:
        return entering
    asked = [(one.home_id, one.away_id, one.event.starts_at) for one in old]
    met = await catalogue.meetings(conn, asked, entry.again(scene.sport))
    nearby = list({event_id for one in met for event_id in one})
    taken = await store.named_events(conn, scene.provider, nearby)
    taken |= {one.event_id for one in scene.decided}
    doubtful = scenes.in_doubt(scene, old, met, taken)
    return [one for one in entering if one.event.key not in doubtful]


async def _competitions(
    conn: Connection, scene: Scene, events: Sequence[FeedEvent]
) -> dict[str, UUID]:
    """competition key -> our competition, made where it is new."""
    found = dict(scene.competitions)
    words = {
        event.competition_key: (event.sport, event.country, event.competition_name)
        for event in events
        if event.competition_key not in found
    }
    if words:
        wanted = {one: ids.derived(_NO_TIME, "competition", *one) for one in words.values()}
        have = await catalogue.add_competitions(conn, wanted)
        new = {key: have[one] for key, one in words.items()}
        await catalogue.add_competition_aliases(conn, scene.provider, new)
        found |= new
    return found


# -- what was decided is kept ------------------------------------------------------------------


async def _keep(conn: Connection, scene: Scene) -> None:
    """Write decisions, what they teach, and what waits."""
    if scene.decided:
        await store.remember(conn, scene.decided, scene.at)
        await queue.remove(conn, scene.provider, [d.provider_event_id for d in scene.decided])
        await _learn_competitions(conn, scene)
    if scene.votes:
        await learn(conn, scene.provider, scene.sport, scene.votes, "match")
    if scene.waiting:
        await queue.add(conn, scene.waiting, scene.at)


async def learn(
    conn: Connection, provider: str, sport: str, votes: Sequence[Vote], told_by: ToldBy
) -> int:
    """Keep what matches say about spellings, and believe what enough of them say; returns how
    many spellings became aliases (test: a spelling is learnt when three matches agree)."""
    await store.vote(conn, provider, sport, votes, told_by)
    spelt = list({(vote.country, vote.category, vote.spelling) for vote in votes})
    agreed = await store.agreed(conn, sport, spelt, LEARN_AFTER)
    if not agreed:
        return 0
    return await catalogue.teach(
        conn, sport, agreed, "person" if told_by == "person" else "matcher"
    )


async def _learn_competitions(conn: Connection, scene: Scene) -> None:
    """A provider's code whose events are matched in one competition of ours means that one."""
    unknown = scenes.unknown_competitions(scene, LEARN_AFTER)
    if not unknown:
        return
    events = await catalogue.events_by_id(conn, [e for some in unknown.values() for e in some])
    meant = scenes.agreed_competitions(unknown, events)
    if meant:
        await catalogue.add_competition_aliases(conn, scene.provider, meant)


# -- what a person decides ---------------------------------------------------------------------


async def confirm(
    conn: Connection,
    key: tuple[str, str],
    event_id: UUID,
    by: str,
    at: datetime,
    *,
    swapped: bool | None = None,
) -> Moved:
    """A feed event is this event of ours: one that waits, or one that was matched with another.

    Its spellings are learnt at once. `swapped` None takes the sides as the names say. Raises
    NotFound, and Conflict `named_already` where the provider names that event otherwise already
    (test: one provider does not name one event twice).
    """
    await queue.lock_alone(conn)
    found = await catalogue.events_by_id(conn, [event_id])
    if event_id not in found:
        raise NotFound("no such event")
    before, waiting = await _stands(conn, key)
    said = before.described if before else waiting.described if waiting else {}
    event = event_of(key, said)
    ours = found[event_id]
    if event.sport != ours.sport:
        raise Conflict(f"{event.sport} is not {ours.sport}", code="other_sport")
    is_other = before is None or before.event_id != event_id
    if is_other and await store.named_events(conn, key[0], [event_id]):
        raise Conflict("the provider names that event otherwise", code="named_already")
    if swapped is None:
        swapped = scenes.is_crossed(event, ours)
    if before is not None:
        await _take_back(conn, before)
        if before.event_id != event_id:
            await queue.refuse(conn, key, [before.event_id], by, at)
    await store.remember(
        conn, [scenes.remembered(event, event_id, swapped, _SURE_BPS, "person")], at
    )
    await queue.remove(conn, key[0], [key[1]])
    spellings = Spellings(await catalogue.spellings(conn, event.sport))
    votes = spellings.news(event, await store.sides_of(conn, event_id), swapped=swapped)
    if votes:
        await learn(conn, key[0], event.sport, votes, "person")
    verdict = "rematched" if before else "confirmed"
    await queue.record(conn, key, verdict, before.event_id if before else None, event_id, by, at)
    return Moved(key, before, waiting, event_id, swapped, ours.starts_at)


async def unmatch(conn: Connection, key: tuple[str, str], by: str, at: datetime) -> Moved:
    """A feed event is not the event it was matched with; it waits, and they never match again.

    What the match taught about spellings is forgotten. Raises NotFound.
    """
    await queue.lock_alone(conn)
    before = await store.match_of(conn, key)
    if before is None:
        raise NotFound("no such match")
    await _take_back(conn, before)
    await queue.refuse(conn, key, [before.event_id], by, at)
    waits = Waiting(*key, "ambiguous", "unmatched", before.described, [], at)
    await queue.add(conn, [waits], at)
    await queue.record(conn, key, "unmatched", before.event_id, None, by, at)
    return Moved(key, before, None, None, False, None)


async def new(
    conn: Connection, key: tuple[str, str], by: str, at: datetime, *, as_they_look: bool = False
) -> Moved:
    """A feed event that waits is an event that is nowhere yet, whatever it looks like.

    Its teams are those that its names mean for certain, or new ones too; `as_they_look` says that
    a team which looks like one of ours is that one, and its spelling is learnt. Raises NotFound,
    and Conflict `same_participant` where its two names mean one team.
    """
    await queue.lock_alone(conn)
    waiting = await queue.one(conn, key)
    event = event_of(key, waiting.described)
    scene = await _scene(conn, "authority", [event], at)
    decision = Decision("new", None, 1.0, "no_candidate")
    fresh = [(event, decision)]
    await _enter(conn, scene, fresh, by_person=True, as_they_look=as_they_look)
    if event.key not in scene.found:
        raise Conflict("its two names mean one team", code="same_participant")
    await _keep(conn, scene)
    ours = scene.found[event.key]
    await queue.record(conn, key, "new", None, ours.event_id, by, at)
    return Moved(key, None, waiting, ours.event_id, False, ours.starts_at)


async def rematch(conn: Connection, waiting: Sequence[Waiting], at: datetime) -> list[Moved]:
    """Decide anew what waits, by what has been learnt since; returns what is decided now."""
    await queue.lock_alone(conn)
    events = [event_of((w.provider, w.provider_event_id), w.described) for w in waiting]
    found = await resolve(conn, events, at)
    moved: list[Moved] = []
    for one, event in zip(waiting, events, strict=True):
        ours = found.get(event.key)
        if ours is not None:
            moved.append(Moved(event.key, None, one, ours.event_id, ours.swapped, ours.starts_at))
            await queue.record(conn, event.key, "confirmed", None, ours.event_id, "matcher", at)
    return moved


async def _stands(conn: Connection, key: tuple[str, str]) -> tuple[Match | None, Waiting | None]:
    """How a feed event stands: matched, or waiting. Raises NotFound where it is neither."""
    match = await store.match_of(conn, key)
    return (match, None) if match else (None, await queue.one(conn, key))


async def _take_back(conn: Connection, match: Match) -> None:
    """A match was none: what it taught goes with it, where not enough others say the same."""
    key = match.provider, match.provider_event_id
    withdrawn = await store.withdraw(conn, key)
    await store.forget(conn, key)
    for sport in sorted({sport for sport, _ in withdrawn}):
        spelt = [spelling for one, spelling in withdrawn if one == sport]
        agreed = await store.agreed(conn, sport, spelt, LEARN_AFTER)
        still = {(one.country, one.category, one.spelling) for one in agreed}
        await catalogue.forget_spellings(conn, sport, [one for one in spelt if one not in still])
