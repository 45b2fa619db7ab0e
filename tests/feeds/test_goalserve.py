"""GoalServe's pre-match JSON: what each shape becomes, and what is refused by name."""

from __future__ import annotations

import json
from collections import Counter
from copy import deepcopy
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest

from overround.core import grading
from overround.core.errors import ProviderDataError
from overround.odds.feeds import FeedMarket, FeedPrice, FeedResult, Parsed, goalserve
from overround.odds.feeds.goalserve import QUESTIONS
from overround.odds.feeds.goalserve.parse import MAX_MATCHES
from overround.odds.feeds.reading import MAX_REJECTED

SAMPLES = Path(__file__).parents[2] / "src/overround/odds/feeds/goalserve/samples"
SEEN_AT = datetime(2025, 9, 11, 8, 0, tzinfo=UTC)


@cache
def _tree(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def sample(name: str = "soccer") -> Any:
    """A sample as an object of its own, for a test to change."""
    return deepcopy(_tree(name))


def parse(tree: Any) -> Parsed:
    return goalserve.parse("t.json", json.dumps(tree).encode())


def first_match(tree: Any) -> Any:
    return tree["scores"]["categories"][0]["matches"][0]


def first_quote(tree: Any) -> Any:
    """The home side's price of the match winner."""
    return first_match(tree)["odds"][0]["bookmakers"][0]["odds"][0]


def prices(parsed: Parsed, match: int = 0) -> dict[tuple[FeedMarket, str], FeedPrice]:
    return {(p.market, p.side): p for p in parsed.batches[match].prices}


def reasons(parsed: Parsed) -> list[str]:
    return [rejected.reason for rejected in parsed.rejected]


def test_an_event_is_named_and_dated() -> None:
    event = parse(sample()).events[0]
    assert event.key == ("goalserve", "football:101")
    assert (event.sport, event.country, event.competition_name) == (
        "football",
        "Austria",
        "2. Liga",
    )
    assert (event.home, event.away) == ("Ann Town", "Bob City")
    assert event.starts_at == datetime(2025, 9, 11, 18, 30, tzinfo=UTC)


def test_prices_are_seen_when_the_file_was_made() -> None:
    batch = parse(sample()).batches[0]
    assert batch.snapshot
    assert batch.observed_at == SEEN_AT
    assert batch.source_at == datetime.fromtimestamp(1757570100, UTC)


def test_a_handicap_is_the_home_sides_and_a_quarter_is_one() -> None:
    found = prices(parse(sample()))
    line = FeedMarket("asian_handicap", "ft", -1)
    assert found[line, "home"].price_e4 == 19_000
    assert found[line, "away"].price_e4 == 19_500
    assert found[line, "away"].source_text == "1.95"
    assert {p.source for p in found.values()} == {"bet365"}


def test_what_is_stopped_is_never_open() -> None:
    found = prices(parse(sample()))
    winner, level = FeedMarket("1x2"), FeedMarket("asian_handicap", "ft", 0)
    assert [found[winner, side].suspended for side in ("home", "draw", "away")] == [
        False,
        False,
        True,
    ]
    assert found[level, "home"].suspended
    assert found[level, "away"].suspended


@pytest.mark.parametrize("stop", ["True", "true", True, "1", " TRUE "])
@pytest.mark.parametrize("level", ["market", "bookmaker", "selection"])
def test_a_stop_counts_at_every_level_and_in_every_spelling(level: str, stop: object) -> None:
    tree = sample()
    market = first_match(tree)["odds"][0]
    nodes = {
        "market": market,
        "bookmaker": market["bookmakers"][0],
        "selection": market["bookmakers"][0]["odds"][0],
    }
    nodes[level]["stop"] = stop
    assert prices(parse(tree))[FeedMarket("1x2"), "home"].suspended


@pytest.mark.parametrize("status", ["Half Time", "Set 1", "Finished", "Postp.", "45", "??"])
def test_a_match_that_is_under_way_has_no_open_price(status: str) -> None:
    tree = sample()
    first_match(tree)["status"] = status
    assert all(p.suspended for p in parse(tree).batches[0].prices)


def test_a_match_that_is_not_played_says_so() -> None:
    assert parse(sample()).results == [
        FeedResult("goalserve", "football:102", "postponed", {}, SEEN_AT)
    ]


def test_a_price_of_one_is_refused_and_its_other_side_stays() -> None:
    parsed = parse(sample())
    line = FeedMarket("total", "ft", 26)
    assert (line, "over") in prices(parsed)
    assert (line, "under") not in prices(parsed)
    (refused,) = [r for r in parsed.rejected if r.reason == "price_not_above_one"]
    assert (refused.where, refused.detail) == ("t.json:101:5:6.5:Under", "1.00")


def test_two_markets_with_one_question_are_one_pair_of_prices() -> None:
    parsed = parse(sample())
    line = FeedMarket("total", "ft", 10)
    found = prices(parsed)
    assert (found[line, "over"].source_text, found[line, "under"].source_text) == ("1.80", "2.00")
    assert parsed.coverage[0].repeated == 2
    tree = sample()
    first_match(tree)["odds"][2]["bookmakers"][0]["odds"][0]["odds"][1]["stop"] = "True"
    found = prices(parse(tree))
    assert (found[line, "over"].source_text, found[line, "under"].source_text) == ("1.82", "1.98")


def test_half_and_full_time_may_be_called_by_the_teams() -> None:
    found = prices(parse(sample()))
    market = FeedMarket("half_time_full_time")
    assert {side for m, side in found if m == market} == {"home/away", "draw/home", "draw/draw"}


def test_every_selection_is_mapped_or_counted() -> None:
    (counts,) = parse(sample()).coverage
    assert (counts.sport, counts.called, counts.events) == ("football", "soccer", 3)
    assert counts.as_dict() == {
        "called": "soccer",
        "events": 3,
        "selections": 25,
        "mapped": 23,
        "unmapped": 2,
        "repeated": 2,
        "not_offerable": 4,
        "refused": {"stopped": 3, "price_not_above_one": 2},
        "stopped_above": 2,
        "unmapped_markets": {"81": {"name": "Correct Score", "selections": 2}},
    }


def test_one_child_may_be_alone_and_a_region_is_no_country() -> None:
    parsed = parse(sample())
    event = parsed.events[2]
    assert (event.country, event.competition_name) == ("", "Europe: Club Cup")
    assert event.starts_at == datetime(2025, 9, 12, 0, 15, tzinfo=UTC)
    assert {(p.source, p.side) for p in parsed.batches[2].prices} == {
        ("ann_s_book", "home"),
        ("ann_s_book", "away"),
    }
    assert parsed.batches[2].source_at is None


def test_attributes_may_carry_an_at_sign() -> None:
    def marked(node: Any) -> Any:
        if isinstance(node, list):
            return [marked(one) for one in cast("list[Any]", node)]
        if not isinstance(node, dict):
            return node
        return {
            (key if isinstance(value, dict | list) else f"@{key}"): marked(value)
            for key, value in cast("dict[str, Any]", node).items()
        }

    plain, with_signs = parse(sample()), parse(marked(sample()))
    assert with_signs == plain
    assert len(plain.batches) == 3


def test_an_id_means_what_it_means_in_its_sport() -> None:
    parsed = parse(sample("tennis"))
    tomorrow, today = parsed.batches
    assert [(p.market, p.side, p.suspended) for p in tomorrow.prices] == [
        (FeedMarket("moneyline", "final"), "home", False),
        (FeedMarket("moneyline", "final"), "away", False),
        (FeedMarket("total", "s1", 38), "over", False),
        (FeedMarket("total", "s1", 38), "under", False),
    ]
    assert all(p.suspended for p in today.prices)
    assert parsed.events[0].country == ""


def test_the_older_layout_says_the_same() -> None:
    parsed = parse(sample("cricket"))
    assert parsed.events[0].key == ("goalserve", "cricket:301")
    assert [(p.source, p.side, p.source_text) for p in parsed.batches[0].prices] == [
        ("bet365", "home", "1.50"),
        ("bet365", "away", "2.50"),
        ("betfair_exchange", "home", "1.52"),
        ("betfair_exchange", "away", "2.64"),
    ]
    assert goalserve.source_kind("betfair_exchange") == "exchange"
    assert goalserve.source_kind("bet365") == "bookmaker"
    assert parsed.coverage[0].unmapped["5"].selections == 2
    assert parsed.coverage[0].stopped_above == 2


def test_every_question_is_one_that_we_grade_with_fixed_sides() -> None:
    for sport, questions in QUESTIONS.items():
        for market_id, question in questions.items():
            sides = grading.sides(question.market_type)
            assert sides, (sport, market_id)
            row = grading.market(question.market_type)
            assert row.needs_line == (question.lined or question.line_q4 is not None)
            line_q4 = 4 if question.lined else question.line_q4
            for side in sides:
                grading.check(question.market_type, question.period, line_q4, side)
            names = ("home", "draw", "away", "over", "under", "yes", "no", "odd", "even")
            answered = {question.side(name, "home", "away") for name in names} - {None}
            assert answered <= set(sides), (sport, market_id)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"id": ""}, "id_invalid"),
        ({"id": "1 or 1=1"}, "id_invalid"),
        ({"localteam": {}}, "home_missing"),
        ({"localteam": None}, "home_missing"),
        ({"visitorteam": {"name": "x" * 201}}, "away_invalid"),
        ({"visitorteam": {"name": "a\u0000b"}}, "away_invalid"),
        ({"visitorteam": {"name": "a\ud800b"}}, "away_invalid"),
        ({"visitorteam": {"name": "ann town"}}, "same_participants"),
        ({"formatted_date": "31.02.2025"}, "date_invalid"),
        ({"formatted_date": "Sep 11"}, "date_invalid"),
        ({"formatted_date": "11.09.1925"}, "date_invalid"),
        ({"time": "24:10"}, "date_invalid"),
        ({"time": "TBA"}, "time_invalid"),
        ({"id": "102"}, "duplicate_match"),
    ],
)
def test_a_match_that_cannot_be_used_is_refused_and_the_others_stay(
    change: dict[str, Any], expected: str
) -> None:
    tree = sample()
    first_match(tree).update(change)
    parsed = parse(tree)
    assert expected in reasons(parsed)
    assert len(parsed.events) == 2
    assert parsed.rows == 3
    counts = parsed.coverage[0]
    unmapped = sum(found.selections for found in counts.unmapped.values())
    assert counts.selections == 25 == counts.mapped + unmapped


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1.00", "price_not_above_one"),
        ("0", "price_not_above_one"),
        ("-2.5", "price_not_above_one"),
        ("1.00009", "price_not_above_one"),
        ("100000.1", "price_out_of_range"),
        ("", "price_invalid"),
        ("2,10", "price_invalid"),
        ("1e3", "price_invalid"),
        ("٣", "price_invalid"),
        (None, "price_invalid"),
    ],
)
def test_a_bad_price_costs_its_selection_only(value: object, expected: str) -> None:
    tree = sample()
    first_quote(tree)["value"] = value
    parsed = parse(tree)
    assert expected in reasons(parsed)
    assert {side for m, side in prices(parsed) if m == FeedMarket("1x2")} == {"draw", "away"}


