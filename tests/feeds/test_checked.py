"""What a guest says: the hub meets nothing that one of our own providers could not have said."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from overround.core.errors import ProviderDataError
from overround.odds.feeds import (
    Coverage,
    FeedBatch,
    FeedEvent,
    FeedMarket,
    FeedPrice,
    FeedQuotes,
    FeedResult,
    FeedScore,
    Parsed,
    Rejected,
)
from overround.odds.feeds.checked import checked
from tests.feeds.test_conformance import CASES

AT = datetime(2026, 4, 16, 19, 0, tzinfo=UTC)
START = AT + timedelta(days=2)
NAIVE = START.replace(tzinfo=None)
EVENT = FeedEvent("guest", "1", "football", "ann", "Ann League", "", "Ann Town", "Bob City", START)
PRICE = FeedPrice("guest", FeedMarket("1x2"), "home", 21_000, "2.10")
BATCH = FeedBatch(EVENT, AT, (PRICE,))
RESULT = FeedResult("guest", "1", "finished", {"ft": (2, 0)}, START)
SCORE = FeedScore("guest", "1", "67'", {"ft": (1, 0)}, START)
NOTHING: Any = None


def said(**parts: list[Any]) -> Parsed:
    """A body that says this, and what goes with it."""
    plain: dict[str, list[Any]] = {"events": [EVENT], "batches": [BATCH]}
    empty: dict[str, list[Any]] = {"results": [], "rejected": []}
    return Parsed(**(empty | plain | parts), rows=1)


def priced(**parts: Any) -> Parsed:
    """A body with one price that differs in this."""
    return said(batches=[replace(BATCH, prices=(replace(PRICE, **parts),))])


def of_event(**parts: Any) -> Parsed:
    """A body with one event that differs in this."""
    return said(events=[replace(EVENT, **parts)], batches=[])


def test_what_our_own_providers_say_would_pass() -> None:
    for case in CASES:
        parsed = case.provider.parse(case.name, case.body)
        assert checked(case.provider.key, parsed) is parsed
    quotes = FeedQuotes("guest", "1", AT, (replace(PRICE, seen_at=AT),), source_at=AT)
    whole = said(results=[RESULT], scores=[SCORE], quotes=[quotes])
    assert checked("guest", whole) is whole


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        *(said(**{one.name: cast("Any", (1,))}) for one in fields(Parsed) if one.name != "rows"),
        *(said(**{one.name: [1]}) for one in fields(Parsed) if one.name != "rows"),
        replace(said(), rows=-1),
        of_event(provider="goalserve"),
        of_event(provider_event_id=""),
        of_event(provider_event_id=1),
        of_event(home=NOTHING),
        of_event(home="Ann\0Town"),
        of_event(home="Ann \ud800"),
        of_event(home=" Ann"),
        of_event(home="A" * 201),
        of_event(home="Bob City"),
        of_event(sport=""),
        of_event(sport="Foot Ball"),
        of_event(competition_name="\n"),
        of_event(country=NOTHING),
        of_event(season="x" * 1_001),
        of_event(starts_at=NAIVE),
        of_event(starts_at="2026-04-18"),
        of_event(starts_at=datetime(1, 1, 1, tzinfo=UTC)),
        said(batches=[replace(BATCH, event=NOTHING)]),
        said(batches=[replace(BATCH, event=replace(EVENT, home="\0"))]),
        said(batches=[replace(BATCH, observed_at=NAIVE)]),
        said(batches=[replace(BATCH, source_at=NAIVE)]),
        said(batches=[replace(BATCH, phase=cast("Any", "later"))]),
        said(batches=[replace(BATCH, prices=cast("Any", [PRICE]))]),
        said(batches=[replace(BATCH, prices=cast("Any", (1,)))]),
        priced(market=NOTHING),
        priced(market=FeedMarket("nonsense")),
        priced(market=FeedMarket("1x2", "whenever")),
        priced(market=FeedMarket("asian_handicap")),
        priced(market=FeedMarket("asian_handicap", "ft", cast("Any", 0.5))),
        priced(market=FeedMarket(NOTHING)),
        priced(side="elephant"),
        priced(price_e4=0),
        priced(price_e4=2**31),
        priced(price_e4=2.1),
        priced(price_e4=True),
        priced(source=""),
        priced(source="A Book"),
        priced(source_text=NOTHING),
        priced(seen_at=NAIVE),
        said(quotes=[FeedQuotes("goalserve", "1", AT, ())]),
        said(results=[replace(RESULT, status=cast("Any", "won"))]),
        said(results=[replace(RESULT, observed_at=NAIVE)]),
        said(results=[replace(RESULT, scores={"whole": (1, 0)})]),
        said(results=[replace(RESULT, scores={"ft": (1, -1)})]),
        said(results=[replace(RESULT, scores={"ft": cast("Any", (1, True))})]),
        said(results=[replace(RESULT, scores=NOTHING)]),
        said(scores=[replace(SCORE, clock="x" * 201)]),
        said(scores=[replace(SCORE, provider_event_id="")]),
        said(rejected=[Rejected("\0", "")]),
        said(coverage=[Coverage("football", NOTHING)]),
    ],
)
def test_a_guest_that_says_nonsense_costs_its_own_body_only(wrong: object) -> None:
    with pytest.raises(ProviderDataError) as refused:
        checked("guest", wrong)
    assert refused.value.code == "provider_invalid"
