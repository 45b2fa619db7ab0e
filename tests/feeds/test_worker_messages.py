"""The worker protocol without a socket: what is read, what is refused and why, what comes when."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.core import line, price
from overround.core.errors import ProviderDataError
from overround.odds.feeds import FeedEvent, FeedPrice
from overround.odds.feeds import worker as protocol
from overround.odds.feeds.worker import (
    ConfirmRequest,
    ConfirmResponse,
    Match,
    OddsUpdate,
    Register,
    Row,
    SnapshotCommit,
    Speaker,
)

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
Wire = dict[str, Any]


def read(said: Wire | str, at: datetime = AT) -> protocol.Message:
    return protocol.message(said if isinstance(said, str) else json.dumps(said), at)


def update(*matches: Wire, site: str = "sbo", **more: Any) -> Wire:
    return {
        "type": "odds:update",
        "site": site,
        "data": {"site": site, "matches": list(matches)} | more,
    }


def united(**more: Any) -> Wire:
    """A match with one handicap, and whatever else."""
    odds = {"ft_hdp": {"home": 1.95, "away": 1.90, "handicap": -0.5}}
    return {
        "home_team": "Manchester United",
        "away_team": "Chelsea",
        "league": "Premier League",
        "time": "15",
        "odds": odds,
    } | more


def quoted(prices: Sequence[FeedPrice]) -> list[str]:
    """ "asian_handicap ft -0.5 home 1.95", sorted."""
    return sorted(
        " ".join(
            (
                one.market.market_type,
                one.market.period,
                *([line.to_text(one.market.line_q4)] if one.market.line_q4 is not None else []),
                one.side,
                price.to_text(one.price_e4),
                *(["suspended"] if one.suspended else []),
            )
        )
        for one in prices
    )


def only(said: Wire, at: datetime = AT) -> protocol.SiteEvent:
    found = read(said, at)
    assert isinstance(found, OddsUpdate)
    assert not found.rejected
    (event,) = found.events
    return event


# -- what is read ----------------------------------------------------------------------------------


def test_a_match_in_play_began_as_many_minutes_ago() -> None:
    for written, minutes in (("15", 15), ("15'", 15), ("45+2", 47), ("HT", 45), ("60", 75)):
        found = only(update(united(time=written)))
        assert found.event.starts_at == AT - timedelta(minutes=minutes), written
        assert found.start_is_guess
    dated = only(update(united(starts_at="2026-03-02T20:00:00+08:00", time="Live")))
    assert (dated.event.starts_at, dated.start_is_guess) == (AT, False)


def test_a_match_without_an_id_keeps_the_one_it_is_given() -> None:
    """The minute goes on, the id does not change; another day's match of the two is another."""
    ids = [
        only(update(united(time=str(minute))), AT + timedelta(minutes=minute)).event
        for minute in (1, 40, 90)
    ]
    assert len({event.provider_event_id for event in ids}) == 1
    later = only(update(united()), AT + timedelta(days=1)).event
    assert later.provider_event_id != ids[0].provider_event_id
    own = only(update(united(event_id="sbo:77"))).event
    assert own.key == ("worker_sbo", "sbo:77")


@pytest.mark.parametrize(
    ("odds_format", "written", "expected"),
    [
        ("decimal", "1.95", "1.95"),
        ("malay", "0.95", "1.95"),
        ("malay", "-0.80", "2.25"),
        ("hongkong", "0.95", "1.95"),
        ("indonesian", "-1.25", "1.80"),
        ("american", "-110", "1.909"),
    ],
)
def test_prices_are_read_in_the_format_of_their_site(
    odds_format: str, written: str, expected: str
) -> None:
    odds = {"ft_ou": {"over": written, "line": "2.5"}}
    found = only(update(united(odds=odds), odds_format=odds_format))
    assert quoted(found.prices) == [f"total ft 2.5 over {expected}"]
    assert found.prices[0].source_text == written


