"""The providers there are, our own and those of installed packages, and which of them a file is
from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final, overload

from overround.odds.feeds import (
    asian_xml,
    betfair,
    betsson,
    draftkings,
    fanduel,
    files,
    football_data,
    generic,
    ggbet,
    goalserve,
    installed,
    multi_book,
    oddsportal,
    pinnacle,
    tennis_data,
    the_odds_api,
)
from overround.odds.feeds.installed import Installed
from overround.odds.feeds.model import Rejected
from overround.odds.feeds.provider import Payload, Provider

BUILT_IN: Final[tuple[Provider, ...]] = (
    football_data.PROVIDER,
    goalserve.PROVIDER,
    the_odds_api.PROVIDER,
    draftkings.PROVIDER,
    fanduel.PROVIDER,
    pinnacle.PROVIDER,
    betfair.PROVIDER,
    tennis_data.PROVIDER,
    asian_xml.PROVIDER,
    ggbet.PROVIDER,
    oddsportal.PROVIDER,
    betsson.PROVIDER,
    multi_book.PROVIDER,
    generic.PROVIDER,
)
# As large as the largest body that one of them reads; each has its own bound besides.
_BODY_BYTES_MAX: Final = 64_000_000


@cache
def guests() -> Installed:
    """The providers of installed packages. Looked up when it is first asked and not before, for
    their modules import this package."""
    return installed.find(frozenset(provider.key for provider in BUILT_IN))


class _Providers(Sequence[Provider]):
    """Our own providers and then the guests."""

    def __len__(self) -> int:
        return len(self._all())

    @overload
    def __getitem__(self, index: int) -> Provider: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Provider]: ...
    def __getitem__(self, index: int | slice) -> Provider | Sequence[Provider]:
        return self._all()[index]

    def _all(self) -> tuple[Provider, ...]:
        return (*BUILT_IN, *guests().providers)


PROVIDERS: Final[Sequence[Provider]] = _Providers()


def provider_of(body: bytes, providers: Sequence[Provider] = PROVIDERS) -> Provider | None:
    """Whose file begins like this; None for a kind that nobody knows."""
    head = body[: files.HEAD_BYTES]
    return next((one for one in providers if one.recognises(head)), None)


def payloads(
    path: Path, providers: Sequence[Provider] = PROVIDERS
) -> Iterator[tuple[Provider, Payload] | Rejected]:
    """The files at `path` that one of `providers` knows, each with whose it is.

    Others are `Rejected` as `not_recognised`, and so is every installed provider that could not be
    used, by its reason. Raises ProviderDataError as `files.read` does.
    """
    return payloads_of([path], providers)


def payloads_of(
    paths: Sequence[Path], providers: Sequence[Provider] = PROVIDERS
) -> Iterator[tuple[Provider, Payload] | Rejected]:
    """The same of several paths in their order; what lies in a folder is named with the folder,
    where there is another path (test: several paths are one import)."""
    if providers is PROVIDERS:
        yield from guests().refused
    for path in paths:
        within = f"{path.absolute().name}/" if len(paths) > 1 and path.is_dir() else ""
        for found in _known(path, providers):
            if isinstance(found, Rejected):
                yield replace(found, where=within + found.where)
            else:
                provider, payload = found
                yield provider, replace(payload, name=within + payload.name)


def _known(
    path: Path, providers: Sequence[Provider]
) -> Iterator[tuple[Provider, Payload] | Rejected]:
    wanted = files.Wanted(
        lambda head: provider_of(head, providers) is not None, "not_recognised", _BODY_BYTES_MAX
    )
    for found in files.read(path, wanted):
        if isinstance(found, Rejected):
            yield found
        elif (provider := provider_of(found.body, providers)) is not None:
            yield provider, found
