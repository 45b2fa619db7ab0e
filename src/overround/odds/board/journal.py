"""Changes on their way to the journal: columns of the arrays as the text of PostgreSQL arrays.

Made by the column and not by the price: on a busy board this was half of what a price costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from overround.odds.board.model import Change
from overround.odds.board.times import from_us, to_us

_HOUR_US: Final = 3_600_000_000
# A UUID as hexadecimal text, which PostgreSQL reads without its hyphens too.
_HEX: Final = 32


@dataclass(frozen=True, slots=True)
class Entries:
    """Changed prices as array parameters, in the order they came; times in microseconds.

    `hours` are those that the history needs room for.
    """

    count: int
    hours: tuple[datetime, ...]
    parameters: dict[str, str]


def entries(
    changes: Sequence[tuple[Change, datetime | None]],
    source_ids: NDArray[np.int16],
    selections: NDArray[np.void],
) -> Entries:
    """Some changes, each with the provider's own stamp; `source_ids` [rows] and `selections`
    [columns] are the board's."""
    rows = np.concatenate([change.rows for change, _ in changes])
    columns = np.concatenate([change.columns for change, _ in changes])
    observed_us = np.concatenate([change.observed_us for change, _ in changes])
    prices = np.concatenate([change.price_e4 for change, _ in changes])
    states = np.concatenate([change.state for change, _ in changes])
    text = selections[columns].tobytes().hex()
    stamps: list[str] = []
    for change, source_at in changes:
        stamp = "NULL" if source_at is None else str(to_us(source_at))
        stamps += [stamp] * change.count
    hours = np.unique(observed_us // _HOUR_US * _HOUR_US)
    parameters = {
        "sources": _array(map(str, source_ids[rows].tolist())),
        "selections": _array(text[at : at + _HEX] for at in range(0, len(text), _HEX)),
        "prices_e4": _array(map(str, prices.tolist())),
        "states": _array(map(str, states.tolist())),
        "observed_us": _array(map(str, observed_us.tolist())),
        "stamped_us": _array(stamps),
    }
    return Entries(len(rows), tuple(from_us(us) for us in hours.tolist()), parameters)


def _array(written: Iterable[str]) -> str:
    return "{" + ",".join(written) + "}"
