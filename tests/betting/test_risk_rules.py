"""Risk's rules: shares no less than their bets, worst ends, caps, ramps, alarms, factors."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product
from math import prod
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from overround.betting import risk
from overround.betting.exposure import OpenBet, OpenLeg
from overround.betting.exposure import rules as exposure
from overround.betting.exposure.model import Beaten
from overround.betting.risk import Cap, Policy, Scope, Standing, Watched
from overround.core import bets, grading
from overround.core.payoff import VOID, WON, Grade

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
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
PRICES_E4 = some.integers(10_100, 200_000)


@dataclass(frozen=True, slots=True)
class Placed:
    """A single on one of the markets."""

    market: int
    side: str
    price_e4: int
    stake_minor: int

    @cache  # noqa: B019  (a few hundred bets of one test run)
    def pays(self, grade: Grade) -> int:
        return bets.payout_minor(bets.of_stored(self.stake_minor, [(grade, self.price_e4)]))


def standing(placed: list[Placed]) -> list[Standing]:
    """The rows that these bets make, a market's answers without bets among them."""
    found: list[Standing] = []
    for number in sorted({bet.market for bet in placed}):
        market_type, period, line_q4 = MARKETS[number]
        for n, side in enumerate(grading.sides(market_type)):
            mine = [bet for bet in placed if (bet.market, bet.side) == (number, side)]
            found.append(
                Standing(
                    event_id=EVENT,
                    market_id=UUID(int=number + 1),
                    market_type=market_type,
                    period=period,
                    line_q4=line_q4,
                    selection_id=UUID(int=(number + 1) * 100 + n),
                    side=side,
                    bets=len(mine),
                    stake_minor=sum(bet.stake_minor for bet in mine),
                    payout_minor=sum(bet.pays(WON) for bet in mine),
                )
            )
    return found


@cache
def graded(market: int, side: str, score: int) -> Grade:
    market_type, period, line_q4 = MARKETS[market]
    grade = grading.grade(market_type, period, line_q4, side, SCORES[score])
    assert grade is not None
    return grade


def loss(placed: list[Placed], score: int) -> int:
    """What the house loses at this score, each bet paid by itself."""
    return sum(bet.pays(graded(bet.market, bet.side, score)) - bet.stake_minor for bet in placed)


def random_bets(rng: random.Random) -> list[Placed]:
    found: list[Placed] = []
    for _ in range(rng.randrange(1, 25)):
        market = rng.randrange(len(MARKETS))
        side = rng.choice(grading.sides(MARKETS[market][0]))
        found.append(Placed(market, side, rng.randrange(10_100, 90_000), rng.randrange(1, 9_999)))
    return found


def test_no_score_costs_more_than_the_exposure() -> None:
    rng = random.Random(7)
    for _ in range(12):
        placed = random_bets(rng)
        (found,) = risk.of_events(standing(placed)).values()
        worst = max(loss(placed, score) for score in range(len(SCORES)))
        assert worst <= found.exposure_minor
        assert found.bets == len(placed)


def test_the_liability_of_a_selection_is_the_worst_score_that_it_wins() -> None:
    rng = random.Random(8)
    for _ in range(6):
        placed = random_bets(rng)
        (found,) = risk.of_events(standing(placed)).values()
        for market in found.markets:
            number = market.market_id.int - 1
            mine = [bet for bet in placed if bet.market == number]
            for one in market.selections:
                wins = [
                    loss(mine, score)
                    for score in range(len(SCORES))
                    if graded(number, one.side, score) == WON
                ]
                # Half results are rounded bet by bet, and here once: up to a unit for each bet.
                assert max(wins) <= one.liability_minor <= max(wins) + len(mine)


@given(some.integers(1, 10**7), some.lists(PRICES_E4, min_size=1, max_size=8))
def test_shares_win_together_what_the_bet_wins(stake_minor: int, prices_e4: list[int]) -> None:
    potential = stake_minor * prod(prices_e4) // 10_000 ** len(prices_e4)
    shares = risk.shares(stake_minor, potential, prices_e4)
    won = sum(share.payout_minor - share.stake_minor for share in shares)
    assert won >= potential - stake_minor
    # Rounded up once for the stake and once for each payout.
    over = sum(prices_e4) - 10_000 * len(prices_e4)
    assert won <= potential - stake_minor + over // 10_000 + 1 + len(prices_e4)
    if len(prices_e4) == 1:
        assert shares == [risk.Share(stake_minor, potential)]


