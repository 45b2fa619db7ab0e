"""What the edge engine finds and how much of it is true, in memory: no database, no clock.

    python -m benchmarks.edges simulator [SEED [MINUTES]]
    python -m benchmarks.edges replay PATH [NAME]

`simulator` knows the true chances: every verified arbitrage is paid out at its own stakes in every
score of its legs, and every value edge before the start is compared with what it is truly worth.
`replay` reads a feed's files twice and compares the two logs of opportunities; where the files have
results, what was found is settled on them. Both print JSON.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from statistics import mean, median
from typing import Any, Final
from uuid import UUID

import numpy as np

from overround.core import grading, ids, payoff
from overround.core.facts import Facts
from overround.odds import edges, pricing
from overround.odds.board import Board, CellState, to_us
from overround.odds.catalogue import market_and_selections
from overround.odds.edges import Policy, Scope, StoredEdge, Terms, lifecycle
from overround.odds.feeds import FeedBatch, FeedEvent, FeedResult
from overround.odds.feeds.simulator import Simulator
from overround.odds.pricing import surebet
from overround.roles.archive import files

PPM: Final = 1_000_000
ORIGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
SPEED: Final = 30.0
# What exchanges keep of a profit where they take part in a past season.
COMMISSION: Final = Terms(commission_bps=500)
POLICY: Final = Policy(terms={"BFE": COMMISSION})


@dataclass(slots=True)
class Replayed:
    """A board fed by batches, the edges that are open on it and all that ever happened to them."""

    policy: Policy = POLICY
    board: Board = field(default_factory=Board)
    scopes: dict[UUID, Scope] = field(default_factory=dict[UUID, Scope])
    event_of: dict[tuple[str, str], UUID] = field(default_factory=dict[tuple[str, str], UUID])
    open: dict[lifecycle.Key, StoredEdge] = field(default_factory=dict[lifecycle.Key, StoredEdge])
    ever: dict[UUID, StoredEdge] = field(default_factory=dict[UUID, StoredEdge])
    first: dict[UUID, StoredEdge] = field(default_factory=dict[UUID, StoredEdge])
    verified: dict[UUID, StoredEdge] = field(default_factory=dict[UUID, StoredEdge])
    log: Any = field(default_factory=hashlib.sha256)
    entries: int = 0
    look_s: list[float] = field(default_factory=list[float])

    def take(self, batches: Iterable[FeedBatch], kinds: Mapping[str, str], at: datetime) -> None:
        """Put batches on the board and look at what they touch."""
        touched: dict[UUID, None] = {}
        for batch in batches:
            touched[self._apply(batch, kinds)] = None
        began = time.process_time()
        scopes = {event_id: self.scopes[event_id] for event_id in touched}
        found = edges.look(self.board, scopes, at, self.policy)
        wanted = {str(event_id) for event_id in touched}
        before = {key: edge for key, edge in self.open.items() if key[0] in wanted}
        step = lifecycle.step(before, found, at)
        self.look_s.append(time.process_time() - began)
        for edge in (*step.added, *step.changed, *step.gone):
            self._note(edge)
        for edge in (*step.added, *step.changed, *step.seen):
            self.open[lifecycle.key_of(edge)] = edge
        for edge in step.gone:
            del self.open[lifecycle.key_of(edge)]

    def drop(self, event_id: UUID, at: datetime) -> None:
        """The event is over: nothing of it is on the board."""
        if self.scopes.pop(event_id, None) is None:
            return
        self.board.drop(event_id)
        for key in [key for key in self.open if key[0] == str(event_id)]:
            edge = self.open.pop(key)
            for gone in lifecycle.step({key: edge}, [], at).gone:
                self._note(gone)

    def _note(self, edge: StoredEdge) -> None:
        self.log.update(json.dumps(asdict(edge), default=str, sort_keys=True).encode())
        self.entries += 1
        self.first.setdefault(edge.id, edge)
        self.ever[edge.id] = edge
        if edge.status == "verified":
            self.verified[edge.id] = edge

    def _apply(self, batch: FeedBatch, kinds: Mapping[str, str]) -> UUID:
        event_id = self._event(batch.event)
        cells: dict[tuple[int, int], tuple[int, int, int]] = {}
        at_us = to_us(batch.observed_at)
        for price in batch.prices:
            kind = "exchange" if kinds.get(price.source) == "exchange" else "bookmaker"
            source = self.board.add_source(
                len(self.board.sources), batch.event.provider, price.source, kind
            )
            asked = (price.market.market_type, price.market.period, price.market.line_q4)
            market, selections = market_and_selections(event_id, *asked)
            on = self.board.add_market(
                market.id, event_id, *asked, {side: one.id for side, one in selections.items()}
            )
            if price.side not in on.sides:
                continue
            column = int(on.columns[on.sides.index(price.side)])
            state = CellState.SUSPENDED if price.suspended else CellState.OPEN
            seen_us = to_us(price.seen_at) if price.seen_at else at_us
            cells[source.row, column] = (price.price_e4, state, seen_us)
        if batch.snapshot:
            self._absent(batch, event_id, cells, at_us)
        if cells:
            places, values = np.array(list(cells)), np.array(list(cells.values()))
            self.board.apply(
                places[:, 0].astype(np.int64),
                places[:, 1].astype(np.int64),
                values[:, 0].astype(np.int32),
                values[:, 1].astype(np.int8),
                values[:, 2].astype(np.int64),
            )
        return event_id

    def _absent(
        self,
        batch: FeedBatch,
        event_id: UUID,
        cells: dict[tuple[int, int], tuple[int, int, int]],
        at_us: int,
    ) -> None:
        named = np.array(list(cells) or np.zeros((0, 2)), np.int64)
        rows, columns = self.board.absent(batch.event.provider, event_id, named[:, 0], named[:, 1])
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            cells[row, column] = (0, CellState.WITHDRAWN, at_us)

    def _event(self, event: FeedEvent) -> UUID:
        known = self.event_of.get(event.key)
        if known is None:
            known = ids.derived(ORIGIN, "bench", *event.key)
            self.event_of[event.key] = known
        self.scopes.setdefault(known, Scope(event.sport, event.starts_at))
        return known


# -- what is true ----------------------------------------------------------------------------------


def worst_net_ppm(edge: StoredEdge, sport: str) -> int:
    """The net of the worst score at the edge's own stakes, in millionths, rounded down."""
    legs = [lifecycle.leg_of(leg) for leg in edge.legs]
    level = all(grading.may_end_level(sport, leg.market_type, leg.period) for leg in legs)
    asked = [
        pricing.Leg(
            leg.market_type,
            leg.side,
            Fraction(leg.price_e4, 10_000),
            leg.line_q4,
            leg.period,
            commission=Fraction(POLICY.terms.get(leg.source, Terms()).commission_bps, 10_000),
        )
        for leg in legs
    ]
    stakes = [Fraction(leg.stake_ppm, PPM) for leg in legs]
    worst, _ = surebet.exact_nets(asked, stakes, level=level)
    return worst.numerator * PPM // worst.denominator


