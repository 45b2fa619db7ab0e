"""Caps, players and suspensions, inside the caller's transaction.

Errors: Invalid `cap_out_of_range`, `event_cap_misplaced`, `bounds_crossed`; NotFound for a scope,
player or suspension that there is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from overround.betting.offers import Setting, switch
from overround.betting.risk import rules, store
from overround.betting.risk.model import (
    HOUSE_KEY,
    Cap,
    EventLiability,
    NamedPlayer,
    PlayerRisk,
    Policy,
    Scope,
    Standing,
    Suspension,
    Wait,
)
from overround.betting.risk.rules import CAP_MINOR_MAX
from overround.core.errors import Invalid, NotFound
from overround.db import Connection
from overround.people import tenants

CAP_DETAIL = "a cap is not below zero and not that large"
DELAY_MS_MAX = 60_000
# What one house caps; more than anybody reads on a page.
CAPS_MAX = 2_000


async def caps(conn: Connection, tenant_id: UUID) -> dict[tuple[Scope, str], Cap]:
    """(scope, key) -> what the tenant caps there."""
    found = await store.caps(conn, tenant_id, CAPS_MAX)
    return {(cap.scope, cap.scope_key): cap for cap in found}


async def set_cap(conn: Connection, tenant_id: UUID, cap: Cap) -> None:
    """Cap a scope; caps that are all None take its word away."""
    for name in ("win_max", "selection_max", "event_max"):
        minor: int | None = getattr(cap, f"{name}_minor")
        if minor is not None and not 0 <= minor <= CAP_MINOR_MAX:
            raise Invalid(CAP_DETAIL, code="cap_out_of_range", field=name)
    if cap.event_max_minor is not None and cap.scope in ("market", "selection"):
        said = "an event's cap is not a market's to say"
        raise Invalid(said, code="event_cap_misplaced", field="event_max")
    if not await _is_known(conn, cap):
        raise NotFound(f"no such {cap.scope}", field="scope_key")
    await store.set_cap(conn, tenant_id, cap)


async def waits(conn: Connection, tenant_id: UUID) -> dict[tuple[Scope, str], Wait]:
    """(scope, key) -> what the tenant lets wait there."""
    found = await store.waits(conn, tenant_id, CAPS_MAX)
    return {(one.scope, one.scope_key): one for one in found}


async def set_wait(conn: Connection, tenant_id: UUID, found: Wait) -> None:
    """Let a scope's bets wait; two Nones take its word away."""
    if not 0 <= (found.approve_win_minor or 0) <= CAP_MINOR_MAX:
        raise Invalid(CAP_DETAIL, code="cap_out_of_range", field="approve_win")
    if not 0 <= (found.delay_ms or 0) <= DELAY_MS_MAX:
        raise Invalid("a delay is at most a minute", code="delay_out_of_range", field="delay_ms")
    if not await _is_known(conn, found):
        raise NotFound(f"no such {found.scope}", field="scope_key")
    await store.set_wait(conn, tenant_id, found)


async def _is_known(conn: Connection, cap: Cap | Wait) -> bool:
    if cap.scope == "house":
        return cap.scope_key == HOUSE_KEY
    if cap.scope == "sport":
        return await store.is_scope(conn, "sport", cap.scope_key)
    try:
        key = UUID(cap.scope_key)
    except ValueError:
        return False
    # The caps are found by the id's own text: another spelling of it would cap nothing.
    return str(key) == cap.scope_key and await store.is_scope(conn, cap.scope, key)


async def policy(conn: Connection, tenant_id: UUID) -> Policy:
    """How the tenant watches itself."""
    return await store.policy(conn, tenant_id)


async def set_policy(conn: Connection, tenant_id: UUID, found: Policy) -> None:
    """Watch so from now on; the bounds of its single figures are the wire's and the table's.

    Raises Invalid `bounds_crossed`, `cap_out_of_range`.
    """
    tenant = await tenants.by_id(conn, tenant_id)
    rules.check_policy(found, tenant.stake_min_minor, tenant.payout_max_minor)
    await store.set_policy(conn, tenant_id, found)


async def player(conn: Connection, tenant_id: UUID, user_id: UUID) -> PlayerRisk | None:
    """What was decided about a player; None: he is taken as anybody."""
    return await store.player(conn, tenant_id, user_id)


async def players(conn: Connection, tenant_id: UUID, limit: int) -> list[NamedPlayer]:
    """At most `limit` players about whom something was decided, the most restricted first."""
    return await store.players(conn, tenant_id, limit)


async def set_player(conn: Connection, tenant_id: UUID, found: PlayerRisk) -> None:
    """A person decides about a player."""
    if not await store.is_player(conn, tenant_id, found.user_id):
        raise NotFound("no such player")
    await store.set_player(conn, tenant_id, found)


async def drop_player(conn: Connection, tenant_id: UUID, user_id: UUID) -> None:
    """The player is taken as anybody again."""
    if not await store.drop_player(conn, tenant_id, user_id):
        raise NotFound("nothing was decided about this player")


async def liabilities(
    conn: Connection, tenant_id: UUID, event_ids: Sequence[UUID]
) -> dict[UUID, EventLiability]:
    """event id -> what its open bets could cost; an event without any is absent."""
    return rules.of_events(await store.standings(conn, tenant_id, event_ids))


async def top_standings(conn: Connection, tenant_id: UUID, limit: int) -> list[Standing]:
    """What is on the `limit` events that could cost the most: of many, `rules.by_exposure` takes
    a while, and is asked when the connection is given back."""
    return await store.standings(conn, tenant_id, await store.worst(conn, tenant_id, limit))


async def suspensions(conn: Connection, tenant_id: UUID, limit: int) -> list[Suspension]:
    """What was suspended unasked: what holds first, each group newest first."""
    return await store.suspensions(conn, tenant_id, limit)


async def lift(conn: Connection, tenant_id: UUID, suspension_id: UUID, at: datetime) -> Suspension:
    """End a suspension: the market is laid again with the hub's next prices, unless a person has
    switched it off himself meanwhile."""
    found = await store.lift(conn, tenant_id, suspension_id, at)
    if found is None:
        raise NotFound("no suspension of this house holds here")
    setting = Setting("market", str(found.market_id), set_by="risk")
    await switch(conn, tenant_id, setting, at)
    return found


async def watch(
    conn: Connection, tenant_id: UUID, book_id: UUID, seq: int | None, at: datetime
) -> tuple[int, int | None]:
    """Suspend what passes a bound, lift what is over; (suspended and lifted, the book's number).

    Prices are looked at that the book has written since its number `seq`; None: from now on. Of a
    house that watches nothing the number is not asked.
    Each suspension takes the event's lock alone, so that no bet is taken after it is noted.
    """
    found = await store.policy(conn, tenant_id)
    done = 0
    for ended in await store.over(conn, tenant_id, at, _AT_ONCE):
        await lift(conn, tenant_id, ended.id, at)
        done += 1
    if found == Policy():
        return done, None
    newest = await store.newest(conn, book_id)
    watched = await store.watched(
        conn, tenant_id, book_id, newest if seq is None else seq, at, found.hold
    )
    for alarm in rules.alarms(found, watched)[:_AT_ONCE]:
        until = None if alarm.reason == "liability" else at + found.hold
        if await store.suspend(conn, tenant_id, alarm, at, until):
            off = Setting("market", str(alarm.market_id), enabled=False, set_by="risk")
            await switch(conn, tenant_id, off, at)
            done += 1
    return done, newest


# What one look suspends or lifts; the rest is the next look's.
_AT_ONCE = 200
