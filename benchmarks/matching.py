"""Matching: thirty sources name the same two thousand events, each in its own way.

`overround bench matching` prints it; times are microseconds per event. The clubs and their
spellings are those of the sample data where it is there, otherwise made up by rule. Times are the
processor's: nothing here waits.
"""

from __future__ import annotations

import csv
import gc
import gzip
import json
import os
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import NAMESPACE_OID, UUID, uuid5

from rapidfuzz import fuzz, process

from overround.odds import matching
from overround.odds.catalogue import names
from overround.odds.feeds import FeedEvent
from overround.odds.matching import Blocks, Candidate
from overround.odds.matching.assign import scores
from overround.odds.matching.likeness import ASSUMED
from overround.odds.matching.marks import asked_by, beginnings, marks_of
from overround.odds.matching.rules import Read, read, verdict

SOURCES = 30
EVENTS = 2_000
CLUBS_LEAST = 12
EXTRACTED = 200
ROUNDS = 3
DATA = Path(os.environ.get("OVERROUND_DATA", "../shared/data")) / "team-aliases.csv.gz"
TARGETS_US = {
    "candidates_and_first_score": 3,
    "decision_of_a_new_event": 60,
    "known_reference": 1,
}
FIRST = datetime(2026, 3, 6, 12, tzinfo=UTC)
ODD_SPELLINGS = 0.3


@dataclass(frozen=True)
class Club:
    """A club: its country and its spellings, ours first."""

    country: str
    spellings: list[str]


Fixture = tuple[Club, Club, datetime]


@dataclass(frozen=True)
class World:
    """Our events, what thirty sources call them, and what each of those is."""

    ours: list[Candidate]
    feeds: list[list[FeedEvent]]
    truth: dict[tuple[str, str], UUID]
    aliases: dict[str, UUID]


@dataclass(frozen=True)
class Measured:
    """Microseconds by stage, and shares of events by outcome."""

    events: int
    of_ours: int
    us: dict[str, float]
    right: dict[str, dict[str, float]]


