from __future__ import annotations

from itertools import product

import pytest

from overround.core import grading, line, payoff
from overround.core.errors import Invalid
from overround.core.grading import Facts
from overround.core.payoff import Grade
from tests.core.reference import Case, cases

LINES = range(-14, 27)
SCORES = list(product(range(9), range(9)))


def _name(
    market: str, side: str, score: tuple[int, int], line_q4: int | None = None, period: str = "ft"
) -> str | None:
    graded = grading.grade(market, period, line_q4, side, Facts({"ft": score}))
    return None if graded is None else payoff.name(graded)


@pytest.mark.parametrize("case", cases("grade"))
def test_published_grades(case: Case) -> None:
    given = case.given
    line_q4 = line.parse(given["line"])
    if given["market"] == "asian_handicap" and given["side"] == "away":
        # The published case names the side's own line; ours is always the home side's.
        line_q4 = -line_q4
    home, away = given["score"]
    assert _name(given["market"], given["side"], (home, away), line_q4) == case.expect["result"]


@pytest.mark.parametrize(
    ("market", "line_text", "score", "grades"),
    [
        ("1x2", "", (2, 0), "home=won draw=lost away=lost"),
        ("1x2", "", (1, 1), "home=lost draw=won away=lost"),
        ("draw_no_bet", "", (1, 1), "home=void away=void"),
        ("draw_no_bet", "", (0, 1), "home=lost away=won"),
        ("double_chance", "", (1, 1), "1X=won X2=won 12=lost"),
        ("double_chance", "", (0, 1), "1X=lost X2=won 12=won"),
        ("total", "2.5", (2, 1), "over=won under=lost"),
        ("total", "3", (2, 1), "over=void under=void"),
        ("total", "2.75", (2, 1), "over=half_won under=half_lost"),
        ("total", "3.25", (2, 1), "over=half_lost under=half_won"),
        ("total", "0", (0, 0), "over=void under=void"),
        ("asian_handicap", "-1", (1, 0), "home=void away=void"),
        ("asian_handicap", "-1.25", (1, 0), "home=half_lost away=half_won"),
        ("asian_handicap", "0.5", (1, 1), "home=won away=lost"),
        ("asian_handicap", "-0.25", (0, 0), "home=half_lost away=half_won"),
        ("both_teams_to_score", "", (1, 1), "yes=won no=lost"),
        ("both_teams_to_score", "", (3, 0), "yes=lost no=won"),
        ("odd_even", "", (0, 0), "odd=lost even=won"),
        ("odd_even", "", (2, 1), "odd=won even=lost"),
        ("correct_score", "", (2, 1), "2:1=won 1:2=lost 0:0=lost"),
    ],
)
def test_what_a_final_score_makes_of_each_side(
    market: str, line_text: str, score: tuple[int, int], grades: str
) -> None:
    line_q4 = line.parse(line_text) if line_text else None
    for words in grades.split():
        side, expected = words.split("=")
        assert _name(market, side, score, line_q4) == expected, side


def test_periods_read_their_own_goals() -> None:
    facts = Facts({"ht": (1, 0), "ft": (1, 2)})
    by_period = {p: grading.grade("1x2", p, None, "home", facts) for p in grading.PERIODS}
    assert by_period == {"ft": payoff.LOST, "ht": payoff.WON, "2h": payoff.LOST}
    assert grading.grade("total", "2h", 8, "over", facts) == payoff.VOID
    turned = {
        side: grading.grade("half_time_full_time", "ft", None, side, facts)
        for side in grading.sides("half_time_full_time")
    }
    assert [side for side, graded in turned.items() if graded == payoff.WON] == ["home/away"]