def settled(edge: StoredEdge, result: FeedResult) -> Fraction | None:
    """The net that the result pays at the edge's stakes, None where it does not say."""
    total = Fraction(0)
    for leg in (lifecycle.leg_of(one) for one in edge.legs):
        grade = grading.grade(
            leg.market_type, leg.period, leg.line_q4, leg.side, Facts(dict(result.scores))
        )
        if grade is None:
            return None
        net = payoff.multiplier(grade, leg.price_e4) - 1
        terms = POLICY.terms.get(leg.source)
        if terms is not None and net > 0:
            net *= 1 - Fraction(terms.commission_bps, 10_000)
        total += Fraction(leg.stake_ppm, PPM) * net
    return total


def simulate(seed: int, minutes: float) -> dict[str, object]:
    """Run the simulated market and compare what is found with what is true."""
    feed = Simulator(seed, ORIGIN, SPEED, ends_after_min=minutes)
    run, true_edges = Replayed(), list[tuple[int, float, bool]]()
    compared: set[UUID] = set()
    changes: list[int] = []
    at: datetime | None = feed.next_at()
    while at is not None:
        said = feed.until(at)
        if said.batches:
            kinds = {p.source: feed.source_kind(p.source) for b in said.batches for p in b.prices}
            run.take(said.batches, kinds, at)
            changes.append(sum(len(batch.prices) for batch in said.batches))
            _compare(feed, run, at, compared, true_edges)
        for result in said.results:
            event_id = run.event_of.get(result.key)
            if event_id is not None:
                run.drop(event_id, at)
        at = feed.next_at()
    return {
        "prices": sum(changes),
        **_told(run),
        "arbitrages": _arbitrages(run),
        "value": _value(true_edges),
    }


def _compare(
    feed: Simulator,
    run: Replayed,
    at: datetime,
    compared: set[UUID],
    true_edges: list[tuple[int, float, bool]],
) -> None:
    """Each new value edge before the start beside the path's own probability at that minute."""
    minute = (at - ORIGIN).total_seconds() / 60 * SPEED
    new = [e for e in run.open.values() if e.kind == "value" and e.id not in compared]
    names = {event_id: key for key, event_id in run.event_of.items()} if new else {}
    for edge in new:
        compared.add(edge.id)
        if run.scopes[edge.event_id].starts_at <= at:
            continue
        number = int(names[edge.event_id][1].rpartition("-")[2])
        quotes = feed._matches[number].quotes  # noqa: SLF001  (the truth is nobody's to see but ours)
        leg = lifecycle.leg_of(edge.legs[0])
        for place, (market, side) in enumerate(quotes.board.cells):
            named = (market.market_type, market.period, market.line_q4, side)
            if named == (leg.market_type, leg.period, leg.line_q4, leg.side):
                true = float(quotes.true(minute)[place]) * leg.price_e4 / 10_000 - 1
                true_edges.append((edge.edge_ppm, true, edge.suspect))


