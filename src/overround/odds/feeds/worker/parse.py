"""One message of a worker -> our shapes, or a ProviderDataError with the code that the hub answers.

Every bound is checked before what it bounds is read, so a hostile message costs what a large one
costs. A bad match is a `Rejected` and the rest of its message stands.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar, cast

from overround.core import grading
from overround.core.errors import Invalid, ProviderDataError
from overround.core.odds_format import FORMATS
from overround.odds.feeds import body as bodies
from overround.odds.feeds import reading
from overround.odds.feeds.body import Asked
from overround.odds.feeds.coverage import Coverage
from overround.odds.feeds.model import FeedEvent, FeedPrice
from overround.odds.feeds.provider import SourceKind
from overround.odds.feeds.reading import EventRefused, Node, Quotes, Refusals, node_of, text
from overround.odds.feeds.worker import words
from overround.odds.feeds.worker.model import (
    ConfirmResponse,
    Envelope,
    Message,
    OddsUpdate,
    Ping,
    Register,
    SiteEvent,
    SnapshotBegin,
    SnapshotCommit,
    StateSaid,
    provider_of,
)

MAX_FRAME_BYTES: Final = 256 * 1024
MAX_MATCHES: Final = 500
MAX_MARKETS: Final = 60
MAX_LINES: Final = 40
MAX_PRICES: Final = 400
MAX_COUNT: Final = 100_000
MAX_SEQ: Final = 2**53 - 1
MAX_TOKEN_LENGTH: Final = 200
# A few milliseconds at the most.
MATCHES_PER_PART: Final = 5
# What is longer is no price that anybody repeats, and is not kept to be found again.
_SHORT: Final = 24
# What is longer names no match of a site that we know, and is not kept to be found again.
_TOLD_LENGTH_MAX: Final = 400
_DEFAULT_SPORT: Final = "football"
_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)

Value = TypeVar("Value")
# A reading that pauses between its parts and ends with a value.
Parts = Generator[None, None, Value]

_WORKER_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_SITE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_WORD: Final = re.compile(r"[a-z][a-z_]{0,39}")
_REQUEST_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}")
_NUMBER: Final = re.compile(r"[0-9]{1,16}")
_MINUTE: Final = re.compile(r"([0-9]{1,3})(?:\+([0-9]{1,2}))?['\u2019]?")
_BREAK: Final = frozenset({"ht", "half time", "halftime"})
_HALF_MIN: Final = 45
_MINUTE_MAX: Final = 200
# How long the break lasts between the halves; a minute after it was reached so much later.
_BREAK_MIN: Final = 15
_MAX_TIME_LENGTH: Final = 40
# A day ends when the fewest matches are on, so that two guesses of one start are of one day.
_DAY_TURNS: Final = timedelta(hours=4, minutes=30)


def source_kind(source: str) -> SourceKind:
    """Sites are bookmakers."""
    del source
    return "bookmaker"


def is_site(text: str) -> bool:
    """Whether a site may be called so: a lower case word of at most 40 characters."""
    return _SITE.fullmatch(text) is not None


def message(frame: str | bytes, received_at: datetime) -> Message:
    """What one frame says. Raises what `message_by_parts` does."""
    parts = message_by_parts(frame, received_at)
    while True:
        try:
            next(parts)
        except StopIteration as done:
            return done.value


def message_by_parts(frame: str | bytes, received_at: datetime) -> Parts[Message]:
    """What one frame says, read a few matches at a time: who reads it for others too has them go
    between (test: a large frame is read in parts).

    Raises ProviderDataError `message_too_large` (256 KiB), `not_json`, `unknown_type`,
    `worker_id_invalid`, `site_invalid`, `seq_invalid`, `timestamp_invalid`, `token_invalid`,
    `data_invalid`, `too_many_matches` (500), `count_wrong`, `sport_invalid`,
    `odds_format_unknown`, `state_invalid`, `request_id_invalid`, `odds_invalid`.
    """
    body = frame.encode() if isinstance(frame, str) else frame
    if len(body) > MAX_FRAME_BYTES:
        raise _refused("message_too_large", f"a message has at most {MAX_FRAME_BYTES} bytes")
    node = node_of(reading.json_of(body, MAX_FRAME_BYTES))
    kind = text(node, "type")
    if kind == _UPDATE:
        return (yield from _update(node, _envelope(node), received_at))
    reader = _READERS.get(kind)
    if reader is None:
        raise _refused("unknown_type", "there is no message of this type")
    return reader(node, _envelope(node), received_at)


def _refused(code: str, detail: str) -> ProviderDataError:
    return ProviderDataError(detail, code=code)


# -- what every message carries --------------------------------------------------------------------


def _envelope(node: Node) -> Envelope:
    data = node_of(node.get("data"))
    sites = tuple(text(one, "site") for one in (node, data) if "site" in one)
    worker_id = text(node, "worker_id")
    if "worker_id" in node and _WORKER_ID.fullmatch(worker_id) is None:
        raise _refused("worker_id_invalid", "a worker id has 1 to 80 of A-Z a-z 0-9 _ . -")
    if any(not is_site(site) for site in sites):
        raise _refused("site_invalid", "a site is a lower case word of at most 40 characters")
    return Envelope(worker_id, sites, _sent_at(node), _seq(node))


def _seq(node: Node) -> int | None:
    if "seq" not in node:
        return None
    return _whole(node, "seq", MAX_SEQ, "seq_invalid")


def _whole(node: Node, name: str, most: int, code: str) -> int:
    written = text(node, name)
    if _NUMBER.fullmatch(written) is None or int(written) > most:
        raise _refused(code, f"{name} is a whole number from 0 to {most}")
    return int(written)


def _sent_at(node: Node) -> datetime | None:
    """The worker's clock; without a zone it counts as UTC, for only its differences are used."""
    written = text(node, "timestamp")
    if not written:
        return None
    try:
        at = datetime.fromisoformat(written) if len(written) <= _MAX_TIME_LENGTH else None
        at = at if at is None or at.tzinfo is not None else at.replace(tzinfo=UTC)
        at = None if at is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        at = None
    if at is None or not 2000 <= at.year <= 2100:
        raise _refused("timestamp_invalid", "a timestamp is an ISO 8601 time of this century")
    return at


