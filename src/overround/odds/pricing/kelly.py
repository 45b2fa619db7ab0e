"""Stakes by the Kelly criterion: the shares of a bankroll whose expected log grows most.

Bets are states: how they can end together, how likely, and what each returns (net, per unit). From
those of one event (`of_event`), of independent ones (`joint`) or of prices alone (`independent`,
`exclusive`) `best` finds the stakes, within caps and beside bets that are open already. Source:
J. L. Kelly, "A new interpretation of information rate" (1956); P. Smoczynski and D. Tomkins, "An
explicit solution to the problem of optimizing the allocations of a bettor's wealth when wagering on
horse races" (2010), for mutually exclusive bets.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from overround.core.errors import Invalid
from overround.core.price import MAX_PRICE
from overround.odds.pricing.growth import Wager, most
from overround.odds.pricing.model import Floats, Leg
from overround.odds.pricing.outcomes import grid_for, may_end_level, outcomes, selection
from overround.odds.pricing.scores import ScoreModel
from overround.odds.pricing.surebet import problem_of

BETS_MAX: Final = 24
STATES_MAX: Final = 8_192
MULTIPLIER_MAX: Final = 2.0
# Floats of probabilities that sum to one sum to it within this.
_SUM_SLACK: Final = 1e-9
# Where a search may begin: this share of the room that caps and ruin leave.
_START: Final = 0.1


@dataclass(frozen=True, slots=True)
class States:
    """How n bets can end together: probabilities [K] that sum to one, net returns [K, n]."""

    probabilities: Floats
    returns: Floats


@dataclass(frozen=True, slots=True)
class Cap:
    """The most, as a share of the bankroll, that may be on these bets (places) together."""

    bets: tuple[int, ...]
    share: float


@dataclass(frozen=True, slots=True)
class Staking:
    """Shares of the bankroll, one per bet; `growth` in nats is what they add to its expected log.

    `residual` certifies them: apart from `multiplier`, no other stakes within the caps could add
    more growth than that per unit of stake (test: no neighbour grows faster).
    """

    fractions: tuple[float, ...]
    growth: float
    residual: float


def single(
    price: float, probability: float, *, multiplier: float = 1.0, commission: float = 0.0
) -> Staking:
    """One bet that wins or loses: p - (1 - p) / b at net odds b, or nothing.

    Raises Invalid `price_out_of_range`, `probability_out_of_range`, `commission_out_of_range`,
    `invalid_number` for a multiplier that is not in (0, 2].
    """
    _check_multiplier(multiplier)
    bets = _exactly_one([price], [probability], commission)
    odds = float(bets.returns[0, 0])
    full = max(probability - (1.0 - probability) / odds, 0.0) if odds > 0.0 else 0.0
    return _told(bets, np.array([full]), multiplier, _residual(bets, np.array([full])))


def exclusive(
    prices: Sequence[float],
    probabilities: Sequence[float],
    *,
    multiplier: float = 1.0,
    commission: float = 0.0,
) -> Staking:
    """Bets of which at most one wins, in closed form.

    By falling p o, an answer is bet on while p o exceeds the reserve R = (1 - sum p) / (1 - sum
    1/o) of those before it; its stake is p - R / o. Where that has no solution, because the prices
    together leave a sure profit, the whole bankroll is staked in proportion to p.
    Raises Invalid as `single`, and `no_legs`, `too_many_legs`.
    """
    _check_multiplier(multiplier)
    bets = _exactly_one(prices, probabilities, commission)
    odds = np.diagonal(bets.returns) + 1.0
    chances = np.array(probabilities, dtype=np.float64)
    order = np.argsort(-chances * odds, kind="stable")
    taken: list[int] = []
    reserve, chance_left, room = 1.0, 1.0, 1.0
    for place in order.tolist():
        if chances[place] * odds[place] <= reserve:
            break
        chance_left -= chances[place]
        room -= 1.0 / odds[place]
        taken.append(place)
        reserve = max(chance_left, 0.0) / room if room > _SUM_SLACK else 0.0
    full = np.zeros(len(chances))
    full[taken] = chances[taken] - reserve / odds[taken]
    return _told(bets, full, multiplier, _residual(bets, full))


def independent(
    prices: Sequence[float],
    probabilities: Sequence[float],
    *,
    multiplier: float = 1.0,
    commissions: Sequence[float] | None = None,
) -> Staking:
    """Bets on different events, over all the ways they can end together (at most 13 bets).

    Raises Invalid as `single`, and `no_legs`, `too_many_legs`.
    """
    kept = [0.0] * len(prices) if commissions is None else commissions
    bets = [
        _exactly_one([price], [chance], fee)
        for price, chance, fee in zip(prices, probabilities, kept, strict=True)
    ]
    return best(joint(bets), multiplier=multiplier)


def states(
    probabilities: Sequence[float], returns: Sequence[Sequence[float]], *, multiplier: float = 1.0
) -> Staking:
    """Bets by their joint states: net returns per unit, a row per state and a column per bet.

    Raises Invalid as `best`, and `conflicting_legs` where rows are not equally long.
    """
    if not returns or not returns[0]:
        raise Invalid("there is at least one bet", code="no_legs")
    if len({len(row) for row in returns}) > 1 or len(returns) != len(probabilities):
        raise Invalid("every state has a return for every bet", code="conflicting_legs")
    return best(States(np.array(probabilities), np.array(returns)), multiplier=multiplier)


def best(
    bets: States,
    *,
    multiplier: float = 1.0,
    caps: Sequence[Cap] = (),
    exposure: Floats | None = None,
    available: float = 1.0,
) -> Staking:
    """The stakes of the highest growth, times `multiplier`, within caps.

    `exposure` [K] is what open bets return net in each state and `available` what they leave of the
    bankroll, both as shares of it. Caps hold for the stakes after the multiplier.
    Raises Invalid `no_legs`, `too_many_legs` (24 bets, 8,192 states), `probability_out_of_range`,
    `price_out_of_range` for a return outside [-1, 100000), `stake_out_of_range` for a cap or
    exposure that is none, `invalid_number` for a multiplier that is not in (0, 2].
    """
    _check_multiplier(multiplier)
    _check_states(bets)
    n = bets.returns.shape[1]
    wealth = np.ones(len(bets.probabilities))
    possible = bets.probabilities > 0.0
    if exposure is not None and exposure.shape != wealth.shape:
        raise Invalid("open bets have a net in every state", code="stake_out_of_range")
    if exposure is not None:
        wealth = wealth + exposure
    if not (wealth[possible] > 0.0).all():
        raise Invalid("open bets leave something in every state", code="stake_out_of_range")
    if not 0.0 <= available <= 1.0:
        raise Invalid("what is available is a share", code="stake_out_of_range")
    limits, room = _limits(n, multiplier, [*caps, Cap(tuple(range(n)), available * multiplier)])
    free = np.array([room[limits[:, bet] > 0.0].min() > 0.0 for bet in range(n)])
    stakes = np.zeros(n)
    residual = 0.0
    if free.any():
        kept = limits[:, free]
        used = (kept != 0.0).any(axis=1)
        wager = Wager(
            bets.probabilities[possible], wealth[possible],
            bets.returns[np.ix_(possible, free)], kept[used], room[used],
        )  # fmt: skip
        stakes[free], residual = most(wager, _start(wager))
    return _told(bets, np.maximum(stakes, 0.0), multiplier, residual, wealth)


def joint(events: Sequence[States]) -> States:
    """Bets of independent events as one: every way all of them can end, bets in the given order.

    Raises Invalid `no_legs`, `too_many_legs`.
    """
    if not events:
        raise Invalid("there is at least one bet", code="no_legs")
    if math.prod(len(event.probabilities) for event in events) > STATES_MAX:
        raise Invalid(f"bets end in at most {STATES_MAX} ways", code="too_many_legs")
    probabilities, returns = events[0].probabilities, events[0].returns
    for event in events[1:]:
        ways = len(event.probabilities)
        beside = np.tile(event.returns, (len(probabilities), 1))
        returns = np.hstack([np.repeat(returns, ways, axis=0), beside])
        probabilities = np.outer(probabilities, event.probabilities).ravel()
    return States(probabilities, returns)


def of_event(legs: Sequence[Leg], scores: ScoreModel) -> States:
    """How bets on the score of one event end together, by a model of the score.

    A lay's stake is its liability. Raises Invalid as `surebet.solve` does of legs, and
    `unknown_market` for markets of halves, which a score model does not know, and for several legs
    that pay commission on a market's net.
    """
    selections = tuple(selection(leg) for leg in legs)
    grid = grid_for(selections, level=may_end_level(selections)) if selections else None
    if grid is None:
        raise Invalid("there is at least one bet", code="no_legs")
    if grid.second is not None:
        raise Invalid("a score model knows no half-time", code="unknown_market")
    whole = type(grid)(grid.key, scores.extent, level=grid.level)
    ways = outcomes(selections, whole)
    problem = problem_of(legs, ways)
    if problem.fees:
        raise Invalid("stakes of one exchange market are not apart", code="unknown_market")
    likely = scores.listed(level=grid.level)
    chances = np.zeros(len(ways.fixed))
    np.add.at(chances, ways.row_of, likely / likely.sum())
    return States(chances, problem.returns.astype(np.float64) - 1.0)


def shared_caps(keys: Sequence[str], share: float) -> tuple[Cap, ...]:
    """One cap for all bets with the same key: an event, a day, a book, or the bet itself."""
    places: dict[str, list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    return tuple(Cap(tuple(bets), share) for bets in places.values())


def drawdown_multiplier(bankroll: float, peak: float, steps: Mapping[float, float]) -> float:
    """The multiplier after a loss from the peak: that of the deepest step that is reached, else 1.

    `steps` are multipliers by drawdown, {0.1: 0.5, 0.2: 0} halves stakes a tenth below the peak and
    stops a fifth below it. Raises Invalid `stake_out_of_range`, `invalid_number`.
    """
    if not (0.0 <= bankroll <= peak and 0.0 < peak < math.inf):
        raise Invalid("a bankroll is at most its peak", code="stake_out_of_range")
    if not all(0.0 < depth <= 1.0 and 0.0 <= kept <= 1.0 for depth, kept in steps.items()):
        raise Invalid("a step is a drawdown and a multiplier up to one", code="invalid_number")
    drawdown = 1.0 - bankroll / peak
    reached = [depth for depth in steps if drawdown >= depth - _SUM_SLACK]
    return steps[max(reached)] if reached else 1.0


def _exactly_one(
    prices: Sequence[float], probabilities: Sequence[float], commission: float
) -> States:
    """States of bets of which at most one wins: one per bet, then the one in which none does."""
    if not prices:
        raise Invalid("there is at least one bet", code="no_legs")
    if len(prices) > BETS_MAX:
        raise Invalid(f"there are at most {BETS_MAX} bets", code="too_many_legs")
    if not all(1.0 < price <= MAX_PRICE for price in prices):
        raise Invalid("a price is above 1 and at most 100000", code="price_out_of_range")
    if not 0.0 <= commission < 1.0:
        raise Invalid("a commission is from 0 to below 1", code="commission_out_of_range")
    total = math.fsum(probabilities)
    inside = all(0.0 <= chance <= 1.0 for chance in probabilities)
    if not inside or len(probabilities) != len(prices) or total > 1.0 + _SUM_SLACK:
        raise Invalid("probabilities sum to at most one", code="probability_out_of_range")
    chances = np.append(np.array(probabilities, dtype=np.float64), max(1.0 - total, 0.0))
    won = (np.array(prices, dtype=np.float64) - 1.0) * (1.0 - commission)
    returns = np.full((len(prices) + 1, len(prices)), -1.0)
    np.fill_diagonal(returns, won)
    return States(chances, returns)


def _limits(n: int, multiplier: float, caps: Sequence[Cap]) -> tuple[Floats, Floats]:
    """Rows of limits, those of stakes above zero first, for stakes before the multiplier."""
    rows, room = [-np.eye(n)], [0.0] * n
    for cap in caps:
        if not cap.share >= 0.0 or not all(0 <= bet < n for bet in cap.bets):
            raise Invalid("a cap is a share of some of the bets", code="stake_out_of_range")
        row = np.zeros((1, n))
        row[0, list(cap.bets)] = 1.0
        rows.append(row)
        room.append(cap.share / multiplier)
    return np.concatenate(rows), np.array(room)


def _start(wager: Wager) -> Floats:
    """Equal stakes well inside every cap, which lose a tenth of the wealth at most."""
    n = wager.returns.shape[1]
    lost = np.maximum(-(wager.returns.sum(axis=1)), 0.0)
    ruin = (wager.wealth[lost > 0.0] / lost[lost > 0.0]).min() if lost.any() else 1.0
    sums: Floats = wager.limits.sum(axis=1)
    capped = wager.room[wager.room > 0.0] / sums[wager.room > 0.0]
    stake = _START * min(float(ruin), float(capped.min()), 1.0)
    return stake * np.ones(n, dtype=np.float64)


def _told(
    bets: States,
    full: Floats,
    multiplier: float,
    residual: float,
    wealth: Floats | None = None,
) -> Staking:
    """Stakes after the multiplier, and what they add to the expected log."""
    stakes = full * multiplier
    possible = bets.probabilities > 0.0
    before = np.ones(len(bets.probabilities)) if wealth is None else wealth
    after = before + bets.returns @ stakes
    if not (after[possible] > 0.0).all():
        raise Invalid("these stakes can lose everything", code="stake_out_of_range")
    logs = np.log(after[possible] / before[possible])
    growth = float(bets.probabilities[possible] @ logs) + 0.0
    return Staking(tuple((stakes + 0.0).tolist()), growth, residual)


def _residual(bets: States, full: Floats) -> float:
    """The certificate of stakes in closed form: slopes are zero where bet, not above it elsewhere.

    The whole bankroll is a limit too; where it is reached, its price is the largest slope.
    """
    possible = bets.probabilities > 0.0
    wealth = (1.0 + bets.returns @ full)[possible]
    if not (wealth > 0.0).all():
        return math.inf
    slope = (bets.probabilities[possible] / wealth) @ bets.returns[possible]
    price = max(float(slope.max()), 0.0) if full.sum() >= 1.0 - _SUM_SLACK else 0.0
    apart = np.where(full > 0.0, np.abs(slope - price), slope - price)
    return max(float(apart.max()), 0.0)


def _check_multiplier(multiplier: float) -> None:
    if not 0.0 < multiplier <= MULTIPLIER_MAX:
        raise Invalid("a multiplier is above 0 and at most 2", code="invalid_number")


def _check_states(bets: States) -> None:
    ways, n = bets.returns.shape
    if n < 1:
        raise Invalid("there is at least one bet", code="no_legs")
    if n > BETS_MAX or ways > STATES_MAX:
        raise Invalid(f"{BETS_MAX} bets in {STATES_MAX} states at most", code="too_many_legs")
    chances = bets.probabilities
    if len(chances) != ways or not (chances >= 0.0).all():
        raise Invalid("a probability is from 0 to 1", code="probability_out_of_range")
    if not abs(math.fsum(chances.tolist()) - 1.0) <= _SUM_SLACK:
        raise Invalid("probabilities sum to one", code="probability_out_of_range")
    if not ((bets.returns >= -1.0) & (bets.returns < MAX_PRICE)).all():
        raise Invalid("a net return is from -1 to below 100000", code="price_out_of_range")
