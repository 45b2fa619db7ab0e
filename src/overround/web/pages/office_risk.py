"""The risk desk: what the house could lose, what it takes at most, what stopped itself, and whom
the close says something about. Plain forms; each asks the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from overround.betting import exposure, offers, risk
from overround.betting.risk import Cap, EventLiability, HeldCaps, Scope
from overround.core import money, price
from overround.core.errors import Invalid, NotFound
from overround.core.principal import Principal
from overround.db import Connection
from overround.db.routes import Db
from overround.kit import routes
from overround.kit.routes import Now
from overround.odds import catalogue
from overround.odds.catalogue import Event
from overround.web.pages import forms, words
from overround.web.pages.office import page
from overround.web.pages.shell import Shell, frame

router = APIRouter(tags=["pages"], include_in_schema=False, default_response_class=HTMLResponse)

EVENTS_SHOWN: Final = 25
SUSPENSIONS_SHOWN: Final = 20
PLAYERS_SHOWN: Final = 50
_API: Final = "/api/v1/office/risk"
_LIMITS: Final = ("win_max", "selection_max", "event_max")
_POLICY: Final = (
    "ramp_share_bps", "ramp_s", "repeat_max", "repeat_s", "suspend_at_bps", "velocity_max",
    "move_max_bps", "hold_s", "legs_min", "legs_max",
)  # fmt: skip
_TEXTS: Final = (
    "player_day_max", "player_event_max", "leg_price_min", "leg_price_max", "slip_price_min",
    "slip_price_max", "stake_min", "payout_max",
)  # fmt: skip
# A factor of one is ten thousand, and a share of one per cent a hundred.
_SCALES: Final = {"ramp_share_bps": 2, "suspend_at_bps": 2, "move_max_bps": 2}

Reads = Annotated[Principal, Depends(routes.staff("risk.read"))]
Manages = Annotated[Principal, Depends(routes.staff("risk.manage"))]
EventText = Annotated[UUID | None, Query()]


@dataclass(frozen=True, slots=True)
class Exposed:
    """An event that could cost something, with the caps that hold for it and how full that is."""

    event: Event
    liability: EventLiability
    held: HeldCaps
    cap_minor: int | None
    full_bps: int | None


@dataclass(frozen=True, slots=True)
class CapRow:
    """What one scope limits, as its form shows it."""

    scope: Scope
    key: str
    name: str
    cap: Cap

    @property
    def id(self) -> str:
        """The row's id in the page."""
        return f"{self.scope}-{self.key}"


@router.get("/office/risk")
async def desk(
    request: Request, caller: Reads, db: Db, now: Now, event: EventText = None
) -> HTMLResponse:
    """Everything; with an `event` its caps are among the forms."""
    return await _desk(await frame(request, db, caller, now), db, event)


@router.post("/office/risk/{what}", response_model=None)
async def change(request: Request, what: str, caller: Manages, db: Db, now: Now) -> Response:
    """Save caps, the policy or a player, or lay a market again."""
    fields = await forms.read(request)
    problem: Mapping[str, object] | None
    try:
        method, path, body = _asked(what, fields)
    except Invalid as error:
        problem = {"code": error.code, "detail": error.detail}
    else:
        answer = await forms.ask(request, method, path, body)
        if answer.ok:
            return RedirectResponse("/office/risk", 303)
        problem = answer.body
    return await _desk(await frame(request, db, caller, now), db, None, problem)


def _asked(what: str, fields: Mapping[str, str]) -> tuple[str, str, dict[str, object] | None]:
    """The method, path and body for the API that a form means.

    Raises Invalid `number`, `player`, and NotFound for a form that there is not.
    """
    if what == "caps":
        said = {name: fields.get(name, "").strip() or None for name in _LIMITS}
        scope = {"scope": fields.get("scope", ""), "scope_key": fields.get("key", "")}
        return "PUT", f"{_API}/caps", {**scope, **said}
    if what == "policy":
        body: dict[str, object] = {
            name: number
            for name in _POLICY
            if (number := _number(fields.get(name, ""), _SCALES.get(name, 0))) is not None
        }
        body |= {name: text for name in _TEXTS if (text := fields.get(name, "").strip())}
        body["lower_stakes"] = "lower_stakes" in fields
        return "PUT", f"{_API}/policy", body
    if what == "players":
        player = f"{_API}/players/{_id(fields.get('player', ''))}"
        if fields.get("step") == "drop":
            return "DELETE", player, None
        found = {name: _number(fields.get(name, "") or "1", 4) for name in ("factor", "delay")}
        return "PUT", player, {
            "factor_e4": found["factor"], "delay_e4": found["delay"],
            "note": fields.get("note", "").strip(),
        }  # fmt: skip
    if what == "lift":
        return "POST", f"{_API}/suspensions/{_id(fields.get('suspension', ''))}/lift", None
    raise NotFound("no such form")


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid("This is nobody's and nothing's id.", code="player") from None


