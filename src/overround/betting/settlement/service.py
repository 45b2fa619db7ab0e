"""Settlement's use case, in the caller's transaction: bets of some events, graded and paid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final
from uuid import UUID

from overround.betting import freebets
from overround.betting.settlement import rules, store
from overround.betting.settlement.model import (
    NOT_RULED,
    Asked,
    Basis,
    BetOn,
    Desk,
    Graded,
    Movement,
    Proposed,
    Ruled,
    Ruling,
    StoredLeg,
    StoredRuling,
    Verdict,
    WaitsFor,
)
from overround.core import ids, reasons
from overround.core.errors import Conflict, Forbidden, NotFound
from overround.core.principal import SYSTEM_ACTOR, Principal
from overround.db import Connection, audit, work
from overround.kit.idempotency import KeyReused
from overround.money.ledger import Violation

# Bets that are read, graded and paid in one go; an event with more is done in as many
# transactions, which any number of settlers share.
PORTION: Final = 2_000

# When everything that has been entered is known, whatever time it is dated.
_EVER: Final = datetime.max.replace(tzinfo=UTC)

# How far back the office's desk looks for what was never settled.
WAITING_BEHIND: Final = timedelta(days=60)


async def touched(
    conn: Connection, tenant_id: UUID, event_ids: Sequence[UUID], at: datetime
) -> list[UUID]:
    """The tenant's bets that settling the events at `at` would touch, in order."""
    known = _versions(await basis_of(conn, tenant_id, event_ids, at), event_ids)
    return await store.touched(conn, tenant_id, known)


async def unsettled(
    conn: Connection, tenant_id: UUID, event_id: UUID, bet_ids: Sequence[UUID], at: datetime
) -> list[UUID]:
    """Those of the bets that the event would still touch: two settlers who go through the same
    bets pass over what the other has done (test: a large event is shared by settlers)."""
    known = _versions(await basis_of(conn, tenant_id, [event_id], at), [event_id])
    return await store.unsettled(conn, tenant_id, bet_ids, event_id, known[event_id])


def _versions(basis: Basis, event_ids: Sequence[UUID]) -> dict[UUID, tuple[int, int]]:
    """By which version of its result, and of the tenant's rulings, each event is known; 0: none."""
    return {
        event_id: (
            basis.results[event_id].version if event_id in basis.results else 0,
            basis.ruled[event_id].version if event_id in basis.ruled else 0,
        )
        for event_id in event_ids
    }


async def basis_of(
    conn: Connection, tenant_id: UUID, event_ids: Sequence[UUID], at: datetime
) -> Basis:
    """What is known of events at `at`, and what the tenant has ruled.

    A correction that somebody has to agree to is not known until he does
    (test: a correction above the threshold waits for a person).
    """
    return Basis(
        await store.known(conn, tenant_id, event_ids, at),
        await store.ruled(conn, tenant_id, event_ids),
    )


async def settle_bets(
    conn: Connection,
    tenant_id: UUID,
    bet_ids: Sequence[UUID],
    at: datetime,
    players: set[UUID] | None = None,
    *,
    wait: bool = True,
) -> int:
    """Bring bets to what is known of their events at `at`; returns how many stand otherwise now.

    Whose bets they are is added to `players`, for whoever tells them after the commit. Running it
    again moves nothing again. Without `wait` bets in other hands are left out.
    """
    changed = 0
    locked = await store.lock_bets(conn, tenant_id, bet_ids, wait=wait)
    for first in range(0, len(locked), PORTION):
        legs = await store.legs_of(conn, tenant_id, locked[first : first + PORTION])
        basis = await basis_of(conn, tenant_id, list({leg.event_id for leg in legs}), at)
        free = await freebets.of_bets(conn, tenant_id, list({leg.bet_id for leg in legs}))
        graded: list[Graded] = []
        verdicts: list[Verdict] = []
        back_minor: dict[UUID, int] = {}
        for its_legs in bet_by_bet(legs):
            news, verdict = rules.settle(its_legs, basis)
            graded += news
            if verdict is not None:
                verdicts.append(verdict)
                if (used := free.get(verdict.bet_id)) is not None:
                    back_minor[verdict.bet_id] = rules.back_minor(
                        its_legs, news, verdict, stake_returned=used.stake_returned
                    )
                if players is not None:
                    players.add(its_legs[0].user_id)
        if graded or verdicts:
            changed += await store.settle(conn, tenant_id, at, graded, verdicts, back_minor)
    return changed


