"""What the office is told of its switches and prices: what is set, and what holds where."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import Literal
from uuid import UUID

from overround.betting.offers import rules
from overround.betting.offers.model import (
    Book,
    Held,
    ListedCompetition,
    ListedEvent,
    Scope,
    Setting,
)
from overround.core import price
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
    """An event with what holds for it; `own` is what it is set to itself."""

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
    """Every sport with events, each followed by its competitions; `margin_bps` is the house's."""

    margin_bps: int
    items: list[ScopeOut]


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
        terms=_terms_out(found.held),
        own=None if found.own is None else setting_out(found.own),
    )


def scopes_out(book: Book, found: list[ListedCompetition]) -> ScopesOut:
    """Every sport, each followed by its competitions; `found` is by sport."""
    by_sport = groupby(found, key=lambda one: one.sport)
    items = [one for sport, group in by_sport for one in _scopes_of(book, sport, list(group))]
    return ScopesOut(margin_bps=book.margin_bps, items=items)


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
        set_by=setting.set_by,
    )
