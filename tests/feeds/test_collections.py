"""Feeds that others collected: whose line it is, who is at home, when it was seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from overround.core.errors import ProviderDataError
from overround.odds.feeds import asian_xml, betsson, ggbet, multi_book, oddsportal, tennis_data
from overround.odds.feeds.oddsportal.results import scores_of
from overround.odds.feeds.reading import EventRefused
from overround.roles.archive import files

FEEDS = Path(__file__).parents[2] / "src/overround/odds/feeds"


def sample(path: str) -> bytes:
    return (FEEDS / path).read_bytes()


def test_which_side_a_player_is_on_does_not_tell_who_won() -> None:
    head, first = sample("tennis_data/samples/atp.csv").decode().splitlines()[:2]
    swapped = first.replace("Cat C.,Bob B.", "Bob B.,Cat C.")
    one = tennis_data.parse("x", f"{head}\n{first}".encode())
    other = tennis_data.parse("x", f"{head}\n{swapped}".encode())
    assert one.events == other.events
    assert one.results[0].scores["sets"] == (1, 2)
    assert other.results[0].scores["sets"] == (2, 1)


def test_a_tennis_file_without_its_columns_is_an_error() -> None:
    with pytest.raises(ProviderDataError) as refused:
        tennis_data.parse("x", b"ATP,Winner,Loser\n1,a,b\n")
    assert refused.value.code == "unknown_layout"


def test_two_books_with_two_clocks_are_one_event(tmp_path: Path) -> None:
    for name in ("188bet.xml", "vivaro.xml"):
        (tmp_path / name).write_bytes(sample(f"asian_xml/samples/{name}"))
    read = files.read(tmp_path)
    assert len(read.season.events) == 1
    assert {b.event.starts_at for b in read.season.batches} == {read.season.events[0].starts_at}
    assert set(read.kinds) == {"188bet", "vivaro"}


def test_a_document_of_another_kind_is_an_error() -> None:
    with pytest.raises(ProviderDataError) as refused:
        asian_xml.parse("x", b"<scores/>")
    assert refused.value.code == "unknown_layout"


def test_both_sides_of_a_handicap_have_the_home_line() -> None:
    parsed = ggbet.parse("x", sample("ggbet/samples/matches.json"))
    handicaps = [p for p in parsed.batches[0].prices if p.market.market_type == "asian_handicap"]
    assert [(p.side, p.market.line_q4) for p in handicaps] == [("home", 4), ("away", 4)]
    # At home's line the two make a book; at lines of their own they would not.
    assert 1.0 < sum(10_000 / p.price_e4 for p in handicaps) < 1.15


def test_sides_that_books_order_differently_are_left_out() -> None:
    parsed = multi_book.parse("x", sample("multi_book/samples/games.json"))
    kinds = {p.market.market_type for batch in parsed.batches for p in batch.prices}
    assert kinds == {"total"}


def test_a_collection_that_says_no_time_was_seen_before_its_first_match() -> None:
    matches = json.loads(sample("ggbet/samples/matches.json"))
    later = matches[0] | {"href": "https://ggbet.com/later", "date_start": "2022-02-27T20:00:00Z"}
    parsed = ggbet.parse("x", json.dumps([later, matches[0]]).encode())
    assert {f"{b.observed_at:%d %H:%M:%S}" for b in parsed.batches} == {"25 19:59:59"}


@pytest.mark.parametrize(
    ("sport", "score", "parts", "told"),
    [
        ("football", "0:4", "0:3, 0:1", {"ht": (0, 3), "ft": (0, 4)}),
        ("tennis", "3:0", "6:3, 7:64, 610:7", None),
        ("tennis", "2:1", "6:3, 64:7, 7:5", {"s2": (6, 7), "final": (19, 15)}),
        ("basketball", "99:95", "20:20, 20:20, 20:20, 20:20, 19:15", {"ft": (80, 80)}),
        ("baseball", "6:7", "(2:4, 0:0, 0:0, 0:0, 1:0, 1:2, 2:0, 0:1, 0:0)", {"i1": (2, 4)}),
    ],
)
def test_a_score_and_its_parts(
    sport: str, score: str, parts: str, told: dict[str, tuple[int, int]] | None
) -> None:
    home, _, away = score.partition(":")
    if told is None:
        with pytest.raises(EventRefused, match="result_inconsistent"):
            scores_of(sport, home, away, parts)
        return
    scores = scores_of(sport, home, away, parts)
    assert {period: scores[period] for period in told} == told


@pytest.mark.parametrize("parts", ["", "1:0", "1:0, 0:0, 1:0", "1:0, 0:0"])
def test_a_football_score_that_may_hold_extra_time_is_no_result(parts: str) -> None:
    with pytest.raises(EventRefused, match="result_incomplete"):
        scores_of("football", "2", "0", parts)


def test_a_link_is_of_two_teams_and_the_day_tells_the_match() -> None:
    record = json.loads(sample("oddsportal/samples/1x2.json"))[0]
    again = record | {"match_date": "2026-02-21 20:00:00 UTC"}
    parsed = oddsportal.parse("x", json.dumps([record, again]).encode())
    assert [event.provider_event_id for event in parsed.events] == [
        "xQ77QTN0:20250221",
        "xQ77QTN0:20260221",
    ]


def test_a_list_that_links_to_no_match_is_an_error() -> None:
    with pytest.raises(ProviderDataError) as refused:
        oddsportal.parse("x", b"[{}]")
    assert refused.value.code == "unknown_layout"


def test_a_page_of_markets_waits_for_its_event(tmp_path: Path) -> None:
    for name in ("page.json", "table.json"):
        (tmp_path / name).write_bytes(sample(f"betsson/samples/{name}"))
    read = files.read(tmp_path)
    assert sorted(p.source_text for b in read.season.batches for p in b.prices) == [
        "1.5",
        "1.55",
        "2.5",
        "2.6",
    ]
    assert betsson.source_kind("betsson") == "bookmaker"