async def settle_events(
    conn: Connection,
    tenant_id: UUID,
    event_ids: Sequence[UUID],
    at: datetime,
    players: set[UUID] | None = None,
) -> int:
    """Bring all of the tenant's bets on the events to what is known at `at`; see `settle_bets`."""
    await ask_about_corrections(conn, tenant_id, event_ids, at)
    bet_ids = await touched(conn, tenant_id, event_ids, at)
    return await settle_bets(conn, tenant_id, bet_ids, at, players) if bet_ids else 0


async def settle_due(
    conn: Connection,
    tenant_id: UUID,
    at: datetime,
    limit: int,
    players: set[UUID] | None = None,
) -> int:
    """Claim what is due for the tenant, settle it and forget it; returns the bets changed.

    `players` as in `settle_bets`.
    """
    event_ids = await work.claim(conn, "settle", tenant_id, at, limit)
    if not event_ids:
        return 0
    changed = await settle_events(conn, tenant_id, event_ids, at, players)
    await work.done(conn, "settle", tenant_id, event_ids)
    return changed


async def ask_about_corrections(
    conn: Connection, tenant_id: UUID, event_ids: Sequence[UUID], at: datetime
) -> int:
    """Hold back what would take back, or pay again, more than goes by itself; returns how many.

    A newer version of a result changes bets that are settled. Where that moves more money than one
    person of the tenant may move alone, the product proposes it as a ruling and settles by what was
    known before, until somebody agrees. What was never settled is no correction.
    """
    basis = await basis_of(conn, tenant_id, event_ids, at)
    newer = {event_id: found for event_id, found in basis.results.items() if found.version > 1}
    if not newer:
        return 0
    agreed = await store.agreed(conn, tenant_id, list(newer))
    most_minor = await store.alone_max_minor(conn, tenant_id)
    asked = 0
    for event_id, result in newer.items():
        if (event_id, result.version) in agreed:
            continue
        bet_ids = await store.graded_before(conn, tenant_id, event_id, result.version)
        would = await _would_move(conn, tenant_id, bet_ids, basis, at)
        if would.moved_minor > most_minor:
            asked += 1
            await store.propose_correction(
                conn,
                tenant_id,
                ids.new(at),
                event_id,
                result.version,
                reason=f"version {result.version} of the result, by {result.entered_by}",
                bets=would.bets,
                moved_minor=would.moved_minor,
                by=SYSTEM_ACTOR,
                at=at,
            )
    return asked


async def _would_move(
    conn: Connection, tenant_id: UUID, bet_ids: Sequence[UUID], supposed: Basis, at: datetime
) -> Movement:
    """What settling some bets would move, of the events in `supposed` by what stands there."""
    movements: list[Movement] = []
    for first in range(0, len(bet_ids), PORTION):
        legs = await store.legs_of(conn, tenant_id, bet_ids[first : first + PORTION])
        known = await basis_of(conn, tenant_id, list({leg.event_id for leg in legs}), at)
        basis = Basis({**known.results, **supposed.results}, {**known.ruled, **supposed.ruled})
        for its_legs in bet_by_bet(legs):
            _, verdict = rules.settle(its_legs, basis)
            if verdict is not None:
                movements.append(rules.movement(its_legs, verdict))
    return rules.together(movements)


def bet_by_bet(legs: Sequence[StoredLeg]) -> Iterator[list[StoredLeg]]:
    """The legs of each bet, as they stand in a row."""
    for _, of_bet in groupby(legs, key=lambda leg: leg.bet_id):
        yield list(of_bet)


async def check_deep(conn: Connection, tenant_id: UUID) -> list[Violation]:
    """Every bet that stands otherwise than results and rulings say, graded and paid anew in Python.

    A bet on an event whose settling waits is excused; whether that waits too long is not asked
    here. `conn` is a snapshot, or a bet and its results are seen at two moments.
    """
    waiting = await work.pending(conn, "settle", tenant_id)
    found: list[Violation] = []
    last = UUID(int=0)
    while bet_ids := await store.bets_after(conn, tenant_id, last, PORTION):
        last = bet_ids[-1]
        legs = await store.legs_of(conn, tenant_id, bet_ids)
        basis = await basis_of(conn, tenant_id, list({leg.event_id for leg in legs}), _EVER)
        for its_legs in bet_by_bet(legs):
            if waiting.isdisjoint(leg.event_id for leg in its_legs):
                found += _otherwise(its_legs, basis)
    return found