def test_every_market_has_its_name() -> None:
    odds = {
        "ft_hdp": [
            {"home": "1.95", "away": "1.90", "handicap": "-0.5/1"},
            {"home": "2.30", "away": None, "handicap": "-1", "suspended": True},
        ],
        "ht_ou": {"over": 2, "under": "", "line": 1},
        "ft_1x2": {"home": "1.8", "draw": "3.6", "away": "4.5"},
        "both_teams_to_score:ft": {"yes": "1.7", "no": "2.1"},
        "ml": {"home": "1.5"},
    }
    assert quoted(only(update(united(odds=odds))).prices) == [
        "1x2 ft away 4.50",
        "1x2 ft draw 3.60",
        "1x2 ft home 1.80",
        "asian_handicap ft -0.75 away 1.90",
        "asian_handicap ft -0.75 home 1.95",
        "asian_handicap ft -1 home 2.30 suspended",
        "both_teams_to_score ft no 2.10",
        "both_teams_to_score ft yes 1.70",
        "moneyline final home 1.50",
        "total ht 1 over 2.00",
    ]


def test_what_a_client_writes_is_what_the_hub_reads() -> None:
    seen = Match(
        "Manchester United",
        "Chelsea",
        "Premier League",
        (
            Row("ft_hdp", {"home": "0.95", "away": "0.93"}, "-0/0.5"),
            Row("ft_hdp", {"home": "-0.85"}, "-0.5", suspended=True),
            Row("ft_1x2", {"draw": "0.99"}),
        ),
        event_id="77",
        starts_at=AT + timedelta(hours=2),
    )
    speaker = Speaker("worker-sbo-1", "sbo", "malay")
    speaker.hello("token", AT)
    begin, said, commit = [read(one) for one in speaker.seen([seen], AT)]
    assert [one.envelope.seq for one in (begin, said, commit)] == [1, 2, 3]
    assert isinstance(said, OddsUpdate)
    assert isinstance(commit, SnapshotCommit)
    assert commit.count == said.count == 1
    assert said.events[0].event.starts_at == seen.starts_at
    assert quoted(said.events[0].prices) == [
        "1x2 ft draw 1.99",
        "asian_handicap ft -0.25 away 1.93",
        "asian_handicap ft -0.25 home 1.95",
        "asian_handicap ft -0.5 home 2.1764 suspended",
    ]


def test_a_client_says_what_differs_and_now_and_then_the_whole() -> None:
    def seen(*names: str, odds: str = "1.95") -> list[Match]:
        rows = (Row("ft_ou", {"over": odds}, "2.5"),)
        return [Match(name, "Chelsea", "League", rows, starts_at=AT) for name in names]

    def kinds(said: Sequence[Wire]) -> list[str]:
        return [one["type"] for one in said]

    whole = ["snapshot:begin", "odds:update", "snapshot:commit"]
    speaker = Speaker("worker-sbo-1", "sbo")
    speaker.hello("token", AT)
    assert speaker.moved(seen("Ann"), AT) == []
    assert kinds(speaker.seen(seen("Ann", "Bob"), AT)) == whole
    assert speaker.seen(seen("Ann", "Bob"), AT + SECOND) == []
    (said,) = speaker.seen([*seen("Ann", odds="1.96"), *seen("Bob")], AT + SECOND)
    assert [one["home_team"] for one in said["data"]["matches"]] == ["Ann"]
    assert kinds(speaker.moved(seen("Bob", odds="2.00"), AT + SECOND)) == ["odds:update"]
    assert kinds(speaker.seen(seen("Ann", odds="1.96"), AT + 2 * SECOND)) == whole
    assert kinds(speaker.seen(seen("Ann", odds="1.96"), AT + 7 * SECOND)) == whole
    speaker.heard('{"type": "error", "code": "seq_gap", "snapshot_needed": true}')
    assert kinds(speaker.seen(seen("Ann", odds="1.96"), AT + 8 * SECOND)) == whole
    many = seen(*(f"Team {n}" for n in range(450)))
    numbered = speaker.seen(many, AT + 20 * SECOND)
    assert kinds(numbered) == ["snapshot:begin", *["odds:update"] * 3, "snapshot:commit"]
    assert all(len(json.dumps(one)) < protocol.MAX_FRAME_BYTES for one in numbered)


