"""Providers of other packages, found by the entry-point group `overround.providers`.

What another package brings is a guest: one that cannot be loaded, is no `Provider` or takes a key
that is taken is refused by name, and whatever one raises while it reads, or says that cannot be,
costs its own body only (tests/feeds/test_discovery.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final

from overround.core.errors import ProviderDataError
from overround.odds.feeds.checked import checked
from overround.odds.feeds.model import Rejected
from overround.odds.feeds.provider import Parsed, Payload, Provider, SourceKind
from overround.odds.feeds.request import Received

GROUP: Final = "overround.providers"
_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class Installed:
    """The providers that were found, and why others were refused."""

    providers: tuple[Provider, ...]
    refused: tuple[Rejected, ...]


def find(taken: frozenset[str]) -> Installed:
    """The providers of all installed packages, in name order; `taken` are keys of our own."""
    found: dict[str, Provider] = {}
    refused: list[Rejected] = []
    for entry in sorted(entry_points(group=GROUP), key=lambda one: (one.name, one.value)):
        loaded = _loaded(entry)
        if isinstance(loaded, Rejected):
            refused.append(loaded)
        elif not _KEY.fullmatch(loaded.key):
            refused.append(Rejected("provider_invalid", entry.name[:60], "key"))
        elif loaded.key in taken or loaded.key in found:
            refused.append(Rejected("provider_key_taken", entry.name[:60], loaded.key))
        else:
            found[loaded.key] = _Guest(loaded).provider()
    return Installed(tuple(found.values()), tuple(refused))


def _loaded(entry: EntryPoint) -> Provider | Rejected:
    try:
        loaded: object = entry.load()
    except Exception as error:  # noqa: BLE001 (a guest's module may raise anything)
        return Rejected("provider_unloadable", entry.name[:60], type(error).__name__)
    if not isinstance(loaded, Provider):
        return Rejected("provider_invalid", entry.name[:60], type(loaded).__name__)
    return loaded


@dataclass(frozen=True, slots=True)
class _Guest:
    """A provider whose functions raise nothing but what ours may raise."""

    theirs: Provider

    def provider(self) -> Provider:
        asks = self.theirs.asks
        return replace(
            self.theirs,
            recognises=self._recognises,
            read=self._read,
            parse=self._parse,
            source_kind=self._source_kind,
            asks=None if asks is None else replace(asks, parse=self._parse_asked),
        )

    def _recognises(self, head: bytes) -> bool:
        try:
            return bool(self.theirs.recognises(head))
        except Exception:  # noqa: BLE001 (a guest that fails has not recognised it)
            return False

    def _read(self, path: Path) -> Iterator[Payload | Rejected]:
        try:
            yield from self.theirs.read(path)
        except ProviderDataError:
            raise
        except Exception as error:
            raise _failed(error) from error

    def _parse(self, name: str, body: bytes) -> Parsed:
        try:
            return checked(self.theirs.key, self.theirs.parse(name, body))
        except ProviderDataError:
            raise
        except Exception as error:
            raise _failed(error) from error

    def _parse_asked(self, name: str, body: bytes, received: Received) -> Parsed:
        asks = self.theirs.asks
        assert asks is not None
        try:
            return checked(self.theirs.key, asks.parse(name, body, received))
        except ProviderDataError:
            raise
        except Exception as error:
            raise _failed(error) from error

    def _source_kind(self, source: str) -> SourceKind:
        try:
            kind = self.theirs.source_kind(source)
        except Exception:  # noqa: BLE001 (a guest may raise anything)
            return "bookmaker"
        return "exchange" if kind == "exchange" else "bookmaker"


def _failed(error: Exception) -> ProviderDataError:
    return ProviderDataError(f"the provider raised {type(error).__name__}", code="provider_failed")