def _otherwise(legs: Sequence[StoredLeg], basis: Basis) -> Iterator[Violation]:
    """What of a bet is otherwise than what is known makes it; which ruling said so is no matter."""
    news, verdict = rules.settle(legs, basis)
    first = legs[0]
    now = {one.n: one.stands for one in news}
    for leg in legs:
        result = basis.results.get(leg.event_id)
        told = ""
        if (leg.result_version or 0) > (0 if result is None else result.version):
            told = f"leg {leg.n} is graded by a result that is not there"
        elif now.get(leg.n, leg.stands) != leg.stands:
            told = f"leg {leg.n} is {_words(leg.stands)} instead of {_words(now[leg.n])}"
        if told:
            yield Violation("a grade follows from the result", str(leg.bet_id), told)
    if verdict is not None:
        stands = f"{first.outcome} {first.payout_minor}"
        told = f"{stands} instead of {verdict.outcome} {verdict.payout_minor}"
        yield Violation("a bet stands as its results say", str(first.bet_id), told)


def _words(stands: Sequence[str | None]) -> str:
    return " ".join(one for one in stands if one is not None) or "None"


# -- what the tenant says about bets itself ----------------------------------------------------


async def preview(
    conn: Connection,
    tenant_id: UUID,
    event_id: UUID,
    at: datetime,
    *,
    ruling: Ruling | None = None,
    lifted: Ruling | None = None,
) -> Movement:
    """What settling the event now would do, with one ruling more or one less; nothing is written.

    Raises NotFound where the event is not there or what the ruling is about is not of it.
    """
    if not await store.is_there(conn, event_id, ruling or Ruling("void")):
        said = "no such event, or no such market or selection of it"
        raise NotFound(said, field="event_id")
    ruled = (await store.ruled(conn, tenant_id, [event_id])).get(event_id, NOT_RULED)
    holding = list(ruled.rulings)
    if lifted in holding:
        holding.remove(lifted)
    if ruling is not None:
        holding.append(ruling)
    supposed = Basis({}, {event_id: Ruled(ruled.version + 1, holding)})
    bet_ids = await store.on_event(conn, tenant_id, event_id)
    return await _would_move(conn, tenant_id, bet_ids, supposed, at)


async def propose(
    conn: Connection,
    principal: Principal,
    event_id: UUID,
    ruling: Ruling,
    why: str,
    asked: Asked,
    at: datetime,
) -> Proposed:
    """Rule about an event: at once where it moves no more than one person may move alone.

    Bets on the event wait meanwhile, and settlement follows by itself. The same key gets the
    ruling that it made, as it stands (test: a ruling sent twice rules once). Raises NotFound as
    `preview`, Invalid `reason`, `ruling_scope` or `ruling_window`, and KeyReused.
    """
    reason = reasons.reason(why)
    rules.check(ruling)
    tenant_id, by = principal.tenant_id, principal.actor_id
    await store.lock_event(conn, event_id)
    earlier = await store.by_key(conn, tenant_id, by, asked.key)
    if earlier is None:
        would = await preview(conn, tenant_id, event_id, at, ruling=ruling)
        new_id = ids.new(at)
        if await store.propose(
            conn, tenant_id, new_id, event_id, ruling,
            reason=reason, would=would, by=by, asked=asked, at=at,
        ):  # fmt: skip
            if not await needs_second(conn, tenant_id, would):
                await _take_effect(conn, tenant_id, new_id, event_id, by, at)
            made = await _written(conn, principal, new_id, at, "settlement.ruling")
            return Proposed(made, replayed=False)
        # The same key for another event, whose lock is another one, was a moment earlier.
        earlier = await store.by_key(conn, tenant_id, by, asked.key)
    if earlier is None or earlier[1] != asked.body_sha256:
        raise KeyReused
    return Proposed(earlier[0], replayed=True)