def test_a_request_to_look_again_reads_as_it_was_written() -> None:
    asked = ConfirmRequest("1-2", "77", "Ann", "Bob", "asian_handicap", "ht", -3, "away")
    heard = Speaker("worker-sbo-1", "sbo").heard(json.dumps(protocol.confirm_request(asked, AT)))
    assert heard.asked == asked
    answer = Speaker("worker-sbo-1", "sbo", "hongkong").answer(asked, "0.95", AT)
    found = read(answer)
    assert isinstance(found, ConfirmResponse)
    assert (found.request_id, found.price_e4) == ("1-2", 19_500)


# -- what is refused -------------------------------------------------------------------------------

PING: Wire = {"type": "ping"}
COMMIT: Wire = {"type": "snapshot:commit", "seq": 1, "count": 0}
REGISTER: Wire = {"type": "worker:register", "worker_id": "w", "site": "sbo"}


UNREAD: Sequence[tuple[Wire | str, str]] = (
    ("[", "not_json"),
    ("[" * 100_000, "not_json"),
    ("[]", "unknown_type"),
    ('{"type": "odds:delete"}', "unknown_type"),
    ('{"type": ["ping"]}', "unknown_type"),
    (" " * (protocol.MAX_FRAME_BYTES + 1), "message_too_large"),
    (PING | {"worker_id": ""}, "worker_id_invalid"),
    (PING | {"worker_id": "a" * 81}, "worker_id_invalid"),
    (PING | {"worker_id": "a\nb"}, "worker_id_invalid"),
    (PING | {"site": "SBO"}, "site_invalid"),
    (PING | {"site": "s" * 41}, "site_invalid"),
    (PING | {"seq": -1}, "seq_invalid"),
    (PING | {"seq": 2**53}, "seq_invalid"),
    (PING | {"seq": 1.5}, "seq_invalid"),
    (PING | {"timestamp": "yesterday"}, "timestamp_invalid"),
    (PING | {"timestamp": "0001-01-01T00:00:00+14:00"}, "timestamp_invalid"),
    (REGISTER | {"token": "t" * 201}, "token_invalid"),
    (REGISTER | {"token": "\u00e9"}, "token_invalid"),
    ({"type": "worker:register", "site": "sbo"}, "worker_id_invalid"),
    ({"type": "worker:register", "worker_id": "w"}, "site_invalid"),
    (COMMIT | {"count": "many"}, "count_wrong"),
    ({"type": "odds:update", "site": "sbo"}, "data_invalid"),
    (update() | {"data": {"matches": {}}}, "data_invalid"),
    ({"type": "odds:update", "data": {"matches": []}}, "site_invalid"),
    (update(*[united()] * 501), "too_many_matches"),
    (update(united(), count=2), "count_wrong"),
    (update(odds_format="roman"), "odds_format_unknown"),
    (update(sport="../"), "sport_invalid"),
    ({"type": "worker:state", "state": "is fine!"}, "state_invalid"),
    ({"type": "confirm:response", "odds": 2}, "request_id_invalid"),
    ({"type": "confirm:response", "id": "1", "odds": 0.5}, "odds_invalid"),
)


@pytest.mark.parametrize(("said", "code"), UNREAD)
def test_a_message_that_cannot_be_read_is_refused_by_name(said: Wire | str, code: str) -> None:
    with pytest.raises(ProviderDataError) as refused:
        read(said)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("match", "reason"),
    [
        ({}, "home_missing"),
        (united(home_team="x" * 201), "home_invalid"),
        (united(away_team="manchester united"), "same_participants"),
        (united(league=""), "league_missing"),
        (united(time="soon"), "start_missing"),
        (united(time="201"), "start_missing"),
        (united(starts_at="2026-03-02T20:00:00"), "start_invalid"),
        (united(event_id="a b"), "id_invalid"),
        (united(sport="A"), "sport_invalid"),
        (united(odds=[]), "odds_missing"),
        (united(odds={str(n): {} for n in range(61)}), "too_many_markets"),
        (united(odds={"ft_ou": [{}] * 41}), "too_many_lines"),
        (united(odds={"ft_xx": {"home": 2}}), "market_unknown"),
        (united(odds={"ft_hdp": {"home": 2}}), "line_missing"),
        (united(odds={"ft_hdp": {"home": 2, "handicap": 0.3}}), "line_invalid"),
        (united(odds={"ft_1x2": {"home": 0.5}}), "price_not_above_one"),
        (united(odds={"ft_1x2": {"home": "NaN"}}), "price_invalid"),
    ],
)
def test_a_bad_match_costs_itself_only(match: Wire, reason: str) -> None:
    good = united(home_team="Arsenal")
    found = read(update(match, good))
    assert isinstance(found, OddsUpdate)
    assert [one.reason for one in found.rejected] == [reason]
    assert "Arsenal" in {one.event.home for one in found.events}
    assert found.count == 2
    # Of a match that is known nothing old stands.
    assert all(not one.prices for one in found.events if one.event.home != "Arsenal")


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
_KINDS = st.sampled_from(
    ["worker:register", "odds:update", "snapshot:commit", "worker:state", "confirm:response"]
)


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_the_refusal(frame: bytes) -> None:
    with pytest.raises(ProviderDataError):
        protocol.message(frame, AT)


