"""The simulator's probabilities are exact: each model against another way to the same numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from math import exp, factorial

import numpy as np
import pytest

from overround.core import grading
from overround.core.grading import Facts
from overround.core.payoff import multiplier
from overround.odds.feeds.simulator import calendar, goals, points, sets
from overround.odds.feeds.simulator.model import Fixture, GoalsShape, Play, PointsShape, SetsShape
from overround.odds.feeds.simulator.shares import SIDES, shares

GOALS = GoalsShape(45, 15, 1.5, 1.2)
POINTS = PointsShape(5, 1, 2, 1, 3)
SETS = SetsShape(2, 6, 2, 6, False, 1.0, 3.5, 2)
TENS = SetsShape(1, 10, 1, 9, True, 0.6, 0.4, 0)


def _plays() -> list[tuple[Fixture, Play]]:
    fixtures = [calendar.fixture(3, s, i) for s in range(len(calendar.FORMATS)) for i in range(3)]
    return [(fixture, calendar.play(3, fixture)) for fixture in fixtures]


def _theta(*values: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.asarray([values])


def _facts(home: int, away: int) -> Facts:
    """A score in every period, so that a market of any period is asked about it."""
    periods = ("ft", "ht", "final", "sets", "s1")
    return Facts(dict.fromkeys(periods, (home, away)))


def test_shares_are_what_settlement_pays() -> None:
    scores = [(h, a) for h in range(9) for a in range(9)]
    support = tuple(np.asarray([s[i] for s in scores], np.float64) for i in (0, 1))
    markets = {q.market for f, p in _plays() for q in p.questions(np.asarray([f.theta]))}
    assert len(markets) > 40
    for market in markets:
        found = shares(market, (support[0], support[1]))
        sides = SIDES[market.market_type]
        assert sides == grading.sides(market.market_type)
        for row, score in zip(found, scores, strict=True):
            for share, side in zip(row, sides, strict=True):
                grade = grading.grade(
                    market.market_type, market.period, market.line_q4, side, _facts(*score)
                )
                assert grade is not None
                # At a price of 3 the stake returns its void share and three times what wins.
                paid = float(multiplier(grade, 30_000))
                lost = shares_lost(row, sides, side, market.market_type)
                assert paid == pytest.approx(3 * share + (1 - share - lost)), (market, score)


def shares_lost(
    row: np.ndarray[tuple[int], np.dtype[np.float64]], sides: tuple[str, ...], side: str, kind: str
) -> float:
    """The share of a stake on `side` that loses: all that other sides win, in a partition."""
    own = float(row[sides.index(side)])
    return 1 - own if kind == "double_chance" else float(row.sum()) - own


def test_every_market_can_be_offered_and_every_result_grades_it() -> None:
    for fixture, play in _plays():
        facts = Facts(play.result())
        for question in play.questions(np.asarray([fixture.theta])):
            market = question.market
            for side in SIDES[market.market_type]:
                grading.check(market.market_type, market.period, market.line_q4, side)
                grade = grading.grade(
                    market.market_type, market.period, market.line_q4, side, facts
                )
                assert grade is not None, (market, play.result())


def test_goals_are_two_independent_poisson_numbers() -> None:
    play = goals.GoalsPlay(GOALS, ())
    chances = play.chances(_theta(0.2, 0.1), np.zeros(1), 0)["ft"].reshape(25, 25)
    home, away = goals.intensities(GOALS, _theta(0.2, 0.1))[0]
    for h in range(8):
        for a in range(8):
            exact = exp(-home - away) * home**h * away**a / factorial(h) / factorial(a)
            assert chances[h, a] == pytest.approx(exact, rel=1e-12)
    assert chances.sum() == pytest.approx(1, abs=1e-10)


def test_goals_in_play_start_from_the_score() -> None:
    play = goals.GoalsPlay(GOALS, ((10.0, 0), (30.0, 0), (70.0, 1)))
    end = play.chances(_theta(0.0, 0.0), np.asarray([105.0]), 3)
    assert end["ft"].reshape(25, 25)[2, 1] == pytest.approx(1)
    assert end["ht"].reshape(25, 25)[2, 0] == pytest.approx(1)
    half = play.chances(_theta(0.0, 0.0), np.asarray([50.0]), 2)["ft"].reshape(25, 25)
    assert half[:2].sum() == pytest.approx(0, abs=1e-12)


@cache
def _points_by_hand(possessions: int, scoring: float) -> Mapping[int, float]:
    one = [1 - scoring * sum(points.POINT_CHANCES), *(scoring * p for p in points.POINT_CHANCES)]
    found: Mapping[int, float] = {0: 1.0}
    for _ in range(possessions):
        following: defaultdict[int, float] = defaultdict(float)
        for before, chance in found.items():
            for scored, p in enumerate(one):
                following[before + scored] += chance * p
        found = following
    return found


def test_points_with_overtimes_are_what_enumeration_gives() -> None:
    strength, tempo = 0.3, -0.1
    sides = [exp(tempo + strength / 2), exp(tempo - strength / 2)]
    margin: defaultdict[int, float] = defaultdict(float)
    total: defaultdict[int, float] = defaultdict(float)
    open_ = {0: 1.0}
    possessions = 8
    # Forty overtimes leave less open than a float can tell.
    for _ in range(40):
        tied: defaultdict[int, float] = defaultdict(float)
        for before, chance in open_.items():
            for h, p in _points_by_hand(possessions, sides[0]).items():
                for a, q in _points_by_hand(possessions, sides[1]).items():
                    if h == a:
                        tied[before + h + a] += chance * p * q
                    else:
                        margin[h - a] += chance * p * q
                        total[before + h + a] += chance * p * q
        open_, possessions = tied, 1
        open_ = {t: chance for t, chance in open_.items() if chance > 1e-16}
    play = points.PointsPlay(POINTS, (0,) * 9, (0,) * 9)
    found = play.chances(_theta(strength, tempo), np.zeros(1), 0)
    for value in range(-20, 21):
        assert found["margin"][0, value] == pytest.approx(margin[value], abs=1e-9)
    for value in range(40):
        assert found["total"][0, value] == pytest.approx(total[value], abs=1e-9)


def _sets_by_hand(
    shape: SetsShape, serve: tuple[float, float, float]
) -> tuple[float, dict[int, float]]:
    """The chance that home wins, and of each number of games, by walking every path."""

    @cache
    def rest(won: tuple[int, int], games: tuple[int, int], first: int) -> dict[int, float]:
        """Signed number of games still to come (negative: away wins), by its chance."""
        if max(won) == shape.sets_to_win:
            return {1000 if won[0] > won[1] else -1000: 1.0}
        home, away = games
        over = max(games) >= shape.games and abs(home - away) >= shape.clear
        if over or max(games) > shape.decider_at:
            sets_won = (won[0] + (home > away), won[1] + (away > home))
            return rest(sets_won, (0, 0), (first + home + away) % 2)
        turn = (home + away + 1) // 2 if shape.pairs else home + away
        tie_break = home == away == shape.decider_at and not shape.pairs
        p = serve[2] if tie_break else serve[(first + turn) % 2]
        found: defaultdict[int, float] = defaultdict(float)
        for chance, following in ((p, (home + 1, away)), (1 - p, (home, away + 1))):
            for left, q in rest(won, following, first).items():
                found[left + (1 if left > 0 else -1)] += chance * q
        return dict(found)

    found = rest((0, 0), (0, 0), 0)
    lengths: defaultdict[int, float] = defaultdict(float)
    for left, p in found.items():
        lengths[abs(left) - 1000] += p
    return sum(p for left, p in found.items() if left > 0), lengths


@pytest.mark.parametrize("shape", [SETS, TENS])
def test_sets_are_what_every_path_adds_up_to(shape: SetsShape) -> None:
    theta = _theta(0.25, 0.1)
    home_serves, away_serves, decider = (float(p) for p in sets.serving(shape, theta)[0])
    wins, lengths = _sets_by_hand(shape, (home_serves, away_serves, decider))
    play = sets.SetsPlay(shape, (), (sets.State(first=0),))
    found = play.chances(theta, np.zeros(1), 0)
    assert found["winner"][0, 0] == pytest.approx(wins, abs=1e-12)
    for games in range(40):
        assert found["games"][0, games] == pytest.approx(lengths.get(games, 0), abs=1e-12)
    assert found["s1"].sum() == pytest.approx(1)


def test_matches_end_as_often_as_the_model_says() -> None:
    for shape, play in ((GOALS, goals.play), (POINTS, points.play), (SETS, sets.play)):
        theta = np.asarray([0.15, 0.0])
        rng = np.random.default_rng(11)
        drawn = [play(shape, theta, rng) for _ in range(1500)]  # type: ignore[operator]
        views = drawn[0].chances(theta[None, :], np.zeros(1), 0)
        view = next(v for v in ("ft", "margin", "winner") if v in views)
        home, away = drawn[0].supports[view]
        expected = float(views[view][0] @ (home > away))
        key = "sets" if "sets" in drawn[0].result() else "final"
        ends = [d.result().get(key) or d.result()["ft"] for d in drawn]
        share = sum(h > a for h, a in ends) / len(ends)
        # Four standard deviations of 1,500 draws.
        assert abs(share - expected) < 4 * (0.25 / 1500) ** 0.5


def test_a_misreported_result_differs_and_could_have_been() -> None:
    for fixture, play in _plays():
        right, wrong = play.result(), play.misreported()
        assert right.keys() == wrong.keys()
        assert right != wrong
        for question in play.questions(np.asarray([fixture.theta])):
            market = question.market
            side = SIDES[market.market_type][0]
            graded = grading.grade(
                market.market_type, market.period, market.line_q4, side, Facts(wrong)
            )
            assert graded is not None
