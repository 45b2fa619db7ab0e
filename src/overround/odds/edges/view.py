"""What one look at the board sees: the markets of the touched events side by side, as arrays.

Rows are the board's sources, columns the sides of the markets one after the other. Prices are net
of what an exchange keeps; an exchange whose terms nobody knows takes no part, and a book that two
providers deliver counts once, by the price seen last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from overround.core.price import SCALE_E4
from overround.odds.board.model import MarketCells, Source
from overround.odds.edges.model import Policy, Scope

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_WHOLE_BPS = 10_000


@dataclass(frozen=True, slots=True)
class View:
    """`net_e4`, `open_e4`, `changed_us` and `word_us` are [sources, columns].

    `word_us` is the source's last word on the whole event, or on anything where its provider says
    only what changes: a source that speaks and leaves a price standing has looked at it. `starts`
    is where each market's columns begin.
    """

    at_us: int
    markets: Sequence[MarketCells]
    scopes: Mapping[UUID, Scope]
    starts: Ints
    sources: tuple[str, ...]
    providers: tuple[str, ...]
    net_e4: Ints
    open_e4: Ints
    changed_us: Ints
    word_us: Ints
    is_sharp: Bools

    def span(self, place: int) -> slice:
        """The columns of the market at a place."""
        first = int(self.starts[place])
        return slice(first, first + len(self.markets[place].sides))

    def quotes(self, place: int) -> dict[str, dict[str, int]]:
        """Net prices of a market by source and side, of the sources that quote any."""
        span, sides = self.span(place), self.markets[place].sides
        found: dict[str, dict[str, int]] = {}
        for row, prices in enumerate(self.net_e4[:, span].tolist()):
            by_side = {side: price for side, price in zip(sides, prices, strict=True) if price}
            if by_side:
                found.setdefault(self.sources[row], {}).update(by_side)
        return found

    def row(self, source: str, column: int, net_e4: int) -> int:
        """The row of a source that has this price in a column."""
        prices = self.net_e4[:, column]
        return next(
            row for row, key in enumerate(self.sources) if key == source and prices[row] == net_e4
        )


@dataclass(frozen=True, slots=True)
class Sheet:
    """The board's arrays of some columns, [sources, columns], and when each source was heard."""

    open_e4: Ints
    seen_us: Ints
    changed_us: Ints
    heard_us: Ints


def view_of(
    sources: Sequence[Source],
    by_event: Sequence[Sequence[MarketCells]],
    sheet: Sheet,
    scopes: Mapping[UUID, Scope],
    policy: Policy,
    at_us: int,
) -> View:
    """The markets `by_event` of a sheet whose columns follow them, as the policy has them seen."""
    markets = [cells for found in by_event for cells in found]
    sizes = np.array([len(cells.sides) for cells in markets], np.int64)
    keys = tuple(source.key for source in sources)
    net_e4 = _net(sources, policy, sheet.open_e4)
    _once(keys, net_e4, sheet.seen_us)
    return View(
        at_us=at_us,
        markets=markets,
        scopes=scopes,
        starts=np.cumsum(sizes) - sizes,
        sources=keys,
        providers=tuple(source.provider for source in sources),
        net_e4=net_e4,
        open_e4=sheet.open_e4,
        changed_us=sheet.changed_us,
        word_us=_words(sources, by_event, sheet, policy),
        is_sharp=np.array([key in policy.sharp for key in keys], np.bool_),
    )


def _words(
    sources: Sequence[Source],
    by_event: Sequence[Sequence[MarketCells]],
    sheet: Sheet,
    policy: Policy,
) -> Ints:
    """Each source's last word, [sources, columns]: see `View`."""
    pushed = np.array([[source.provider in policy.pushed] for source in sources], np.bool_)
    words = np.zeros_like(sheet.seen_us)
    first = 0
    for found in by_event:
        width = sum(len(cells.sides) for cells in found)
        if width:
            part = slice(first, first + width)
            last_us = sheet.seen_us[:, part].max(axis=1, keepdims=True)
            heard_us = np.maximum(sheet.heard_us[:, None], last_us)
            words[:, part] = np.where((last_us > 0) & pushed, heard_us, last_us)
        first += width
    return words


def _net(sources: Sequence[Source], policy: Policy, open_e4: Ints) -> Ints:
    """Prices after commission, rounded down; none of an exchange without terms."""
    kept = np.full((len(sources), 1), _WHOLE_BPS, np.int64)
    for source in sources:
        terms = policy.terms.get(source.key)
        if terms is not None:
            kept[source.row] = _WHOLE_BPS - terms.commission_bps
        elif source.kind == "exchange":
            kept[source.row] = 0
    won_e4 = (open_e4 - SCALE_E4) * kept // _WHOLE_BPS
    return np.where((open_e4 > SCALE_E4) & (won_e4 > 0), SCALE_E4 + won_e4, 0)


def _once(keys: Sequence[str], net_e4: Ints, seen_us: Ints) -> None:
    """Of the rows of one source leave in each column the price that was seen last."""
    if len(set(keys)) == len(keys):
        return
    for key in set(keys):
        rows = np.array([row for row, own in enumerate(keys) if own == key], np.int64)
        if len(rows) > 1:
            seen = np.where(net_e4[rows] > 0, seen_us[rows], -1)
            # Of equal times the later row's counts, as on the board's own list of quotes.
            last = len(rows) - 1 - seen[::-1].argmax(axis=0)
            kept = np.arange(len(rows))[:, None] == last
            net_e4[rows] = np.where(kept, net_e4[rows], 0)
