"""The calculators of `core`: odds formats, grading, and what a bet pays, from JSON to JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from overround.cli.calc_wire import SELECTION, Given, selection
from overround.core import bets, grading, odds_format, payoff, rational, rule4, systems
from overround.core.bets import Bet, Leg, Pick
from overround.core.bonus import BonusLadder
from overround.core.errors import Invalid
from overround.core.facts import POINTS_MAX, Facts, Score, contradiction
from overround.core.payoff import LOST, Grade
from overround.core.tax import NO_TAX, Tax

_ONE: Final = Fraction(1)
_PERCENT: Final = 100
_PICK: Final = (
    "price result dead_heat place_dead_heat rule4_pct rule4_place_pct withdrawn starting_price"
    " best_odds_guaranteed"
)
_BET: Final = "bet stake unit sizes place_fraction legs free_bet stake_returned bonus tax"


def convert(value: object) -> dict[str, Any]:
    """`value` in the format `from` as one in the format `to`; `exact` is the same as a fraction."""
    given = Given(value, "value from to")
    source = given.word("from", "unknown_method", tuple(odds_format.FORMATS))
    target = given.word("to", "unknown_method", tuple(odds_format.FORMATS))
    decimal_price = odds_format.parse(given.text("value"), source)
    exact = odds_format.to_value(decimal_price, target)
    return {
        "value": odds_format.to_text(decimal_price, target),
        "exact": f"{exact.numerator}/{exact.denominator}",
    }


def grade(value: object) -> dict[str, Any]:
    """What a score makes of a side; for a handicap `line` is that side's own.

    `result` is also "unknown", where the score does not say. `period` is "ft" unless another is
    named; `team` is whose `team_total` it is.
    """
    given = Given(value, f"{SELECTION} score half_time")
    market, period, line_q4, side = selection(given)
    by_sets = grading.market(market).periods <= {"final"}
    facts = Facts(_scores(given, period, by_sets=by_sets))
    graded = grading.grade(market, period, line_q4, side, facts)
    return {"result": "unknown" if graded is None else payoff.name(graded)}


def _scores(given: Given, period: str, *, by_sets: bool) -> dict[str, Score]:
    """`score` under the key a market reads: halves come from full time, else it is the period's."""
    key = "ft" if period in ("ht", "2h") else "sets" if by_sets else period
    told = {key: _score(given, "score")}
    if given.has("half_time"):
        told["ht"] = _score(given, "half_time")
        wrong = contradiction(told)
        if wrong:
            raise Invalid(wrong, code="invalid_number")
    return told


def _score(given: Given, name: str) -> Score:
    points = given.counts(name)
    if len(points) != 2 or max(points) > POINTS_MAX:
        raise Invalid(f"{name} is [home, away], at most {POINTS_MAX}", code="invalid_number")
    return points[0], points[1]


def settle(value: object) -> dict[str, Any]:
    """What a bet pays, exact; `lines` in all, each-way counted twice.

    Terms beyond the contract's: `banker` and `event` of a leg, `picks` where it has several,
    `withdrawn` prices for Rule 4, `bonus` {steps [{legs, pct}], price_min, cap} and `tax`
    {on_stake_pct, on_winnings_pct, threshold}; `bet` may name a full cover.
    """
    given = Given(value, _BET)
    bet = _bet(given)
    settled = bets.settle(bet)
    told: dict[str, Any] = {
        "payout": rational.to_text(settled.payout),
        "lines": settled.lines,
        "stake": rational.to_text(bet.stake),
    }
    if bet.ladder is not None:
        told["bonus"] = rational.to_text(settled.bonus)
    if bet.tax.on_winnings:
        told["tax"] = rational.to_text(settled.tax)
    return told


def _bet(given: Given) -> Bet:
    kinds = ("single", "combo", "system", "each_way", *systems.FULL_COVERS)
    kind = given.word("bet", "unknown_bet", kinds)
    legs = _legs(given.objects("legs", f"{_PICK} banker event picks", bets.MAX_LEGS))
    if kind == "single" and len(legs) > 1:
        raise Invalid("a single has one leg", code="too_many_legs")
    sizes = _sizes(given, kind, len(legs))
    place_fraction = None
    if kind == "each_way" or given.has("place_fraction"):
        place_fraction = given.share("place_fraction", "invalid_number")
    if given.has("stake") == given.has("unit"):
        raise Invalid("a bet has a stake or a unit", code="stake_out_of_range")
    if given.has("unit"):
        count = bets.lines(legs, sizes, each_way=place_fraction is not None)
        stake = given.stake("unit") * count
    else:
        stake = given.stake("stake")
    return Bet(
        legs,
        stake,
        sizes,
        place_fraction,
        free_bet=given.flag("free_bet"),
        stake_returned=given.flag("stake_returned"),
        ladder=_ladder(given),
        tax=_tax(given),
    )


