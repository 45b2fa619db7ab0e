"""The rows of the office in which something is switched and priced, and the form behind each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from overround.betting import offers
from overround.betting.offers import (
    Book,
    Held,
    ListedCompetition,
    ListedEvent,
    Scope,
    Setting,
    Terms,
)
from overround.core import price
from overround.core.errors import Invalid
from overround.web.pages import forms, words

_NUMBER: Final = re.compile(r"([0-9]{1,4})(?:\.([0-9]{1,4}))?")
_PERCENT_DECIMALS: Final = 2
_FACTOR_DECIMALS: Final = 4
_PRICE_PROBLEMS: Final = frozenset({"price_out_of_range", "invalid_number"})
_FACTORS_E4: Final = (offers.MULTIPLIER_E4_MIN, offers.MULTIPLIER_E4_MAX)
_SCOPES: Final = {
    "house": "the house", "sport": "its sport", "competition": "its competition",
    "event": "its event", "market": "its market",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One sport, competition, event, market or selection: what it is set to, what it inherits, what
    comes of both.

    `margin`, `multiplier` and a selection's own `price` are what stands in the form, which keeps
    the `method` of the margin; `problem` is why it was not taken.
    """

    scope: Scope
    key: str
    name: str
    enabled: bool
    margin: str
    multiplier: str
    inherited: Held
    held: Held
    method: str = ""
    problem: Mapping[str, object] | None = None
    price: str = ""

    @property
    def field(self) -> str | None:
        """Which field the problem is about."""
        code = self.problem["code"] if self.problem else None
        if code in _PRICE_PROBLEMS:
            return "price"
        return str(code) if code in {"margin", "multiplier"} else None

    @property
    def version(self) -> str:
        """Changes when what holds does: a script leaves alone a form that is being filled in."""
        terms = self.held.terms
        return f"{self.enabled} {self.off_by} {terms.margin_bps} {terms.multiplier_e4} {self.price}"

    @property
    def is_own(self) -> bool:
        """Whether anything is set for it alone."""
        return not self.enabled or bool(self.margin or self.price) or self.multiplier != "1"

    @property
    def id(self) -> str:
        """The row's id in the page."""
        return f"{self.scope}-{self.key}"

    @property
    def off_by(self) -> str | None:
        """Which wider scope has it off, whatever its own switch says."""
        return _SCOPES[self.inherited.off_by[-1]] if self.inherited.off_by else None

    @property
    def margin_from(self) -> str:
        """Whose margin an empty field means."""
        return _SCOPES[self.inherited.margin_from or "house"]


@dataclass(frozen=True, slots=True)
class Refused:
    """A form that was not taken: what was typed, and why not."""

    fields: Mapping[str, str]
    problem: Mapping[str, object]


def of_sport(book: Book, sport: str, refused: Refused | None = None) -> Row:
    """The row of a sport; it inherits from the house."""
    house = Held(Terms(enabled=True, margin_bps=book.margin_bps, multiplier_e4=10_000), (), None)
    held = offers.held(book, sport)
    return _row(book, "sport", sport, words.sport(sport), house, held, refused)


def of_competition(book: Book, found: ListedCompetition, refused: Refused | None = None) -> Row:
    """The row of a competition."""
    key, inherited = str(found.id), offers.held(book, found.sport)
    held = offers.held(book, found.sport, key)
    name = f"{found.country} · {found.name}" if found.country else found.name
    return _row(book, "competition", key, name, inherited, held, refused)


def of_event(book: Book, found: ListedEvent, refused: Refused | None = None) -> Row:
    """The row of an event."""
    event = found.event
    inherited = offers.held(book, event.sport, str(event.competition_id))
    name = words.event(event.home, event.away)
    return _row(book, "event", str(event.id), name, inherited, found.held, refused)


