"""Letting slips wait, placing what is due, and what people say of them, in the caller's
transaction.

Errors: NotFound (another's slip too), KeyReused, TooManyWaiting, QueueFull, and what `rules` raise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from overround.betting import bets
from overround.betting.bets import Asked, Decision, Slip, Waited
from overround.betting.waiting import rules, store
from overround.betting.waiting.model import (
    AskedLeg,
    Asking,
    Backlog,
    Given,
    Place,
    WaitingSlip,
    Why,
)
from overround.core.errors import NotFound, Refusal, Unavailable
from overround.core.principal import Principal
from overround.db import Connection, audit
from overround.kit.idempotency import KeyReused
from overround.people import tenants

# Prices that moved at each of several looks are looked at again a moment later.
_MOVED: Final = timedelta(milliseconds=500)


class TooManyWaiting(Refusal):
    """So many of this account's slips wait already; ask again when one is decided."""

    code = "too_many_waiting"
    status = 409


class QueueFull(Unavailable):
    """Too many slips wait in this house; try again in a moment."""

    code = "queue_full"
    retry_after_s = 1


def slip_of(waiting: WaitingSlip) -> Slip:
    """The slip that is to be placed."""
    return msgspec.convert(waiting.asked, Slip)


def _stored(slip: Slip) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(slip))
    return found


async def enter(
    conn: Connection, asked: Asked, said: Decision | None, at: datetime
) -> Place | None:
    """Let a slip wait, or find the one that waits by its key; None where the key has its answer.

    `said` is what a decision turned it away for; None: the player asked for it. Raises KeyReused,
    TooManyWaiting, QueueFull.
    """
    tenant_id, slip = asked.tenant_id, asked.slip
    sha256 = bets.body_sha256(slip)
    scores = None if said is None else said.answer.get("scores")
    standing = await store.take_key(conn, tenant_id, slip.user_id, slip.key, sha256, at, scores)
    if standing == "key_reused":
        raise KeyReused
    if standing == "entered":
        waiting = await store.counts(conn, tenant_id, slip.user_id)
        if waiting.mine >= rules.PLAYER_MAX:
            raise TooManyWaiting
        if waiting.tenants >= rules.TENANT_MAX:
            raise QueueFull
        entered = _entered(asked, said, at)
        await store.enter(conn, tenant_id, entered)
        return await _placed(conn, tenant_id, entered)
    found = await store.by_key(conn, tenant_id, slip.user_id, slip.key)
    return None if standing != "waiting" or found is None else await _placed(conn, tenant_id, found)


def _entered(asked: Asked, said: Decision | None, at: datetime) -> WaitingSlip:
    slip = asked.slip
    potential_minor, _ = bets.potential(slip, [leg.price_e4 for leg in slip.legs])
    fresh = WaitingSlip(
        id=slip.bet_id,
        user_id=slip.user_id,
        key=slip.key,
        token_sha256=asked.token_sha256,
        asked=_stored(slip),
        stake_minor=slip.stake_minor,
        win_minor=potential_minor - slip.stake_minor,
        why="asked",
        passes=None,
        state="waiting",
        entered_at=at,
        due_at=at,
        expires_at=rules.expires_at("asked", at, at),
        attempts=0,
        alternative=None,
        agreed_e4=None,
        decided_by=None,
        reason=None,
        answer=None,
        ended_at=None,
    )
    return fresh if said is None else _put_off(fresh, said.answer, at)


def _put_off(one: WaitingSlip, answer: dict[str, Any], at: datetime) -> WaitingSlip:
    """The slip as it waits for what a decision said."""
    why: Why = "delay" if answer["waits"] == "delay" else "approval"
    due_at = at + timedelta(milliseconds=answer["delay_ms"]) if why == "delay" else None
    return replace(
        one,
        why=why,
        passes="delay" if why == "delay" else one.passes,
        due_at=due_at,
        expires_at=rules.expires_at(why, due_at, at),
    )


async def _placed(conn: Connection, tenant_id: UUID, one: WaitingSlip) -> Place:
    return Place(one, (await store.positions(conn, tenant_id, [one.id])).get(one.id))


