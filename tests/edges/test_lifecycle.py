"""The life of an edge: one look detects it, a second one verifies it, and the same log repeats."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from overround.odds.edges import Policy
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
