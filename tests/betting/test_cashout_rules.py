"""What a bet is paid early, as plain values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.betting.cashouts import rules
from overround.betting.cashouts.model import Agreed, Answer, Standing, StoredBet, StoredLeg, Terms
from overround.core import bets, grading, payoff
from overround.core.bets import Rounding
from overround.core.errors import Invalid
from overround.core.price import to_fraction
from overround.odds.pricing import cash_out

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
FREE = Terms(margin_bps=0)
SECRET = bytes(32)
MARKETS: list[tuple[str, int | None]] = [
    ("1x2", None), ("total", 10), ("total", 9), ("total", 8), ("total", 11),
    ("double_chance", None), ("asian_handicap", -3), ("asian_handicap", 0), ("draw_no_bet", None),
    ("both_teams_to_score", None),
]  # fmt: skip
ROUNDINGS: list[Rounding] = ["down", "half_even"]


def leg_of(n: int, market: tuple[str, int | None], place: int, price_e4: int) -> StoredLeg:
    side = grading.sides(market[0])[place]
    selection_id = UUID(int=1_000 * n + place)
    return StoredLeg(
        UUID(int=1), n, UUID(int=100 + n), UUID(int=200 + n), selection_id, *market, side, price_e4,
        None, LATER, False, False, AT,
    )  # fmt: skip


def market_of(leg: StoredLeg, prices_e4: list[int]) -> list[Answer]:
    return [
        Answer(UUID(int=9), leg.market_id, UUID(int=1_000 * leg.n + place), price_e4, "open", 1, AT)
        for place, price_e4 in enumerate(prices_e4)
    ]


@st.composite
def standings(draw: st.DrawFn) -> Standing:
    """An open bet on up to four events, some of which have ended, at whatever prices."""
    stake_minor, rounding = draw(st.integers(1, 10**9)), draw(st.sampled_from(ROUNDINGS))
    prices = st.integers(10_100, 400_000)
    legs: list[StoredLeg] = []
    markets: dict[UUID, list[Answer]] = {}
    for n in range(1, draw(st.integers(1, 4)) + 1):
        market = draw(st.sampled_from(MARKETS))
        count = len(grading.sides(market[0]))
        leg = leg_of(n, market, draw(st.integers(0, count - 1)), draw(prices))
        if n > 1 and draw(st.booleans()):
            grade = draw(st.sampled_from(["won", "void", "half_won", "half_lost"]))
            leg = replace(leg, grade=payoff.name(payoff.by_name(grade)))
        else:
            markets[leg.market_id] = market_of(leg, [draw(prices) for _ in range(count)])
        legs.append(leg)
    won = bets.of_stored(stake_minor, [(payoff.WON, leg.price_e4) for leg in legs])
    potential_minor = max(1, bets.payout_minor(won, rounding))
    bet = StoredBet(
        UUID(int=1), UUID(int=2), UUID(int=9), "combo" if len(legs) > 1 else "single", "open", None,
        "EUR", stake_minor, potential_minor, rounding, 0, 0, 0,
    )  # fmt: skip
    return Standing(bet, legs, markets)


@given(standings(), st.lists(st.integers(1, 10_000), max_size=5), st.integers(0, 5_000))
def test_a_cash_out_leaves_room_for_the_rest(
    standing: Standing, shares_bps: list[int], margin_bps: int
) -> None:
    """Whatever parts are cashed out, they and the best of the rest are at most the potential."""
    bet, legs = standing.bet, standing.legs
    for share_bps in sorted({*shares_bps}):
        if bet.stake_minor * share_bps // 10_000 <= bet.cashed_stake_minor:
            with pytest.raises(Invalid):
                rules.quote(replace(standing, bet=bet), FREE, share_bps, AT)
            continue
        terms = replace(FREE, margin_bps=margin_bps)
        quote = rules.quote(replace(standing, bet=bet), terms, share_bps, AT)
        if quote is None:
            continue
        assert quote.stake_minor + quote.rest_minor == bet.stake_minor - bet.cashed_stake_minor
        assert 1 <= quote.amount_minor <= quote.fair_minor
        bet = replace(
            bet,
            cashed_stake_minor=bet.cashed_stake_minor + quote.stake_minor,
            cashed_minor=bet.cashed_minor + quote.amount_minor,
        )
        rest_minor = 0
        if quote.rest_minor:
            won = [(payoff.WON, leg.price_e4) for leg in legs]
            rest = bets.of_stored(quote.rest_minor, won)
            rest_minor = bets.payout_minor(rest, bet.payout_rounding)
        assert bet.cashed_minor + rest_minor <= bet.potential_payout_minor


@given(standings(), st.sets(st.integers(1, 9_999), max_size=6))
def test_parts_at_one_value_pay_no_more_than_the_whole(
    standing: Standing, shares_bps: set[int]
) -> None:
    """And no less than it by a minor unit for each part, where nothing is capped."""
    whole = rules.quote(standing, FREE, rules.WHOLE_BPS, AT)
    if whole is None:
        return
    bet, parts = standing.bet, 0
    for share_bps in [*sorted(shares_bps), rules.WHOLE_BPS]:
        if bet.stake_minor * share_bps // 10_000 <= bet.cashed_stake_minor:
            continue
        quote = rules.quote(replace(standing, bet=bet), FREE, share_bps, AT)
        if quote is None:
            return
        parts += 1
        bet = replace(
            bet,
            cashed_stake_minor=bet.stake_minor - quote.rest_minor,
            cashed_minor=bet.cashed_minor + quote.amount_minor,
        )
    assert bet.cashed_stake_minor == bet.stake_minor
    assert whole.amount_minor - 2 * parts <= bet.cashed_minor <= whole.amount_minor


@pytest.mark.parametrize(("market", "prices_e4", "place"), [
    (("1x2", None), [21_000, 34_000, 38_000], 0),
    (("double_chance", None), [13_000, 13_500, 14_000], 1),
    (("total", 10), [19_000, 19_500], 0),
])  # fmt: skip
def test_a_bet_at_the_fair_price_of_now_is_worth_its_stake(
    market: tuple[str, int | None], prices_e4: list[int], place: int
) -> None:
    leg = leg_of(1, market, place, prices_e4[place])
    winners = 2 if market[0] == "double_chance" else 1
    fair = rules.fair_price(market_of(leg, prices_e4), leg.selection_id, winners)
    booksum = sum((1 / to_fraction(price_e4) for price_e4 in prices_e4), Fraction(0)) / winners
    assert fair == to_fraction(prices_e4[place]) * booksum
    for way in rules.ways(leg, fair, fair):
        assert cash_out.expected_multiplier(way) == 1


@given(st.sampled_from(MARKETS), st.integers(10_100, 400_000), st.fractions(Fraction(101, 100), 40))
def test_every_way_is_a_chance_and_the_worse_one_is_paid(
    market: tuple[str, int | None], price_e4: int, fair: Fraction
) -> None:
    """At its own fair price a leg is worth one unit, whatever else than won or lost it can be."""
    for place in range(len(grading.sides(market[0]))):
        leg = leg_of(1, market, place, price_e4)
        ways = rules.ways(leg, to_fraction(price_e4), fair)
        values = [cash_out.expected_multiplier(way) for way in ways]
        assert min(values) >= 0
        for way in rules.ways(leg, fair, fair):
            assert cash_out.expected_multiplier(way) == 1
        # Which end is worse turns where the price taken is the fair one.
        assert (min(values) <= 1) == (to_fraction(price_e4) <= fair) or min(values) == 1


def test_a_quote_is_read_as_it_was_written() -> None:
    leg = leg_of(1, ("1x2", None), 0, 20_000)
    bet = StoredBet(UUID(int=1), UUID(int=2), UUID(int=9), "single", "open", None, "EUR", 1_000,
                    2_000, "down", 0, 0, 0)  # fmt: skip
    standing = Standing(bet, [leg], {leg.market_id: market_of(leg, [20_000, 40_000, 40_000])})
    quote = rules.quote(standing, FREE, 10_000, AT)
    assert quote is not None
    sealed = rules.sealed(quote, SECRET)
    shown = rules.read(rules.written(sealed), SECRET)
    assert (shown.amount_minor, shown.share_bps) == (1_000, 10_000)
    assert shown.expires_at == quote.expires_at
    strict = Agreed(shown.share_bps, shown.amount_minor, shown.digest, "none")
    assert rules.changed(strict, quote) is None
    later = replace(quote, digest="0" * 16)
    assert rules.changed(strict, later) == "cash_out_changed"
    assert rules.changed(replace(strict, policy="higher"), later) is None
    # 9.00 is a tenth less than was agreed to, and 8.99 is more than that.
    agreed = replace(strict, policy="higher", tolerance_bps=1_000)
    for amount_minor, refusal in ((900, None), (899, "cash_out_changed")):
        assert rules.changed(agreed, replace(later, amount_minor=amount_minor)) == refusal
    assert rules.changed(replace(agreed, policy="none"), later) == "cash_out_changed"
    for text in ("", "x", rules.written(quote), rules.written(sealed) + "0", "9" * 300):
        with pytest.raises(Invalid):
            rules.read(text, SECRET)
    with pytest.raises(Invalid):
        rules.read(rules.written(sealed), b"another")


@pytest.mark.parametrize("terms", [
    Terms(margin_bps=-1), Terms(margin_bps=5_001), Terms(quote_s=1), Terms(quote_s=121),
    Terms(delay_s=-1), Terms(delay_s=121), Terms(stale_s=9),
])  # fmt: skip
def test_terms_have_bounds(terms: Terms) -> None:
    with pytest.raises(Invalid):
        rules.check(terms)


def test_a_higher_chance_is_worth_more() -> None:
    values: list[int] = []
    for price_e4 in (50_000, 30_000, 20_000, 15_000, 12_000):
        leg = leg_of(1, ("total", 10), 0, 30_000)
        bet = StoredBet(UUID(int=1), UUID(int=2), UUID(int=9), "single", "open", None, "EUR",
                        1_000, 3_000, "down", 0, 0, 0)  # fmt: skip
        standing = Standing(bet, [leg], {leg.market_id: market_of(leg, [price_e4, 20_000])})
        quote = rules.quote(standing, FREE, 10_000, AT)
        assert quote is not None
        values.append(quote.amount_minor)
    assert all(before < after for before, after in pairwise(values))
