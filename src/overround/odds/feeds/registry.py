"""The providers that are built in, and which of them a file is from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from overround.odds.feeds import files, football_data, goalserve
from overround.odds.feeds.model import Rejected
from overround.odds.feeds.provider import Payload, Provider

PROVIDERS: Final[tuple[Provider, ...]] = (football_data.PROVIDER, goalserve.PROVIDER)
# As large as the largest body that one of them reads; each has its own bound besides.
_BODY_BYTES_MAX: Final = 64_000_000


def provider_of(body: bytes, providers: Sequence[Provider] = PROVIDERS) -> Provider | None:
    """Whose file begins like this; None for a kind that nobody knows."""
    head = body[: files.HEAD_BYTES]
    return next((one for one in providers if one.recognises(head)), None)


def payloads(
    path: Path, providers: Sequence[Provider] = PROVIDERS
) -> Iterator[tuple[Provider, Payload] | Rejected]:
    """The files at `path` that one of `providers` knows, each with whose it is.

    Others are `Rejected` as `not_recognised`. Raises ProviderDataError as `files.read` does.
    """
    wanted = files.Wanted(
        lambda head: provider_of(head, providers) is not None, "not_recognised", _BODY_BYTES_MAX
    )
    for found in files.read(path, wanted):
        if isinstance(found, Rejected):
            yield found
        elif (provider := provider_of(found.body, providers)) is not None:
            yield provider, found