async def my_slip(conn: Connection, tenant_id: UUID, user_id: UUID, slip_id: UUID) -> Place:
    """One slip of the player. Raises NotFound for anybody else's."""
    found = await store.mine(conn, tenant_id, user_id, slip_id)
    if found is None:
        raise NotFound("no such slip")
    return await _placed(conn, tenant_id, found)


async def legs_of(
    conn: Connection, tenant_id: UUID, slips: Sequence[WaitingSlip]
) -> dict[UUID, AskedLeg]:
    """selection id -> what is asked in some of these slips, and what is laid of it now."""
    wanted = {leg.selection_id for one in slips for leg in slip_of(one).legs}
    return await store.legs(conn, tenant_id, list(wanted))


async def mine(
    conn: Connection,
    tenant_id: UUID,
    user_id: UUID,
    before: UUID,
    limit: int,
    *,
    only_open: bool = False,
) -> list[Place]:
    """A page of a player's slips that waited or wait, newest first, below an id."""
    found = await store.all_mine(conn, tenant_id, user_id, before, limit, only_open=only_open)
    open_ids = [one.id for one in found if one.is_open]
    positions = await store.positions(conn, tenant_id, open_ids)
    return [Place(one, positions.get(one.id)) for one in found]


# -- placing -----------------------------------------------------------------------------------


async def tenants_due(conn: Connection, at: datetime) -> list[UUID]:
    """Whose slips are to be placed or ended; for a transaction of no tenant."""
    return await store.tenants_due(conn, at)


async def due_ids(conn: Connection, tenant_id: UUID, at: datetime) -> list[UUID]:
    """What `place_due` would take."""
    return await store.due_ids(conn, tenant_id, at, bets.BATCH_MAX)


async def place_due(
    conn: Connection, tenant_id: UUID, at: datetime, only: UUID | None = None
) -> list[WaitingSlip]:
    """Place or end at most 64 slips of the tenant that are due, or the one, and say which.

    Each is held by its row, so that two who do this never take the same
    (test: eight placers place two hundred slips once).
    """
    found = await store.claim(conn, tenant_id, at, bets.BATCH_MAX, only)
    late = [one for one in found if one.expires_at <= at]
    due = [one for one in found if one.expires_at > at]
    for one in late:
        await _end(conn, tenant_id, one, "expired", "slip_expired", at)
    if due:
        waited = [_waited(tenant_id, one) for one in due]
        decisions = await bets.place_waited(conn, waited)
        for one, decision in zip(due, decisions, strict=True):
            await _follow(conn, tenant_id, one, decision, at)
    return found


def _waited(tenant_id: UUID, one: WaitingSlip) -> Waited:
    asked = Asked(tenant_id, slip_of(one), one.token_sha256)
    return Waited(asked, one.passes, None if one.agreed_e4 is None else tuple(one.agreed_e4))


async def _follow(
    conn: Connection, tenant_id: UUID, one: WaitingSlip, decision: Decision, at: datetime
) -> None:
    """What a decision makes of a slip."""
    if decision.kind == "waits":
        await store.put_off(conn, tenant_id, _put_off(one, decision.answer, at))
    elif decision.kind == "moved":
        await store.put_off(conn, tenant_id, replace(one, due_at=at + _MOVED))
    elif decision.kind == "nobody":
        await _end(conn, tenant_id, one, "decided", "session_ended", at)
    else:
        await store.end(conn, tenant_id, one, "decided", decision.answer, at)


async def _end(
    conn: Connection, tenant_id: UUID, one: WaitingSlip, state: str, refusal: str, at: datetime
) -> None:
    answer = {"refusal": refusal}
    await store.end(conn, tenant_id, one, state, answer, at)
    await store.end_key(conn, tenant_id, one, answer, at)


async def failed(conn: Connection, tenant_id: UUID, slip_id: UUID, at: datetime) -> None:
    """The placing of a slip by itself has failed: it is tried again later, and later still."""
    found = await store.lock(conn, tenant_id, slip_id)
    if found is not None:
        await store.failed(conn, tenant_id, slip_id, rules.again_at(found.attempts, at))


# -- the player's word -------------------------------------------------------------------------


async def withdraw(
    conn: Connection, tenant_id: UUID, user_id: UUID, slip_id: UUID, at: datetime
) -> Place:
    """Take a slip back. Raises NotFound, Conflict `slip_decided`, `slip_delayed`."""
    found = await _locked(conn, tenant_id, slip_id, user_id)
    rules.check_withdrawn(found)
    await _end(conn, tenant_id, found, "withdrawn", "slip_withdrawn", at)
    return await my_slip(conn, tenant_id, user_id, slip_id)


