"""Files on disk: a file, a folder or an archive, and what is in it is known by its first bytes.

A zip is read member by member and never unpacked to disk: how many members it has, how large one
may become and all of them together are bounded, so that a small file cannot fill the memory
(test: an archive that would grow without end is refused). A gzip or bzip2 file is one body.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

from overround.core.errors import ProviderDataError
from overround.odds.feeds.model import Rejected
from overround.odds.feeds.provider import Payload

HEAD_BYTES: Final = 16_384
MAX_FILES: Final = 10_000
MAX_ARCHIVE_BYTES: Final = 64_000_000
MAX_MEMBERS: Final = 1_000
MAX_UNPACKED_BYTES: Final = 256_000_000

_ZIP: Final = b"PK\x03\x04"
_GZIP: Final = b"\x1f\x8b"
_BZIP2: Final = b"BZh"
_ENCRYPTED: Final = 0x1
_MAX_NAME_LENGTH: Final = 200
# Whatever a broken archive makes of the modules that read it.
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: known by its first bytes, of at most so many bytes; a stable reason for
    everything else."""

    recognises: Callable[[bytes], bool]
    unknown: str
    body_bytes_max: int


def read(path: Path, wanted: Wanted) -> Iterator[Payload | Rejected]:
    """What is wanted of `path`, in name order, one body in memory at a time.

    Folders are walked without following links to others. A file of another kind is a `Rejected`
    (`wanted.unknown`), as is one that cannot be read or is too large, and a folder that cannot be
    looked into (test: a folder that cannot be looked into is named). Raises ProviderDataError
    `no_such_path`, and `too_many_files` for a folder of more than 10,000.
    """
    unreadable: list[OSError] = []
    files = _files(path, unreadable.append)
    for error in unreadable:
        where = Path(error.filename or path).relative_to(path).as_posix()
        yield Rejected("unreadable", _printable(where), error.strerror or "")
    for file in files:
        name = file.name if file == path else file.relative_to(path).as_posix()
        yield from _bodies(file, _printable(name), wanted)


def _files(path: Path, unreadable: Callable[[OSError], None]) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ProviderDataError("there is no such file or folder", code="no_such_path")
    files: list[Path] = []
    for folder, folders, names in os.walk(path, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files.extend(Path(folder, name) for name in names if not name.startswith("."))
        if len(files) > MAX_FILES:
            raise ProviderDataError("the folder holds too many files", code="too_many_files")
    return sorted(files)


def _bodies(file: Path, name: str, wanted: Wanted) -> Iterator[Payload | Rejected]:
    try:
        # A pipe or a device would block or never end.
        if not file.is_file():
            yield Rejected("not_a_file", name)
            return
        with file.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
            if head.startswith((_GZIP, _BZIP2)):
                stream.seek(0)
                yield _unpacked(stream, head.startswith(_GZIP), name, wanted)
            elif not head.startswith(_ZIP):
                yield _body(head, stream, name, wanted)
            elif file.stat().st_size > MAX_ARCHIVE_BYTES:
                yield Rejected("archive_too_large", name)
            else:
                yield from _members(stream, name, wanted)
    except OSError as error:
        yield Rejected("unreadable", name, error.strerror or "")


def _body(head: bytes, rest: IO[bytes], name: str, wanted: Wanted) -> Payload | Rejected:
    if not wanted.recognises(head):
        return Rejected(wanted.unknown, name)
    body = head + rest.read(wanted.body_bytes_max + 1 - len(head))
    if len(body) > wanted.body_bytes_max:
        return Rejected("body_too_large", name)
    return Payload(name, body)


def _unpacked(stream: IO[bytes], gzipped: bool, name: str, wanted: Wanted) -> Payload | Rejected:
    """The body of a packed file: never more of it is unpacked than may be read."""
    try:
        with gzip.GzipFile(fileobj=stream) if gzipped else bz2.BZ2File(stream) as body:
            return _body(body.read(HEAD_BYTES), cast("IO[bytes]", body), name, wanted)
    except _BROKEN as error:
        return Rejected("archive_broken", name, _printable(str(error)))


def _members(stream: IO[bytes], name: str, wanted: Wanted) -> Iterator[Payload | Rejected]:
    try:
        with zipfile.ZipFile(stream) as archive:
            infos = sorted(
                (info for info in archive.infolist() if not info.filename.endswith("/")),
                key=lambda info: info.filename,
            )
            if len(infos) > MAX_MEMBERS:
                yield Rejected("too_many_members", name, str(len(infos)))
                return
            left = MAX_UNPACKED_BYTES
            for info in infos:
                found = _member(archive, info, f"{name}:{_printable(info.filename)}", wanted)
                left -= _came_out(info, found, wanted)
                if left < 0:
                    yield Rejected("archive_too_large", name)
                    return
                yield found
    except _BROKEN as error:
        yield Rejected("archive_broken", name, _printable(str(error)))


def _member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, wanted: Wanted
) -> Payload | Rejected:
    if info.flag_bits & _ENCRYPTED:
        return Rejected("encrypted", name)
    try:
        # The size in the directory is a claim; what counts is what comes out.
        with archive.open(info) as member:
            return _body(member.read(HEAD_BYTES), member, name, wanted)
    except _BROKEN as error:
        return Rejected("member_broken", name, _printable(str(error)))


def _came_out(info: zipfile.ZipInfo, found: Payload | Rejected, wanted: Wanted) -> int:
    """How many bytes of a member were unpacked, at most: what is refused costs time all the same
    (test: members that are refused count too). No more comes out than the directory says."""
    if isinstance(found, Payload):
        return len(found.body)
    if found.reason in (wanted.unknown, "encrypted"):
        return 0
    return min(info.file_size, wanted.body_bytes_max)


def _printable(text: str) -> str:
    """A name or message that can be stored and shown, whatever it was made of."""
    return (text if text.isprintable() else ascii(text)[1:-1])[:_MAX_NAME_LENGTH]
