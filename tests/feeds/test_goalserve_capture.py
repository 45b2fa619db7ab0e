"""The captured feed of one day, walked as raw JSON beside the parser: nothing is lost or turned."""

from __future__ import annotations

import json
import os
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest

from overround.odds.feeds import FeedBatch, Parsed, goalserve
from overround.odds.feeds.provider import Payload

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("OVERROUND_DATA", ROOT.parent / "shared" / "data"))
CAPTURE = DATA / "goalserve" / "prematch-2025-09-11.zip"
pytestmark = pytest.mark.skipif(
    not CAPTURE.is_file(), reason=f"the sample data is not there ({CAPTURE}); set OVERROUND_DATA"
)
EVENTS = {
    "soccer": 313,
    "tennis": 119,
    "hockey": 52,
    "baseball": 27,
    "basketball": 26,
    "cricket": 10,
    "football": 5,
}
# By the provider's own names, not by the parser's table: what has to be on the board.
_PLAYED_OUT = {
    "Home/Away": ("moneyline", "final"),
    "Asian Handicap": ("asian_handicap", "final"),
    "Over/Under": ("total", "final"),
}
FULL_TIME = {
    "soccer": {
        "Match Winner": ("1x2", "ft"),
        "Asian Handicap": ("asian_handicap", "ft"),
        "Goals Over/Under": ("total", "ft"),
        "Goal Line": ("total", "ft"),
    },
    "tennis": {
        "Home/Away": ("moneyline", "final"),
        "Asian Handicap (Games)": ("asian_handicap", "final"),
        "Over/Under by Games in Match": ("total", "final"),
    },
    "basketball": _PLAYED_OUT,
    "hockey": _PLAYED_OUT,
    "baseball": _PLAYED_OUT,
    "football": _PLAYED_OUT,
}

# (market type, period, line in quarters, side) -> the raw prices, each with whether it is open.
Board = dict[tuple[str, str, int | None, str], set[tuple[str, bool]]]


@cache
def raw(sport: str) -> Any:
    with zipfile.ZipFile(CAPTURE) as archive:
        return json.loads(archive.read(f"{sport}.json"))["scores"]


@cache
def parsed(sport: str) -> Parsed:
    payloads = {x.name: x for x in goalserve.read(CAPTURE) if isinstance(x, Payload)}
    payload = payloads[f"{CAPTURE.name}:{sport}.json"]
    return goalserve.parse(payload.name, payload.body)


def some(found: Any) -> list[Any]:
    if isinstance(found, list):
        return cast("list[Any]", found)
    return [found] if isinstance(found, dict) else []


def matches(sport: str) -> Iterator[Any]:
    for category in raw(sport)["categories"]:
        yield from category["matches"]