async def accept(
    conn: Connection,
    tenant_id: UUID,
    user_id: UUID,
    slip_id: UUID,
    token_sha256: bytes | None,
    at: datetime,
) -> Place:
    """Take what the house offers instead: it is placed as soon as somebody does.

    Raises NotFound, Conflict `nothing_offered`, `offer_expired`.
    """
    found = await _locked(conn, tenant_id, slip_id, user_id)
    offered = rules.taken(found, at)
    slip = replace(slip_of(found), stake_minor=offered.stake_minor)
    agreed_e4 = offered.prices_e4
    prices_e4 = agreed_e4 or tuple(leg.price_e4 for leg in slip.legs)
    potential_minor, _ = bets.potential(slip, prices_e4)
    taken = replace(
        found,
        asked=_stored(slip),
        stake_minor=slip.stake_minor,
        win_minor=potential_minor - slip.stake_minor,
        agreed_e4=None if agreed_e4 is None else list(agreed_e4),
        token_sha256=token_sha256,
        expires_at=rules.expires_at("approved", at, at),
    )
    await store.accept(conn, tenant_id, taken, at)
    return await my_slip(conn, tenant_id, user_id, slip_id)


async def _locked(
    conn: Connection, tenant_id: UUID, slip_id: UUID, user_id: UUID | None = None
) -> WaitingSlip:
    found = await store.lock(conn, tenant_id, slip_id)
    if found is None or user_id not in (None, found.user_id):
        raise NotFound("no such slip")
    return found


# -- the house's word --------------------------------------------------------------------------


async def approvals(conn: Connection, tenant_id: UUID, at: datetime, limit: int) -> list[Asking]:
    """What waits for a person, the longest first, with what he needs to decide."""
    found = await store.approvals(conn, tenant_id, at, limit)
    slips = {one.id: slip_of(one) for one in found}
    legs = await legs_of(conn, tenant_id, found)
    players = await store.histories(conn, tenant_id, [one.user_id for one in found])
    return [
        Asking(
            one,
            tuple(legs[leg.selection_id] for leg in slips[one.id].legs if leg.selection_id in legs),
            players[one.user_id],
        )
        for one in found
    ]


async def answer(
    conn: Connection, principal: Principal, slip_id: UUID, given: Given, at: datetime
) -> WaitingSlip:
    """A person of the house approves a slip, offers something else, or refuses it.

    Raises NotFound and what `rules.check_given` raises.
    """
    tenant_id, by = principal.tenant_id, principal.actor_id
    found = await _locked(conn, tenant_id, slip_id)
    slip = slip_of(found)
    least_minor = await _least_minor(conn, tenant_id, slip)
    rules.check_given(found, given, [leg.price_e4 for leg in slip.legs], least_minor, at)
    if given.verdict == "approve":
        until = replace(found, expires_at=rules.expires_at("approved", at, at))
        await store.approve(conn, tenant_id, until, by, given.reason, at)
    elif given.verdict == "offer":
        offered = replace(
            found,
            alternative=asdict(rules.given_alternative(found, given)),
            expires_at=at + timedelta(seconds=rules.stands_s(given)),
        )
        await store.offer(conn, tenant_id, offered, by, given.reason)
    else:
        await store.refuse(conn, tenant_id, found, by, given.reason)
        await _end(conn, tenant_id, found, "decided", "refused_by_house", at)
    said = {**asdict(given), "player_id": str(found.user_id), "win_minor": found.win_minor}
    await audit.write(conn, principal, at, f"bet.{given.verdict}", f"bet:{slip_id}", after=said)
    return found


async def _least_minor(conn: Connection, tenant_id: UUID, slip: Slip) -> int:
    """The least stake that the slip can be placed with: a free bet is staked whole."""
    if slip.free_bet_id is not None:
        return slip.stake_minor
    tenant = await tenants.by_id(conn, tenant_id)
    return max(slip.lines, tenant.stake_min_minor)


async def backlog(conn: Connection) -> Sequence[Backlog]:
    """What waits in all the house, and since when; for a transaction of no tenant."""
    return await store.backlog(conn)
