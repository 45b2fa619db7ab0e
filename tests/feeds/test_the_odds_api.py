"""The Odds API: what each layout becomes, and the real snapshot where it is there."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from overround.core.errors import ProviderDataError
from overround.odds import feeds
from overround.odds.feeds import FeedMarket, Parsed, Rejected, the_odds_api

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "src/overround/odds/feeds/the_odds_api/samples"
DATA = Path(os.environ.get("OVERROUND_DATA", ROOT.parent / "shared" / "data")) / "the-odds-api"
SNAPSHOT = DATA / "snapshot-2026-04-16"
FETCHED_AT = datetime(2026, 4, 16, 19, 5, tzinfo=UTC)
with_data = pytest.mark.skipif(not DATA.exists(), reason="the sample data is not there")

V4: Any = json.loads((SAMPLES / "v4_decimal.json").read_text(encoding="utf-8"))


def parse(tree: Any, seen_at: datetime | None = None) -> Parsed:
    return the_odds_api.parse("t.json", json.dumps(tree).encode(), seen_at)


def v4() -> Any:
    """The sample as an object of its own, for a test to change."""
    return deepcopy(V4)


def reasons(parsed: Parsed) -> list[str]:
    return [rejected.reason for rejected in parsed.rejected]


def test_prices_are_seen_when_they_were_fetched_or_last_said() -> None:
    assert parse(v4(), FETCHED_AT).batches[0].observed_at == FETCHED_AT
    newest = datetime(2026, 4, 16, 18, 59, 30, tzinfo=UTC)
    batch = parse(v4()).batches[0]
    assert (batch.observed_at, batch.source_at) == (newest, newest)
    told = {"timestamp": "2026-04-16T19:01:00Z", "next_timestamp": None, "data": v4()}
    assert parse(told, FETCHED_AT).batches[0].observed_at.minute == 1


def test_what_has_started_is_live() -> None:
    assert [batch.phase for batch in parse(v4()).batches] == ["", "live"]


def test_further_markets_withdraw_nothing() -> None:
    assert all(batch.snapshot for batch in parse(v4()).batches)
    (alone,) = parse(v4()[0]).batches
    assert not alone.snapshot
    tree = v4()
    del tree[0]["bookmakers"][0]["markets"][:4]
    del tree[0]["bookmakers"][1]
    first = parse(tree).batches[0]
    assert not first.snapshot
    assert [price.market.period for price in first.prices] == ["ht", "ht"]


def test_an_event_nobody_quotes_any_more_is_an_empty_snapshot() -> None:
    tree = v4()
    tree[0]["bookmakers"] = []
    batch = parse(tree).batches[0]
    assert batch.snapshot
    assert not batch.prices
    del tree[0]["bookmakers"]
    assert len(parse(tree).batches) == 1


def test_a_list_of_events_has_no_batches() -> None:
    tree = [{key: value for key, value in game.items() if key != "bookmakers"} for game in v4()]
    parsed = parse(tree)
    assert len(parsed.events) == 2
    assert not parsed.batches


def test_american_prices_are_known_by_their_size() -> None:
    tree = v4()
    for outcome in tree[0]["bookmakers"][0]["markets"][0]["outcomes"]:
        outcome["price"] = {"Ann Town": 240, "Bob City": -110, "Draw": 255}[outcome["name"]]
    del tree[1:], tree[0]["bookmakers"][1:], tree[0]["bookmakers"][0]["markets"][1:]
    prices = {price.side: price.price_e4 for price in parse(tree).batches[0].prices}
    assert prices == {"away": 34_000, "home": 19_090, "draw": 35_500}
    for outcome in tree[0]["bookmakers"][0]["markets"][0]["outcomes"]:
        outcome["price"] = 3
    assert {price.price_e4 for price in parse(tree).batches[0].prices} == {30_000}


def test_version_3_has_its_home_side_by_name_and_an_id_of_its_day() -> None:
    tree = json.loads((SAMPLES / "v3_american.json").read_text(encoding="utf-8"))
    del tree["data"][0]["id"]
    (event,) = parse(tree).events
    assert event.provider_event_id == "baseball_mlb:2026-04-18:Bob City:Ann Town"
    assert (event.home, event.away) == ("Bob City", "Ann Town")


def test_two_answers_are_decided_and_three_are_regulation() -> None:
    tree = v4()
    markets = {price.market for price in parse(tree).batches[1].prices}
    assert markets == {FeedMarket("moneyline", "final"), FeedMarket("1x2", "ft")}
    h2h = tree[1]["bookmakers"][0]["markets"][0]["outcomes"]
    h2h.append({"name": "Draw", "price": 4.2})
    tree[1]["bookmakers"][0]["markets"][1:] = []
    assert {price.market for price in parse(tree).batches[1].prices} == {FeedMarket("1x2", "ft")}


@pytest.mark.parametrize(
    ("sport", "key", "market"),
    [
        ("basketball_nba", "spreads_q1", FeedMarket("asian_handicap", "q1", -6)),
        ("basketball_nba", "spreads_h2", None),
        ("soccer_epl", "spreads_h2", FeedMarket("asian_handicap", "2h", -6)),
        ("icehockey_nhl", "alternate_spreads", FeedMarket("asian_handicap", "final", -6)),
        ("icehockey_nhl", "spreads_p1", FeedMarket("asian_handicap", "p1", -6)),
        ("baseball_mlb", "spreads_1st_5_innings", FeedMarket("asian_handicap", "i1_5", -6)),
        ("tennis_atp_munich", "spreads", FeedMarket("asian_handicap", "final", -6)),
        ("mma_mixed_martial_arts", "spreads", None),
        ("soccer_epl", "spreads_corners", FeedMarket("asian_handicap", "corners", -6)),
        ("soccer_epl", "spreads_cards", None),
    ],
)
def test_a_key_is_a_question_and_a_period(sport: str, key: str, market: FeedMarket | None) -> None:
    tree = v4()[:1]
    tree[0]["sport_key"] = sport
    outcomes = [{"name": "Bob City", "price": 1.9, "point": -1.5}]
    tree[0]["bookmakers"] = [
        {"key": "pinnacle", "last_update": "2026-04-16T19:00:00Z"}
        | {"markets": [{"key": key, "outcomes": outcomes}]}
    ]
    parsed = parse(tree)
    found = [price.market for batch in parsed.batches for price in batch.prices]
    assert found == ([market] if market else [])
    assert parsed.coverage[0].mapped == len(found)


def test_the_total_of_a_team_is_its_own() -> None:
    tree = v4()[:1]
    outcome = {"name": "Over", "description": "Ann Town", "price": 1.9, "point": 1.5}
    market = {"key": "team_totals", "outcomes": [outcome]}
    tree[0]["bookmakers"][0]["markets"] = [market]
    assert parse(tree).batches[0].prices[0].market == FeedMarket("away_total", "ft", 6)
    outcome["description"] = "Eve"
    assert "side_unknown" in reasons(parse(tree))


def test_prices_without_a_moment_are_refused_by_name() -> None:
    parsed = the_odds_api.parse("m.csv", (SAMPLES / "movements.csv").read_bytes())
    assert [batch.observed_at.day for batch in parsed.batches] == [24, 25]
    assert reasons(parsed) == ["timestamp_missing"]
    assert len(parsed.events) == 2


def test_a_score_of_a_game_that_is_on_is_no_result() -> None:
    parsed = the_odds_api.parse("s.csv", (SAMPLES / "scores.csv").read_bytes())
    assert [result.scores for result in parsed.results] == [{"ft": (3, 1)}]
    assert [score.scores for score in parsed.scores] == [{"final": (4, 0)}]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": "a b"}, "id_invalid"),
        ({"sport_key": "chess_world"}, "unknown_sport"),
        ({"home_team": ""}, "home_missing"),
        ({"away_team": "BOB CITY"}, "same_participants"),
        ({"home_team": "", "away_team": ""}, "no_participants"),
        ({"commence_time": "2026-04-18T11:30:00"}, "start_invalid"),
        ({"home_team": "a" * 201}, "home_invalid"),
        ({"id": V4[1]["id"]}, "duplicate_event"),
    ],
)
def test_an_event_is_refused_by_name_and_its_prices_are_counted(
    change: dict[str, str], reason: str
) -> None:
    tree = v4()
    tree[0].update(change)
    parsed = parse([tree[1], tree[0]])
    assert reason in reasons(parsed)
    assert len(parsed.batches) == 1
    assert sum(counts.selections for counts in parsed.coverage) == 21


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "not_json"),
        (b'{"a": 1}', "unknown_layout"),
        (b'[{"name": "x"}]', "unknown_layout"),
        (b"a,b\n1,2\n", "unknown_layout"),
        (b"\xff\xfe", "not_text"),
        (b'{"data": [' + b"{}," * 20_001 + b"{}]}", "too_many_games"),
    ],
)
def test_a_body_of_something_else_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(ProviderDataError) as refused:
        the_odds_api.parse("x", body)
    assert refused.value.code == code


@with_data
def test_the_snapshot_is_read_whole() -> None:
    rows = prices = selections = mapped = 0
    refused: Counter[str] = Counter()
    for found in feeds.payloads(SNAPSHOT):
        assert not isinstance(found, Rejected)
        provider, payload = found
        assert provider is the_odds_api.PROVIDER
        parsed = provider.parse(payload.name, payload.body)
        if payload.name.endswith("odds.csv.gz"):
            rows += parsed.rows
        prices += sum(len(batch.prices) for batch in parsed.batches)
        refused.update(reasons(parsed))
        selections += sum(counts.selections for counts in parsed.coverage)
        mapped += sum(counts.mapped for counts in parsed.coverage)
    assert rows == selections == 143_980
    # A price of 1.00 is mapped, and refused: it is no price.
    assert (mapped, prices) == (126_025, 126_013)
    assert refused == {"no_participants": 37, "score_ambiguous": 42, "price_not_above_one": 12}


@with_data
def test_every_bookmaker_writes_both_sides_of_its_line_into_one_market() -> None:
    for path in sorted(SNAPSHOT.glob("*/odds.csv.gz")):
        for batch in the_odds_api.parse(path.name, gzip.decompress(path.read_bytes())).batches:
            sides: Counter[tuple[str, FeedMarket]] = Counter(
                (price.source, price.market)
                for price in batch.prices
                if price.market.line_q4 is not None
            )
            assert set(sides.values()) <= {2}
