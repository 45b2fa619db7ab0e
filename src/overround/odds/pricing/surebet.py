"""Surebets, free rolls, middles and low holds: what bets of one event guarantee together.

`solve` divides a stake over any mix of legs so that the worst way the event can end is as good as
possible, and says what kind of bet that is. A price is first turned into what it really pays (a lay
into a back of the complement, commission, taxes); `outcomes` says how the legs can end together.
Up to three legs have a closed form (`cover`), everything else is a linear program (`program`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from overround.core.errors import Invalid
from overround.core.price import MAX_PRICE
from overround.odds.pricing import cover, program
from overround.odds.pricing.model import Floats, Leg, Surebet, SurebetKind, WholeStakes
from overround.odds.pricing.outcomes import (
    Grid,
    Outcomes,
    grid_for,
    may_end_level,
    outcomes,
    selection,
)
from overround.odds.pricing.program import Fee, Limits, Problem
from overround.odds.pricing.scores import ScoreModel

# A stake without a step of its own is a multiple of a hundredth of its currency.
STEP: Final = Fraction(1, 100)
AMOUNT_MAX: Final = Fraction(10**13)
# More steps than this in a total are not searched one by one.
_STEPS_MAX: Final = 10**7
# Returns nearer to zero than this are zero: the solver's own accuracy.
_ZERO: Final = 1e-9


def solve(
    legs: Sequence[Leg],
    *,
    total: Fraction | None = None,
    level: bool | None = None,
    scores: ScoreModel | None = None,
) -> Surebet:
    """The division of a stake over legs of one event whose worst state is the best possible.

    `total` limits the sum of the stakes in the common currency; without it the answer is in shares,
    and `whole` is there where the legs' own limits bound the sum. `level` says whether the event
    can end level; left out, the markets decide (`outcomes.may_end_level`). With placed legs the
    worst net *amount* is maximised over the stakes that are still free.
    Raises Invalid `no_legs`, `too_many_legs`, `price_out_of_range`, `stake_out_of_range`,
    `commission_out_of_range`, `conflicting_legs` (two commissions on one exchange market),
    `infeasible`, and what `core.grading.check` says of a selection.
    """
    for leg in legs:
        _check(leg)
    if total is not None:
        _check_amount(total)
    selections = tuple(selection(leg) for leg in legs)
    level = may_end_level(selections) if level is None else level
    grid = grid_for(selections, level=level) if selections else Grid("ft", 0)
    states = outcomes(selections, grid)
    problem = problem_of(legs, states)
    stakes = _stakes(legs, problem, total)
    staked = float(stakes.sum())
    shares = stakes / staked if staked > 0 else stakes
    nets = problem.nets(shares)
    kind = _kind(nets, _winners(legs, states))
    return Surebet(
        guaranteed=_clean(nets.min()),
        best=_clean(nets.max()),
        expected=None if scores is None else _expected(legs, shares, selections, grid, scores),
        naive=1.0 / float((1.0 / np.array([float(_backed(leg)) for leg in legs])).sum()) - 1.0,
        stakes=tuple((shares + 0.0).tolist()),
        outcomes=tuple(sorted({_clean(net) for net in nets})),
        kind=kind,
        whole=_whole(legs, states, problem, shares, total),
    )


def exact_nets(
    legs: Sequence[Leg], stakes: Sequence[Fraction], *, level: bool | None = None
) -> tuple[Fraction, Fraction]:
    """The exact net of the worst and of the best state for these stakes, in the common currency.

    Raises Invalid as `solve`.
    """
    selections = tuple(selection(leg) for leg in legs)
    level = may_end_level(selections) if level is None else level
    states = outcomes(selections, grid_for(selections, level=level))
    nets = problem_of(legs, states, exact=True).nets(np.array(list(stakes), dtype=object))
    return min(nets), max(nets)


def effective_price(leg: Leg) -> Fraction:
    """What a winning unit on the leg returns after payout tax, stake tax and its own commission.

    A lay at l wins 1 / (l - 1) per unit of liability, so it is a back of the complement.
    """
    returned = _backed(leg) * (1 - leg.payout_tax) - leg.stake_tax
    return 1 + (returned - 1) * (1 - leg.commission) if returned > 1 else returned


def problem_of(legs: Sequence[Leg], states: Outcomes, *, exact: bool = False) -> Problem:
    """Returns [K, n] of legs in states, floats or Fractions, and the fees exchanges charge on nets.

    Raises Invalid `conflicting_legs` where legs of one exchange market have different commissions.
    """
    together: defaultdict[object, list[int]] = defaultdict(list)
    for at, leg in enumerate(legs):
        if leg.exchange is not None and leg.commission > 0:
            together[leg.exchange, leg.market_type, leg.period, leg.line_q4].append(at)
    fees: list[Fee] = []
    prices = [effective_price(leg) for leg in legs]
    for places in together.values():
        if len({legs[at].commission for at in places}) > 1:
            raise Invalid("one exchange market has one commission", code="conflicting_legs")
        if len(places) > 1:
            mask = np.zeros(len(legs), dtype=np.bool_)
            mask[places] = True
            rate = legs[places[0]].commission
            fees.append(Fee(mask, rate if exact else float(rate)))
            for at in places:
                prices[at] = _before_commission(legs[at])
    lays = np.array([leg.lay for leg in legs])
    fixed, slope = (_halves(a) if exact else a for a in (states.fixed, states.slope))
    pays = np.where(lays, 1 - fixed - slope, slope)
    figures = np.array(prices, dtype=object) if exact else np.array([float(p) for p in prices])
    return Problem(fixed + pays * figures, tuple(fees))


def _halves(table: Floats) -> NDArray[Any]:
    """The numbers 0, 1/2 and 1 as Fractions."""
    halves = (Fraction(int(2 * value), 2) for value in table.ravel().tolist())
    return np.array(list(halves), dtype=object).reshape(table.shape)


def _winners(legs: Sequence[Leg], states: Outcomes) -> Floats:
    """How many legs win in each state, halves counted as halves: [K]."""
    lays = np.array([leg.lay for leg in legs])
    won: Floats = np.where(lays, 1.0 - states.fixed - states.slope, states.slope)
    return won.sum(axis=1)


def _backed(leg: Leg) -> Fraction:
    return 1 + 1 / (leg.price - 1) if leg.lay else leg.price


def _before_commission(leg: Leg) -> Fraction:
    return _backed(leg) * (1 - leg.payout_tax) - leg.stake_tax


def _check(leg: Leg) -> None:
    if not 1 < leg.price <= MAX_PRICE:
        raise Invalid("a price is above 1 and at most 100000", code="price_out_of_range")
    if not all(0 <= rate < 1 for rate in (leg.commission, leg.stake_tax, leg.payout_tax)):
        raise Invalid("a commission or tax is from 0 to below 1", code="commission_out_of_range")
    if not 0 < leg.currency_rate <= AMOUNT_MAX:
        raise Invalid("a currency's rate is above zero", code="stake_out_of_range")
    for amount in (leg.stake_max, leg.step, leg.placed):
        if amount is not None:
            _check_amount(amount)
    if leg.stake_min is not None and not 0 <= leg.stake_min <= AMOUNT_MAX:
        raise Invalid("a smallest stake is not negative", code="stake_out_of_range")


def _check_amount(amount: Fraction) -> None:
    if not 0 < amount <= AMOUNT_MAX:
        raise Invalid("an amount is above 0 and at most 10^13", code="stake_out_of_range")


def _stakes(legs: Sequence[Leg], problem: Problem, total: Fraction | None) -> Floats:
    """Stakes in the common currency, or shares where nothing says how much."""
    placed = any(leg.placed is not None for leg in legs)
    if total is None and not placed:
        if len(legs) <= cover.LEGS_MAX and not problem.fees:
            return cover.divide(problem.returns).shares
        return program.best_stakes(problem, Limits.shares(len(legs)))
    unit = total or sum((_placed(leg) for leg in legs), Fraction(0))
    least = 0.0 if placed else 1.0
    most = 1.0 if total is not None else np.inf
    limits = _limits(legs, unit, least, most, in_steps=False)
    return program.best_stakes(problem, limits) * float(unit)


def _limits(
    legs: Sequence[Leg], unit: Fraction, least: float, most: float, *, in_steps: bool
) -> Limits:
    """The legs' limits in the common currency, in multiples of `unit`."""
    lower, upper, steps, optional = list[float](), list[float](), list[float](), list[bool]()
    for leg in legs:
        rate = leg.currency_rate / unit
        if leg.placed is not None:
            low = high = float(leg.placed * rate)
            step = 0.0
        else:
            low = float((leg.stake_min or 0) * rate) if in_steps else 0.0
            high = np.inf if leg.stake_max is None else float(leg.stake_max * rate)
            step = float((leg.step or STEP) * rate) if in_steps else 0.0
        lower.append(low)
        upper.append(high)
        steps.append(step)
        optional.append(leg.placed is None and low > 0)
    return Limits(
        np.array(lower), np.array(upper), least, most, np.array(steps), np.array(optional)
    )


