"""Cash-out: what a bet is worth, in whole and in parts."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.core import payoff
from overround.core.errors import Invalid
from overround.odds.pricing import cash_out
from overround.odds.pricing.cash_out import OpenLeg, SettledLeg

GRADES = (payoff.WON, payoff.HALF_WON, payoff.VOID, payoff.HALF_LOST, payoff.LOST)
ONE = Fraction(1)


@st.composite
def open_legs(draw: st.DrawFn) -> OpenLeg:
    weights = draw(st.lists(st.integers(0, 9), min_size=5, max_size=5).filter(any))
    chances = [Fraction(weight, sum(weights)) for weight in weights]
    price = Fraction(draw(st.integers(10_001, 300_000)), 10_000)
    return OpenLeg(price, *chances[:4])


LEGS = st.lists(open_legs(), min_size=1, max_size=5)
STAKES = st.integers(1, 10**9).map(lambda minor: Fraction(minor, 100))
SHARES = st.integers(0, 100).map(lambda pct: Fraction(pct, 100))


@given(STAKES, LEGS, st.data())
def test_cash_out_without_margin_is_a_martingale(
    stake: Fraction, legs: list[OpenLeg], data: st.DataObject
) -> None:
    """What is expected of the quote after one leg has ended is the quote before it."""
    now = cash_out.quote(stake, legs)
    place = data.draw(st.integers(0, len(legs) - 1))
    leg = legs[place]
    chances = [leg.won, leg.half_won, leg.void, leg.half_lost]
    chances.append(1 - sum(chances, Fraction(0)))
    later = Fraction(0)
    for chance, grade in zip(chances, GRADES, strict=True):
        ended = [*legs[:place], SettledLeg(leg.price, grade), *legs[place + 1 :]]
        later += chance * cash_out.quote(stake, ended).offer
    assert later == now.fair == now.offer


@given(STAKES, LEGS, SHARES)
def test_an_offer_is_below_what_the_bet_can_still_pay(
    stake: Fraction, legs: list[OpenLeg], margin: Fraction
) -> None:
    found = cash_out.quote(stake, legs, margin)
    highest = stake
    for leg in legs:
        highest *= leg.price
    assert 0 <= found.offer <= found.fair <= highest
    assert found.offer == found.fair * (1 - margin)


@given(st.lists(st.sampled_from(GRADES), min_size=1, max_size=4))
def test_a_settled_bet_is_worth_what_it_pays(grades: list[payoff.Grade]) -> None:
    paid = Fraction(10)
    for grade in grades:
        paid *= payoff.multiplier(grade, 21_500)
    legs = [SettledLeg(Fraction(215, 100), grade) for grade in grades]
    assert cash_out.quote(Fraction(10), legs).fair == paid


def test_published_figures() -> None:
    assert cash_out.quote(Fraction(80), [OpenLeg(Fraction(5), Fraction(2, 5))]).fair == 160
    found = cash_out.quote(Fraction(100), [OpenLeg(Fraction(5, 2), Fraction(5, 6))])
    assert round(found.fair, 2) == Fraction("208.33")


@given(STAKES, st.lists(SHARES, min_size=1, max_size=6, unique=True))
def test_parts_at_one_offer_pay_the_whole(offer: Fraction, shares: list[Fraction]) -> None:
    steps = sorted({*shares, ONE} - {Fraction(0)})
    before, paid = Fraction(0), Fraction(0)
    for share in steps:
        found = cash_out.part(Fraction(50), offer, before, share)
        paid += found.paid
        before = found.share
        assert found.stake == 50 * (1 - share)
    assert paid == offer
    assert cash_out.payout_of_rest(offer, before) == 0


def test_the_rest_of_a_bet_pays_its_share() -> None:
    first = cash_out.part(Fraction(100), Fraction(90), Fraction(0), Fraction(1, 4))
    assert (first.paid, first.stake) == (Fraction(45, 2), 75)
    second = cash_out.part(Fraction(100), Fraction(120), first.share, Fraction(1, 2))
    assert (second.paid, second.stake) == (30, 50)
    assert cash_out.payout_of_rest(Fraction(250), second.share) == 125


HALF = Fraction(1, 2)
LEG = OpenLeg(Fraction(2), HALF)


@pytest.mark.parametrize(
    ("code", "call"),
    [
        ("no_legs", lambda: cash_out.quote(ONE, [])),
        ("too_many_legs", lambda: cash_out.quote(ONE, [LEG] * 101)),
        ("stake_out_of_range", lambda: cash_out.quote(Fraction(0), [LEG])),
        ("invalid_number", lambda: cash_out.quote(ONE, [LEG], Fraction(3, 2))),
        ("price_out_of_range", lambda: cash_out.quote(ONE, [OpenLeg(ONE, HALF)])),
        ("price_out_of_range", lambda: cash_out.quote(ONE, [SettledLeg(ONE, payoff.WON)])),
        ("probability_out_of_range", lambda: cash_out.quote(ONE, [OpenLeg(Fraction(2), -HALF)])),
        ("probability_out_of_range",
         lambda: cash_out.quote(ONE, [OpenLeg(Fraction(2), HALF, void=HALF, half_won=HALF)])),
        ("stake_out_of_range", lambda: cash_out.part(ONE, ONE, HALF, HALF)),
        ("stake_out_of_range", lambda: cash_out.part(ONE, ONE, HALF, Fraction(2))),
        ("stake_out_of_range", lambda: cash_out.part(ONE, ONE, -HALF, HALF)),
    ],
)  # fmt: skip
def test_bad_input_is_named(code: str, call: Any) -> None:
    with pytest.raises(Invalid) as refused:
        call()
    assert refused.value.code == code
