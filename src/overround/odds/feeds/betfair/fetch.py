"""Files on disk, and the message that subscribes to the stream or goes on with it."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from overround.odds.feeds import files
from overround.odds.feeds.betfair.parse import MAX_BODY_BYTES, PROVIDER_KEY
from overround.odds.feeds.betfair.stream import Stream
from overround.odds.feeds.model import Rejected
from overround.odds.feeds.provider import Payload

_STREAM: Final = re.compile(rb'\s*\{\s*"op"\s*:\s*"(?:mcm|ocm|rcm|connection|status)"')
_ANSWER: Final = re.compile(rb'\s*\{\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*"result"\s*:')
_MARKET: Final = re.compile(rb'\s*\{\s*"(?:marketId|bspMarket)"\s*:')
_HEARTBEAT_MS: Final = 5_000


def recognises(head: bytes) -> bool:
    """Whether `head` begins as a stream, an answer of the API or a market does."""
    begin = head.removeprefix(BOM_UTF8)
    return any(kind.match(begin) is not None for kind in (_STREAM, _ANSWER, _MARKET))


def read(path: Path) -> Iterator[Payload | Rejected]:
    """The files at `path` (see `files.read`); others are refused as `not_betfair`."""
    return files.read(path, files.Wanted(recognises, f"not_{PROVIDER_KEY}", MAX_BODY_BYTES))


def subscription(event_type_ids: Sequence[str], stream: Stream) -> dict[str, Any]:
    """The message that asks for markets; what `stream` has heard before is not sent again."""
    message: dict[str, Any] = {
        "op": "marketSubscription",
        "heartbeatMs": _HEARTBEAT_MS,
        "marketFilter": {"eventTypeIds": list(event_type_ids)},
        "marketDataFilter": {"fields": ["EX_BEST_OFFERS", "EX_MARKET_DEF"], "ladderLevels": 1},
    }
    return message | stream.clocks