@given(_KINDS, _JSON, _JSON, _JSON, _JSON)
def test_no_values_raise_anything_but_the_refusal(
    kind: str, odds: object, name: object, other: object, when: object
) -> None:
    match = {"home_team": name, "away_team": other, "league": "L", "time": when, "odds": odds}
    said = {
        "type": kind, "site": "sbo", "worker_id": "w", "token": name, "state": name, "id": name,
        "count": other, "odds": odds, "timestamp": when,
        "data": {"site": "sbo", "matches": [match, united(odds={"ft_ou": odds})], "sport": other},
    }  # fmt: skip
    with suppress(ProviderDataError):
        read(json.dumps(said))


def test_the_messages_of_the_reference_are_read() -> None:
    text = (Path(__file__).parents[2] / "docs/reference/workers.md").read_text(encoding="utf-8")
    decoder = json.JSONDecoder()
    kinds: set[str] = set()
    for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL):
        rest = block.strip()
        while rest:
            said, end = decoder.raw_decode(rest)
            found = read(said | {"token": "t", "id": "1"})
            if isinstance(found, OddsUpdate):
                assert len(quoted(found.events[0].prices)) == 6
            kinds.add(said["type"])
            rest = rest[end:].strip()
    assert len(kinds) == 7


def test_a_token_is_not_printed() -> None:
    found = read(REGISTER | {"token": "ovw_secret"})
    assert isinstance(found, Register)
    assert "secret" not in repr(found)
    assert found.token == "ovw_secret"


def test_a_price_that_was_read_before_is_the_one_that_is_read_anew() -> None:
    def prices(odds_format: str, **more: Any) -> tuple[FeedPrice, ...]:
        row = {"home": "0.95", "away": "-0.90", "handicap": "-0.5"} | more
        said = update(united(odds={"ft_hdp": row}), odds_format=odds_format)
        message = read(said)
        assert isinstance(message, OddsUpdate)
        return message.events[0].prices

    first = prices("malay")
    assert [one.price_e4 for one in first] == [19_500, 21_111]
    assert prices("malay") == first
    # The same text means something else in another format, on another line, and where it is shut.
    assert prices("decimal") == ()
    assert {one.market.line_q4 for one in prices("malay", handicap="0.5")} == {2}
    assert all(one.suspended for one in prices("malay", suspended=True))


def test_a_match_that_was_named_before_is_the_one_that_is_read_anew() -> None:
    hour = timedelta(hours=1)
    said = {hours: f"2026-11-22T{15 + hours}:00:00Z" for hours in (0, 1)}

    def event(at: datetime, **more: Any) -> FeedEvent:
        return only(update(united(**more)), at).event

    first = event(AT, starts_at=said[0])
    assert event(AT + hour, starts_at=said[0]) == first
    # Another start is another one, and one that is reckoned moves with the clock.
    assert event(AT, starts_at=said[1]).starts_at == first.starts_at + hour
    assert event(AT + hour).starts_at == event(AT).starts_at + hour


def test_a_large_frame_is_read_in_parts() -> None:
    said = update(*(united(home_team=f"Town {n}") for n in range(23)))
    whole: list[protocol.Message] = []

    def reading() -> Iterator[None]:
        whole.append((yield from protocol.message_by_parts(json.dumps(said), AT)))

    assert sum(1 for _ in reading()) == 4
    assert whole == [read(said)]