async def decide(
    conn: Connection, principal: Principal, ruling_id: UUID, at: datetime, *, agrees: bool
) -> StoredRuling:
    """Somebody else agrees to a ruling, or it is refused. Raises NotFound, Conflict
    `ruling_step`, and Forbidden `second_person` for who would agree to his own."""
    found = await _ruling(conn, principal.tenant_id, ruling_id, "proposed")
    if not agrees:
        await store.decide(conn, principal.tenant_id, ruling_id, principal.actor_id, at, None)
        return await _written(conn, principal, ruling_id, at, "settlement.refuse")
    if found.proposed_by == principal.actor_id:
        raise Forbidden("another person has to agree to this", code="second_person")
    await store.lock_event(conn, found.event_id)
    tenant_id, actor_id = principal.tenant_id, principal.actor_id
    await _take_effect(conn, tenant_id, ruling_id, found.event_id, actor_id, at)
    return await _written(conn, principal, ruling_id, at, "settlement.agree")


async def lift(
    conn: Connection, principal: Principal, ruling_id: UUID, at: datetime
) -> StoredRuling:
    """A ruling holds no more, and its bets are settled by what is known.

    Raises NotFound, Conflict `ruling_step`, and Forbidden `second_person` where that moves more
    than one person may move alone and he proposed it himself.
    """
    tenant_id = principal.tenant_id
    found = await _ruling(conn, tenant_id, ruling_id, "effective")
    if found.kind == "correction":
        raise Conflict("what was agreed to is the result now", code="ruling_step")
    await store.lock_event(conn, found.event_id)
    scope = found.market_id, found.selection_id, found.placed_from, found.placed_to
    would = await preview(conn, tenant_id, found.event_id, at, lifted=Ruling(found.kind, *scope))
    is_own = found.proposed_by == principal.actor_id
    if is_own and await needs_second(conn, tenant_id, would):
        raise Forbidden("another person has to lift this", code="second_person")
    version = await _next_version(conn, tenant_id, found.event_id)
    await store.lift(conn, tenant_id, ruling_id, principal.actor_id, at, version)
    await store.due(conn, tenant_id, found.event_id, at)
    return await _written(conn, principal, ruling_id, at, "settlement.lift")


async def needs_second(conn: Connection, tenant_id: UUID, would: Movement) -> bool:
    """Whether that is more money than one person of the tenant may move alone."""
    return would.moved_minor > await store.alone_max_minor(conn, tenant_id)


async def waiting(
    conn: Connection,
    tenant_id: UUID,
    after: tuple[datetime, UUID],
    at: datetime,
    limit: int,
    waits_for: WaitsFor | None = None,
) -> list[Desk]:
    """Events that have begun by `at` with open legs of the tenant's, oldest first: all, or those
    that wait for one thing."""
    return await store.waiting(conn, tenant_id, after, at, limit, waits_for)


async def bet_on(conn: Connection, tenant_id: UUID, event_id: UUID) -> list[BetOn]:
    """What of an event the tenant's bets are on, at most 500 selections."""
    return await store.bet_on(conn, tenant_id, event_id, 500)


async def rulings(
    conn: Connection,
    tenant_id: UUID,
    *,
    before: UUID | None = None,
    state: str | None = None,
    decided: bool = False,
    event_id: UUID | None = None,
    limit: int,
) -> list[StoredRuling]:
    """A page of the tenant's rulings, newest first; `decided` leaves out the proposed ones."""
    return await store.rulings(
        conn, tenant_id, before=before, state=state, decided=decided, event_id=event_id, limit=limit
    )


async def _take_effect(
    conn: Connection, tenant_id: UUID, ruling_id: UUID, event_id: UUID, by: UUID, at: datetime
) -> None:
    version = await _next_version(conn, tenant_id, event_id)
    await store.decide(conn, tenant_id, ruling_id, by, at, version)
    await store.due(conn, tenant_id, event_id, at)


async def _next_version(conn: Connection, tenant_id: UUID, event_id: UUID) -> int:
    ruled = await store.ruled(conn, tenant_id, [event_id])
    return ruled.get(event_id, NOT_RULED).version + 1


async def _ruling(conn: Connection, tenant_id: UUID, ruling_id: UUID, state: str) -> StoredRuling:
    found = await store.ruling(conn, tenant_id, ruling_id)
    if found is None:
        raise NotFound("no such ruling")
    if found.state != state:
        raise Conflict(f"the ruling is {found.state}", code="ruling_step")
    return found


async def _written(
    conn: Connection, principal: Principal, ruling_id: UUID, at: datetime, action: str
) -> StoredRuling:
    found = await store.ruling(conn, principal.tenant_id, ruling_id)
    assert found is not None
    after = {"state": found.state, "event": str(found.event_id), "moved_minor": found.moved_minor}
    await audit.write(conn, principal, at, action, f"ruling:{ruling_id}", after=after)
    return found