def test_a_number_stays_the_text_it_was() -> None:
    tree = json.dumps(sample()).replace('"2.10"', "2.10")
    parsed = goalserve.parse("t.json", tree.encode())
    assert prices(parsed)[FeedMarket("1x2"), "home"].source_text == "2.10"


@pytest.mark.parametrize(
    ("market", "line", "expected"),
    [
        (1, "", "line_missing"),
        (1, "-0.3", "line_invalid"),
        (1, "level", "line_invalid"),
        (1, "+1001", "line_invalid"),
    ],
)
def test_a_bad_line_costs_its_group_only(market: int, line: str, expected: str) -> None:
    tree = sample()
    first_match(tree)["odds"][market]["bookmakers"][0]["odds"][0]["name"] = line
    parsed = parse(tree)
    assert expected in reasons(parsed)
    assert (FeedMarket("asian_handicap", "ft", 0), "home") in prices(parsed)


def test_an_answer_that_is_none_of_the_market_is_counted_as_unmapped() -> None:
    tree = sample()
    first_quote(tree)["name"] = "Nobody"
    parsed = parse(tree)
    assert "side_unknown" in reasons(parsed)
    assert parsed.coverage[0].unmapped["1"].selections == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"<scores/>", "unknown_sport"),
        (b"<teams/>", "unknown_layout"),
        (b"<scores", "not_xml"),
        (b'{"scores":' * 100_000, "not_json"),
        (b"[]", "unknown_layout"),
        (b'{"scores": 1}', "unknown_layout"),
        (b'{"scores": {"sport": "chess", "ts": "1757577600"}}', "unknown_sport"),
        (b'{"scores": {"sport": "soccer", "ts": "soon"}}', "timestamp_invalid"),
        (b'{"scores": {"sport": "soccer", "ts": "9999999999"}}', "timestamp_invalid"),
        (b"a" * 64_000_001, "body_too_large"),
    ],
    ids=["empty", "xml", "teams", "cut", "deep", "list", "number", "chess", "soon", "far", "bytes"],
)
def test_a_body_of_another_kind_is_an_error(body: bytes, code: str) -> None:
    with pytest.raises(ProviderDataError) as refused:
        goalserve.parse("t.json", body)
    assert refused.value.code == code


