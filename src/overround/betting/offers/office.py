"""What the office is told of its switches and prices: what is set, and what holds where."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import Literal
from uuid import UUID

from overround.betting.offers import rules
from overround.betting.offers.model import (
    HOUSE_KEY,
    Book,
    Held,
    ListedCompetition,
    ListedEvent,
    Scope,
    SeenMarket,
    SeenSelection,
    Setting,
    WatchCount,
    Watched,
    Why,
)
from overround.core import line, price
from overround.kit import paging
from overround.kit.shapes import Output


class SettingOut(Output):
    """A setting as it holds now. Switched off, its offers are suspended; margins, and what is
    switched on again, show with the hub's next prices."""

    scope: str
    scope_key: str
    enabled: bool
    margin_bps: int | None
    multiplier_e4: int
    margin_method: str | None
    price: str | None
    sure_profit_max_bps: int | None
    set_by: Literal["office", "risk"]


class TermsOut(Output):
    """What holds: off where one of `off_by` says so; `margin_from` says whose margin it is."""

    enabled: bool
    off_by: list[str]
    margin_bps: int
    margin_from: Literal["house", "sport", "competition", "event", "market", "selection"]
    multiplier_e4: int
    margin_method: str


class OfficeEventOut(Output):
    """An event with what holds for it; `own` is what it is set to itself, `watched` how many of its
    selections the arbitrage watch has shaded or holds back."""

    id: UUID
    sport: str
    country: str
    competition_id: UUID
    competition: str
    home: str
    away: str
    starts_at: datetime
    status: str
    laid: int
    suspended: int
    watched: int
    terms: TermsOut
    own: SettingOut | None


class OfficeEventsOut(Output):
    """A page of events, by start."""

    items: list[OfficeEventOut]
    next_cursor: str | None


class ScopeOut(Output):
    """A sport or a competition with what it says to all below it."""

    scope: Literal["sport", "competition"]
    scope_key: str
    sport: str
    name: str
    events: int
    terms: TermsOut
    own: SettingOut | None


class ScopesOut(Output):
    """What the house says to all (`own` where it was set), and every sport with events, each
    followed by its competitions; `margin_bps` is the house's."""

    margin_bps: int
    terms: TermsOut
    own: SettingOut | None
    items: list[ScopeOut]


class SeenSelectionOut(Output):
    """One answer: the price that is laid now, or was last, null where none ever was; what is
    reckoned before the watch and the best that others quote; and why it is not laid, or (`shaded`)
    is laid below what was reckoned, null where it is laid as it was."""

    selection_id: UUID
    side: str
    price: str | None
    state: str | None
    reckoned: str | None
    best: str | None
    why: Why | None


class SeenMarketOut(Output):
    """A market with its answers, laid or not."""

    market_id: UUID
    market: str
    period: str
    line: str | None
    selections: list[SeenSelectionOut]


class SeenEventOut(Output):
    """The markets of an event."""

    items: list[SeenMarketOut]


class WatchCountOut(Output):
    """How many selections, on how many events."""

    selections: int
    events: int


class WatchOut(Output):
    """What the arbitrage watch did, by the word that `why` says; a word that is absent it did
    nowhere."""

    items: dict[Watched, WatchCountOut]


def seen_out(found: list[SeenMarket]) -> SeenEventOut:
    """An event's markets."""
    return SeenEventOut(
        items=[
            SeenMarketOut(
                market_id=one.market_id,
                market=one.market_type,
                period=one.period,
                line=None if one.line_q4 is None else line.to_text(one.line_q4),
                selections=[_seen_out(of) for of in one.selections],
            )
            for one in found
        ]
    )


def _seen_out(found: SeenSelection) -> SeenSelectionOut:
    return SeenSelectionOut(
        selection_id=found.selection_id,
        side=found.side,
        price=None if found.offer is None else price.to_text(found.offer.price_e4),
        state=None if found.offer is None else found.offer.state,
        reckoned=None if found.reckoned_e4 is None else price.to_text(found.reckoned_e4),
        best=None if found.best_e4 is None else price.to_text(found.best_e4),
        why=found.why,
    )


def watch_out(found: list[WatchCount]) -> WatchOut:
    """The counts by their words."""
    return WatchOut(
        items={
            one.watched: WatchCountOut(selections=one.selections, events=one.events)
            for one in found
        }
    )


def events_out(found: list[ListedEvent], limit: int) -> OfficeEventsOut:
    """The first `limit` of what was found."""
    shown, following = paging.cut(found, limit, lambda one: (one.event.starts_at, one.event.id))
    return OfficeEventsOut(items=[event_out(one) for one in shown], next_cursor=following)


def event_out(found: ListedEvent) -> OfficeEventOut:
    """One event with what holds for it."""
    event = found.event
    return OfficeEventOut(
        id=event.id,
        sport=event.sport,
        country=event.country,
        competition_id=event.competition_id,
        competition=event.competition,
        home=event.home,
        away=event.away,
        starts_at=event.starts_at,
        status=event.status,
        laid=found.laid,
        suspended=found.suspended,
        watched=found.watched,
        terms=_terms_out(found.held),
        own=None if found.own is None else setting_out(found.own),
    )


def scopes_out(book: Book, found: list[ListedCompetition]) -> ScopesOut:
    """Every sport, each followed by its competitions; `found` is by sport."""
    by_sport = groupby(found, key=lambda one: one.sport)
    items = [one for sport, group in by_sport for one in _scopes_of(book, sport, list(group))]
    house, own = rules.held(book), book.settings.get((HOUSE_KEY, HOUSE_KEY))
    return ScopesOut(
        margin_bps=house.terms.margin_bps,
        terms=_terms_out(house),
        own=None if own is None else setting_out(own),
        items=items,
    )


def _scopes_of(book: Book, sport: str, found: list[ListedCompetition]) -> list[ScopeOut]:
    """The sport itself, and then its competitions."""

    def scope_out(scope: Scope, key: str, name: str, events: int, held: Held) -> ScopeOut:
        own = book.settings.get((scope, key))
        return ScopeOut(
            scope="sport" if scope == "sport" else "competition",
            scope_key=key,
            sport=sport,
            name=name,
            events=events,
            terms=_terms_out(held),
            own=None if own is None else setting_out(own),
        )

    every = sum(one.events for one in found)
    whole = scope_out("sport", sport, sport, every, rules.held(book, sport))
    return [
        whole,
        *(
            scope_out(
                "competition",
                str(one.id),
                f"{one.country} {one.name}".strip(),
                one.events,
                rules.held(book, sport, str(one.id)),
            )
            for one in found
        ),
    ]


def _terms_out(held: Held) -> TermsOut:
    return TermsOut(
        enabled=held.terms.enabled,
        off_by=list(held.off_by),
        margin_bps=held.terms.margin_bps,
        margin_from=held.margin_from or "house",
        multiplier_e4=held.terms.multiplier_e4,
        margin_method=held.terms.method,
    )


def setting_out(setting: Setting) -> SettingOut:
    """A setting as it holds now."""
    return SettingOut(
        scope=setting.scope,
        scope_key=setting.scope_key,
        enabled=setting.enabled,
        margin_bps=setting.margin_bps,
        multiplier_e4=setting.multiplier_e4,
        margin_method=setting.margin_method,
        price=None if setting.price_e4 is None else price.to_text(setting.price_e4),
        sure_profit_max_bps=setting.sure_profit_max_bps,
        set_by=setting.set_by,
    )
