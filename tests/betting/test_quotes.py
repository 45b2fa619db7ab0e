"""Quotes: what they say is what the book does, at the last stake that fits and at the next one."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, replace
from datetime import timedelta
from fractions import Fraction
from itertools import combinations
from math import prod
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from overround.betting import quotes, risk
from overround.betting.bets import Slip
from overround.betting.quotes import Ask, AskedLeg, Quote, rules
from overround.betting.quotes.model import Known, OfferedLeg, PlayerRoom, Terms
from overround.betting.risk import Cap, PlayerRisk, Policy
from overround.core import ids
from overround.core.price import SCALE_E4
from overround.db.logins import Role
from tests.betting.test_place_raw import house, slip
from tests.stories.world import AT, Pick, World, opened

Urls = dict[Role, str]

PRICES_E4 = {
    Pick("E1", "1x2", "home"): 21_000,
    Pick("E2", "1x2", "home"): 15_300,
    Pick("E3", "1x2", "home"): 73_100,
    Pick("E4", "total", "over", line_q4=10): 19_100,
}
TERMS = Terms(
    "active", "EUR", 10, 10**9, "down", "active", 10**8, 10_000, None, None, None, None, None, None
)  # fmt: skip


def asked(like: Slip, **changed: Any) -> Ask:
    legs = tuple(AskedLeg(leg.selection_id, leg.price_e4, leg.banker) for leg in like.legs)
    ask = Ask(like.user_id, legs, like.stake_minor, like.sizes, like.odds_policy)
    return replace(ask, **changed)


async def quoted(world: World, ask: Ask) -> Quote:
    tenant_id = world.tenants["acme"].id
    async with world.app.reading(tenant_id) as conn:
        known = await quotes.known(conn, tenant_id, ask, world.at)
    return quotes.quote(ask, known, world.at)


async def taken(world: World, like: Slip, stake_minor: int) -> dict[str, Any]:
    """What the book answers to that slip at another stake; {} when it takes it."""
    bet_id = ids.derived(world.at, "quoted", like.key, str(stake_minor))
    copy = replace(like, bet_id=bet_id, key=f"{like.key}-{stake_minor}", stake_minor=stake_minor)
    (answer,) = await world.place([copy])
    return {} if answer.kind == "accepted" else answer.answer


def test_a_quote_says_what_the_book_does(database_urls: Urls) -> None:
    """Under every cap, and its neighbours, the quoted stake is taken and one more is refused."""

    async def story() -> None:
        async with opened(database_urls) as world:
            tenant = await world.tenant("acme", payout_max_minor=100_000)
            ann = await world.player("ann", cash_minor=40_000)
            laid = {pick: await world.lay(pick, price_e4) for pick, price_e4 in PRICES_E4.items()}
            e1, e2 = [str(await world.event(name)) for name in ("E1", "E2")]
            setups: list[tuple[Cap | None, Policy, int]] = [
                (None, Policy(player_event_max_minor=6_001), 10_000),
                (None, Policy(player_day_max_minor=50_000), 10_000),
                (None, Policy(), 10_000),
                (Cap("house", "house", win_max_minor=7_777), Policy(), 10_000),
                (Cap("house", "house", win_max_minor=7_777), Policy(), 3_300),
                (Cap("event", e1, selection_max_minor=3_333, event_max_minor=9_000), Policy(),
                 10_000),
                (Cap("event", e2, event_max_minor=2_501), Policy(ramp_share_bps=5_000,
                 ramp_s=86_400 * 2), 10_000),
                (None, Policy(stake_min_minor=50, payout_max_minor=30_011), 10_000),
            ]  # fmt: skip
            rng, limits = random.Random(5), set[str | None]()
            for cap, policy, factor_e4 in setups:
                async with world.app.transaction(tenant.id) as conn:
                    if cap is not None:
                        await risk.set_cap(conn, tenant.id, cap)
                    await risk.set_policy(conn, tenant.id, policy)
                    await risk.set_player(conn, tenant.id, PlayerRisk(ann, factor_e4, 0, "", AT))
                for _ in range(4):
                    picks = rng.sample(list(laid), rng.randint(1, 4))
                    sizes = (1, 2) if len(picks) > 2 and rng.random() < 0.5 else None
                    legs = [(laid[pick], PRICES_E4[pick]) for pick in picks]
                    one = world.slip("ann", 1_000, legs, sizes=sizes)
                    found = await quoted(world, asked(one, stake_minor=None))
                    most = found.stake_max_minor
                    if most is None:
                        (refused,) = found.refusals
                        told = await taken(world, one, found.stake_min_minor)
                        assert told["refusal"] == refused.code
                        continue
                    limits.add(found.limited_by)
                    beyond = await quoted(world, asked(one, stake_minor=most + 1))
                    assert (await taken(world, one, most + 1))["refusal"] == found.limited_by
                    assert [said.code for said in beyond.refusals] == [found.limited_by]
                    assert beyond.stake_max_minor == most
                    assert (await quoted(world, asked(one, stake_minor=most))).refusals == ()
                    lowered = await quoted(
                        world, asked(one, stake_minor=most + 5, accept_lower_stake=True)
                    )
                    if found.limited_by == "insufficient_funds":
                        assert lowered.refusals
                    else:
                        assert (lowered.stake_minor, lowered.refusals) == (most, ())
                    if rng.random() < 0.5:
                        assert await taken(world, one, most) == {}
                        await world.deposit("ann", most)
                if cap is not None:
                    async with world.app.transaction(tenant.id) as conn:
                        await risk.set_cap(conn, tenant.id, Cap(cap.scope, cap.scope_key))
            assert limits == {
                "insufficient_funds", "payout_above_max", "player_limit", "stake_above_max",
            }  # fmt: skip
            assert await world.violations() == []

    asyncio.run(story())


def test_a_quote_names_everything_that_would_refuse(database_urls: Urls) -> None:
    """Each leg's own reason as the book says it, and all of them at once."""

    async def story() -> None:
        async with opened(database_urls) as world:
            tenant = await world.tenant("acme")
            await world.player("ann", cash_minor=1_000)
            low, mid, high, over = PRICES_E4
            laid = {pick: await world.lay(pick, price_e4) for pick, price_e4 in PRICES_E4.items()}
            await world.lay(mid, PRICES_E4[mid], state="suspended")
            await world.lay(high, PRICES_E4[high], state="closed")
            late = await world.event("E9", world.at + timedelta(hours=1))
            begun = await world.lay(Pick("E9", "1x2", "home"), 20_000)
            assert late
            world.at += timedelta(hours=2)
            nobody = await world.selection(Pick("E5", "1x2", "home"))
            legs = [
                (laid[low], 22_000), (laid[mid], 15_300), (laid[high], 73_100), (begun, 20_000),
                (nobody, 20_000), (laid[over], 19_000),
            ]  # fmt: skip
            one = world.slip("ann", 2_000, legs)
            found = await quoted(world, asked(one))
            codes = [
                "price_changed", "market_suspended", "market_closed", "event_started",
                "unknown_selection", None,
            ]  # fmt: skip
            assert list(found.leg_refusals) == codes
            assert found.stake_max_minor is found.potential_minor is None
            for leg, code in zip(legs, codes, strict=True):
                alone = world.slip("ann", 500, [leg])
                assert (await taken(world, alone, 500)).get("refusal") == code
            async with world.app.transaction(tenant.id) as conn:
                bounds = Policy(legs_min=2, leg_price_max_e4=20_000, slip_price_min_e4=30_000)
                await risk.set_policy(conn, tenant.id, bounds)
            single = world.slip("ann", 5, [(laid[low], 21_000)])
            found = await quoted(world, asked(single))
            assert [one.code for one in found.refusals] == [
                "too_few_legs", "odds_out_of_range", "odds_out_of_range", "stake_below_min",
            ]  # fmt: skip
            world.players["acme", "ghost"] = tenant.id
            ghost = world.slip("ghost", 500, [(laid[over], 19_100)])
            assert "account_blocked" in [
                one.code for one in (await quoted(world, asked(ghost))).refusals
            ]

    asyncio.run(story())


