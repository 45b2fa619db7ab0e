from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.core import grading, line, payoff, price
from overround.core.errors import Invalid
from overround.core.grading import Facts
from overround.core.payoff import Grade
from overround.odds import edges
from tests.core.reference import Case, cases

GIVEN_IN_PERCENT = Fraction(1, 100)


def _quotes(**books: str) -> dict[str, dict[str, int]]:
    """`a="home 2.10 away 1.80"` as quotes."""
    found: dict[str, dict[str, int]] = {}
    for source, words in books.items():
        cells = words.split()
        pairs = zip(cells[::2], cells[1::2], strict=True)
        found[source] = {side: price.parse_decimal(text) for side, text in pairs}
    return found


def _states(legs: list[dict[str, str]]) -> list[tuple[Grade, ...]]:
    """What every score up to 8-8 makes of legs that may be of different markets and lines."""
    rows: set[tuple[Grade, ...]] = set()
    for score in product(range(9), range(9)):
        facts = Facts({"ft": score})
        row: list[Grade] = []
        for leg in legs:
            line_q4 = line.parse(leg["line"]) if "line" in leg else None
            if line_q4 is not None and (leg["market"], leg["side"]) == ("asian_handicap", "away"):
                line_q4 = -line_q4
            graded = grading.grade(leg["market"], "ft", line_q4, leg["side"], facts)
            assert graded is not None
            row.append(graded)
        rows.add(tuple(row))
    return sorted(rows, key=str)


def _closed_form(given: dict[str, list[dict[str, str]]]) -> bool:
    markets = {leg["market"] for leg in given["legs"]}
    extras = {"commission", "lay"}
    plain = not any(extras & leg.keys() for leg in given["legs"])
    return plain and len(markets) == 1 and markets <= {"1x2", "asian_handicap", "total"}


@pytest.mark.parametrize("case", cases("surebet", _closed_form))
def test_published_guarantees(case: Case) -> None:
    legs = case.given["legs"]
    split = edges.guarantee(_states(legs), [price.parse_decimal(leg["price"]) for leg in legs])
    assert split is not None
    tolerance = Fraction(case.tolerance)
    expected = Fraction(str(case.expect["guaranteed_pct"]))
    assert abs(split.guaranteed / GIVEN_IN_PERCENT - expected) <= tolerance
    for stake, stake_pct in zip(split.stakes, case.expect.get("stakes_pct", []), strict=False):
        assert abs(stake / GIVEN_IN_PERCENT - Fraction(str(stake_pct))) <= tolerance


@pytest.mark.parametrize(
    ("market", "line_text", "first", "second", "guaranteed", "best"),
    [
        ("asian_handicap", "-0.5", "home 2.40 away 1.01", "home 1.01 away 1.80", "1/35", "1/35"),
        ("asian_handicap", "-0.25", "home 2.05 away 1.01", "home 1.01 away 2.05", "1/60", "1/30"),
        ("asian_handicap", "-1", "home 2.05 away 1.01", "home 1.01 away 2.05", "0", "1/40"),
        ("draw_no_bet", "", "home 2.05 away 1.01", "home 1.01 away 2.05", "0", "1/40"),
        ("total", "2.5", "over 2.10 under 1.50", "over 1.50 under 2.10", "1/20", "1/20"),
        ("total", "3", "over 2.10 under 1.50", "over 1.50 under 2.10", "0", "1/20"),
        ("both_teams_to_score", "", "yes 2.1 no 1.5", "yes 1.5 no 2.1", "1/20", "1/20"),
        ("odd_even", "", "odd 2.1 even 1.5", "odd 1.5 even 2.1", "1/20", "1/20"),
    ],
)
def test_what_two_sides_guarantee(
    market: str, line_text: str, first: str, second: str, guaranteed: str, best: str
) -> None:
    line_q4 = line.parse(line_text) if line_text else None
    found = edges.arbitrage(market, line_q4, _quotes(a=first, b=second))
    assert found is not None
    assert (found.guaranteed, found.best) == (Fraction(guaranteed), Fraction(best))
    assert found.kind == ("sure" if found.guaranteed > 0 else "free_roll")
    assert sum(found.stakes) == 1


def test_a_whole_line_that_only_pushes_guarantees_nothing() -> None:
    found = edges.arbitrage(
        "asian_handicap", -4, _quotes(a="home 2.05 away 1.80", b="home 1.80 away 2.05")
    )
    assert found is not None
    assert found.kind == "free_roll"
    assert found.naive_margin == Fraction(1, 40)
    assert found.guaranteed == 0
    assert found.stakes == (Fraction(1, 2), Fraction(1, 2))


def test_three_sides_take_the_best_of_each() -> None:
    found = edges.arbitrage(
        "1x2",
        None,
        _quotes(
            a="home 2.80 draw 3.50 away 3.10",
            b="home 3.10 draw 3.40 away 2.90",
            c="home 3.00 draw 3.20 away 3.00",
        ),
    )
    assert found is not None
    assert [(leg.side, leg.source) for leg in found.legs] == [
        ("home", "b"), ("draw", "a"), ("away", "a"),
    ]  # fmt: skip
    booksum = 2 / Fraction("3.1") + 1 / Fraction("3.5")
    assert found.naive_margin == found.guaranteed == found.best == 1 / booksum - 1
    assert [round(float(stake), 8) for stake in found.stakes] == [
        0.34653465, 0.30693069, 0.34653465,
    ]  # fmt: skip
    assert found.kind == "sure"


