from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import floor, prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.core import bets, grading, line, payoff, systems
from overround.core.bets import Bet, Leg, Pick
from overround.core.bonus import BonusLadder
from overround.core.errors import Invalid
from overround.core.facts import Facts
from overround.core.payoff import HALF_LOST, HALF_WON, LOST, VOID, WON, Grade
from overround.core.tax import Tax

# Worst first: what a leg returns only rises from one to the next, whatever its price.
RISING = (LOST, HALF_LOST, VOID, HALF_WON, WON)
TIED = Grade(1, dead_heat_factor=Fraction(1, 2))
PRICES_E4 = st.integers(10_001, 1_000_000)
PICKS = st.builds(
    Pick,
    price=PRICES_E4.map(lambda price_e4: Fraction(price_e4, 10_000)),
    grade=st.sampled_from(RISING),
    place=st.sampled_from(RISING),
    deduction=st.sampled_from([Fraction(0), Fraction(3, 10), Fraction(9, 10)]),
)
LEGS = st.builds(Leg, st.lists(PICKS, min_size=1, max_size=3).map(tuple), banker=st.booleans())


@st.composite
def wagers(draw: st.DrawFn) -> Bet:
    """Any bet that may be laid."""
    legs = tuple(draw(st.lists(LEGS, min_size=1, max_size=6)))
    bankers = sum(leg.banker for leg in legs)
    sizes = st.lists(st.integers(max(1, bankers), len(legs)), min_size=1, unique=True)
    return Bet(
        legs,
        Fraction(draw(st.integers(1, 10**12))),
        draw(st.none() | sizes.map(tuple)),
        draw(st.sampled_from([None, Fraction(1, 5), Fraction(1, 4)])),
        free_bet=draw(st.booleans()),
        stake_returned=draw(st.booleans()),
        tax=draw(st.sampled_from([Tax(), Tax(on_winnings=Fraction(1, 5)), Tax(Fraction(1, 20))])),
    )


def single(pick: Pick, stake: int = 100, **terms: object) -> Fraction:
    return bets.settle(replace(Bet((Leg((pick,)),), Fraction(stake)), **terms)).payout


def won(price: str, grade: Grade = WON, **terms: object) -> Pick:
    return replace(Pick(Fraction(price), grade), **terms)


def combo(*picks: Pick, **terms: object) -> Bet:
    return replace(Bet(tuple(Leg((pick,)) for pick in picks), Fraction(100)), **terms)


@given(
    st.integers(1, 10**12),
    st.lists(st.tuples(st.sampled_from(RISING), PRICES_E4), min_size=1, max_size=8),
)
def test_stored_legs_pay_the_product_of_what_each_returns(
    stake_minor: int, legs: list[tuple[Grade, int]]
) -> None:
    exact = stake_minor * prod(payoff.multiplier(grade, price_e4) for grade, price_e4 in legs)
    bet = bets.of_stored(stake_minor, legs)
    assert bets.settle(bet).payout == exact
    assert bets.payout_minor(bet) == floor(exact)
    assert bets.payout_minor(bet, "half_even") == round(exact)


@given(wagers(), st.data())
def test_the_order_of_legs_does_not_matter(bet: Bet, data: st.DataObject) -> None:
    shuffled = replace(bet, legs=tuple(data.draw(st.permutations(bet.legs))))
    assert bets.settle(shuffled) == bets.settle(bet)


@given(wagers(), st.data())
def test_a_better_leg_never_pays_less(bet: Bet, data: st.DataObject) -> None:
    # A free bet whose stake stays is another matter: there a void line pays nothing.
    bet = replace(bet, stake_returned=True)
    worse = bets.settle(bet).payout
    n = data.draw(st.integers(0, len(bet.legs) - 1))
    leg = bet.legs[n]
    better = data.draw(st.integers(RISING.index(leg.picks[0].grade), len(RISING) - 1))
    pick = replace(leg.picks[0], grade=RISING[better])
    legs = (*bet.legs[:n], replace(leg, picks=(pick, *leg.picks[1:])), *bet.legs[n + 1 :])
    assert bets.settle(replace(bet, legs=legs)).payout >= worse


@given(wagers(), st.data())
def test_a_longer_price_never_pays_less(bet: Bet, data: st.DataObject) -> None:
    n = data.draw(st.integers(0, len(bet.legs) - 1))
    leg = bet.legs[n]
    longer = replace(leg.picks[0], price=leg.picks[0].price + 1)
    legs = (*bet.legs[:n], replace(leg, picks=(longer, *leg.picks[1:])), *bet.legs[n + 1 :])
    assert bets.settle(replace(bet, legs=legs)).payout >= bets.settle(bet).payout


