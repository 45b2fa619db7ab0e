"""Edges found on the board: looked for, renewed, confirmed, expired; in the hub's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import numpy as np

from overround.db import Connection
from overround.kit.settings import RetentionSettings
from overround.odds import board as boards
from overround.odds.board import Board
from overround.odds.edges import engine, lifecycle, rules, store
from overround.odds.edges.lifecycle import NOBODY, SecondLook
from overround.odds.edges.model import Found, Policy, Scope, StoredEdge
from overround.odds.edges.standing import Standing
from overround.odds.edges.view import Sheet, view_of

# A price seen longer than this before the start is no closing price to compare with another.
CLOSING_LAG_MS_MAX = 3_600_000
# What is looked for where nobody says otherwise.
DEFAULT: Final = Policy()
# How long what is over is kept where nobody says otherwise, and how much is forgotten at a time.
KEPT: Final = timedelta(days=RetentionSettings().edges_days)
FORGOTTEN_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look left: how many edges there are, whether one came, changed or went, those of which
    a leg has to be asked about, and the events of which one waits for its second look, with the
    time from which it is too old."""

    edges: int = 0
    differs: bool = False
    asking: tuple[StoredEdge, ...] = ()
    waiting: Mapping[UUID, datetime] = field(default_factory=dict[UUID, datetime])


@dataclass(slots=True)
class CloseCount:
    """Arbitrages among the closing prices of one market type.

    `found` are all whose best prices sum below one, `clean` those without a suspect price,
    `guaranteed` those whose payoffs gain in every state.
    """

    found: int = 0
    clean: int = 0
    guaranteed: int = 0

    def as_dict(self) -> dict[str, int]:
        """The figures by their names in a report."""
        counts = asdict(self)
        return {"all": counts.pop("found"), **counts}


def look(
    board: Board, scopes: Mapping[UUID, Scope], at: datetime, policy: Policy = DEFAULT
) -> list[Found]:
    """Every edge on the events of `scopes` as the board stands at `at`, in a fixed order."""
    by_event = [board.markets_of(event_id) for event_id in scopes]
    none = np.zeros(0, np.int64)
    columns = np.concatenate([none, *(cells.columns for found in by_event for cells in found)])
    rows = len(board.sources)
    sheet = Sheet(
        board.open_e4[:rows, columns].astype(np.int64),
        board.observed_us[:rows, columns],
        board.changed_us[:rows, columns],
        board.pace.heard_us[:rows],
    )
    view = view_of(board.sources, by_event, sheet, scopes, policy, boards.to_us(at))
    return engine.look(view, policy)


async def follow(
    conn: Connection,
    scopes: Mapping[UUID, Scope],
    found: Sequence[Found],
    at: datetime,
    second: SecondLook = NOBODY,
    standing: Standing | None = None,
) -> Looked:
    """Write what is new, changed or gone by a look at the events that has `found` this at `at`.
    `standing` is what is open of them as the caller knows it, kept as it is written.

    A later look at which every leg stands for a second time verifies an edge that nothing speaks
    against (test: an edge is detected renewed and expired).
    """
    standing = standing or Standing()
    unknown = standing.unknown(scopes)
    if unknown:
        standing.know(unknown, await store.open_edges(conn, unknown))
    known = standing.of(scopes)
    if not found and not known:
        return Looked()
    step = lifecycle.step(known, found, at, second)
    if step.gone:
        await store.expire(conn, [edge.id for edge in step.gone], at)
    written = 0
    if step.added:
        written += await store.add(conn, step.added)
    if step.changed:
        written += await store.renew(conn, step.changed)
    if step.seen:
        written += await store.seen(conn, step.seen, at)
    standing.step(step)
    if written < len(step.added) + len(step.changed) + len(step.seen):
        # A result was entered by hand meanwhile: what stands is read anew at the next look.
        standing.forget(scopes)
    differs = bool(step.added or step.changed or step.gone)
    return Looked(len(found), differs, step.asking, step.waiting)


async def forget(conn: Connection, at: datetime, kept: timedelta) -> int:
    """Delete edges that have been over for longer than `kept`, some at a time."""
    return await store.forget(conn, at - kept, FORGOTTEN_MAX)


async def count_closing(conn: Connection, event_ids: Sequence[UUID]) -> dict[str, CloseCount]:
    """Arbitrages among the stored closing prices of some events, by market type."""
    quotes: defaultdict[tuple[UUID, str, int | None], dict[str, dict[str, int]]] = defaultdict(dict)
    for price in await boards.closing(conn, event_ids, "bookmaker", CLOSING_LAG_MS_MAX):
        market = quotes[price.market_id, price.market_type, price.line_q4]
        market.setdefault(price.source, {})[price.side] = price.price_e4
    counts: defaultdict[str, CloseCount] = defaultdict(CloseCount)
    for (_, market_type, line_q4), by_source in quotes.items():
        count = counts[market_type]
        arbitrage = rules.arbitrage(market_type, line_q4, by_source)
        if arbitrage is not None:
            count.found += 1
            count.clean += not arbitrage.suspect
            count.guaranteed += arbitrage.guaranteed > 0
    return dict(counts)