def _placed(leg: Leg) -> Fraction:
    return Fraction(0) if leg.placed is None else leg.placed * leg.currency_rate


def _whole(
    legs: Sequence[Leg], states: Outcomes, problem: Problem, shares: Floats, total: Fraction | None
) -> WholeStakes | None:
    """Stakes in steps with the best worst state, within the total or what the legs' limits leave.

    Each leg rounded by itself can lose the guarantee, so the steps are chosen together (test: steps
    are chosen together). Of a bet that cannot win, the total is used up but for the last steps.
    """
    budget = total if total is not None else _room(legs, shares)
    if budget is None:
        return None
    steps = [(leg.step or STEP) * leg.currency_rate for leg in legs if leg.placed is None]
    unit = max(steps, default=budget)
    if budget > unit * _STEPS_MAX:
        raise Invalid("the total has too many steps", code="stake_out_of_range")
    loses = float(problem.nets(shares).min()) < -_ZERO
    least = float((budget - sum(steps, Fraction(0))) / unit) if loses else 0.0
    limits = _limits(legs, unit, max(least, 0.0), float(budget / unit), in_steps=True)
    found = program.best_stakes(problem, limits)
    stakes = [
        _snapped(leg, Fraction(float(stake)) * unit) for leg, stake in zip(legs, found, strict=True)
    ]
    common = np.array(
        [stake * leg.currency_rate for stake, leg in zip(stakes, legs, strict=True)], dtype=object
    )
    nets = problem_of(legs, states, exact=True).nets(common)
    return WholeStakes(tuple(stakes), sum(common, Fraction(0)), min(nets), max(nets))


