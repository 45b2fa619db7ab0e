"""football-data.co.uk in hand-made files: what is read, when it was said, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from overround.core.errors import ProviderDataError
from overround.odds.feeds import FeedBatch, Rejected, football_data
from overround.odds.feeds.provider import Parsed, Payload

SAMPLES = Path(football_data.__file__).parent / "samples"

HEADER = (
    "Div,Date,Time,HomeTeam,AwayTeam,FTHG,FTAG,FTR,HTHG,HTAG,HTR,B365H,B365D,B365A,AHh,PAHH,PAHA"
)
ROW = "E0,13/08/2021,20:00,Ann Town,Bob City,2,1,H,1,1,D,2.1,3.4,3.6,-0.25,1.9,2"


def sample(name: str) -> Parsed:
    return football_data.parse(name, (SAMPLES / name).read_bytes())


def parse(*rows: str, header: str = HEADER) -> Parsed:
    return football_data.parse("t.csv", "\n".join((header, *rows)).encode())


def batch(parsed: Parsed, phase: str, row: int = 0) -> FeedBatch:
    wanted = parsed.events[row].provider_event_id
    return next(
        b for b in parsed.batches if b.phase == phase and b.event.provider_event_id == wanted
    )


def prices(found: FeedBatch, source: str, market_type: str) -> dict[str, int]:
    return {
        p.side: p.price_e4
        for p in found.prices
        if (p.source, p.market.market_type) == (source, market_type)
    }


def with_cell(column: str, text: str) -> str:
    cells = dict(zip(HEADER.split(","), ROW.split(","), strict=True))
    return ",".join({**cells, column: text}.values())


def reasons(parsed: Parsed) -> list[tuple[str, str]]:
    return [(rejected.reason, rejected.where) for rejected in parsed.rejected]


def test_a_season_gives_events_with_times_of_london_in_utc() -> None:
    parsed = sample("season_with_closing.csv")
    assert parsed.rows == 3
    first, winter, untimed = parsed.events
    assert first.provider_event_id == "E0:2021-08-13:Ann Town:Bob City"
    assert (first.competition_key, first.competition_name, first.country, first.season) == (
        "E0", "Premier League", "England", "2021/22",
    )  # fmt: skip
    assert first.starts_at == datetime(2021, 8, 13, 19, tzinfo=UTC)
    assert winter.starts_at == datetime(2021, 11, 27, 12, 30, tzinfo=UTC)
    assert untimed.starts_at == datetime(2022, 5, 22, 14, tzinfo=UTC)


def test_opening_prices_closing_prices_and_the_result_have_their_moments() -> None:
    parsed = sample("season_with_closing.csv")
    assert batch(parsed, "opening").observed_at == datetime(2021, 8, 11, 12, tzinfo=UTC)
    assert batch(parsed, "closing").observed_at == datetime(2021, 8, 13, 18, 59, 59, tzinfo=UTC)
    assert parsed.results[0].observed_at == datetime(2021, 8, 13, 21, tzinfo=UTC)
    assert parsed.results[0].scores == {"ft": (2, 1), "ht": (1, 1)}
    assert parsed.results[2].scores == {"ft": (1, 3)}


def test_books_are_read_from_the_header_and_aggregates_are_not_books() -> None:
    opening = batch(sample("season_with_closing.csv"), "opening")
    assert {p.source for p in opening.prices} == {"bet365", "pinnacle", "betvictor"}
    assert prices(opening, "pinnacle", "1x2") == {"home": 21400, "draw": 34500, "away": 37100}
    assert prices(opening, "pinnacle", "total") == {"over": 19400, "under": 19500}
    assert prices(opening, "bet365", "asian_handicap") == {"home": 18200, "away": 20800}
    assert {p.market.line_q4 for p in opening.prices} == {None, 10, -1}
    assert next(p.source_text for p in opening.prices if p.source == "pinnacle") == "2.14"


def test_closing_prices_have_their_own_handicap() -> None:
    closing = batch(sample("season_with_closing.csv"), "closing")
    assert prices(closing, "betvictor", "1x2") == {"home": 20000, "draw": 35000, "away": 39000}
    lines = {p.market.line_q4 for p in closing.prices if p.market.market_type == "asian_handicap"}
    assert lines == {-2}


def test_a_book_gives_all_outcomes_of_a_market_or_none() -> None:
    parsed = sample("season_with_closing.csv")
    assert prices(batch(parsed, "opening", 1), "betvictor", "1x2") == {}
    assert prices(batch(parsed, "closing", 1), "betvictor", "1x2") == {}
    assert prices(batch(parsed, "opening", 1), "bet365", "total") == {}
    assert prices(batch(parsed, "opening", 1), "bet365", "1x2")["home"] == 21000
    assert reasons(parsed) == [
        ("incomplete_market", "season_with_closing.csv:3:VCH"),
        ("price_invalid", "season_with_closing.csv:3:VCCA"),
        ("incomplete_market", "season_with_closing.csv:3:VCCA"),
        ("line_missing", "season_with_closing.csv:3:AHCh"),
        ("line_missing", "season_with_closing.csv:4:AHCh"),
    ]


def test_a_season_with_betbrain_aggregates_has_no_handicap_and_no_total() -> None:
    parsed = sample("season_aggregates_only.csv")
    assert parsed.events[0].home == "Grün-Weiß Annstadt"
    opening = batch(parsed, "opening")
    assert {p.source for p in opening.prices} == {"bet365", "bwin", "betvictor"}
    assert {p.market.market_type for p in opening.prices} == {"1x2"}
    assert {p.source for p in batch(parsed, "closing").prices} == {"pinnacle"}
    assert not parsed.rejected


def test_older_seasons_give_a_handicap_line_per_book() -> None:
    opening = batch(sample("season_own_handicap_lines.csv"), "opening")
    lines = {
        p.source: p.market.line_q4
        for p in opening.prices
        if p.market.market_type == "asian_handicap"
    }
    assert lines == {"gamebookers": -1, "ladbrokes": -2}


def test_bfd_is_the_draw_at_betfair_or_betfred_by_the_header() -> None:
    betfair = sample("fixtures_betfair.csv")
    assert {p.source for p in batch(betfair, "opening").prices} == {"betfair", "betvictor"}
    assert prices(batch(betfair, "opening"), "betfair", "1x2")["draw"] == 34000
    assert {p.source for p in batch(betfair, "closing").prices} == {"betfair"}
    betfred = sample("fixtures_betfred.csv")
    sources = {p.source for p in batch(betfred, "opening").prices}
    assert sources == {"betfred", "betvictor", "betfair_exchange"}
    assert prices(batch(betfred, "opening"), "betfred", "1x2")["draw"] == 37500
    assert [b.phase for b in betfred.batches] == ["opening"]
    assert betfred.results == []


def test_an_extra_league_has_seasons_closing_prices_and_a_misspelt_column() -> None:
    parsed = sample("extra_league.csv")
    assert [e.season for e in parsed.events] == ["2012", "2025", "2025"]
    first = parsed.events[0]
    assert first.provider_event_id == "Finland:Veikkausliiga:2012-04-15:Annala:Bobula"
    assert (first.country, first.competition_name) == ("Finland", "Veikkausliiga")
    assert {b.phase for b in parsed.batches} == {"closing"}
    closing = batch(parsed, "closing", 1)
    assert {p.source for p in closing.prices} == {"betfair_exchange", "bet365"}
    assert prices(closing, "bet365", "1x2")["away"] == 34000
    assert [r.scores for r in parsed.results] == [{"ft": (3, 1)}, {"ft": (0, 0)}]


def test_an_unknown_book_works_and_no_two_books_become_one() -> None:
    header = "Div,Date,HomeTeam,AwayTeam," + ",".join(
        f"{book}{side}" for book in ("BV", "VC", "PS", "P", "NEW", "NEWC") for side in "HDA"
    )
    row = "X9,13/08/21,Ann,Bob," + ",".join(["2", "3", "4"] * 6)
    parsed = parse(row, header=header)
    opening = [p.source for p in batch(parsed, "opening").prices if p.side == "home"]
    assert sorted(opening) == ["betvictor", "new", "p", "pinnacle", "vc"]
    assert {p.source for p in batch(parsed, "closing").prices} == {"new"}
    assert parsed.events[0].competition_name == "X9"


def test_columns_of_statistics_are_not_books() -> None:
    header = "Div,Date,HomeTeam,AwayTeam,HS,AS,HD,HA,HH,H,D,A,a b H,a b D,a b A,BFH,BFD"
    parsed = parse("E0,13/08/21,Ann,Bob,9,9,,,,2,3,4,2,3,4,2,3", header=header)
    assert parsed.batches == []


def test_a_season_that_ended_in_august_is_one_season() -> None:
    rows = [
        ROW.replace("13/08/2021", day).replace("Ann", f"Ann{n}")
        for n, day in enumerate(("10/08/2019", "01/02/2020", "02/08/2020"))
    ]
    assert {e.season for e in parse(*rows).events} == {"2019/20"}


def test_exchanges_are_told_from_bookmakers() -> None:
    assert football_data.source_kind("betfair_exchange") == "exchange"
    assert football_data.source_kind("betfair") == "bookmaker"
    assert frozenset({"betfair_exchange"}) == football_data.EXCHANGES


@pytest.mark.parametrize(
    ("column", "text", "expected"),
    [
        ("Date", "31/02/2021", "date_invalid"),
        ("Date", "2021-08-13", "date_invalid"),
        ("Date", "13/08/0021", "date_invalid"),
        ("Date", "13/08/" + "9" * 5000, "date_invalid"),
        ("Date", "", "date_invalid"),
        ("Time", "25:00", "time_invalid"),
        ("Time", "8pm", "time_invalid"),
        ("Div", "", "division_invalid"),
        ("Div", "E0; DROP", "division_invalid"),
        ("HomeTeam", "", "home_missing"),
        ("HomeTeam", "a" * 201, "home_invalid"),
        ("AwayTeam", "Bob\x07", "away_invalid"),
        ("AwayTeam", "ANN town", "same_participants"),
    ],
)
def test_a_row_without_a_sound_identity_is_refused(column: str, text: str, expected: str) -> None:
    good = ROW.replace("Ann", "Cat")
    parsed = parse(with_cell(column, text), good)
    assert [r.reason for r in parsed.rejected] == [expected]
    assert [e.home for e in parsed.events] == ["Cat Town"]
    assert parsed.rows == 2


@pytest.mark.parametrize(
    ("column", "text", "expected"),
    [
        ("B365H", "1", "price_invalid"),
        ("B365H", "1.00004", "price_invalid"),
        ("B365H", "-2", "price_invalid"),
        ("B365H", "#", "price_invalid"),
        ("B365H", "nan", "price_invalid"),
        ("B365H", "1e999", "price_invalid"),
        ("B365H", "9" * 400, "price_invalid"),
        ("AHh", "0.3", "line_invalid"),
        ("AHh", "", "line_missing"),
        ("FTHG", "100", "goals_invalid"),
        ("FTHG", "-1", "goals_invalid"),
        ("FTHG", "²", "goals_invalid"),
        ("FTHG", "", "result_incomplete"),
        ("FTR", "A", "result_inconsistent"),
        ("HTHG", "3", "result_inconsistent"),
        ("HTR", "H", "result_inconsistent"),
    ],
)
def test_a_bad_cell_costs_its_market_or_result_only(column: str, text: str, expected: str) -> None:
    parsed = parse(with_cell(column, text))
    assert parsed.rejected[0].reason == expected
    assert parsed.rejected[0].where.startswith("t.csv:2:")
    assert len(parsed.events) == 1
    assert [len(b.prices) for b in parsed.batches] == [
        {"B365H": 2, "AHh": 3}.get(column, 5),
    ]
    if column.startswith("FT"):
        assert parsed.results == []
    else:
        assert parsed.results[0].scores["ft"] == (2, 1)
        assert ("ht" in parsed.results[0].scores) == (not column.startswith("HT"))


def test_malformed_rows_are_refused_by_name() -> None:
    parsed = parse(ROW, ROW, ROW[:40], ROW + ",9", ROW + ",,", '"' + ROW, ",,,", "")
    assert reasons(parsed) == [
        ("duplicate_row", "t.csv:3"),
        ("row_truncated", "t.csv:4"),
        ("row_too_long", "t.csv:5"),
        ("duplicate_row", "t.csv:6"),
        ("row_malformed", "t.csv:7"),
    ]
    assert parsed.rows == 6


def test_encodings_and_line_ends() -> None:
    text = f"{HEADER}\r\n{ROW.replace('Ann', 'Málaga')}\r\n"
    for body in (text.encode("utf-8-sig"), text.encode("latin-1"), text.replace("\n", "").encode()):
        assert football_data.parse("t.csv", body).events[0].home == "Málaga Town"
    decomposed = text.replace("á", "a\u0301").encode()
    assert football_data.parse("t.csv", decomposed).events[0].home == "Málaga Town"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "unknown_layout"),
        (b"<html></html>", "unknown_layout"),
        (b"Div,Date\nE0,1", "unknown_layout"),
        (HEADER.encode("utf-16"), "not_text"),
        (b"Div,Date,HomeTeam,AwayTeam" + b",x" * 500, "too_many_columns"),
        (b"Div,Date,HomeTeam,AwayTeam\n" + b"x\n" * 100_001, "too_many_rows"),
        (b"\n" * 300_000, "too_many_rows"),
        (b"a" * 20_000_001, "body_too_large"),
    ],
    ids=["empty", "html", "short", "utf16", "columns", "rows", "lines", "bytes"],
)
def test_a_body_of_another_kind_is_an_error(body: bytes, code: str) -> None:
    with pytest.raises(ProviderDataError) as refused:
        football_data.parse("t.csv", body)
    assert refused.value.code == code


def test_refusals_are_bounded_and_the_rest_is_counted() -> None:
    parsed = parse(*["E0,x"] * 10_005)
    assert len(parsed.rejected) == 10_001
    assert parsed.rejected[-1] == Rejected("too_many_rejected", "t.csv", "5 more")


def test_a_folder_is_read_by_content_in_name_order(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "E1.csv").write_text(f"{HEADER}\n{ROW}\n")
    (tmp_path / "a.txt").write_text(f"\n{HEADER}\n{ROW}\n")
    (tmp_path / "notes.csv").write_text("Notes for football data\n")
    (tmp_path / ".hidden.csv").write_text(HEADER)
    found = list(football_data.read(tmp_path))
    assert [x.name if isinstance(x, Payload) else x for x in found] == [
        "a.txt", "b/E1.csv", Rejected("not_football_data", "notes.csv"),
    ]  # fmt: skip
    (alone,) = football_data.read(tmp_path / "b" / "E1.csv")
    assert isinstance(alone, Payload)
    assert football_data.parse(alone.name, alone.body).rows == 1


def test_a_file_that_is_too_large_or_missing_is_named(tmp_path: Path) -> None:
    with (tmp_path / "big.csv").open("wb") as big:
        big.write(HEADER.encode() + b"\n")
        big.truncate(20_000_001)
    assert list(football_data.read(tmp_path)) == [Rejected("body_too_large", "big.csv")]
    with pytest.raises(ProviderDataError):
        list(football_data.read(tmp_path / "absent"))


def test_every_sample_is_recognised_and_has_no_lost_row() -> None:
    for file in sorted(SAMPLES.glob("*.csv")):
        assert football_data.recognises(file.read_bytes()[:4096]), file.name
        parsed = sample(file.name)
        assert len(parsed.events) == parsed.rows > 0
    assert football_data.PROVIDER.key == "football_data"
