"""Granting free bets, deciding about them and reading them, inside the caller's transaction.

Errors: Invalid, NotFound, Conflict `free_bet_step`, SecondPerson, KeyReused.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from overround.betting.freebets import rules, store
from overround.betting.freebets.model import Asked, FreeBet, Granted, State, Step, Used
from overround.core import ids
from overround.core.errors import Invalid, NotFound, at_field
from overround.core.principal import Principal
from overround.db import Connection, audit
from overround.kit.idempotency import KeyReused
from overround.odds import catalogue
from overround.people import tenants, users
from overround.people.tenants import Tenant


async def grant(
    conn: Connection,
    principal: Principal,
    tenant: Tenant,
    asked: Asked,
    key: str,
    body_sha256: bytes,
    at: datetime,
) -> Granted:
    """Give a player a free bet, or propose to. The same key gets the same answer.

    Raises Invalid `amount_out_of_range`, `expiry_out_of_range`, `price_out_of_range`, `kinds`,
    `sports`, `unknown_sport`, `not_a_player`, NotFound for another tenant's player, and KeyReused.
    """
    earlier = await store.by_key(conn, tenant.id, principal.actor_id, key)
    if earlier is None:
        rules.check(asked, at)
        with at_field("player_id"):
            user = await users.by_id(conn, tenant.id, asked.user_id)
        if user.kind != "player":
            raise Invalid("only a player bets", code="not_a_player", field="player_id")
        for sport in asked.sports or ():
            if not await catalogue.has_sport(conn, sport):
                said = f"there is no sport called {sport}"
                raise Invalid(said, code="unknown_sport", field="sports")
        alone_max_minor = await tenants.ruling_alone_max_minor(conn, tenant.id)
        state = rules.first_state(asked.amount_minor, alone_max_minor)
        new_id, by = ids.new(at), principal.actor_id
        if await store.grant(conn, tenant.id, new_id, asked, state, by, key, body_sha256, at):
            made = await _one(conn, tenant.id, new_id)
            await _audit(conn, principal, made, at)
            return Granted(made, replayed=False)
        earlier = await store.by_key(conn, tenant.id, principal.actor_id, key)
    if earlier is None or earlier.body_sha256 != body_sha256:
        raise KeyReused
    return Granted(earlier, replayed=True)


async def settle_state(
    conn: Connection, principal: Principal, free_bet_id: UUID, wanted: Step, at: datetime
) -> FreeBet:
    """Agree to a proposed free bet, refuse it, or take an unused one back.

    Raises NotFound, Conflict `free_bet_step`, and SecondPerson.
    """
    before = await _one(conn, principal.tenant_id, free_bet_id)
    state = rules.step(before, wanted, principal)
    await store.decide(conn, principal.tenant_id, free_bet_id, state, principal.actor_id, at)
    after = await _one(conn, principal.tenant_id, free_bet_id)
    await _audit(conn, principal, after, at)
    return after


async def of_player(
    conn: Connection, tenant_id: UUID, user_id: UUID, free_bet_id: UUID
) -> FreeBet | None:
    """One of a player's, whatever has become of it; None for anybody else's."""
    return await store.one(conn, tenant_id, free_bet_id, user_id)


async def mine(conn: Connection, tenant_id: UUID, user_id: UUID, limit: int) -> list[FreeBet]:
    """What a player has or had, newest first; what nobody has agreed to yet is not his."""
    states: tuple[State, ...] = ("granted", "used", "expired")
    return await store.found(conn, tenant_id, user_id, states, None, limit)


async def office(
    conn: Connection,
    tenant_id: UUID,
    state: State | None,
    user_id: UUID | None,
    before: UUID | None,
    limit: int,
) -> list[FreeBet]:
    """A page of the tenant's, newest first."""
    states: list[State] | None = None if state is None else [state]
    return await store.found(conn, tenant_id, user_id, states, before, limit)


async def of_bets(conn: Connection, tenant_id: UUID, bet_ids: Sequence[UUID]) -> dict[UUID, Used]:
    """bet id -> the free bet that it stands on, of those that do."""
    return {used.bet_id: used for used in await store.of_bets(conn, tenant_id, bet_ids)}


async def _one(conn: Connection, tenant_id: UUID, free_bet_id: UUID) -> FreeBet:
    found = await store.locked(conn, tenant_id, free_bet_id)
    if found is None:
        raise NotFound("no such free bet")
    return found


async def _audit(conn: Connection, principal: Principal, free_bet: FreeBet, at: datetime) -> None:
    after = {
        "state": free_bet.state,
        "amount_minor": free_bet.amount_minor,
        "currency": free_bet.currency,
        "user": str(free_bet.user_id),
        "expires_at": free_bet.expires_at.isoformat(),
        "reason": free_bet.reason,
    }
    target = f"free_bet:{free_bet.id}"
    await audit.write(conn, principal, at, f"free_bet.{free_bet.state}", target, after=after)
