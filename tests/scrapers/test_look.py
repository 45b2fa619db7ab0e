"""What a page said -> prices, or the name of what no longer fits. Without a browser: the samples'
`board.json` is what the script makes of `board.html` (tests/scrapers/test_browser.py holds them
together)."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.odds.feeds import FeedMarket, browser
from overround.odds.feeds.browser import Backoff, Look, Pulse
from overround.odds.feeds.worker import Row

FEEDS = Path(browser.__file__).parents[1]
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
Prices = dict[tuple[str, str, int | None, str], tuple[int, bool]]


def sample(name: str) -> dict[str, Any]:
    """The sample page of a site, as the script tells it."""
    return json.loads((FEEDS / name / "samples" / "board.json").read_text(encoding="utf-8"))


def look(name: str, found: object) -> Look:
    """What we make of it."""
    return browser.look(browser.site_named(name), found, AT)


def prices(seen: Look, event: int = 0) -> Prices:
    """(market, period, line, side) -> price and whether it is stopped."""
    return {
        (p.market.market_type, p.market.period, p.market.line_q4, p.side): (p.price_e4, p.suspended)
        for p in seen.batches[event].prices
    }


def test_malay_odds_and_unsigned_lines_beside_the_giver() -> None:
    seen = look("sbo", sample("sbo"))
    assert seen.state == "reading"
    assert prices(seen) == {
        ("asian_handicap", "ft", -3, "home"): (19_200, False),
        ("asian_handicap", "ft", -3, "away"): (20_204, False),
        ("asian_handicap", "ft", -2, "home"): (17_000, False),
        ("asian_handicap", "ft", -2, "away"): (23_157, False),
        ("total", "ft", 10, "over"): (19_000, False),
        ("total", "ft", 10, "under"): (19_800, False),
        ("total", "ft", 11, "over"): (21_111, True),
        ("total", "ft", 11, "under"): (18_000, True),
    }
    # The away side gives a quarter, so the home side starts ahead; a dash is no price.
    assert set(prices(seen, 1)) == {("asian_handicap", "ft", 1, s) for s in ("home", "away")}


def test_a_price_that_cannot_be_costs_its_line_and_no_other() -> None:
    seen = look("sbo", sample("sbo"))
    assert set(prices(seen, 2)) == {("asian_handicap", "ft", 0, s) for s in ("home", "away")}
    assert [(r.reason, r.detail) for r in seen.rejected] == [("price_out_of_range", "1.80")]


def test_a_start_without_a_year_is_the_nearest_by_the_pages_own_clock() -> None:
    starts = [batch.event.starts_at for batch in look("sbo", sample("sbo")).batches]
    assert starts == [
        datetime(2026, 11, 21, 19, 30, tzinfo=UTC),
        datetime(2026, 11, 21, 21, 0, tzinfo=UTC),
        datetime(2027, 1, 2, 11, 0, tzinfo=UTC),
    ]


def test_signed_pairs_and_whole_ladders() -> None:
    seen = look("ibc", sample("ibc"))
    assert prices(seen) == {
        ("asian_handicap", "ft", -1, "home"): (19_500, False),
        ("asian_handicap", "ft", -1, "away"): (19_300, False),
        ("asian_handicap", "ft", 1, "home"): (16_000, False),
        ("asian_handicap", "ft", 1, "away"): (23_500, False),
        ("total", "ft", 11, "over"): (20_200, False),
        ("total", "ft", 11, "under"): (18_600, False),
    }
    assert prices(seen, 1)["asian_handicap", "ft", 5, "home"] == (19_000, True)


def test_the_pages_word_says_how_prices_are_written() -> None:
    page = sample("ibc")
    page["odds_format"] = "EU"
    page["events"][0]["groups"] = [
        [0, {"line": [["-0.5", False]], "home": [["1.95", False]], "away": [["1.93", False]]}]
    ]
    page["events"] = page["events"][:1]
    assert prices(look("ibc", page))["asian_handicap", "ft", -2, "home"] == (19_500, False)
    page["odds_format"] = "XX"
    assert (look("ibc", page).state, look("ibc", page).detail) == ("markup_changed", "odds_format")


def test_prices_read_in_another_format_are_no_prices() -> None:
    # The same page, but the site has begun to write decimal odds and says so nowhere.
    page = sample("sbo")
    for event in page["events"]:
        for group in event["groups"]:
            for side in group[1].keys() - {"line", "gives_home", "gives_away"}:
                group[1][side] = [["1.95", False] for _ in group[1][side]]
    seen = look("sbo", page)
    assert (seen.state, seen.detail.partition(":")[0]) == ("markup_changed", "prices")
    assert not seen.batches


def test_an_event_without_an_id_is_known_by_its_sides_and_day() -> None:
    page = sample("cmd")
    first = look("cmd", page).batches[0].event.provider_event_id
    assert first.startswith("20261122:")
    page["events"].append(copy.deepcopy(page["events"][0]))
    page["events"][2]["home"] = "\u5317\u4eac"
    page["events"].append(copy.deepcopy(page["events"][2]))
    page["events"][3]["home"] = "\u4e0a\u6d77"
    ids = [batch.event.provider_event_id for batch in look("cmd", page).batches]
    assert ids[0] == first
    assert len(set(ids)) == 4


def test_a_side_that_is_not_to_be_had_leaves_the_other() -> None:
    seen = look("cmd", sample("cmd"))
    assert prices(seen, 1)["asian_handicap", "ft", 1, "home"] == (19_433, False)
    assert ("asian_handicap", "ft", 1, "away") not in prices(seen, 1)


@pytest.mark.parametrize(
    "group",
    [
        [0, {"home": [["0.9", False]]}],
        [0, {"home": [["0.9", False]], "away": "0.9", "gives_home": [], "gives_away": {}}],
        [0, []],
        [9, {}],
        [True, {}],
        [0],
        None,
    ],
)
def test_a_group_that_makes_no_sense_costs_itself(group: object) -> None:
    page = sample("sbo")
    page["events"][0]["groups"].append(group)
    seen = look("sbo", page)
    assert seen.state == "reading"
    assert prices(seen) == prices(look("sbo", sample("sbo")))


def test_columns_of_one_page_are_read_side_by_side() -> None:
    seen = look("bet365_page", sample("bet365_page"))
    assert prices(seen)["asian_handicap", "ft", -1, "away"] == (23_250, False)
    assert prices(seen)["asian_handicap", "ft", -1, "home"] == (16_000, True)
    assert prices(seen)["total", "ft", 9, "over"] == (18_750, False)
    page = sample("bet365_page")
    page["events"][0]["groups"][0][1]["away_line"][0] = ["+0.5", False]
    assert "lines_disagree" in {r.reason for r in look("bet365_page", page).rejected}


def test_columns_of_unlike_length_are_not_guessed_at() -> None:
    page = sample("bet365_page")
    del page["events"][0]["groups"][0][1]["home"][0]
    seen = look("bet365_page", page)
    assert seen.state == "markup_changed"
    assert seen.detail == "asian_handicap columns: 1 of 1"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"board": False}, "board"),
        ({"events": []}, "events"),
        ({"cut": True}, "too_many_events"),
        ({"failed": "SyntaxError: x"}, "SyntaxError: x"),
    ],
)
def test_a_page_that_no_longer_fits_is_named_and_gives_no_price(
    change: dict[str, object], named: str
) -> None:
    seen = look("cmd", sample("cmd") | change)
    assert (seen.state, seen.detail, seen.batches) == ("markup_changed", named, ())


@pytest.mark.parametrize("field", ["home", "away", "starts"])
def test_a_part_that_most_events_lack_is_a_changed_page(field: str) -> None:
    page = sample("sbo")
    for event in page["events"][:2]:
        event[field] = ""
    seen = look("sbo", page)
    assert seen.state == "markup_changed"
    assert seen.detail.startswith("start" if field == "starts" else field)
    one = sample("sbo")
    one["events"][0][field] = ""
    assert look("sbo", one).state == "reading"
    assert len(look("sbo", one).batches) == 2


def test_a_question_that_has_to_be_there_is_missed() -> None:
    page = sample("cmd")
    for event in page["events"]:
        event["groups"] = [group for group in event["groups"] if group[0] == 1]
    assert look("cmd", page).detail == "asian_handicap: 1 of 1"


def test_an_empty_board_that_says_so_is_no_changed_page() -> None:
    seen = look("cmd", {**sample("cmd"), "events": list[object](), "empty": True})
    assert (seen.state, seen.batches) == ("reading", ())


def test_a_page_that_is_logged_out_or_closed_says_nothing_else() -> None:
    for state in ("logged_out", "closed"):
        seen = look("ibc", sample("ibc") | {state: True})
        assert (seen.state, seen.batches) == (state, ())


def test_an_event_that_is_there_twice_is_taken_once() -> None:
    page = sample("ibc")
    page["events"].append(copy.deepcopy(page["events"][0]))
    assert [r.reason for r in look("ibc", page).rejected] == ["event_repeated"]


def test_a_line_of_which_one_side_is_stopped_is_stopped_on_the_wire() -> None:
    match = browser.match_of(look("bet365_page", sample("bet365_page")).batches[0])
    assert match.rows[1] == Row("ft_hdp", {"home": "1.60", "away": "2.325"}, "-0.25", True)
    assert match.rows[2] == Row("ft_ou", {"over": "1.875", "under": "1.925"}, "2.25", False)
    assert match.starts_at == datetime(2027, 5, 18, 23, 30, tzinfo=UTC)


leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.just("0.95")
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=20,
)


@given(anything)
def test_whatever_a_page_says_is_a_look(found: object) -> None:
    assert look("sbo", found).state in {"markup_changed", "logged_out", "closed", "reading"}


@given(anything, anything)
def test_whatever_an_event_says_costs_that_event(event: object, group: object) -> None:
    page = sample("sbo")
    page["events"][0]["groups"].append(group)
    page["events"].append(event)
    seen = look("sbo", page)
    assert seen.state == "reading"
    assert prices(seen, 1) == prices(look("sbo", sample("sbo")), 1)


def test_a_page_whose_clock_stands_is_frozen_and_gives_no_price() -> None:
    pulse = Pulse(freeze_s=8.0)
    batches = look("sbo", sample("sbo")).batches

    def judged(clock: str, now_s: float) -> tuple[str, int]:
        seen = pulse.judge(Look("reading", AT, clock=clock, batches=batches), now_s)
        return seen.state, len(seen.batches)

    # The first sight proves nothing; a moved clock does, for a while.
    assert judged("1", 99.0) == ("reading", 3)
    assert not pulse.is_fresh(99.0)
    assert judged("2", 100.0) == ("reading", 3)
    assert judged("2", 104.0) == ("reading", 3)
    assert pulse.is_fresh(104.0)
    assert not pulse.is_fresh(104.1)
    assert judged("2", 108.1) == ("frozen", 0)
    assert judged("3", 109.0) == ("reading", 3)
    assert pulse.is_fresh(109.0)
    # A dead page that is loaded anew is as dead as before.
    pulse.renew()
    assert judged("4", 110.0) == ("reading", 3)
    assert not pulse.is_fresh(110.0)
    assert judged("4", 118.1) == ("frozen", 0)


def test_a_page_that_breaks_its_pace_confirms_nothing() -> None:
    pulse = Pulse(freeze_s=8.0)
    batches = look("sbo", sample("sbo")).batches

    def seen(clock: str, now_s: float) -> bool:
        pulse.judge(Look("reading", AT, clock=clock, batches=batches), now_s)
        return pulse.is_moving(now_s)

    # One change is no pace yet; from the second on it is half a second.
    assert [seen(str(n), n / 2) for n in range(4)] == [False, False, True, True]
    assert pulse.is_moving(1.5 + 0.9)
    assert not pulse.is_moving(1.5 + 1.0)
    # A long freeze tells nothing of the pace; a page that is loaded anew has to move first.
    assert seen("after", 20.0)
    assert not pulse.is_moving(20.0 + 1.5)
    pulse.renew()
    assert not seen("new", 21.0)
    assert seen("moved", 21.2)


def test_a_page_without_a_clock_lives_by_what_it_shows() -> None:
    pulse = Pulse(freeze_s=8.0)
    first, second = (look(name, sample(name)) for name in ("bet365_page", "pinnacle_page"))
    pulse.judge(first, 0.0)
    assert pulse.judge(first, 9.0).state == "frozen"
    assert pulse.judge(second, 10.0).state == "reading"


def test_pauses_double_up_to_a_bound_and_begin_again() -> None:
    class Even:
        def random(self) -> float:
            return 0.5

    backoff = Backoff(Even(), first_s=1.0, longest_s=10.0)  # type: ignore[arg-type]
    assert [backoff.next_s() for _ in range(6)] == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    backoff.worked()
    assert backoff.next_s() == 1.0


def test_lines_are_the_home_sides_wherever_they_stand() -> None:
    markets = {
        p.market for b in look("pinnacle_page", sample("pinnacle_page")).batches for p in b.prices
    }
    assert FeedMarket("asian_handicap", "ft", -1) in markets
    assert FeedMarket("total", "corners", 42) in markets
