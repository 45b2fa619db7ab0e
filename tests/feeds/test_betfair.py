"""The exchange's stream: images, deltas, where it goes on, and what of it is nobody's offer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from overround.core.errors import ProviderDataError
from overround.odds.feeds import betfair
from overround.odds.feeds.betfair import Stream, subscription
from overround.odds.feeds.betfair.words import is_placed, question_of, side_of, teams_of
from overround.odds.feeds.reading import node_of

SAMPLES = Path(__file__).parents[2] / "src/overround/odds/feeds/betfair/samples"
LINES = (SAMPLES / "stream.jsonl").read_text().splitlines()


def message(line: str) -> dict[str, Any]:
    return json.loads(line, parse_float=str, parse_int=str)


def change(**fields: Any) -> dict[str, Any]:
    """A change of the one runner of one market."""
    body = {"op": "mcm", "pt": 1, "mc": [{"id": "1.1", "rc": [{"id": 1, **fields}]}]}
    return message(json.dumps(body))


def best(stream: Stream) -> str:
    return stream.markets["1.1"].runners["1", ""].price()


def test_a_stream_that_was_cut_goes_on_where_it_stopped() -> None:
    whole, stream = Stream(), Stream()
    for line in LINES:
        whole.hear(message(line))
    assert "clk" not in subscription(["1"], stream)
    for line in LINES[:2]:
        stream.hear(message(line))
    asked = subscription(["1"], stream)
    assert (asked["initialClk"], asked["clk"]) == ("i1", "c2")
    # The exchange answers with what happened since, as a delta.
    for line in LINES[2:]:
        stream.hear(message(line) | {"ct": "RESUB_DELTA"})
    assert stream.markets == whole.markets


def test_the_best_price_to_back_is_the_highest_that_is_there() -> None:
    stream = Stream()
    stream.hear(change(atb=[[2.2, 5], [10, 1], [9.8, 4]]))
    assert best(stream) == "10"
    stream.hear(change(atb=[[10, 0]]))
    assert best(stream) == "9.8"
    stream.hear(change(atb=[[9.8, 0], [2.2, 0]], atl=[[2.3, 5]]))
    assert best(stream) == ""


def test_best_offers_by_position_are_replaced_position_by_position() -> None:
    stream = Stream()
    stream.hear(change(batb=[[0, 2.2, 5], [1, 2.1, 5]]))
    stream.hear(change(batb=[[1, 2.18, 5]]))
    assert best(stream) == "2.2"
    stream.hear(change(batb=[[0, 2.18, 5], [1, 0, 0]]))
    assert best(stream) == "2.18"


def test_an_image_replaces_what_was_known() -> None:
    stream = Stream()
    stream.hear(change(atb=[[2.2, 5]]))
    stream.hear(change(atb=[[2.1, 5]]) | {"ct": "SUB_IMAGE"})
    assert best(stream) == "2.1"


def test_the_commission_is_noted() -> None:
    stream = Stream()
    stream.hear(message(LINES[0]))
    assert stream.markets["1.1"].commission_bps == 500
    assert betfair.source_kind("betfair_exchange") == "exchange"


def test_a_stream_that_lags_says_so() -> None:
    parsed = betfair.parse("x", b'{"op":"mcm","id":2,"status":503}')
    assert [rejected.reason for rejected in parsed.rejected] == ["stream_degraded"]


def test_prices_of_an_event_without_a_name_wait_for_its_catalogue() -> None:
    definition = node_of(message(LINES[0])["mc"][0]["marketDefinition"])
    del definition["eventName"]
    runners = [{"id": "1", "sortPriority": "1", "status": "ACTIVE"}] * 3
    market = {
        "id": "1.1",
        "marketDefinition": {**definition, "runners": runners},
        "rc": [{"id": "1", "atb": [["2.2", "5"]]}],
    }
    body = json.dumps({"op": "mcm", "pt": "1776300000000", "mc": [market]}).encode()
    (said,) = betfair.parse("x", body).quotes
    assert said.provider_event_id == "28270094"
    assert [price.side for price in said.prices] == ["home"]


def test_an_event_may_be_named_after_its_prices() -> None:
    first = LINES[0].replace('"eventName":"Ann Town v Bob City",', "")
    later = LINES[0].replace("1776300000000", "1776300009000")
    parsed = betfair.parse("x", f"{first}\n{later}".encode())
    assert not parsed.quotes
    assert {batch.event.home for batch in parsed.batches} == {"Ann Town"}


def test_who_is_at_home_is_said_by_the_name_of_the_event() -> None:
    assert teams_of("Ann Town v Bob City") == ("Ann Town", "Bob City")
    assert teams_of("Ann Kings @ Bob Dukes") == ("Bob Dukes", "Ann Kings")
    assert teams_of("Ham 14th Jun") is None
    assert is_placed("football", "")
    assert not is_placed("basketball", "")
    assert not is_placed("basketball", "Ann Kings @ Bob Dukes")
    question = question_of("football", "MATCH_ODDS", 3)
    assert question is not None
    assert side_of(question, "", "3", None) == "draw"
    assert side_of(question, "", "9", None) is None
    assert side_of(question, "BOB DUKES", "1", ("Bob Dukes", "Ann Kings")) == "home"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"atb": [[1 + n / 100, 1] for n in range(1, 1_500)]}, "too_many_levels"),
        ({"id": 1}, None),
    ],
)
def test_a_ladder_has_a_bound(changed: dict[str, Any], code: str | None) -> None:
    if code is None:
        Stream().hear(change(**changed))
        return
    with pytest.raises(ProviderDataError) as refused:
        Stream().hear(change(**changed))
    assert refused.value.code == code