# -- the messages ----------------------------------------------------------------------------------


def _register(node: Node, envelope: Envelope, received_at: datetime) -> Register:
    del received_at
    token = text(node, "token")
    if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        raise _refused("token_invalid", "this is no token")
    if not envelope.worker_id:
        raise _refused("worker_id_invalid", "a worker registers with its id")
    if not envelope.sites:
        raise _refused("site_invalid", "a worker registers for a site")
    return Register(envelope, envelope.sites[0], token, node.get("confirms") is True)


def _begin(node: Node, envelope: Envelope, received_at: datetime) -> SnapshotBegin:
    del node, received_at
    return SnapshotBegin(envelope)


def _commit(node: Node, envelope: Envelope, received_at: datetime) -> SnapshotCommit:
    del received_at
    return SnapshotCommit(envelope, _whole(node, "count", MAX_COUNT, "count_wrong"))


def _ping(node: Node, envelope: Envelope, received_at: datetime) -> Ping:
    del node, received_at
    return Ping(envelope)


def _state(node: Node, envelope: Envelope, received_at: datetime) -> StateSaid:
    del received_at
    state = text(node, "state")
    if _WORD.fullmatch(state) is None:
        raise _refused("state_invalid", "a state is a word of at most 40 small letters")
    return StateSaid(envelope, state)


def _confirm(node: Node, envelope: Envelope, received_at: datetime) -> ConfirmResponse:
    del received_at
    request_id = text(node, "id")
    if _REQUEST_ID.fullmatch(request_id) is None:
        raise _refused("request_id_invalid", "answer with the id of the request")
    if node.get("odds") in (None, ""):
        return ConfirmResponse(envelope, request_id, None)
    price = reading.price_of(text(node, "odds"), _odds_format(node))
    if isinstance(price, str):
        raise _refused("odds_invalid", price)
    return ConfirmResponse(envelope, request_id, price)


def _odds_format(node: Node) -> str:
    name = text(node, "odds_format") or "decimal"
    if name not in FORMATS:
        raise _refused("odds_format_unknown", "this is not an odds format: " + ", ".join(FORMATS))
    return name


