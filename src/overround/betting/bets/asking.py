"""What is said of a slip alike by whoever places it and by whoever asks what it may be."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from overround.betting.bets.model import StakeMode, SystemName
from overround.betting.bets.rules import LEGS_MAX, TOLERANCE_BPS_MAX, VERSION_MAX
from overround.kit.shapes import Input

PriceText = Annotated[str, Field(max_length=16, examples=["2.10"])]
AmountText = Annotated[str, Field(max_length=24, examples=["10.00"])]
# The part of the winnings that a place pays, and the first and last place that are paid.
PlaceTermsText = Annotated[str, Field(max_length=10, examples=["1/4 1-3"])]


class ChosenIn(Input):
    """A selection of a slip, and what was shown beside it."""

    selection_id: Annotated[UUID, Field(strict=False)]
    banker: bool = False
    offer_version: Annotated[int, Field(ge=0, le=VERSION_MAX)] | None = None
    place_terms: PlaceTermsText | None = None


class WishesIn(Input):
    """How a slip is meant: its lines, and what it is taken at."""

    stake_mode: StakeMode = "total"
    system: SystemName | None = None
    sizes: Annotated[list[int], Field(min_length=1, max_length=LEGS_MAX)] | None = None
    odds_policy: Literal["none", "higher", "any"] = "higher"
    tolerance_bps: Annotated[int, Field(ge=0, le=TOLERANCE_BPS_MAX)] = 0
    accept_lower_stake: bool = False
    free_bet_id: Annotated[UUID, Field(strict=False)] | None = None
    each_way: bool = False
