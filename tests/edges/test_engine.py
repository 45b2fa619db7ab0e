"""What one look at a board finds, inside markets and between them, and what speaks against it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction

import pytest

from overround.odds import pricing
from overround.odds.edges import Leg, Policy, Terms
from overround.odds.pricing import surebet
from tests.edges.board_of import AT, SECOND, Table

PPM = 1_000_000


def table(policy: Policy | None = None) -> Table:
    """Three houses that agree: nothing to be had."""
    found = Table(policy or Policy())
    for source in ("one", "two", "three"):
        found.say(source, "total 2.5", "1.90", "1.95")
    return found


def test_even_prices_give_nothing() -> None:
    assert table().look() == {}


def test_the_sides_of_one_line_at_two_sources() -> None:
    board = table()
    board.say("two", "total 2.5", "1.70", "2.20")
    board.say("one", "total 2.5", "2.00", "1.85")
    found = board.look()["arbitrage"]
    assert (found.pays, found.tags, found.reasons) == ("sure", ("same_line", "prematch"), ())
    assert [(leg.source, leg.side, leg.price_e4) for leg in found.legs] == [
        ("one", "over", 20_000), ("two", "under", 22_000),
    ]  # fmt: skip
    assert found.guaranteed_ppm == found.naive_ppm == 47_619


def test_an_exchange_is_taken_net_of_its_commission() -> None:
    board = table(Policy(terms={"exchange": Terms(commission_bps=500)}))
    board.say("one", "total 2.5", "2.00", "1.85")
    board.say("exchange", "total 2.5", "1.80", "2.20", kind="exchange")
    found = board.look()["arbitrage"]
    # 2.20 less 5 % of the profit is 2.14; what is shown is the price that is quoted.
    assert [leg.price_e4 for leg in found.legs] == [20_000, 22_000]
    assert found.guaranteed_ppm == (1 / (Fraction(1, 2) + 1 / Fraction("2.14")) - 1) * PPM // 1
    board.policy = Policy()
    assert "arbitrage" not in board.look()


@pytest.mark.parametrize(
    ("markets", "guaranteed_pct"),
    [
        # The cases of the reference: half against quarter lines, the draw beside level handicaps.
        ({"asian_handicap -0.5": "2.40 1.01", "asian_handicap -0.25": "1.01 2.60"}, "2.857143"),
        ({"total 2.5": "2.05 1.01", "total 3": "1.01 2.02"}, "1.744472"),
        ({"total 2.25": "1.95 1.01", "total 2.75": "1.01 2.12"}, "1.572482"),
        ({"asian_handicap 0": "1.60 1.01", "1x2": "1.01 3.90 4.30"}, "4.853458"),
        ({"asian_handicap -0.25": "2.85 1.01", "1x2": "1.01 3.35 4.10"}, "18.917749"),
    ],
)
def test_arbitrage_between_markets(markets: dict[str, str], guaranteed_pct: str) -> None:
    board = Table()
    for n, (market, written) in enumerate(markets.items()):
        board.say(f"source{n}", market, *written.split())
    found = board.look()["across"]
    assert abs(found.guaranteed_ppm - Fraction(guaranteed_pct) * 10_000) <= 3
    assert found.market_id is None
    assert _worst(found.legs) * PPM >= found.guaranteed_ppm - 3


@pytest.mark.parametrize(
    "markets",
    [
        # 1/a + 1/b is below one, and half of the second stake is lost where the first loses too.
        {"asian_handicap -0.5": "2.40 1.01", "asian_handicap -0.25": "1.01 2.10"},
        {"total 2.75": "2.35 1.01", "total 2.25": "1.01 2.10"},
        {"asian_handicap -0.75": "2.20 1.01", "1x2": "1.01 3.60 4.40"},
    ],
)
def test_what_looks_like_arbitrage_between_markets_and_is_none(markets: dict[str, str]) -> None:
    board = Table()
    for n, (market, written) in enumerate(markets.items()):
        board.say(f"source{n}", market, *written.split())
    assert "across" not in board.look()


def _worst(legs: Sequence[Leg]) -> Fraction:
    asked = [
        pricing.Leg(
            leg.market_type, leg.side, Fraction(leg.price_e4, 10_000), leg.line_q4, leg.period
        )
        for leg in legs
    ]
    worst, _ = surebet.exact_nets(asked, [Fraction(leg.stake_ppm, PPM) for leg in legs])
    return worst


def test_a_middle_is_worth_what_the_gap_is_believed_to_be() -> None:
    board = table()
    for source in ("one", "two", "three"):
        board.say(source, "total 3.5", "2.60", "1.50")
    # Over 2.5 and under 3.5: three goals win both.
    board.say("four", "total 2.5", "1.98", "1.80")
    board.say("five", "total 3.5", "2.00", "1.98")
    found = board.look()["middle"]
    assert [leg.line_q4 for leg in found.legs] == [10, 14]
    assert found.probability_ppm is not None
    expected = found.guaranteed_ppm + (found.best_ppm - found.guaranteed_ppm) * Fraction(
        found.probability_ppm, PPM
    )
    assert abs(found.edge_ppm - expected) < 5
    assert found.guaranteed_ppm == pytest.approx(-10_000, abs=5)


def test_a_price_above_what_the_others_believe_has_value() -> None:
    board = table()
    board.say("four", "total 2.5", "2.20", "1.70")
    found = board.look()["value"]
    (leg,) = found.legs
    assert (leg.source, leg.side, leg.price_e4) == ("four", "over", 22_000)
    fair = Fraction(found.probability_ppm or 0, PPM)
    assert abs(fair * Fraction("2.2") - 1 - Fraction(found.edge_ppm, PPM)) < Fraction(1, 100_000)
    assert found.kelly_ppm == found.edge_ppm * 10_000 // 12_000
    assert "all_methods" in found.tags
    assert "consensus" in found.tags


def test_too_few_judges_say_nothing() -> None:
    board = Table()
    board.say("one", "total 2.5", "1.90", "1.95")
    board.say("four", "total 2.5", "2.20", "1.70")
    assert "value" not in board.look()


def test_a_low_hold_costs_next_to_nothing() -> None:
    board = table()
    board.say("one", "total 2.5", "2.00", "1.80")
    board.say("two", "total 2.5", "1.80", "1.999")
    found = board.look()["low_hold"]
    assert -300 < found.guaranteed_ppm < 0


@pytest.mark.parametrize(
    ("written", "seen_s", "reason"),
    [
        ("1.70 2.20", -301, "too_old"),
        ("1.20 2.90", 0, "too_good"),
        ("1.02 3.60", 0, "out_of_line"),
        ("1.95 2.20", 0, "source_contradicts_itself"),
    ],
)
def test_what_speaks_against_an_edge(written: str, seen_s: int, reason: str) -> None:
    board = Table()
    board.say("two", "total 2.5", *written.split(), at=AT + seen_s * SECOND)
    board.say("one", "total 2.5", "2.00", "1.85")
    board.say("three", "total 2.5", "1.90", "1.95")
    found = board.look()["arbitrage"]
    assert reason in found.reasons
    assert found.confidence_ppm < PPM // 4


def test_sources_that_are_one_and_rules_that_differ() -> None:
    board = table(Policy(clones={"one": "group", "two": "group"}))
    board.say("one", "total 2.5", "2.00", "1.85")
    board.say("two", "total 2.5", "1.70", "2.20")
    assert board.look()["arbitrage"].reasons == ("single_source",)
    board.policy = Policy(rules={("one", "football"): "ft", ("two", "football"): "extra_time"})
    assert board.look()["arbitrage"].reasons == ("rules_differ",)


def test_a_favourite_turned_round_is_told() -> None:
    board = Table(sport="basketball")
    for source in ("one", "two", "three"):
        board.say(source, "moneyline", "1.30", "3.60")
    board.say("four", "moneyline", "3.50", "1.32")
    found = board.look()["arbitrage"]
    assert "probable_swap" in found.reasons


def test_a_price_that_the_others_have_passed_is_told() -> None:
    board = Table(Policy(passed_by_max=2))
    board.say("one", "total 2.5", "2.00", "1.85")
    board.say("two", "total 2.5", "1.70", "2.20", at=AT + SECOND)
    assert board.look(AT + SECOND)["arbitrage"].reasons == ()
    board.say("three", "total 2.5", "1.75", "2.05", at=AT + 2 * SECOND)
    assert board.look(AT + 2 * SECOND)["arbitrage"].reasons == ("passed_by",)


def test_in_play_a_price_is_old_sooner() -> None:
    board = table()
    board.say("one", "total 2.5", "2.00", "1.85")
    board.say("two", "total 2.5", "1.70", "2.20")
    board.starts_at = AT - timedelta(minutes=5)
    found = board.look(AT + 31 * SECOND)["arbitrage"]
    assert found.reasons == ("too_old",)
    assert "live" in found.tags
