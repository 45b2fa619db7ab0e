"""The shapes of the pricing maths: arrays of floats, and the answer of a method that can fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

# Probabilities and decimal prices are floats here, and only here: what leaves for an offer is an
# integer price_e4 again.
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

MarginMethod = Literal["multiplicative", "power"]


@dataclass(frozen=True, slots=True)
class PowerFit:
    """What the power method made of markets [..., n].

    `probabilities` [..., n] and `exponent` [...] are NaN where `underround` [...] is set: a booksum
    of one or less has no overround to remove, it is an arbitrage inside one source.
    """

    probabilities: Floats
    exponent: Floats
    underround: Mask
