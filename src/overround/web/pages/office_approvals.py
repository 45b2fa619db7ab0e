"""What waits for a person of the house: approve it, offer something else, or refuse it; and which
bets wait at all, of the house, a sport, or any competition and event that is searched for. Plain
forms; each asks the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from overround.betting import offers, risk, waiting
from overround.betting.bets import Slip
from overround.betting.offers import ListedCompetition
from overround.betting.risk import Scope, Wait
from overround.betting.waiting import Alternative, Asking
from overround.core import money
from overround.core.errors import NotFound
from overround.core.principal import Principal
from overround.db import Connection
from overround.db.routes import Db
from overround.kit import paging, routes
from overround.kit.routes import Now
from overround.odds import catalogue
from overround.web.pages import forms, words
from overround.web.pages.fields import Field, by_name, told
from overround.web.pages.office import Saved, page
from overround.web.pages.shell import Shell, frame

router = APIRouter(tags=["pages"], include_in_schema=False, default_response_class=HTMLResponse)

SLIPS_SHOWN: Final = 50
FOUND_SHOWN: Final = 10
# A form has at most twenty fields, and of a longer slip nobody changes the prices by hand.
PRICES_MAX: Final = 10
_API: Final = "/api/v1/office"
# Milliseconds stand in the form as seconds.
_DECIMALS: Final = 3
WAIT: Final = (
    Field("approve_win", "Ask above a win of"),
    Field("delay", "Delay", "0 to 60 seconds, such as 2.5", ("delay_ms",)),
)
VERDICT: Final = (
    Field("reason", "Reason"),
    Field("stake", "Stake instead"),
    Field("prices", "Price instead", "1.01 to 1001 with at most four decimals, for each leg"),
)

Reads = Annotated[Principal, Depends(routes.staff("risk.read"))]
Manages = Annotated[Principal, Depends(routes.staff("risk.manage"))]


FindText = Annotated[str, Query(max_length=60)]
KeyText = Annotated[str, Query(max_length=60)]


@dataclass(frozen=True, slots=True)
class Refused:
    """A form that was not taken: what was typed into it, and why not. `about` is the slip's id, or
    the scope and key whose word it was."""

    about: UUID | tuple[str, str]
    fields: Mapping[str, str]
    problem: Mapping[str, object]

    @property
    def faults(self) -> frozenset[str]:
        """The fields that are to blame."""
        return forms.faults(self.problem)


@dataclass(frozen=True, slots=True)
class Shown:
    """A slip that waits, as its card shows it."""

    asking: Asking
    slip: Slip
    offered: Alternative | None
    name: str
    refused: Refused | None

    @property
    def prices(self) -> bool:
        """Whether its prices may be changed here."""
        return len(self.slip.legs) <= PRICES_MAX


@dataclass(frozen=True, slots=True)
class WaitRow:
    """What one scope lets wait, as its form shows it."""

    scope: Scope
    key: str
    name: str
    approve_win: str
    delay: str
    problem: Mapping[str, object] | None = None

    @property
    def faults(self) -> frozenset[str]:
        """The fields that are to blame."""
        return forms.faults(self.problem)

    @property
    def id(self) -> str:
        """The row's id in the page."""
        return f"{self.scope}-{self.key}"


@dataclass(frozen=True, slots=True)
class Found:
    """A competition or an event that was searched for, whose bets may be let wait."""

    scope: Scope
    key: str
    name: str
    about: str


@router.get("/office/approvals")
async def desk(
    request: Request,
    caller: Reads,
    db: Db,
    now: Now,
    find: FindText = "",
    scope: Literal["competition", "event", ""] = "",
    key: KeyText = "",
    saved: Saved = "",
) -> HTMLResponse:
    """Who has waited longest comes first; `scope` and `key` are among the forms of what waits."""
    wanted = _wanted(scope, key)
    shell = await frame(request, db, caller, now)
    return await _desk(shell, db, find.strip(), wanted, saved=saved)


def _wanted(scope: str, key: str) -> tuple[Scope, str] | None:
    """The scope that a form is wanted for, besides those that say something already."""
    if scope not in ("competition", "event"):
        return None
    try:
        return scope, str(UUID(key))
    except ValueError:
        raise NotFound(f"no such {scope}") from None


@router.post("/office/approvals/waits", response_model=None)
async def set_wait(request: Request, caller: Manages, db: Db, now: Now) -> Response:
    """Say which bets of a scope wait."""
    fields = await forms.read(request)
    scope, key = fields.get("scope", ""), fields.get("key", "")
    problem = await forms.submit(request, "PUT", f"{_API}/waits", fields, _wait_asked, WAIT)
    if problem is None:
        return RedirectResponse(_after(scope, key), 303)
    refused = Refused((scope, key), fields, problem)
    is_narrow = scope in ("competition", "event") and problem["code"] != "not_found"
    wanted = _wanted(scope, key) if is_narrow else None
    return await _desk(await frame(request, db, caller, now), db, "", wanted, refused)


def _after(scope: str, key: str) -> str:
    """Where one who has saved a form finds what was taken: at the form itself."""
    at = f"{scope}-{key}"
    wanted = f"scope={scope}&key={key}&" if scope in ("competition", "event") else ""
    return f"/office/approvals?{wanted}saved={at}#{at}"


@router.post("/office/approvals/{slip_id}", response_model=None)
async def decide(request: Request, slip_id: UUID, caller: Manages, db: Db, now: Now) -> Response:
    """Approve a slip, offer something else, or refuse it."""
    fields = await forms.read(request)
    answer = await forms.ask(request, "POST", f"{_API}/approvals/{slip_id}", _said(fields))
    if answer.ok:
        return RedirectResponse("/office/approvals", 303)
    shell = await frame(request, db, caller, now)
    refused = Refused(slip_id, fields, told(answer.body, VERDICT))
    return await _desk(shell, db, "", None, refused, status=answer.status)