def clubs(random: Random) -> list[Club]:
    """Clubs with their spellings: of the sample data, or made up."""
    if not DATA.is_file():
        return made_up(random)
    spelt: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    with gzip.open(DATA, "rt", encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            if row["sport"] == "football" and row["gender"] == "men":
                spelt[row["country"], row["canonical_id"]][row["alias"]] = None
    return [Club(country, list(spellings)) for (country, _), spellings in spelt.items()]


def made_up(random: Random) -> list[Club]:
    """Towns of two or three syllables with what clubs call themselves; seven ways to say it."""
    syllables = [a + b for a in "bdfgklmnprstv" for b in ("a", "e", "i", "o", "u", "ar", "en")]
    kinds = ["United", "City", "Rovers", "Athletic", "Wanderers", "Dynamo"]
    found: list[Club] = []
    for n in range(4_000):
        town = "".join(random.choices(syllables, k=random.randint(2, 3))).title()
        kind = random.choice(kinds)
        spellings = [f"{town} {kind}", f"FC {town} {kind}", f"{town} {kind} FC", f"{town}"]
        spellings += [f"{town} {kind[:3]}", f"{town[:-1]} {kind}", f"{kind} {town}"]
        found.append(Club(f"country {n % 40}", spellings))
    return found


def world(random: Random) -> World:
    """Two thousand fixtures within a week, most of them in few slots, and thirty feeds of them."""
    everywhere: defaultdict[str, list[Club]] = defaultdict(list)
    for club in clubs(random):
        everywhere[club.country].append(club)
    # In a country of few the same two would meet twice in the week.
    by_country = {
        country: teams for country, teams in everywhere.items() if len(teams) >= CLUBS_LEAST
    }
    fixtures: list[Fixture] = []
    while len(fixtures) < EVENTS:
        fixtures += a_round(by_country, random)
    fixtures = fixtures[:EVENTS]
    ours = [
        Candidate(
            UUID(int=n + 1), "football", f"{home.country} - First League", home.country,
            home.spellings[0], away.spellings[0], starts_at, participant(home), participant(away),
        )
        for n, (home, away, starts_at) in enumerate(fixtures)
    ]  # fmt: skip
    feeds = [feed(f"source{n}", fixtures, random) for n in range(SOURCES)]
    truth = {e.key: UUID(int=int(e.provider_event_id) + 1) for events in feeds for e in events}
    return World(ours, feeds, truth, known_spellings(ours, fixtures))


def a_round(by_country: Mapping[str, list[Club]], random: Random) -> list[Fixture]:
    """Everybody against somebody of the country, most of them on two days at three o'clock."""
    found: list[Fixture] = []
    for country in sorted(by_country):
        teams = list(by_country[country])
        random.shuffle(teams)
        for home, away in zip(teams[::2], teams[1::2], strict=False):
            day = random.choices(range(7), weights=[2, 6, 5, 1, 1, 2, 2])[0]
            slot = random.choices([0, 2, 3, 5, 7, 8], weights=[1, 2, 6, 3, 3, 2])[0]
            found.append((home, away, FIRST + timedelta(days=day, hours=slot)))
    random.shuffle(found)
    return found


def feed(provider: str, fixtures: Sequence[Fixture], random: Random) -> list[FeedEvent]:
    """What one source calls the fixtures, a few minutes off here and there."""

    def spelt(club: Club) -> str:
        odd = len(club.spellings) > 1 and random.random() < ODD_SPELLINGS
        return random.choice(club.spellings) if odd else club.spellings[0]

    return [
        FeedEvent(
            provider, str(n), "football", home.country, f"{home.country}. League 1", home.country,
            spelt(home), spelt(away), starts_at + timedelta(minutes=random.choice((0, 0, 0, 5))),
        )
        for n, (home, away, starts_at) in enumerate(fixtures)
    ]  # fmt: skip


def participant(club: Club) -> UUID:
    """The club's id: its country and its own name are it."""
    return uuid5(NAMESPACE_OID, f"{club.country}/{club.spellings[0]}")


def known_spellings(ours: Sequence[Candidate], fixtures: Sequence[Fixture]) -> dict[str, UUID]:
    """Every spelling that only one club has, as the catalogue would hold it."""
    found: defaultdict[str, set[UUID]] = defaultdict(set)
    for candidate, (home, away, _) in zip(ours, fixtures, strict=True):
        for club in (home, away):
            for spelling in club.spellings:
                identity = names.team(spelling, candidate.competition_name).identity
                found[identity].add(participant(club))
    return {identity: next(iter(ids)) for identity, ids in found.items() if len(ids) == 1}


def forget() -> None:
    """Empty what is kept between calls, so that a path is timed as if nothing had been seen."""
    for kept in (names.team, names.parse_category, names.country_of):
        kept.cache_clear()
    ASSUMED.compared.clear()
    for kept in (marks_of, asked_by, beginnings):
        kept.cache_clear()


def timed(path: Callable[[], object], items: int, before: Callable[[], None] = forget) -> float:
    """The median time per item, in microseconds, over rounds that `before` prepares."""
    taken: list[float] = []
    for _ in range(ROUNDS):
        before()
        gc.collect()
        gc.disable()
        began_s = time.process_time()
        path()
        taken.append((time.process_time() - began_s) / items * 1e6)
        gc.enable()
    return statistics.median(taken)


def measure(of: World) -> Measured:
    """Each stage by itself, then the whole, then what is right."""
    events = [event for feed_events in of.feeds for event in feed_events]
    blocks = Blocks(of.ours)
    knowledge = matching.learn({"": of.ours, **{f[0].provider: f for f in of.feeds}})
    spellings = {(e.home, e.competition_name) for e in events}
    resolved = dict(of.truth)
    ready = [read(event, event.provider) for event in events]
    fresh = ready[:EVENTS]

    def candidates() -> None:
        for theirs in ready:
            blocks.same_slot(theirs, {})

    def whole(aliases: dict[str, UUID]) -> object:
        return [matching.assign(feed, blocks, aliases, knowledge) for feed in of.feeds]

    us = {
        "known_reference": timed(lambda: [resolved.get(e.key) for e in events], len(events)),
        "normalise_a_new_spelling": timed(
            lambda: [names.team(*spelling) for spelling in spellings], len(spellings)
        ),
        "read_an_event": timed(lambda: [read(e, e.provider) for e in events], len(events)),
        "candidates_and_first_score": timed(candidates, len(ready), candidates),
        "decision_of_a_new_event": timed(
            lambda: [decided(theirs, blocks, knowledge) for theirs in fresh], len(fresh)
        ),
        "all_feeds_whole": timed(lambda: whole({}), len(events)),
        "all_feeds_by_alias": timed(lambda: whole(of.aliases), len(events)),
        "index_one_of_ours": timed(lambda: Blocks(of.ours), len(of.ours)),
    }
    us["extract_one"], extracted = extract_one(of)
    right = {
        "by_names": rightness(of, {}, blocks, knowledge),
        "by_alias": rightness(of, of.aliases, blocks, knowledge),
        "extract_one": {"right": extracted},
    }
    return Measured(len(events), len(of.ours), us, right)


def decided(theirs: Read, blocks: Blocks, knowledge: matching.Knowledge) -> matching.Decision:
    """One event alone, from its normalised names to the decision."""
    found = scores(theirs, blocks, {}, knowledge)
    return verdict([(score, event_id) for event_id, score in found.items()])


def extract_one(of: World) -> tuple[float, float]:
    """The usual way: the most alike of all our events by rapidfuzz. Microseconds, share right."""
    ours = {c.event_id: f"{c.home} v {c.away}" for c in of.ours}
    asked = Random(3).sample([event for events in of.feeds for event in events], EXTRACTED)

    def found() -> list[UUID]:
        return [
            process.extractOne(f"{e.home} v {e.away}", ours, scorer=fuzz.token_sort_ratio)[2]
            for e in asked
        ]

    right = sum(id_ == of.truth[e.key] for id_, e in zip(found(), asked, strict=True))
    return timed(found, EXTRACTED), right / EXTRACTED


def rightness(
    of: World, aliases: dict[str, UUID], blocks: Blocks, knowledge: matching.Knowledge
) -> dict[str, float]:
    """Of all events: found, found wrongly, left to a person, taken for new."""
    counts: Counter[str] = Counter()
    for events in of.feeds:
        for event, decision in zip(
            events, matching.assign(events, blocks, aliases, knowledge), strict=True
        ):
            right = decision.event_id == of.truth[event.key]
            kind = decision.kind
            counts[("right" if right else "wrong") if kind == "matched" else kind] += 1
    total = counts.total()
    return {kind: round(counts[kind] / total, 5) for kind in ("right", "wrong", "ambiguous", "new")}


def main() -> None:
    """Print the figures, with the ratio to `extractOne` of the same run and what was asked for."""
    figures = measure(world(Random(20_261_121)))
    us = figures.us
    print(
        json.dumps(
            {
                "events": figures.events,
                "of_ours": figures.of_ours,
                "us": {name: round(value, 2) for name, value in us.items()},
                "times_extract_one": {
                    name: round(us["extract_one"] / us[name])
                    for name in ("candidates_and_first_score", "all_feeds_whole")
                },
                "right": figures.right,
                "met": {
                    f"{name}_{most_us}_us": us[name] <= most_us
                    for name, most_us in TARGETS_US.items()
                },
            }
        )
    )


if __name__ == "__main__":
    main()
