"""The engine: everything that one look at some events finds. Pure, and the same for the same board.

Same-line arbitrage is decided exactly by `rules`, across markets by `across`; value, middles and
low holds by what the sources believe together. `gates` say what speaks against each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from overround.core import grading, rational
from overround.core.price import SCALE_E4
from overround.odds.board.times import from_us, to_us
from overround.odds.edges import across, gates, rules, stakes, value
from overround.odds.edges.gates import Spot
from overround.odds.edges.model import Found, Leg, Policy, Terms
from overround.odds.edges.value import Beliefs
from overround.odds.edges.view import View
from overround.odds.pricing import fair

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_PPM: Final = 1_000_000
# Floats nearer to one than this are one.
_SHORT: Final = 1.0 + 1e-9
# The confidence of a hedge that nothing speaks against grows with those who confirm it: n / (n + 2)
# of certainty; that of a price of value is the chance that it gains on average. What is suspect
# keeps a quarter of it.
_DOUBT: Final = 2
_SUSPECT_SHARE: Final = 4
_NOT_HELD: Final = frozenset({"double_chance"})
_NO_TERMS: Final = Terms()


@dataclass(frozen=True, slots=True)
class _Looking:
    """A view with the best net price of each column and what the sources believe."""

    view: View
    policy: Policy
    seen: Beliefs
    best_e4: Ints
    best_row: Ints


def look(view: View, policy: Policy) -> list[Found]:
    """Every edge on the events of a view, in a fixed order."""
    if not len(view.sources) or not view.markets:
        return []
    rows = view.net_e4.argmax(axis=0)
    best_e4 = view.net_e4[rows, np.arange(len(rows))]
    looking = _Looking(view, policy, value.beliefs(view, policy), best_e4, rows)
    found = [*_inside(looking), *_between(looking), *_values(looking)]
    return sorted(found, key=lambda one: (str(one.event_id), one.what))


# -- inside one market -----------------------------------------------------------------------------


def _inside(looking: _Looking) -> Iterator[Found]:
    """Arbitrage and low holds among the best prices of each market."""
    view, policy = looking.view, looking.policy
    with np.errstate(divide="ignore"):
        inverse = SCALE_E4 / looking.best_e4
    sums = np.add.reduceat(inverse, view.starts)
    held = 1.0 + policy.hold_ppm_max / _PPM
    for place in np.flatnonzero(sums <= held).tolist():
        cells = view.markets[place]
        if grading.sides(cells.market_type) != cells.sides or cells.market_type in _NOT_HELD:
            continue
        arbitrage = _arbitrage(looking, place) if sums[place] < _SHORT else None
        if arbitrage is not None:
            yield arbitrage
        elif sums[place] >= 1.0 and (cells.line_q4 or 0) % 2 == 0:
            low_hold = _low_hold(looking, place)
            if low_hold is not None:
                yield low_hold


def _arbitrage(looking: _Looking, place: int) -> Found | None:
    view = looking.view
    cells = view.markets[place]
    sport = view.scopes[cells.event_id].sport
    level = grading.may_end_level(sport, cells.market_type, cells.period)
    found = rules.arbitrage(cells.market_type, cells.line_q4, view.quotes(place), level=level)
    if found is None:
        return None
    first = int(view.starts[place])
    spots = [
        Spot(place, first + n, view.row(leg.source, first + n, leg.price_e4))
        for n, leg in enumerate(found.legs)
    ]
    guaranteed_ppm = _ppm(found.guaranteed)
    why = gates.reasons(view, spots, "arbitrage", _ppm(found.naive_margin), looking.policy)
    if found.suspect and not why:
        why = ("out_of_line",)
    return _found(
        looking,
        spots,
        Found(
            kind="arbitrage",
            pays=found.kind,
            what=f"arbitrage:{cells.market_id}",
            event_id=cells.event_id,
            market_id=cells.market_id,
            sport=sport,
            edge_ppm=guaranteed_ppm,
            naive_ppm=_ppm(found.naive_margin),
            guaranteed_ppm=guaranteed_ppm,
            best_ppm=_ppm(found.best),
            probability_ppm=None,
            kelly_ppm=None,
            confidence_ppm=_confidence(len({leg.source for leg in found.legs}) + 2, bool(why)),
            reasons=why,
            tags=("same_line",),
            legs=_legs(looking, spots, found.stakes),
            expires_at=from_us(view.at_us),
        ),
    )


def _low_hold(looking: _Looking, place: int) -> Found | None:
    """Both sides of a market at two sources for next to nothing: to work off a bonus, say."""
    view = looking.view
    cells, span = view.markets[place], view.span(place)
    spots = [Spot(place, n, int(looking.best_row[n])) for n in range(span.start, span.stop)]
    if len({view.sources[spot.row] for spot in spots}) < 2:
        return None
    booksum = sum((Fraction(SCALE_E4, int(e4)) for e4 in looking.best_e4[span]), Fraction(0))
    shares = [Fraction(SCALE_E4, int(e4)) / booksum for e4 in looking.best_e4[span]]
    held_ppm = _ppm(1 / booksum - 1)
    why = gates.reasons(view, spots, "low_hold", held_ppm, looking.policy)
    return _found(
        looking,
        spots,
        Found(
            kind="low_hold",
            pays=None,
            what=f"low_hold:{cells.market_id}",
            event_id=cells.event_id,
            market_id=cells.market_id,
            sport=view.scopes[cells.event_id].sport,
            edge_ppm=held_ppm,
            naive_ppm=held_ppm,
            guaranteed_ppm=held_ppm,
            best_ppm=max(held_ppm, 0),
            probability_ppm=None,
            kelly_ppm=None,
            confidence_ppm=_confidence(len(spots) + 2, bool(why)),
            reasons=why,
            tags=("same_line",),
            legs=_legs(looking, spots, shares),
            expires_at=from_us(view.at_us),
        ),
    )


# -- between markets -------------------------------------------------------------------------------


def _between(looking: _Looking) -> Iterator[Found]:
    """Arbitrage and middles between the markets of an event."""
    view, policy = looking.view, looking.policy
    cost = policy.middle_cost_ppm_max / _PPM
    for name, axis in across.axes(view, looking.best_e4, looking.best_row).items():
        solved = across.arbitrage(view, name, axis)
        if solved is not None:
            yield _across(looking, solved)
        pair = across.middle(view, name, axis, looking.seen.fair, cost)
        if pair is not None and pair.expected > 0:
            yield _middle(looking, pair)


def _across(looking: _Looking, solved: across.Solved) -> Found:
    view = looking.view
    cells = view.markets[solved.spots[0].place]
    guaranteed_ppm = _ppm(solved.guaranteed)
    why = gates.reasons(view, solved.spots, "arbitrage", guaranteed_ppm, looking.policy)
    types = {view.markets[spot.place].market_type for spot in solved.spots}
    return _found(
        looking,
        solved.spots,
        Found(
            kind="arbitrage",
            pays="sure",
            what=f"across:{solved.axis}",
            event_id=cells.event_id,
            market_id=None,
            sport=view.scopes[cells.event_id].sport,
            edge_ppm=guaranteed_ppm,
            naive_ppm=round(solved.naive * _PPM),
            guaranteed_ppm=guaranteed_ppm,
            best_ppm=_ppm(solved.best),
            probability_ppm=None,
            kelly_ppm=None,
            confidence_ppm=_confidence(len(solved.spots) + 2, bool(why)),
            reasons=why,
            tags=("cross_line" if len(types) == 1 else "cross_market",),
            legs=_legs(looking, solved.spots, solved.shares),
            expires_at=from_us(view.at_us),
        ),
    )


def _middle(looking: _Looking, pair: across.Middle) -> Found:
    view, solved = looking.view, pair.solved
    cells = view.markets[solved.spots[0].place]
    expected_ppm = int(pair.expected * _PPM)
    why = gates.reasons(view, solved.spots, "middle", expected_ppm, looking.policy)
    return _found(
        looking,
        solved.spots,
        Found(
            kind="middle",
            pays=None,
            what=f"middle:{solved.axis}",
            event_id=cells.event_id,
            market_id=None,
            sport=view.scopes[cells.event_id].sport,
            edge_ppm=expected_ppm,
            naive_ppm=round(solved.naive * _PPM),
            guaranteed_ppm=_ppm(solved.guaranteed),
            best_ppm=_ppm(solved.best),
            probability_ppm=round(pair.chance * _PPM),
            kelly_ppm=None,
            confidence_ppm=_confidence(len(solved.spots), bool(why)),
            reasons=why,
            tags=("middle",),
            legs=_legs(looking, solved.spots, solved.shares),
            expires_at=from_us(view.at_us),
        ),
    )


# -- against what the others believe ---------------------------------------------------------------


def _values(looking: _Looking) -> Iterator[Found]:
    """The best price of each side that is worth more than it costs."""
    view, policy = looking.view, looking.policy
    rows, columns, expected = value.best_values(view, looking.seen, policy)
    places = np.searchsorted(view.starts, columns, side="right") - 1
    spots = [
        Spot(place, column, row)
        for row, column, place in zip(rows.tolist(), columns.tolist(), places.tolist(), strict=True)
    ]
    always = _whatever_the_method(view, spots)
    for spot, worth, by_all in zip(spots, expected.tolist(), always, strict=True):
        yield _value(looking, spot, worth, by_all=by_all)


def _value(looking: _Looking, spot: Spot, expected: float, *, by_all: bool) -> Found:
    view, seen = looking.view, looking.seen
    cells = view.markets[spot.place]
    net_e4 = int(view.net_e4[spot.row, spot.column])
    edge_ppm = int(expected * _PPM)
    why = gates.reasons(view, [spot], "value", edge_ppm, looking.policy)
    sharp = bool(seen.by_sharp[spot.column])
    believed, doubt = float(seen.fair[spot.column]), float(seen.doubt[spot.column])
    sure = value.chance_of_gain(believed, doubt, net_e4 / SCALE_E4)
    tags = ["sharp" if sharp else "consensus", looking.policy.method]
    if by_all:
        tags.append("all_methods")
    side = spot.column - int(view.starts[spot.place])
    return _found(
        looking,
        [spot],
        Found(
            kind="value",
            pays=None,
            what=f"value:{cells.selection_ids[side]}",
            event_id=cells.event_id,
            market_id=cells.market_id,
            sport=view.scopes[cells.event_id].sport,
            edge_ppm=edge_ppm,
            naive_ppm=edge_ppm,
            guaranteed_ppm=-_PPM,
            best_ppm=(net_e4 - SCALE_E4) * _PPM // SCALE_E4,
            probability_ppm=round(believed * _PPM),
            kelly_ppm=min(edge_ppm * SCALE_E4 // (net_e4 - SCALE_E4), _PPM),
            confidence_ppm=_suspected(int(sure * _PPM), bool(why)),
            reasons=why,
            tags=tuple(tags),
            legs=_legs(looking, [spot], [Fraction(1)]),
            expires_at=from_us(view.at_us),
        ),
    )


def _whatever_the_method(view: View, spots: Sequence[Spot]) -> list[bool]:
    """Whether each price is worth its stake by every way of removing the judges' overround.

    The judges' prices are those of the source that asks least for the market.
    """
    always = [False] * len(spots)
    by_size: defaultdict[int, list[int]] = defaultdict(list)
    for number, spot in enumerate(spots):
        by_size[len(view.markets[spot.place].sides)].append(number)
    for size, numbers in by_size.items():
        mine = [spots[number] for number in numbers]
        firsts = np.array([int(view.starts[spot.place]) for spot in mine])
        sides = np.array([spot.column for spot in mine]) - firsts
        each = np.arange(len(mine))
        prices: Floats = view.net_e4[:, firsts[:, None] + np.arange(size)] / SCALE_E4
        prices[[spot.row for spot in mine], each] = 0.0
        complete: Bools = np.all(prices > 1.0, axis=-1)
        asked = (1.0 / np.where(complete[..., None], prices, 1.0)).sum(axis=-1)
        judges = np.where(complete, asked, np.inf).argmin(axis=0)
        dearest: Floats = prices[judges, each]
        judged: Bools = complete[judges, each]
        worst = np.zeros(len(mine))
        worst[judged] = fair.worst_case(dearest[judged])[np.arange(judged.sum()), sides[judged]]
        net_e4 = view.net_e4[[spot.row for spot in mine], firsts + sides]
        for number, is_so in zip(numbers, (worst * net_e4 > SCALE_E4).tolist(), strict=True):
            always[number] = is_so
    return always


# -- what all have in common -----------------------------------------------------------------------


def _found(looking: _Looking, spots: Sequence[Spot], one: Found) -> Found:
    """The edge with its end and the tags of its moment.

    It can be believed until its oldest price is too old, and not beyond the start.
    """
    view, policy = looking.view, looking.policy
    scope = view.scopes[one.event_id]
    live = to_us(scope.starts_at) <= view.at_us
    age_max: timedelta = policy.age_live_max if live else policy.age_max
    oldest_us = min(int(view.word_us[spot.row, spot.column]) for spot in spots)
    ends_at = from_us(oldest_us) + age_max
    if len(one.legs) > 1 and stakes.room(one.legs).is_none:
        doubt = one.confidence_ppm if one.reasons else one.confidence_ppm // _SUSPECT_SHARE
        one = replace(one, reasons=(*one.reasons, "limits_apart"), confidence_ppm=doubt)
    return replace(
        one,
        tags=(*one.tags, "live" if live else "prematch"),
        expires_at=ends_at if live else min(ends_at, scope.starts_at),
    )


def _legs(looking: _Looking, spots: Sequence[Spot], shares: Sequence[Fraction]) -> tuple[Leg, ...]:
    view, legs = looking.view, list[Leg]()
    for spot, share in zip(spots, shares, strict=True):
        cells = view.markets[spot.place]
        terms = looking.policy.terms.get(view.sources[spot.row], _NO_TERMS)
        legs.append(
            Leg(
                market_id=cells.market_id,
                market_type=cells.market_type,
                period=cells.period,
                line_q4=cells.line_q4,
                side=cells.sides[spot.column - int(view.starts[spot.place])],
                source=view.sources[spot.row],
                price_e4=int(view.open_e4[spot.row, spot.column]),
                stake_ppm=_ppm(share),
                word_us=int(view.word_us[spot.row, spot.column]),
                provider=view.providers[spot.row],
                commission_bps=terms.commission_bps,
                currency=terms.currency,
                currency_rate=rational.to_text(terms.currency_rate),
                stake_min=None if terms.stake_min is None else rational.to_text(terms.stake_min),
                stake_max=None if terms.stake_max is None else rational.to_text(terms.stake_max),
                step=None if terms.step is None else rational.to_text(terms.step),
            )
        )
    return tuple(legs)


def _confidence(confirming: int, suspect: bool) -> int:
    return _suspected(_PPM * confirming // (confirming + _DOUBT), suspect)


def _suspected(confidence_ppm: int, suspect: bool) -> int:
    return confidence_ppm // _SUSPECT_SHARE if suspect else confidence_ppm


def _ppm(share: Fraction) -> int:
    return share.numerator * _PPM // share.denominator