@given(st.lists(PICKS, min_size=1, max_size=6), st.integers(1, 10**9))
def test_a_void_leg_is_a_leg_that_was_never_there(picks: list[Pick], stake: int) -> None:
    plain = combo(*picks, stake=Fraction(stake))
    with_void = combo(*picks, won("7", VOID, place=VOID), stake=Fraction(stake))
    assert bets.settle(with_void).payout == bets.settle(plain).payout
    fifth = Fraction(1, 5)
    paid = bets.settle(replace(with_void, place_fraction=fifth)).payout
    assert paid == bets.settle(replace(plain, place_fraction=fifth)).payout
    paid = bets.settle(replace(with_void, free_bet=True)).payout
    assert paid == bets.settle(replace(plain, free_bet=True)).payout


@given(
    st.integers(-40, 40).map(lambda n: 2 * n + 1),
    st.sampled_from(["asian_handicap", "total"]),
    st.tuples(st.integers(0, 9), st.integers(0, 9)),
    PRICES_E4,
)
def test_a_quarter_line_is_the_mean_of_its_sub_lines(
    line_q4: int, market: str, score: tuple[int, int], price_e4: int
) -> None:
    facts = Facts({"ft": score})
    for side in grading.sides(market):
        graded = [
            grading.grade(market, "ft", each, side, facts)
            for each in (line_q4, *line.split(line_q4))
        ]
        whole, lower, upper = (payoff.multiplier(g, price_e4) for g in graded if g is not None)
        assert whole == (lower + upper) / 2


@given(wagers())
def test_a_bet_never_pays_below_zero_and_rounds_once(bet: Bet) -> None:
    exact = bets.settle(bet).payout
    assert exact >= 0
    assert 0 <= exact - bets.payout_minor(bet) < 1
    assert bets.payout_minor(bet, "half_even") == round(exact)


def test_several_picks_in_a_leg_are_lines_of_their_own() -> None:
    legs = (Leg((won("2"), won("3", LOST))), Leg((won("4"),)))
    settled = bets.settle(Bet(legs, Fraction(10)))
    assert (settled.lines, settled.payout) == (2, 40)


def test_a_banker_is_in_every_line() -> None:
    legs = (
        Leg((won("2"),), banker=True),
        Leg((won("3"),)),
        Leg((won("4"),)),
        Leg((won("5", LOST),)),
    )
    settled = bets.settle(Bet(legs, Fraction(3), (2,)))
    assert (settled.lines, settled.payout) == (3, 2 * 3 + 2 * 4)
    lost = replace(legs[0], picks=(won("2", LOST),))
    assert bets.settle(Bet((lost, *legs[1:]), Fraction(3), (2, 3))).payout == 0


def test_each_way_multiplies_win_parts_and_place_parts_apart() -> None:
    first = won("21", WON, place=WON)
    second = won("11", LOST, place=WON)
    bet = combo(first, second, stake=Fraction(10), place_fraction=Fraction(1, 5))
    settled = bets.settle(bet)
    # The win part loses with the second; 5 * (1 + 20/5) * (1 + 10/5) is the place part.
    assert (settled.lines, settled.payout) == (2, 75)
    cover = replace(bet, sizes=(1, 2), stake=Fraction(30))
    # Three win lines of 5 and three place lines: 21 wins alone, both places and their double.
    assert bets.settle(cover).payout == 5 * 21 + 5 * (5 + 3 + 15)


def test_a_dead_heat_for_the_last_place_halves_the_place_part() -> None:
    joint_third = won("17", LOST, place=TIED)
    assert single(joint_third, 40, place_fraction=Fraction(1, 4)) == 50


def test_rule_4_is_taken_off_the_winnings_of_the_better_price() -> None:
    assert single(won("6", deduction=Fraction(3, 10)), 10) == 45
    assert single(won("6", starting_price=Fraction(7), deduction=Fraction(1, 2)), 10) == 40
    assert single(won("6", starting_price=Fraction(5)), 10) == 60
    # A void leg has no winnings to take off from.
    assert single(won("6", VOID, deduction=Fraction(9, 10)), 10) == 10
    apart = won("21", WON, place=WON, deduction=Fraction(1, 2), place_deduction=Fraction(1, 4))
    # 1 + 20 * 1/2 to win, and 1 + 20 * 3/4 * 1/5 to be placed.
    assert single(apart, 2, place_fraction=Fraction(1, 5)) == 11 + 4


