"""Providers of other packages: found by their entry point, and harmless whatever they do."""

from __future__ import annotations

import gzip
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from overround.core.errors import ProviderDataError
from overround.odds import feeds
from overround.odds.feeds import Parsed, Payload, Rejected, installed, registry
from tests.feeds.conformance import Case, check_bytes, check_case

GUIDE = (Path(__file__).parents[2] / "docs/guides/provider.md").read_text(encoding="utf-8")
BROKEN = """
from overround.odds.feeds import Provider

def fail(*anything):
    raise KeyError(anything)

PROVIDER = Provider("broken", lambda head: head.startswith(b"broken"), fail, fail, fail)
"""


def block(kind: str) -> str:
    """The only block of that kind in the guide."""
    (found,) = re.findall(rf"```{kind}\n(.*?)```", GUIDE, re.DOTALL)
    return found


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages; what is imported from it is forgotten again."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    registry.guests.cache_clear()
    yield tmp_path
    registry.guests.cache_clear()
    for name in set(sys.modules) - before:
        del sys.modules[name]


def install(site: Path, name: str, code: str, value: str | None = None) -> None:
    """A package as an installer leaves it: a module and its metadata."""
    (site / f"{name}.py").write_text(code, encoding="utf-8")
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    entry = f"[{installed.GROUP}]\n{name} = {value or f'{name}:PROVIDER'}\n"
    (info / "entry_points.txt").write_text(entry)


def test_the_provider_of_the_guide_works(site: Path) -> None:
    code = block("python")
    assert len(code.splitlines()) < 60
    assert 'annlines = "annlines:PROVIDER"' in block("toml")
    install(site, "annlines", code)
    prices = site / "prices.txt"
    prices.write_text(block("text"), encoding="utf-8")
    (found,) = feeds.payloads(prices)
    assert not isinstance(found, Rejected)
    provider, payload = found
    assert provider.key == "annlines"
    parsed = provider.parse(payload.name, payload.body)
    assert parsed.batches[0].observed_at == datetime(2026, 4, 16, 19, 0, tzinfo=UTC)
    check_case(
        Case(
            provider,
            "prices.txt",
            payload.body,
            ("football Ann Town - Bob City 2026-04-18 11:30",),
            ("Ann Town: annlines 1x2 ft - draw 3.40",),
        )
    )
    for at in range(len(payload.body)):
        check_bytes(provider, payload.body[:at])
        check_bytes(provider, payload.body[:at] + b"\x80E E P\n" + payload.body[at:])


def test_a_guest_comes_after_our_own(site: Path) -> None:
    install(site, "annlines", block("python"))
    assert [provider.key for provider in feeds.PROVIDERS] == [
        *(provider.key for provider in registry.BUILT_IN),
        "annlines",
    ]
    assert len(feeds.PROVIDERS[:2]) == 2


def test_a_guest_that_fails_costs_its_own_body_only(site: Path) -> None:
    install(site, "broken", BROKEN)
    provider = next(one for one in feeds.PROVIDERS if one.key == "broken")
    assert provider.recognises(b"broken")
    for call in (lambda: provider.parse("x", b"broken"), lambda: list(provider.read(site))):
        with pytest.raises(ProviderDataError) as refused:
            call()
        assert refused.value.code == "provider_failed"
    assert provider.source_kind("x") == "bookmaker"


@pytest.mark.parametrize(
    ("code", "value", "reason"),
    [
        ("raise SystemError", None, "provider_unloadable"),
        ("x = 1", None, "provider_unloadable"),
        ("PROVIDER = 7", None, "provider_invalid"),
        (BROKEN.replace('"broken"', '"Broken Key"'), None, "provider_invalid"),
        (BROKEN.replace('"broken"', '"goalserve"'), None, "provider_key_taken"),
    ],
)
def test_a_guest_that_cannot_be_used_is_refused_by_name(
    site: Path, code: str, value: str | None, reason: str
) -> None:
    install(site, "guest", code, value)
    assert [provider.key for provider in feeds.PROVIDERS] == [
        provider.key for provider in registry.BUILT_IN
    ]
    (site / "empty").mkdir()
    (refused,) = feeds.payloads(site / "empty")
    assert isinstance(refused, Rejected)
    assert (refused.reason, refused.where) == (reason, "guest")


def test_a_guest_that_recognises_badly_recognises_nothing(site: Path) -> None:
    install(site, "broken", BROKEN.replace('head.startswith(b"broken")', "1 / 0"))
    assert feeds.provider_of(b"broken") is None


def test_a_packed_file_is_known_by_what_it_holds(tmp_path: Path) -> None:
    season = b"Div,Date,HomeTeam,AwayTeam,FTHG\n"
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(season))
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"words"))
    first, second = feeds.payloads(tmp_path)
    assert not isinstance(first, Rejected)
    assert (first[0].key, first[1]) == ("football_data", Payload("a.csv.gz", season))
    assert second == Rejected("not_recognised", "b.gz")


def test_reading_is_the_same_whoever_reads(site: Path) -> None:
    install(site, "annlines", block("python"))
    body = block("text").encode()
    found = feeds.provider_of(body)
    assert found is not None
    first = found.parse("x", body)
    assert isinstance(first, Parsed)
    assert found.parse("x", body) == first
