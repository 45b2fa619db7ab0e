"""What a book lays, from the board: its margin, its method, and no present to arbitrageurs."""

from __future__ import annotations

from uuid import UUID

import numpy as np
from hypothesis import given
from hypothesis import strategies as some

from overround.betting.offers import Book, Setting, held, watch
from overround.betting.offers import rules as offers
from overround.odds.pricing import Integers, ladder

BOOK = UUID(int=1)
ONE = np.array([10_000], np.int64)


def laid(board: list[list[int]], margin_bps: int, multiplier_e4: int = 10_000) -> list[int]:
    """What a book lays on one market of [sources][answers] prices."""
    prices: Integers = np.array([board], np.int64)
    found = offers.price(
        prices, np.array([margin_bps], np.int64), np.array([multiplier_e4], np.int64)
    )
    return found.price_e4[0].tolist()


BOARDS = some.integers(2, 4).flatmap(
    lambda n: some.lists(
        some.lists(some.integers(10_100, 120_000), min_size=n, max_size=n), min_size=1, max_size=5
    )
)


@given(BOARDS, some.integers(0, 1_500), some.integers(5_000, 15_000))
def test_nobody_makes_money_of_an_offer_and_the_board(
    board: list[list[int]], margin_bps: int, multiplier_e4: int
) -> None:
    ours = laid(board, margin_bps, multiplier_e4)
    best = np.array(board).max(axis=0).tolist()
    for n, price_e4 in enumerate(ours):
        if not price_e4:
            continue
        # Ours on one answer, the best of the others or of ours on every other one.
        rest = sum(
            10_000 / max(one, own)
            for k, (one, own) in enumerate(zip(best, ours, strict=True))
            if k != n
        )
        if sum(10_000 / one for one in best) >= 1:
            assert 10_000 / price_e4 + rest >= 1 - 1e-9
        alone = sum(10_000 / one for k, one in enumerate(best) if k != n)
        assert 10_000 / price_e4 + alone >= 1 - 1e-9


@given(BOARDS, some.integers(0, 1_500), some.integers(5_000, 15_000))
def test_an_offer_stands_on_the_ladder_or_not_at_all(
    board: list[list[int]], margin_bps: int, multiplier_e4: int
) -> None:
    ours = laid(board, margin_bps, multiplier_e4)
    assert all(ours) or not any(ours)
    if any(ours):
        prices = np.array(ours, np.int64)
        assert ladder.round_down(prices).tolist() == ours


def test_a_price_is_shaded_by_what_an_arbitrage_would_take() -> None:
    fair = [[20_000, 20_000]] * 4
    assert laid(fair, 0) == [20_000, 20_000]
    # One source pays 2.20 on the other side: at 2.00 ours would leave 4.5 %; 1.83 leaves nothing.
    outlier = [*fair, [20_000, 22_000]]
    mine = laid(outlier, 0)[0]
    assert mine == 18_300
    assert 10_000 / mine + 10_000 / 22_000 >= 1


def test_what_would_have_to_be_shaded_far_is_not_laid() -> None:
    # Somebody pays 3.00 on the other side of an even match: he is wrong, or we are.
    assert laid([[20_000, 20_000]] * 4 + [[20_000, 30_000]], 0) == [0, 0]


def test_a_margin_keeps_the_book_out_of_arbitrage_by_itself() -> None:
    board = [[21_000, 34_000, 36_000], [20_800, 34_500, 36_500]]
    with_margin = laid(board, 600)
    assert all(with_margin)
    assert sum(10_000 / one for one in with_margin) >= 1 / 0.94
    assert watch.guarded(np.array([with_margin]), np.array([board]))[0].tolist() == [with_margin]


def test_the_narrowest_word_holds_for_a_market_too() -> None:
    said = (
        Setting("sport", "football", margin_bps=800, margin_method="power"),
        Setting("event", "E", multiplier_e4=9_000),
        Setting("market", "M", margin_bps=300),
        Setting("market", "N", enabled=False),
    )
    book = Book(
        book_id=BOOK, tenant_id=BOOK, margin_bps=600,
        settings={(one.scope, one.scope_key): one for one in said},
    )  # fmt: skip
    market = held(book, "football", "C", "E", "M")
    assert (market.terms.margin_bps, market.margin_from) == (300, "market")
    assert (market.terms.multiplier_e4, market.terms.method) == (9_000, "power")
    off = held(book, "football", "C", "E", "N")
    assert (off.terms.enabled, off.off_by, off.margin_from) == (False, ("market",), "sport")
    assert offers.has_narrow(book)
    plain = held(book, "tennis")
    assert (plain.terms.margin_bps, plain.margin_from, plain.terms.method) == (
        600,
        None,
        "multiplicative",
    )


