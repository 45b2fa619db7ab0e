"""An amount divided by shares, to the last minor unit: nothing is lost and nothing is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from overround.core.errors import Invalid

BPS: Final = 10_000


def split(amount_minor: int, shares: Sequence[int]) -> tuple[int, ...]:
    """The amount in proportion to `shares`, by the largest remainder; a loss mirrors a profit.

    The minor units that rounding down leaves go one by one to those who lost most by it, among
    equals to the first (test: a split conserves every minor unit).
    Raises Invalid `shares_out_of_range` for a negative share or a sum of zero.
    """
    whole = sum(shares)
    if whole <= 0 or min(shares) < 0:
        raise Invalid("shares are not negative, and not all zero", code="shares_out_of_range")
    parts = [divmod(abs(amount_minor) * share, whole) for share in shares]
    left = abs(amount_minor) - sum(floor for floor, _ in parts)
    order = sorted(range(len(parts)), key=lambda n: (-parts[n][1], n))
    lucky = set(order[:left])
    sign = -1 if amount_minor < 0 else 1
    return tuple(sign * (floor + (n in lucky)) for n, (floor, _) in enumerate(parts))


@dataclass(frozen=True, slots=True)
class SplitRule:
    """Who bears a result: owner -> basis points of the part that capital bears, and of the part
    that liquidity bears. Both columns add up to 10,000. Raises Invalid `shares_out_of_range`.
    """

    of_capital_bps: Mapping[str, int]
    of_liquidity_bps: Mapping[str, int]

    def __post_init__(self) -> None:
        for column in (self.of_capital_bps, self.of_liquidity_bps):
            if sum(column.values()) != BPS or min(column.values()) < 0:
                raise Invalid("shares add up to 10000", code="shares_out_of_range")


# A profit pays the platform's fee, a loss does not; in both, all of it belongs to somebody.
PROFIT: Final = SplitRule(
    {"bookmaker": 9_000, "platform": 1_000},
    {"bookmaker": 6_000, "platform": 1_000, "community": 3_000},
)
LOSS: Final = SplitRule({"bookmaker": 10_000}, {"bookmaker": 6_500, "community": 3_500})


def by_wallets(
    amount_minor: int,
    capital_minor: int,
    liquidity_minor: int,
    profit: SplitRule = PROFIT,
    loss: SplitRule = LOSS,
) -> dict[str, int]:
    """A tenant's result over its owners: capital and liquidity bear it in proportion to what they
    hold, and each part goes to the owners its rule names. The values sum to `amount_minor`.

    Raises Invalid `shares_out_of_range` where both wallets are empty or one is negative.
    """
    rule = profit if amount_minor >= 0 else loss
    owners = sorted(rule.of_capital_bps.keys() | rule.of_liquidity_bps.keys())
    # One division over the products of both shares: splitting a split would round twice.
    weights = [
        capital_minor * rule.of_capital_bps.get(owner, 0)
        + liquidity_minor * rule.of_liquidity_bps.get(owner, 0)
        for owner in owners
    ]
    if min(capital_minor, liquidity_minor) < 0:
        raise Invalid("a wallet is not negative", code="shares_out_of_range")
    return dict(zip(owners, split(amount_minor, weights), strict=True))
