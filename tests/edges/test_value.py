"""What is believed of every price of a board, and which of them have value."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from overround.odds import pricing
from overround.odds.edges import Policy, value
from overround.odds.edges.model import Reference
from overround.odds.edges.value import Voices
from tests.edges.board_of import AT, SECOND, Table

PPM = 1_000_000


def agreeing(*sources: str, policy: Policy | None = None) -> Table:
    """Houses that hold over and under 2.5 to be even."""
    board = Table(policy or Policy())
    for source in sources:
        board.say(source, "total 2.5", "1.90", "1.90")
    return board


def believed(board: Table) -> float:
    """The chance of over 2.5 by which some price of it is of value."""
    found = board.look()["value"]
    assert found.probability_ppm is not None
    return found.probability_ppm / PPM


@pytest.mark.parametrize("reference", ["consensus", "sharp"])
def test_every_market_is_judged_as_the_slow_way_does(reference: Reference) -> None:
    rng = np.random.default_rng(1)
    fair = rng.dirichlet((3.0, 3.0, 3.0), 40)[:, None, :]
    prices = 1 / (fair * rng.uniform(0.95, 1.1, (40, 6, 3)) * 1.05)
    prices[rng.random((40, 6)) < 0.3] = 0.0
    is_sharp = np.array([False, True, False, False, True, False])
    # The third and the fourth are one house.
    group, noise = np.array([0, 1, 2, 2, 3, 4]), np.array([0.05, 0.01, 0.05, 0.05, 0.02, 0.09])
    policy = replace(Policy(), method="multiplicative", reference=reference)
    found = value.judged(prices, np.zeros((40, 6)), Voices(noise, is_sharp, group), policy)
    for market in range(40):
        speak = [s for s in range(6) if prices[market, s, 0]]
        sharp = [s for s in speak if is_sharp[s]]
        assert found.by_sharp[market] == bool(sharp)
        if reference == "sharp":
            speak = sharp or speak
        if not speak:
            assert np.isnan(found.fair[market]).all()
            continue
        own = [int(group[s]) for s in speak]
        weights = np.array([noise[s] ** -2 / own.count(int(group[s])) for s in speak])
        logits = pricing.belief.log_odds(pricing.fair.multiplicative(prices[market, speak]))
        mean = 1 / (1 + np.exp(-(weights @ logits) / weights.sum()))
        np.testing.assert_allclose(found.fair[market], mean / mean.sum(), atol=1e-6)
        expected = [len(set(own) - {int(group[s])}) for s in range(6)]
        assert found.judges[market].tolist() == expected


def test_a_price_is_evidence_against_itself() -> None:
    board = agreeing("one", "two", "three", policy=Policy(method="multiplicative"))
    board.say("four", "total 2.5", "2.20", "1.65")
    own = 1 / 2.2 / (1 / 2.2 + 1 / 1.65)
    # A mean of four log-odds, of which three are zero.
    log_odds = math.log(own / (1 - own)) / 4
    assert believed(board) == pytest.approx(1 / (1 + math.exp(-log_odds)), abs=1e-3)


def test_a_source_known_to_be_wrong_moves_nobody() -> None:
    board = agreeing("one", "two", "three", policy=Policy(noises={"four": 5.0}))
    board.say("four", "total 2.5", "2.20", "1.65")
    assert believed(board) == pytest.approx(0.5, abs=1e-3)


def test_a_sharp_source_outweighs_many_others() -> None:
    board = agreeing("pinnacle", "one", "two")
    for source in ("three", "four", "five"):
        board.say(source, "total 2.5", "2.10", "1.72")
    assert believed(board) == pytest.approx(0.5, abs=0.02)


def test_what_a_source_said_before_the_others_moved_is_old() -> None:
    board = agreeing("pinnacle")
    for number, source in enumerate(("one", "two", "three", "four")):
        board.say(source, "total 2.5", "1.60", "2.35", at=AT + number * SECOND)
    found = board.look(AT + 5 * SECOND)["value"]
    # Over is at 1.90 where it was taken for even; by now it is believed to be likelier.
    (leg,) = found.legs
    assert (leg.source, leg.side) == ("pinnacle", "over")
    assert found.edge_ppm > 80_000


def test_clones_judge_as_one() -> None:
    board = agreeing(
        "one", "two", "three", policy=Policy(clones=dict.fromkeys(("one", "two"), "g"))
    )
    board.say("four", "total 2.5", "2.20", "1.70")
    assert "value" not in board.look()
    board.say("five", "total 2.5", "1.90", "1.90")
    assert "value" in board.look()


def test_how_sure_an_edge_is_lies_between_its_doubts() -> None:
    assert value.chance_of_gain(0.5, 0.02, 2.0) == pytest.approx(0.5)
    # One standard deviation of the log-odds above even.
    one = 1 / (1 + math.exp(-0.02))
    assert value.chance_of_gain(one, 0.02, 2.0) == pytest.approx(0.8413, abs=1e-4)
    board = agreeing("one", "two", "three")
    board.say("four", "total 2.5", "2.10", "1.74")
    doubtful = board.look()["value"]
    board.say("pinnacle", "total 2.5", "1.98", "1.90")
    sure = board.look()["value"]
    assert 500_000 < doubtful.confidence_ppm < sure.confidence_ppm < PPM


def test_without_enough_judges_nothing_is_said() -> None:
    board = Table()
    board.say("one", "total 2.5", "1.90", "1.95")
    board.say("four", "total 2.5", "2.20", "1.70")
    assert "value" not in board.look()


def test_what_was_solved_before_is_what_is_solved_anew() -> None:
    rng = np.random.default_rng(3)
    prices = 1 / (rng.dirichlet((4.0, 3.0, 3.0), 50) * 1.06)
    remembered = value.Solved()
    first = remembered.devig(prices[:30], "probit")
    again = remembered.devig(np.concatenate([prices[20:], prices[:5]]), "probit")
    anew = pricing.fair.devig(prices, "probit").probabilities
    np.testing.assert_allclose(first, anew[:30], atol=1e-12)
    np.testing.assert_allclose(again, np.concatenate([anew[20:], anew[:5]]), atol=1e-12)
    assert remembered.devig(prices[:0], "probit").shape == (0, 3)