def test_methods_put_the_margin_on_different_answers() -> None:
    board = np.array([[[14_000, 50_000, 80_000]] * 2], np.int64)
    by_method = {
        method: offers.price(board, np.array([800]), ONE, method).price_e4[0].tolist()
        for method in ("multiplicative", "power")
    }
    # A power margin leaves the favourite nearly alone and takes it from the long shot.
    assert by_method["power"][0] > by_method["multiplicative"][0]
    assert by_method["power"][2] < by_method["multiplicative"][2]


def test_a_sure_profit_is_what_all_stakes_bring() -> None:
    # 1/2.10 + 1/2.10 is 20/21: 21 for 20 staked.
    assert watch.sure_profit_bps([21_000, 18_000], [20_000, 21_000]) == 500
    assert watch.sure_profit_bps([5_000_000, 0], [16_500, 23_000]) == 12_895
    # The others' arbitrage is not ours, and what nobody quotes cannot be backed.
    assert watch.sure_profit_bps([20_000, 18_000], [21_000, 21_000]) == 0
    assert watch.sure_profit_bps([5_000_000, 0], [16_500, 0]) == 0
    # Of our own prices alone, and rounded up.
    assert watch.sure_profit_bps([20_003, 20_003], [19_000, 19_000]) == 2


@given(BOARDS, some.integers(0, 1_500), some.lists(some.integers(5_000, 15_000), min_size=4))
def test_a_factor_of_one_answer_is_watched_as_a_reckoned_price_is(
    board: list[list[int]], margin_bps: int, factors: list[int]
) -> None:
    n = len(board[0])
    prices = np.array([board], np.int64)
    margin = np.array([margin_bps], np.int64)
    plain = offers.price(prices, margin, ONE)
    found = offers.price(prices, margin, ONE, "multiplicative", np.array([factors[:n]], np.int64))
    ours, best = found.price_e4[0].tolist(), found.best_e4[0].tolist()
    if sum(10_000 / one for one in best) >= 1:
        assert watch.sure_profit_bps(ours, best) == 0
    # A person's factor is shaded as far as it takes, and stops a market by itself no more than the
    # others' best with it does.
    assert not (found.did == 2).any() or (plain.did == 2).any() or min(factors[:n]) < 10_000


def test_a_factor_above_one_is_shaded() -> None:
    fair = np.array([[[20_000, 20_000]] * 4], np.int64)
    factor = np.array([[15_000, 10_000]], np.int64)
    found = offers.price(fair, np.array([600], np.int64), ONE, "multiplicative", factor)
    assert found.price_e4[0].tolist() == [20_000, 18_800]
    assert found.reckoned_e4[0].tolist() == [28_200, 18_800]
    assert [watch.WORDS[did] for did in found.did[0].tolist()] == ["shaded", None]


def test_a_person_s_price_is_laid_as_it_is_or_not_at_all() -> None:
    found, best = watch.Laying([18_800, 18_800], [0, 0]), [20_000, 20_000]

    def laid_at(
        price_e4: int, bears: int | None = None, *, enabled: bool = True
    ) -> tuple[int, str | None]:
        own = Setting("selection", "S", enabled, price_e4=price_e4, sure_profit_max_bps=bears)
        laying = watch.with_own(found, [own, None], best)
        assert laying.price_e4[1] == 18_800
        return laying.price_e4[0], watch.WORDS[laying.did[0]]

    assert laid_at(20_000) == (20_000, None)
    assert laid_at(21_000) == (0, "own_price")
    assert laid_at(21_000, 243) == (0, "own_price")
    assert laid_at(21_000, 244) == (21_000, None)
    assert laid_at(21_000, 244, enabled=False) == (0, None)


def test_the_house_s_word_holds_where_nobody_says_another() -> None:
    said = (
        Setting("house", "house", margin_bps=400, margin_method="shin"),
        Setting("sport", "football", margin_bps=800),
    )
    settings = {(one.scope, one.scope_key): one for one in said}
    book = Book(book_id=BOOK, tenant_id=BOOK, margin_bps=600, settings=settings)
    assert (held(book).terms.margin_bps, held(book).terms.method) == (400, "shin")
    assert held(book, "tennis").margin_from == "house"
    assert (held(book, "football").terms.margin_bps, held(book, "football").terms.method) == (
        800,
        "shin",
    )
    settings["house", "house"] = Setting("house", "house", enabled=False)
    assert held(book, "football", "C", "E").off_by == ("house",)
