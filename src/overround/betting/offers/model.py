"""What a book lays: settings, offers, and what changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from overround.odds.catalogue.model import Event
from overround.odds.pricing.model import Method

Scope = Literal["sport", "competition", "event", "market", "selection"]
SetBy = Literal["office", "risk"]
OfferState = Literal["open", "suspended", "closed"]


@dataclass(frozen=True, slots=True)
class Setting:
    """A tenant's switch and prices for one scope; a margin or method of None is the wider scope's.

    A selection has no margin of its own, and it alone a price: it is laid at that.
    """

    scope: Scope
    scope_key: str
    enabled: bool = True
    margin_bps: int | None = None
    multiplier_e4: int = 10_000
    margin_method: Method | None = None
    price_e4: int | None = None
    set_by: SetBy = "office"


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one event or market after all scopes: laid or not, at which margin, spread
    over the answers by which method, and multiplier."""

    enabled: bool
    margin_bps: int
    multiplier_e4: int
    method: Method = "multiplicative"


@dataclass(frozen=True, slots=True)
class InPlay:
    """How a tenant lays the events of a sport that are being played: a bet waits `delay_ms`,
    nothing is laid of what no feed has spoken of for `stale_ms`, and `by_score` a score that
    changes takes its event's prices off until newer ones come."""

    sport: str
    delay_ms: int
    stale_ms: int
    by_score: bool


@dataclass(frozen=True, slots=True)
class Playing:
    """What the hub knows of an event in play, in microseconds: prices seen before `since_us` are of
    before the start, what was said last came at `heard_us`, the score changed at `scored_us`."""

    since_us: int
    heard_us: int
    scored_us: int = 0


@dataclass(frozen=True, slots=True)
class Book:
    """A set of pricing settings of a tenant, as the hub reads it."""

    book_id: UUID
    tenant_id: UUID
    margin_bps: int
    settings: Mapping[tuple[str, str], Setting] = field(
        default_factory=dict[tuple[str, str], Setting]
    )
    in_play: Mapping[str, InPlay] = field(default_factory=dict[str, InPlay])


@dataclass(frozen=True, slots=True)
class Offer:
    """A price the book stands ready to lay, with the version a bet is checked against."""

    selection_id: UUID
    price_e4: int
    state: OfferState
    version: int
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Changed:
    """A row of a book with its number, for a reader that follows the database."""

    seq: int
    selection_id: UUID
    event_id: UUID
    sport: str
    market_type: str
    period: str
    price_e4: int
    state: OfferState
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class BoardLine:
    """One selection of the public board: where it belongs and what is laid for it."""

    event_id: UUID
    market_id: UUID
    market_type: str
    period: str
    line_q4: int | None
    selection_id: UUID
    side: str
    price_e4: int
    state: OfferState
    version: int
    changed_at: datetime
    place_terms: str | None = None


@dataclass(frozen=True, slots=True)
class Laid:
    """A competition of which the book lays something, with how many coming events of it."""

    competition_id: UUID
    sport: str
    country: str
    name: str
    events: int


@dataclass(frozen=True, slots=True)
class Held:
    """The terms that hold and whose word they are; `margin_from` None is the house's own margin."""

    terms: Terms
    off_by: tuple[Scope, ...]
    margin_from: Scope | None


@dataclass(frozen=True, slots=True)
class Search:
    """Which coming events the office looks for; None and an empty text leave nothing out."""

    text: str = ""
    sport: str | None = None
    competition_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """An event as the office sees it: the terms that hold, what the event itself is set to, and how
    many selections the book lays and holds back."""

    event: Event
    held: Held
    own: Setting | None
    laid: int
    suspended: int


@dataclass(frozen=True, slots=True)
class ListedCompetition:
    """A competition with how many of its events are coming or in play."""

    id: UUID
    sport: str
    country: str
    name: str
    events: int


@dataclass(frozen=True, slots=True)
class Turn:
    """What a writer of the board finds when its turn comes: whether its lease is still its own, the
    number of the last decision of a person about a match, and how often the office has changed
    books in all."""

    is_held: bool
    decided: int
    revised: int
