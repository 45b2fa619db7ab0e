"""How each provider is asked: addresses, keys, cursors; and what it says comes through a letter."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from overround.core.errors import Invalid, ProviderDataError
from overround.odds import feeds
from overround.odds.feeds import PROVIDERS, Asks, Received, Subject
from overround.odds.feeds.wire import MAGIC
from overround.roles.pull import reader

AT: Final = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
FOLDER: Final = Path(feeds.__file__).parent
ASKED: Final = {provider.key: provider.asks for provider in PROVIDERS if provider.asks is not None}
SAMPLES: Final = sorted(
    (key, path.name)
    for key in ASKED
    for path in (FOLDER / key / "samples").iterdir()
    if path.is_file()
)


def asks_of(key: str) -> Asks:
    """How a provider is asked."""
    asks = ASKED[key]
    assert asks is not None
    return asks


@pytest.mark.parametrize(
    ("key", "sport", "options", "targets"),
    [
        (
            "the_odds_api",
            "nfl",
            {"regions": "us", "markets": "h2h"},
            [
                (
                    "/v4/sports/americanfootball_nfl/odds?regions=us&markets=h2h"
                    "&oddsFormat=decimal&dateFormat=iso&apiKey=key-12345"
                )
            ],
        ),
        (
            "the_odds_api",
            "soccer_epl",
            {"bookmakers": "pinnacle", "markets": "h2h", "scores_days": "1"},
            [
                (
                    "/v4/sports/soccer_epl/odds?bookmakers=pinnacle&markets=h2h"
                    "&oddsFormat=decimal&dateFormat=iso&apiKey=key-12345"
                ),
                "/v4/sports/soccer_epl/scores?daysFrom=1&dateFormat=iso&apiKey=key-12345",
            ],
        ),
        ("draftkings", "nba", {}, ["/sites/US-SB/api/v5/eventgroups/42648?format=json"]),
        ("fanduel", "123", {}, ["/api/event-page?eventId=123&_ak=key-12345"]),
        ("football_data", "fixtures", {}, ["/fixtures.csv"]),
        ("football_data", "e0", {}, ["/mmz4281/2526/E0.csv"]),
        ("generic", "ours", {"path": "/a feed.json"}, ["/a%20feed.json"]),
        (
            "goalserve",
            "tennis",
            {"days": "2", "scores": "yes"},
            [
                (
                    "/getfeed/key-12345/getodds/soccer?cat=tennis_10&json=1&bm=16"
                    "&date_start=02.03.2026&date_end=04.03.2026"
                ),
                "/getfeed/key-12345/tennis_scores/home?json=1",
            ],
        ),
        (
            "pinnacle",
            "football",
            {},
            ["/v3/fixtures?sportId=29", "/v4/odds?sportId=29&oddsFormat=Decimal"],
        ),
    ],
)
def test_a_sport_is_asked_for_by_these_addresses(
    key: str, sport: str, options: dict[str, str], targets: list[str]
) -> None:
    asks = asks_of(key)
    asked = asks.requests(Subject(sport, AT, options))
    assert [asks.signed(one, "key-12345").target for one in asked] == targets
    assert not any("key-12345" in one.target for one in asked)


@pytest.mark.parametrize(
    ("key", "sport", "options", "code"),
    [
        ("the_odds_api", "../nfl", {}, "invalid_key"),
        ("the_odds_api", "nfl", {"path": "/"}, "unknown_option"),
        ("the_odds_api", "nfl", {"scores_days": "-1"}, "days_out_of_range"),
        ("draftkings", "nfl/../1", {}, "invalid_key"),
        ("fanduel", "a&b", {}, "invalid_key"),
        ("football_data", "E0/..", {}, "invalid_key"),
        ("generic", "ours", {}, "path_missing"),
        ("generic", "ours", {"path": "@ann.example/"}, "path_missing"),
        ("goalserve", "chess", {}, "unknown_sport"),
        ("goalserve", "tennis", {"days": "99"}, "option_invalid"),
        ("pinnacle", "chess", {}, "unknown_sport"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    key: str, sport: str, options: dict[str, str], code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        asks_of(key).requests(Subject(sport, AT, options))
    assert refused.value.code == code


def test_a_cursor_is_gone_on_from() -> None:
    asks = asks_of("pinnacle")
    fixtures, odds = asks.requests(Subject("football", AT, {}, {"odds": "17", "fixtures": "x"}))
    assert (fixtures.delta, odds.delta) == (False, True)
    assert asks.cursor(odds, b'{"sportId":29,"last":18}') == "18"
    assert asks.cursor(odds, b"<html>") is None


@pytest.mark.parametrize(("key", "name"), SAMPLES)
def test_what_a_body_says_comes_through_letters(key: str, name: str) -> None:
    """In as many letters as there are, in the same order, to the last field."""
    provider = next(one for one in PROVIDERS if one.key == key)
    body = (FOLDER / key / "samples" / name).read_bytes()
    said = asks_of(key).parse(name, body, Received(AT))
    letters = [feeds.letter_of(one) for one in feeds.letters_of(name, said, AT)]
    assert [one for letter in letters for one in letter.batches] == said.batches
    assert [one for letter in letters for one in letter.quotes] == said.quotes
    assert [one for letter in letters for one in letter.scores] == said.scores
    assert [one for letter in letters for one in letter.results] == said.results
    assert [one for letter in letters for one in letter.rejected] == said.rejected
    assert {one.key for letter in letters for one in letter.events} == {
        event.key for event in said.events
    }
    assert all(sum(len(b.prices) for b in letter.batches) <= 1_500 for letter in letters)
    assert reader.parsed(provider, name, body, Received(AT)).state == "ok"


def test_a_schedule_speaks_of_the_present() -> None:
    """Prices dated ahead are those of now; what is over for long is left out."""
    provider = next(one for one in PROVIDERS if one.key == "football_data")
    body = (FOLDER / "football_data/samples/fixtures_betfred.csv").read_bytes()
    whole = provider.parse("fixtures", body)
    first = min(event.starts_at for event in whole.events)
    before = reader.as_of(whole, first - timedelta(days=30))
    assert {batch.observed_at for batch in before.batches} == {first - timedelta(days=30)}
    assert len({batch.event.key for batch in before.batches}) == len(before.batches)
    after = reader.as_of(replace(whole), first + timedelta(days=60))
    assert (after.events, after.batches, after.results) == ([], [], [])


@pytest.mark.parametrize("body", [b"", b"{}", MAGIC, MAGIC + b'{"name":1}'])
def test_what_is_no_letter_is_refused(body: bytes) -> None:
    with pytest.raises(ProviderDataError) as refused:
        feeds.letter_of(body)
    assert refused.value.code == "letter_malformed"
