"""What open bets have on selections, and what the close says of players. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from overround.betting.exposure.model import Beaten, OpenBet, OpenLeg
from overround.betting.risk import rules as risk
from overround.betting.risk.model import Row, Share, Sharpness
from overround.core import bets, each_way, payoff, place_terms
from overround.core.each_way import EachWayLeg
from overround.core.payoff import VOID, WON, Grade

# (event, market, selection) -> what is on it
Rows = dict[tuple[UUID, UUID, UUID], Row]


def rows(found: Iterable[OpenBet]) -> Rows:
    """What the rows of liability say of these open bets, by the one payoff."""
    summed: defaultdict[tuple[UUID, UUID, UUID], list[tuple[Share, int]]] = defaultdict(list)
    for bet in found:
        still = [leg for leg in bet.legs if leg.grade is None]
        if not still:
            continue
        has = risk.shares(_paid(bet, VOID), _paid(bet, WON), [leg.price_e4 for leg in still])
        for leg, share in zip(still, has, strict=True):
            placed = _place_minor(share, leg)
            summed[leg.event_id, leg.market_id, leg.selection_id].append((share, placed))
    return {
        key: Row(
            len(own),
            sum(share.stake_minor for share, _ in own),
            sum(share.payout_minor for share, _ in own),
            sum(placed for _, placed in own),
        )
        for key, own in summed.items()
    }


def _place_minor(share: Share, leg: OpenLeg) -> int:
    """What of a share each way is paid for a place: half of it at the place's price, rounded up."""
    if leg.place_terms is None:
        return 0
    above, below = place_terms.parse(leg.place_terms).price_ratio(leg.price_e4)
    return -(-share.stake_minor * above // (2 * below))


def _paid(bet: OpenBet, still: Grade) -> int:
    """What the bet is paid if every open leg ends as `still`, to win and to be placed."""
    bankers = [leg.banker for leg in bet.legs]
    wins = [_grade(leg.grade, leg.dead_heat) or still for leg in bet.legs]
    if bet.legs[0].place_terms is None:
        legs = [(win, leg.price_e4) for win, leg in zip(wins, bet.legs, strict=True)]
        stored = bets.of_stored(bet.stake_minor, legs, bet.sizes, bankers)
        return bets.payout_minor(stored, bet.payout_rounding)
    ended = [
        EachWayLeg(
            leg.price_e4,
            place_terms.parse(leg.place_terms or ""),
            win,
            _grade(leg.place_grade, leg.place_dead_heat) or still,
        )
        for win, leg in zip(wins, bet.legs, strict=True)
    ]
    exact = each_way.paid_ratio(bet.stake_minor, ended, bet.sizes, bankers)
    return 0 if exact is None else bets.rounded(exact, bet.payout_rounding)


def _grade(name: str | None, dead_heat: str | None) -> Grade | None:
    return None if name is None else payoff.stored(name, dead_heat)


def sharpness(found: Iterable[Beaten]) -> list[Sharpness]:
    """What the close says about each player, with the factor that it suggests, in their order."""
    return [
        Sharpness(
            user_id=one.user_id,
            name=one.name,
            bets=one.bets,
            mean_ppm=one.mean_ppm,
            error_ppm=one.error_ppm,
            suggested_e4=risk.suggested_factor_e4(one.bets, one.mean_ppm, one.error_ppm),
        )
        for one in found
    ]
