"""The rows of the office in which something is switched and priced, and the form behind each."""

from __future__ import annotations

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
from overround.web.pages import forms, words
from overround.web.pages.fields import Field

_PERCENT_DECIMALS: Final = 2
_FACTOR_DECIMALS: Final = 4
FIELDS: Final = (
    Field("margin", "Margin", "0 to 50 %, such as 6.5", ("margin_bps",)),
    Field("multiplier", "Factor", "0.5 to 1.5, such as 0.95", ("multiplier_e4",)),
    Field("price", "Own price"),
)
# How the margin is spread over a market's answers, in the order in which a person chooses.
METHODS: Final[Mapping[str, str]] = {
    "multiplicative": "In proportion",
    "additive": "Evenly",
    "power": "Power",
    "odds_ratio": "Odds ratio",
    "shin": "Shin",
    "probit": "Probit",
}
_SCOPES: Final = {
    "house": "the house", "sport": "its sport", "competition": "its competition",
    "event": "its event", "market": "its market",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One sport, competition, event, market or selection: what it is set to, what it inherits, what
    comes of both.

    `margin`, `method`, `multiplier` and a selection's own `price` are what stands in the form;
    `problem` is why it was not taken. `despite_bps` is what a bettor may make for certain with the
    price: what is borne already, or what the person is asked to bear.
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
    despite_bps: int | None = None

    @property
    def bears(self) -> bool:
        """Whether the price is laid whatever that costs, rather than asked about."""
        return self.problem is None

    @property
    def field(self) -> str | None:
        """Which field the problem is about."""
        return next(iter(forms.faults(self.problem)), None)

    @property
    def version(self) -> str:
        """Changes when what holds does: a script leaves alone a form that is being filled in."""
        terms = self.held.terms
        said = f"{self.enabled} {self.off_by} {terms.margin_bps} {terms.multiplier_e4}"
        return f"{said} {terms.method} {self.price} {self.despite_bps}"

    @property
    def is_own(self) -> bool:
        """Whether anything is set for it alone."""
        said = self.margin or self.price or self.method
        return not self.enabled or bool(said) or self.multiplier != "1"

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


def of_house(book: Book, refused: Refused | None = None) -> Row:
    """The row of the whole house, which inherits what the platform has set it up with."""
    above = Held(Terms(enabled=True, margin_bps=book.margin_bps, multiplier_e4=10_000), (), None)
    held = offers.held(book)
    return _row(book, "house", offers.HOUSE_KEY, "The whole house", above, held, refused)


def of_sport(book: Book, sport: str, refused: Refused | None = None) -> Row:
    """The row of a sport; it inherits from the house."""
    held = offers.held(book, sport)
    return _row(book, "sport", sport, words.sport(sport), offers.held(book), held, refused)


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
    if refused and row.problem:
        typed, asked_bps = refused.fields.get("price", ""), row.problem.get("sure_profit_bps")
        return replace(row, price=typed, despite_bps=asked_bps)
    shown = "" if own.price_e4 is None else price.to_text(own.price_e4)
    return replace(row, price=shown, despite_bps=own.sure_profit_max_bps)


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
    multiplier, method, problem = factor(own.multiplier_e4), own.margin_method or "", None
    if refused and (refused.fields.get("scope"), refused.fields.get("key")) == (scope, key):
        margin = refused.fields.get("margin", "")
        multiplier, problem = refused.fields.get("multiplier", ""), refused.problem
        method = refused.fields.get("method", "")
    return Row(scope, key, name, own.enabled, margin, multiplier, inherited, held, method, problem)


def asked(fields: Mapping[str, str]) -> dict[str, object]:
    """The body for the API that the form means. An empty margin inherits, an empty factor is 1, and
    only for a price is anything borne. Raises Invalid `number`."""
    factor_e4 = forms.number(fields, "multiplier", _FACTOR_DECIMALS)
    own = forms.decimal(fields.get("price", "")) or None
    return {
        "scope": fields.get("scope", ""),
        "scope_key": fields.get("key", ""),
        "enabled": fields.get("enabled") == "on",
        "margin_bps": forms.number(fields, "margin", _PERCENT_DECIMALS),
        "multiplier_e4": 10**_FACTOR_DECIMALS if factor_e4 is None else factor_e4,
        "margin_method": fields.get("method") or None,
        "price": own,
        "sure_profit_max_bps": None if own is None else forms.number(fields, "despite"),
    }


def percent(bps: int) -> str:
    """Hundredths of a percent as people write them: 650 is "6.5", -5 is "-0.05"."""
    return forms.written(bps, _PERCENT_DECIMALS)


def factor(e4: int) -> str:
    """A factor as people write it: 9500 is "0.95"."""
    return forms.written(e4, _FACTOR_DECIMALS)