def _update(node: Node, envelope: Envelope, received_at: datetime) -> Parts[OddsUpdate]:
    data = node_of(node.get("data"))
    found: object = data.get("matches")
    if not isinstance(found, list):
        raise _refused("data_invalid", "an update has a list of matches in its data")
    matches = cast("list[object]", found)
    if len(matches) > MAX_MATCHES:
        raise _refused("too_many_matches", f"an update has at most {MAX_MATCHES} matches")
    if "count" in data and _whole(data, "count", MAX_COUNT, "count_wrong") != len(matches):
        raise _refused("count_wrong", "the count is not the number of matches")
    site = envelope.sites[0] if envelope.sites else ""
    if not site:
        raise _refused("site_invalid", "an update says its site")
    sport = _sport(text(data, "sport") or _DEFAULT_SPORT)
    update = _Update(site, _odds_format(data), sport, received_at)
    for number, match in enumerate(matches, start=1):
        update.take(node_of(match))
        if number % MATCHES_PER_PART == 0:
            yield
    every = tuple(update.events.values())
    return OddsUpdate(envelope, every, tuple(update.refusals.all()), len(matches))


_UPDATE: Final = "odds:update"
_Reader = Callable[[Node, Envelope, datetime], Message]
_READERS: Final[Mapping[str, _Reader]] = {
    "worker:register": _register,
    "snapshot:begin": _begin,
    "snapshot:commit": _commit,
    "ping": _ping,
    "worker:state": _state,
    "confirm:response": _confirm,
}


# -- matches ---------------------------------------------------------------------------------------


def _sport(sport: str) -> str:
    if _WORD.fullmatch(sport) is None:
        raise _refused("sport_invalid", "a sport is a word of at most 40 small letters")
    return sport


class _Update:
    """The matches of one message while they are read."""

    def __init__(self, site: str, odds_format: str, sport: str, received_at: datetime) -> None:
        self.events: dict[str, SiteEvent] = {}
        self.refusals = Refusals(site)
        self._site, self._odds_format, self._sport = site, odds_format, sport
        self._received_at = received_at

    def take(self, match: Node) -> None:
        """Read one match; what cannot be read is refused by its reason."""
        place = text(match, "home_team")[:60]
        try:
            event, is_guess = self._event(match)
            # A match that is known and whose odds are refused has none: the old ones do not stand.
            self.events[event.provider_event_id] = SiteEvent(event, (), is_guess)
            quotes = Quotes(Coverage(event.sport, event.sport), self.refusals, place)
            _take_odds(match.get("odds"), quotes, self._site, self._odds_format)
            found = SiteEvent(event, quotes.all(), is_guess)
            self.events[event.provider_event_id] = found
        except EventRefused as refused:
            self.refusals.add(refused.reason, place, refused.detail)
        except (ProviderDataError, Invalid) as refused:
            self.refusals.add(refused.code, place)

    def _event(self, match: Node) -> tuple[FeedEvent, bool]:
        """The match by name, and whether its start was reckoned from its minute of play."""
        words = _Words(self._site, self._sport, *(text(match, name) for name in _NAMED))
        is_guess = not words.starts_at
        if is_guess or sum(map(len, words)) > _TOLD_LENGTH_MAX:
            event = _named(words, text(match, "time"), self._received_at)
        else:
            event = _told(words)
        if event.provider_event_id in self.events:
            raise EventRefused("duplicate_event", event.provider_event_id)
        return event, is_guess


class _Words(NamedTuple):
    """What a site says of a match beside its odds, and where it says it."""

    site: str
    default_sport: str
    home: str
    away: str
    league: str
    starts_at: str
    event_id: str
    country: str
    sport: str


_NAMED: Final = (
    "home_team", "away_team", "league", "starts_at", "event_id", "country", "sport",
)  # fmt: skip


# A site names its few thousand matches in each of its messages.
@lru_cache(maxsize=8_192)
def _told(words: _Words) -> FeedEvent:
    """`_named` of a match that says its start, whenever it came
    (test: a match that was named before is the one that is read anew)."""
    return _named(words, "", _NO_TIME)


