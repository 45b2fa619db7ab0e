"""Cash-outs' use cases, in the caller's transaction.

A refusal is an answer: it is stored with the request's key, so `cash_out` returns it instead of
raising, and the caller commits first and refuses then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from overround.betting.cashouts import rules, store
from overround.betting.cashouts.model import (
    Asked,
    Decision,
    Order,
    Quote,
    Standing,
    Terms,
    Valuation,
)
from overround.core import ids
from overround.core.errors import Conflict, Invalid, NotFound
from overround.core.principal import Principal
from overround.db import Connection, audit
from overround.kit.idempotency import KeyReused

# Bets whose values are looked at in one go.
BETS_MAX: Final = 50


async def values(
    conn: Connection,
    tenant_id: UUID,
    user_id: UUID,
    bet_ids: Sequence[UUID],
    at: datetime,
    shares_bps: Sequence[int] = rules.SHARES_BPS,
) -> list[Valuation]:
    """What some of a player's bets (at most 50) are worth to the house now, in the order asked.

    A bet that is not his is absent; shares that are cashed out already are left out.
    """
    asked = bet_ids[:BETS_MAX]
    terms = await store.terms(conn, tenant_id)
    found = await store.standings(conn, tenant_id, [user_id], asked)
    orders = await store.orders(conn, tenant_id, asked)
    return [
        _valuation(found[bet_id], orders.get(bet_id), terms, shares_bps, at)
        for bet_id in asked
        if bet_id in found
    ]


def _valuation(
    standing: Standing,
    order: Order | None,
    terms: Terms,
    shares_bps: Sequence[int],
    at: datetime,
) -> Valuation:
    waits = order.at_least_minor if order is not None and order.state == "waiting" else None
    refusal = rules.refusal(standing, terms, at)
    quotes: list[Quote] = []
    if refusal is None:
        for share_bps in shares_bps:
            found = _quoted(standing, terms, share_bps, at)
            quotes += [found] if found is not None else []
        refusal = None if quotes else "cash_out_too_small"
    bet = standing.bet
    open_minor = bet.stake_minor - bet.cashed_stake_minor
    return Valuation(bet.id, quotes, refusal, waits, bet.cashed_minor, open_minor)


def _quoted(standing: Standing, terms: Terms, share_bps: int, at: datetime) -> Quote | None:
    try:
        return rules.quote(standing, terms, share_bps, at)
    except Invalid:
        return None


async def value(
    conn: Connection, tenant_id: UUID, user_id: UUID, bet_id: UUID, share_bps: int, at: datetime
) -> Valuation:
    """The same of one bet for one share, cumulative. Raises NotFound, Invalid
    `share_out_of_range`."""
    found = await store.standings(conn, tenant_id, [user_id], [bet_id])
    if bet_id not in found:
        raise NotFound("no such bet")
    terms = await store.terms(conn, tenant_id)
    order = (await store.orders(conn, tenant_id, [bet_id])).get(bet_id)
    valued = _valuation(found[bet_id], order, terms, (), at)
    if valued.refusal not in (None, "cash_out_too_small"):
        return valued
    quote = rules.quote(found[bet_id], terms, share_bps, at)
    refusal = "cash_out_too_small" if quote is None else None
    return replace(valued, quotes=[quote] if quote else [], refusal=refusal)


async def cash_out(
    conn: Connection, tenant_id: UUID, user_id: UUID, asked: Asked, at: datetime
) -> Decision:
    """End a bet, or a part of it, at what it is worth now; committed with its answer.

    The same key gets the same answer, a refusal too: what `rules.refusal` says, `quote_expired`,
    `cash_out_changed` with a new quote, `cash_out_too_small`. Raises NotFound, KeyReused, Invalid
    `share_out_of_range`.
    """
    if asked.shown.bet_id != asked.bet_id:
        raise Invalid("this quote is of another bet", code="quote_invalid")
    is_there = await store.lock(conn, tenant_id, user_id, asked.bet_id)
    before = await store.request(conn, tenant_id, user_id, asked.key)
    if before is not None:
        if before[0] != asked.body_sha256:
            raise KeyReused
        return Decision(True, before[1])
    if not is_there:
        raise NotFound("no such bet")
    standing = (await store.standings(conn, tenant_id, [user_id], [asked.bet_id]))[asked.bet_id]
    answer = await _answer(conn, tenant_id, standing, asked, at)
    await store.keep(conn, tenant_id, user_id, asked.key, asked.body_sha256, answer, at)
    return Decision(False, answer)


async def _answer(
    conn: Connection, tenant_id: UUID, standing: Standing, asked: Asked, at: datetime
) -> dict[str, Any]:
    terms = await store.terms(conn, tenant_id)
    refusal = rules.refusal(standing, terms, at)
    if refusal is not None:
        return {"refusal": refusal}
    now = rules.quote(standing, terms, asked.shown.share_bps, at)
    if now is None:
        return {"refusal": "cash_out_too_small"}
    refusal = rules.changed(asked.shown, now, asked.policy, at)
    if refusal is not None:
        return {"refusal": refusal, **_said(now), "quote": rules.written(now)}
    cash_out_id = ids.new(at)
    await store.pay(
        conn, tenant_id, cash_out_id, standing, now, terms.margin_bps, by_order=False, at=at
    )
    return {"cash_out_id": str(cash_out_id), "at": at.isoformat(), **_said(now)}


def _said(quote: Quote) -> dict[str, Any]:
    return {
        "bet_id": str(quote.bet_id),
        "currency": quote.currency,
        "amount_minor": quote.amount_minor,
        "stake_minor": quote.stake_minor,
        "rest_minor": quote.rest_minor,
    }


# -- by itself ---------------------------------------------------------------------------------


async def order(
    conn: Connection,
    tenant_id: UUID,
    user_id: UUID,
    bet_id: UUID,
    at_least_minor: int,
    at: datetime,
) -> None:
    """Cash the bet out, all that is left of it, as soon as that pays so much.

    Raises NotFound, Conflict `bet_ended`, of a free bet `cash_out_unavailable`, of one each
    way `cash_out_each_way`; Invalid
    `amount_out_of_range` for what the bet can never pay.
    """
    if not await store.lock(conn, tenant_id, user_id, bet_id):
        raise NotFound("no such bet")
    bet = (await store.standings(conn, tenant_id, [user_id], [bet_id]))[bet_id].bet
    if bet.status != "open":
        raise Conflict("this bet has ended", code="bet_ended")
    if bet.each_way:
        raise Conflict("a bet each way is not cashed out", code="cash_out_each_way")
    if bet.is_free:
        raise Conflict("a free bet is not cashed out", code="cash_out_unavailable")
    if not 0 < at_least_minor <= bet.potential_payout_minor - bet.cashed_minor:
        raise Invalid("the bet can never pay that much", code="amount_out_of_range")
    await store.set_order(conn, tenant_id, bet_id, user_id, at_least_minor, at)


async def drop_order(
    conn: Connection, tenant_id: UUID, user_id: UUID, bet_id: UUID, at: datetime
) -> None:
    """Nothing is done by itself any more. Raises NotFound where nothing was going to be."""
    is_there = await store.lock(conn, tenant_id, user_id, bet_id)
    if not is_there or not await store.end_order(conn, tenant_id, bet_id, "dropped", at):
        raise NotFound("there is no such order")


async def ripe(
    conn: Connection, tenant_id: UUID, after: UUID, limit: int, at: datetime
) -> tuple[list[Order], UUID | None]:
    """Of the next `limit` orders those whose bets are worth enough now, and where to go on."""
    orders = await store.waiting(conn, tenant_id, after, limit)
    if not orders:
        return [], None
    terms = await store.terms(conn, tenant_id)
    found = await store.standings(
        conn, tenant_id, [one.user_id for one in orders], [one.bet_id for one in orders]
    )
    ready = [one for one in orders if _reached(found.get(one.bet_id), one, terms, at) is not None]
    return ready, orders[-1].bet_id if len(orders) == limit else None


def _reached(standing: Standing | None, order: Order, terms: Terms, at: datetime) -> Quote | None:
    """The quote for all that is left, where it reaches what was ordered."""
    if standing is None or rules.refusal(standing, terms, at) is not None:
        return None
    found = _quoted(standing, terms, rules.WHOLE_BPS, at)
    return found if found is not None and found.amount_minor >= order.at_least_minor else None


async def carry_out(conn: Connection, tenant_id: UUID, order: Order, at: datetime) -> bool:
    """Do an order in the transaction that pays it, if its bet is still worth enough under the lock.

    Whether it was done; one that another has done, or its player has dropped, is not.
    """
    if not await store.lock(conn, tenant_id, order.user_id, order.bet_id):
        return False
    now = (await store.orders(conn, tenant_id, [order.bet_id])).get(order.bet_id)
    found = await store.standings(conn, tenant_id, [order.user_id], [order.bet_id])
    standing = found[order.bet_id]
    terms = await store.terms(conn, tenant_id)
    if now is None or now.state != "waiting":
        return False
    quote = _reached(standing, now, terms, at)
    if quote is None:
        return False
    paid_id = ids.new(at)
    await store.pay(
        conn, tenant_id, paid_id, standing, quote, terms.margin_bps, by_order=True, at=at
    )
    return await store.end_order(conn, tenant_id, order.bet_id, "done", at)


# -- terms -------------------------------------------------------------------------------------


async def terms_of(conn: Connection, tenant_id: UUID) -> Terms:
    """What the tenant pays for bets that end early."""
    return await store.terms(conn, tenant_id)


async def set_terms(conn: Connection, principal: Principal, terms: Terms, at: datetime) -> None:
    """Other terms, for every quote from now on. Raises Invalid (see `rules.check`)."""
    rules.check(terms)
    before = await store.terms(conn, principal.tenant_id)
    await store.set_terms(conn, principal.tenant_id, terms)
    target = f"tenant:{principal.tenant_id}"
    await audit.write(conn, principal, at, "cash_out.terms", target, asdict(before), asdict(terms))
