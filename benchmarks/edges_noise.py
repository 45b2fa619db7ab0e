"""How far off each source is, learnt from closes: of a simulated market and of past seasons.

A sample is one market at one moment before its start, with what was believed of it at the close.
Nothing here knows the truth: a trader with a record of prices can learn the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from benchmarks.edges_board import ORIGIN, POLICY, Replayed
from overround.odds.edges import Policy
from overround.odds.edges.value import OVERLAPPING
from overround.odds.feeds.simulator import Simulator
from overround.odds.pricing import Floats, closeness, fair
from overround.odds.pricing.belief import belief, log_odds, passed_by
from overround.odds.pricing.closeness import Closeness
from overround.roles.archive import files

SPEED: Final = 30.0
# Of the looks at an event one in so many is kept: those between them say much the same.
KEPT: Final = 6
DRIFTS: Final = (0.0, 0.02, 0.03, 0.05, 0.07, 0.1, 0.14, 0.2)

Prices = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sample:
    """Prices [sources, n] of a market at a moment, what of a round had passed since each source
    spoke [sources], and the log-odds of the close [n]."""

    sources: tuple[str, ...]
    prices: Prices
    passed: Floats
    close: Floats


@dataclass(slots=True)
class _Seen:
    """An event before its start: what was kept of it, and its last prices."""

    kept: list[tuple[UUID, Prices, Floats]] = field(
        default_factory=list[tuple[UUID, Prices, Floats]]
    )
    last: dict[UUID, Prices] = field(default_factory=dict[UUID, Prices])
    looks: int = 0


def simulated(seed: int, minutes: float) -> list[Sample]:
    """Samples of a simulated market, of what is on its board."""
    feed, run = Simulator(seed, ORIGIN, SPEED, ends_after_min=minutes), Replayed()
    seen: defaultdict[UUID, _Seen] = defaultdict(_Seen)
    found: list[Sample] = []
    at = feed.next_at()
    while at is not None:
        said = feed.until(at)
        for batch in said.batches:
            kinds: Mapping[str, str] = {p.source: feed.source_kind(p.source) for p in batch.prices}
            event_id = run.put(batch, kinds)
            if run.scopes[event_id].starts_at > at:
                _keep(run, event_id, seen[event_id])
        for event_id in [key for key in seen if run.scopes[key].starts_at <= at]:
            found += _samples(seen.pop(event_id), tuple(s.key for s in run.board.sources))
        at = feed.next_at()
    return found


def season(path: Path) -> list[Sample]:
    """Samples of a season's opening prices, with the close of every market that has one."""
    kept: defaultdict[Any, dict[str, dict[str, dict[str, float]]]] = defaultdict(dict)
    for batch in files.read(path).season.batches:
        for price in batch.prices:
            market = kept[batch.event.key, price.market].setdefault(batch.phase, {})
            market.setdefault(price.source, {})[price.side] = price.price_e4 / 10_000
    sources = sorted({s for both in kept.values() for one in both.values() for s in one})
    found: list[Sample] = []
    for both in kept.values():
        if {"opening", "closing"} <= both.keys():
            sides = sorted({side for by_side in both["opening"].values() for side in by_side})
            then, close = (
                np.array([[both[phase].get(s, {}).get(side, 0.0) for side in sides]
                          for s in sources])
                for phase in ("opening", "closing")
            )  # fmt: skip
            found += _sampled(tuple(sources), [then], [np.zeros(len(sources))], close)
    return found


def learnt(samples: Sequence[Sample], policy: Policy = POLICY) -> Policy:
    """The policy with the noise of each source and the drift that these samples teach."""
    record = Closeness()
    for sources, group in _groups(samples).items():
        said = _log_odds(np.stack([one.prices for one in group]), policy.method)
        record = closeness.learnt(record, sources[0], said, np.stack([one.close for one in group]))
    noises = {
        source: round(closeness.noise(record, source, policy.noise_of(source)), 4)
        for source in record.markets
    }
    return _with_drift(samples, policy, noises)


def _with_drift(samples: Sequence[Sample], policy: Policy, noises: Mapping[str, float]) -> Policy:
    """Of some drifts the one whose beliefs are nearest to the close."""
    off = dict.fromkeys(DRIFTS, 0.0)
    for sources, group in _groups(samples).items():
        said = _log_odds(np.stack([one.prices for one in group]), policy.method)
        heard = ~np.isnan(said[..., 0])
        close = np.stack([one.close for one in group])
        passed = np.stack([one.passed for one in group])
        noise = np.array([noises[source] for source in sources[0]])
        for drift in DRIFTS:
            together = belief(said, heard, noise, passed, drift)
            off[drift] += float(np.nansum((log_odds(together.probabilities) - close) ** 2))
    return replace(policy, noises=dict(noises), drift=min(DRIFTS, key=lambda one: off[one]))


def _groups(samples: Iterable[Sample]) -> dict[tuple[tuple[str, ...], int], list[Sample]]:
    """Samples of the same sources and number of answers: those that stack."""
    found: defaultdict[tuple[tuple[str, ...], int], list[Sample]] = defaultdict(list)
    for one in samples:
        found[one.sources, one.prices.shape[1]].append(one)
    return dict(found)


def _keep(run: Replayed, event_id: UUID, seen: _Seen) -> None:
    markets = run.board.markets_of(event_id)
    if not markets:
        return
    passed = passed_by(run.changed_us(event_id))
    for cells in markets:
        if cells.market_type not in OVERLAPPING:
            prices = run.prices(cells)
            seen.last[cells.market_id] = prices
            if seen.looks % KEPT == 0:
                seen.kept.append((cells.market_id, prices, passed))
    seen.looks += 1


def _samples(seen: _Seen, sources: tuple[str, ...]) -> list[Sample]:
    found: list[Sample] = []
    for market_id, close in seen.last.items():
        mine = [one for one in seen.kept if one[0] == market_id]
        wide = [_widened(prices, len(sources)) for _, prices, _ in mine]
        ages = [np.pad(age, (0, len(sources) - len(age)), constant_values=1.0) for *_, age in mine]
        found += _sampled(sources, wide, ages, _widened(close, len(sources)))
    return found


def _widened(prices: Prices, rows: int) -> Prices:
    """With rows for the sources that came later."""
    return np.pad(prices, ((0, rows - len(prices)), (0, 0)))


def _sampled(
    sources: tuple[str, ...], then: Sequence[Prices], ages: Sequence[Floats], close: Prices
) -> list[Sample]:
    said = _log_odds(close[None], POLICY.method)
    heard = ~np.isnan(said[..., 0])
    if not heard.any():
        return []
    noise = np.array([POLICY.noise_of(source) for source in sources])
    at_close = belief(said, heard, noise, np.zeros((1, len(sources))), 0.0).probabilities
    ended = log_odds(at_close)[0]
    return [Sample(sources, prices, age, ended) for prices, age in zip(then, ages, strict=True)]


def _log_odds(prices: Prices, method: str) -> Floats:
    """Log-odds of prices [m, s, n] without their overround; NaN where a source has none."""
    complete = np.all(prices > 1.0, axis=-1)
    found = np.full(prices.shape, np.nan)
    found[complete] = log_odds(fair.devig(prices[complete], method).probabilities)
    return found
