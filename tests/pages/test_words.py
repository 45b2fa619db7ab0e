"""What people call things."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from overround.core.grading import MARKETS, PERIODS
from overround.web.pages import words

VIENNA = ZoneInfo("Europe/Vienna")


@pytest.mark.parametrize(
    ("side", "market", "line_q4", "said"),
    [
        ("home", "1x2", None, "Inter"),
        ("draw", "1x2", None, "Draw"),
        ("1X", "double_chance", None, "Inter or draw"),
        ("12", "double_chance", None, "Inter or Roma"),
        ("home", "asian_handicap", -2, "Inter -0.5"),
        ("away", "asian_handicap", -2, "Roma +0.5"),
        ("away", "asian_handicap", 3, "Roma -0.75"),
        ("home", "asian_handicap", 0, "Inter 0"),
        ("over", "total", 10, "Over 2.5"),
        ("yes", "both_teams_to_score", None, "Yes"),
        ("home/draw", "half_time_full_time", None, "Inter / Draw"),
        ("2:1", "correct_score", None, "2:1"),
        ("away/3+", "winning_margin", None, "Roma / 3+"),
        ("home/over", "result_and_total", 10, "Inter / Over 2.5"),
        ("draw", "highest_scoring_half", None, "As many in both"),
        ("M_Lautaro", "anytime_scorer", None, "M Lautaro"),
        ("none", "first_scorer", None, "Nobody"),
    ],
)
def test_an_answer_names_who_and_which_line(
    side: str, market: str, line_q4: int | None, said: str
) -> None:
    assert words.side(side, market, line_q4, "Inter", "Roma") == said


def test_every_market_of_the_catalogue_has_words() -> None:
    assert set(MARKETS) <= set(words._MARKETS)


def test_every_period_of_the_catalogue_has_words() -> None:
    assert [key for key in PERIODS if words.period(key) == key] == []


def test_what_is_counted_follows_the_sport_and_the_period() -> None:
    assert words.market("total", words.unit("football")) == "Total goals"
    assert words.market("total", words.unit("football", "corners_ht")) == "Total corners"
    assert words.market("home_total", words.unit("baseball"), "Cubs") == "Cubs: total runs"
    assert words.market("total", words.unit("darts")) == "Total points"


@pytest.mark.parametrize(
    ("market", "period", "said"),
    [
        ("1x2", "ft", "Match result"),
        ("moneyline", "final", "Winner"),
        ("total", "ht", "Total, first half"),
        ("total", "q3", "Total, third quarter"),
        ("moneyline", "s1", "Winner, first set"),
        ("odd_even", "x9", "Odd or even, x9"),
        ("total", "corners", "Total, corners"),
        ("new_thing", "ft", "New thing"),
    ],
)
def test_a_question_says_its_period(market: str, period: str, said: str) -> None:
    assert words.market_in_period(market, period) == said


@pytest.mark.parametrize(
    ("minor", "currency", "said"),
    [
        (125_000, "EUR", "1,250.00 EUR"),
        (-5, "EUR", "-0.05 EUR"),
        (1_234_567, "JPY", "1,234,567 JPY"),
        (1_500, "KWD", "1.500 KWD"),
    ],
)
def test_an_amount_is_grouped_and_names_its_currency(minor: int, currency: str, said: str) -> None:
    assert words.amount(minor, currency) == said


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (datetime(2026, 3, 1, 20, 0, tzinfo=UTC), "21:00"),
        # Already tomorrow in Vienna.
        (datetime(2026, 3, 1, 23, 30, tzinfo=UTC), "Tomorrow 00:30"),
        (datetime(2026, 3, 4, 12, 0, tzinfo=UTC), "Wed 13:00"),
        (datetime(2026, 4, 1, 12, 0, tzinfo=UTC), "1 Apr 14:00"),
        (datetime(2027, 4, 1, 12, 0, tzinfo=UTC), "1 Apr 2027 14:00"),
        (datetime(2026, 2, 27, 12, 0, tzinfo=UTC), "27 Feb 13:00"),
    ],
)
def test_a_time_is_told_as_short_as_today_allows(at: datetime, said: str) -> None:
    assert words.time_of(at, VIENNA, datetime(2026, 3, 1, 12, 0, tzinfo=UTC)) == said


def test_a_contest_has_a_name_and_its_places_are_counted() -> None:
    assert words.event("Silverfen Race 3", "") == "Silverfen Race 3"
    assert words.event("Ash Villa", "Elm Town") == "Ash Villa \N{EN DASH} Elm Town"
    assert words.side("Idle Ibis", "winner", None, "Silverfen Race 3", "") == "Idle Ibis"
    assert words.place_terms("1/4 1-3") == "Each way 1/4 1-2-3"
    assert words.place_terms("1/5 1-8") == "Each way 1/5 1 to 8"
    assert words.kind("combo", 2, each_way=True) == "Combo of 2 each way"
    assert words.came_to("lost", "won") == "placed"
    assert words.came_to("won", "won") == "won"
    assert words.came_to(None, None) == "open"


@pytest.mark.parametrize("at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
@pytest.mark.parametrize("zone", ["Europe/Vienna", "Asia/Tokyo", "America/Los_Angeles"])
def test_every_time_can_be_written_on_a_page(at: datetime, zone: str) -> None:
    there = ZoneInfo(zone)
    assert str(at.year) in words.full_time(at, there)
    assert words.time_of(at, there, datetime(2026, 3, 1, tzinfo=UTC))
