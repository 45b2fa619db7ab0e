"""One suite for every provider there is: samples that say what they say, and bytes that may not
hurt. A new provider adds its cases here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overround.odds import feeds
from overround.odds.feeds import (
    Provider,
    draftkings,
    fanduel,
    football_data,
    generic,
    goalserve,
    the_odds_api,
)
from overround.odds.feeds.registry import BUILT_IN
from tests.feeds.cases import MORE_CASES, case
from tests.feeds.conformance import Case, check_bytes, check_case

CASES = (
    case(
        football_data.PROVIDER,
        "season_own_handicap_lines.csv",
        ("football Ann Town - Bob City 2005-10-01 14:00",),
        (
            "Ann Town: gamebookers 1x2 ft - draw 3.20",
            "Ann Town: gamebookers total ft 2.5 over 1.90",
            "Ann Town: gamebookers asian_handicap ft -0.25 away 1.95",
            "Ann Town: ladbrokes asian_handicap ft -0.5 home 2.05",
        ),
        results=("finished [('ft', (1, 1))]",),
    ),
    case(
        goalserve.PROVIDER,
        "soccer.json",
        (
            "football Ann Town - Bob City 2025-09-11 18:30",
            "football Cat Rovers - Dan Athletic 2025-09-11 19:00",
            "football Eve United - Fay Orient 2025-09-12 00:15",
        ),
        (
            "Ann Town: bet365 1x2 ft - away 3.60 stopped",
            "Ann Town: bet365 asian_handicap ft -0.25 home 1.90",
            "Ann Town: bet365 asian_handicap ft -0.25 away 1.95",
            "Cat Rovers: bet365 1x2 ft - home 1.50 stopped",
        ),
        results=("postponed []",),
        unmapped={"81": 2},
        refused=("price_not_above_one",),
    ),
    case(
        the_odds_api.PROVIDER,
        "v4_decimal.json",
        (
            "football Bob City - Ann Town 2026-04-18 11:30",
            "ice_hockey Cat Kings - Dan Dukes 2026-04-16 18:30",
        ),
        (
            "Bob City: pinnacle 1x2 ft - home 2.10",
            "Bob City: pinnacle 1x2 ft - draw 3.55",
            "Bob City: pinnacle asian_handicap ft -0.25 home 1.93",
            "Bob City: pinnacle asian_handicap ft -0.25 away 1.95",
            "Bob City: pinnacle total ht 1 over 2.05",
            "Bob City: william_hill 1x2 ft - home 2.15",
            "Cat Kings: betfair_ex_eu moneyline final - home 1.50",
            "Cat Kings: betfair_ex_eu 1x2 ft - draw 4.40",
        ),
        unmapped={"h2h_lay": 3, "player_points": 1},
        refused=("price_not_above_one",),
    ),
    case(
        the_odds_api.PROVIDER,
        "v3_american.json",
        ("baseball Bob City - Ann Town 2026-04-18 20:00",),
        (
            "Bob City: fanduel moneyline final - home 1.5882",
            "Bob City: fanduel moneyline final - away 2.50",
            "Bob City: fanduel asian_handicap final -1.5 home 2.10",
            "Bob City: fanduel asian_handicap final -1.5 away 1.7692",
            "Bob City: fanduel total final 8.5 under 1.909",
        ),
    ),
    case(
        the_odds_api.PROVIDER,
        "odds.csv",
        ("football Bob City - Ann Town 2026-04-18 11:30",),
        (
            "Bob City: 1xbet asian_handicap ft -0.75 home 1.87",
            "Bob City: 1xbet asian_handicap ft -0.75 away 2.01",
        ),
        unmapped={"outrights": 1},
        refused=("no_participants",),
    ),
    case(
        the_odds_api.PROVIDER,
        "scores.csv",
        (
            "football Bob City - Ann Town 2026-04-18 11:30",
            "football Bob City - Ann Town 2026-04-11 11:30",
            "baseball Cat Kings - Dan Dukes 2026-04-18 16:40",
            "baseball Cat Kings - Dan Dukes 2026-04-19 16:40",
        ),
        results=("finished [('ft', (3, 1))]",),
        refused=("score_ambiguous",),
    ),
    case(
        the_odds_api.PROVIDER,
        "movements.csv",
        (
            "ice_hockey Cat Kings - Dan Dukes 2026-02-26 00:00",
            "ice_hockey Cat Kings - Dan Dukes 2024-02-26 00:00",
        ),
        (
            "Cat Kings: betmgm moneyline final - home 1.8695",
            "Cat Kings: betmgm asian_handicap final -1.5 away 1.4166",
            "Cat Kings: betmgm total final 6 over 1.909",
        ),
        unmapped={"h2h": 2},
        refused=("timestamp_missing",),
    ),
    case(
        draftkings.PROVIDER,
        "nfl.json",
        (
            "american_football Bob Bears - Ann Eagles 2026-09-13 17:00",
            "american_football Cat Kings - Dan Dukes 2026-09-13 13:30",
        ),
        (
            "Bob Bears: draftkings asian_handicap final 2.5 home 1.8928",
            "Bob Bears: draftkings asian_handicap final 2.5 away 1.909",
            "Bob Bears: draftkings total final 44.5 over 1.9523",
            "Bob Bears: draftkings moneyline final - away 1.7142",
            "Bob Bears: draftkings asian_handicap ht 1.5 home 1.909",
            "Cat Kings: draftkings asian_handicap final -7 home 2.00 stopped",
            "Cat Kings: draftkings moneyline final - home 1.3333",
            "Cat Kings: draftkings moneyline final - away 2.00 stopped",
        ),
        unmapped={
            "Spread 2nd Half": 2,
            "Total": 2,
            "Anytime TD Scorer": 1,
            "Super Bowl Winner": 1,
        },
        refused=("event_unknown", "no_participants"),
    ),
    case(
        draftkings.PROVIDER,
        "college_baseball.json",
        ("baseball Bob State - Ann State 2026-02-15 16:30",),
        (
            "Bob State: draftkings asian_handicap final -2.5 home 1.8333",
            "Bob State: draftkings asian_handicap final -2.5 away 1.909",
            "Bob State: draftkings total final 13.5 over 1.80",
        ),
    ),
    case(
        fanduel.PROVIDER,
        "nba.json",
        (
            "basketball Bob Bears - Ann Eagles 2025-12-27 22:10",
            "basketball Cat Kings - Dan Dukes 2025-12-27 23:10",
        ),
        (
            "Bob Bears: fanduel moneyline final - away 1.7042",
            "Bob Bears: fanduel asian_handicap final 2.5 home 1.9259",
            "Bob Bears: fanduel asian_handicap final 2.5 away 1.8928",
            "Bob Bears: fanduel total final 232.5 over 1.909 stopped",
            "Bob Bears: fanduel total final 235.5 under 1.625",
            "Bob Bears: fanduel asian_handicap q1 0.5 away 1.8695",
            "Bob Bears: fanduel asian_handicap q1 0.5 home 1.9523 stopped",
            "Cat Kings: fanduel moneyline final - home 1.50",
        ),
        unmapped={"PLAYER_A_TOTAL_POINTS": 2, "MATCH_HANDICAP_(2-WAY)": 1},
        refused=("side_unknown",),
    ),
    case(
        generic.PROVIDER,
        "feed.json",
        (
            "football Ann Town - Bob City 2026-04-18 11:30",
            "basketball Cat Kings - Dan Dukes 2026-04-15 18:00",
        ),
        (
            "Ann Town: ann_book 1x2 ft - draw 3.40",
            "Ann Town: ann_book asian_handicap ft -0.25 away 1.95",
            "Ann Town: ann_book total ht 1 over 2.00 stopped",
            "Ann Town: ann_book total ht 1 under 1.80",
            "Ann Town: ann_book total ft 2.5 under 2.25",
        ),
        results=("finished [('final', (99, 95)), ('ft', (88, 88))]",),
        unmapped={"colour_of_the_ball": 1, "first_scorer": 1},
    ),
    case(
        generic.PROVIDER,
        "feed.csv",
        ("ice_hockey Ann Town - Bob City 2026-04-17 15:30",),
        (
            "Ann Town: bob_exchange moneyline final - home 1.80",
            "Ann Town: bob_exchange moneyline final - away 2.05 stopped",
        ),
        results=("finished [('final', (3, 2)), ('ft', (2, 2))]",),
    ),
    *MORE_CASES,
)
EACH_CASE = pytest.mark.parametrize("one", CASES, ids=lambda one: f"{one.provider.key}-{one.name}")
EACH_PROVIDER = pytest.mark.parametrize("provider", BUILT_IN, ids=lambda one: one.key)


def test_every_provider_has_cases() -> None:
    assert {one.provider.key for one in CASES} == {provider.key for provider in BUILT_IN}


@EACH_CASE
def test_a_sample_says_what_it_says(one: Case) -> None:
    check_case(one)


def test_every_selection_of_a_sample_is_mapped_or_counted() -> None:
    for one in CASES:
        for counts in one.provider.parse(one.name, one.body).coverage:
            unmapped = sum(found.selections for found in counts.unmapped.values())
            assert counts.mapped + unmapped == counts.selections


@EACH_CASE
def test_a_body_is_of_one_provider_only(one: Case) -> None:
    head = one.body[:16_384]
    assert [p.key for p in BUILT_IN if p.recognises(head)] == [one.provider.key]
    assert feeds.provider_of(b"\xef\xbb\xbf" + one.body) is one.provider


@EACH_CASE
@settings(max_examples=40, deadline=None)
@given(at=st.integers(0, 1_000_000), value=st.integers(0, 255))
def test_a_flipped_byte(one: Case, at: int, value: int) -> None:
    body = bytearray(one.body)
    body[at % len(body)] = value
    check_bytes(one.provider, bytes(body))


@EACH_CASE
@settings(max_examples=25, deadline=None)
@given(at=st.integers(0, 1_000_000))
def test_a_body_that_was_cut_off(one: Case, at: int) -> None:
    check_bytes(one.provider, one.body[: at % len(one.body)])


HOSTILE: list[Any] = [
    "", " ", "0", "-0", "1", "-1", "9" * 400, "NaN", "1e999", "\u2212110", "\x00", "\ud800",
    "\u202e", "٣", "2026-04-16T19:00:00", "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59", "253402300799", "a" * 3_000, "A @ B", "A v A", "Draw", "Over",
    "home", None, True, 1.5, -3, [], {}, [[]], {"a": {}}, 10**400,
]  # fmt: skip


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a tree."""
    keys: list[Any] = []
    if isinstance(node, dict):
        keys = list(cast("dict[Any, Any]", node))
    elif isinstance(node, list):
        keys = list(range(len(cast("list[Any]", node))))
    for key in keys:
        yield node, key
        yield from places(node[key])


