"""`overround calc`: the contract's shapes, and how cases are checked."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from overround.cli import calc, calc_check
from tests.core.reference import CASES, ROOT
from tests.servers.commands import overround_cli

WON = {"price": "2", "result": "won"}


def ask(name: str, given: object) -> dict[str, Any]:
    told, _ = calc.answer(calc.CALCULATORS[name], json.dumps(given).encode())
    return told


def settled(**given: object) -> dict[str, Any]:
    return ask("settle", {"bet": "single", "stake": "10", "legs": [WON]} | given)


# One published figure has a wrong digit: the probit of 1.5 and 2.74 is Phi((x1 - x2) / 2) with
# x = Phi^-1(1/price), which is 0.6509827196 and not 0.6509826196.
MISPRINTED = {"dv-two-probit"}


@pytest.mark.skipif(not CASES.exists(), reason=f"the reference cases are not at {CASES}")
def test_every_published_case_passes() -> None:
    done = overround_cli("calc", "check", str(CASES))
    *failures, last = done.stdout.splitlines()
    assert {line.partition(":")[0] for line in failures} <= MISPRINTED, failures
    failed = len({line.partition(":")[0] for line in failures})
    assert last == f"{len(json.loads(CASES.read_text())) - failed} passed, {failed} failed"


def test_a_calculator_reads_stdin_and_prints_one_object() -> None:
    script = [sys.executable, "-m", "overround.cli", "calc", "convert"]
    asked = json.dumps({"value": "-110", "from": "american", "to": "decimal"})
    done = subprocess.run(script, input=asked, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"value": "1.909090909090909091", "exact": "21/11"}
    asked = json.dumps({"value": "NaN", "from": "american", "to": "decimal"})
    done = subprocess.run(script, input=asked, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"] == "invalid_number"
    assert done.stderr.startswith("overround: invalid_number: ")


_EXAMPLE = re.compile(r"^\$ echo '([^']*)' \| overround calc (\w+)\n(\{.*\})$", re.MULTILINE)


def test_the_examples_of_the_numbers_are_true() -> None:
    text = (ROOT / "docs" / "numbers.md").read_text("utf-8")
    examples = _EXAMPLE.findall(text)
    assert len(examples) == text.count("\n$ ")
    for asked, name, told in examples:
        assert ask(name, json.loads(asked)) == json.loads(told)


def test_failures_are_told_with_both_values(tmp_path: Path) -> None:
    to_decimal = {"value": "2", "from": "hongkong", "to": "decimal"}
    cases: list[dict[str, Any]] = [
        {"id": "right", "calc": "convert", "input": to_decimal, "expect": {"value": "3.0"}},
        {
            "id": "wrong",
            "calc": "convert",
            "input": to_decimal,
            "expect": {"value": 4, "exact": "1/2"},
        },
        {"id": "refused", "calc": "convert", "input": {}, "expect": {"value": 4}},
        {"id": "named", "calc": "convert", "input": {}, "error": "unknown_method"},
        {"id": "misnamed", "calc": "convert", "input": {}, "error": "no_legs"},
        {"id": "unrefused", "calc": "convert", "input": to_decimal, "error": "no_legs"},
        {"id": "unknown", "calc": "divine", "input": {}, "expect": {}},
        {"id": "empty", "calc": "convert", "input": to_decimal},
    ]
    file = tmp_path / "cases.json"
    file.write_text(json.dumps(cases))
    done = overround_cli("calc", "check", str(file), str(file))
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[-1] == "4 passed, 12 failed"
    assert "wrong: value: expected 4, got 3" in lines
    assert {line.partition(":")[0] for line in lines[:-1]} == {
        "wrong", "refused", "misnamed", "unrefused", "unknown", "empty",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", "[1]", '[{"id": 1}]', '[{"id": 1, "calc": ["grade"], "input": {}}]'],
)
def test_a_file_without_cases_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cases.json"
    file.write_text(text)
    done = overround_cli("calc", "check", str(file))
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert overround_cli("calc", "check", str(tmp_path / "absent.json")).returncode == 1


@pytest.mark.parametrize(
    ("wish", "got", "alike"),
    [
        ("1.5", 1.5000001, True), ("1.5", "1.51", False), (1, "1.0", True), ("9/10", "9/10", True),
        ("9/10", "0.9", False), ([1, 2], [1.0, "2"], True), ([1, 2], [1], False), ([1], 1, False),
        ("1", None, False), (1, True, False), ("won", "won", True), (1, float("nan"), False),
    ],
)  # fmt: skip
def test_answers_are_compared_by_value(wish: object, got: object, alike: bool) -> None:
    assert calc_check.same(wish, got, Fraction(1, 10**6)) == alike


def test_a_json_number_is_as_exact_as_a_string() -> None:
    assert settled(stake=10, legs=[{"price": 1.1, "result": "won"}])["payout"] == "11"
    assert settled(stake="10", legs=[{"price": "25/13", "result": "won"}])["payout"] == (
        "19.230769230769230769"
    )


@pytest.mark.parametrize(
    ("given", "payout", "lines"),
    [
        ({"bet": "trixie", "unit": 1, "legs": [WON] * 3}, "20", 4),
        ({"bet": "each_way", "unit": 1, "place_fraction": "1/5", "sizes": [2, 3],
          "legs": [WON] * 3}, "26.048", 8),
        ({"bet": "system", "unit": "1", "sizes": [2], "legs": [WON | {"banker": True}, WON, WON]},
         "8", 2),
        ({"bet": "combo", "legs": [{"picks": [WON, WON | {"result": "lost"}]}, WON]}, "20", 2),
        ({"bet": "combo", "legs": [WON] * 2,
          "bonus": {"steps": [{"legs": 2, "pct": 10}]}}, "43", 1),
        ({"tax": {"on_winnings_pct": 20, "threshold": "5"}}, "19", 1),
        ({"legs": [WON | {"withdrawn": ["2", "4"]}]}, "13", 1),
        ({"legs": [WON | {"result": "placed"}]}, "0", 1),
        ({"legs": [WON | {"starting_price": "3"}]}, "20", 1),
        ({"free_bet": True}, "10", 1),
    ],
)  # fmt: skip
def test_terms_of_a_bet(given: dict[str, Any], payout: str, lines: int) -> None:
    if "unit" in given:
        given = {"stake": None} | given
    told = settled(**given)
    assert (told.get("payout"), told.get("lines")) == (payout, lines), told


@pytest.mark.parametrize(
    ("given", "result"),
    [
        ({"market": "1x2", "side": "draw", "score": [1, 1]}, "won"),
        ({"market": "team_total", "side": "over", "line": "1.5", "score": [2, 0]}, "won"),
        ({"market": "team_total", "side": "over", "line": "1.5", "score": [2, 0], "team": "away"},
         "lost"),
        ({"market": "asian_handicap", "side": "away", "line": "0/0.5", "score": [1, 1]},
         "half_won"),
        ({"market": "handicap_1x2", "side": "away", "line": "1", "score": [1, 1]}, "won"),
        ({"market": "half_time_full_time", "side": "draw/home", "score": [2, 1],
          "half_time": [1, 1]}, "won"),
        ({"market": "half_time_full_time", "side": "draw/home", "score": [2, 1]}, "unknown"),
        ({"market": "total", "side": "under", "line": "1", "score": [2, 1], "half_time": [1, 1],
          "period": "2h"}, "void"),
        ({"market": "correct_score", "side": "2:1", "score": [2, 1]}, "won"),
        ({"market": "set_handicap", "side": "home", "line": "-1.5", "score": [2, 0]}, "won"),
        ({"market": "moneyline", "side": "away", "score": [20, 27], "period": "final"}, "won"),
        ({"market": "1x2", "side": "home", "score": [0, 0], "period": "i1_5"}, "lost"),
    ],
)  # fmt: skip
def test_a_score_is_graded(given: dict[str, Any], result: str) -> None:
    assert ask("grade", given) == {"result": result}


SCORE = {"market": "total", "side": "over", "line": "2.5", "score": [2, 1]}
LEGS = {"bet": "combo", "stake": "1"}


MARKET = {"prices": ["1.9", "1.9"], "method": "power"}
HOME = {"market": "1x2", "side": "home", "price": "2"}
ONE_BET = {"price": "2", "probability": "0.6"}
CLOSE = {"taken": "2.1", "close": ["1.9", "1.9"], "selection": 0, "method": "shin"}
BAD: list[tuple[str, Any, str]] = [
    ("convert", {"value": "2", "from": "decimal", "to": "x"}, "unknown_method"),
    ("convert", {"value": "1", "from": "decimal", "to": "malay"}, "price_out_of_range"),
    ("convert", {"value": "2", "from": "probability", "to": "malay"},
     "probability_out_of_range"),
    ("convert", {"value": True, "from": "decimal", "to": "malay"}, "invalid_number"),
    ("convert", [], "invalid_input"),
    ("convert", {"value": "2", "from": "decimal", "to": "malay", "form": 1}, "invalid_input"),
    ("grade", SCORE | {"market": "x"}, "unknown_market"),
    ("grade", SCORE | {"side": "home"}, "unknown_side"),
    ("grade", SCORE | {"line": None}, "line_missing"),
    ("grade", SCORE | {"line": "2.3"}, "invalid_number"),
    ("grade", SCORE | {"line": "1001"}, "line_out_of_range"),
    ("grade", SCORE | {"score": [1]}, "invalid_number"),
    ("grade", SCORE | {"score": [1, -1]}, "invalid_number"),
    ("grade", SCORE | {"score": [1, 1000]}, "invalid_number"),
    ("grade", SCORE | {"half_time": [3, 0]}, "invalid_number"),
    ("grade", SCORE | {"period": "x"}, "unknown_market"),
    ("settle", LEGS, "no_legs"),
    ("settle", LEGS | {"legs": []}, "no_legs"),
    ("settle", LEGS | {"legs": [WON] * 64}, "too_many_legs"),
    ("settle", LEGS | {"legs": [{"picks": [WON] * 8}] * 8}, "too_many_legs"),
    ("settle", LEGS | {"legs": [WON | {"withdrawn": ["7"] * 101}]}, "too_many_legs"),
    ("settle", LEGS | {"legs": [WON], "bet": "parlay"}, "unknown_bet"),
    ("settle", LEGS | {"legs": [WON] * 2, "bet": "single"}, "too_many_legs"),
    ("settle", LEGS | {"legs": [WON] * 2, "bet": "system"}, "invalid_size"),
    ("settle", LEGS | {"legs": [WON] * 2, "bet": "system", "sizes": [3]}, "invalid_size"),
    ("settle", LEGS | {"legs": [WON] * 2, "bet": "system", "sizes": [-1]}, "invalid_size"),
    ("settle", LEGS | {"legs": [WON] * 2, "bet": "system", "sizes": [1.5]}, "invalid_size"),
    ("settle", LEGS | {"legs": [WON] * 2, "bet": "trixie"}, "invalid_size"),
    ("settle", LEGS | {"legs": [WON] * 2, "sizes": [1]}, "invalid_size"),
    ("settle", LEGS | {"legs": [WON] * 2, "stake": "-1"}, "stake_out_of_range"),
    ("settle", LEGS | {"legs": [WON] * 2, "unit": "1"}, "stake_out_of_range"),
    ("settle", LEGS | {"legs": [WON | {"event": "e"}] * 2}, "conflicting_legs"),
    ("settle", LEGS | {"legs": [WON | {"price": "1"}]}, "price_out_of_range"),
    ("settle", LEGS | {"legs": [WON | {"price": "1E+999999"}]}, "invalid_number"),
    ("settle", LEGS | {"legs": [WON | {"price": "9" * 5_000}]}, "invalid_number"),
    ("settle", LEGS | {"legs": [WON | {"dead_heat": "0"}]}, "invalid_number"),
    ("settle", LEGS | {"legs": [WON | {"result": "maybe"}]}, "unknown_grade"),
    ("settle", LEGS | {"legs": [WON | {"best_odds_guaranteed": True}]}, "invalid_number"),
    ("settle", LEGS | {"legs": [WON | {"rule4_pct": 101}]}, "invalid_number"),
    ("margin", {"prices": []}, "no_legs"),
    ("margin", {"prices": ["2"] * 1_001}, "too_many_legs"),
    ("margin", {"prices": ["2", "Infinity"]}, "invalid_number"),
    ("devig", MARKET | {"prices": ["1.9", "1"]}, "price_out_of_range"),
    ("devig", MARKET | {"prices": ["1.9"]}, "no_legs"),
    ("devig", MARKET | {"prices": ["2.1", "2.1"]}, "underround"),
    ("devig", MARKET | {"method": "guess"}, "unknown_method"),
    ("devig", MARKET | {"target": "2"}, "probability_out_of_range"),
    ("devig", MARKET | {"target": "1E+999999"}, "invalid_number"),
    ("surebet", {"legs": []}, "no_legs"),
    ("surebet", {"legs": [HOME] * 25}, "too_many_legs"),
    ("surebet", {"legs": [HOME | {"price": "0.5"}]}, "price_out_of_range"),
    ("surebet", {"legs": [HOME | {"price": "9" * 5_000}]}, "invalid_number"),
    ("surebet", {"legs": [HOME | {"line": "0.5"}]}, "line_unexpected"),
    ("surebet", {"legs": [HOME | {"commission": "1"}]}, "commission_out_of_range"),
    ("surebet", {"legs": [HOME | {"max_stake": "-1"}]}, "stake_out_of_range"),
    ("surebet", {"legs": [HOME | {"max_stake": "1"}], "total": "2"}, "infeasible"),
    ("surebet", {"legs": [HOME | {"exchange": "x", "commission": fee} for fee in ("0.1", "0.2")]},
     "conflicting_legs"),
    ("kelly", {}, "no_legs"),
    ("kelly", ONE_BET | {"bets": [ONE_BET]}, "no_legs"),
    ("kelly", ONE_BET | {"price": "-Infinity"}, "invalid_number"),
    ("kelly", ONE_BET | {"price": "1"}, "price_out_of_range"),
    ("kelly", ONE_BET | {"probability": "1.1"}, "probability_out_of_range"),
    ("kelly", ONE_BET | {"multiplier": "0"}, "invalid_number"),
    ("kelly", {"bets": [ONE_BET] * 14}, "too_many_legs"),
    ("kelly", {"bets": [ONE_BET] * 2, "exclusive": True}, "probability_out_of_range"),
    ("kelly", {"states": [{"p": "1", "returns": ["1"] * 25}]}, "too_many_legs"),
    ("kelly", {"states": [{"p": "1", "returns": []}]}, "no_legs"),
    ("kelly", {"states": [{"p": "0.5", "returns": ["1"] * n} for n in (1, 2)]},
     "conflicting_legs"),
    ("clv", CLOSE | {"taken": "NaN"}, "invalid_number"),
    ("clv", CLOSE | {"selection": 2}, "unknown_side"),
    ("clv", CLOSE | {"selection": -1}, "invalid_number"),
    ("clv", CLOSE | {"close": ["2.1", "2.1"]}, "underround"),
    ("cashout", {"stake": "0", "legs": [ONE_BET]}, "stake_out_of_range"),
    ("cashout", {"stake": "1", "legs": []}, "no_legs"),
    ("cashout", {"stake": "1", "legs": [ONE_BET | {"result": "won"}]}, "conflicting_legs"),
    ("cashout", {"stake": "1", "legs": [ONE_BET | {"void": "0.5"}]}, "probability_out_of_range"),
    ("cashout", {"stake": "1", "legs": [ONE_BET], "margin": "2"}, "invalid_number"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "code"), BAD)
def test_bad_input_is_named(name: str, given: object, code: str) -> None:
    assert ask(name, given).get("error") == code
