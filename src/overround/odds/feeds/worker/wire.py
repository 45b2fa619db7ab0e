"""What is written on the wire, both ways: messages as the JSON objects they become.

Names and shapes of `worker:register`, `registration:ack`, `odds:update` and
`arbitrage:opportunities` are those the first scrapers were written for; what was added since is
optional there. Times are ISO 8601, prices decimal strings or numbers with at most four decimals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from anyascii import anyascii

from overround.core import line, price
from overround.odds.feeds.worker import words
from overround.odds.feeds.worker.model import (
    ConfirmRequest,
    Match,
    Opportunity,
    Refused,
    Row,
)
from overround.odds.feeds.worker.sites import Shown

Wire = dict[str, Any]

REJECTED_SHOWN: Final = 20
_HUNDRED: Final = 100
_PLACES: Final = 4
_NOT_A_WORD: Final = re.compile(r"[^a-z0-9]+")


# -- from the hub ----------------------------------------------------------------------------------


def acknowledged(worker_id: str, site: str, generation: int, at: datetime) -> Wire:
    """The worker is registered; `generation` counts the connections of its id."""
    return {
        "type": "registration:ack",
        "worker_id": worker_id,
        "status": "registered",
        "site": site,
        "generation": generation,
        "timestamp": at.isoformat(),
    }


def pong(at: datetime, seq: int | None) -> Wire:
    """The hub is there; `seq` is the last number of which everything is in its journal."""
    said: Wire = {"type": "pong", "timestamp": at.isoformat()}
    return said if seq is None else said | {"seq": seq}


def refused(refusal: Refused, at: datetime) -> Wire:
    """Why a message, or some matches of it, were not taken."""
    said: Wire = {
        "type": "error",
        "code": refusal.code,
        "detail": refusal.detail,
        "snapshot_needed": refusal.snapshot_needed,
        "timestamp": at.isoformat(),
    }
    if refusal.seq is not None:
        said["seq"] = refusal.seq
    if refusal.rejected:
        said["count"] = len(refusal.rejected)
        said["rejected"] = [
            {"reason": one.reason, "where": one.where, "detail": one.detail}
            for one in refusal.rejected[:REJECTED_SHOWN]
        ]
    return said


def opportunities(found: Sequence[Opportunity], expired: Sequence[str], at: datetime) -> Wire:
    """Arbitrages that are new or have changed, and the ids of those that are gone."""
    return {
        "type": "arbitrage:opportunities",
        "timestamp": at.isoformat(),
        "count": len(found),
        "opportunities": [_opportunity(one) for one in found],
        "expired": list(expired),
    }


def _opportunity(found: Opportunity) -> Wire:
    said: Wire = {
        "event": slug(found.home, found.away),
        "margin": _percent(found.margin),
        "home": found.home,
        "away": found.away,
        "market": words.name_of(found.market_type, found.period),
        "id": found.id,
        "event_id": found.event_id,
        "kind": found.kind,
        "detected_at": found.detected_at.isoformat(),
    }
    at_line = None if found.line_q4 is None else number(Fraction(found.line_q4, line.QUARTERS))
    for place, leg in enumerate(found.legs, 1):
        said[f"leg_{place}"] = {
            "provider": leg.provider,
            "odds": number(Fraction(leg.price_e4, price.SCALE_E4)),
            "side": leg.side,
            "line": at_line,
            "event_id": found.event_id,
            "stake_share": number(Fraction(leg.stake_ppm, 1_000_000), 6),
        }
    return said


def quoted(shown: Shown) -> Wire:
    """A match as `odds:update` has it, with its prices in decimals, for people to look at."""
    rows: dict[tuple[str, int | None], Wire] = {}
    for one in shown.prices:
        market = one.market
        name = words.name_of(market.market_type, market.period)
        row = rows.setdefault((name, market.line_q4), {})
        row[one.side] = number(price.to_fraction(one.price_e4))
        if market.line_q4 is not None:
            question = words.question_of(name)
            key = question.line_key if question else "line"
            row[key] = number(Fraction(market.line_q4, line.QUARTERS))
        if one.suspended:
            row["suspended"] = True
    odds: Wire = {}
    for (name, _), row in rows.items():
        odds.setdefault(name, []).append(row)
    event = shown.event
    return {
        "home_team": event.home,
        "away_team": event.away,
        "odds": {
            name: several[0] if len(several) == 1 else several for name, several in odds.items()
        },
        "league": event.competition_name,
        "sport": event.sport,
        "event_id": event.provider_event_id,
        "starts_at": event.starts_at.isoformat(),
        "said_at": shown.said_at.isoformat(),
    }


def confirm_request(asked: ConfirmRequest, at: datetime) -> Wire:
    """Look at one price again, and say what it is now."""
    return {
        "type": "confirm:request",
        "id": asked.request_id,
        "event_id": asked.event_id,
        "home_team": asked.home,
        "away_team": asked.away,
        "market": words.name_of(asked.market_type, asked.period),
        "line": None if asked.line_q4 is None else line.to_text(asked.line_q4),
        "side": asked.side,
        "timestamp": at.isoformat(),
    }


def slug(home: str, away: str) -> str:
    """ "manchester_united_vs_chelsea": how an opportunity names its match for people."""
    return "_vs_".join(
        _NOT_A_WORD.sub("_", anyascii(name).casefold()).strip("_") for name in (home, away)
    )


def number(value: Fraction, places: int = _PLACES) -> float:
    """A JSON number for readers that want one: towards minus infinity, never above the value."""
    scaled = value * 10**places
    # A float of so few digits prints as them; nothing is calculated with it here.
    return float(Decimal(scaled.numerator // scaled.denominator).scaleb(-places))


def _percent(share: Fraction) -> float:
    return number(share * _HUNDRED)


# -- from a worker ---------------------------------------------------------------------------------


def register(
    worker_id: str,
    site: str,
    token: str,
    at: datetime,
    seq: int | None,
    *,
    confirms: bool = False,
) -> Wire:
    """The first message of a connection; a `seq` numbers what follows, and who `confirms` will
    answer what it is asked."""
    said: Wire = {
        "type": "worker:register",
        "worker_id": worker_id,
        "site": site,
        "timestamp": at.isoformat(),
        "token": token,
    }
    if confirms:
        said["confirms"] = True
    return said if seq is None else said | {"seq": seq}


def update(
    worker_id: str,
    site: str,
    matches: Iterable[Mapping[str, Any]],
    at: datetime,
    *,
    seq: int | None,
    odds_format: str = "decimal",
) -> Wire:
    """Matches that were seen, each with all its rows."""
    every = list(matches)
    data: Wire = {"site": site, "matches": every, "count": len(every)}
    if odds_format != "decimal":
        data["odds_format"] = odds_format
    said: Wire = {
        "type": "odds:update",
        "worker_id": worker_id,
        "site": site,
        "timestamp": at.isoformat(),
        "data": data,
    }
    return said if seq is None else said | {"seq": seq}


def match(seen: Match) -> Wire:
    """A match as `odds:update` has it; a market of several lines is a list."""
    odds: Wire = {}
    for row in seen.rows:
        odds.setdefault(row.market, []).append(_row(row))
    said: Wire = {
        "home_team": seen.home,
        "away_team": seen.away,
        "odds": {name: rows[0] if len(rows) == 1 else rows for name, rows in odds.items()},
        "time": seen.minute,
        "league": seen.league,
        "sport": seen.sport,
    }
    if seen.event_id:
        said["event_id"] = seen.event_id
    if seen.starts_at is not None:
        said["starts_at"] = seen.starts_at.isoformat()
    if seen.country:
        said["country"] = seen.country
    return said


def _row(row: Row) -> Wire:
    said: Wire = dict(row.prices)
    question = words.question_of(row.market)
    if row.line:
        said[(question.line_key if question else "") or "line"] = row.line
    if row.suspended:
        said["suspended"] = True
    return said
