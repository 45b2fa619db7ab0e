"""The risk desk: what the house could lose, what it takes at most, what stopped itself, and whom
the close says something about. Plain forms; each asks the API."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from overround.betting import exposure, offers, risk
from overround.betting.offers import ListedCompetition
from overround.betting.risk import Cap, EventLiability, HeldCaps, Scope
from overround.core import money
from overround.core.errors import Invalid, NotFound
from overround.core.principal import Principal
from overround.db.routes import Db
from overround.kit import routes
from overround.kit.routes import Now
from overround.odds import catalogue
from overround.odds.catalogue import Event
from overround.people import users
from overround.people.users import User
from overround.web.pages import forms, office_risk_forms, words
from overround.web.pages.fields import by_name, told
from overround.web.pages.office import Saved, page
from overround.web.pages.office_risk_forms import Refused
from overround.web.pages.shell import Shell, frame

router = APIRouter(tags=["pages"], include_in_schema=False, default_response_class=HTMLResponse)

EVENTS_SHOWN: Final = 25
SUSPENSIONS_SHOWN: Final = 20
PLAYERS_SHOWN: Final = 50
MATCHES_SHOWN: Final = 10

Reads = Annotated[Principal, Depends(routes.staff("risk.read"))]
Manages = Annotated[Principal, Depends(routes.staff("risk.manage"))]
EventText = Annotated[UUID | None, Query()]
KeyText = Annotated[str, Query(max_length=60)]
NARROW: Final[tuple[Scope, ...]] = ("competition", "event", "market", "selection")


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
    request: Request,
    caller: Reads,
    db: Db,
    now: Now,
    event: EventText = None,
    scope: Literal["competition", "event", "market", "selection", ""] = "",
    key: KeyText = "",
    saved: Saved = "",
) -> HTMLResponse:
    """Everything; the caps of an `event`, or of what `scope` and `key` say, are among the forms."""
    wanted = ("event", str(event)) if event else _wanted(scope, key)
    return await _desk(await frame(request, db, caller, now), db, wanted, saved=saved)


def _wanted(scope: str, key: str) -> tuple[Scope, str] | None:
    """The scope whose caps are asked for besides those that there are; `key` is its id.

    Raises NotFound for a key that is no id.
    """
    narrow: Scope | None = next((one for one in NARROW if one == scope), None)
    if narrow is None:
        return None
    if not _is_id(key.strip()):
        raise NotFound(f"no such {narrow}")
    return narrow, str(UUID(key.strip()))


@router.post("/office/risk/{what}", response_model=None)
async def change(request: Request, what: str, caller: Manages, db: Db, now: Now) -> Response:
    """Save caps, the policy or a player, or lay a market again."""
    fields = await forms.read(request)
    shell = await frame(request, db, caller, now)
    matches: list[User] = []
    try:
        if what == "players" and not _is_id(fields.get("player", "")):
            matches = await _players(db, shell, fields.get("player", ""))
            fields = {**fields, "player": _only(matches, fields.get("player", ""))}
        method, path, body = office_risk_forms.asked(what, fields)
    except Invalid as error:
        problem: Mapping[str, object] = forms.problem(error)
    else:
        answer = await forms.ask(request, method, path, body)
        if answer.ok:
            return RedirectResponse(_after(what, fields), 303)
        problem = answer.body
    refused = Refused(what, fields, told(problem, office_risk_forms.FIELDS.get(what, ())))
    key = fields.get("key", "")
    wanted = _wanted(fields.get("scope", ""), key) if _is_id(key) else None
    return await _desk(shell, db, wanted, refused, matches)


def _after(what: str, fields: Mapping[str, str]) -> str:
    """Where one who has saved a form finds what was taken: at the form itself."""
    if what == "caps":
        at = f"{fields['scope']}-{fields['key']}"
        is_narrow = fields["scope"] in NARROW
        wanted = f"scope={fields['scope']}&key={fields['key']}&" if is_narrow else ""
        return f"/office/risk?{wanted}saved={at}#{at}"
    if what == "policy":
        return "/office/risk?saved=policy#policy-title"
    if what == "players" and "step" not in fields:
        return f"/office/risk?saved={fields['player']}#players-title"
    return "/office/risk"


def _is_id(text: str) -> bool:
    try:
        return bool(UUID(text))
    except ValueError:
        return False


async def _players(db: Db, shell: Shell, text: str) -> list[User]:
    """Whom the field means: by name or address, or how either begins."""
    async with db.reading(shell.tenant.id) as conn:
        return await users.named(conn, shell.tenant.id, text, MATCHES_SHOWN)


def _only(matches: Sequence[User], text: str) -> str:
    """The id of the one player who is called just so: whom a name's beginning means, a person says.

    Raises Invalid `player` for none, and where there is a choice.
    """
    if not matches:
        raise Invalid("Nobody here has this name or address.", code="player", field="player")
    wanted = text.strip().lower()
    exact = [one for one in matches if wanted in (one.email, one.display_name.lower())]
    if len(exact) != 1:
        raise Invalid("Say which player is meant.", code="player", field="player")
    return str(exact[0].id)


async def _desk(
    shell: Shell,
    db: Db,
    wanted: tuple[Scope, str] | None,
    refused: Refused | None = None,
    matches: Sequence[User] = (),
    *,
    saved: str = "",
) -> HTMLResponse:
    tenant_id = shell.tenant.id
    async with db.reading(tenant_id) as conn:
        standings = await risk.top_standings(conn, tenant_id, EVENTS_SHOWN)
        caps = await risk.caps(conn, tenant_id)
        policy = await risk.policy(conn, tenant_id)
        stopped = await risk.suspensions(conn, tenant_id, SUSPENSIONS_SHOWN)
        players = await risk.players(conn, tenant_id, PLAYERS_SHOWN)
        sharp = await exposure.sharpest(conn, tenant_id, shell.at)
        asked = [one.event_id for one in [*standings, *stopped]]
        keys = [*caps, *([wanted] if wanted else [])]
        asked += [UUID(key) for scope, key in keys if scope == "event"]
        events = await catalogue.events_by_id(conn, asked)
        competitions = await offers.office_competitions(conn, shell.at)
    rows = _cap_rows(caps, competitions, events, wanted)
    found = await asyncio.to_thread(risk.by_exposure, standings)
    decided = {one.player.user_id for one in players}
    values: dict[str, object] = {
        "exposed": [_exposed(shell, caps, policy, events[one.event_id], one) for one in found],
        "stopped": [(events[one.event_id], one) for one in stopped],
        "caps": rows,
        "narrow": NARROW,
        "competitions": {str(one.id): _called(one) for one in competitions},
        "watched": office_risk_forms.typed(policy, shell.tenant.currency),
        "players": players,
        "matches": matches if refused and "player" in refused.faults else (),
        "sharp": [one for one in sharp if one.user_id not in decided],
        "refused": refused,
        "known": by_name((*office_risk_forms.CAPS, *office_risk_forms.POLICY)),
        "decided": by_name(office_risk_forms.PLAYER),
        "unsaid": office_risk_forms.unsaid(),
        "saved": saved,
        # What no form on the page can say stands above them all.
        "problem": None if refused is None or _is_placed(refused, rows) else refused.problem,
        "share": _share,
        "plain": partial(_plain, shell.tenant.currency),
        "ppm": _ppm,
    }
    return page(shell, "risk", values, status=422 if refused else 200)


def _is_placed(refused: Refused, rows: Sequence[CapRow]) -> bool:
    """Whether the form that was refused stands on the page, where it tells why."""
    if refused.what == "caps":
        at = (refused.fields.get("scope"), refused.fields.get("key"))
        return any((row.scope, row.key) == at for row in rows)
    return refused.what == "policy" or (refused.what == "players" and "step" not in refused.fields)


def _plain(currency: str, minor: int | None) -> str:
    """An amount as its field shows it; None is empty."""
    return "" if minor is None else money.to_text(minor, currency)


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


def _called(one: ListedCompetition) -> str:
    return f"{one.country} {one.name}".strip()


def _cap_rows(
    caps: Mapping[tuple[Scope, str], Cap],
    competitions: Sequence[ListedCompetition],
    events: Mapping[UUID, Event],
    wanted: tuple[Scope, str] | None,
) -> list[CapRow]:
    """The house, every sport that is coming, whatever else has caps, and what is asked for."""
    named = {str(one.id): _called(one) for one in competitions}
    keys: dict[tuple[Scope, str], None] = {("house", risk.HOUSE_KEY): None}
    keys |= {("sport", sport): None for sport in sorted({one.sport for one in competitions})}
    keys |= dict.fromkeys(caps)
    if wanted is not None and (wanted[0] != "event" or UUID(wanted[1]) in events):
        keys[wanted] = None
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
        return words.event(event.home, event.away)
    return competitions.get(key) or f"{scope.capitalize()} {key[-12:]}"


def _share(bps: int | None) -> str:
    """Basis points as per cent, in whole ones."""
    return "" if bps is None else f"{bps // 100} %"
