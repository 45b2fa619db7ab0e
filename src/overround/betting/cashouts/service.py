"""Cash-outs' use cases, in the caller's transaction.

A refusal is an answer: it is stored with its request, so `cash_out` returns it instead of raising,
and the caller commits first and refuses then. What is asked of a bet with an open leg in play has
no answer yet: it stands the delay that a bet on these legs would, and is held against the state,
the score and the value of then (test: what happens in the delay of a cash out decides).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from overround.betting.cashouts import rules, store
from overround.betting.cashouts.model import (
    Asked,
    Decision,
    ListedOrder,
    ListedRequest,
    Order,
    Pass,
    Quote,
    Request,
    RequestState,
    Standing,
    Terms,
    Valuation,
)
from overround.core import ids, money
from overround.core.errors import Conflict, Invalid, NotFound, at_field
from overround.core.principal import Principal
from overround.db import Connection, audit
from overround.kit.idempotency import KeyReused
from overround.people import tenants

# Bets whose values are looked at in one go.
BETS_MAX: Final = 50
# What is paid in one go of what has stood its delay.
DUE_MAX: Final = 100


# -- what a bet is worth -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Look:
    """Some bets as they are seen together."""

    terms: Terms
    secret: bytes
    standings: Mapping[UUID, Standing]
    orders: Mapping[UUID, Order]
    latest: Mapping[UUID, Request]


async def _look(
    conn: Connection,
    tenant_id: UUID,
    user_ids: Sequence[UUID],
    bet_ids: Sequence[UUID],
    at: datetime,
    scores: Sequence[object] | None = None,
) -> _Look:
    return _Look(
        await store.terms(conn, tenant_id),
        await store.secret(conn),
        await store.standings(conn, tenant_id, user_ids, bet_ids, at, scores),
        await store.orders(conn, tenant_id, bet_ids),
        await store.latest(conn, tenant_id, bet_ids),
    )


async def values(
    conn: Connection, tenant_id: UUID, user_id: UUID, bet_ids: Sequence[UUID], at: datetime
) -> list[Valuation]:
    """What some of a player's bets (at most 50) are worth to the house now, in the order asked.

    A bet that is not his is absent; shares that are cashed out already are left out.
    """
    asked = bet_ids[:BETS_MAX]
    look = await _look(conn, tenant_id, [user_id], asked, at)
    return [
        _valuation(look, standing, rules.shares_left(standing.bet), at)
        for standing in (look.standings.get(bet_id) for bet_id in asked)
        if standing is not None
    ]


async def value(
    conn: Connection, tenant_id: UUID, user_id: UUID, bet_id: UUID, share_bps: int, at: datetime
) -> Valuation:
    """The same of one bet for one share, cumulative. Raises NotFound, Invalid
    `share_out_of_range`."""
    look = await _look(conn, tenant_id, [user_id], [bet_id], at)
    if bet_id not in look.standings:
        raise NotFound("no such bet")
    with at_field("query/share_bps"):
        return _valuation(look, look.standings[bet_id], [share_bps], at)


def _valuation(
    look: _Look, standing: Standing, shares_bps: Sequence[int], at: datetime
) -> Valuation:
    bet = standing.bet
    last, order = look.latest.get(bet.id), look.orders.get(bet.id)
    refusal = rules.refusal(standing, look.terms, at)
    if last is not None and last.is_waiting:
        refusal = "cash_out_waiting"
    quotes: list[Quote] = []
    if refusal is None:
        found = [rules.quote(standing, look.terms, share_bps, at) for share_bps in shares_bps]
        quotes = [rules.sealed(one, look.secret) for one in found if one is not None]
        refusal = None if quotes else "cash_out_too_small"
    is_open = bet.status == "open"
    ordered = order if is_open and order is not None and order.state == "waiting" else None
    waits = None if ordered is None else ordered.at_least_minor
    open_minor = bet.stake_minor - bet.cashed_stake_minor if is_open else 0
    return Valuation(bet.id, quotes, refusal, waits, bet.cashed_minor, open_minor, last)


# -- ending it ---------------------------------------------------------------------------------


async def cash_out(
    conn: Connection, tenant_id: UUID, user_id: UUID, asked: Asked, at: datetime
) -> Decision:
    """End a bet, or a part of it, at what it is worth now; committed with its answer.

    The same key gets the same answer, a refusal too: what `rules.refusal` says, `quote_expired`,
    `cash_out_changed` with a new quote, `cash_out_too_small`, `cash_out_waiting`. Raises NotFound,
    KeyReused, Invalid `quote_invalid`, `share_out_of_range`.
    """
    shown = rules.read(asked.quote, await store.secret(conn))
    if shown.bet_id != asked.bet_id:
        raise Invalid("this quote is of another bet", code="quote_invalid", field="quote")
    is_there = await store.lock(conn, tenant_id, user_id, asked.bet_id)
    before = await store.by_key(conn, tenant_id, user_id, asked.key)
    if before is not None:
        if before.body_sha256 != asked.body_sha256:
            raise KeyReused
        return Decision(True, before)
    if not is_there:
        raise NotFound("no such bet")
    look = await _look(conn, tenant_id, [user_id], [asked.bet_id], at)
    one = Request(
        ids.new(at), user_id, asked.bet_id, asked.key, asked.body_sha256, shown.share_bps,
        shown.amount_minor, shown.digest, asked.policy, asked.tolerance_bps, at,
    )  # fmt: skip
    with at_field("quote"):
        return Decision(False, await _take(conn, tenant_id, look, one, at, shown.expires_at))


async def _take(
    conn: Connection, tenant_id: UUID, look: _Look, one: Request, at: datetime, until: datetime
) -> Request:
    """Pay what is asked, refuse it or let it wait. What was agreed to stands `until` then."""
    standing, last = look.standings[one.bet_id], look.latest.get(one.bet_id)
    if last is not None and last.is_waiting:
        found = {"refusal": "cash_out_waiting"}
    else:
        found = await _decided(conn, tenant_id, look, one, at, until)
    if not isinstance(found, Quote):
        taken = replace(one, answer=found)
    elif delay_ms := await _delay_ms(conn, tenant_id, standing):
        due_at = at + timedelta(milliseconds=delay_ms)
        taken = replace(one, due_at=due_at, scores=standing.scores)
    else:
        taken = replace(one, answer=await _paid(conn, tenant_id, look, one, found, at))
    await store.keep(conn, tenant_id, taken)
    return taken


async def _delay_ms(conn: Connection, tenant_id: UUID, standing: Standing) -> int:
    if not standing.is_in_play:
        return 0
    return await store.delay_ms(conn, tenant_id, standing.bet.user_id, standing.bet.id)


async def _decided(
    conn: Connection,
    tenant_id: UUID,
    look: _Look,
    one: Request,
    at: datetime,
    until: datetime | None,
) -> Quote | dict[str, Any]:
    """What is paid for the request now, or the answer that refuses it; `until` None: it has stood
    its delay. A house that takes no bets pays none, whenever it was asked
    (test: a house that was suspended in the delay pays nothing)."""
    if (await tenants.by_id(conn, tenant_id)).status != "active":
        return {"refusal": "tenant_suspended"}
    standing = look.standings[one.bet_id]
    refusal = rules.refusal(standing, look.terms, at, has_waited=until is None)
    if refusal is not None:
        return {"refusal": refusal}
    now = rules.quote(standing, look.terms, one.share_bps, at)
    if now is None:
        return {"refusal": "cash_out_too_small"}
    is_late = until is not None and until <= at
    refusal = "quote_expired" if is_late else rules.changed(one.agreed, now)
    if refusal is None:
        return now
    return {"refusal": refusal, **_said(now), "quote": _text(look, now)}


async def _paid(
    conn: Connection, tenant_id: UUID, look: _Look, one: Request, now: Quote, at: datetime
) -> dict[str, Any]:
    """Pay it, and say so; an order that asked for it is done with it, and with the bet any other
    ends."""
    standing = look.standings[one.bet_id]
    await store.pay(conn, tenant_id, one, standing, now, look.terms.margin_bps, at)
    if not now.rest_minor:
        state = "done" if one.key is None else "ended"
        await store.end_order(conn, tenant_id, one.bet_id, state, at)
    return {"cash_out_id": str(one.id), "at": at.isoformat(), **_said(now)}


def _text(look: _Look, quote: Quote) -> str:
    return rules.written(rules.sealed(quote, look.secret))


def _said(quote: Quote) -> dict[str, Any]:
    return {
        "bet_id": str(quote.bet_id),
        "currency": quote.currency,
        "amount_minor": quote.amount_minor,
        "stake_minor": quote.stake_minor,
        "rest_minor": quote.rest_minor,
    }


# -- after its delay ---------------------------------------------------------------------------


async def asked(conn: Connection, tenant_id: UUID, user_id: UUID, asked_id: UUID) -> Request:
    """One request of the player. Raises NotFound for anybody else's."""
    found = await store.mine(conn, tenant_id, user_id, asked_id)
    if found is None:
        raise NotFound("no such cash-out")
    return found