def _named(words: _Words, time: str, received_at: datetime) -> FeedEvent:
    """The match of some words; without a start it began when its minute of play says."""
    home, away = reading.sides_of(words.home, words.away)
    league = reading.name_of(words.league, "league")
    if words.starts_at:
        starts_at = reading.start_of(words.starts_at)
    else:
        starts_at = _reckoned(time, received_at)
    if words.event_id:
        event_id = reading.id_of(words.event_id)
    else:
        event_id = _derived_id(league, home, away, starts_at)
    return FeedEvent(
        provider=provider_of(words.site),
        provider_event_id=event_id,
        sport=_sport(words.sport or words.default_sport),
        competition_key=reading.source_of(league) or "unknown",
        competition_name=league,
        country=reading.shown(words.country[: reading.MAX_NAME_LENGTH]),
        home=home,
        away=away,
        starts_at=starts_at,
    )


def _reckoned(time: str, received_at: datetime) -> datetime:
    """When a match began by its minute of play. Raises EventRefused `start_missing`."""
    minute = _minute(time)
    if minute is None:
        raise EventRefused("start_missing", time)
    began = received_at - timedelta(minutes=minute)
    return began.replace(second=0, microsecond=0)


def _minute(written: str) -> int | None:
    """How many minutes ago a match began that stands at "15", "45+2" or "HT"; None for else."""
    if written.casefold() in _BREAK:
        return _HALF_MIN
    match = _MINUTE.fullmatch(written)
    if match is None:
        return None
    minute = int(match[1]) + int(match[2] or 0)
    if minute > _MINUTE_MAX:
        return None
    return minute + _BREAK_MIN if int(match[1]) > _HALF_MIN else minute


def _derived_id(league: str, home: str, away: str, starts_at: datetime) -> str:
    """The id of a match whose site gives none: its names and the day it is played on."""
    day = (starts_at - _DAY_TURNS).date().isoformat()
    said = f"{league.casefold()}\n{home.casefold()}\n{away.casefold()}\n{day}"
    return "n:" + hashlib.sha256(said.encode()).hexdigest()[:32]


def _take_odds(found: object, quotes: Quotes, site: str, odds_format: str) -> None:
    """Every price of a match.

    Raises EventRefused `odds_missing`, `too_many_markets`, `too_many_lines`, `too_many_prices`.
    """
    if not isinstance(found, dict):
        raise EventRefused("odds_missing")
    odds = cast("Node", found)
    if len(odds) > MAX_MARKETS:
        raise EventRefused("too_many_markets", str(len(odds)))
    prices = 0
    for name, written in odds.items():
        question = words.question_of(name[:80])
        rows = reading.nodes_of(written)
        if len(rows) > MAX_LINES:
            raise EventRefused("too_many_lines", name)
        if question is None or question.market_type not in grading.MARKETS:
            bodies.leave_out(quotes, name, name, len(rows))
            quotes.refusals.add("market_unknown", f"{quotes.place}:{name[:40]}")
            continue
        for row in rows:
            prices += _take_row(row, question, quotes, site, odds_format)
            if prices > MAX_PRICES:
                raise EventRefused("too_many_prices", str(prices))


def _take_row(
    row: Node, question: words.Question, quotes: Quotes, site: str, odds_format: str
) -> int:
    """The sides of one line; one without a price is not to be had. Returns how many there are."""
    line = text(row, question.line_key, *words.LINE_KEYS) if question.line_key else ""
    words_of = question.market_type, question.period, line
    stopped = row.get("suspended") is True
    taken = 0
    for side in grading.sides(question.market_type):
        price = text(row, side)
        if not price:
            continue
        taken += 1
        known = None
        if not stopped and len(line) + len(price) <= _SHORT:
            known = _price(site, *words_of, side, price, odds_format)
        if known is not None:
            quotes.keep(known)
        else:
            asked = Asked(*words_of)
            bodies.offer(
                quotes, site, asked, side, price, written=odds_format, stopped_above=stopped
            )
    return taken


# A site says the same few thousand prices a hundred thousand times.
@lru_cache(maxsize=65_536)
def _price(
    site: str, market_type: str, period: str, line: str, side: str, written: str, odds_format: str
) -> FeedPrice | None:
    """A price that is to be had, as `bodies.offer` reads it; None for what it has more to say of
    (test: a price that was read before is the one that is read anew)."""
    quotes = Quotes(Coverage("", ""), Refusals(""), "")
    asked = Asked(market_type, period, line)
    bodies.offer(quotes, site, asked, side, written, written=odds_format)
    return next(iter(quotes.all()), None)
