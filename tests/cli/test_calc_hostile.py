"""Whatever is sent to a calculator, it answers: with figures that are numbers, or with a name."""

from __future__ import annotations

import json
import math
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.cli import calc
from overround.core.grading import MARKETS, PERIODS
from overround.core.odds_format import FORMATS

# The contract's codes, and ours for what it leaves open.
CODES = {
    "underround", "invalid_number", "price_out_of_range", "probability_out_of_range",
    "stake_out_of_range", "no_legs", "too_many_legs", "invalid_size", "conflicting_legs",
    "unknown_market", "unknown_side", "line_missing", "unknown_method", "unknown_bet", "infeasible",
    "invalid_input", "unknown_grade", "line_unexpected", "line_out_of_range", "line_not_whole",
    "place_fraction_out_of_range", "bonus_out_of_range", "tax_out_of_range",
    "commission_out_of_range",
}  # fmt: skip

HOSTILE = (
    "NaN", "nan", "Infinity", "-Infinity", "1E+999999", "1e400", "9" * 5_000, "-1", "0", "1", "-0",
    "0.0000000000000000000000000000000001", "100000", "100000.0001", "1/0", "0/1", "1/3", "\u0661",
    "", " ", "x" * 10_000, "1.0000000000000000001", "-0.5", "2", "1.91", "3.40",
)  # fmt: skip
ODDITIES: list[Any] = [None, True, False, [], {}, [[]], 0, 1, 2, -1, 10**30, 1e300, *HOSTILE]
ATOMS: st.SearchStrategy[Any] = (
    st.sampled_from(ODDITIES) | st.floats(allow_nan=True) | st.integers() | st.text(max_size=5)
)