@pytest.mark.parametrize(
    ("market", "period", "side", "scores"),
    [
        ("1x2", "ft", "home", {}),
        ("1x2", "ft", "home", {"ht": (0, 0)}),
        ("1x2", "ht", "home", {"ft": (0, 0)}),
        ("1x2", "2h", "home", {"ft": (0, 0)}),
        ("1x2", "2h", "home", {"ht": (2, 0), "ft": (1, 0)}),
        ("half_time_full_time", "ft", "home/home", {"ft": (1, 0)}),
        ("half_time_full_time", "ft", "home/home", {"ht": (2, 0), "ft": (1, 0)}),
        ("correct_score", "ft", "other", {"ft": (9, 9)}),
    ],
)
def test_a_missing_fact_is_not_a_lost_leg(
    market: str, period: str, side: str, scores: dict[str, tuple[int, int]]
) -> None:
    assert grading.grade(market, period, None, side, Facts(scores)) is None


@pytest.mark.parametrize(
    ("market", "period", "line_q4", "side", "code"),
    [
        ("", "ft", None, "home", "unknown_market"),
        ("1X2", "ft", None, "home", "unknown_market"),
        ("1x2", "et", None, "home", "unknown_market"),
        ("half_time_full_time", "ht", None, "home/home", "unknown_market"),
        ("total", "ft", None, "over", "line_missing"),
        ("asian_handicap", "ft", None, "home", "line_missing"),
        ("1x2", "ft", None, "over", "unknown_side"),
        ("total", "ft", 10, "Over", "unknown_side"),
        ("correct_score", "ft", None, "01:1", "unknown_side"),
        ("correct_score", "ft", None, "1:1\n", "unknown_side"),
        ("correct_score", "ft", None, "100:1", "unknown_side"),
    ],
)
def test_what_is_not_in_the_catalogue_is_refused(
    market: str, period: str, line_q4: int | None, side: str, code: str
) -> None:
    for refuse in (
        lambda: grading.check(market, period, line_q4, side),
        lambda: grading.grade(market, period, line_q4, side, Facts({"ft": (1, 1)})),
    ):
        with pytest.raises(Invalid) as refused:
            refuse()
        assert refused.value.code == code


def test_a_line_is_refused_where_none_belongs_or_nobody_trades_it() -> None:
    with pytest.raises(Invalid) as unexpected:
        grading.check("1x2", "ft", 0, "home")
    with pytest.raises(Invalid) as far:
        grading.check("total", "ft", line.MAX_LINE_Q4 + 1, "over")
    assert unexpected.value.code == "line_unexpected"
    assert far.value.code == "line_out_of_range"
    grading.check("asian_handicap", "ft", -line.MAX_LINE_Q4, "home")
    grading.check("correct_score", "ht", None, "10:0")


@pytest.mark.parametrize("market", ["total", "asian_handicap"])
def test_a_quarter_line_is_the_mean_of_its_two_halves(market: str) -> None:
    for line_q4, score in product(LINES, SCORES):
        for side in grading.sides(market):
            whole, lower, upper = (
                grading.grade(market, "ft", part, side, Facts({"ft": score}))
                for part in (line_q4, *line.split(line_q4))
            )
            assert whole is not None
            assert lower is not None
            assert upper is not None
            halves = payoff.multiplier(lower, 23_456) + payoff.multiplier(upper, 23_456)
            assert payoff.multiplier(whole, 23_456) == halves / 2


@pytest.mark.parametrize("market", sorted(grading.MARKETS))
def test_the_states_of_a_market_are_all_its_scores_make_of_it(market: str) -> None:
    sides = grading.sides(market)
    if not sides:
        assert grading.states(market, None) == ()
        return
    for line_q4 in LINES if grading.market(market).needs_line else [None]:
        seen: set[tuple[Grade | None, ...]] = set()
        for half, second in product(SCORES[:30], SCORES):
            full = (half[0] + second[0], half[1] + second[1])
            facts = Facts({"ht": half, "ft": full})
            seen.add(tuple(grading.grade(market, "ft", line_q4, side, facts) for side in sides))
        states = grading.states(market, line_q4)
        assert set(states) == seen
        assert len(set(states)) == len(states)
