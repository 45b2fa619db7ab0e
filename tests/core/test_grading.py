from __future__ import annotations

from itertools import product
from typing import Literal

import pytest

from overround.core import grading, line, payoff
from overround.core.errors import Invalid
from overround.core.grading import Facts, Goal
from tests.core.reference import Case, cases

LINES = range(-14, 27)
SCORES = list(product(range(9), range(9)))
OPEN_SIDES = ("0", "3", "2+", "1:0", "0:2", "1:1", "other", "draw", "home/1", "away/2+", "kane")


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
    by_period = {p: grading.grade("1x2", p, None, "home", facts) for p in ("ft", "ht", "2h")}
    assert by_period == {"ft": payoff.LOST, "ht": payoff.WON, "2h": payoff.LOST}
    others = set(grading.PERIODS) - set(by_period)
    assert {grading.grade("1x2", p, None, "home", facts) for p in others} == {None}
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
        ("total_sets", "ft", 10, "over", "unknown_market"),
        ("handicap_1x2", "ft", 2, "home", "line_not_whole"),
        ("nth_goal", "ft", 5, "home", "line_not_whole"),
        ("nth_goal", "ft", 0, "home", "line_out_of_range"),
        ("exact_goals", "ft", None, "06", "unknown_side"),
        ("winning_margin", "ft", None, "home/0", "unknown_side"),
        ("anytime_scorer", "ft", None, "a player", "unknown_side"),
        ("anytime_scorer", "ft", None, "x" * 41, "unknown_side"),
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


@pytest.mark.parametrize("level", [True, False])
@pytest.mark.parametrize("market", sorted(grading.MARKETS))
def test_the_states_of_a_market_are_all_its_scores_make_of_it(market: str, level: bool) -> None:
    sides = grading.sides(market)
    if not sides:
        assert grading.states(market, None, level=level) == ()
        return
    row = grading.market(market)
    period = "ft" if "ft" in row.periods else "final"
    for line_q4 in LINES if row.needs_line else [None]:
        if line_q4 is not None and (line_q4 < row.line_min_q4 or (row.whole_line and line_q4 % 4)):
            continue
        seen = {
            tuple(grading.grade(market, period, line_q4, side, facts) for side in sides)
            for facts in every_ending(market, level)
        }
        states = grading.states(market, line_q4, level=level)
        assert set(states) == seen
        assert len(set(states)) == len(states)


def every_ending(market: str, level: bool) -> list[Facts]:
    """Facts of every score up to nine that `market` can be asked after."""
    if market == "to_qualify":
        return [Facts({"advanced": (1, 0)}), Facts({"advanced": (0, 1)})]
    if market in ("nth_goal", "last_goal"):
        orders = [goals for n in range(8) for goals in product(("home", "away"), repeat=n)]
        return [
            Facts({"ft": (goals.count("home"), goals.count("away"))}, tuple(map(Goal, goals)))
            for goals in orders
            if level or goals.count("home") != goals.count("away")
        ]
    if market in ("set_handicap", "total_sets"):
        return [Facts({"sets": score}) for score in SCORES if level or score[0] != score[1]]
    halves = SCORES[:30] if market in ("half_time_full_time", "highest_scoring_half") else [(0, 0)]
    return [
        Facts({"ht": half, "ft": full})
        for half, second in product(halves, SCORES)
        if (full := (half[0] + second[0], half[1] + second[1])) and (level or full[0] != full[1])
    ]


def test_a_sport_is_shown_by_the_question_that_has_its_answers() -> None:
    main = {sport: grading.main_market(sport) for sport in ("football", "handball", "tennis", "x")}
    assert main == {
        "football": ("1x2", "ft"),
        "handball": ("1x2", "ft"),
        "tennis": ("moneyline", "final"),
        "x": ("moneyline", "final"),
    }