def mostly(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """What may stand there, and now and then what may not: many objects get past the reader."""
    return st.integers(0, 31).flatmap(lambda n: values if n else ATOMS)


def some(values: st.SearchStrategy[Any], least: int = 1, most: int = 5) -> st.SearchStrategy[Any]:
    return mostly(st.lists(values, min_size=least, max_size=most))


def objects(
    needed: dict[str, st.SearchStrategy[Any]], **optional: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    """Objects with the needed fields and any of the others, now and then one that nobody knows."""
    known: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(needed, optional=optional)
    return st.integers(0, 31).flatmap(
        lambda n: known if n else known.map(lambda found: found | {"comission": "0.05"})
    )


def spread(leg: Any) -> Any:
    """A leg with the fields of its `selection` beside its own."""
    if not isinstance(leg, dict):
        return cast("object", leg)
    fields = dict(cast("dict[str, Any]", leg))
    selection: object = fields.pop("selection")
    return fields | cast("dict[str, Any]", selection) if isinstance(selection, dict) else fields


def words(*known: str) -> st.SearchStrategy[Any]:
    return mostly(st.sampled_from(known))


PRICES = mostly(
    st.sampled_from(["1.5", "1.95", "2", "2.10", "3.5", "21", "25/13", "1.0001", "100000"])
)
SHARES = mostly(st.sampled_from(["0.02", "0.1", "0.25", "0.5", "1/5", "0.6", "0", "1"]))
STAKES = mostly(st.sampled_from(["1", "10", "0.01", "100", "0.333", "10000000000000"]))
LINES = mostly(st.sampled_from(["0", "-0.25", "0.5", "2.5", "-1", "2.75", "1000", "0/0.5", None]))
SIDES = words(
    "home", "draw", "away", "1X", "X2", "12", "over", "under", "yes", "no", "odd", "even", "2:1"
)
RESULTS = words("won", "lost", "void", "half_won", "half_lost", "placed")
TYPES = words("1x2", "moneyline", "asian_handicap", "total", "draw_no_bet", "team_total", *MARKETS)
METHODS = words("multiplicative", "additive", "power", "odds_ratio", "shin", "probit")
COUNTS = mostly(st.integers(0, 6))

# Selections of one event that exist; a leg of the fuzz takes one apart into its fields.
SELECTIONS: list[dict[str, Any]] = [
    *({"market": "1x2", "side": side} for side in ("home", "draw", "away")),
    *({"market": "double_chance", "side": side} for side in ("1X", "X2", "12")),
    *({"market": "moneyline", "side": side} for side in ("home", "away")),
    *({"market": "asian_handicap", "side": side, "line": line}
      for side in ("home", "away") for line in ("-1", "-0.25", "0.5", "0.75", "999")),
    *({"market": "total", "side": side, "line": line}
      for side in ("over", "under") for line in ("2", "2.25", "2.5", "1000")),
    {"market": "correct_score", "side": "2:1"},
    {"market": "half_time_full_time", "side": "home/away"},
    {"market": "anytime_scorer", "side": "kane"},
]  # fmt: skip

TERMS: dict[str, st.SearchStrategy[Any]] = {
    "dead_heat": SHARES,
    "rule4_pct": SHARES,
    "starting_price": PRICES,
    "best_odds_guaranteed": st.just(False),
}
LEG = {"price": PRICES, "result": RESULTS}
PICKS = some(objects(LEG, withdrawn=some(PRICES), dead_heat=SHARES), most=3)
PAIR = {"price": PRICES, "probability": SHARES}
INPUTS: dict[str, st.SearchStrategy[Any]] = {
    "convert": objects({"value": PRICES, "from": words(*FORMATS), "to": words(*FORMATS)}),
    "margin": objects({"prices": some(PRICES)}),
    "devig": objects({"prices": some(PRICES), "method": METHODS}, target=STAKES),
    "grade": objects(
        {"selection": mostly(st.sampled_from(SELECTIONS)), "score": some(COUNTS, 2, 2)},
        half_time=some(COUNTS, 2, 2),
        period=words(*PERIODS),
    ).map(spread)
    | objects({"market": TYPES, "side": SIDES, "score": some(COUNTS, 2, 2)}, line=LINES),
    "settle": objects(
        {
            "bet": words("single", "combo", "system", "each_way", "trixie", "lucky15"),
            "legs": some(objects(LEG, **TERMS, banker=st.booleans()) | objects({"picks": PICKS})),
            "unit": STAKES,
        },
        sizes=some(COUNTS),
        place_fraction=SHARES,
        free_bet=st.booleans(),
        stake_returned=st.booleans(),
        bonus=objects({"steps": some(objects({"legs": COUNTS, "pct": STAKES}))}, cap=STAKES),
        tax=objects({}, on_stake_pct=STAKES, on_winnings_pct=STAKES, threshold=STAKES),
    ),
    "surebet": objects(
        {
            "legs": some(
                objects(
                    {"price": PRICES, "selection": mostly(st.sampled_from(SELECTIONS))},
                    commission=SHARES,
                    lay=st.booleans(),
                    max_stake=STAKES,
                    min_stake=STAKES,
                    step=STAKES,
                    placed=STAKES,
                    exchange=words("a", "b"),
                    stake_tax=SHARES,
                    payout_tax=SHARES,
                    currency_rate=STAKES,
                ).map(spread)
            )
        },
        total=STAKES,
        level=st.booleans(),
    ),
    "kelly": objects(PAIR, multiplier=SHARES, commission=SHARES)
    | objects({"bets": some(objects(PAIR))})
    | objects({"states": some(objects({"p": SHARES, "returns": some(SHARES, 1, 3)}))}),
    "clv": objects(
        {"taken": PRICES, "close": some(PRICES), "selection": COUNTS, "method": METHODS}
    ),
    "cashout": objects(
        {"stake": STAKES, "legs": some(objects(PAIR) | objects(LEG))},
        margin=SHARES,
    ),
}


def test_every_calculator_is_attacked() -> None:
    assert set(INPUTS) == set(calc.CALCULATORS)


def check_answer(name: str, data: bytes) -> None:
    told, refused = calc.answer(calc.CALCULATORS[name], data)
    if refused:
        assert told["error"] in CODES, told
        assert len(told["detail"]) < 500
    else:
        assert all(math.isfinite(number) for number in floats(told)), told
        json.dumps(told, allow_nan=False)


def floats(value: object) -> list[float]:
    if isinstance(value, dict):
        value = list(cast("dict[str, object]", value).values())
    if isinstance(value, list):
        return [number for part in cast("list[object]", value) for number in floats(part)]
    return [value] if isinstance(value, float) else []


@pytest.mark.parametrize("name", sorted(INPUTS))
@given(data=st.data())
def test_a_calculator_answers_or_names_the_problem(name: str, data: st.DataObject) -> None:
    check_answer(name, json.dumps(data.draw(INPUTS[name])).encode())


@pytest.mark.parametrize("name", sorted(calc.CALCULATORS))
@pytest.mark.parametrize(
    "data",
    [
        b"", b"nul", b"\xff", b"[" * 100_000, b'{"a":' * 50_000, b'"' + b"x" * 2_000_000 + b'"',
        b"null", b"{}", b"[]", b"1e999999", b"-Infinity", b"9" * 10_000,
        b'{"legs":' + b"9" * 9_000 + b"}", b'{"stake":1,"stake":2}',
        b'{"legs":[{"price":NaN}]}', b'{"value":"\\ud800"}',
    ],
)  # fmt: skip
def test_bytes_that_are_no_input_are_named(name: str, data: bytes) -> None:
    told, refused = calc.answer(calc.CALCULATORS[name], data)
    assert refused
    assert told["error"] in CODES