def test_azuros_example_of_a_share() -> None:
    # Two legs at 2.00 and 3.00, 10.00 staked: (6 - 1) * 10 / (5 - 2) = 16.666..., on each leg.
    first, second = risk.shares(1_000, 6_000, [20_000, 30_000])
    assert (first.stake_minor, first.payout_minor) == (1_667, 3_334)
    assert (second.stake_minor, second.payout_minor) == (1_667, 5_001)


def leg(n: int, price_e4: int, grade: str | None = None) -> OpenLeg:
    return OpenLeg(UUID(int=n), UUID(int=n), UUID(int=n), price_e4, grade)


def test_the_last_open_leg_carries_what_the_others_have_won() -> None:
    legs = (leg(1, 20_000, "won"), leg(2, 30_000), leg(3, 15_000, "void"))
    found = exposure.rows([OpenBet(UUID(int=9), 1_000, "down", None, legs)])
    assert found == {(UUID(int=2),) * 3: (1, 2_000, 6_000, 0)}


def test_a_system_counts_by_what_its_lines_can_still_win() -> None:
    legs = (leg(1, 20_000), leg(2, 20_000), leg(3, 20_000))
    found = exposure.rows([OpenBet(UUID(int=9), 300, "down", [2], legs)])
    # Three doubles of 1.00 at 4.00 win 9.00 in all: three shares of 3.00 that win 3.00 each.
    assert set(found.values()) == {(1, 300, 600, 0)}


def caps(**said: Cap) -> dict[tuple[Scope, str], Cap]:
    return {(cap.scope, cap.scope_key): cap for cap in said.values()}


def test_the_narrowest_scope_says_each_limit() -> None:
    found = caps(
        house=Cap("house", "house", 100, 200, 300),
        sport=Cap("sport", "football", selection_max_minor=150),
        event=Cap("event", "E", event_max_minor=50),
        selection=Cap("selection", "S", win_max_minor=0),
    )
    keys: dict[Scope, str] = {"sport": "football", "event": "E", "selection": "S"}
    held = risk.held(found, keys)
    assert (held.win_max_minor, held.selection_max_minor, held.event_max_minor) == (0, 150, 50)
    assert held.said_by == {"win_max": "selection", "selection_max": "sport", "event_max": "event"}
    nobody = risk.held({}, keys)
    assert (nobody.win_max_minor, nobody.said_by) == (None, {})


@given(some.integers(0, 10_000), some.integers(0, 10**6), some.integers(-(10**6), 2 * 10**6))
def test_the_ramp_opens_and_never_closes(share_bps: int, ramp_s: int, ahead_s: int) -> None:
    policy = Policy(ramp_share_bps=share_bps, ramp_s=ramp_s)
    now = risk.ramp_share_bps(policy, AT + timedelta(seconds=ahead_s), AT)
    later = risk.ramp_share_bps(policy, AT + timedelta(seconds=ahead_s - 60), AT)
    assert share_bps <= now <= later <= 10_000
    assert risk.ramp_share_bps(policy, AT, AT) == 10_000
    if ramp_s and ahead_s >= ramp_s:
        assert now == share_bps


def test_half_way_up_the_ramp() -> None:
    policy = Policy(ramp_share_bps=2_000, ramp_s=3_600)
    assert risk.ramp_share_bps(policy, AT + timedelta(minutes=30), AT) == 6_000
    assert risk.opened_minor(1_001, 6_000) == 600
    assert risk.opened_minor(None, 6_000) is None


@given(some.integers(0, 10**9), PRICES_E4, some.integers(100, 100_000))
def test_the_greatest_stake_wins_no_more_than_the_limit(
    win_max: int, price_e4: int, factor_e4: int
) -> None:
    stake = risk.stake_max_minor(win_max, price_e4, factor_e4)
    scaled = win_max * factor_e4 // 10_000
    assert stake * (price_e4 - 10_000) // 10_000 <= scaled
    assert (stake + 1) * (price_e4 - 10_000) > scaled * 10_000