def _snapped(leg: Leg, stake: Fraction) -> Fraction:
    """The solver's figure in the leg's currency, put on the step that it is nearest to."""
    if leg.placed is not None:
        return leg.placed
    step = leg.step or STEP
    return round(stake / leg.currency_rate / step) * step


def _room(legs: Sequence[Leg], shares: Floats) -> Fraction | None:
    """The largest total that keeps the shares within the legs' maxima; None without maxima."""
    totals = [
        leg.stake_max * leg.currency_rate / Fraction(share)
        for leg, share in zip(legs, shares.tolist(), strict=True)
        if leg.stake_max is not None and share > _ZERO
    ]
    return min(totals, default=None)


def _expected(
    legs: Sequence[Leg],
    shares: Floats,
    selections: tuple[tuple[str, str, int | None, str], ...],
    grid: Grid,
    scores: ScoreModel,
) -> float:
    """The mean net under a score model; level scores are left out where there can be none."""
    if grid.second is not None:
        raise Invalid("a score model knows no half-time", code="unknown_market")
    whole = Grid(grid.key, scores.extent, level=grid.level)
    states = outcomes(selections, whole)
    nets = problem_of(legs, states).nets(shares)
    likely = scores.listed(level=grid.level)
    return float(likely @ nets[states.row_of] / likely.sum())


def _kind(nets: Floats, winners: Floats) -> SurebetKind:
    """What a division is: by its worst and best state, and how much of it wins in them.

    `winners` [K] is how many legs win in a state, halves counted. A middle wins more where it is
    best than one leg alone would; a Polish middle wins less where it is worst: in the gap.
    """
    worst, best = float(nets.min()), float(nets.max())
    if worst > _ZERO:
        return "sure"
    if worst >= -_ZERO and best > _ZERO:
        return "free_roll"
    if best <= _ZERO:
        return "low_hold"
    in_best = winners[nets >= best - _ZERO].max()
    in_worst = winners[nets <= worst + _ZERO].min()
    return "polish_middle" if in_best <= 1.0 and in_worst < in_best else "middle"


def _clean(net: float) -> float:
    """A figure without the solver's last digits, so that equal outcomes are one."""
    return round(float(net), 12) + 0.0
