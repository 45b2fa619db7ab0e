"""What a book lays: settings, offers, and what changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from overround.odds.catalogue.model import Event
from overround.odds.pricing.model import Method

Scope = Literal["house", "sport", "competition", "event", "market", "selection"]
SetBy = Literal["office", "risk"]
OfferState = Literal["open", "suspended", "closed"]
# What the arbitrage watch did to a price: took something off it, or held it back because that would
# take too much, because several of ours are an arbitrage together, or because a person's own is.
Watched = Literal["shaded", "shaded_too_far", "together", "own_price"]
# Why a selection is not laid, or (`shaded`) laid below what was reckoned: switched off, its event
# over or not laid in play, quoted whole by nobody, the watch, or the hub has yet to lay it (in play
# once newer prices come).
Why = Literal["off", "over", "not_in_play", "unquoted", Watched, "awaited"]
HOUSE_KEY: Final = "house"


@dataclass(frozen=True, slots=True)
class Setting:
    """A tenant's switch and prices for one scope; a margin or method of None is the wider scope's.

    A selection has no margin of its own, and it alone a price: it is laid at that, unless a bettor
    could make more than `sure_profit_max_bps` of his stakes for certain with it (None: anything).
    """

    scope: Scope
    scope_key: str
    enabled: bool = True
    margin_bps: int | None = None
    multiplier_e4: int = 10_000
    margin_method: Method | None = None
    price_e4: int | None = None
    set_by: SetBy = "office"
    sure_profit_max_bps: int | None = None


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
    """A price the book stands ready to lay, with the version a bet is checked against, and what the
    arbitrage watch did to it."""

    selection_id: UUID
    price_e4: int
    state: OfferState
    version: int
    changed_at: datetime
    watched: Watched | None = None


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
    """Which coming events the office looks for; None and an empty text leave nothing out, and
    `is_watched` all of which the arbitrage watch has touched nothing."""

    text: str = ""
    sport: str | None = None
    competition_id: UUID | None = None
    is_watched: bool = False


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """An event as the office sees it: the terms that hold, what the event itself is set to, and how
    many selections the book lays and holds back, and how many the arbitrage watch has touched."""

    event: Event
    held: Held
    own: Setting | None
    laid: int
    suspended: int
    watched: int = 0


@dataclass(frozen=True, slots=True)
class SeenSelection:
    """What the office sees of one answer: the row that is laid or was last, None where none ever
    was; what is reckoned now before the watch and the best that others quote, None where nothing
    is; and why it is not laid as it was reckoned."""

    selection_id: UUID
    side: str
    offer: Offer | None
    reckoned_e4: int | None
    best_e4: int | None
    why: Why | None


@dataclass(frozen=True, slots=True)
class SeenMarket:
    """A market of the board with its answers, laid or not."""

    market_id: UUID
    market_type: str
    period: str
    line_q4: int | None
    selections: tuple[SeenSelection, ...]


@dataclass(frozen=True, slots=True)
class WatchCount:
    """How many of a book's selections the arbitrage watch did something to, on how many events."""

    watched: Watched
    selections: int
    events: int


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
