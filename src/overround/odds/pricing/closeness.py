"""How far off each source's prices are, learnt from where the market closed.

Of a source's log-odds l, the others' mean m and the close c of the same market, the share of the
gap l - m that was the source's own error is what the close does not take back:

    noise^2 = E[(l - c)(l - m)]

News between a price and its close moves l and m alike and drops out, so prices of days before the
start teach as well as those of the last minute (test: news between price and close teaches
nothing). Source of the idea: F. E. Grubbs, "On estimating precision of measuring instruments"
(1948), with the close in place of one instrument.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from overround.core.errors import Invalid
from overround.odds.pricing.model import Floats, Integers, Mask

# No price is nearer to the truth than its last digit.
NOISE_MIN: Final = 0.005
# So many markets have to speak before a source's own record weighs as much as what was assumed.
MARKETS_HALF: Final = 50.0
# Fewer sources than this have no mean that one of them could be compared with.
_SOURCES_MIN: Final = 3


@dataclass(frozen=True, slots=True)
class Closeness:
    """What was learnt of each source: how many markets, and the sum of (l - c)(l - m) over them."""

    markets: Mapping[str, int] = field(default_factory=dict[str, int])
    products: Mapping[str, float] = field(default_factory=dict[str, float])


def learnt(record: Closeness, sources: Sequence[str], logits: Floats, close: Floats) -> Closeness:
    """The record after more markets: log-odds [m, s, n] of some moment, NaN where a source has no
    price, and of the close [m, n].

    In a market of fewer than three sources nothing is learnt. Folding in parts gives the same
    record. Raises Invalid `invalid_input` where a shape does not fit the sources.
    """
    if logits.shape[1] != len(sources) or close.shape != logits.shape[::2]:
        raise Invalid("log-odds are of the sources named", code="invalid_input")
    priced: Mask = np.all(~np.isnan(logits), axis=-1)
    closed: Mask = np.all(~np.isnan(close), axis=-1, keepdims=True)
    heard: Mask = priced & closed
    count: Integers = heard.sum(axis=1, keepdims=True)
    off = np.where(heard[..., None], logits - close[:, None, :], 0.0)
    others = (off.sum(axis=1, keepdims=True) - off) / np.maximum(count - 1, 1)[..., None]
    taught: Mask = heard & (count >= _SOURCES_MIN)
    product: Floats = np.where(taught, (off * (off - others)).mean(axis=-1), 0.0).sum(axis=0)
    markets, products = dict(record.markets), dict(record.products)
    for place, source in enumerate(sources):
        markets[source] = markets.get(source, 0) + int(taught[:, place].sum())
        products[source] = products.get(source, 0.0) + float(product[place])
    return Closeness(markets, products)


def noise(record: Closeness, source: str, assumed: float) -> float:
    """A source's noise in log-odds: what was assumed, and its own record the more it has of one."""
    count = record.markets.get(source, 0)
    variance = (MARKETS_HALF * assumed * assumed + record.products.get(source, 0.0)) / (
        MARKETS_HALF + count
    )
    return max(math.sqrt(max(variance, 0.0)), NOISE_MIN)
