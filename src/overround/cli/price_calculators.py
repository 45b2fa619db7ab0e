"""The calculators of `odds.pricing`: from margins and fair prices to stakes and cash-out.

The pricing maths is imported when a calculator runs: it brings numpy and a solver, which the other
commands do without.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

from overround.cli.calc_wire import SELECTION, Given, selection
from overround.core import payoff, rational
from overround.core.errors import Invalid

_PERCENT: Final = 100
_PCT_PLACES: Final = 10
_LEG: Final = (
    f"{SELECTION} price commission lay max_stake min_stake step currency_rate placed exchange"
    " stake_tax payout_tax"
)


def margin(value: object) -> dict[str, Any]:
    """What `prices` of a market add up to: `booksum`, `overround`, `hold`."""
    import numpy as np

    from overround.odds import pricing

    given = Given(value, "prices")
    prices = np.array([float(price) for price in given.prices("prices")])
    return {
        "booksum": float(pricing.booksum(prices)),
        "overround": float(pricing.overround(prices)),
        "hold": float(pricing.margin(prices)),
    }


def devig(value: object) -> dict[str, Any]:
    """`prices` of a market without their overround, by `method`; `target` is what they sum to."""
    from overround.odds import pricing

    given = Given(value, "prices method target")
    method = given.word("method", "unknown_method", pricing.fair.METHODS)
    found = pricing.fair.devig_one(given.prices("prices"), method, given.number("target", "1"))
    return {"probabilities": list(found.probabilities), "parameter": found.parameter}


def surebet(value: object) -> dict[str, Any]:
    """The division of a stake over `legs` whose worst outcome is the best; percent of the stake.

    Beyond the contract's fields a leg may have `min_stake`, `placed`, `exchange`, `stake_tax` and
    `payout_tax`, and with a `total` the answer has `stakes` that can be placed.
    """
    from overround.odds import pricing

    given = Given(value, "legs total level")
    legs = [_leg(leg) for leg in given.objects("legs", _LEG)]
    found = pricing.surebet.solve(
        legs,
        total=given.stake("total") if given.has("total") else None,
        level=given.flag("level") if given.has("level") else None,
    )
    told: dict[str, Any] = {
        "guaranteed_pct": _pct(found.guaranteed),
        "best_pct": _pct(found.best),
        "stakes_pct": [_pct(stake) for stake in found.stakes],
        "outcomes": [_pct(net) for net in found.outcomes],
        "naive_pct": _pct(found.naive),
        "kind": found.kind,
    }
    if found.whole is not None:
        told["stakes"] = [rational.to_text(stake) for stake in found.whole.stakes]
        told["guaranteed"] = rational.to_text(found.whole.guaranteed)
        told["best"] = rational.to_text(found.whole.best)
    return told


def _pct(share: float) -> float:
    """A share in percent, as exact as the solver is and without the digits of floats beyond."""
    return round(_PERCENT * share, _PCT_PLACES)


def _leg(given: Given) -> Any:
    from overround.odds import pricing

    market_type, period, line_q4, side = selection(given)
    return pricing.Leg(
        market_type,
        side,
        given.price("price"),
        line_q4,
        period,
        lay=given.flag("lay"),
        commission=given.share("commission", "invalid_number", "0"),
        exchange=given.word("exchange", "invalid_input") if given.has("exchange") else None,
        stake_tax=given.share("stake_tax", "invalid_number", "0"),
        payout_tax=given.share("payout_tax", "invalid_number", "0"),
        currency_rate=given.number("currency_rate", "1"),
        stake_min=_amount(given, "min_stake"),
        stake_max=_amount(given, "max_stake"),
        step=_amount(given, "step"),
        placed=_amount(given, "placed"),
    )


def _amount(given: Given, name: str) -> Fraction | None:
    return given.stake(name) if given.has(name) else None


def kelly(value: object) -> dict[str, Any]:
    """The stakes with the fastest growth, as shares of the bankroll: a bet, `bets`, or `states`.

    `bets` are independent, or with `exclusive` such that at most one of them wins. `states` have a
    probability `p` and net `returns` per unit, one for each bet.
    """
    given = Given(
        value, "price probability multiplier commission bets exclusive states"
    )  # fmt: skip
    ways = [name for name in ("price", "bets", "states") if given.has(name)]
    if len(ways) != 1:
        raise Invalid("a price, bets or states, one of them", code="no_legs")
    multiplier = float(given.number("multiplier", "1"))
    found = _KELLY[ways[0]](given, multiplier)
    told: dict[str, Any] = {"fractions": list(found.fractions)}
    if ways == ["price"]:
        told = {"fraction": found.fractions[0]}
    return told | {"growth": found.growth, "residual": found.residual}


def _kelly_single(given: Given, multiplier: float) -> Any:
    from overround.odds import pricing

    return pricing.kelly.single(
        float(given.price("price")),
        float(given.probability("probability")),
        multiplier=multiplier,
        commission=float(_commission(given)),
    )


def _kelly_bets(given: Given, multiplier: float) -> Any:
    from overround.odds import pricing

    bets = given.objects("bets", "price probability commission")
    prices = [float(bet.price("price")) for bet in bets]
    probabilities = [float(bet.probability("probability")) for bet in bets]
    commissions = [float(_commission(bet)) for bet in bets]
    if not given.flag("exclusive"):
        return pricing.kelly.independent(
            prices, probabilities, multiplier=multiplier, commissions=commissions
        )
    if len(set(commissions)) > 1:
        raise Invalid("one market has one commission", code="conflicting_legs")
    return pricing.kelly.exclusive(
        prices, probabilities, multiplier=multiplier, commission=commissions[0]
    )


def _kelly_states(given: Given, multiplier: float) -> Any:
    from overround.odds import pricing

    states, bets_max = given.objects("states", "p returns"), pricing.kelly.BETS_MAX
    return pricing.kelly.states(
        [float(state.probability("p")) for state in states],
        [[float(net) for net in state.numbers("returns", bets_max)] for state in states],
        multiplier=multiplier,
    )


def _commission(given: Given) -> Fraction:
    return given.share("commission", "invalid_number", "0")


_KELLY: Final = {"price": _kelly_single, "bets": _kelly_bets, "states": _kelly_states}


def clv(value: object) -> dict[str, Any]:
    """How much better the price `taken` was than the `close` of its market, by `method`.

    `selection` is the place of the bet among the closing prices, the first is 0.
    """
    from overround.odds import pricing

    given = Given(value, "taken close selection method")
    method = given.word("method", "unknown_method", pricing.fair.METHODS)
    found = pricing.clv.clv(
        given.price("taken"), given.prices("close"), given.count("selection"), method
    )
    return {
        "price_ratio": found.price_ratio,
        "no_vig": found.no_vig,
        "log": found.log,
        "cents": found.cents,
        "points": found.points,
    }


def cashout(value: object) -> dict[str, Any]:
    """What an open bet is worth and what is offered for it, `margin` below that.

    A leg has its `price` and either the fair `probability` of winning (and those of `half_won`,
    `void` and `half_lost` where it can end so) or, once settled, its `result`.
    """
    from overround.odds import pricing

    given = Given(value, "stake legs margin")
    legs = given.objects("legs", "price probability half_won void half_lost result")
    found = pricing.cash_out.quote(
        given.stake("stake"),
        [_cash_out_leg(leg) for leg in legs],
        given.share("margin", "invalid_number", "0"),
    )
    return {"fair": rational.to_text(found.fair), "offer": rational.to_text(found.offer)}


def _cash_out_leg(given: Given) -> Any:
    from overround.odds import pricing

    chances = [name for name in ("half_won", "void", "half_lost") if given.has(name)]
    if not given.has("result"):
        return pricing.cash_out.OpenLeg(
            given.price("price"),
            given.probability("probability"),
            **{name: given.probability(name) for name in chances},
        )
    if given.has("probability") or chances:
        raise Invalid("a leg is settled or open, not both", code="conflicting_legs")
    grade = payoff.by_name(given.word("result", "unknown_grade"))
    return pricing.cash_out.SettledLeg(given.price("price"), grade)


CALCULATORS: Final[Mapping[str, Any]] = {
    "margin": margin,
    "devig": devig,
    "surebet": surebet,
    "kelly": kelly,
    "clv": clv,
    "cashout": cashout,
}