def test_matches_sources_and_refusals_are_bounded() -> None:
    tree = sample()
    category = tree["scores"]["categories"][0]
    category["matches"] = [{"id": str(n)} for n in range(MAX_MATCHES - 1)]
    parsed = parse(tree)
    assert len(parsed.rejected) == MAX_REJECTED + 1
    assert parsed.rejected[-1].reason == "too_many_rejected"
    category["matches"].append({})
    with pytest.raises(ProviderDataError, match="too many matches"):
        parse(tree)
    tree = sample()
    market = first_match(tree)["odds"][0]
    market["bookmakers"] = [
        {"id": "", "name": f"book {n}", "odds": market["bookmakers"][0]["odds"]} for n in range(101)
    ]
    with pytest.raises(ProviderDataError, match="too many sources"):
        parse(tree)


def test_every_sample_is_recognised_and_says_something() -> None:
    for file in sorted(SAMPLES.glob("*.json")):
        assert goalserve.recognises(file.read_bytes()[:4096]), file.name
        parsed = goalserve.parse(file.name, b"\xef\xbb\xbf" + file.read_bytes())
        assert len(parsed.events) == parsed.rows > 0
        assert Counter(b.event.key for b in parsed.batches).most_common(1)[0][1] == 1
    assert goalserve.PROVIDER.key == "goalserve"