def _told(run: Replayed) -> dict[str, object]:
    lives = defaultdict[str, list[float]](list)
    for edge in run.ever.values():
        if edge.expired_at is not None:
            lives[edge.kind].append((edge.expired_at - edge.detected_at).total_seconds())
    looks = sorted(run.look_s)
    return {
        "edges": dict(sorted(Counter(edge.kind for edge in run.ever.values()).items())),
        "verified": dict(sorted(Counter(edge.kind for edge in run.verified.values()).items())),
        "reasons": dict(
            sorted(Counter(r for edge in run.first.values() for r in edge.reasons).items())
        ),
        "median_life_s": {kind: median(found) for kind, found in sorted(lives.items())},
        "log_entries": run.entries,
        "log_sha256": run.log.hexdigest(),
        "looks": len(looks),
        "look_ms_p50": round(1000 * looks[len(looks) // 2], 2) if looks else None,
        "look_ms_p99": round(1000 * looks[int(len(looks) * 0.99)], 2) if looks else None,
        "look_ms_max": round(1000 * looks[-1], 2) if looks else None,
    }


def _arbitrages(run: Replayed) -> dict[str, object]:
    """Of the verified arbitrages: how many pay what they say in every score, at their stakes."""
    found = [edge for edge in run.verified.values() if edge.kind == "arbitrage"]
    sure = [edge for edge in found if edge.pays == "sure"]
    true = sum(worst_net_ppm(edge, edge.sport) > 0 for edge in sure)
    rolls = [edge for edge in found if edge.pays == "free_roll"]
    not_losing = sum(worst_net_ppm(edge, edge.sport) >= -2 for edge in rolls)
    return {
        "verified_sure": len(sure),
        "payoff_true": true,
        "verified_free_rolls": len(rolls),
        "not_losing": not_losing,
        "cross": sum("same_line" not in edge.tags for edge in found),
        "mean_guaranteed_ppm": round(mean(e.guaranteed_ppm for e in sure)) if sure else None,
    }


def _value(found: Sequence[tuple[int, float, bool]]) -> dict[str, object]:
    trusted = [(ppm, true) for ppm, true, suspect in found if not suspect]
    if not trusted:
        return {"compared": 0}
    return {
        "compared": len(found),
        "not_suspect": len(trusted),
        "mean_claimed_ppm": round(mean(ppm for ppm, _ in trusted)),
        "mean_true_ppm": round(mean(true for _, true in trusted) * PPM),
        "truly_positive_share": round(sum(true > 0 for _, true in trusted) / len(trusted), 3),
    }


# -- a past season ---------------------------------------------------------------------------------


def replay(path: Path) -> dict[str, object]:
    """Read the files twice; the report of the first and whether the second is the same."""
    runs = [_replayed(path) for _ in range(2)]
    report = runs[0]
    return {"identical": runs[0]["log_sha256"] == runs[1]["log_sha256"], **report}


def _replayed(path: Path) -> dict[str, object]:
    season = files.read(path)
    run = Replayed()
    by_time: defaultdict[datetime, list[FeedBatch]] = defaultdict(list)
    for batch in season.season.batches:
        by_time[batch.observed_at].append(batch)
    results = {result.key: result for result in season.season.results}
    starts = sorted((event.starts_at, event.key) for event in season.season.events)
    gone = 0
    for at in sorted(by_time):
        while gone < len(starts) and starts[gone][0] < at:
            event_id = run.event_of.get(starts[gone][1])
            if event_id is not None:
                run.drop(event_id, starts[gone][0])
            gone += 1
        run.take(by_time[at], season.kinds, at)
    return {
        "prices": season.prices,
        **_told(run),
        "arbitrages": _arbitrages(run),
        "settled": _settled(run, results),
    }


def _settled(
    run: Replayed, results: Mapping[tuple[str, str], FeedResult]
) -> dict[str, dict[str, object]]:
    """What was found, at its first stakes, on what happened: by kind and whether it was suspect."""
    keys = {event_id: key for key, event_id in run.event_of.items()}
    nets: defaultdict[str, list[tuple[Fraction, int]]] = defaultdict(list)
    for edge in run.first.values():
        result = results.get(keys[edge.event_id])
        net = settled(edge, result) if result else None
        if net is not None:
            name = f"{edge.kind}{' suspect' if edge.suspect else ''}"
            nets[name].append((net, edge.edge_ppm))
    return {
        name: {
            "edges": len(found),
            "lost": sum(net < -Fraction(3, PPM) for net, _ in found),
            "mean_claimed_ppm": round(mean(ppm for _, ppm in found)),
            "mean_net_ppm": round(mean(float(net) for net, _ in found) * PPM),
        }
        for name, found in sorted(nets.items())
    }


def main() -> None:
    """Run what is asked for and print it."""
    if len(sys.argv) >= 3 and sys.argv[1] == "replay":
        report = replay(Path(sys.argv[2]))
    elif len(sys.argv) >= 2 and sys.argv[1] == "simulator":
        seed, minutes = (
            (*sys.argv[2:], "7", "240")[:2] if len(sys.argv) != 3 else (sys.argv[2], "240")
        )
        report = simulate(int(seed), float(minutes))
    else:
        sys.exit("say what: python -m benchmarks.edges simulator | replay PATH")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