def test_a_quote_is_asked_over_http_and_stores_nothing(database_urls: Urls) -> None:
    async def story() -> None:
        async with house(database_urls) as (edge, _, home):
            ann = await edge.player("ann")
            await edge.deposit(ann, "50.00")
            asks = slip(home)
            del asks["stake"]
            said = (await ann.post("/api/v1/bets/quote", json=asks)).json()
            assert (said["is_taken"], said["stake_max"], said["limited_by"]) == (
                True, "50.00", "insufficient_funds",
            )  # fmt: skip
            (leg,) = said["legs"]
            assert (leg["price"], leg["refusal"]) == (home["price"], None)
            asks["stake"] = "50.01"
            said = (await ann.post("/api/v1/bets/quote", json=asks)).json()
            (refusal,) = said["refusals"]
            assert (refusal["code"], refusal["stake_max"]) == ("insufficient_funds", "50.00")
            assert not said["is_taken"]
            assert (await ann.get("/api/v1/bets")).json()["items"] == []
            wrong = await ann.post("/api/v1/bets/quote", json={**asks, "stake": "0"})
            assert wrong.status_code == 422
            async with edge.client() as anybody:
                refused = await anybody.post("/api/v1/bets/quote", json=asks)
            assert refused.status_code == 401

    asyncio.run(story())


BOUND = st.none() | st.integers(-1_000, 10**9)