def _sizes(given: Given, kind: str, legs: int) -> tuple[int, ...] | None:
    """The sizes a bet of this kind has; a combo's is all its legs (None)."""
    cover = systems.FULL_COVERS.get(kind)
    if cover is not None:
        if cover[0] != legs or given.has("sizes"):
            raise Invalid(f"a {kind} has {cover[0]} legs and its own sizes", code="invalid_size")
        return cover[1]
    if kind == "system" or (kind == "each_way" and given.has("sizes")):
        return tuple(given.counts("sizes", "invalid_size"))
    if given.has("sizes"):
        raise Invalid("only a system has sizes", code="invalid_size")
    return None


def _legs(given: Sequence[Given]) -> tuple[Leg, ...]:
    # Counted before they are read: there may be as many picks in each leg as legs in all.
    if sum(len(leg.items("picks")) for leg in given) > bets.MAX_LEGS:
        raise Invalid(f"a bet has at most {bets.MAX_LEGS} picks", code="too_many_legs")
    return tuple(_leg(leg) for leg in given)


def _leg(given: Given) -> Leg:
    if given.has("picks"):
        if any(given.has(name) for name in _PICK.split()):
            raise Invalid("a leg has a price or picks", code="invalid_input")
        picks = tuple(_pick(pick) for pick in given.objects("picks", _PICK))
    else:
        picks = (_pick(given),)
    event = given.word("event", "invalid_input") if given.has("event") else None
    return Leg(picks, banker=given.flag("banker"), event=event)


def _pick(given: Given) -> Pick:
    win, place = _grades(given)
    guaranteed = given.flag("best_odds_guaranteed")
    return Pick(
        given.price("price"),
        win,
        place,
        starting_price=given.price("starting_price") if guaranteed else None,
        deduction=_deduction(given, "rule4_pct", place=False),
        place_deduction=_place_deduction(given),
    )


def _grades(given: Given) -> tuple[Grade, Grade]:
    """The grades of the win part and of the place part.

    A dead heat belongs to the part it decided: of a winner to the win, of a runner that was only
    placed to the place; who ties for the win is placed in full, unless `place_dead_heat` says less.
    """
    result = given.word("result", "unknown_grade")
    share = _dead_heat(given, "dead_heat")
    if result == "placed":
        return LOST, Grade(1, dead_heat_factor=_dead_heat(given, "place_dead_heat", share))
    known = payoff.by_name(result)
    if not known.result:
        return known, known
    placed = Grade(1, known.void_factor, _dead_heat(given, "place_dead_heat"))
    return Grade(1, known.void_factor, share), placed


def _dead_heat(given: Given, name: str, default: Fraction = _ONE) -> Fraction:
    if not given.has(name):
        return default
    share = given.share(name, "invalid_number")
    if share == 0:
        raise Invalid("a dead heat leaves a share", code="invalid_number")
    return share


def _deduction(given: Given, name: str, *, place: bool) -> Fraction:
    """Rule 4 as a percentage, or by the prices of those that were withdrawn."""
    if given.has("withdrawn"):
        if given.has(name):
            raise Invalid("a deduction is a percentage or a table's", code="invalid_input")
        return rule4.deduction(given.prices("withdrawn", rule4.RUNNERS_MAX), place=place)
    return _percent(given, name)


def _place_deduction(given: Given) -> Fraction | None:
    if given.has("rule4_place_pct") or given.has("withdrawn"):
        return _deduction(given, "rule4_place_pct", place=True)
    return None


def _percent(given: Given, name: str, percent_max: int = _PERCENT) -> Fraction:
    value = given.number(name, "0")
    if not 0 <= value <= percent_max:
        raise Invalid(f"{name} is from 0 to {percent_max}", code="invalid_number")
    return value / _PERCENT


def _ladder(given: Given) -> BonusLadder | None:
    if not given.has("bonus"):
        return None
    ladder = given.nested("bonus", "steps price_min cap")
    steps = ladder.objects("steps", "legs pct")
    return BonusLadder(
        tuple((step.count("legs"), _percent(step, "pct", 1_000)) for step in steps),
        price_min=ladder.price("price_min") if ladder.has("price_min") else _ONE,
        cap=ladder.stake("cap") if ladder.has("cap") else None,
    )


def _tax(given: Given) -> Tax:
    if not given.has("tax"):
        return NO_TAX
    tax = given.nested("tax", "on_stake_pct on_winnings_pct threshold")
    return Tax(
        _percent(tax, "on_stake_pct"),
        _percent(tax, "on_winnings_pct"),
        tax.stake("threshold") if tax.has("threshold") else Fraction(0),
    )


CALCULATORS: Final[Mapping[str, Any]] = {"convert": convert, "grade": grade, "settle": settle}
