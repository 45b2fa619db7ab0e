"""How the calculators read JSON: exactly, within bounds, and with a name for everything refused.

A JSON number is kept as the text it was written in, so `1.95` and `"1.95"` are the same exact
number, and `1E+999999` or five thousand digits are refused before anything is converted. A field
that nobody reads is refused too: a misspelt `comission` must not become a figure without it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final, NoReturn, cast

from overround.core import grading, line, odds_format, rational
from overround.core.errors import Invalid

MAX_INPUT_BYTES: Final = 1_000_000
MAX_ITEMS: Final = 1_000
# As much as a ledger's amount may be (`core.money`).
MAX_STAKE: Final = 10**13
_COUNT = re.compile(r"[0-9]{1,9}")


class Number(str):
    """A JSON number, as it was written."""

    __slots__ = ()


def read(data: bytes, bytes_max: int = MAX_INPUT_BYTES) -> Any:
    """The JSON value of `data`. Raises Invalid `invalid_input` for what is none, or too large."""
    if len(data) > bytes_max:
        raise Invalid(f"the input has at most {bytes_max} bytes", code="invalid_input")
    try:
        return json.loads(
            data.decode(),
            parse_int=Number,
            parse_float=Number,
            parse_constant=Number,
            object_pairs_hook=_object,
        )
    except (ValueError, RecursionError) as error:
        raise Invalid("the input is not JSON", code="invalid_input") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Invalid("a field is there twice", code="invalid_input")
    return found


class Given:
    """One JSON object and the fields that it may have; reading a field checks it.

    `Given(value, "price result dead_heat")` raises Invalid `invalid_input` for what is no object
    and for a field of another name. A field that is null is absent.
    """

    def __init__(self, value: object, fields: str) -> None:
        if not isinstance(value, dict):
            raise Invalid("this is not a JSON object", code="invalid_input")
        self._data = cast("dict[str, Any]", value)
        known = fields.split()
        if any(name not in known for name in self._data):
            raise Invalid(f"the fields are {', '.join(known)}", code="invalid_input")

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._data.get(name) is not None

    def number(self, name: str, default: str | None = None) -> Fraction:
        """A plain decimal. Raises Invalid `invalid_number`."""
        return rational.parse(self._numeral(name, default))

    def ratio(self, name: str, default: str | None = None) -> Fraction:
        """A plain decimal or a fraction, "1/5". Raises Invalid `invalid_number`."""
        return rational.parse_ratio(self._numeral(name, default))

    def price(self, name: str) -> Fraction:
        """A decimal price. Raises Invalid `invalid_number`, `price_out_of_range`."""
        return odds_format.check(self.ratio(name))

    def share(self, name: str, code: str, default: str | None = None) -> Fraction:
        """A number from 0 to 1. Raises Invalid `invalid_number`, or `code`."""
        value = self.ratio(name, default)
        if not 0 <= value <= 1:
            raise Invalid(f"{name} is from 0 to 1", code=code)
        return value

    def probability(self, name: str) -> Fraction:
        """From 0 to 1. Raises Invalid `invalid_number`, `probability_out_of_range`."""
        return self.share(name, "probability_out_of_range")

    def stake(self, name: str) -> Fraction:
        """Above zero. Raises Invalid `invalid_number`, `stake_out_of_range`."""
        value = self.number(name)
        if not 0 < value <= MAX_STAKE:
            raise Invalid(f"{name} is above 0 and at most 10^13", code="stake_out_of_range")
        return value

    def count(self, name: str) -> int:
        """A whole number, not negative. Raises Invalid `invalid_number`."""
        return _count(self._data.get(name))

    def counts(self, name: str, code: str = "invalid_number") -> list[int]:
        """A list of whole numbers. Raises Invalid `code`, `invalid_input`."""
        return [_count(value, code) for value in self.items(name)]

    def prices(self, name: str, items_max: int = MAX_ITEMS) -> list[Fraction]:
        """A list of decimal prices, at least one.

        Raises Invalid `no_legs`, `too_many_legs`, `invalid_number`, `price_out_of_range`.
        """
        values = [Given({"price": value}, "price") for value in self.some(name, items_max)]
        return [value.price("price") for value in values]

    def numbers(self, name: str, items_max: int = MAX_ITEMS) -> list[Fraction]:
        """A list of plain decimals. Raises Invalid `invalid_number`, and as `items`."""
        values = [Given({"number": value}, "number") for value in self.items(name, items_max)]
        return [value.number("number") for value in values]

    def flag(self, name: str) -> bool:
        """True or false; false where it is absent. Raises Invalid `invalid_input`."""
        value = self._data.get(name)
        if value is not None and not isinstance(value, bool):
            raise Invalid(f"{name} is true or false", code="invalid_input")
        return value is True

    def word(self, name: str, code: str, choices: Sequence[str] | None = None) -> str:
        """A word, one of `choices` where there are some. Raises Invalid `code`."""
        value = self._data.get(name)
        if not isinstance(value, str) or (choices is not None and value not in choices):
            told = f" is one of {', '.join(choices)}" if choices else " is a word"
            raise Invalid(name + told, code=code)
        return str(value)

    def text(self, name: str) -> str:
        """A number as it was written, for a format that is no plain decimal.

        Raises Invalid `invalid_number`.
        """
        return self._numeral(name, None)

    def items(self, name: str, items_max: int = MAX_ITEMS) -> list[Any]:
        """A list, empty where it is absent. Raises Invalid `invalid_input`, `too_many_legs`.

        What is too long is refused before any of it is read.
        """
        value = self._data.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise Invalid(f"{name} is a list", code="invalid_input")
        found = cast("list[Any]", value)
        if len(found) > items_max:
            raise Invalid(f"{name} has at most {items_max} items", code="too_many_legs")
        return found

    def some(self, name: str, items_max: int = MAX_ITEMS) -> list[Any]:
        """A list that is not empty. Raises Invalid `no_legs`, and as `items`."""
        found = self.items(name, items_max)
        if not found:
            raise Invalid(f"{name} has at least one item", code="no_legs")
        return found

    def objects(self, name: str, fields: str, items_max: int = MAX_ITEMS) -> list[Given]:
        """A list of objects with these fields, at least one. Raises Invalid as `some`."""
        return [Given(value, fields) for value in self.some(name, items_max)]

    def nested(self, name: str, fields: str) -> Given:
        """An object with these fields. Raises Invalid `invalid_input`."""
        return Given(self._data.get(name), fields)

    def _numeral(self, name: str, default: str | None) -> str:
        value = self._data.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            _refuse_number(name)
        return str(value)


# What names a selection; `selection` reads it.
SELECTION: Final = "market side line period team"
# A contract's name for two rows of the catalogue: `team` says which, the home side by default.
_TEAM_TOTAL: Final = {"home": "home_total", "away": "away_total"}


def selection(given: Given) -> tuple[str, str, int | None, str]:
    """(market type, period, line_q4, side) as the catalogue has them.

    For a handicap the given `line` is the side's own and the catalogue's is the home side's.
    Raises Invalid as `core.grading.check`, and `invalid_number` for a line.
    """
    market = given.word("market", "unknown_market")
    if market == "team_total":
        team = given.word("team", "unknown_side", ("home", "away")) if given.has("team") else "home"
        market = _TEAM_TOTAL[team]
    row = grading.market(market)
    side = given.word("side", "unknown_side")
    line_q4 = line.parse(given.text("line")) if given.has("line") else None
    if line_q4 is not None and row.is_handicap and side == "away":
        line_q4 = -line_q4
    period = "ft" if "ft" in row.periods else "final"
    if given.has("period"):
        period = given.word("period", "unknown_market", grading.PERIODS)
    grading.check(market, period, line_q4, side)
    return market, period, line_q4, side


def _count(value: object, code: str = "invalid_number") -> int:
    if not isinstance(value, str) or _COUNT.fullmatch(value) is None:
        raise Invalid("a count is a whole number", code=code)
    return int(value)


def _refuse_number(name: str) -> NoReturn:
    raise Invalid(f"{name} is a decimal number", code="invalid_number")
