"""What the place part of an each-way bet is paid, and for which places: "1/4 1-3".

So a market says it, so a leg keeps it, and so people write it: the share of the winnings, then the
first and the last place that are paid. A place part at the decimal price o returns 1 + (o - 1) / 4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from overround.core.errors import Invalid
from overround.core.price import SCALE_E4
from overround.core.systems import Ratio

# One place more than winning, and no contest pays more than these.
PLACES_MIN, PLACES_MAX = 2, 20
DIVISOR_MAX: Final = 20
_TEXT: Final = re.compile(r"1/([1-9][0-9]?) 1-([1-9][0-9]?)")


@dataclass(frozen=True, slots=True)
class PlaceTerms:
    """The places that are paid, from the first on, at that part of the winnings (4: a quarter).

    Raises Invalid `place_terms`.
    """

    places: int
    divisor: int

    def __post_init__(self) -> None:
        if not PLACES_MIN <= self.places <= PLACES_MAX or not 1 <= self.divisor <= DIVISOR_MAX:
            raise Invalid("place terms are like 1/4 1-3", code="place_terms")

    def __str__(self) -> str:
        """As it is stored and shown: 1/4 1-3."""
        return f"1/{self.divisor} 1-{self.places}"

    def price_ratio(self, price_e4: int) -> Ratio:
        """The decimal price of the place part, exact."""
        return price_e4 + (self.divisor - 1) * SCALE_E4, self.divisor * SCALE_E4


@lru_cache(maxsize=256)
def parse(text: str) -> PlaceTerms:
    """The terms that a text means. Raises Invalid `place_terms`."""
    found = _TEXT.fullmatch(text)
    if found is None:
        raise Invalid("place terms are like 1/4 1-3", code="place_terms")
    return PlaceTerms(int(found[2]), int(found[1]))
