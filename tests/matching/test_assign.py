"""A feed's events against ours together: one of theirs is one of ours at most, the best in all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from overround.odds import matching
from overround.odds.catalogue.spellings import GENERIC
from overround.odds.feeds import FeedEvent
from overround.odds.matching import Blocks, Candidate, Prices
from overround.odds.matching.assign import TANGLE_MOST
from overround.odds.matching.marks import asked_by, marks_of
from overround.odds.matching.optimum import best_total

KICK_OFF = datetime(2024, 3, 9, 15, tzinfo=UTC)
TOWNS = ("Leeds", "Derby", "Preston", "Burnley", "Oxford", "Luton", "Hull", "Barnsley", "Bury")
KINDS = ("United", "City", "Town", "Rovers", "Athletic")


def theirs(number: int, home: str, away: str, late: timedelta = timedelta(0)) -> FeedEvent:
    start = KICK_OFF + late
    return FeedEvent("p", str(number), "football", "k", "Cup", "England", home, away, start)


def ours(number: int, home: str, away: str, late: timedelta = timedelta(0)) -> Candidate:
    start = KICK_OFF + late
    return Candidate(UUID(int=number), "football", "Cup", "England", home, away, start)


def told(events: list[FeedEvent], candidates: list[Candidate]) -> list[tuple[str, int | None]]:
    decisions = matching.assign(events, candidates, {})
    return [(d.kind, d.event_id.int if d.event_id else None) for d in decisions]


def test_the_answers_are_in_the_order_of_the_events() -> None:
    events = [theirs(1, "Leeds", "Derby"), theirs(2, "Ann", "Ann"), theirs(3, "Hull", "Bury")]
    assert told(events, [ours(7, "Hull City", "Bury"), ours(8, "Leeds United", "Derby")]) == [
        ("matched", 8),
        ("unmatched", None),
        ("matched", 7),
    ]
    assert told([], []) == []


def test_what_is_certain_of_one_settles_its_neighbour() -> None:
    united, city = ours(1, "Leeds United", "Derby"), ours(2, "Leeds City", "Derby")
    doubtful, certain = theirs(1, "Leeds", "Derby"), theirs(2, "Leeds City", "Derby")
    assert told([doubtful], [united, city])[0][0] == "ambiguous"
    assert told([doubtful, certain], [united, city]) == [("matched", 1), ("matched", 2)]


def test_two_games_of_a_day_are_told_apart_by_their_starts() -> None:
    early, late = ours(1, "Leeds", "Derby"), ours(2, "Leeds", "Derby", timedelta(hours=3))
    events = [theirs(1, "Leeds", "Derby", timedelta(hours=3)), theirs(2, "Leeds", "Derby")]
    assert told(events, [early, late]) == [("matched", 2), ("matched", 1)]


def test_no_two_match_the_same_event_of_ours() -> None:
    events = [theirs(1, "Leeds United", "Derby"), theirs(2, "Leeds", "Derby County")]
    kinds = [kind for kind, _ in told(events, [ours(1, "Leeds United", "Derby County")])]
    assert kinds.count("matched") <= 1
    assert "new" not in kinds


def test_the_same_event_under_a_second_id_is_that_one() -> None:
    twice = [theirs(1, "Leeds", "Derby"), theirs(2, "Leeds", "Derby")]
    decisions = matching.assign(twice, [ours(1, "Leeds", "Derby")], {})
    assert [(d.kind, d.reason) for d in decisions] == [
        ("matched", "exact"),
        ("unmatched", "second_id"),
    ]
    decisions = matching.assign(twice, [], {})
    assert [(d.kind, d.reason) for d in decisions] == [
        ("new", "no_candidate"),
        ("unmatched", "second_id"),
    ]


def test_a_tangle_of_too_many_is_left_to_a_person() -> None:
    events = [theirs(n, "Leeds", "Derby", timedelta(seconds=n)) for n in range(TANGLE_MOST + 1)]
    decisions = matching.assign(events, [ours(1, "Leeds", "Derby")], {})
    assert {(d.kind, d.reason) for d in decisions} == {("ambiguous", "two_candidates")}


def test_a_moved_fixture_is_found_on_its_old_day() -> None:
    event = theirs(1, "Leeds United", "Derby County", timedelta(hours=20))
    assert told([event], [ours(1, "Leeds", "Derby")]) == [("matched", 1)]


def test_swapped_sides_are_found() -> None:
    decision = matching.assign([theirs(1, "Leeds", "Derby")], [ours(1, "Derby", "Leeds")], {})[0]
    assert (decision.kind, decision.swapped) == ("matched", True)


def test_an_alias_is_found_that_shares_no_letter() -> None:
    participants = UUID(int=71), UUID(int=72)
    candidate = Candidate(
        UUID(int=1), "football", "Cup", "England", "Leeds", "Derby", KICK_OFF, *participants
    )
    known = {"peacocks": participants[0], "rams": participants[1]}
    decision = matching.assign([theirs(1, "The Peacocks", "The Rams")], [candidate], known)[0]
    assert (decision.kind, decision.reason) == ("matched", "alias")


@pytest.mark.parametrize(
    ("theirs_fair", "swapped", "kind", "reason"),
    [
        ((0.50, 0.27, 0.23), False, "matched", "exact"),
        ((0.23, 0.27, 0.50), False, "ambiguous", "prices_differ"),
        ((0.95, 0.03, 0.02), False, "ambiguous", "prices_differ"),
        ((0.5, 0.5), False, "matched", "exact"),
        ((0.23, 0.27, 0.50), True, "matched", "exact"),
        ((0.50, 0.27, 0.23), True, "ambiguous", "prices_differ"),
    ],
)
def test_prices_that_only_agree_the_other_way_round_are_a_veto(
    theirs_fair: tuple[float, ...], swapped: bool, kind: str, reason: str
) -> None:
    names = ("Derby", "Leeds") if swapped else ("Leeds", "Derby")
    event = theirs(1, *names)
    candidate = ours(1, "Leeds", "Derby")
    prices = Prices({event.key: theirs_fair}, {candidate.event_id: (0.48, 0.28, 0.24)})
    decision = matching.assign([event], [candidate], {}, prices=prices)[0]
    assert (decision.kind, decision.reason) == (kind, reason)


def test_prices_support_names_that_are_nearly_enough_and_nothing_less() -> None:
    candidate = ours(1, "Weston Workers", "Belmont Swansea")
    fair = (0.48, 0.28, 0.24)

    def reason(home: str, away: str) -> str:
        event = theirs(1, home, away)
        prices = Prices({event.key: fair}, {candidate.event_id: fair})
        return matching.assign([event], [candidate], {}, prices=prices)[0].reason

    assert reason("Weston Bears", "Belmont Swansea United") == "prices"
    assert reason("Leeds", "Hull") == "no_candidate"


def spelt(random: Random, town: str, kind: str) -> str:
    return random.choice([town, f"{town} {kind}", f"{town} {kind[:3]}", f"FC {town} {kind}"])


@given(st.integers(0, 10_000))
def test_nothing_is_lost_in_the_blocks(seed: int) -> None:
    """What one looks at every event of ours decides is what one decides by the blocks."""
    random = Random(seed)
    clubs = [(town, random.choice(KINDS)) for town in random.sample(TOWNS, 6)]
    pairs = list(zip(clubs[::2], clubs[1::2], strict=True))
    candidates = [
        ours(n, " ".join(home), " ".join(away), timedelta(hours=random.choice((0, 0, 2, 23))))
        for n, (home, away) in enumerate(pairs, 1)
    ]
    home, away = random.choice(pairs)
    event = theirs(1, spelt(random, *home), spelt(random, *away), timedelta(minutes=10))
    alone = matching.decide(event, candidates, {})
    together = matching.assign([event], candidates, {})[0]
    assert (together.kind, together.event_id) == (alone.kind, alone.event_id)


WORDS = st.lists(
    st.sampled_from(["leeds", "leedz", "lee", "qpr", "queens", "park", "rangers", "st", "okhdood",
                     "akhdoud", "gladbach", "monchengladbach", "newtown", "new", "town", "fk"]),
    min_size=1, max_size=3,
).map(" ".join)  # fmt: skip


@given(WORDS, WORDS)
def test_names_that_are_alike_share_a_mark(one: str, other: str) -> None:
    assume(any(len(word) > 2 and word not in GENERIC for word in other.split()))
    if matching.likeness(one, other) >= 0.7:
        assert set(asked_by(one)) & set(marks_of(other))


def test_an_event_that_moves_is_found_where_it_is_and_one_that_goes_is_not() -> None:
    blocks = Blocks([ours(1, "Leeds", "Derby"), ours(2, "Hull", "Bury")])
    later = timedelta(days=30)
    blocks.add(ours(1, "Leeds", "Derby", later))
    blocks.discard(UUID(int=2))
    blocks.discard(UUID(int=3))
    assert len(blocks) == 1
    events = [theirs(1, "Leeds", "Derby"), theirs(2, "Hull", "Bury")]
    assert [d.kind for d in matching.assign(events, blocks, {})] == ["new", "new"]
    moved = theirs(3, "Leeds", "Derby", later)
    assert matching.assign([moved], blocks, {})[0].kind == "matched"


def enumerated(values: Mapping[int, Mapping[int, float]], used: frozenset[int]) -> float:
    """The largest total by trying everything."""
    if not values:
        return 0.0
    row, *_ = values
    rest = {other: options for other, options in values.items() if other != row}
    with_row = [
        value + enumerated(rest, used | {column})
        for column, value in values[row].items()
        if column not in used
    ]
    return max(enumerated(rest, used), *with_row, 0.0)


@given(
    st.dictionaries(
        st.integers(0, 5),
        st.dictionaries(st.integers(0, 5), st.floats(0.01, 1.0), max_size=4),
        max_size=5,
    )
)
def test_the_assignment_is_the_best_of_all(values: dict[int, dict[int, float]]) -> None:
    total, chosen = best_total(values)
    assert total == pytest.approx(enumerated(values, frozenset()))
    assert len(set(chosen.values())) == len(chosen)
    assert all(column in values[row] for row, column in chosen.items())