@pytest.mark.parametrize(
    ("market", "books"),
    [
        ("1x2", {}),
        ("1x2", {"a": "home 4 draw 4 away 4"}),
        # A published "surebet" whose own figures do not add up: the booksum is 1.0067.
        ("1x2", {"a": "home 2.30 draw 3.60 away 3.0", "b": "home 2.0 draw 3.0 away 3.40"}),
        ("draw_no_bet", {"a": "home 2.00 away 1.90", "b": "home 1.90 away 2.00"}),
        # One source alone: an error of its own, nothing between sources.
        ("draw_no_bet", {"a": "home 2.20 away 2.20", "b": "home 1.90 away 1.90"}),
        # A source that does not quote the draw, or quotes it at 1.00, takes no part.
        ("1x2", {"a": "home 3 draw 3 away 3", "b": "home 9 away 9"}),
        ("correct_score", {"a": "1:0 9.0 0:0 9.0", "b": "1:0 9.5 0:0 9.0"}),
        ("double_chance", {"a": "1X 4 X2 4 12 3", "b": "1X 3 X2 3 12 4"}),
    ],
)
def test_what_is_no_arbitrage(market: str, books: dict[str, str]) -> None:
    assert edges.arbitrage(market, None, _quotes(**books)) is None


def test_a_price_of_one_is_no_price() -> None:
    quotes = _quotes(a="home 3.1 draw 3.5 away 3.1", b="home 3.0 draw 3.4 away 3.2")
    assert edges.arbitrage("1x2", None, quotes) is not None
    quotes["b"]["draw"] = 10_000
    assert edges.arbitrage("1x2", None, quotes) is None


def test_of_equal_prices_the_first_source_by_name_is_taken() -> None:
    quotes = _quotes(c="home 2.1 away 1.9", b="home 2.1 away 2.0", a="home 1.5 away 2.0")
    legs = edges.best_prices("draw_no_bet", quotes)
    assert legs is not None
    assert [(leg.source, leg.price_e4) for leg in legs] == [("b", 21_000), ("a", 20_000)]
    assert edges.best_prices("draw_no_bet", {"a": quotes["a"]}) is None
    assert edges.best_prices("correct_score", quotes) is None


@pytest.mark.parametrize(
    ("books", "suspect"),
    [
        # 3.21 is above 1.6 x 2.00, 3.20 is not.
        ({"a": "home 3.20 away 1.40", "b": "home 2.00 away 1.90", "c": "home 2 away 1.9"}, False),
        ({"a": "home 3.21 away 1.40", "b": "home 2.00 away 1.90", "c": "home 2 away 1.9"}, True),
        # The median of an even count is the mean of the middle two: 1.6 x 2.05 = 3.28.
        ({"a": "home 3.28 away 1.4", "b": "home 2.0 away 1.9", "c": "home 2.1 away 1.8"}, False),
        ({"a": "home 3.29 away 1.4", "b": "home 2.0 away 1.9", "c": "home 2.1 away 1.8"}, True),
        # A source that can be arbitraged by itself taints the market, used or not.
        ({"a": "home 2.3 away 1.7", "b": "home 1.7 away 2.3", "c": "home 2.02 away 2.0"}, True),
        ({"a": "home 2.3 away 1.7", "b": "home 1.7 away 2.3", "c": "home 2.00 away 2.0"}, False),
    ],
)
def test_prices_that_look_like_errors_are_suspect(books: dict[str, str], suspect: bool) -> None:
    found = edges.arbitrage("both_teams_to_score", None, _quotes(**_as_yes_no(books)))
    assert found is not None
    assert found.suspect is suspect


def _as_yes_no(books: dict[str, str]) -> dict[str, str]:
    return {
        source: words.replace("home", "yes").replace("away", "no")
        for source, words in books.items()
    }


@pytest.mark.parametrize(
    ("market", "code"), [("total", "line_missing"), ("match_winner", "unknown_market")]
)
def test_a_market_outside_the_catalogue_is_refused(market: str, code: str) -> None:
    quotes = _quotes(a="over 2.2 under 1.5", b="over 1.5 under 2.2")
    with pytest.raises(Invalid) as refused:
        edges.arbitrage(market, None, quotes)
    assert refused.value.code == code


@given(
    st.sampled_from(["total", "asian_handicap"]),
    st.integers(-12, 20),
    st.integers(10_100, 60_000),
    st.integers(10_100, 60_000),
)
def test_no_division_beats_the_guarantee_and_settlement_pays_it(
    market: str, line_q4: int, first_e4: int, second_e4: int
) -> None:
    states = grading.states(market, line_q4)
    split = edges.guarantee(states, [first_e4, second_e4])
    assert split is not None

    def worst(share: Fraction) -> Fraction:
        return min(
            share * payoff.multiplier(first, first_e4)
            + (1 - share) * payoff.multiplier(second, second_e4)
            for first, second in states
        )

    assert worst(split.stakes[0]) - 1 == split.guaranteed <= split.best
    assert all(worst(Fraction(step, 64)) - 1 <= split.guaranteed for step in range(65))
