"""The feed's XML: its own numbers for markets and books, lines by side, results and live scores."""

from __future__ import annotations

import re
from pathlib import Path

from overround.odds.feeds import goalserve

SAMPLES = Path(__file__).parents[2] / "src/overround/odds/feeds/goalserve/samples"
ODDS = (SAMPLES / "odds.xml").read_bytes()
SCORES = (SAMPLES / "livescores.xml").read_bytes()


def test_american_prices_are_never_used() -> None:
    without = re.sub(rb' us="[^"]*"', b"", ODDS)
    assert without != ODDS
    assert goalserve.parse("x", without) == goalserve.parse("x", ODDS)


def test_a_number_means_another_bookmaker_than_in_json() -> None:
    (batch,) = goalserve.parse("x", ODDS).batches
    assert {price.source for price in batch.prices} >= {"pinnacle", "unibet", "betfair_exchange"}
    assert goalserve.source_kind("matchbook") == "exchange"


def test_both_orientations_of_a_line_are_two_markets() -> None:
    (batch,) = goalserve.parse("x", ODDS).batches
    lines = [
        (price.market.line_q4, price.side, price.source_text)
        for price in batch.prices
        if price.market.market_type == "asian_handicap"
    ]
    assert lines == [
        (-1, "home", "3.45"),
        (-1, "away", "1.34"),
        (1, "home", "2.09"),
        (1, "away", "1.79"),
    ]


def test_the_stamps_are_milliseconds() -> None:
    (batch,) = goalserve.parse("x", ODDS).batches
    assert f"{batch.observed_at:%Y-%m-%d %H:%M:%S}" == "2019-02-26 16:38:41"
    assert batch.source_at is not None
    assert f"{batch.source_at:%H:%M:%S}" == "16:18:59"


def test_markets_of_another_sport_are_not_taken_for_those_of_football() -> None:
    parsed = goalserve.parse("x", ODDS.replace(b'sport="soccer"', b'sport="hockey"'))
    assert [batch.prices for batch in parsed.batches] == [()]
    (counts,) = parsed.coverage
    assert counts.mapped == 0
    assert all(market_id.startswith("xml") for market_id in counts.unmapped)


def test_prices_without_a_stamp_are_refused_and_counted() -> None:
    parsed = goalserve.parse("x", ODDS.replace(b' ts="1551199121388"', b""))
    assert not parsed.batches
    assert [rejected.reason for rejected in parsed.rejected] == ["timestamp_missing"]
    (counts,) = parsed.coverage
    assert counts.selections == sum(found.selections for found in counts.unmapped.values()) == 15


def test_extra_time_is_no_goal_of_the_ninety_minutes() -> None:
    results = {r.provider_event_id: r.scores for r in goalserve.parse("x", SCORES).results}
    assert results["football:2"]["ft"] == (2, 2)
    assert results["football:2"]["et"] == (1, 0)
    assert results["football:3"]["pen"] == (4, 3)


def test_a_match_that_is_on_has_a_score_and_no_result() -> None:
    parsed = goalserve.parse("x", SCORES)
    (score,) = parsed.scores
    assert (score.provider_event_id, score.clock) == ("football:4", "67'")
    assert score.scores == {"ft": (1, 0)}
    assert "football:4" not in {result.provider_event_id for result in parsed.results}


def test_in_extra_time_nobody_knows_the_ninety_minutes() -> None:
    for status in (b"ET", b"P", b"105", b"Break Time"):
        parsed = goalserve.parse("x", SCORES.replace(b'status="67"', b'status="' + status + b'"'))
        assert parsed.scores == []