def test_what_scores_alone_cannot_settle_is_not_laid() -> None:
    laid = {market for market in grading.MARKETS if grading.can_be_laid(market)}
    assert {"1x2", "total", "half_time_full_time", "to_qualify"} <= laid
    assert not laid & {"nth_goal", "last_goal", "anytime_scorer", "correct_score", "exact_goals"}
    for market in laid:
        row = grading.market(market)
        line_q4 = 4 if row.needs_line else None
        period = "ft" if "ft" in row.periods else "final"
        scores: dict[str, tuple[int, int]] = dict.fromkeys(
            ("ht", "ft", "final", "sets", "advanced"), (1, 0)
        )
        assert grading.grade(market, period, line_q4, row.sides[0], Facts(scores)) is not None


def test_a_score_ends_level_where_nobody_plays_on() -> None:
    assert not grading.may_end_level("tennis", "moneyline", "final")
    assert not grading.may_end_level("tennis", "total", "s1")
    assert grading.may_end_level("tennis", "asian_handicap", "final")
    assert not grading.may_end_level("basketball", "asian_handicap", "final")
    assert grading.may_end_level("basketball", "moneyline", "ft")
    assert grading.may_end_level("american_football", "moneyline", "final")
    assert len(grading.states("moneyline", None)) == 3
    assert len(grading.states("moneyline", None, level=False)) == 2


@pytest.mark.parametrize(
    ("market", "line_q4", "side", "mirror"),
    [
        ("1x2", None, "home", ("1x2", None, "away")),
        ("1x2", None, "draw", ("1x2", None, "draw")),
        ("moneyline", None, "away", ("moneyline", None, "home")),
        ("double_chance", None, "1X", ("double_chance", None, "X2")),
        ("double_chance", None, "12", ("double_chance", None, "12")),
        ("asian_handicap", -3, "home", ("asian_handicap", 3, "away")),
        ("handicap_1x2", 4, "draw", ("handicap_1x2", -4, "draw")),
        ("set_handicap", 6, "away", ("set_handicap", -6, "home")),
        ("total", 10, "over", ("total", 10, "over")),
        ("home_total", 6, "over", ("away_total", 6, "over")),
        ("away_odd_even", None, "odd", ("home_odd_even", None, "odd")),
        ("home_clean_sheet", None, "yes", ("away_clean_sheet", None, "yes")),
        ("half_time_full_time", None, "home/draw", ("half_time_full_time", None, "away/draw")),
        ("result_and_total", 10, "away/over", ("result_and_total", 10, "home/over")),
        ("correct_score", None, "2:1", ("correct_score", None, "1:2")),
        ("correct_score", None, "other", ("correct_score", None, "other")),
        ("winning_margin", None, "home/3+", ("winning_margin", None, "away/3+")),
        ("first_scorer", None, "home", ("first_scorer", None, "home")),
    ],
)
def test_a_selection_is_mirrored_with_its_event(
    market: str, line_q4: int | None, side: str, mirror: tuple[str, int | None, str]
) -> None:
    assert grading.mirrored(market, line_q4, side) == mirror


@pytest.mark.parametrize("market", sorted(grading.MARKETS))
def test_a_mirrored_selection_is_worth_the_same_in_the_mirrored_event(market: str) -> None:
    row = grading.market(market)
    sides = row.sides or [side for side in OPEN_SIDES if row.has(side)]
    period = "ft" if "ft" in row.periods else "final"
    assert sides
    lines = range(max(row.line_min_q4, -8), 20, 4) if row.needs_line else [None]
    for line_q4, side in product(lines, sides):
        other, line, mirror = grading.mirrored(market, line_q4, side)
        assert grading.mirrored(other, line, mirror) == (market, line_q4, side)
        for facts in every_ending(market, level=True)[:400]:
            ours = grading.grade(market, period, line_q4, side, facts)
            assert ours == grading.grade(other, period, line, mirror, turned(facts))


_TURNED: dict[str, Literal["home", "away"]] = {"home": "away", "away": "home"}


def turned(facts: Facts) -> Facts:
    """The same match with home and away the other way round."""
    scores = {key: (away, home) for key, (home, away) in facts.scores.items()}
    if facts.goals is None:
        return Facts(scores)
    return Facts(scores, tuple(Goal(_TURNED[goal.team]) for goal in facts.goals))
