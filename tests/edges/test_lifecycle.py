"""The life of an edge: one look detects it, a second one verifies it, and the same log repeats."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from overround.odds import edges
from overround.odds.edges import Policy, SecondLook
from overround.odds.edges.lifecycle import Step
from tests.edges.board_of import AT, SECOND, Table

MINUTE = timedelta(minutes=1)


def planted(policy: Policy | None = None, provider: str = "feed") -> Table:
    board = Table(policy or Policy())
    board.say("one", "total 2.5", "2.00", "1.85", provider=provider)
    board.say("two", "total 2.5", "1.70", "2.20", provider=provider)
    return board


def test_an_edge_is_verified_when_every_leg_has_stood_again() -> None:
    board = planted()
    (edge,) = board.step(AT).added
    assert (edge.status, edge.expires_at) == ("detected", AT + 5 * MINUTE)
    # Another look at the same words says nothing new.
    assert not board.step(AT + SECOND).changed
    # One of two legs is not enough.
    board.say("one", "total 2.5", "2.00", "1.85", at=AT + 2 * SECOND)
    board.step(AT + 2 * SECOND)
    assert {edge.status for edge in board.open.values()} == {"detected"}
    board.say("two", "total 2.5", "1.70", "2.20", at=AT + 3 * SECOND)
    (again,) = board.step(AT + 3 * SECOND).changed
    assert (again.id, again.status, again.verified_at) == (edge.id, "verified", AT + 3 * SECOND)


def test_a_better_price_has_to_stand_as_well_and_the_peak_stays() -> None:
    board = planted()
    board.step(AT)
    board.say("two", "total 2.5", "1.70", "2.25", at=AT + SECOND)
    (higher,) = board.step(AT + SECOND).changed
    assert higher.peak_ppm == higher.edge_ppm
    board.say("one", "total 2.5", "2.00", "1.85", at=AT + 2 * SECOND)
    board.say("two", "total 2.5", "1.70", "2.10", at=AT + 2 * SECOND)
    (lower,) = board.step(AT + 2 * SECOND).changed
    assert lower.status == "detected"
    assert (lower.peak_ppm, lower.peak_at) == (higher.edge_ppm, AT + SECOND)
    assert lower.edge_ppm < lower.peak_ppm


def test_a_suspect_edge_is_never_verified() -> None:
    board = planted(Policy(too_good_ppm=10_000))
    for n in range(4):
        board.say("one", "total 2.5", "2.00", "1.85", at=AT + n * SECOND)
        board.say("two", "total 2.5", "1.70", "2.20", at=AT + n * SECOND)
        board.step(AT + n * SECOND)
    (edge,) = board.open.values()
    assert (edge.status, edge.reasons) == ("detected", ["too_good"])


def test_of_a_provider_that_says_only_changes_any_word_is_a_second_look() -> None:
    board = planted(Policy(pushed=frozenset({"feed"})))
    board.step(AT)
    for source in ("one", "two"):
        board.say(source, "total 3.5", "2.60", "1.45", at=AT + SECOND)
    board.step(AT + SECOND)
    (edge,) = board.open.values()
    assert edge.status == "verified"


def test_what_can_be_asked_is_verified_by_its_answers_alone() -> None:
    board = planted()
    answered: dict[edges.Place, int] = {}
    second = SecondLook(frozenset({"feed"}), answered)
    (edge,) = board.step(AT, second).asking
    over, under = (edges.place_of(edges.leg_of(leg)) for leg in edge.legs)
    for n in range(1, 4):
        # A page that says the same again and again proves nothing.
        board.say("one", "total 2.5", "2.00", "1.85", at=AT + n * SECOND)
        board.say("two", "total 2.5", "1.70", "2.20", at=AT + n * SECOND)
        assert board.step(AT + n * SECOND, second).asking
    answered[over] = 20_000
    assert not board.step(AT + 4 * SECOND, second).changed
    # At its stakes the edge pays while the price of 2.20 is above 2.10.
    answered[under] = 21_000
    assert not board.step(AT + 5 * SECOND, second).changed
    answered[under] = 21_001
    (verified,) = board.step(AT + 6 * SECOND, second).changed
    assert (verified.id, verified.status) == (edge.id, "verified")
    # While its prices stand it is asked about no more, whatever has become of the answers.
    answered.clear()
    step = board.step(AT + 7 * SECOND, second)
    assert (step.changed, step.asking) == ((), ())
    # A price that moves has to be answered for anew.
    board.say("two", "total 2.5", "1.70", "2.25", at=AT + 8 * SECOND)
    (moved,) = board.step(AT + 8 * SECOND, second).asking
    assert moved.status == "detected"
    # One that moves between two answers that bear it out stays verified, and is asked about again.
    answered |= {over: 20_000, under: 22_500}
    board.step(AT + 9 * SECOND, second)
    board.say("two", "total 2.5", "1.70", "2.26", at=AT + 10 * SECOND)
    (on,) = board.step(AT + 10 * SECOND, second).asking
    assert on.status == "verified"


def test_who_is_asked_is_asked_when_the_others_have_stood() -> None:
    board = planted()
    board.say("one", "total 2.5", "2.00", "1.85", provider="site")
    second = SecondLook(frozenset({"site"}), {})
    assert not board.step(AT, second).asking
    board.say("two", "total 2.5", "1.70", "2.20", at=AT + SECOND)
    (edge,) = board.step(AT + SECOND, second).asking
    place = next(edges.place_of(leg) for leg in map(edges.leg_of, edge.legs) if leg.source == "one")
    second = SecondLook(frozenset({"site"}), {place: 20_000})
    (verified,) = board.step(AT + 2 * SECOND, second).changed
    assert verified.status == "verified"


def test_it_is_gone_with_its_price_and_comes_back_as_another() -> None:
    board = planted()
    (first,) = board.step(AT).added
    board.say("two", "total 2.5", "1.70", "-", at=AT + SECOND)
    (gone,) = board.step(AT + SECOND).gone
    assert (gone.id, gone.status, gone.expired_at) == (first.id, "expired", AT + SECOND)
    board.say("two", "total 2.5", "1.70", "2.20", at=AT + MINUTE)
    (second,) = board.step(AT + MINUTE).added
    assert second.id != first.id


def test_two_replays_of_one_log_are_one() -> None:
    def replayed() -> list[Step]:
        rng, board, log = Random(7), Table(), list[Step]()
        for n in range(120):
            at = AT + n * 5 * SECOND
            source = f"source{rng.randrange(5)}"
            over = rng.randrange(170, 230)
            under = rng.randrange(170, 230)
            lines = ("2.5", "3", "3.5")
            market = f"total {lines[rng.randrange(3)]}"
            board.say(source, market, f"{over / 100:.2f}", f"{under / 100:.2f}", at=at)
            log.append(board.step(at))
        return log

    first = replayed()
    assert first == replayed()
    assert sum(len(step.added) for step in first) > 20
