"""The order and the folding of an event's markets."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from overround.betting.offers import BoardLine
from overround.core import grading
from overround.odds.catalogue import Event
from overround.web.pages import markets

AT = datetime(2026, 3, 1, tzinfo=UTC)
EVENT = Event(UUID(int=1), "football", UUID(int=2), "Serie A", "Italy", "Inter", "Roma", AT,
              "scheduled", None)  # fmt: skip


def laid(
    market_type: str, period: str, line_q4: int | None, *prices_e4: int, sides: str = ""
) -> list[BoardLine]:
    """A market with its prices in the order of its sides, handed over the wrong way round."""
    market = UUID(int=hash((market_type, period, line_q4)) % 2**64)
    named = sides.split() or grading.sides(market_type)
    lines = [
        BoardLine(EVENT.id, market, market_type, period, line_q4, UUID(int=n), side, price_e4,
                  "open", 1, AT)
        for n, (side, price_e4) in enumerate(zip(named, prices_e4, strict=True))
    ]  # fmt: skip
    return lines[::-1]


def test_the_main_question_stands_first_and_its_answers_in_order() -> None:
    lines = [
        *laid("total", "ht", 4, 19_000, 19_000),
        *laid("both_teams_to_score", "ft", None, 18_000, 20_000),
        *laid("1x2", "ft", None, 21_000, 33_000, 36_000),
        *laid("asian_handicap", "ft", -1, 19_000, 19_500),
    ]
    sections = markets.sections(EVENT, lines)
    assert [section.title for section in sections] == ["Regular time", "First half"]
    blocks = sections[0].blocks
    assert [block.title for block in blocks] == ["Match result", "Handicap", "Both teams to score"]
    assert blocks[0].sides == ("home", "draw", "away")
    assert [block.is_ladder for block in blocks] == [False, True, False]


def test_a_ladder_shows_the_lines_that_are_near_even_and_folds_the_others() -> None:
    ladder = [(2, 11_000, 70_000), (6, 14_000, 29_000), (10, 19_500, 19_000), (14, 30_000, 14_000),
              (18, 60_000, 11_500), (22, 120_000, 10_500)]  # fmt: skip
    lines = [one for line, over, under in ladder for one in laid("total", "ft", line, over, under)]
    (block,) = markets.sections(EVENT, lines)[0].blocks
    assert [question.line_q4 for question in block.near] == [6, 10, 14]
    assert [question.line_q4 for question in block.far] == [2, 18, 22]


def test_a_short_ladder_is_not_folded() -> None:
    lines = [one for n in range(4) for one in laid("total", "ft", 4 * n + 2, 19_000, 19_000)]
    (block,) = markets.sections(EVENT, lines)[0].blocks
    assert (len(block.near), block.far) == (4, ())


def test_a_market_whose_answers_are_no_fixed_set_is_shown_by_its_words() -> None:
    lines = laid("correct_score", "ft", None, 80_000, 65_000, 90_000, sides="2:1 1:0 0:0")
    (block,) = markets.sections(EVENT, lines)[0].blocks
    assert block.sides == ("0:0", "1:0", "2:1")


def test_nothing_laid_is_no_section() -> None:
    assert markets.sections(EVENT, []) == []
