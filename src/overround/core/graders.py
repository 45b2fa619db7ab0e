"""What facts make of one side of a market: a named rule each.

Every grader takes (facts, period, line_q4, side) and answers a Grade, or None where the facts do
not say. A line is the home side's for handicaps, and 0 is passed where a market has none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from overround.core.facts import Facts, Goal, Score
from overround.core.line import QUARTERS
from overround.core.payoff import HALF_LOST, HALF_WON, LOST, VOID, WON, Grade

Grader = Callable[[Facts, str, int, str], Grade | None]

DOUBLE_CHANCE: Final = {
    "1X": ("home", "draw"),
    "X2": ("draw", "away"),
    "12": ("home", "away"),
}


def by_score(rule: Callable[[Score, str], Grade | None], key: str | None = None) -> Grader:
    """A grader that needs one score and nothing else: its period's, or the one named `key`."""

    def on_facts(facts: Facts, period: str, _line_q4: int, side: str) -> Grade | None:
        score = facts.score(key or period)
        return None if score is None else rule(score, side)

    return on_facts


def by_line(rule: Callable[[Score, int, str], Grade | None], key: str | None = None) -> Grader:
    """A grader that needs one score and the market's line."""

    def on_facts(facts: Facts, period: str, line_q4: int, side: str) -> Grade | None:
        score = facts.score(key or period)
        return None if score is None else rule(score, line_q4, side)

    return on_facts


def won_if(won: bool) -> Grade:
    """Won or lost, with nothing in between."""
    return WON if won else LOST


def winner(score: Score) -> str:
    """'home', 'draw' or 'away'."""
    home, away = score
    if home == away:
        return "draw"
    return "home" if home > away else "away"


def _by_distance(distance_q4: int) -> Grade:
    """The Asian table: how many quarters of a goal the side ended above its line."""
    if distance_q4 >= 2:
        return WON
    if distance_q4 <= -2:
        return LOST
    return (HALF_LOST, VOID, HALF_WON)[distance_q4 + 1]


def one_x_two(score: Score, side: str) -> Grade:
    """Three answers, one of them right."""
    return won_if(side == winner(score))


def draw_no_bet(score: Score, side: str) -> Grade:
    """Two answers; level gives the stake back."""
    won = winner(score)
    return VOID if won == "draw" else won_if(side == won)


def moneyline(facts: Facts, period: str, _line_q4: int, side: str) -> Grade | None:
    """Who wins, overtime included; the whole event by sets where the sport counts sets."""
    by_sets = period == "final" and "sets" in facts.scores
    score = facts.score("sets" if by_sets else period)
    return None if score is None else draw_no_bet(score, side)


def to_qualify(facts: Facts, _period: str, _line_q4: int, side: str) -> Grade | None:
    """Who goes through: as told, else by the shoot-out, else by extra time.

    Extra time and shoot-outs are played only where the tie is level, so who leads in them goes
    through whatever the first leg was; ninety minutes alone say nothing.
    """
    for key in ("advanced", "pen", "et"):
        score = facts.score(key)
        if score is not None and score[0] != score[1]:
            return won_if(side == winner(score))
    return None


def double_chance(score: Score, side: str) -> Grade:
    """Two of the three results."""
    return won_if(winner(score) in DOUBLE_CHANCE[side])


def asian_handicap(score: Score, line_q4: int, side: str) -> Grade:
    """The line is the home side's; the away side stands on its negative and ends as far below."""
    distance_q4 = QUARTERS * (score[0] - score[1]) + line_q4
    return _by_distance(distance_q4 if side == "home" else -distance_q4)


def handicap_1x2(score: Score, line_q4: int, side: str) -> Grade:
    """The score with the home side's whole line added to it, as a 1x2."""
    margin_q4 = QUARTERS * (score[0] - score[1]) + line_q4
    return one_x_two((margin_q4, 0), side)


def _over_or_under(points: int, line_q4: int, side: str) -> Grade:
    distance_q4 = QUARTERS * points - line_q4
    return _by_distance(distance_q4 if side == "over" else -distance_q4)


def total(score: Score, line_q4: int, side: str) -> Grade:
    """Both sides' points against the line."""
    return _over_or_under(score[0] + score[1], line_q4, side)


def home_total(score: Score, line_q4: int, side: str) -> Grade:
    """The home side's points against the line."""
    return _over_or_under(score[0], line_q4, side)


def away_total(score: Score, line_q4: int, side: str) -> Grade:
    """The away side's points against the line."""
    return _over_or_under(score[1], line_q4, side)


def both_teams_to_score(score: Score, side: str) -> Grade:
    """Yes once neither has nothing."""
    return won_if((side == "yes") == (min(score) > 0))


def odd_even(score: Score, side: str) -> Grade:
    """Both sides' points; 0 is even."""
    return _parity(score[0] + score[1], side)


def home_odd_even(score: Score, side: str) -> Grade:
    """The home side's points; 0 is even."""
    return _parity(score[0], side)


def away_odd_even(score: Score, side: str) -> Grade:
    """The away side's points; 0 is even."""
    return _parity(score[1], side)


def _parity(points: int, side: str) -> Grade:
    return won_if((side == "odd") == bool(points % 2))


def home_clean_sheet(score: Score, side: str) -> Grade:
    """Whether the home side concedes nothing; winning is not asked for."""
    return won_if((side == "yes") == (score[1] == 0))