@EACH_CASE
@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 1_000_000), value=st.sampled_from(HOSTILE))
def test_a_hostile_value_anywhere_in_a_body(one: Case, at: int, value: Any) -> None:
    try:
        tree: Any = json.loads(one.body)
    except ValueError:
        lines = one.body.decode().splitlines()
        cells = lines[at % len(lines)].split(",")
        cells[at % len(cells)] = str(value)
        lines[at % len(lines)] = ",".join(cells)
        check_bytes(one.provider, "\n".join(lines).encode("utf-8", "surrogatepass"))
        return
    found = list(places(tree))
    node, key = found[at % len(found)]
    node[key] = value
    check_bytes(one.provider, json.dumps(tree).encode())


@EACH_PROVIDER
@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=2_000))
def test_any_bytes(provider: Provider, body: bytes) -> None:
    check_bytes(provider, body)


@EACH_PROVIDER
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b"\xff\xfe\x00",
        b"{}",
        b"[]",
        b"[{}]",
        b"null",
        b'{"data":[]}',
        b'{"eventGroup":{}}',
        b'{"attachments":{"events":[],"markets":3}}',
        b'{"overround_feed":1,"events":{"id":{}}}',
        b"1" * 100_000,
        b'"' + b"a" * 500_000,
        b"\x1f\x8b\x08\x00broken",
    ],
    ids=range(14),
)
def test_bodies_that_break_readers(provider: Provider, body: bytes) -> None:
    check_bytes(provider, body)
