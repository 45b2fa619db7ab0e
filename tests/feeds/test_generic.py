"""The generic feed: each bound of the format, and the example of its reference."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from overround.core.errors import ProviderDataError
from overround.odds.feeds import FeedMarket, Parsed, generic
from tests.feeds.conformance import check

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "src/overround/odds/feeds/generic/samples"
REFERENCE = ROOT / "docs/reference/generic-feed.md"
FEED: Any = json.loads((SAMPLES / "feed.json").read_text(encoding="utf-8"))


def feed() -> Any:
    """The sample as an object of its own, for a test to change."""
    return deepcopy(FEED)


def parse(tree: Any) -> Parsed:
    return generic.parse("t.json", json.dumps(tree).encode())


def reasons(parsed: Parsed) -> list[str]:
    return [rejected.reason for rejected in parsed.rejected]


def test_a_feed_says_whether_its_result_is_confirmed() -> None:
    tree = feed()
    (result,) = (event["result"] for event in tree["events"] if "result" in event)
    assert parse(tree).results[0].certainty == "confirmed"
    result["certainty"] = "seen"
    assert parse(tree).results[0].certainty == "seen"
    table = (SAMPLES / "feed.csv").read_text(encoding="utf-8").splitlines()
    lines = [f"{table[0]},certainty", *(f"{line},seen" for line in table[1:])]
    read = generic.parse("t.csv", "\n".join(lines).encode())
    assert {one.certainty for one in read.results} == {"seen"}


def test_two_feeds_never_share_an_id() -> None:
    tree = feed()
    first = parse(tree).events[0].provider_event_id
    tree["feed"] = "bob"
    assert (first, parse(tree).events[0].provider_event_id) == ("ann:1", "bob:1")


def test_numbers_may_be_written_as_numbers() -> None:
    tree = feed()
    price = tree["events"][0]["prices"][3]
    price.update(price=1.95, line=-0.25)
    found = parse(tree).batches[0].prices[3]
    assert (found.price_e4, found.market) == (19_500, FeedMarket("asian_handicap", "ft", -1))


def test_a_batch_is_complete_unless_it_says_otherwise() -> None:
    tree = feed()
    assert parse(tree).batches[0].snapshot
    tree["events"][0]["complete"] = False
    assert not parse(tree).batches[0].snapshot


def test_an_event_may_be_told_at_two_moments() -> None:
    tree = feed()
    later = tree["events"][0] | {"seen_at": "2026-04-16T20:00:00Z"}
    tree["events"].append(later)
    assert [batch.observed_at.hour for batch in parse(tree).batches] == [19, 20]
    tree["events"].append(deepcopy(later))
    assert "duplicate_event" in reasons(parse(tree))


def test_whatever_is_said_of_a_suspension_but_no_is_one() -> None:
    for value, stopped in ((True, True), ("no", True), (1, True), (False, False), (None, False)):
        tree = feed()
        tree["events"][0]["prices"][0]["suspended"] = value
        assert parse(tree).batches[0].prices[0].suspended is stopped


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"price": "1.00"}, "price_not_above_one"),
        ({"price": "2,10"}, "price_invalid"),
        ({"price": "200000"}, "price_out_of_range"),
        ({"side": "over"}, "side_unknown"),
        ({"source": "Ann Book"}, "source_invalid"),
        ({"line": "2.5"}, "line_unexpected"),
        ({"line": "2.3"}, "line_invalid"),
        ({"market": "total"}, "line_missing"),
        ({"odds_format": "roman"}, "odds_format_unknown"),
    ],
)
def test_a_price_is_refused_by_name(change: dict[str, str], reason: str) -> None:
    tree = feed()
    tree["events"][0]["prices"][0].update(change)
    parsed = parse(tree)
    assert reasons(parsed) == [reason]
    assert len(parsed.batches[0].prices) == 7
    check(generic.PROVIDER, parsed)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": ""}, "id_invalid"),
        ({"sport": "Foot ball"}, "unknown_sport"),
        ({"home": ""}, "home_missing"),
        ({"away": "ann town"}, "same_participants"),
        ({"competition": ""}, "competition_missing"),
        ({"country": "x" * 81}, "competition_invalid"),
        ({"starts_at": "2026-04-18T11:30:00"}, "start_invalid"),
        ({"seen_at": "yesterday"}, "timestamp_missing"),
    ],
)
def test_an_event_is_refused_by_name(change: dict[str, str], reason: str) -> None:
    tree = feed()
    tree["events"][0].update(change)
    parsed = parse(tree)
    assert reasons(parsed) == [reason]
    assert sum(counts.selections for counts in parsed.coverage) == 10


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "won"}, "status_unknown"),
        ({"certainty": "maybe"}, "certainty_unknown"),
        ({"scores": {"ft": [1]}}, "score_invalid"),
        ({"scores": {"ft": ["a", "b"]}}, "score_invalid"),
        ({"scores": {"half": [1, 0]}}, "score_invalid"),
        ({"scores": {"ft": [2, 0], "final": [1, 0]}}, "score_invalid"),
    ],
)
def test_a_result_is_refused_by_name(change: dict[str, Any], reason: str) -> None:
    tree = feed()
    tree["events"][1]["result"].update(change)
    parsed = parse(tree)
    assert reasons(parsed) == [reason]
    assert not parsed.results


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"overround_feed": 2, "events": []}', "unknown_layout"),
        (b'{"overround_feed": 1', "not_json"),
        (b"feed,seen_at\n", "unknown_layout"),
        (b"\xff", "not_text"),
    ],
)
def test_another_body_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(ProviderDataError) as refused:
        generic.parse("x", body)
    assert refused.value.code == code


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_the_examples_of_the_reference_are_read(kind: str) -> None:
    found = re.findall(rf"```{kind}\n(.*?)```", REFERENCE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    for body in found:
        assert generic.recognises(body.encode())
        parsed = generic.parse(kind, body.encode())
        assert parsed.events
        assert not parsed.rejected
        check(generic.PROVIDER, parsed)
