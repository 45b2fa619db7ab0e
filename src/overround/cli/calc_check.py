"""Files of cases, `{"id", "calc", "input", "expect" | "error", "tol"}`, and what fails of them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, cast

from overround.cli import calc_wire
from overround.core.errors import Invalid, OverroundError

_NUMERAL = re.compile(
    r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{1,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?"
)
MAX_FILE_BYTES: Final = 16_000_000


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that is not as a case says; `case` is its place in the files."""

    case: int
    id: str
    what: str


def read(file: Path) -> list[dict[str, Any]]:
    """The cases of a file. Raises Invalid `invalid_input`."""
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise Invalid(f"{file}: {error.strerror}", code="invalid_input") from error
    found = calc_wire.read(data, bytes_max=MAX_FILE_BYTES)
    cases = cast("list[Any]", found) if isinstance(found, list) else []
    if not cases or not all(_is_case(case) for case in cases):
        raise Invalid(f"{file} is not a list of cases", code="invalid_input")
    return cases


def _is_case(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    case = cast("dict[str, object]", value)
    return {"id", "calc", "input"} <= case.keys() and isinstance(case["calc"], str)


def failures(
    cases: Sequence[Mapping[str, Any]],
    calculators: Mapping[str, Callable[[object], dict[str, Any]]],
) -> list[Failure]:
    """Everything that the calculators say otherwise."""
    return [
        Failure(n, str(case["id"]), what)
        for n, case in enumerate(cases)
        for what in _wrong(case, calculators)
    ]


def _wrong(
    case: Mapping[str, Any], calculators: Mapping[str, Callable[[object], dict[str, Any]]]
) -> list[str]:
    calculator = calculators.get(case["calc"])
    if calculator is None:
        return [f"there is no calculator {case['calc']!r}"]
    expected_error = case.get("error")
    try:
        told = calculator(case["input"])
    except OverroundError as refused:
        if refused.code == expected_error:
            return []
        return [f"expected {_wish(case)}, got the error {refused.code}: {refused.detail}"]
    if expected_error is not None or not isinstance(case.get("expect"), dict):
        return [f"expected {_wish(case)}, got {told}"]
    tolerance = _number(case.get("tol", "0")) or Fraction(0)
    return [
        f"{key}: expected {wish}, got {told.get(key)}"
        for key, wish in case["expect"].items()
        if not same(wish, told.get(key), tolerance)
    ]


def _wish(case: Mapping[str, Any]) -> str:
    if "error" in case:
        return f"the error {case['error']}"
    return str(case["expect"]) if "expect" in case else "an `expect` or an `error` in the case"


def same(wish: object, got: object, tolerance: Fraction) -> bool:
    """Numbers and decimal strings within the tolerance, lists element by element, else exactly."""
    if isinstance(wish, list):
        wishes = cast("list[object]", wish)
        if not isinstance(got, list) or len(wishes) != len(cast("list[object]", got)):
            return False
        pairs = zip(wishes, cast("list[object]", got), strict=True)
        return all(same(one, other, tolerance) for one, other in pairs)
    first, second = _number(wish), _number(got)
    if first is None or second is None:
        return isinstance(wish, bool) == isinstance(got, bool) and wish == got
    return abs(first - second) <= tolerance


def _number(value: object) -> Fraction | None:
    """A JSON number or a decimal string as an exact value; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return Fraction(value) if math.isfinite(value) else None
    if isinstance(value, str) and _NUMERAL.fullmatch(value):
        return Fraction(Decimal(value))
    return None
