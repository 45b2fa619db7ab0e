from __future__ import annotations

import pytest

from overround.core.facts import Facts, Goal, contradiction


@pytest.mark.parametrize(
    "scores",
    [
        {"ht": (1, 0), "ft": (2, 0), "et": (0, 1), "pen": (3, 4)},
        {"ft": (2, 1), "corners_ht": (3, 1), "corners": (7, 5), "cards": (2, 2)},
        {"q1": (20, 25), "q2": (25, 20), "q3": (20, 20), "q4": (20, 20), "ft": (85, 85),
         "final": (97, 99), "ot": (12, 14)},
        {"p1": (1, 0), "p2": (0, 1), "p3": (1, 1), "ft": (2, 2), "final": (3, 2)},
        {"s1": (6, 4), "s2": (7, 6), "sets": (2, 0), "final": (13, 10)},
        {"final": (999, 0)},
        {"advanced": (0, 1)},
        {},
    ],
)  # fmt: skip
def test_what_a_provider_can_truly_tell_is_taken(scores: dict[str, tuple[int, int]]) -> None:
    assert contradiction(scores) is None


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        ({"xx": (1, 0)}, "is no score"),
        ({"ft": (1, -1)}, "is no score"),
        ({"ft": (1_000, 0)}, "is no score"),
        ({"ft": (1, 0, 0)}, "is no score"),
        ({"ft": (1,)}, "is no score"),
        ({"ht": (2, 0), "ft": (1, 0)}, "ht is more than ft"),
        ({"ft": (2, 0), "final": (2, -0)}, None),
        ({"ft": (2, 1), "final": (2, 0)}, "ft is more than final"),
        ({"corners_ht": (4, 0), "corners": (3, 9)}, "corners_ht is more than corners"),
        ({"q1": (30, 0), "ft": (29, 9)}, "do not add up"),
        ({"q1": (20, 0), "q2": (10, 9), "ft": (29, 9)}, "do not add up"),
        ({"q1": (20, 0), "q2": (10, 9), "ht": (29, 9)}, "do not add up"),
        ({"s1": (6, 4), "s2": (6, 4), "sets": (1, 1)}, "won by others"),
        ({"s1": (6, 4), "s2": (3, 0), "sets": (1, 0)}, None),
        ({"s2": (6, 4), "sets": (1, 1)}, None),
        ({"p1": (1, 0), "p2": (0, 1), "p3": (1, 1), "ft": (3, 2)}, "do not add up"),
        ({"s1": (7, 6), "final": (6, 6)}, "s1 is more than final"),
        ({"advanced": (1, 1)}, "one side advances"),
        ({"advanced": (2, 0)}, "one side advances"),
    ],
)
def test_scores_that_contradict_each_other_are_named(
    scores: dict[str, tuple[int, ...]], why: str | None
) -> None:
    found = contradiction(scores)
    assert found is None if why is None else found is not None and why in found


def test_what_is_not_told_is_added_up_from_its_parts() -> None:
    innings = {f"i{n}": (1, 0) for n in range(1, 10)}
    quarters = {f"q{n}": (n, 2) for n in range(1, 5)}
    assert Facts(innings).score("i1_5") == (5, 0)
    assert Facts(innings).score("ft") == (9, 0)
    assert Facts(quarters).score("ht") == (3, 4)
    assert Facts(quarters).score("2h") == (7, 4)
    assert Facts({"q1": (1, 2)}).score("ht") is None
    assert Facts({"ht": (9, 9), **quarters}).score("ht") == (9, 9)


def test_goals_that_are_not_all_told_are_not_believed() -> None:
    goals = (Goal("home"), Goal("away"))
    assert Facts({"ft": (1, 1)}, goals).goals_told() == goals
    assert Facts({"ft": (2, 1)}, goals).goals_told() is None
    assert Facts({"ft": (0, 2)}, goals).goals_told() is None
    assert Facts({"ht": (1, 1)}, goals).goals_told() is None
    assert Facts({"ft": (0, 0)}).goals_told() is None
