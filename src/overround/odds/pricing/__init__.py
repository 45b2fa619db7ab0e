"""Pure price maths over numpy arrays: who said the prices and who will see them is unknown here.

Words: `implied` is 1/price, `booksum` its sum over a market, `overround` the booksum less one,
`margin` what the book keeps of even takings (1 - 1/booksum), `fair` a probability with the
overround removed, `consensus` the fair probabilities of many sources made one, `belief` the same
by the `noise` of each source and the age of its word, `ladder` the prices a book shows. Arrays are
[..., n] with the answers of a market last. Invariants: fair probabilities sum to one; a market
without an answer is NaN (or marked), never a mangled figure; a derived price is an integer price_e4
that was rounded down.
"""

from overround.odds.pricing import (
    belief,
    cash_out,
    closeness,
    clv,
    cover,
    fair,
    kelly,
    ladder,
    margins,
    middles,
    scores,
    surebet,
    track_record,
)
from overround.odds.pricing.consensus import consensus
from overround.odds.pricing.implied import booksum, decimals, implied, margin, overround
from overround.odds.pricing.model import Fair, Floats, Integers, Leg, Mask, Method

__all__ = [
    "Fair",
    "Floats",
    "Integers",
    "Leg",
    "Mask",
    "Method",
    "belief",
    "booksum",
    "cash_out",
    "closeness",
    "clv",
    "consensus",
    "cover",
    "decimals",
    "fair",
    "implied",
    "kelly",
    "ladder",
    "margin",
    "margins",
    "middles",
    "overround",
    "scores",
    "surebet",
    "track_record",
]
