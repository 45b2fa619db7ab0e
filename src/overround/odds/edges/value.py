"""Prices above what all sources believe together, the one that is judged among them.

A price is evidence against itself. Of many sources the one with the highest price is mostly the one
that is wrong, and those that judge it by the others alone believe every such error
(docs/edges.md: what that costs). So each source speaks with the noise that it is known for, and
with the age of its last word, as in `pricing.belief`; sources that copy one another speak as one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from overround.core.price import SCALE_E4
from overround.odds.edges.model import Policy
from overround.odds.edges.view import View
from overround.odds.pricing import fair
from overround.odds.pricing.belief import belief, log_odds, passed_by

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Markets whose sides overlap sum to more than one, and their sides are no answers to one question.
OVERLAPPING: Final = frozenset({"double_chance"})
# Some twenty megabytes.
_SOLVED_MAX: Final = 100_000


@dataclass(frozen=True, slots=True)
class Voices:
    """The sources of a view as they speak, [sources]: their noise, which are sharp, and as which
    of the independent ones each counts."""

    noise: Floats
    is_sharp: Bools
    group: Ints


@dataclass(frozen=True, slots=True)
class Judged:
    """For markets of n sides: what is believed of each [m, n], how much in doubt [m] (standard
    deviation of the log-odds), how many independent sources other than each one speak
    [m, sources], and whether a sharp one does [m]."""

    fair: Floats
    doubt: Floats
    judges: Ints
    by_sharp: Bools


@dataclass(frozen=True, slots=True)
class Beliefs:
    """The same by column of a view: [columns], `judges` [sources, columns].

    NaN where nobody can say.
    """

    fair: Floats
    doubt: Floats
    judges: Ints
    by_sharp: Bools


class Solved:
    """Prices of a source without their overround, as they were solved before.

    Of ten sources that quote a market one has moved since the last look, and solving is most of
    what a look costs (test: what was solved before is what is solved anew).
    """

    def __init__(self) -> None:
        # What is as long is of as many answers, so the bytes of a market's prices say which it is.
        self._known: dict[str, dict[bytes, bytes]] = {}

    def devig(self, prices: Floats, method: str) -> Floats:
        """`fair.devig` of markets [k, n]."""
        known = self._known.setdefault(method, {})
        raw, size = prices.tobytes(), prices.shape[-1] * prices.itemsize
        keys = [raw[first : first + size] for first in range(0, len(raw), size)]
        missing = {key: place for place, key in enumerate(keys) if key not in known}
        if missing:
            if len(known) + len(missing) > _SOLVED_MAX:
                known.clear()
                missing = {key: place for place, key in enumerate(keys)}
            solved = fair.devig(prices[list(missing.values())], method).probabilities
            known.update(zip(missing, (row.tobytes() for row in solved), strict=True))
        return np.frombuffer(b"".join([known[key] for key in keys])).reshape(prices.shape)


_SOLVED: Final = Solved()


def voices(view: View, policy: Policy) -> Voices:
    """How the sources of a view speak by the policy; clones are one group."""
    groups = [policy.clones.get(source, source) for source in view.sources]
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    return Voices(
        np.array([policy.noise_of(source) for source in view.sources]),
        view.is_sharp,
        np.array([numbers[group] for group in groups], np.int64),
    )


def judged(prices: Floats, passed: Floats, speaking: Voices, policy: Policy) -> Judged:
    """What is believed of prices [m, sources, n], 0 for none, of which `passed` [m, sources] of a
    round has passed."""
    complete: Bools = np.all(prices > 1.0, axis=-1)
    # Most sources quote few of the markets, so only what is quoted is solved.
    quoted = prices[complete]
    said = np.full(prices.shape, np.nan)
    said[complete] = (
        fair.multiplicative(quoted)
        if policy.method == "multiplicative"
        else _SOLVED.devig(quoted, policy.method)
    )
    heard: Bools = complete & ~np.any(np.isnan(said), axis=-1)
    sharp: Bools = heard & speaking.is_sharp
    by_sharp: Bools = np.any(sharp, axis=1)
    speaks: Bools = heard
    if policy.reference == "sharp":
        speaks = np.where(by_sharp[:, None], sharp, heard)
    voice = np.eye(int(speaking.group.max(initial=-1)) + 1)[speaking.group]
    alike = speaks @ voice
    # Each of several clones has their number times the variance: together they weigh as one.
    noise = speaking.noise * np.sqrt(np.maximum(alike[:, speaking.group], 1.0))
    together = belief(log_odds(said), speaks, noise, passed, policy.drift)
    independent: Ints = (alike > 0).sum(axis=1, keepdims=True)
    own: Bools = alike[:, speaking.group] > 0
    return Judged(together.probabilities, together.doubt, independent - own, by_sharp)


def beliefs(view: View, policy: Policy) -> Beliefs:
    """What is believed of every column of a view."""
    sources, width = view.net_e4.shape
    found = Beliefs(
        np.full((width,), np.nan),
        np.full((width,), np.inf),
        np.zeros((sources, width), np.int64),
        np.zeros((width,), np.bool_),
    )
    speaking, passed = voices(view, policy), _passed(view)
    sizes = np.array([len(cells.sides) for cells in view.markets], np.int64)
    overlaps = np.array([m.market_type in OVERLAPPING for m in view.markets], np.bool_)
    for n in sorted({int(size) for size in sizes[~overlaps].tolist()}):
        if n < 2:
            continue
        places = np.flatnonzero((sizes == n) & ~overlaps)
        columns: Ints = view.starts[places][:, None] + np.arange(n)
        prices = view.open_e4[:, columns].transpose(1, 0, 2) / SCALE_E4
        one = judged(prices, passed[places], speaking, policy)
        found.fair[columns] = one.fair
        found.doubt[columns] = one.doubt[:, None]
        found.judges[:, columns] = one.judges.T[:, :, None]
        found.by_sharp[columns] = one.by_sharp[:, None]
    return found


def best_values(view: View, seen: Beliefs, policy: Policy) -> tuple[Ints, Ints, Floats]:
    """The price of most value of each column that has one: rows, columns and expected nets, [k]."""
    prices = view.net_e4 / SCALE_E4
    enough = seen.judges >= policy.judges_min
    if policy.reference == "sharp":
        enough |= seen.by_sharp & (seen.judges > 0)
    taking = (view.net_e4 > 0) & (view.open_e4 <= policy.value_price_e4_max) & enough
    expected = np.where(taking & ~np.isnan(seen.fair), prices * seen.fair - 1.0, -1.0)
    if not expected.size:
        none = np.zeros(0, np.int64)
        return none, none, np.zeros(0)
    rows = expected.argmax(axis=0)
    best = expected[rows, np.arange(expected.shape[1])]
    columns = np.flatnonzero(best * 1_000_000 >= policy.value_ppm_min)
    return rows[columns], columns, best[columns]


def chance_of_gain(fair_chance: float, doubt: float, price: float) -> float:
    """How sure it is that a price is above the fair one: what is believed of it is normal in
    log-odds, with `doubt` as its standard deviation
    (test: how sure an edge is lies between its doubts)."""
    beyond = math.log(fair_chance / (1.0 - fair_chance)) + math.log(price - 1.0)
    return 0.5 * (1.0 + math.erf(beyond / (doubt * math.sqrt(2.0))))


def _passed(view: View) -> Floats:
    """How much of a round has passed since each source's last change on the event, by market:
    [markets, sources]."""
    passed = np.ones((len(view.markets), len(view.sources)))
    events = [cells.event_id for cells in view.markets]
    first = 0
    while first < len(events):
        last = first
        while last + 1 < len(events) and events[last + 1] == events[first]:
            last += 1
        width = slice(int(view.starts[first]), view.span(last).stop)
        passed[first : last + 1] = passed_by(view.changed_us[:, width].max(axis=1))
        first = last + 1
    return passed