def watched(n: int, **shows: int | None) -> Watched:
    market = UUID(int=n)
    found = {"liability_minor": 0, "cap_minor": None, "minute_bets": 0, "moved_bps": 0, **shows}
    return Watched(EVENT, market, market, **found)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("shows", "reason"),
    [
        ({"liability_minor": 799, "cap_minor": 1_000}, None),
        ({"liability_minor": 800, "cap_minor": 1_000}, "liability"),
        ({"liability_minor": 10**9}, None),
        ({"liability_minor": 0, "cap_minor": 0}, None),
        ({"minute_bets": 50}, None),
        ({"minute_bets": 51}, "velocity"),
        ({"moved_bps": 1_000}, None),
        ({"moved_bps": 1_001}, "price_move"),
        ({"moved_bps": 1_001, "minute_bets": 51}, "velocity"),
        ({"moved_bps": 1_001, "liability_minor": 800, "cap_minor": 1_000}, "liability"),
    ],
)
def test_what_is_suspended_and_why(shows: dict[str, int | None], reason: str | None) -> None:
    policy = Policy(suspend_at_bps=8_000, velocity_max=50, move_max_bps=1_000)
    found = risk.alarms(policy, [watched(1, **shows)])
    assert [alarm.reason for alarm in found] == ([reason] if reason else [])
    assert risk.alarms(Policy(), [watched(1, **shows)]) == []


def test_a_market_is_suspended_once_for_the_gravest_reason() -> None:
    policy = Policy(velocity_max=5, move_max_bps=100)
    found = risk.alarms(
        policy, [watched(1, moved_bps=900), watched(1, minute_bets=6), watched(1, minute_bets=9)]
    )
    assert [(alarm.reason, alarm.measured) for alarm in found] == [("velocity", 9)]


def test_what_the_close_says_suggests_a_factor() -> None:
    def suggested(bets: int, mean_ppm: int, error_ppm: int) -> int:
        (found,) = exposure.sharpness([Beaten(UUID(int=1), "ann", bets, mean_ppm, error_ppm)])
        assert (found.name, found.bets, found.mean_ppm) == ("ann", bets, mean_ppm)
        return found.suggested_e4

    assert suggested(30, 30_000, 10_000) == 4_782
    assert suggested(29, 30_000, 10_000) == suggested(30, 20_000, 10_000) == 10_000


@given(some.integers(0, 10_000), some.integers(-(10**6), 10**6), some.integers(0, 10**6))
def test_a_suggested_factor_never_restricts_for_nothing(bets: int, mean: int, error: int) -> None:
    factor = risk.suggested_factor_e4(bets, mean, error)
    assert 1_000 <= factor <= 10_000
    assert factor >= risk.suggested_factor_e4(bets, mean + 5_000, error)
    if mean <= 0 or bets < 30:
        assert factor == 10_000


def test_every_market_of_the_catalogue_has_a_liability() -> None:
    for market_type, row in grading.MARKETS.items():
        sides = row.sides or ("1:0",)
        found = [
            Standing(EVENT, EVENT, market_type, "ft", 8 if row.needs_line else None,
                     UUID(int=n), side, 1, 100, 250)
            for n, side in enumerate(sides)
        ]  # fmt: skip
        (market,) = risk.of_events(found)[EVENT].markets
        assert all(one.liability_minor <= market.worst_minor for one in market.selections)


def test_an_answer_that_can_never_be_costs_nothing() -> None:
    sides = grading.sides("result_and_total")
    found = [
        Standing(EVENT, EVENT, "result_and_total", "ft", 2, UUID(int=n), side, 1, 100, 250)
        for n, side in enumerate(sides)
    ]
    (market,) = risk.of_events(found)[EVENT].markets
    said = {one.side: one.liability_minor for one in market.selections}
    assert said["home/under"] == said["away/under"] == -100 * len(sides)
    assert said["draw/under"] == said["home/over"] == 250 - 100 * len(sides)


def test_a_void_leg_gives_its_share_back() -> None:
    # Draw no bet: at a draw both bets are void and the house neither wins nor loses.
    placed = [Placed(1, "home", 20_000, 500), Placed(1, "away", 20_000, 500)]
    (found,) = risk.of_events(standing(placed)).values()
    assert found.exposure_minor == 0
    assert all(bet.pays(VOID) == 500 for bet in placed)