def of_market(
    book: Book, found: ListedEvent, market_id: UUID, name: str, refused: Refused | None = None
) -> Row:
    """The row of one of the event's markets."""
    event, key = found.event, str(market_id)
    held = offers.held(book, event.sport, str(event.competition_id), str(event.id), key)
    return _row(book, "market", key, name, found.held, held, refused)


def of_selection(
    book: Book, above: Row, selection_id: UUID, name: str, refused: Refused | None = None
) -> Row:
    """The row of an answer of the market `above`: a switch, a factor and perhaps its own price."""
    key = str(selection_id)
    own = book.settings.get(("selection", key)) or Setting("selection", key)
    terms = replace(above.held.terms, enabled=above.held.terms.enabled and own.enabled)
    off_by = above.held.off_by if own.enabled else (*above.held.off_by, "selection")
    held = replace(above.held, terms=terms, off_by=off_by)
    row = _row(book, "selection", key, name, above.held, held, refused)
    shown = "" if own.price_e4 is None else price.to_text(own.price_e4)
    return replace(row, price=refused.fields.get("price", "") if refused and row.problem else shown)


def _row(
    book: Book,
    scope: Scope,
    key: str,
    name: str,
    inherited: Held,
    held: Held,
    refused: Refused | None,
) -> Row:
    own = book.settings.get((scope, key)) or Setting(scope, key)
    margin = "" if own.margin_bps is None else percent(own.margin_bps)
    multiplier, problem = factor(own.multiplier_e4), None
    if refused and (refused.fields.get("scope"), refused.fields.get("key")) == (scope, key):
        margin = refused.fields.get("margin", "")
        multiplier, problem = refused.fields.get("multiplier", ""), refused.problem
    method = own.margin_method or ""
    return Row(scope, key, name, own.enabled, margin, multiplier, inherited, held, method, problem)


def asked(fields: Mapping[str, str]) -> dict[str, object]:
    """The body for the API that the form means. An empty margin inherits; an empty factor is 1.

    Raises Invalid `margin`, `multiplier` for what is no such number.
    """
    margin, multiplier = fields.get("margin", "").strip(), fields.get("multiplier", "").strip()
    margin_bps = _scaled(margin, _PERCENT_DECIMALS) if margin else None
    if margin and (margin_bps is None or margin_bps > offers.MARGIN_BPS_MAX):
        raise Invalid("A margin is from 0 to 50 percent, such as 6.5.", code="margin")
    factor_e4 = _scaled(multiplier or "1", _FACTOR_DECIMALS)
    if factor_e4 is None or not _FACTORS_E4[0] <= factor_e4 <= _FACTORS_E4[1]:
        raise Invalid("A factor is from 0.5 to 1.5, such as 0.95.", code="multiplier")
    return {
        "scope": fields.get("scope", ""),
        "scope_key": fields.get("key", ""),
        "enabled": fields.get("enabled") == "on",
        "margin_bps": margin_bps,
        "multiplier_e4": factor_e4,
        "margin_method": fields.get("method") or None,
        "price": forms.decimal(fields.get("price", "")) or None,
    }


def _scaled(text: str, decimals: int) -> int | None:
    match = _NUMBER.fullmatch(text.replace(",", "."))
    fraction = match[2] or "" if match else ""
    if match is None or len(fraction) > decimals:
        return None
    return int(match[1] + fraction.ljust(decimals, "0"))


def percent(bps: int) -> str:
    """Hundredths of a percent as people write them: 650 is "6.5", -5 is "-0.05"."""
    sign = "-" if bps < 0 else ""
    return sign + _trimmed(abs(bps), _PERCENT_DECIMALS)


def factor(e4: int) -> str:
    """A factor as people write it: 9500 is "0.95"."""
    return _trimmed(e4, _FACTOR_DECIMALS)


def _trimmed(value: int, decimals: int) -> str:
    whole, rest = divmod(value, 10**decimals)
    fraction = f"{rest:0{decimals}d}".rstrip("0")
    return f"{whole}.{fraction}" if fraction else str(whole)