async def tenants_due(conn: Connection, at: datetime) -> list[UUID]:
    """Whose requests have stood their delay; for a transaction of no tenant."""
    return await store.tenants_due(conn, at)


async def due(conn: Connection, tenant_id: UUID, at: datetime) -> list[UUID]:
    """Which requests of the tenant have stood their delay, at most a hundred."""
    return await store.due(conn, tenant_id, at, DUE_MAX)


async def pay_due(
    conn: Connection, tenant_id: UUID, asked_id: UUID, at: datetime
) -> Request | None:
    """Pay or refuse a request that has stood its delay; None where another does or has.

    It is held by its row, so that two who do this never take the same
    (test: a cash out in play is paid once by four settlers).
    """
    one = await store.claim(conn, tenant_id, asked_id)
    if one is None or one.due_at is None:
        return None
    answer: dict[str, Any] = {"refusal": "cash_out_expired"}
    if at < one.due_at + rules.LATE_MAX:
        await store.lock(conn, tenant_id, one.user_id, one.bet_id)
        look = await _look(conn, tenant_id, [one.user_id], [one.bet_id], at, one.scores)
        now = await _decided(conn, tenant_id, look, one, at, None)
        is_due = isinstance(now, Quote)
        answer = await _paid(conn, tenant_id, look, one, now, at) if is_due else now
    await store.answer(conn, tenant_id, one.id, answer)
    return replace(one, answer=answer)


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
    way `cash_out_each_way`, `cash_out_waiting`, and `order_reached` with a quote where the bet pays
    that much now: nobody is to lose a bet in the moment he sets an order for later. Invalid
    `amount_out_of_range` for nothing, and for what the bet can never pay.
    """
    if not await store.lock(conn, tenant_id, user_id, bet_id):
        raise NotFound("no such bet")
    look = await _look(conn, tenant_id, [user_id], [bet_id], at)
    bet = look.standings[bet_id].bet
    refusal = rules.bet_refusal(bet)
    if refusal is not None:
        raise Conflict(rules.REFUSALS[refusal], code=refusal)
    _check_not_waiting(look.latest.get(bet_id))
    rules.check_order(bet, at_least_minor)
    now = _reached(look, bet_id, at_least_minor, at)
    if now is not None:
        facts = {"amount": money.to_text(now.amount_minor, bet.currency), "quote": _text(look, now)}
        said = "the bet pays that much now: cash it out, or say more"
        raise Conflict(said, code="order_reached", facts=facts, field="amount")
    await store.set_order(conn, tenant_id, bet_id, user_id, at_least_minor, at)


def _check_not_waiting(last: Request | None, *, by_order: bool = False) -> None:
    if last is not None and last.is_waiting and (last.key is None or not by_order):
        raise Conflict(rules.REFUSALS["cash_out_waiting"], code="cash_out_waiting")


async def drop_order(
    conn: Connection, tenant_id: UUID, user_id: UUID, bet_id: UUID, at: datetime
) -> None:
    """Nothing is done by itself any more.

    Raises NotFound where nothing was going to be, Conflict `bet_ended`, and `cash_out_waiting`:
    what has asked already stands its delay, as its player would have to.
    """
    is_there = await store.lock(conn, tenant_id, user_id, bet_id)
    if is_there and await store.is_over(conn, tenant_id, bet_id):
        raise Conflict(rules.REFUSALS["bet_ended"], code="bet_ended")
    last = (await store.latest(conn, tenant_id, [bet_id] if is_there else [])).get(bet_id)
    _check_not_waiting(last, by_order=True)
    if not is_there or not await store.end_order(conn, tenant_id, bet_id, "dropped", at):
        raise NotFound("there is no such order")


async def ripe(conn: Connection, tenant_id: UUID, after: UUID, limit: int, at: datetime) -> Pass:
    """Of the next `limit` orders those whose bets are worth enough now or over, and where to go
    on."""
    orders = await store.waiting(conn, tenant_id, after, limit)
    if not orders:
        return Pass([], [], None)
    users, bet_ids = [one.user_id for one in orders], [one.bet_id for one in orders]
    look = await _look(conn, tenant_id, users, bet_ids, at)
    ready = [
        one
        for one in orders
        if one.bet_id in look.standings and _reached(look, one.bet_id, one.at_least_minor, at)
    ]
    over = [bet_id for bet_id, one in look.standings.items() if one.bet.status != "open"]
    return Pass(ready, over, orders[-1].bet_id if len(orders) == limit else None)


async def end_orders(
    conn: Connection, tenant_id: UUID, bet_ids: Sequence[UUID], at: datetime
) -> int:
    """End the orders of those of some bets that are over; how many. A bet that a correction opens
    again has none."""
    return await store.end_over(conn, tenant_id, bet_ids, at)


def _reached(look: _Look, bet_id: UUID, at_least_minor: int, at: datetime) -> Quote | None:
    """The quote for all that is left, where it reaches what was ordered."""
    standing = look.standings[bet_id]
    if rules.refusal(standing, look.terms, at) is not None:
        return None
    found = rules.quote(standing, look.terms, rules.WHOLE_BPS, at)
    return found if found is not None and found.amount_minor >= at_least_minor else None


async def carry_out(
    conn: Connection, tenant_id: UUID, order: Order, at: datetime
) -> Request | None:
    """Ask what an order asks for, if its bet is still worth enough under the lock.

    None where it is not, and where another has done so or its player has dropped it.
    """
    if not await store.lock(conn, tenant_id, order.user_id, order.bet_id):
        return None
    look = await _look(conn, tenant_id, [order.user_id], [order.bet_id], at)
    now, last = look.orders.get(order.bet_id), look.latest.get(order.bet_id)
    if now is None or now.state != "waiting" or (last is not None and last.is_waiting):
        return None
    quote = _reached(look, order.bet_id, now.at_least_minor, at)
    if quote is None:
        return None
    one = Request(
        ids.new(at), now.user_id, now.bet_id, None, None, rules.WHOLE_BPS, now.at_least_minor, "",
        "higher", 0, at,
    )  # fmt: skip
    return await _take(conn, tenant_id, look, one, at, quote.expires_at)


# -- the office's lists --------------------------------------------------------------------------


async def listed(
    conn: Connection, tenant_id: UUID, state: RequestState | None, before: UUID, limit: int
) -> list[ListedRequest]:
    """A page of what the tenant's players and their orders asked, newest first, below an id."""
    return await store.listed(conn, tenant_id, state, before, limit)


async def listed_orders(
    conn: Connection, tenant_id: UUID, before: UUID, limit: int
) -> list[ListedOrder]:
    """A page of the orders that stand, that of the newest bet first, below a bet's id."""
    return await store.listed_orders(conn, tenant_id, before, limit)


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