def test_a_free_bet_keeps_the_stake_of_the_lines_that_pay() -> None:
    free = {"free_bet": True}
    assert single(won("1.5"), 1, **free) == Fraction(1, 2)
    assert single(won("1.5"), 1, **free, stake_returned=True) == Fraction(3, 2)
    assert single(won("1.5", LOST), 1, **free) == 0
    # Void gives the token back and not its value, half lost is no win.
    assert single(won("1.5", VOID), 1, **free) == single(won("1.5", HALF_LOST), 1, **free) == 0
    trixie = combo(
        won("2"), won("2"), won("2", LOST), sizes=(2, 3), stake=Fraction(4), free_bet=True
    )
    assert bets.settle(trixie).payout == 3


def test_a_bonus_counts_winners_that_are_long_enough() -> None:
    ladder = BonusLadder(((2, Fraction(1, 10)), (3, Fraction(1, 5))), Fraction(3, 2))
    bet = combo(won("2"), won("2"), won("2"), ladder=ladder)
    assert bets.settle(bet).bonus == 140
    assert bets.settle(bet).payout == 940
    short = combo(won("2"), won("2"), won("1.4"), ladder=ladder)
    assert bets.settle(short).bonus == 46
    with_void = combo(won("2"), won("2", VOID), won("2", HALF_WON), ladder=ladder)
    assert bets.settle(with_void).bonus == 0
    assert bets.settle(combo(won("2"), won("2", LOST), won("9"), ladder=ladder)).bonus == 0
    capped = replace(ladder, cap=Fraction(5))
    assert bets.settle(replace(bet, ladder=capped)).payout == 805


@pytest.mark.parametrize(
    ("payout", "threshold", "net"), [(3000, 0, 2600), (2500, 1000, 2400), (500, 0, 500)]
)
def test_a_tax_on_winnings_starts_above_stake_and_threshold(
    payout: int, threshold: int, net: int
) -> None:
    tax = Tax(on_winnings=Fraction(1, 5), threshold=Fraction(threshold))
    grade = WON if payout > 1000 else HALF_LOST
    assert (
        single(won(str(Fraction(payout, 1000) if payout > 1000 else 2), grade), 1000, tax=tax)
        == net
    )


def test_a_tax_on_the_stake_leaves_less_to_bet_with() -> None:
    assert single(won("2"), 100, tax=Tax(on_stake=Fraction(12, 100))) == 176


ONE = Leg((won("2"),))


@pytest.mark.parametrize(
    ("legs", "terms", "code"),
    [
        ((), {}, "no_legs"),
        ((Leg(()),), {}, "no_legs"),
        ((ONE,) * 64, {}, "too_many_legs"),
        ((Leg(ONE.picks * 64),), {}, "too_many_legs"),
        ((ONE,), {"stake": Fraction(0)}, "stake_out_of_range"),
        ((ONE,), {"stake": Fraction(-1)}, "stake_out_of_range"),
        ((ONE,), {"sizes": ()}, "invalid_size"),
        ((ONE,), {"sizes": (2,)}, "invalid_size"),
        ((replace(ONE, event="a"),) * 2, {}, "conflicting_legs"),
        ((ONE,), {"place_fraction": Fraction(0)}, "place_fraction_out_of_range"),
        ((ONE,), {"place_fraction": Fraction(2)}, "place_fraction_out_of_range"),
        (
            (ONE, ONE),
            {"sizes": (1,), "ladder": BonusLadder(((2, Fraction(1)),))},
            "bonus_out_of_range",
        ),
    ],
)
def test_a_bet_that_cannot_be_is_refused(
    legs: tuple[Leg, ...], terms: dict[str, object], code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        Bet(**{"legs": legs, "stake": Fraction(1), **terms})  # type: ignore[arg-type]
    assert refused.value.code == code


def test_terms_that_cannot_be_are_refused() -> None:
    steps = (
        ((2, Fraction(1, 5)), (3, Fraction(1, 10))),
        ((1, Fraction(1)),),
        ((2, Fraction(11)),),
        (),
    )
    for each in steps:
        with pytest.raises(Invalid):
            BonusLadder(each)
    for share in (Fraction(-1), Fraction(1)):
        with pytest.raises(Invalid):
            Tax(on_winnings=share)
    with pytest.raises(Invalid):
        Pick(Fraction(1), WON)
    with pytest.raises(Invalid):
        Pick(Fraction(2), WON, deduction=Fraction(2))


def test_the_largest_bet_is_exact() -> None:
    sizes = tuple(range(1, bets.MAX_LEGS + 1))
    bet = Bet((Leg((won("100000"),)),) * bets.MAX_LEGS, Fraction(2**63 - 1), sizes)
    settled = bets.settle(bet)
    assert settled.lines == 2**63 - 1
    assert settled.payout == 100_001**63 - 1
    assert systems.total([(1, 1)] * 63, sizes) == (settled.lines, 1)
