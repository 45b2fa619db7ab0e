"""What the edge engine finds and how much of it is true, in memory: no database, no clock.

    python -m benchmarks.edges simulator [SEED [MINUTES]]
    python -m benchmarks.edges replay PATH
    python -m benchmarks.edges learn SEED...
    python -m benchmarks.edges report [DATA]

`simulator` knows the true chances: every verified arbitrage is paid out in every score of its legs,
at its shares and in whole units, and by its result; every price of value is compared with what it
is truly worth at that minute. `replay` reads a feed's files twice and compares the two logs of
opportunities; what was found is settled, and prices of value are held against the close. `learn`
learns the noise of sources from closes. `report` does all of it and writes docs/reports/edges.md.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any, Final
from uuid import UUID

from benchmarks import edges_noise, edges_report
from benchmarks.edges_board import ORIGIN, POLICY, PPM, Replayed
from benchmarks.edges_truth import (
    Judged,
    closing_net,
    legs_of,
    settled,
    simulated_net,
    whole_net_ppm,
    worst_net_ppm,
)
from overround.core import grading
from overround.odds.edges import Policy, StoredEdge
from overround.odds.feeds import FeedBatch, FeedResult
from overround.odds.feeds.simulator import Simulator
from overround.roles.archive import files

SPEED: Final = 30.0
# The closing book that a price of value is held against: asked least for, and followed by others.
CLOSER: Final = "pinnacle"


@dataclass(slots=True)
class _Market:
    """A simulated market and what was found on it."""

    feed: Simulator
    run: Replayed
    judged: list[Judged] = field(default_factory=list[Judged])
    seen: set[UUID] = field(default_factory=set[UUID])
    results: dict[UUID, FeedResult] = field(default_factory=dict[UUID, FeedResult])

    def compare(self, at: datetime) -> None:
        """Hold every new price of value against its truth at this minute."""
        minute = (at - ORIGIN).total_seconds() / 60 * SPEED
        new = [e for e in self.run.open.values() if e.kind == "value" and e.id not in self.seen]
        names = {event_id: key for key, event_id in self.run.event_of.items()} if new else {}
        for edge in new:
            self.seen.add(edge.id)
            number = int(names[edge.event_id][1].rpartition("-")[2])
            (leg,) = legs_of(edge)
            true = simulated_net(self.feed, number, minute, leg)
            if true is not None:
                live = "live" in edge.tags
                claimed, sure = edge.edge_ppm / PPM, edge.confidence_ppm / PPM
                self.judged.append(Judged(claimed, sure, true, edge.suspect, live))


def simulate(seed: int, minutes: float, policy: Policy = POLICY) -> dict[str, Any]:
    """Run the simulated market and compare what is found with what is true."""
    market = _Market(Simulator(seed, ORIGIN, SPEED, ends_after_min=minutes), Replayed(policy))
    feed, run = market.feed, market.run
    prices = 0
    at: datetime | None = feed.next_at()
    while at is not None:
        said = feed.until(at)
        if said.batches:
            kinds = {p.source: feed.source_kind(p.source) for b in said.batches for p in b.prices}
            run.take(said.batches, kinds, at)
            prices += sum(len(batch.prices) for batch in said.batches)
            market.compare(at)
        for result in said.results:
            event_id = run.event_of.get(result.key)
            if event_id is not None:
                market.results[event_id] = result
                run.drop(event_id, at)
        at = feed.next_at()
    found = [edge for edge in run.verified.values() if edge.kind == "arbitrage"]
    return {
        "seed": seed,
        "prices": prices,
        **_told(run),
        "arbitrages": _arbitrages(found, market.results),
        "value": edges_report.value(market.judged),
    }


def _told(run: Replayed) -> dict[str, Any]:
    lives = defaultdict[str, list[float]](list)
    for edge in run.ever.values():
        if edge.expired_at is not None:
            lives[edge.kind].append((edge.expired_at - edge.detected_at).total_seconds())
    looks = sorted(run.look_s)
    return {
        "edges": _counted(edge.kind for edge in run.ever.values()),
        "verified": _counted(edge.kind for edge in run.verified.values()),
        "reasons": _counted(reason for edge in run.first.values() for reason in edge.reasons),
        "median_life_s": {kind: median(found) for kind, found in sorted(lives.items())},
        "log_entries": run.entries,
        "log_sha256": run.log.hexdigest(),
        "looks": len(looks),
        "look_ms_p50": round(1000 * looks[len(looks) // 2], 2) if looks else None,
        "look_ms_p99": round(1000 * looks[int(len(looks) * 0.99)], 2) if looks else None,
    }


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _arbitrages(found: Sequence[StoredEdge], results: Mapping[UUID, FeedResult]) -> dict[str, Any]:
    """Of the verified arbitrages: how many pay what they say in every score, at their shares and in
    whole units, and what they paid when it was over."""
    sure = [edge for edge in found if edge.pays == "sure"]
    rolls = [edge for edge in found if edge.pays == "free_roll"]
    whole = [net for edge in sure if (net := whole_net_ppm(edge)) is not None]
    over = [(e, results[e.event_id]) for e in found if e.event_id in results]
    paid = [
        net
        for edge, result in over
        if result.status == "finished" and (net := settled(edge, result)) is not None
    ]
    return {
        "verified_sure": len(sure),
        "payoff_true": sum(worst_net_ppm(edge) > 0 for edge in sure),
        "placeable_in_whole_units": len(whole),
        "payoff_true_in_whole_units": sum(net > 0 for net in whole),
        "verified_free_rolls": len(rolls),
        # A share in millionths is off by one of them for every leg.
        "not_losing": sum(worst_net_ppm(edge) >= -len(edge.legs) for edge in rolls),
        "cross": sum("same_line" not in edge.tags for edge in found),
        "settled": len(paid),
        "lost": sum(net < -Fraction(3, PPM) for net in paid),
        "mean_guaranteed_ppm": _mean_ppm([e.guaranteed_ppm / PPM for e in sure]),
        "mean_guaranteed_whole_ppm": _mean_ppm([net / PPM for net in whole]),
    }


def _mean_ppm(shares: Sequence[float]) -> int | None:
    return round(sum(shares) / len(shares) * PPM) if shares else None


# -- a past season ---------------------------------------------------------------------------------


def replay(path: Path, policy: Policy = POLICY, times: int = 2) -> dict[str, Any]:
    """Read the files `times` times; the report of the first and whether the others are the same."""
    runs = [_replayed(path, policy) for _ in range(times)]
    return {"identical": len({run["log_sha256"] for run in runs}) == 1, **runs[0]}


def _replayed(path: Path, policy: Policy) -> dict[str, Any]:
    season = files.read(path)
    run = Replayed(policy)
    by_time: defaultdict[datetime, list[FeedBatch]] = defaultdict(list)
    for batch in season.season.batches:
        by_time[batch.observed_at].append(batch)
    starts = sorted((event.starts_at, event.key) for event in season.season.events)
    gone = 0
    for at in sorted(by_time):
        while gone < len(starts) and starts[gone][0] < at:
            event_id = run.event_of.get(starts[gone][1])
            if event_id is not None:
                run.drop(event_id, starts[gone][0])
            gone += 1
        run.take(by_time[at], season.kinds, at)
    results = {result.key: result for result in season.season.results}
    found = [edge for edge in run.verified.values() if edge.kind == "arbitrage"]
    keys = {event_id: key for key, event_id in run.event_of.items()}
    at_close = _closes(season.season.batches)
    beside = [
        Judged(edge.edge_ppm / PPM, edge.confidence_ppm / PPM, net, edge.suspect, live=False)
        for edge in run.first.values()
        if edge.kind == "value" and (net := _against(edge, keys, at_close)) is not None
    ]
    return {
        "prices": season.prices,
        **_told(run),
        "arbitrages": _arbitrages(found, {}),
        "settled": _settled(run, keys, results),
        "value_against_close": edges_report.value(beside),
    }


Closes = Mapping[tuple[tuple[str, str], str, str, int | None], Mapping[str, tuple[datetime, int]]]


def _closes(batches: Sequence[FeedBatch]) -> Closes:
    """The last price of the closing book on every side, by event and question, and since when it
    was there."""
    found: defaultdict[Any, dict[str, tuple[datetime, int]]] = defaultdict(dict)
    for batch in sorted(batches, key=lambda one: one.observed_at):
        if batch.observed_at <= batch.event.starts_at:
            for price in batch.prices:
                if price.source == CLOSER and not price.suspended:
                    market = price.market
                    asked = (batch.event.key, market.market_type, market.period, market.line_q4)
                    found[asked][price.side] = batch.observed_at, price.price_e4
    return found


def _against(
    edge: StoredEdge, keys: Mapping[UUID, tuple[str, str]], at_close: Closes
) -> float | None:
    """The worth of a price at the close; None for what was only found at the close, or has none."""
    (leg,) = legs_of(edge)
    close = at_close.get((keys[edge.event_id], leg.market_type, leg.period, leg.line_q4), {})
    sides = grading.sides(leg.market_type)
    if len(close) < len(sides) or max(at for at, _ in close.values()) <= edge.detected_at:
        return None
    return closing_net(leg, {side: price_e4 for side, (_, price_e4) in close.items()}, sides)


def _settled(
    run: Replayed,
    keys: Mapping[UUID, tuple[str, str]],
    results: Mapping[tuple[str, str], FeedResult],
) -> dict[str, dict[str, Any]]:
    """What was found, at its first shares, on what happened: by kind and whether it was suspect."""
    nets: defaultdict[str, list[tuple[Fraction, int]]] = defaultdict(list)
    for edge in run.first.values():
        result = results.get(keys[edge.event_id])
        net = settled(edge, result) if result else None
        if net is not None:
            nets[f"{edge.kind}{' suspect' if edge.suspect else ''}"].append((net, edge.edge_ppm))
    return {
        name: {
            "edges": len(found),
            "lost": sum(net < -Fraction(3, PPM) for net, _ in found),
            "mean_claimed_ppm": _mean_ppm([ppm / PPM for _, ppm in found]),
            "mean_net_ppm": _mean_ppm([float(net) for net, _ in found]),
            "net_error_ppm": round(edges_report.error([float(net) for net, _ in found]) * PPM),
        }
        for name, found in sorted(nets.items())
    }


# -- the command -----------------------------------------------------------------------------------


def main() -> None:
    """Run what is asked for and print it."""
    match sys.argv[1:]:
        case ["replay", path]:
            print(json.dumps(replay(Path(path)), indent=1))
        case ["simulator", *rest] if len(rest) < 3:
            seed, minutes = (*rest, *("7", "240")[len(rest) :])
            print(json.dumps(simulate(int(seed), float(minutes)), indent=1))
        case ["learn", *seeds] if seeds:
            samples = [one for seed in seeds for one in edges_noise.simulated(int(seed), 60.0)]
            policy = edges_noise.learnt(samples)
            print(json.dumps({"drift": policy.drift, "noises": dict(policy.noises)}, indent=1))
        case ["report", *rest] if len(rest) < 2:
            data = Path(rest[0]) if rest else Path("../shared/data")
            print(edges_report.written(data, simulate, replay))
        case _:
            sys.exit("say what: python -m benchmarks.edges simulator | replay | learn | report")


if __name__ == "__main__":
    main()
