"""Changes on their way to the journal: the board's columns with the ids of the database.

By the column and not by the price: on a busy board that was half of what a price costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from overround.odds.board.model import Change, Int8s, Int16s, Int32s, Int64s
from overround.odds.board.times import from_us, to_us

_HOUR_US: Final = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Entries:
    """Changed prices in the order they came, [k] each; times in microseconds.

    `selections` are raw ids of 16 bytes. `stamps` are the provider's own, each with how many prices
    in a row it belongs to. `hours` are those that the history needs room for.
    """

    source_ids: Int16s
    selections: NDArray[np.void]
    price_e4: Int32s
    state: Int8s
    observed_us: Int64s
    stamps: tuple[tuple[int | None, int], ...]
    hours: tuple[datetime, ...]

    @property
    def count(self) -> int:
        """How many prices."""
        return len(self.source_ids)


def entries(
    changes: Sequence[tuple[Change, datetime | None]],
    source_ids: NDArray[np.int16],
    selections: NDArray[np.void],
) -> Entries:
    """Some changes, each with the provider's own stamp; `source_ids` [rows] and `selections`
    [columns] are the board's."""
    observed_us = np.concatenate([change.observed_us for change, _ in changes])
    hours = np.unique(observed_us // _HOUR_US * _HOUR_US)
    return Entries(
        source_ids[np.concatenate([change.rows for change, _ in changes])],
        selections[np.concatenate([change.columns for change, _ in changes])],
        np.concatenate([change.price_e4 for change, _ in changes]),
        np.concatenate([change.state for change, _ in changes]),
        observed_us,
        tuple((at and to_us(at), change.count) for change, at in changes),
        tuple(from_us(us) for us in hours.tolist()),
    )