@given(
    prices=st.lists(st.integers(10_001, 300_000), min_size=1, max_size=5),
    bounds=st.tuples(BOUND, BOUND, BOUND, BOUND, BOUND),
    factor=st.integers(100, 100_000),
    stakes=st.tuples(st.integers(1, 10**7), st.integers(1, 10**7)),
)
def test_a_stake_that_fits_leaves_room_for_less(
    prices: list[int],
    bounds: tuple[int | None, ...],
    factor: int,
    stakes: tuple[int, int],
) -> None:
    win, selection, event, day, of_event = bounds
    legs = tuple(
        OfferedLeg(ids.derived(AT, str(n)), None, None, price, 1, "open", AT, None, win, selection,
                   event)
        for n, price in enumerate(prices)
    )  # fmt: skip
    ask = Ask(AT_ID, tuple(AskedLeg(leg.selection_id) for leg in legs))
    room = PlayerRoom(None, day, of_event)
    one = rules.Slip.of(ask, Known(replace(TERMS, factor_e4=factor), legs, room))
    less, more = sorted(stakes)
    if rules.stake_refused(one, more) is None:
        assert rules.stake_refused(one, less) is None
    most, code = rules.stake_max_minor(one)
    assert code is not None
    assert most == 0 or rules.stake_refused(one, most) is None
    assert rules.stake_refused(one, most + 1) is not None


@dataclass(frozen=True, slots=True)
class Slow(rules.Slip):
    """A slip that is reckoned line by line, anew for every stake."""

    def potential(self, stake_minor: int) -> int:
        fixed = {n for n, leg in enumerate(self.ask.legs) if leg.banker}
        every = range(len(self.legs))
        chosen = [
            line
            for size in self.ask.sizes or (len(self.legs),)
            for line in combinations(every, size)
            if fixed <= set(line)
        ]
        parts = [[Fraction(price_e4, SCALE_E4) for price_e4 in self.prices_e4]]
        if self.ask.each_way:
            parts.append([_placed(leg) for leg in self.legs])
        unit = Fraction(stake_minor, len(chosen) * len(parts))
        paid = sum((unit * prod(part[n] for n in line) for part in parts for line in chosen),
                   Fraction(0))  # fmt: skip
        if self.terms.payout_rounding == "half_even":
            return round(paid)
        return int(paid)


def _placed(leg: OfferedLeg) -> Fraction:
    """What a unit on the leg to be placed returns, the terms being such as "1/4 1-3"."""
    share = Fraction((leg.place_terms or "").split()[0])
    return 1 + (Fraction(leg.price_e4 or 0, SCALE_E4) - 1) * share


@st.composite
def asked_slips(draw: st.DrawFn) -> tuple[Ask, Known]:
    """Singles, combos and systems with bankers, each way or not, and every bound that there is."""
    prices = draw(st.lists(st.integers(10_001, 10**6), min_size=1, max_size=5))
    by_event = draw(st.tuples(BOUND, BOUND, BOUND))
    terms = [draw(st.sampled_from(("1/1 1-2", "1/4 1-3", "1/5 1-4"))) for _ in prices]
    legs = tuple(
        OfferedLeg(ids.derived(AT, str(n)), None, None, price, 1, "open", AT, None, *by_event,
                   place_terms=said)
        for n, (price, said) in enumerate(zip(prices, terms, strict=True))
    )  # fmt: skip
    bankers = draw(st.lists(st.booleans(), min_size=len(legs), max_size=len(legs)))
    least = max(1, sum(bankers))
    sizes = draw(st.none() | st.sets(st.integers(least, len(legs)), min_size=1))
    ask = Ask(
        AT_ID,
        tuple(AskedLeg(leg.selection_id, banker=banker and sizes is not None)
              for leg, banker in zip(legs, bankers, strict=True)),
        sizes=None if sizes is None else tuple(sorted(sizes)),
        each_way=draw(st.booleans()),
    )  # fmt: skip
    taken = replace(
        TERMS,
        payout_rounding=draw(st.sampled_from(("down", "half_even"))),
        payout_max_minor=draw(st.integers(1, 10**12)),
        cash_minor=draw(st.integers(0, 10**13)),
        factor_e4=draw(st.integers(100, 100_000)),
    )
    return ask, Known(taken, legs, PlayerRoom(None, draw(BOUND), draw(BOUND)))


@settings(deadline=None)
@given(asked_slips(), st.lists(st.integers(1, 10**13), max_size=5))
def test_a_quote_pays_what_its_lines_pay_one_by_one(
    slip_asked: tuple[Ask, Known], stakes: list[int]
) -> None:
    """To the last unit, for any stake and for the largest."""
    fast, slow = rules.Slip.of(*slip_asked), Slow.of(*slip_asked)
    most, code = rules.stake_max_minor(slow)
    assert rules.stake_max_minor(fast) == (most, code)
    for stake_minor in (*stakes, max(most, 1), most + 1):
        assert fast.potential(stake_minor) == slow.potential(stake_minor)
        assert rules.stake_refused(fast, stake_minor) == rules.stake_refused(slow, stake_minor)


AT_ID = ids.derived(AT, "anybody")