def _said(fields: Mapping[str, str]) -> dict[str, Any]:
    """What the form says, in the API's words: all that was typed, whichever button was pressed."""
    prices = [forms.decimal(text) for name, text in fields.items() if name[:6] == "price_"]
    return {
        "verdict": fields.get("verdict", ""),
        "reason": fields.get("reason", "").strip(),
        "stake": forms.decimal(fields.get("stake", "")) or None,
        "prices": prices if any(prices) else None,
    }


def _wait_asked(fields: Mapping[str, str]) -> dict[str, object]:
    """The body for the API that the form means; what is empty is left to the wider scopes. Raises
    Invalid `number`."""
    return {
        "scope": fields.get("scope", ""),
        "scope_key": fields.get("key", ""),
        "approve_win": forms.decimal(fields.get("approve_win", "")) or None,
        "delay_ms": forms.number(fields, "delay", _DECIMALS),
    }


async def _desk(
    shell: Shell,
    db: Db,
    find: str,
    wanted: tuple[Scope, str] | None,
    refused: Refused | None = None,
    status: int = 422,
    *,
    saved: str = "",
) -> HTMLResponse:
    tenant_id = shell.tenant.id
    async with db.reading(tenant_id) as conn:
        asking = await waiting.approvals(conn, tenant_id, shell.at, SLIPS_SHOWN)
        competitions = await offers.office_competitions(conn, shell.at)
        rows = await _rows(conn, shell, competitions, wanted, refused)
        found = await _found(conn, shell, competitions, find) if find else []
    shown = [_shown(one, refused) for one in asking]
    is_placed = any(one.refused for one in shown) or any(row.problem for row in rows)
    values: dict[str, object] = {
        "asking": shown,
        "waits": rows,
        "find": find,
        "found": found,
        "lasts_s": waiting.OFFER_S,
        "known": by_name((*WAIT, *VERDICT)),
        "saved": saved,
        # What a slip's own card cannot say, because it is decided: above them all.
        "problem": refused.problem if refused and not is_placed else None,
    }
    return page(shell, "approvals", values, status=status if refused else 200)


def _shown(one: Asking, refused: Refused | None) -> Shown:
    slip = waiting.slip_of(one.slip)
    name = words.kind(slip.kind, len(slip.legs), slip.sizes, each_way=slip.each_way)
    own = refused if refused and refused.about == one.slip.id else None
    return Shown(one, slip, waiting.alternative_of(one.slip), name, own)


async def _rows(
    conn: Connection,
    shell: Shell,
    competitions: Sequence[ListedCompetition],
    wanted: tuple[Scope, str] | None,
    refused: Refused | None,
) -> list[WaitRow]:
    """The house, every sport that is coming, whatever else says something, and what is wanted."""
    found = await risk.waits(conn, shell.tenant.id)
    keys: dict[tuple[Scope, str], None] = {("house", risk.HOUSE_KEY): None}
    keys |= {("sport", sport): None for sport in sorted({one.sport for one in competitions})}
    keys |= dict.fromkeys(found)
    if wanted is not None:
        keys[wanted] = None
    ids = [UUID(key) for scope, key in keys if scope == "event"]
    events = await catalogue.events_by_id(conn, ids)
    named = {str(one.id): _competition(one) for one in competitions}
    named |= {str(one): words.event(event.home, event.away) for one, event in events.items()}
    return [
        _row(shell, found.get(at) or Wait(*at), named, refused)
        for at in keys
        if at != wanted or at in found or at[1] in named
    ]


def _competition(one: ListedCompetition) -> str:
    return f"{one.country} {one.name}".strip()


async def _found(
    conn: Connection, shell: Shell, competitions: Sequence[ListedCompetition], text: str
) -> list[Found]:
    """The competitions and the coming events whose names hold the text, the competitions first."""
    wide = [one for one in competitions if text.lower() in _competition(one).lower()]
    book = await offers.book_of(conn, shell.tenant)
    since = paging.since(shell.at - offers.OFFICE_BEHIND)
    search = offers.Search(text)
    after = (since.at, since.id)
    events = await offers.office_events(conn, book, search, after, shell.at, FOUND_SHOWN)
    found = [
        Found("competition", str(one.id), _competition(one), words.sport(one.sport))
        for one in wide[:FOUND_SHOWN]
    ]
    for listed in events:
        one = listed.event
        when = words.time_of(one.starts_at, shell.zone, shell.at)
        name = words.event(one.home, one.away)
        found.append(Found("event", str(one.id), name, f"{one.competition}, {when}"))
    return found


def _row(shell: Shell, wait: Wait, named: Mapping[str, str], refused: Refused | None) -> WaitRow:
    scope, key = wait.scope, wait.scope_key
    if scope == "house":
        name = "The house"
    elif scope == "sport":
        name = words.sport(key)
    else:
        name = named.get(key) or f"{scope.capitalize()} {key[-12:]}"
    if refused and refused.about == (scope, key):
        typed = refused.fields.get
        return WaitRow(
            scope, key, name, typed("approve_win", ""), typed("delay", ""), refused.problem
        )
    win_minor, delay_ms = wait.approve_win_minor, wait.delay_ms
    return WaitRow(
        scope,
        key,
        name,
        "" if win_minor is None else money.to_text(win_minor, shell.tenant.currency),
        forms.written(delay_ms, _DECIMALS),
    )
