"""Fair prices as matching's evidence: what a batch and the board say about who wins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final
from uuid import UUID

import numpy as np

from overround.core import grading
from overround.odds import pricing
from overround.odds.board import Board
from overround.odds.feeds import FeedBatch
from overround.odds.matching import Prices

FeedKey = tuple[str, str]
Probabilities = tuple[float, ...]

_NOTHING: Final = Prices()


def evidence_of(
    board: Board, batches: Iterable[FeedBatch], is_ahead: Callable[[UUID], bool]
) -> Prices:
    """What batches and the board say about who wins, worked out for those that are asked for.

    Prices in play are no evidence: they say how the match stands, not whose match it is
    (test: a price in play forbids nothing).
    """
    said = {
        batch.event.key: batch
        for batch in batches
        if batch.phase != "live" and batch.observed_at < batch.event.starts_at
    }
    return Prices(_OfBatches(said), _OfBoard(board, is_ahead)) if said else _NOTHING


class _OfBatches(Mapping[FeedKey, Probabilities]):
    """Feed event -> fair probabilities of the newest batch about it."""

    def __init__(self, said: Mapping[FeedKey, FeedBatch]) -> None:
        self._said = said

    def __getitem__(self, key: FeedKey) -> Probabilities:
        batch = self._said[key]
        question = grading.main_market(batch.event.sport)
        by_source: dict[str, dict[str, int]] = {}
        for price in batch.prices:
            if not price.suspended and (price.market.market_type, price.market.period) == question:
                by_source.setdefault(price.source, {})[price.side] = price.price_e4
        sides = grading.sides(question[0])
        return _believed([[one.get(side, 0) for side in sides] for one in by_source.values()])

    def __iter__(self) -> Iterator[FeedKey]:
        return iter(self._said)

    def __len__(self) -> int:
        return len(self._said)


class _OfBoard(Mapping[UUID, Probabilities]):
    """Our event -> fair probabilities of what is open on the board before its start."""

    def __init__(self, board: Board, is_ahead: Callable[[UUID], bool]) -> None:
        self._board, self._is_ahead = board, is_ahead

    def __getitem__(self, event_id: UUID) -> Probabilities:
        if self._is_ahead(event_id):
            for cells in self._board.markets_of(event_id):
                if (cells.market_type, cells.period) in _SHOWN:
                    return _believed(self._board.open_prices(cells).tolist())
        raise KeyError(event_id)

    def __iter__(self) -> Iterator[UUID]:
        return iter(self._board.event_ids())

    def __len__(self) -> int:
        return len(self._board.event_ids())


# The questions that sports are shown by.
_SHOWN: Final = frozenset(grading.main_market(sport) for sport in ("football", "tennis"))


def _believed(prices_e4: Sequence[Sequence[int]]) -> Probabilities:
    """The sources' fair probabilities, averaged. Raises KeyError where no source prices all."""
    whole = [row for row in prices_e4 if row and all(row)]
    if not whole:
        raise KeyError("no source prices every side")
    believed = pricing.fair.multiplicative(pricing.decimals(np.array(whole, np.int64)))
    return tuple(pricing.consensus(believed[None])[0].tolist())
