"""What every provider's bytes are read with: bounded texts, times with a zone, prices, refusals.

A value that cannot be read is a reason, never a guess. Everything here is bounded before it is
looked at, so that a hostile body costs what a large one costs.
"""

from __future__ import annotations

import json
import re
import unicodedata
from codecs import BOM_UTF8
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, cast

from overround.core import grading, odds_format
from overround.core import line as core_line
from overround.core.errors import Invalid, ProviderDataError
from overround.odds.feeds.coverage import Coverage
from overround.odds.feeds.model import FeedMarket, FeedPrice, Rejected

MAX_NAME_LENGTH: Final = 200
MAX_REJECTED: Final = 10_000
MAX_SOURCES: Final = 500
# Longer than any value that is accepted, so what is cut is refused for its length.
MAX_TEXT_LENGTH: Final = 1_000
_MAX_DETAIL_LENGTH: Final = 60
_MAX_MARKET_LENGTH: Final = 60
_MAX_SOURCE_LENGTH: Final = 40
_MAX_TIME_LENGTH: Final = 40
_YEARS: Final = range(2000, 2101)
_UNIX: Final = re.compile(r"[0-9]{9,10}")
_NOT_A_WORD: Final = re.compile(r"[^a-z0-9]+")
_ID: Final = re.compile(r"[0-9A-Za-z_.:-]{1,80}")

Node = dict[str, Any]


