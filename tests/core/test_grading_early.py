"""An event that was broken off: what was decided stands, what was open is void."""

from __future__ import annotations

from itertools import product

import pytest

from overround.core import endings, grading, line, payoff
from overround.core.errors import Invalid
from overround.core.facts import Facts, Score
from overround.core.payoff import Grade

BROKEN_OFF = endings.ending("football", "abandoned")
REACHED = list(product(range(4), range(4)))
# Far enough past any line and any side that is asked for here.
MORE = list(product(range(8), range(8)))
SIDES = ("0", "2", "3", "2+", "4+", "1:0", "2:2", "0:3", "home/1", "draw")
SCORED = sorted(
    name
    for name, row in grading.MARKETS.items()
    if row.early is not None and "goal" not in name.split("_") and "scorer" not in name
)
HALVES = ("half_time_full_time", "highest_scoring_half")


def broken_off(market: str, line_q4: int | None, side: str, score: Score) -> Grade | None:
    facts = Facts({"sets" if market == "total_sets" else "ft": score})
    period = "final" if market == "total_sets" else "ft"
    return endings.grade_ended(BROKEN_OFF, market, period, line_q4, side, facts)


def finished(market: str, line_q4: int | None, side: str, score: Score) -> Grade | None:
    facts = Facts({"sets" if market == "total_sets" else "ft": score})
    period = "final" if market == "total_sets" else "ft"
    return grading.grade(market, period, line_q4, side, facts)


@pytest.mark.parametrize("market", [name for name in SCORED if name not in HALVES])
def test_what_is_decided_early_no_later_goal_can_change(market: str) -> None:
    """Every market, whole and half lines: decided if and only if no continuation differs."""
    row = grading.market(market)
    sides = row.sides or [side for side in SIDES if row.has(side)]
    lines = [None] if not row.needs_line else range(0, 17, 2)
    for line_q4, side, reached in product(lines, sides, REACHED):
        early = broken_off(market, line_q4, side, reached)
        ends = {
            finished(market, line_q4, side, (reached[0] + home, reached[1] + away))
            for home, away in MORE
        }
        expected = ends if len(ends) == 1 else {payoff.VOID}
        assert {early} == expected, (line_q4, side, reached)


@pytest.mark.parametrize("market", ["total", "home_total", "away_total"])
def test_a_quarter_line_that_is_broken_off_is_the_mean_of_its_two_halves(market: str) -> None:
    for line_q4, side, reached in product(range(1, 17, 2), ("over", "under"), REACHED):
        whole, lower, upper = (
            broken_off(market, part, side, reached) for part in (line_q4, *line.split(line_q4))
        )
        assert whole is not None
        assert lower is not None
        assert upper is not None
        halves = payoff.multiplier(lower, 23_456) + payoff.multiplier(upper, 23_456)
        assert payoff.multiplier(whole, 23_456) == halves / 2


@pytest.mark.parametrize("market", HALVES)
def test_halves_that_are_decided_early_stay_so(market: str) -> None:
    for side, half, second in product(grading.sides(market), REACHED[:8], REACHED[:8]):
        full = (half[0] + second[0], half[1] + second[1])
        facts = Facts({"ht": half, "ft": full})
        early = endings.grade_ended(BROKEN_OFF, market, "ft", None, side, facts)
        ends = {
            grading.grade(
                market, "ft", None, side, Facts({"ht": half, "ft": (full[0] + h, full[1] + a)})
            )
            for h, a in MORE
        }
        assert {early} == (ends if len(ends) == 1 else {payoff.VOID})


def test_what_had_not_begun_is_void_and_not_lost() -> None:
    facts = Facts({"q1": (20, 20), "ft": (45, 40), "final": (45, 40)})
    reached = {
        quarter: facts.broken_off(quarter).score(quarter) for quarter in ("q1", "q2", "q3", "q4")
    }
    assert reached == {"q1": (20, 20), "q2": (25, 20), "q3": (0, 0), "q4": (0, 0)}
    assert facts.broken_off("ht").score("ht") == (45, 40)
    assert facts.broken_off("2h").score("2h") == (0, 0)


def test_a_leg_that_cannot_exist_is_refused_whatever_the_ending() -> None:
    for status in ("finished", "abandoned", "cancelled", "postponed"):
        with pytest.raises(Invalid):
            endings.grade_ended(
                endings.ending("football", status), "1x2", "ft", None, "over", Facts({"ft": (1, 0)})
            )


def test_every_status_has_a_rule_for_every_sport() -> None:
    for status in ("finished", "abandoned", "retired", "walkover", "postponed", "cancelled"):
        assert endings.ending("underwater rugby", status) == endings.ENDINGS["*", status]
    assert endings.ending("tennis", "retired") != endings.ending("football", "retired")
