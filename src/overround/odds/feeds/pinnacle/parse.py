"""A body of either API -> events, prices by event id, scores in play, and what was refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from overround.core import line as core_line
from overround.core.errors import Invalid, ProviderDataError
from overround.core.line import QUARTERS
from overround.odds.feeds import body as bodies
from overround.odds.feeds import reading
from overround.odds.feeds.body import Asked, Body
from overround.odds.feeds.model import FeedEvent, FeedQuotes, FeedScore
from overround.odds.feeds.pinnacle.words import SPORTS, UNITS_UNKNOWN, period_of
from overround.odds.feeds.provider import Parsed, SourceKind
from overround.odds.feeds.reading import EventRefused, Node, Quotes, node_of, nodes_of, text

PROVIDER_KEY: Final = "pinnacle"
SOURCE: Final = "pinnacle"

MAX_BODY_BYTES: Final = 32_000_000
_ID: Final = re.compile(r"[0-9]{1,20}")
_REGULAR: Final = frozenset({"", "Regular", "Sets", "Games"})
_OPEN: Final = "1"
_LIVE: Final = "1"
_BEFORE_CUTOFF: Final = timedelta(seconds=1)
_RESULTS: Final = ("home", "draw", "away")
_OVER_UNDER: Final = ("over", "under")
_SIDES: Final = ("home", "away")


def source_kind(source: str) -> SourceKind:
    """Pinnacle is a bookmaker."""
    del source
    return "bookmaker"


def parse(name: str, body: bytes) -> Parsed:
    """Everything `body` says, as if asked for as a whole."""
    return parse_asked(name, body, delta=False)


def parse_asked(name: str, body: bytes, *, delta: bool) -> Parsed:
    """Everything `body` says; prices of a `delta` are no snapshot of their event.

    A bad record or price is a `Rejected` and the rest goes on. Raises ProviderDataError, and
    nothing else, for a body of neither API: `body_too_large` (32 MB), `not_json`,
    `unknown_layout`, `unknown_sport`, `timestamp_invalid`, `too_many_rows`, `too_many_prices`.
    """
    found = reading.json_of(body, MAX_BODY_BYTES)
    file = bodies.named(name)
    partners = node_of(found)
    if partners:
        _partners(partners, file, delta=delta)
    else:
        _guest(nodes_of(found), file)
    return file.parsed()


def _partners(found: Node, file: Body, *, delta: bool) -> None:
    sport = SPORTS.get(text(found, "sportId"))
    if sport is None:
        raise ProviderDataError("the body names no sport of ours", code="unknown_sport")
    seen_at = bodies.milliseconds(text(found, "last"))
    if seen_at is None:
        raise ProviderDataError("the body does not say when it was made", code="timestamp_invalid")
    leagues = nodes_of(found["league"] if "league" in found else found.get("leagues"))
    for league in leagues:
        for event, place in file.each(nodes_of(league.get("events")), "id"):
            try:
                if "periods" in event:
                    _Odds(sport, seen_at, delta).take(event, place, file)
                else:
                    file.name(_fixture(sport, league, event))
            except EventRefused as refused:
                file.refuse(refused, place)


def _id(of: Node, key: str = "id") -> str:
    found = text(of, key)
    if not _ID.fullmatch(found):
        raise EventRefused("id_invalid", found)
    return found


def _fixture(sport: str, league: Node, event: Node) -> FeedEvent:
    unit = text(event, "resultingUnit")
    return _event(
        sport,
        _id(event),
        (_id(league), text(league, "name")),
        _marked((text(event, "home"), text(event, "away")), unit),
        reading.start_of(text(event, "starts")),
    )


def _event(
    sport: str, event_id: str, league: tuple[str, str], names: tuple[str, str], at: datetime
) -> FeedEvent:
    home, away = reading.sides_of(*names)
    competition = reading.name_of(league[1], "competition")
    key = f"{sport}:{league[0]}"
    return FeedEvent(PROVIDER_KEY, event_id, sport, key, competition, "", home, away, at)


def _marked(names: tuple[str, str], unit: str) -> tuple[str, str]:
    """The names with what is counted, where that is not what decides the match."""
    if unit in _REGULAR:
        return names
    home, away = (name if unit in name else f"{name} ({unit})" for name in names)
    return home, away


@dataclass(frozen=True, slots=True)
class _Odds:
    """What the prices of one answer have in common."""

    sport: str
    seen_at: datetime
    delta: bool

    def take(self, event: Node, place: str, file: Body) -> None:
        """Read the prices of one event, and its score where it is on."""
        event_id = _id(event)
        score = bodies.points(text(event, "homeScore"), text(event, "awayScore"))
        quotes = file.collect(self.sport, self.sport, place)
        for period in nodes_of(event.get("periods")):
            self._period(period, score, quotes)
        phase = "" if score is None else "live"
        said = FeedQuotes(
            PROVIDER_KEY, event_id, self.seen_at, quotes.all(), not self.delta, phase, self.seen_at
        )
        file.say(said)
        if score is not None:
            scores = {"ft": score}
            file.scores.append(FeedScore(PROVIDER_KEY, event_id, "", scores, self.seen_at))

    def _period(self, period: Node, score: tuple[int, int] | None, quotes: Quotes) -> None:
        number = text(period, "number")
        key = period_of(self.sport, number)
        cutoff = reading.moment(text(period, "cutoff"))
        stopped = text(period, "status") != _OPEN or (cutoff or self.seen_at) < self.seen_at
        in_play = score is not None and self.sport == "football"
        if key is None or (in_play and key == "2h"):
            bodies.leave_out(quotes, number, f"period {number}", _selections(period))
            return
        ahead = score[0] - score[1] if score is not None and in_play else 0
        _moneyline(node_of(period.get("moneyline")), key, quotes, stopped=stopped)
        if self.sport in UNITS_UNKNOWN:
            rest = _selections(period) - len(_priced(period, "moneyline"))
            bodies.leave_out(quotes, "units", "sets or games", rest)
            return
        for spread in nodes_of(period.get("spreads")):
            line = _moved(text(spread, "hdp"), ahead)
            _sides(spread, "asian_handicap", key, _SIDES, line, quotes, stopped=stopped)
        for total in nodes_of(period.get("totals")):
            _sides(total, "total", key, _OVER_UNDER, text(total, "points"), quotes, stopped=stopped)
        teams = node_of(period.get("teamTotal"))
        for side in _SIDES:
            own = node_of(teams.get(side))
            line = text(own, "points")
            if own:
                _sides(own, f"{side}_total", key, _OVER_UNDER, line, quotes, stopped=stopped)


def _moneyline(found: Node, period: str, quotes: Quotes, *, stopped: bool) -> None:
    sides = _RESULTS if "draw" in found else _SIDES
    market_type = "1x2" if "draw" in found else "moneyline"
    if found:
        _sides(found, market_type, period, sides, "", quotes, stopped=stopped)


def _sides(
    found: Node,
    market_type: str,
    period: str,
    sides: tuple[str, ...],
    line: str,
    quotes: Quotes,
    *,
    stopped: bool,
) -> None:
    for side in sides:
        if side in found:
            asked = Asked(market_type, period, line)
            bodies.offer(quotes, SOURCE, asked, side, text(found, side), stopped=stopped)


def _moved(line: str, ahead: int) -> str:
    """A handicap that counts from now on, as the same handicap of the whole match.

    It is checked against the same book's prices on the result: at 1-0 its -0.5 costs what the next
    goal does, and 0.5 there what the home win does.
    """
    try:
        return core_line.to_text(core_line.parse(line) - ahead * QUARTERS)
    except Invalid:
        return line


def _priced(period: Node, key: str) -> list[str]:
    return [side for side in _RESULTS if side in node_of(period.get(key))]


def _selections(period: Node) -> int:
    """How many selections a period has."""
    lined = [*nodes_of(period.get("spreads")), *nodes_of(period.get("totals"))]
    teams = node_of(period.get("teamTotal"))
    count = len(_priced(period, "moneyline"))
    count += sum(side in one for one in lined for side in (*_SIDES, *_OVER_UNDER))
    return count + sum(side in node_of(teams.get(t)) for t in _SIDES for side in _OVER_UNDER)


def _guest(found: list[Node], file: Body) -> None:
    """A list of the guest site: match-ups, markets, or leagues (which name no event)."""
    if found and not any({"participants", "prices", "matchupCount"} & one.keys() for one in found):
        raise ProviderDataError("the list is of no known kind", code="unknown_layout")
    markets: dict[str, list[Node]] = {}
    for one, place in file.each(found, "id"):
        try:
            if "participants" in one:
                _match_up(one, file)
            elif "prices" in one:
                markets.setdefault(_id(one, "matchupId"), []).append(one)
        except EventRefused as refused:
            file.refuse(refused, place)
    for event_id, several in markets.items():
        _markets(event_id, several, file)


def _match_up(found: Node, file: Body) -> None:
    league = node_of(found.get("league"))
    sport = SPORTS.get(text(node_of(league.get("sport")), "id"))
    names = {
        text(one, "alignment"): text(one, "name") for one in nodes_of(found.get("participants"))
    }
    if text(found, "type") != "matchup" or not names.keys() >= set(_SIDES):
        raise EventRefused("not_a_match", text(found, "type"))
    if sport is None:
        raise EventRefused("unknown_sport", text(node_of(league.get("sport")), "name"))
    file.name(
        _event(
            sport,
            _id(found),
            (_id(league), text(league, "name")),
            _marked((names["home"], names["away"]), text(found, "units")),
            reading.start_of(text(found, "startTime")),
        )
    )


def _markets(event_id: str, markets: list[Node], file: Body) -> None:
    """The markets of one match-up. They do not say their sport; football alone has three sides."""
    cutoffs = [at for one in markets if (at := reading.moment(text(one, "cutoffAt"))) is not None]
    if not cutoffs:
        file.refusals.add("time_invalid", event_id)
        return
    three = any(text(price, "designation") == "draw" for one in markets for price in _prices(one))
    sport = "football" if three else "other"
    quotes = file.collect(sport, sport, event_id)
    for market in markets:
        _guest_market(sport, market, quotes)
    seen_at = min(cutoffs) - _BEFORE_CUTOFF
    file.say(FeedQuotes(PROVIDER_KEY, event_id, seen_at, quotes.all()))


def _prices(market: Node) -> list[Node]:
    return nodes_of(market.get("prices"))


def _guest_market(sport: str, market: Node, quotes: Quotes) -> None:
    kind = text(market, "type")
    period = period_of(sport, text(market, "period"))
    three = any(text(price, "designation") == "draw" for price in _prices(market))
    market_types = {
        "moneyline": "1x2" if three else "moneyline",
        "spread": "asian_handicap",
        "total": "total",
        "team_total": f"{text(market, 'side')}_total",
    }
    market_type = market_types.get(kind)
    if period is None or market_type is None:
        bodies.leave_out(quotes, kind, f"{kind} {text(market, 'period')}", len(_prices(market)))
        return
    stopped = text(market, "status") != "open"
    for price in _prices(market):
        side, line = text(price, "designation"), text(price, "points")
        if kind == "spread" and side == "away":
            line = bodies.opposite(line)
        asked = Asked(market_type, period, line if kind != "moneyline" else "")
        american = text(price, "price")
        bodies.offer(quotes, SOURCE, asked, side, american, stopped=stopped, written="american")
