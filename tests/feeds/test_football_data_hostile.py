"""No bytes make the parser raise anything but ProviderDataError, or say something unbounded."""

from __future__ import annotations

import contextlib

from hypothesis import example, given
from hypothesis import strategies as st

from overround.core.errors import ProviderDataError
from overround.odds.feeds import football_data
from overround.odds.feeds.provider import Parsed

HEADER = (
    b"Div,Date,Time,HomeTeam,AwayTeam,FTHG,FTAG,FTR,HTHG,HTAG,HTR,"
    b"B365H,B365D,B365A,PC>2.5,PC<2.5,AHh,PAHH,PAHA"
)
EXTRA = b"Country,League,Season,Date,Home,Away,HG,AG,Res,PSCH,PSCD,PSCA"
CELLS = st.sampled_from(
    ["E0", "13/08/21", "20:00", "Ann", "Bob", "2", "1", "H", "D", "1.9", "-0.25", "", '"', "\x00",
     "9" * 50, "-", "1e5", "٣", "\u202e", "31/12/9999", "00/00/00", "1:", "\x1f", "é", "nan"]
)  # fmt: skip
ROWS = st.lists(st.lists(CELLS, max_size=24).map(",".join), max_size=8)


def check(body: bytes) -> Parsed | None:
    with contextlib.suppress(ProviderDataError):
        parsed = football_data.parse("x.csv", body)
        assert len(parsed.events) <= parsed.rows
        assert len(parsed.rejected) <= 10_001
        for batch in parsed.batches:
            assert batch.prices
            assert all(p.price_e4 > 10_000 for p in batch.prices)
            assert batch.observed_at < batch.event.starts_at
        return parsed
    return None


@given(st.binary(max_size=2_000))
@example(b"\xef\xbb\xbf")
@example(b"\xff\xfe")
def test_any_bytes(body: bytes) -> None:
    check(body)
    football_data.recognises(body)


@given(st.sampled_from([HEADER, EXTRA]), st.binary(max_size=2_000))
def test_any_bytes_behind_a_header(header: bytes, body: bytes) -> None:
    check(header + b"\n" + body)


@given(st.sampled_from([HEADER, EXTRA]), ROWS)
def test_any_cells_behind_a_header(header: bytes, rows: list[str]) -> None:
    check(header + b"\n" + "\n".join(rows).encode())


@given(st.lists(st.text(max_size=12), max_size=40))
def test_any_header(columns: list[str]) -> None:
    names = ["Div", "Date", "HomeTeam", "AwayTeam", *columns]
    check((",".join(names) + "\n" + ",".join(["2"] * len(names))).encode())


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_flipped_byte_of_a_good_file(at: int, value: int) -> None:
    row = b"E0,13/08/2021,20:00,Ann,Bob,2,1,H,1,1,D,2.1,3.4,3.6,1.9,2,-0.25,1.9,2\n"
    body = bytearray(HEADER + b"\n" + row + row.replace(b"Ann", b"Cat"))
    body[at % len(body)] = value
    check(bytes(body))


def test_every_truncation_of_a_good_file_is_named() -> None:
    row = b"E0,13/08/2021,20:00,Ann,Bob,2,1,H,1,1,D,2.1,3.4,3.6,1.9,2,-0.25,1.9,2.05"
    whole = check(HEADER + b"\n" + row)
    assert whole is not None
    for length in range(1, row.rindex(b",")):
        parsed = check(HEADER + b"\n" + row[:length])
        assert parsed is not None
        assert parsed.events == []
        assert [r.reason for r in parsed.rejected] == ["row_truncated"]
