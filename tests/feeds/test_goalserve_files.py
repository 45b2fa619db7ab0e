"""Files, folders and archives of feeds: what is read of them, and what is refused by name."""

from __future__ import annotations

import bz2
import gzip
import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.core.errors import ProviderDataError
from overround.odds import feeds
from overround.odds.feeds import Payload, Rejected, files, football_data, goalserve

SOCCER = b'{"scores": {"sport": "soccer"}}'
SEASON = b"Div,Date,HomeTeam,AwayTeam,FTHG\n"


def packed(**members: bytes) -> bytes:
    """A zip of some members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return stream.getvalue()


def read(path: Path) -> list[Payload | Rejected]:
    return list(goalserve.read(path))


def test_a_folder_is_read_by_content_whoever_wrote_it(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf\n" + SOCCER)
    (tmp_path / "b.csv").write_bytes(SEASON)
    (tmp_path / "c.zip").write_bytes(packed(season=SEASON, soccer=SOCCER, text=b"words"))
    (tmp_path / "d.xml").write_bytes(b'<?xml version="1.0"?><scores/>')
    found = [
        (one.reason, one.where) if isinstance(one, Rejected) else (one[0].key, one[1].name)
        for one in feeds.payloads(tmp_path)
    ]
    assert found == [
        ("goalserve", "a.json"),
        ("football_data", "b.csv"),
        ("football_data", "c.zip:season"),
        ("goalserve", "c.zip:soccer"),
        ("not_recognised", "c.zip:text"),
        ("not_recognised", "d.xml"),
    ]


def test_a_provider_alone_refuses_the_files_of_others(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(SEASON)
    assert read(tmp_path) == [Rejected("not_goalserve", "b.csv")]
    (tmp_path / "b.csv").write_bytes(SOCCER)
    assert list(football_data.read(tmp_path)) == [Rejected("not_football_data", "b.csv")]


def test_a_path_that_is_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProviderDataError) as refused:
        list(feeds.payloads(tmp_path / "absent"))
    assert refused.value.code == "no_such_path"


def test_an_archive_that_would_grow_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = tmp_path / "bomb.zip"
    bomb.write_bytes(packed(a=SOCCER.ljust(64_000_001)))
    assert bomb.stat().st_size < 100_000
    assert read(bomb) == [Rejected("body_too_large", "bomb.zip:a")]
    monkeypatch.setattr(files, "MAX_UNPACKED_BYTES", 2 * len(SOCCER))
    bomb.write_bytes(packed(a=SOCCER, b=SOCCER, c=SOCCER, d=SOCCER))
    assert [one.reason for one in read(bomb) if isinstance(one, Rejected)] == ["archive_too_large"]
    assert len(read(bomb)) == 3


def test_members_that_are_refused_count_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = tmp_path / "bomb.zip"
    monkeypatch.setattr(files, "MAX_UNPACKED_BYTES", 2 * 64_000_000)
    bomb.write_bytes(packed(**{name: SOCCER.ljust(64_000_001) for name in "abc"}))
    assert [one.reason for one in read(bomb) if isinstance(one, Rejected)] == [
        "body_too_large",
        "body_too_large",
        "archive_too_large",
    ]
    bomb.write_bytes(packed(words=b"words".ljust(64_000_001), **dict.fromkeys("abcd", SOCCER)))
    assert sum(isinstance(one, Payload) for one in read(bomb)) == 4


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress], ids=["gzip", "bzip2"])
def test_a_packed_file_is_one_body(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "soccer.json"
    path.write_bytes(pack(SOCCER))
    assert read(path) == [Payload("soccer.json", SOCCER)]
    path.write_bytes(pack(b"words"))
    assert read(path) == [Rejected("not_goalserve", "soccer.json")]
    path.write_bytes(pack(SOCCER.ljust(64_000_001)))
    assert path.stat().st_size < 100_000
    assert read(path) == [Rejected("body_too_large", "soccer.json")]
    path.write_bytes(pack(SOCCER)[:-9])
    (found,) = read(path)
    assert isinstance(found, Rejected)
    assert found.reason == "archive_broken"


def test_an_archive_of_too_many_or_too_much_is_refused(tmp_path: Path) -> None:
    many = tmp_path / "many.zip"
    many.write_bytes(packed(**{f"m{n}": b"" for n in range(files.MAX_MEMBERS + 1)}))
    assert read(many) == [Rejected("too_many_members", "many.zip", "1001")]
    with many.open("r+b") as stream:
        stream.truncate(files.MAX_ARCHIVE_BYTES + 1)
    assert read(many) == [Rejected("archive_too_large", "many.zip")]


def test_a_member_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    body = packed(a=SOCCER)
    size = struct.pack("<L", len(SOCCER))
    lying = tmp_path / "lying.zip"
    lying.write_bytes(body.replace(size, struct.pack("<L", 3)))
    (found,) = read(lying)
    assert isinstance(found, Rejected)
    assert found.where == "lying.zip:a"


def test_members_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    locked = bytearray(packed(a=SOCCER))
    locked[6] |= 1
    locked[locked.rindex(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(locked)
    assert read(tmp_path / "locked.zip") == [Rejected("encrypted", "locked.zip:a")]
    (tmp_path / "cut.zip").write_bytes(packed(a=SOCCER)[:40])
    (found,) = read(tmp_path / "cut.zip")
    assert isinstance(found, Rejected)
    assert found.reason == "archive_broken"


def test_a_members_name_is_shown_and_never_a_path(tmp_path: Path) -> None:
    (tmp_path / "odd.zip").write_bytes(packed(**{"../../etc/x\x01": SOCCER}))
    (found,) = read(tmp_path / "odd.zip")
    assert isinstance(found, Payload)
    assert found.name == "odd.zip:../../etc/x\\x01"
    assert [path.name for path in tmp_path.iterdir()] == ["odd.zip"]


@given(st.integers(0, 399), st.integers(0, 255))
def test_a_flipped_byte_of_an_archive(at: int, value: int) -> None:
    body = bytearray(packed(a=SOCCER, b=SEASON))
    body[at % len(body)] = value
    with TemporaryDirectory() as folder:
        path = Path(folder, "flipped.zip")
        path.write_bytes(body)
        for found in goalserve.read(path):
            name = found.name if isinstance(found, Payload) else found.where + found.detail
            assert name.isprintable()
