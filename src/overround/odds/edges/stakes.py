"""What to put where: stakes that can really be placed, and what they pay at least.

Shares of a total say how to divide it; a house takes whole steps of its own currency, from a least
to a most. Each leg rounded by itself can lose what was sure, so the steps are chosen together
(`pricing.surebet`). A price of value stands alone: its stake is a part of the Kelly share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from overround.core import grading, payoff
from overround.core.errors import Invalid
from overround.core.price import SCALE_E4
from overround.odds import pricing
from overround.odds.edges.lifecycle import leg_of
from overround.odds.edges.model import Leg, StoredEdge
from overround.odds.pricing import surebet

_PPM: Final = 1_000_000
_WHOLE_BPS: Final = 10_000
# Of the Kelly share: the whole of it is for who knows the chances exactly.
KELLY_PART: Final = Fraction(1, 4)
TOTAL_MAX: Final = Fraction(10**9)


@dataclass(frozen=True, slots=True)
class Placeable:
    """Stakes by leg, each in its house's currency; the other amounts are in the trader's own.

    `guaranteed` is the net of the worst way it can end and `best` of the kindest, both exact.
    """

    stakes: tuple[Fraction, ...]
    total: Fraction
    guaranteed: Fraction
    best: Fraction


@dataclass(frozen=True, slots=True)
class Room:
    """Between which totals all legs of a division stay within their houses' limits.

    There is none where `least` is above `most`; without limits `most` is None.
    """

    least: Fraction
    most: Fraction | None

    @property
    def is_none(self) -> bool:
        """Whether no total fits every house (test: limits that no total fits are a reason)."""
        return self.most is not None and self.least > self.most


def room(legs: Sequence[Leg]) -> Room:
    """The totals at which these shares can be placed, in the trader's currency."""
    least, most = Fraction(0), list[Fraction]()
    for leg in legs:
        if leg.stake_ppm <= 0:
            continue
        whole = Fraction(leg.currency_rate) * _PPM / leg.stake_ppm
        if leg.stake_min is not None:
            least = max(least, Fraction(leg.stake_min) * whole)
        if leg.stake_max is not None:
            most.append(Fraction(leg.stake_max) * whole)
    return Room(least, min(most, default=None))


def placeable(edge: StoredEdge, total: Fraction, kelly_part: Fraction = KELLY_PART) -> Placeable:
    """The best stakes that sum to at most `total`; of a price of value, `total` is the bankroll.

    All are zero where the houses' limits and steps leave nothing that is worth placing.
    Raises Invalid `stake_out_of_range`, `kelly_out_of_range`, `infeasible`.
    """
    if not 0 < total <= TOTAL_MAX:
        raise Invalid("a total is above 0 and at most 10^9", code="stake_out_of_range")
    if not 0 < kelly_part <= 1:
        raise Invalid("a part of the Kelly share is above 0, at most 1", code="kelly_out_of_range")
    legs = [leg_of(leg) for leg in edge.legs]
    if edge.kind == "value":
        return _alone(legs[0], total * Fraction(edge.kelly_ppm or 0, _PPM) * kelly_part)
    nothing = Placeable((Fraction(0),) * len(legs), Fraction(0), Fraction(0), Fraction(0))
    fits = room(legs)
    if fits.is_none or fits.least > total:
        return nothing
    # A total that no house's limit cuts short: the solver uses up what it is given.
    total = total if fits.most is None else min(total, fits.most)
    level = all(grading.may_end_level(edge.sport, leg.market_type, leg.period) for leg in legs)
    whole = surebet.solve([_asked(leg) for leg in legs], total=total, level=level).whole
    if whole is None or (edge.kind == "arbitrage" and whole.guaranteed < 0):
        return nothing
    return Placeable(whole.stakes, whole.total, whole.guaranteed, whole.best)


def _alone(leg: Leg, wanted: Fraction) -> Placeable:
    """One stake of at most `wanted`, rounded down to the house's step."""
    rate, step = Fraction(leg.currency_rate), Fraction(leg.step or surebet.STEP)
    most = wanted / rate if leg.stake_max is None else min(wanted / rate, Fraction(leg.stake_max))
    stake = most // step * step
    if stake < Fraction(leg.stake_min or 0):
        stake = Fraction(0)
    won = payoff.multiplier(payoff.WON, leg.price_e4) - 1
    kept = 1 - Fraction(leg.commission_bps, _WHOLE_BPS)
    return Placeable((stake,), stake * rate, -stake * rate, stake * rate * won * kept)


def _asked(leg: Leg) -> pricing.Leg:
    return pricing.Leg(
        leg.market_type,
        leg.side,
        Fraction(leg.price_e4, SCALE_E4),
        leg.line_q4,
        leg.period,
        commission=Fraction(leg.commission_bps, _WHOLE_BPS),
        currency_rate=Fraction(leg.currency_rate),
        stake_min=_amount(leg.stake_min),
        stake_max=_amount(leg.stake_max),
        step=_amount(leg.step),
    )


def _amount(written: str | None) -> Fraction | None:
    return None if written is None else Fraction(written)
