"""`tests/grading.csv`: what a leg is worth, row by row, each by a rule that has a name.

A row's result is written `ft=2-1 corners=7-5 goals=h:kane@12,a:own@30 on=kane@0,bo@60`; `goals=-`
is a match without any. The rules are explained in `docs/reference/markets.md`.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest

from overround.core import endings, grading, line, payoff
from overround.core.endings import ResultStatus
from overround.core.facts import Facts, Goal, Score

ROOT = Path(__file__).parents[2]
with (ROOT / "tests" / "grading.csv").open(encoding="utf-8", newline="") as table:
    ROWS = list(csv.DictReader(table))

# The catalogue of the platform: (sport, market types that are one question, periods).
ASKED: tuple[tuple[str, str, str], ...] = (
    *(("football", market, "ft") for market in (
        "1x2", "double_chance", "draw_no_bet", "handicap_1x2", "asian_handicap", "total",
        "home_total", "away_total", "exact_goals", "odd_even", "nth_goal", "last_goal",
        "both_teams_to_score", "home_clean_sheet", "away_clean_sheet", "home_win_to_nil",
        "away_win_to_nil", "result_and_both_score", "result_and_total", "first_scorer",
        "last_scorer", "anytime_scorer", "correct_score", "half_time_full_time",
        "highest_scoring_half", "winning_margin",
    )),
    *(("football", market, "ht") for market in (
        "1x2", "double_chance", "asian_handicap", "total", "both_teams_to_score", "correct_score",
    )),
    *(("football", market, "2h") for market in ("1x2", "total", "both_teams_to_score")),
    *(("football", market, "cards") for market in ("total", "handicap_1x2", "asian_handicap")),
    *(("football", market, "corners") for market in ("asian_handicap", "total")),
    ("football", "to_qualify", "final"),
    *(("tennis", market, "final") for market in (
        "moneyline", "asian_handicap", "set_handicap", "total", "total_sets",
    )),
    *((sport, market, "final")
      for sport in ("basketball", "baseball", "ice_hockey", "american_football")
      for market in ("moneyline", "asian_handicap", "total")),
)  # fmt: skip


def parameters(rows: list[dict[str, str]]) -> list[Any]:
    """A parameter a row, called by the line it has in the file."""
    return [
        pytest.param(row, id=f"{n}-{row['sport']}-{row['market']}-{row['period']}-{row['side']}")
        for n, row in enumerate(rows, start=2)
    ]


def facts_of(text: str) -> Facts:
    scores: dict[str, Score] = {}
    goals: tuple[Goal, ...] | None = None
    came_on: dict[str, int] | None = None
    positions: dict[str, int] | None = None
    for word in text.split():
        key, _, value = word.partition("=")
        if key == "goals":
            goals = () if value == "-" else tuple(_goal(one) for one in value.split(","))
        elif key == "positions":
            pairs = (one.rpartition("@") for one in value.split(","))
            positions = {runner: int(position) for runner, _, position in pairs}
        elif key == "on":
            came_on = {n: int(m) for n, _, m in (one.partition("@") for one in value.split(","))}
        else:
            home, _, away = value.partition("-")
            scores[key] = (int(home), int(away))
    return Facts(scores, goals, came_on, positions)


def _goal(text: str) -> Goal:
    team, _, rest = text.partition(":")
    scorer, _, minute = rest.partition("@")
    own = scorer == "own"
    when = int(minute) if minute else None
    return Goal("home" if team == "h" else "away", None if own else scorer or None, when, own)


@pytest.mark.parametrize("row", parameters(ROWS))
def test_a_row_of_the_table(row: dict[str, str]) -> None:
    line_q4 = line.parse(row["line"]) if row["line"] else None
    ended = endings.ending(row["sport"], cast("ResultStatus", row["status"]))
    graded = endings.grade_ended(
        ended, row["market"], row["period"], line_q4, row["side"], facts_of(row["result"])
    )
    assert ("unknown" if graded is None else payoff.name(graded)) == row["grade"]


def test_the_table_has_six_rows_for_every_market_of_the_catalogue() -> None:
    rows = Counter((row["sport"], row["market"], row["period"]) for row in ROWS)
    sets = sum(rows["tennis", "moneyline", f"s{n}"] for n in (1, 2, 3))
    assert {asked: rows[asked] for asked in ASKED if rows[asked] < 6} == {}
    assert sets >= 6
    by_market = Counter(row["market"] for row in ROWS)
    assert {m: by_market[m] for m in grading.MARKETS if by_market[m] < 6} == {}


def test_every_rule_of_the_table_is_explained_and_every_explained_rule_has_a_row() -> None:
    text = (ROOT / "docs" / "reference" / "markets.md").read_text(encoding="utf-8")
    explained = text.partition("## Rules")[2].partition("\n## ")[0]
    names = {row.split("|")[1].strip() for row in explained.splitlines() if row.startswith("| ")}
    assert names - {"rule"} == {row["rule"] for row in ROWS}


def test_every_market_and_period_is_in_the_document() -> None:
    text = (ROOT / "docs" / "reference" / "markets.md").read_text(encoding="utf-8")
    absent = [word for word in (*grading.MARKETS, *endings_named()) if f"`{word}`" not in text]
    assert absent == []


def endings_named() -> set[str]:
    return {status for _, status in endings.ENDINGS}
