"""FanDuel: who a runner is, ladders whose line is in the name, and what is not open."""

from __future__ import annotations

import json
import os
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from overround.core.errors import Invalid, ProviderDataError
from overround.odds.feeds import FeedMarket, Parsed, fanduel

ROOT = Path(__file__).parents[2]
NBA: Any = json.loads(
    (ROOT / "src/overround/odds/feeds/fanduel/samples/nba.json").read_text(encoding="utf-8")
)
DATA = Path(os.environ.get("OVERROUND_DATA", ROOT.parent / "shared" / "data")) / "fanduel"
SPREAD = "2"


def page() -> Any:
    """The sample as an object of its own, for a test to change."""
    return deepcopy(NBA)


def parse(tree: Any) -> Parsed:
    return fanduel.parse("t.json", json.dumps(tree).encode())


def markets(tree: Any) -> Any:
    return tree["attachments"]["markets"]


def handicaps(parsed: Parsed) -> dict[str, int | None]:
    return {
        p.side: p.market.line_q4
        for p in parsed.batches[0].prices
        if (p.market.market_type, p.market.period) == ("asian_handicap", "final")
    }


def test_each_team_writes_its_own_handicap() -> None:
    assert handicaps(parse(page())) == {"away": 10, "home": 10}


def test_a_runner_whose_name_is_the_other_team_is_refused() -> None:
    tree = page()
    for runner in markets(tree)[SPREAD]["runners"]:
        runner["result"]["type"] = "HOME"
    parsed = parse(tree)
    assert handicaps(parsed) == {"home": 10}
    assert [r.reason for r in parsed.rejected] == ["side_unknown", "side_unknown"]


def test_a_runner_without_a_result_goes_by_its_name() -> None:
    tree = page()
    for runner in markets(tree)[SPREAD]["runners"]:
        runner["result"] = {}
    assert handicaps(parse(tree)) == {"away": 10, "home": 10}


@pytest.mark.parametrize("name", ["Ann Eagles (-3.5)", "Ann Eagles -3.5"])
def test_a_ladder_has_its_line_in_the_name(name: str) -> None:
    tree = page()
    runner = markets(tree)[SPREAD]["runners"][0]
    runner.update(runnerName=name, handicap=0)
    assert handicaps(parse(tree))["away"] == 14


def test_a_total_of_nothing_is_a_line_that_is_missing() -> None:
    tree = page()
    for runner in markets(tree)["3"]["runners"]:
        runner["handicap"] = 0
    assert [r.reason for r in parse(tree).rejected].count("line_missing") == 2


@pytest.mark.parametrize("status", ["SUSPENDED", "CLOSED", "", None])
def test_what_is_not_open_is_suspended(status: object) -> None:
    tree = page()
    markets(tree)["1"]["marketStatus"] = status
    winner = FeedMarket("moneyline", "final")
    assert all(p.suspended for p in parse(tree).batches[0].prices if p.market == winner)


@pytest.mark.parametrize(
    ("called", "market"),
    [
        ("1ST_HALF_HANDICAP", FeedMarket("asian_handicap", "ht", 10)),
        ("3RD_QUARTER_ALTERNATE_HANDICAP", FeedMarket("asian_handicap", "q3", 10)),
        ("2ND_HALF_HANDICAP", None),
        ("RACE_TO_20_POINTS", None),
        ("LINE_/_TOTAL_DOUBLE", None),
    ],
)
def test_a_type_is_a_part_and_a_question(called: str, market: FeedMarket | None) -> None:
    tree = page()
    only = markets(tree)[SPREAD] | {"marketType": called}
    tree["attachments"]["markets"] = {"2": only}
    assert {p.market for p in parse(tree).batches[0].prices} == ({market} if market else set())


def test_three_ways_are_of_regulation_time() -> None:
    tree = page()
    runners = markets(tree)["1"]["runners"]
    runners.append(deepcopy(runners[0]) | {"runnerName": "Tie", "result": {"type": "DRAW"}})
    found = {(p.market.market_type, p.market.period) for p in parse(tree).batches[0].prices}
    assert ("1x2", "ft") in found
    assert ("moneyline", "final") not in found


def test_pitchers_are_no_part_of_a_team() -> None:
    tree = page()
    tree["attachments"]["eventTypes"]["7522"]["name"] = "Baseball"
    tree["attachments"]["events"]["201"]["name"] = "Ann Eagles (A Arm) @ Bob Bears (B Ball)"
    event = parse(tree).events[0]
    assert (event.sport, event.home, event.away) == ("baseball", "Bob Bears", "Ann Eagles")


def test_another_body_is_refused() -> None:
    bodies: list[Any] = [{}, [], {"attachments": {"events": {}}}]
    for body in bodies:
        with pytest.raises(ProviderDataError):
            parse(body)


def test_an_address_is_made_of_a_number_and_a_state() -> None:
    assert fanduel.event_page("201", "ny").endswith("event-page?eventId=201")
    for event_id, state in (("x", "nj"), ("1", "nj.evil")):
        with pytest.raises(Invalid):
            fanduel.event_page(event_id, state)


@pytest.mark.skipif(not DATA.exists(), reason="the sample data is not there")
def test_the_saved_page_is_read_whole() -> None:
    parsed = fanduel.parse("page", (DATA / "event_page_nba.json").read_bytes())
    (event,) = parsed.events
    assert (event.home, event.away) == ("Sacramento Kings", "Dallas Mavericks")
    assert (parsed.rows, len(parsed.batches[0].prices), parsed.rejected) == (38, 6, [])
    assert handicaps(parsed) == {"away": 10, "home": 10}
    (counts,) = parsed.coverage
    assert (counts.selections, counts.mapped) == (155, 6)
