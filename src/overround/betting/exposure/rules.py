"""What open bets have on selections, and what taken prices were worth at the close. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from overround.betting.exposure.model import OpenBet, Taken
from overround.betting.risk import rules as risk
from overround.betting.risk.model import Share, Sharpness
from overround.core import bets, payoff
from overround.core.payoff import VOID, WON, Grade
from overround.core.price import to_fraction
from overround.odds.pricing.clv import clv

# (event, market, selection) -> (bets, stake, payout)
Rows = dict[tuple[UUID, UUID, UUID], tuple[int, int, int]]


def rows(found: Iterable[OpenBet]) -> Rows:
    """What the rows of liability say of these open bets, by the one payoff."""
    summed: defaultdict[tuple[UUID, UUID, UUID], list[Share]] = defaultdict(list)
    for bet in found:
        still = [leg for leg in bet.legs if leg.grade is None]
        if not still:
            continue
        has = risk.shares(_paid(bet, VOID), _paid(bet, WON), [leg.price_e4 for leg in still])
        for leg, share in zip(still, has, strict=True):
            summed[leg.event_id, leg.market_id, leg.selection_id].append(share)
    return {
        key: (len(own), sum(s.stake_minor for s in own), sum(s.payout_minor for s in own))
        for key, own in summed.items()
    }


def _paid(bet: OpenBet, still: Grade) -> int:
    """What the bet is paid if every open leg ends as `still`."""
    legs = [
        (still if leg.grade is None else payoff.by_name(leg.grade), leg.price_e4)
        for leg in bet.legs
    ]
    bankers = [leg.banker for leg in bet.legs]
    stored = bets.of_stored(bet.stake_minor, legs, bet.sizes, bankers)
    return bets.payout_minor(stored, bet.payout_rounding)


def sharpness(taken: Iterable[Taken]) -> list[Sharpness]:
    """Each player's closing-line value over his taken prices, the sharpest first; the close is made
    fair in proportion (test: who beats the close is named and who does not is not)."""
    values: defaultdict[tuple[UUID, str], list[float]] = defaultdict(list)
    for one in taken:
        close = [to_fraction(price_e4) for price_e4 in one.closing_e4]
        value = clv(to_fraction(one.price_e4), close, one.place, "multiplicative")
        values[one.user_id, one.name].append(value.no_vig)
    found: list[Sharpness] = []
    for (user_id, name), own in values.items():
        mean, error = risk.mean_and_error_ppm(own)
        suggested = risk.suggested_factor_e4(len(own), mean, error)
        found.append(Sharpness(user_id, name, len(own), mean, error, suggested))
    return sorted(found, key=lambda one: (one.suggested_e4, -one.mean_ppm, one.user_id))
