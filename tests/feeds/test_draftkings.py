"""DraftKings: orientation, its minus sign, what is stopped, and labels that are left alone."""

from __future__ import annotations

import json
import os
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from overround.core.errors import Invalid, ProviderDataError
from overround.odds.feeds import FeedMarket, Parsed, draftkings

ROOT = Path(__file__).parents[2]
NFL: Any = json.loads(
    (ROOT / "src/overround/odds/feeds/draftkings/samples/nfl.json").read_text(encoding="utf-8")
)
DATA = Path(os.environ.get("OVERROUND_DATA", ROOT.parent / "shared" / "data")) / "draftkings"


def parse(tree: Any, seen_at: datetime | None = None) -> Parsed:
    return draftkings.parse("t.json", json.dumps(tree).encode(), seen_at)


def league(**changes: object) -> Any:
    """The sample as an object of its own, for a test to change."""
    tree = deepcopy(NFL)
    tree["eventGroup"].update(changes)
    return tree


def first_offer(tree: Any) -> Any:
    descriptors = tree["eventGroup"]["offerCategories"][0]["offerSubcategoryDescriptors"]
    return descriptors[0]["offerSubcategory"]["offers"][0][0]


@pytest.mark.parametrize(
    ("name", "home", "away"),
    [
        ("Ann Eagles @ Bob Bears", "Bob Bears", "Ann Eagles"),
        ("Ann Eagles vs Bob Bears", "Ann Eagles", "Bob Bears"),
        ("Ann Eagles vs. Bob Bears", "Ann Eagles", "Bob Bears"),
        ("Ann Eagles v Bob Bears", "Ann Eagles", "Bob Bears"),
    ],
)
def test_who_is_at_home_depends_on_the_word_between(name: str, home: str, away: str) -> None:
    tree = league()
    tree["eventGroup"]["events"][0]["name"] = name
    parsed = parse(tree)
    assert (parsed.events[0].home, parsed.events[0].away) == (home, away)
    line_q4 = 10 if home == "Bob Bears" else -10
    handicap = FeedMarket("asian_handicap", "final", line_q4)
    sides = {p.side: p.price_e4 for p in parsed.batches[0].prices if p.market == handicap}
    assert sides[("home", "away")[home == "Bob Bears"]] == 19_090


def test_the_minus_sign_of_typography_is_a_minus() -> None:
    (price,) = {p for p in parse(league()).batches[0].prices if p.source_text == "\u2212140"}
    assert (price.market.market_type, price.side, price.price_e4) == ("moneyline", "away", 17_142)


def test_a_body_is_taken_as_seen_before_the_first_event_that_has_not_begun() -> None:
    tree = league()
    assert {b.observed_at for b in parse(tree).batches} == {
        datetime(2026, 9, 13, 13, 29, 59, tzinfo=UTC)
    }
    tree["eventGroup"]["events"][1]["eventStatus"]["state"] = "STARTED"
    batches = parse(tree).batches
    assert {b.observed_at for b in batches} == {datetime(2026, 9, 13, 16, 59, 59, tzinfo=UTC)}
    assert [b.phase for b in batches] == ["", "live"]
    at = datetime(2026, 9, 13, 12, 0, tzinfo=UTC)
    assert {b.observed_at for b in parse(tree, at).batches} == {at}


@pytest.mark.parametrize(
    ("member", "value"), [("isSuspended", True), ("isSuspended", "x"), ("isOpen", False)]
)
def test_what_is_suspended_is_never_open(member: str, value: object) -> None:
    tree = league()
    first_offer(tree)[member] = value
    handicap = FeedMarket("asian_handicap", "final", 10)
    stopped = {p.suspended for p in parse(tree).batches[0].prices if p.market == handicap}
    assert stopped == {True}


@pytest.mark.parametrize(
    ("label", "market"),
    [
        ("Spread", FeedMarket("asian_handicap", "final", 10)),
        ("1st Quarter Spread", FeedMarket("asian_handicap", "q1", 10)),
        ("Spread - 1st Half", FeedMarket("asian_handicap", "ht", 10)),
        ("Spread 2nd Half", None),
        ("Spread 1st Period", None),
        ("Spread Race to 20", None),
        ("Spread and Total", None),
    ],
)
def test_a_label_is_a_question_and_a_part(label: str, market: FeedMarket | None) -> None:
    tree = league()
    first_offer(tree)["label"] = label
    texts = {
        p.market for p in parse(tree).batches[0].prices if p.market.market_type == "asian_handicap"
    }
    # The sample has the spread of the first half besides.
    assert (market in texts) if market else texts == {FeedMarket("asian_handicap", "ht", 6)}


def test_a_sport_is_known_by_number_or_name() -> None:
    for changes in (
        {"displayGroupId": "3", "displayGroupName": ""},
        {"displayGroupId": "", "displayGroupName": "Football"},
    ):
        assert {e.sport for e in parse(league(**changes)).events} == {"american_football"}
    parsed = parse(league(displayGroupId="999", displayGroupName="Chess"))
    assert not parsed.events
    assert "unknown_sport" in {rejected.reason for rejected in parsed.rejected}


def test_the_list_of_sports_holds_no_event() -> None:
    parsed = parse({"sports": {"data": [{"displayGroupId": "7"}]}})
    assert (parsed.rows, parsed.events) == (1, [])


def test_another_body_is_refused() -> None:
    for body in ({}, [], {"eventGroup": 1}, [{"a": 1}]):
        with pytest.raises(ProviderDataError):
            parse(body)


def test_an_address_is_made_of_a_number() -> None:
    assert draftkings.event_group("88808").endswith("/eventgroups/88808?format=json")
    with pytest.raises(Invalid):
        draftkings.event_group("88808/../x")


@pytest.mark.skipif(not DATA.exists(), reason="the sample data is not there")
def test_the_saved_lines_favour_whom_their_moneyline_favours() -> None:
    body = (DATA / "college_baseball_lines_2026-02-15.json").read_bytes()
    parsed = draftkings.parse("lines", body)
    assert (len(parsed.events), sum(len(b.prices) for b in parsed.batches)) == (31, 186)
    for batch in parsed.batches:
        winner = {p.side: p.price_e4 for p in batch.prices if p.market.market_type == "moneyline"}
        (line_q4,) = {
            p.market.line_q4 for p in batch.prices if p.market.market_type == "asian_handicap"
        }
        assert line_q4 is not None
        # Of two that are equal neither is the favourite.
        if winner["home"] != winner["away"]:
            assert (line_q4 < 0) == (winner["home"] < winner["away"])
