"""Pinnacle: fixtures and odds apart, children of a match, and handicaps that count from now on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from overround.core.errors import ProviderDataError
from overround.odds.catalogue import names
from overround.odds.feeds import pinnacle
from overround.odds.feeds.pinnacle.parse import parse_asked
from overround.roles.archive import files

SAMPLES = Path(__file__).parents[2] / "src/overround/odds/feeds/pinnacle/samples"
FIXTURES = (SAMPLES / "fixtures.json").read_bytes()
ODDS = (SAMPLES / "odds.json").read_bytes()


def live(home: int, away: int, hdp: float, **changed: Any) -> bytes:
    """One event in play at a score, with one handicap."""
    spread = {"hdp": hdp, "home": 1.9, "away": 2.0}
    period = {"number": 0, "status": 1, "cutoff": "2030-01-01T00:00:00Z", "spreads": [spread]}
    event = {"id": 1, "homeScore": home, "awayScore": away, "periods": [period]}
    body = {"sportId": 29, "last": 1_776_300_000_000, "leagues": [{"id": 2, "events": [event]}]}
    return json.dumps(body | changed).encode()


@pytest.mark.parametrize(
    ("home", "away", "hdp", "line_q4"),
    [(0, 0, -0.5, -2), (1, 0, -0.5, -6), (0, 2, -0.25, 7), (2, 2, 0.75, 3)],
)
def test_a_handicap_in_play_is_moved_by_the_score(
    home: int, away: int, hdp: float, line_q4: int
) -> None:
    parsed = pinnacle.parse("x", live(home, away, hdp))
    assert {price.market.line_q4 for price in parsed.quotes[0].prices} == {line_q4}
    assert parsed.quotes[0].phase == "live"
    assert parsed.scores[0].scores == {"ft": (home, away)}


def test_a_handicap_in_play_of_another_sport_counts_from_the_beginning() -> None:
    parsed = pinnacle.parse("x", live(90, 80, -4.5, sportId=4))
    assert {price.market.line_q4 for price in parsed.quotes[0].prices} == {-18}


def test_children_and_youth_are_other_teams_than_those_of_the_match() -> None:
    parsed = pinnacle.parse("x", FIXTURES)
    keys = [names.team(e.home, e.competition_name).category.key for e in parsed.events]
    assert keys == ["", "corners", "bookings", "u21"]


def test_prices_of_a_delta_are_no_snapshot() -> None:
    whole, delta = pinnacle.parse("x", ODDS), parse_asked("x", ODDS, delta=True)
    assert {said.snapshot for said in whole.quotes} == {True}
    assert {said.snapshot for said in delta.quotes} == {False}
    assert [said.prices for said in whole.quotes] == [said.prices for said in delta.quotes]


def test_what_is_asked_goes_on_where_the_last_answer_ended() -> None:
    first = pinnacle.requests(29)
    assert [request.delta for request in first] == [False, False]
    last = pinnacle.last_of(ODDS)
    assert last == 1_776_300_000_000
    fixtures, odds = pinnacle.requests(29, since_odds=last)
    assert not fixtures.delta
    assert ("since", "1776300000000") in odds.query
    assert odds.delta
    assert pinnacle.last_of(b"[]") is None


def test_prices_find_their_event_in_another_file(tmp_path: Path) -> None:
    (tmp_path / "a_odds.json").write_bytes(ODDS)
    (tmp_path / "b_fixtures.json").write_bytes(FIXTURES)
    read = files.read(tmp_path)
    assert [batch.event.home for batch in read.season.batches] == ["Ann Town"]
    assert read.prices == 16
    reasons = [(one.reason, one.where) for one in read.placed().refused["pinnacle"]]
    assert ("event_unknown", "201") in reasons


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[{}]", "unknown_layout"),
        (b'{"sportId": 999, "last": 1776300000000}', "unknown_sport"),
        (b'{"sportId": 29, "last": 17}', "timestamp_invalid"),
        (b"1" * 32_000_001, "body_too_large"),
    ],
)
def test_a_body_of_another_kind_is_an_error(body: bytes, code: str) -> None:
    with pytest.raises(ProviderDataError) as refused:
        pinnacle.parse("x", body)
    assert refused.value.code == code
