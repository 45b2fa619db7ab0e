"""XML from outside: what it may not do to the process that reads it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.core.errors import ProviderDataError
from overround.odds.feeds import markup

MAX_BYTES = 10_000_000
BOMB = (
    b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    b"]><scores>&b;</scores>"
)
FILE = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><scores>&x;</scores>'


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_xml"),
        (b"{}", "not_xml"),
        (b"<a><b></a>", "not_xml"),
        (BOMB, "not_xml"),
        (FILE, "not_xml"),
        (FILE.decode().encode("utf-16"), "not_xml"),
        (b"<a>" * 25, "too_deep"),
        (b"<a>" + b" " * MAX_BYTES, "body_too_large"),
    ],
    ids=["empty", "json", "cut", "entities", "file", "utf16", "deep", "bytes"],
)
def test_a_document_that_would_grow_or_reach_out_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(ProviderDataError) as refused:
        markup.root_of(body, MAX_BYTES)
    assert refused.value.code == code


def test_a_document_of_too_many_elements_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markup, "MAX_ELEMENTS", 1_000)
    assert markup.root_of(b"<a>" + b"<b/>" * 999 + b"</a>", MAX_BYTES)[0] == "a"
    with pytest.raises(ProviderDataError) as refused:
        markup.root_of(b"<a>" + b"<b/>" * 1_000 + b"</a>", MAX_BYTES)
    assert refused.value.code == "too_many_elements"


def test_an_entity_that_nobody_defined_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("secret")
    with pytest.raises(ProviderDataError):
        markup.root_of(b"<scores>&x;</scores>", MAX_BYTES)


def test_elements_become_lists_and_attributes_have_a_mark() -> None:
    body = b'\xef\xbb\xbf<?xml version="1.0"?><!-- note --><a b="1"><c d="2"/><c/><e>text</e></a>'
    assert markup.root_of(body, MAX_BYTES) == (
        "a",
        {"@b": "1", "c": [{"@d": "2"}, {}], "e": [{}]},
    )


@given(st.binary(max_size=500))
def test_any_bytes_in_a_document(body: bytes) -> None:
    with contextlib.suppress(ProviderDataError):
        markup.root_of(b"<a>" + body, MAX_BYTES)
