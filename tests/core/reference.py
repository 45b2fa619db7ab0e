"""Reads the published figures (`cases.json`) that the calculators are held to.

The file lies beside the sample data: `OVERROUND_DATA`, else `../shared/data` from the repository.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("OVERROUND_DATA") or ROOT.parent / "shared" / "data")
CASES = DATA.parent / "reference" / "cases.json"


@dataclass(frozen=True, slots=True)
class Case:
    """One published figure: what goes in, what must come out, and how close."""

    id: str
    given: dict[str, Any]
    expect: dict[str, Any]
    tolerance: str


def cases(calc: str, wanted: Callable[[dict[str, Any]], bool] = bool) -> list[Any]:
    """Parameters of the cases of `calc` whose input is `wanted`, skipped where the file is away."""
    if not CASES.exists():
        reason = f"the reference cases are not at {CASES}"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason), id="absent")]
    found = [
        Case(row["id"], row["input"], row["expect"], row["tol"])
        for row in json.loads(CASES.read_text())
        if row["calc"] == calc and "expect" in row and wanted(row["input"])
    ]
    return [pytest.param(case, id=case.id) for case in found]
