"""What a slip can become besides a single: lines, payouts, and prices that move meanwhile."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.betting.bets import Slip, SlipLeg, rules
from overround.core import bets as paying
from overround.core.errors import Invalid
from overround.core.payoff import HALF_LOST, HALF_WON, LOST, VOID, WON, Grade, multiplier_ratio
from overround.core.systems import FULL_COVERS
from overround.db.logins import Role
from tests.betting.test_place_raw import house
from tests.stories.world import Pick, opened

Urls = dict[Role, str]
ID = UUID(int=7)
AT = datetime(2026, 5, 4, tzinfo=UTC)
GRADES = [WON, LOST, VOID, HALF_WON, HALF_LOST]
PRICES = st.lists(st.integers(10_001, 200_000), min_size=1, max_size=9)


def slip_of(legs: int, sizes: tuple[int, ...] | None, stake_minor: int, bankers: int = 0) -> Slip:
    picked = tuple(SlipLeg(UUID(int=n + 1), 20_000, n < bankers) for n in range(legs))
    return Slip(ID, ID, "key", picked, stake_minor, AT, sizes=sizes)


@given(
    legs=st.lists(
        st.tuples(st.sampled_from(GRADES), st.integers(10_001, 200_000)), min_size=1, max_size=7
    ),
    stake=st.integers(1, 10**13), data=st.data(),
)  # fmt: skip
def test_a_stored_bet_pays_by_ratios_what_it_pays_by_objects(
    legs: list[tuple[Grade, int]], stake: int, data: st.DataObject
) -> None:
    some = st.sets(st.integers(1, len(legs)), min_size=1).map(lambda found: tuple(sorted(found)))
    sizes = data.draw(st.none() | some)
    count = data.draw(st.integers(0, 0 if sizes is None else min(sizes)))
    bankers = [n < count for n in range(len(legs))]
    returned = [multiplier_ratio(grade, price_e4) for grade, price_e4 in legs]
    exact = paying.paid_ratio(stake, returned, sizes, bankers)
    bet = paying.of_stored(stake, legs, sizes, bankers)
    assert Fraction(*exact) == paying.settle(bet).payout


@given(prices=PRICES, stake=st.integers(1, 10**13), data=st.data())
def test_the_potential_is_what_all_legs_won_pay(
    prices: list[int], stake: int, data: st.DataObject
) -> None:
    sizes = data.draw(
        st.none() | st.sets(st.integers(1, len(prices)), min_size=1).map(lambda s: tuple(sorted(s)))
    )
    most = 0 if sizes is None else min(sizes)
    count = data.draw(st.integers(0, most))
    bankers = [n < count for n in range(len(prices))]
    bet = paying.of_stored(stake, [(WON, price) for price in prices], sizes, bankers)
    exact = paying.potential_ratio(stake, prices, sizes, bankers)
    assert paying.rounded(exact, "down") == paying.payout_minor(bet, "down")
    assert paying.rounded(exact, "half_even") == paying.payout_minor(bet, "half_even")
    asked = Slip(
        ID,
        ID,
        "key",
        tuple(SlipLeg(ID, price, bankers[n]) for n, price in enumerate(prices)),
        stake,
        AT,
        sizes=sizes,
    )
    priced = rules.priced(asked, stake, prices)
    if priced.potential_minor < 10**18:
        assert priced.potential_minor + priced.rounds_up == paying.payout_minor(bet, "half_even")


@given(
    grades=st.lists(st.sampled_from([None, WON, LOST, VOID]), min_size=2, max_size=7),
    data=st.data(),
)
def test_a_bet_is_lost_when_its_best_end_pays_nothing(
    grades: list[Any], data: st.DataObject
) -> None:
    sizes = data.draw(
        st.none() | st.sets(st.integers(1, len(grades)), min_size=1).map(lambda s: tuple(sorted(s)))
    )
    best = [(grade or WON, 20_000) for grade in grades]
    pays = paying.settle(paying.of_stored(100, best, sizes)).payout
    assert paying.is_lost(grades, sizes) == (pays == 0)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("trixie", 4), ("patent", 7), ("yankee", 11), ("lucky15", 15), ("canadian", 26),
        ("lucky31", 31), ("heinz", 57), ("lucky63", 63), ("super_heinz", 120), ("goliath", 247),
    ],
)  # fmt: skip
def test_named_systems_have_their_lines(name: str, lines: int) -> None:
    legs, _ = FULL_COVERS[name]
    sizes = rules.system_sizes(name, None, legs, 0)
    assert paying.stored_lines(legs, sizes) == lines
    with_banker = rules.system_sizes(name, None, legs + 1, 1)
    assert paying.stored_lines(legs + 1, with_banker, 1) == lines
    with pytest.raises(Invalid) as raised:
        rules.system_sizes(name, None, legs + 1, 0)
    assert raised.value.code == "invalid_size"


def test_one_line_of_all_legs_is_a_combo() -> None:
    assert rules.system_sizes(None, [3], 3, 0) is None
    assert rules.system_sizes(None, [3, 2], 3, 0) == (2, 3)
    assert slip_of(3, None, 100).kind == "combo"
    assert slip_of(3, (2,), 100).kind == "system"


@pytest.mark.parametrize(
    ("slip", "code"),
    [
        (slip_of(3, (4,), 100), "invalid_size"),
        (slip_of(3, (0,), 100), "invalid_size"),
        (slip_of(3, (2, 2), 100), "invalid_size"),
        (slip_of(3, (1,), 100, bankers=2), "invalid_size"),
        (slip_of(3, None, 100, bankers=1), "invalid_size"),
        (slip_of(20, (10,), 100), "stake_out_of_range"),
    ],
)
def test_a_system_that_cannot_be_is_refused(slip: Slip, code: str) -> None:
    with pytest.raises(Invalid) as raised:
        rules.check(slip)
    assert raised.value.code == code


def test_what_makes_two_requests_the_same_has_the_lines_in_it() -> None:
    asked = [slip_of(3, None, 100), slip_of(3, (2,), 100), slip_of(3, (2,), 100, 1)]
    asked.append(slip_of(3, (2, 3), 100))
    assert len({rules.body_sha256(slip) for slip in asked}) == 4


def test_a_price_that_rose_meanwhile_is_paid(database_urls: Urls) -> None:
    """Three slips of one player in one call: what he asked behind the one whose price had moved is
    placed after it, and the last one does not fit any more."""

    async def story() -> None:
        async with opened(database_urls) as world:
            await world.tenant("acme")
            await world.player("ann", cash_minor=1_000)
            risen = await world.lay(Pick("E1", "1x2", "home"), 25_000)
            still = await world.lay(Pick("E2", "1x2", "home"), 20_000)
            asked = [
                world.slip("ann", 300, [(risen, 20_000), (still, 20_000)]),
                world.slip("ann", 400, [(still, 20_000)]),
                world.slip("ann", 400, [(still, 20_000)]),
            ]
            first, second, third = await world.place(asked)
            assert first.answer["potential_payout_minor"] == 1_500
            assert first.answer["prices_e4"] == [25_000, 20_000]
            assert second.kind == "accepted"
            assert third.refusal == "insufficient_funds"
            (again,) = await world.place(asked[:1])
            assert (again.kind, again.answer) == ("replayed", first.answer)
            assert not await world.violations()

    asyncio.run(story())


def test_a_system_over_http(database_urls: Urls) -> None:
    """Three legs are a trixie of four lines; both ways of placing say the same."""

    async def story() -> None:
        async with house(database_urls) as (edge, raw, _):
            plain = await edge.player("ann")
            await edge.deposit(plain, "100.00")
            fast = raw.client(token=plain.headers["authorization"].split()[1])
            async with edge.client() as client:
                events = (await client.get("/api/v1/events")).json()["items"]
                legs: list[dict[str, Any]] = []
                for event in events:
                    path = f"/api/v1/events/{event['id']}/markets"
                    markets = (await client.get(path)).json()["markets"]
                    first = markets[0]["selections"][0]
                    legs.append({"selection_id": first["selection_id"], "price": first["price"]})
            assert len(legs) >= 3, "the furnished house has three events"
            body = {"legs": legs[:3], "stake": "1.00", "stake_mode": "unit", "system": "trixie"}
            key = edge.key()
            placed = await fast.post("/api/v1/bets", json=body, headers=key)
            assert placed.status_code == 201, placed.text
            assert (placed.json()["kind"], placed.json()["stake"]) == ("system", "4.00")
            assert placed.json()["sizes"] == [2, 3]
            same = await plain.post("/api/v1/bets", json=body, headers=key)
            assert same.content == placed.content
            shown = (await plain.get(f"/api/v1/bets/{placed.json()['bet_id']}")).json()
            assert (shown["kind"], shown["sizes"]) == ("system", [2, 3])
            wrong = {**body, "system": "yankee"}
            refused = await fast.post("/api/v1/bets", json=wrong, headers=edge.key())
            assert (refused.status_code, refused.json()["code"]) == (422, "invalid_size")

    asyncio.run(story())
