from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from math import comb, prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.core import systems
from overround.core.errors import Invalid
from overround.core.systems import Ratio

RATIOS = st.tuples(st.integers(0, 10**6), st.integers(1, 10**5))


@st.composite
def wagers(draw: st.DrawFn) -> tuple[list[Ratio], list[int], list[Ratio]]:
    """(returns, sizes, bankers) that a system may have."""
    returns = draw(st.lists(RATIOS, min_size=1, max_size=7))
    bankers = draw(st.lists(RATIOS, max_size=3))
    legs = len(returns) + len(bankers)
    allowed = st.integers(max(1, len(bankers)), legs)
    return returns, draw(st.lists(allowed, min_size=1, unique=True)), bankers


def line_by_line(
    returns: Sequence[Ratio], sizes: Sequence[int], bankers: Sequence[Ratio]
) -> Fraction:
    """The definition: every line written down."""
    sure = prod((Fraction(*ratio) for ratio in bankers), start=Fraction(1))
    return sum(
        (
            sure * prod((Fraction(*ratio) for ratio in chosen), start=Fraction(1))
            for size in sizes
            for chosen in combinations(returns, size - len(bankers))
        ),
        Fraction(0),
    )


@given(wagers())
def test_a_system_is_the_sum_of_its_lines(
    wager: tuple[list[Ratio], list[int], list[Ratio]],
) -> None:
    assert Fraction(*systems.total(*wager)) == line_by_line(*wager)


@given(st.lists(RATIOS, min_size=1, max_size=12))
def test_a_system_of_all_its_legs_is_the_combo(returns: list[Ratio]) -> None:
    combo = prod((Fraction(*ratio) for ratio in returns), start=Fraction(1))
    assert Fraction(*systems.total(returns, (len(returns),))) == combo


@given(st.lists(RATIOS, min_size=1, max_size=12))
def test_a_full_cover_with_singles_has_a_closed_form(returns: list[Ratio]) -> None:
    closed = prod((Fraction(*ratio) + 1 for ratio in returns), start=Fraction(1)) - 1
    sizes = range(1, len(returns) + 1)
    assert Fraction(*systems.total(returns, sizes)) == closed


@given(st.lists(RATIOS, min_size=2, max_size=10), st.data())
def test_the_order_of_legs_does_not_matter(returns: list[Ratio], data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(returns)))
    shuffled = data.draw(st.permutations(returns))
    assert Fraction(*systems.total(returns, (size,))) == Fraction(*systems.total(shuffled, (size,)))


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("trixie", 4), ("patent", 7), ("yankee", 11), ("lucky15", 15), ("canadian", 26),
        ("lucky31", 31), ("heinz", 57), ("lucky63", 63), ("super_heinz", 120), ("goliath", 247),
    ],
)  # fmt: skip
def test_named_full_covers_have_their_lines(name: str, lines: int) -> None:
    legs, sizes = systems.FULL_COVERS[name]
    assert systems.total([(1, 1)] * legs, sizes) == (lines, 1)


def test_thirty_legs_are_settled_without_their_lines() -> None:
    returns = [(19_090 + n, 10_000) for n in range(30)]
    # A billion lines: at a million a second the suite's limit for a test would end this one.
    above, below = systems.total(returns, range(1, 31))
    assert Fraction(above, below) == prod(1 + Fraction(*ratio) for ratio in returns) - 1
    assert systems.total([(1, 1)] * 30, (15,)) == (comb(30, 15), 1)


@pytest.mark.parametrize(
    ("legs", "sizes", "bankers"),
    [
        (3, (), 0), (3, (0,), 0), (3, (-1,), 0), (3, (4,), 0), (3, (2, 2), 0), (3, (2, 4), 0),
        (3, (1,), 2), (0, (1,), 0),
    ],
)  # fmt: skip
def test_sizes_a_system_cannot_have_are_refused(
    legs: int, sizes: tuple[int, ...], bankers: int
) -> None:
    with pytest.raises(Invalid) as refused:
        systems.total([(2, 1)] * (legs - bankers), sizes, [(2, 1)] * bankers)
    assert refused.value.code == "invalid_size"