def away_clean_sheet(score: Score, side: str) -> Grade:
    """Whether the away side concedes nothing."""
    return won_if((side == "yes") == (score[0] == 0))


def home_win_to_nil(score: Score, side: str) -> Grade:
    """Whether the home side wins and concedes nothing."""
    return won_if((side == "yes") == (score[0] > 0 == score[1]))


def away_win_to_nil(score: Score, side: str) -> Grade:
    """Whether the away side wins and concedes nothing."""
    return won_if((side == "yes") == (score[1] > 0 == score[0]))


def result_and_both_score(score: Score, side: str) -> Grade:
    """'home/yes': the result and whether both score, both right."""
    return won_if(side == f"{winner(score)}/{'yes' if min(score) > 0 else 'no'}")


def result_and_total(score: Score, line_q4: int, side: str) -> Grade:
    """'home/over': the total's grade if the result is right, lost if it is not."""
    result, _, direction = side.partition("/")
    return total(score, line_q4, direction) if result == winner(score) else LOST


def exact_goals(score: Score, side: str) -> Grade:
    """'3' is three goals, '6+' six or more."""
    return _exactly(score[0] + score[1], side)


def home_exact_goals(score: Score, side: str) -> Grade:
    """The home side's goals alone."""
    return _exactly(score[0], side)


def away_exact_goals(score: Score, side: str) -> Grade:
    """The away side's goals alone."""
    return _exactly(score[1], side)


def _exactly(points: int, side: str) -> Grade:
    if side.endswith("+"):
        return won_if(points >= int(side[:-1]))
    return won_if(points == int(side))


def winning_margin(score: Score, side: str) -> Grade:
    """'home/2' is by two, 'home/3+' by three or more, 'draw' a draw of any score."""
    won, _, by = side.partition("/")
    if won != winner(score):
        return LOST
    return WON if won == "draw" else _exactly(abs(score[0] - score[1]), by)


def correct_score(score: Score, side: str) -> Grade | None:
    """'2:1', the home side's points first."""
    if side == "other":
        # Which scores are "other" is the offering book's list, which a market does not carry yet.
        return None
    return won_if(side == f"{score[0]}:{score[1]}")


def half_time_full_time(facts: Facts, period: str, _line_q4: int, side: str) -> Grade | None:
    """'draw/home': level at half-time, the home side ahead at the end."""
    half, full = facts.score("ht"), facts.score(period)
    if half is None or full is None or half[0] > full[0] or half[1] > full[1]:
        return None
    return won_if(side == f"{winner(half)}/{winner(full)}")


def highest_scoring_half(facts: Facts, _period: str, _line_q4: int, side: str) -> Grade | None:
    """'1h', 'draw' or '2h', by the goals of both sides in each half of regulation time."""
    first, second = facts.score("ht"), facts.score("2h")
    if first is None or second is None:
        return None
    return won_if(
        side == {"home": "1h", "draw": "draw", "away": "2h"}[winner((sum(first), sum(second)))]
    )


def nth_goal(facts: Facts, _period: str, line_q4: int, side: str) -> Grade | None:
    """Who scores goal number `line`; 'none' where there were fewer. An own goal counts for whom it
    is credited to."""
    goals = facts.goals_told()
    if goals is None:
        return None
    n = line_q4 // QUARTERS
    return won_if(side == (goals[n - 1].team if len(goals) >= n else "none"))


def last_goal(facts: Facts, _period: str, _line_q4: int, side: str) -> Grade | None:
    """Who scores last; 'none' where nobody does."""
    goals = facts.goals_told()
    if goals is None:
        return None
    return won_if(side == (goals[-1].team if goals else "none"))


def first_scorer(facts: Facts, _period: str, _line_q4: int, side: str) -> Grade | None:
    """Who shoots the first goal that is no own goal; void for who came on after it."""
    shot = _shot(facts)
    if shot is None:
        return None
    if side == "none":
        return won_if(not shot)
    if shot and side == shot[0].scorer:
        return WON
    if facts.came_on is None:
        return None
    entered = facts.came_on.get(side)
    if entered is None:
        return VOID
    if not shot or entered == 0:
        return LOST
    minute = shot[0].minute
    if minute is None or minute == entered:
        return None
    return VOID if entered > minute else LOST


def last_scorer(facts: Facts, _period: str, _line_q4: int, side: str) -> Grade | None:
    """Who shoots the last goal that is no own goal; void for who did not take part."""
    shot = _shot(facts)
    if shot is None:
        return None
    if side == "none":
        return won_if(not shot)
    return WON if shot and side == shot[-1].scorer else _if_part_taken(facts, side)


def anytime_scorer(facts: Facts, _period: str, _line_q4: int, side: str) -> Grade | None:
    """Whether a player shoots a goal that is no own goal; void for who did not take part."""
    shot = _shot(facts)
    if shot is None:
        return None
    return WON if any(goal.scorer == side for goal in shot) else _if_part_taken(facts, side)


def _shot(facts: Facts) -> list[Goal] | None:
    """The goals that are no own goals, if every scorer is known."""
    goals = facts.goals_told()
    if goals is None or any(goal.scorer is None for goal in goals if not goal.own):
        return None
    return [goal for goal in goals if not goal.own]


def _if_part_taken(facts: Facts, player: str) -> Grade | None:
    """Lost for a player who took part, void for one who did not, unknown without the line-up."""
    if facts.came_on is None:
        return None
    return LOST if player in facts.came_on else VOID