def selections(sport: str) -> Iterator[Any]:
    """Every object with a value and without children, wherever it is."""
    waiting: list[Any] = [raw(sport)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += cast("list[Any]", node)
        elif isinstance(node, dict):
            members = cast("dict[str, Any]", node)
            if "name" in members and "value" in members:
                yield members
            waiting += members.values()


def board(sport: str, match: Any) -> Board:
    """What the raw JSON quotes of the whole event, by the market's name."""
    found: Board = defaultdict(set)
    ahead = match["status"] in ("Not Started", "1") or ":" in match["status"]
    for market in some(match["odds"]):
        asked = FULL_TIME[sport].get(market["value"])
        if asked is None:
            continue
        for bookmaker in some(market["bookmakers"]):
            for node in some(bookmaker["odds"]):
                line = int(Fraction(node["name"]) * 4) if "odds" in node else None
                for quote in some(node.get("odds", node)):
                    stops = (market, bookmaker, node, quote)
                    shut = any(one["stop"].lower() == "true" for one in stops) or not ahead
                    if float(quote["value"]) > 1:
                        key = (*asked, line, quote["name"].lower())
                        found[key].add((quote["value"], not shut))
    return found


def said(sport: str, batch: FeedBatch) -> Board:
    asked = set(FULL_TIME[sport].values())
    return {
        (p.market.market_type, p.market.period, p.market.line_q4, p.side): {
            (p.source_text, not p.suspended)
        }
        for p in batch.prices
        if (p.market.market_type, p.market.period) in asked
    }


@pytest.mark.parametrize("sport", sorted(EVENTS))
def test_every_event_is_there_with_its_teams_and_start(sport: str) -> None:
    found = parsed(sport)
    assert len(found.events) == found.coverage[0].events == EVENTS[sport]
    assert len({event.provider_event_id for event in found.events}) == EVENTS[sport]
    if sport in FULL_TIME:
        for match, event in zip(matches(sport), found.events, strict=True):
            date = match.get("formatted_date") or match["date"]
            assert f"{event.starts_at:%d.%m.%Y %H:%M}" == f"{date} {match['time']}"
            assert event.home == (match.get("localteam") or match["player_1"])["name"].strip()


@pytest.mark.parametrize("sport", sorted(FULL_TIME))
def test_every_price_of_the_main_markets_is_read(sport: str) -> None:
    """Each side of each line, with the price the provider wrote and open only where it is."""
    for match, batch in zip(matches(sport), parsed(sport).batches, strict=True):
        expected, found = board(sport, match), said(sport, batch)
        assert found.keys() == expected.keys(), match["id"]
        for key, prices in found.items():
            assert prices <= expected[key], (match["id"], key)


def test_each_football_event_has_a_winner_a_handicap_and_a_total() -> None:
    for batch in parsed("soccer").batches:
        asked = {(p.market.market_type, p.market.period) for p in batch.prices}
        assert asked >= {("1x2", "ft"), ("asian_handicap", "ft"), ("total", "ft")}


def test_the_counts_are_those_that_were_measured() -> None:
    (counts,) = parsed("soccer").coverage
    assert counts.selections == 116_588
    assert counts.stopped == 15_884
    assert counts.price_not_above_one == 498
    assert counts.not_offerable == 16_329
    unmapped = sum(found.selections for found in counts.unmapped.values())
    assert counts.mapped + unmapped == counts.selections
    assert counts.mapped == 49_390


@pytest.mark.parametrize("sport", sorted(FULL_TIME))
def test_counts_are_those_of_the_raw_json(sport: str) -> None:
    (counts,) = parsed(sport).coverage
    quotes = [(q["stop"].lower() == "true", float(q["value"]) <= 1) for q in selections(sport)]
    assert counts.selections == len(quotes)
    assert counts.stopped == sum(stopped for stopped, _ in quotes)
    assert counts.price_not_above_one == sum(low for _, low in quotes)
    assert counts.not_offerable == sum(stopped or low for stopped, low in quotes)


def test_each_unmapped_market_is_counted_by_id_and_name() -> None:
    (counts,) = parsed("soccer").coverage
    ids: Counter[str] = Counter()
    for match in matches("soccer"):
        for market in match["odds"]:
            for bookmaker in market["bookmakers"]:
                for node in bookmaker["odds"]:
                    ids[market["id"]] += len(node["odds"]) if "odds" in node else 1
    assert {key: ids[key] for key in counts.unmapped} == {
        key: found.selections for key, found in counts.unmapped.items()
    }
    assert counts.unmapped["81"].name == "Correct Score"


def test_only_what_the_table_cannot_place_is_refused() -> None:
    found = Counter(r.reason for sport in EVENTS for r in parsed(sport).rejected)
    assert found == {"price_not_above_one": 498, "side_unknown": 5}


@pytest.mark.parametrize("market_type", ["asian_handicap", "handicap_1x2"])
def test_a_side_grows_cheaper_as_its_line_rises(market_type: str) -> None:
    """The line is the home side's: the more it is given, the lower its price."""
    turned = compared = 0
    for batch in parsed("soccer").batches:
        home = sorted(
            (p.market.line_q4 or 0, p.price_e4)
            for p in batch.prices
            if (p.market.market_type, p.market.period, p.side) == (market_type, "ft", "home")
            and not p.suspended
        )
        compared += max(len(home) - 1, 0)
        turned += sum(lower[1] < upper[1] for lower, upper in pairwise(home))
    assert compared > 300
    assert turned == 0


def test_the_margin_of_each_pair_is_a_bookmakers() -> None:
    """Both sides of a line belong together: 4 to 10 % in handicaps, none below nothing."""
    for sport in FULL_TIME:
        for batch in parsed(sport).batches:
            pairs: defaultdict[Any, list[int]] = defaultdict(list)
            for p in batch.prices:
                if p.market.market_type == "asian_handicap" and not p.suspended:
                    pairs[p.market].append(p.price_e4)
            booksums = [sum(10_000 / x for x in pair) for pair in pairs.values() if len(pair) == 2]
            assert all(1.03 < booksum < 1.11 for booksum in booksums)
