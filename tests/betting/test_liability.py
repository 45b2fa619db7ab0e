"""Liability against the payoff itself: every score of a grid, every bet paid one by one."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import product
from uuid import UUID

from overround.betting.bets import liability
from overround.betting.bets.model import OpenSelection, ReducedCombo
from overround.core import bets, grading
from overround.core.payoff import VOID, WON, Grade

EVENT = UUID(int=1)
MARKETS = (
    ("1x2", "ft", None),
    ("draw_no_bet", "ft", None),
    ("double_chance", "ft", None),
    ("total", "ft", 10),
    ("total", "ht", 3),
    ("asian_handicap", "ft", -3),
    ("asian_handicap", "ft", 4),
    ("both_teams_to_score", "ft", None),
)
SCORES = [
    grading.Facts({"ht": (h1, a1), "ft": (h1 + h2, a1 + a2)})
    for h1, a1, h2, a2 in product(range(4), repeat=4)
]


@dataclass(frozen=True, slots=True)
class Placed:
    """A bet with a leg on the event: `rest` are the prices of a combo's other legs."""

    market: int
    side: str
    price_e4: int
    stake_minor: int
    rest: tuple[int, ...] = ()

    def pays(self, grade: Grade) -> int:
        """Paid if this leg ends so and all the others win."""
        others = [(WON, price_e4) for price_e4 in self.rest]
        bet = bets.of_stored(self.stake_minor, [(grade, self.price_e4), *others])
        return bets.payout_minor(bet)


def selection_id(market: int, side: str) -> UUID:
    return UUID(int=(market + 1) * 100 + grading.sides(MARKETS[market][0]).index(side))


def rows(placed: list[Placed]) -> list[OpenSelection]:
    """The rows that the book's statement gives for these bets."""
    found: list[OpenSelection] = []
    for number in sorted({bet.market for bet in placed}):
        market_type, period, line_q4 = MARKETS[number]
        for side in grading.sides(market_type):
            mine = [bet for bet in placed if (bet.market, bet.side) == (number, side)]
            found.append(
                OpenSelection(
                    event_id=EVENT,
                    market_id=UUID(int=number + 1),
                    market_type=market_type,
                    period=period,
                    line_q4=line_q4,
                    selection_id=selection_id(number, side),
                    side=side,
                    singles=sum(not bet.rest for bet in mine),
                    combos=sum(bool(bet.rest) for bet in mine),
                    reduced=0,
                    stake_minor=sum(bet.stake_minor for bet in mine),
                    won_minor=sum(bet.pays(WON) for bet in mine),
                    void_minor=sum(bet.pays(VOID) for bet in mine),
                )
            )
    return found


def loss(placed: list[Placed], facts: grading.Facts) -> int:
    """What the house loses if that is the score and every combo's other leg wins."""
    total = 0
    for bet in placed:
        market_type, period, line_q4 = MARKETS[bet.market]
        grade = grading.grade(market_type, period, line_q4, bet.side, facts)
        assert grade is not None
        total += bet.pays(grade) - bet.stake_minor
    return total


def some_bets(rng: random.Random) -> list[Placed]:
    def one() -> Placed:
        market = rng.randrange(len(MARKETS))
        rest = tuple(rng.randint(10_100, 90_000) for _ in range(rng.choice((0, 0, 1, 3))))
        side = rng.choice(grading.sides(MARKETS[market][0]))
        return Placed(market, side, rng.randint(10_100, 200_000), rng.randint(1, 9_999), rest)

    return [one() for _ in range(rng.randint(1, 25))]


def test_no_score_costs_more_than_the_exposure() -> None:
    rng = random.Random(7)
    for _ in range(20):
        placed = some_bets(rng)
        found = liability.of_events(rows(placed), [])[EVENT]
        worst = max(loss(placed, facts) for facts in SCORES)
        assert worst <= found.exposure_minor
        assert found.bets == len(placed)
        assert found.stake_minor == sum(bet.stake_minor for bet in placed)


def test_the_liability_of_a_selection_is_the_worst_score_that_it_wins() -> None:
    rng = random.Random(8)
    for _ in range(20):
        placed = some_bets(rng)
        for market in liability.of_events(rows(placed), [])[EVENT].markets:
            number = market.market_id.int - 1
            mine = [bet for bet in placed if bet.market == number]
            for one in market.selections:
                wins = [
                    loss(mine, facts)
                    for facts in SCORES
                    if grading.grade(*MARKETS[number], one.side, facts) == WON
                ]
                assert max(wins) == one.liability_minor, (market, one)
            worst = max(loss(mine, facts) for facts in SCORES)
            # Half results are rounded down bet by bet, and up here for all of them together.
            assert 0 <= market.worst_minor - worst <= len(mine)


def test_answers_that_are_no_fixed_set_exclude_one_another() -> None:
    sides = {"1:0": (500, 4_000), "2:0": (300, 2_700)}
    found = [
        OpenSelection(
            EVENT, UUID(int=9), "correct_score", "ft", None, UUID(int=n), side, 1, 0, 0,
            stake_minor, won_minor, stake_minor,
        )
        for n, (side, (stake_minor, won_minor)) in enumerate(sides.items())
    ]  # fmt: skip
    (market,) = liability.of_events(found, [])[EVENT].markets
    assert [one.liability_minor for one in market.selections] == [3_200, 1_900]
    assert market.worst_minor == 3_200


def test_a_combo_that_a_half_result_made_smaller_counts_what_is_left() -> None:
    single = Placed(0, "home", 20_000, 1_000)
    # 10.00 at 2.00 and 3.00, and a third leg at 4.00 that was half lost: 10 x 2 x 3 x 1/2 = 30.
    reduced = ReducedCombo(
        selection_id(0, "home"), 1, 1_000, "down", [None, None, "half_lost"],
        [20_000, 30_000, 40_000],
    )  # fmt: skip
    (market,) = liability.of_events(rows([single]), [reduced])[EVENT].markets
    home = market.selections[0]
    # The combo's stake is in the statement's row of a real book; here only what it pays.
    assert home.liability_minor == (2_000 + 3_000) - 1_000


def test_every_market_of_the_catalogue_has_a_liability() -> None:
    for market_type, row in grading.MARKETS.items():
        line_q4 = 8 if row.needs_line else None
        sides = row.sides or ("1:0",)
        found = [
            OpenSelection(
                EVENT, UUID(int=9), market_type, "ft", line_q4, UUID(int=n), side, 1, 0, 0,
                100, 300, 100,
            )
            for n, side in enumerate(sides)
        ]  # fmt: skip
        (market,) = liability.of_events(found, [])[EVENT].markets
        assert len(market.selections) == len(sides), market_type
        assert all(one.liability_minor <= market.worst_minor for one in market.selections)