class EventRefused(Exception):
    """One event cannot be used; carries the reason."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


@dataclass(slots=True)
class Refusals:
    """The refused, up to a bound: a hostile file costs memory for `MAX_REJECTED` of them only."""

    name: str
    kept: list[Rejected] = field(default_factory=list[Rejected])
    dropped: int = 0

    def add(self, reason: str, place: str, detail: str = "") -> None:
        """Keep one refusal: a stable reason, and where in the body it stood."""
        if len(self.kept) == MAX_REJECTED:
            self.dropped += 1
            return
        where = f"{self.name}:{shown(place[:MAX_NAME_LENGTH])}"[: MAX_NAME_LENGTH + 90]
        self.kept.append(Rejected(reason, where, shown(detail[:_MAX_DETAIL_LENGTH])))

    def all(self) -> list[Rejected]:
        """What was kept, with one last record that counts the rest."""
        if self.dropped:
            more = Rejected("too_many_rejected", self.name, f"{self.dropped} more")
            return [*self.kept, more]
        return self.kept


@dataclass(frozen=True, slots=True)
class Quote:
    """One selection as a provider writes it, with what we make of it.

    `market` is None or a reason where the question has no place with us, `side` None where the
    answer has none; `market_id` and `market_name` are the provider's.
    """

    source: str
    market_id: str
    market_name: str
    market: FeedMarket | str | None
    side: str | None
    price: str
    odds_format: str = "decimal"
    stopped: bool = False
    stopped_above: bool = False
    seen_at: datetime | None = None


@dataclass(slots=True)
class Quotes:
    """The prices of one event as they are collected: each is mapped or counted as unmapped.

    Of two prices of one source for one answer the first stands
    (test: every selection of a sample is mapped or counted).
    """

    coverage: Coverage
    refusals: Refusals
    place: str
    _kept: dict[tuple[str, FeedMarket, str], FeedPrice] = field(
        default_factory=dict[tuple[str, FeedMarket, str], FeedPrice]
    )

    def all(self) -> tuple[FeedPrice, ...]:
        """Everything that has a place on the board."""
        return tuple(self._kept.values())

    def take(self, quote: Quote) -> None:
        """Count one selection and keep it, if it has a place and its price is one."""
        coverage, market, side = self.coverage, quote.market, quote.side
        price_e4 = price_of(quote.price, quote.odds_format)
        coverage.selections += 1
        is_low = price_e4 == "price_not_above_one"
        coverage.stopped += quote.stopped
        coverage.stopped_above += quote.stopped_above and not quote.stopped
        coverage.price_not_above_one += is_low
        coverage.not_offerable += quote.stopped or is_low
        if not isinstance(market, FeedMarket) or side is None:
            coverage.leave_out(
                shown(quote.market_id[:_MAX_MARKET_LENGTH]),
                shown(quote.market_name[:MAX_NAME_LENGTH]),
                1,
            )
            if market is not None:
                reason = market if isinstance(market, str) else "side_unknown"
                self._refuse(reason, quote, quote.price)
            return
        coverage.mapped += 1
        key = (quote.source, market, side)
        if isinstance(price_e4, str):
            self._refuse(price_e4, quote, quote.price)
        elif key in self._kept:
            coverage.repeated += 1
        else:
            stopped = quote.stopped or quote.stopped_above
            text = quote.price[:_MAX_DETAIL_LENGTH]
            self._kept[key] = FeedPrice(
                quote.source, market, side, price_e4, text, stopped, quote.seen_at
            )

    def keep(self, price: FeedPrice) -> None:
        """Keep a price that was read before; it is counted as one that is mapped."""
        coverage = self.coverage
        coverage.selections += 1
        coverage.mapped += 1
        key = (price.source, price.market, price.side)
        if key in self._kept:
            coverage.repeated += 1
        else:
            self._kept[key] = price

    def _refuse(self, reason: str, quote: Quote, detail: str) -> None:
        words = (self.place, quote.source, quote.market_id, quote.side or "")
        self.refusals.add(reason, ":".join(word[:40] for word in words if word), detail)


def json_of(body: bytes, bytes_max: int) -> object:
    """The JSON of a body. Numbers stay the text they were, so no price is ever a float.

    Raises ProviderDataError `body_too_large`, `not_json`.
    """
    if len(body) > bytes_max:
        raise ProviderDataError("the body is too large", code="body_too_large")
    try:
        return json.loads(
            body.removeprefix(BOM_UTF8), parse_float=str, parse_int=str, parse_constant=str
        )
    except (ValueError, RecursionError):
        raise ProviderDataError("the body is not JSON", code="not_json") from None


def text_of(body: bytes, bytes_max: int) -> str:
    """The text of a body in UTF-8. Raises ProviderDataError `body_too_large`, `not_text`."""
    if len(body) > bytes_max:
        raise ProviderDataError("the body is too large", code="body_too_large")
    try:
        text = body.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError:
        raise ProviderDataError("the body is not text", code="not_text") from None
    if "\0" in text:
        raise ProviderDataError("the body is not text", code="not_text")
    return text


def node_of(found: object) -> Node:
    """A JSON object; an empty one for anything else."""
    return cast("Node", found) if isinstance(found, dict) else {}


def nodes_of(found: object) -> list[Node]:
    """The objects of a JSON list, or one object alone."""
    several = cast("list[object]", found) if isinstance(found, list) else [found]
    return [cast("Node", one) for one in several if isinstance(one, dict)]


def texts_of(found: object) -> list[str]:
    """The texts and numbers of a JSON list; what is neither is ""."""
    several = cast("list[object]", found) if isinstance(found, list) else []
    return [one.strip()[:MAX_TEXT_LENGTH] if isinstance(one, str) else "" for one in several]


def text(node: Node, *names: str) -> str:
    """The first of some members that is text or a number, trimmed and cut; "" where none is."""
    for name in names:
        found: object = node.get(name)
        if isinstance(found, str):
            return found.strip()[:MAX_TEXT_LENGTH]
    return ""


def shown(text: str) -> str:
    """Text that can be stored and printed, whatever was in it."""
    return text if text.isprintable() else ascii(text)[1:-1]


def name_of(text: str, what: str) -> str:
    """A bounded, printable name in NFC. Raises EventRefused `<what>_missing`, `<what>_invalid`."""
    text = text.replace("\xa0", " ").strip()
    if not text:
        raise EventRefused(f"{what}_missing")
    # The length first: normalising takes time and may triple the text.
    if len(text) > MAX_NAME_LENGTH:
        raise EventRefused(f"{what}_invalid", text)
    name = unicodedata.normalize("NFC", text)
    if len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise EventRefused(f"{what}_invalid", text)
    return name


def sides_of(home: str, away: str) -> tuple[str, str]:
    """Both names, read. Raises EventRefused as `name_of` does, and `same_participants`."""
    sides = name_of(home, "home"), name_of(away, "away")
    if sides[0].casefold() == sides[1].casefold():
        raise EventRefused("same_participants", sides[0])
    return sides


def id_of(text: str) -> str:
    """An id of a provider. Raises EventRefused `id_invalid`."""
    if not _ID.fullmatch(text):
        raise EventRefused("id_invalid", text)
    return text


@lru_cache(maxsize=16_384)
def moment(text: str) -> datetime | None:
    """The UTC time of an ISO 8601 text that says its zone, or of seconds since 1970; else None."""
    if _UNIX.fullmatch(text):
        at = datetime.fromtimestamp(int(text), UTC)
        return at if at.year in _YEARS else None
    if len(text) > _MAX_TIME_LENGTH or not text.isascii():
        return None
    try:
        at = datetime.fromisoformat(text)
        # A clock without a zone is nobody's.
        at = at.astimezone(UTC) if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
    return at if at is not None and at.year in _YEARS else None


def start_of(text: str) -> datetime:
    """When an event starts. Raises EventRefused `start_invalid`."""
    at = moment(text)
    if at is None:
        raise EventRefused("start_invalid", text)
    return at


# A file writes a few hundred different prices a hundred thousand times.
@lru_cache(maxsize=16_384)
def price_of(text: str, written: str = "decimal") -> int | str:
    """The price_e4 of a price in a format of `core.odds_format`, or the reason why it is none."""
    try:
        return odds_format.to_price_e4(text, written)
    except Invalid as refused:
        if refused.code != "price_out_of_range":
            return "price_invalid"
    # What is refused for its size only is a plain decimal of at most 40 characters.
    if written != "decimal":
        return "price_out_of_range"
    whole = text.lstrip("+").partition(".")[0]
    is_low = whole.startswith(("-", "\u2212")) or int(whole or "0") <= 1
    return "price_not_above_one" if is_low else "price_out_of_range"


@lru_cache(maxsize=4_096)
def line_of(text: str) -> int | None:
    """The line_q4, or None for what is no line."""
    try:
        return core_line.parse(text)
    except Invalid:
        return None


@lru_cache(maxsize=16_384)
def market_of(market_type: str, period: str, line_q4: int | None) -> FeedMarket | str | None:
    """The market; None where the board cannot hold it, a reason where its line is none of it.

    The board holds what a book can lay: answers that are a fixed set and settled by scores.
    """
    try:
        if not grading.can_be_laid(market_type):
            return None
        grading.check(market_type, period, line_q4, grading.sides(market_type)[0])
    except Invalid as refused:
        return None if refused.code == "unknown_market" else refused.code
    return FeedMarket(market_type, period, line_q4)


@lru_cache(maxsize=4_096)
def source_of(name: str) -> str | None:
    """A source's key: its name in lower case with underscores; None where that leaves nothing, or
    too much."""
    key = _NOT_A_WORD.sub("_", name.casefold()).strip("_") if len(name) <= MAX_NAME_LENGTH else ""
    return key if 0 < len(key) <= _MAX_SOURCE_LENGTH else None