def _number(text: str, decimals: int) -> int | None:
    """An empty field is None; "12.5" with two decimals is 1250."""
    text = text.strip().replace(",", ".")
    if not text:
        return None
    whole, _, rest = text.partition(".")
    if not (whole + rest).isdecimal() or not (whole + rest).isascii() or len(rest) > decimals:
        raise Invalid(f"{text[:20]} is no number that is taken here.", code="number")
    return int(whole[:9] + rest.ljust(decimals, "0"))


async def _desk(
    shell: Shell, db: Db, event_id: UUID | None, problem: Mapping[str, object] | None = None
) -> HTMLResponse:
    tenant_id = shell.tenant.id
    async with db.reading(tenant_id) as conn:
        found = await risk.top_exposures(conn, tenant_id, EVENTS_SHOWN)
        caps = await risk.caps(conn, tenant_id)
        policy = await risk.policy(conn, tenant_id)
        stopped = await risk.suspensions(conn, tenant_id, SUSPENSIONS_SHOWN)
        players = await risk.players(conn, tenant_id, PLAYERS_SHOWN)
        sharp = await exposure.sharpest(conn, tenant_id, shell.at)
        asked = [one.event_id for one in [*found, *stopped]]
        asked += [UUID(cap.scope_key) for cap in caps.values() if cap.scope == "event"]
        events = await catalogue.events_by_id(conn, [*asked, *([event_id] if event_id else [])])
        rows = await _cap_rows(conn, shell, caps, events, event_id)
    decided = {one.player.user_id for one in players}
    values: dict[str, object] = {
        "exposed": [_exposed(shell, caps, policy, events[one.event_id], one) for one in found],
        "stopped": [(events[one.event_id], one) for one in stopped],
        "caps": rows,
        "policy": policy,
        "players": players,
        "sharp": [one for one in sharp if one.user_id not in decided],
        "problem": problem,
        "share": _share,
        "typed": _typed,
        "plain": partial(_plain, shell.tenant.currency),
        "priced": _priced,
        "ppm": _ppm,
    }
    return page(shell, "risk", values, status=422 if problem else 200)


def _plain(currency: str, minor: int | None) -> str:
    """An amount as its field shows it; None is empty."""
    return "" if minor is None else money.to_text(minor, currency)


def _priced(price_e4: int | None) -> str:
    """A price as its field shows it; None is empty."""
    return "" if price_e4 is None else price.to_text(price_e4)


def _ppm(value: int) -> str:
    """Millionths as per cent, with the sign."""
    return f"{value / 10_000:+.2f}"


def _exposed(
    shell: Shell,
    caps: Mapping[tuple[Scope, str], Cap],
    policy: risk.Policy,
    event: Event,
    liability: EventLiability,
) -> Exposed:
    keys: dict[Scope, str] = {
        "sport": event.sport,
        "competition": str(event.competition_id),
        "event": str(event.id),
    }
    held = risk.held(caps, keys)
    opened = risk.opened_minor(
        held.event_max_minor, risk.ramp_share_bps(policy, event.starts_at, shell.at)
    )
    full_bps = None if opened is None else liability.exposure_minor * 10_000 // max(opened, 1)
    return Exposed(event, liability, held, opened, full_bps)


async def _cap_rows(
    conn: Connection,
    shell: Shell,
    caps: Mapping[tuple[Scope, str], Cap],
    events: Mapping[UUID, Event],
    event_id: UUID | None,
) -> list[CapRow]:
    """The house, every sport that is coming, whatever else has caps, and the event asked for."""
    competitions = await offers.office_competitions(conn, shell.at)
    named = {str(one.id): f"{one.country} {one.name}".strip() for one in competitions}
    keys: dict[tuple[Scope, str], None] = {("house", risk.HOUSE_KEY): None}
    keys |= {("sport", sport): None for sport in sorted({one.sport for one in competitions})}
    keys |= dict.fromkeys(caps)
    if event_id is not None and event_id in events:
        keys["event", str(event_id)] = None
    return [
        CapRow(
            scope, key, _name(scope, key, named, events), caps.get((scope, key)) or Cap(scope, key)
        )
        for scope, key in keys
    ]


def _name(
    scope: Scope, key: str, competitions: Mapping[str, str], events: Mapping[UUID, Event]
) -> str:
    if scope == "house":
        return "The house"
    if scope == "sport":
        return words.sport(key)
    if scope == "event" and (event := events.get(UUID(key))) is not None:
        return f"{event.home} \N{EN DASH} {event.away}"
    return competitions.get(key) or f"{scope.capitalize()} {key[-12:]}"


def _share(bps: int | None) -> str:
    """Basis points as per cent, in whole ones."""
    return "" if bps is None else f"{bps // 100} %"


def _typed(value: int | None, decimals: int = 0) -> str:
    """A number as its field shows it: without noughts behind the point; None is empty."""
    if value is None:
        return ""
    whole, rest = divmod(value, 10**decimals)
    fraction = f"{rest:0{decimals}d}".rstrip("0") if decimals else ""
    return f"{whole}.{fraction}" if fraction else str(whole)
