"""Schedules on a clock that the test moves, against a server that misbehaves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from overround.core.errors import SettingsError
from overround.db.logins import Role
from overround.kit.settings import FeedsSettings
from overround.odds import feeds
from overround.roles.attach import Endpoints
from overround.roles.pull import asking, sources
from tests.roles import pulling
from tests.roles.pulling import STARTS, sport
from tests.stories.world import AT
from tests.support import misbehaving
from tests.support.misbehaving import MEGABYTE, Manner, Request, Server
from tests.support.servers import fresh_database
from tests.support.waiting import until_async

Urls = Mapping[Role, str]

SAMPLES: Final = Path(feeds.__file__).parent
GROUP_PATH: Final = "/sites/US-SB/api/v5/eventgroups/88808"
ODDS: Final[dict[str, Any]] = {"keys": ["key-one"], "sports": {"nfl": 60}}
FEED: Final = misbehaving.feed("Ann", STARTS, AT)
MINUTES: Final = 40
FIXTURES: Final = (
    b"Div,Date,Time,HomeTeam,AwayTeam,B365H,B365D,B365A\n"
    b"E0,04/03/2026,15:00,Arsenal,Chelsea,2.10,3.40,3.60\n"
)
ODDS_PATH: Final = "/v4/sports/americanfootball_nfl/odds"
BAD: Final = "the_odds_api nfl"

GOOD: Final = {
    "generic": {"sports": {"nfl": sport("/nfl"), "nba": sport("/nba", 600)}},
    "football_data": {"sports": {"fixtures": 120}},
}
WITH_BAD: Final = GOOD | {"the_odds_api": ODDS}

CASES: Final[dict[str, tuple[Manner, str]]] = {
    "silence": (misbehaving.silence, "timed_out"),
    "a byte now and then": (misbehaving.dribble, "timed_out"),
    "429 and nothing else": (misbehaving.status(429), "rate_limited"),
    "429 with the time": (misbehaving.status(429, retry_after="600"), "quota_spent"),
    "429 for a moment": (misbehaving.status(429, retry_after="30"), "rate_limited"),
    "500": (misbehaving.status(500), "server_error"),
    "half of a gzip": (misbehaving.gzipped(b"[]" * 500, keep=0.5), "encoding_broken"),
    "html": (misbehaving.body(b"<html>", "text/html"), "wrong_type"),
    "redirect inwards": (misbehaving.redirect("http://10.0.0.1/"), "redirect_refused"),
    "30 MB": (misbehaving.large, "too_large"),
    "a stream without end": (misbehaving.stream_without_end, "too_large"),
    "a bomb": (misbehaving.gzip_bomb(100 * MEGABYTE), "inflated_too_large"),
    "half an answer": (misbehaving.hang_up, "cut_short"),
    "not JSON": (misbehaving.body(b'{"a":'), "unreadable_not_json"),
    "another's JSON": (misbehaving.body(b'{"a": 1}'), "unreadable_unknown_layout"),
}


def well(server: Server) -> None:
    """Everybody but the one answers as they should."""
    for path in ("/nfl", "/nba"):
        server.serves[path] = misbehaving.body(FEED)
    server.serves["/fixtures.csv"] = misbehaving.body(FIXTURES, "text/csv")


def schedule_of(server: Server) -> dict[str, list[datetime]]:
    """When each path was asked for, but the bad one's."""
    paths = {one.path for one in server.asked} - {ODDS_PATH}
    return {path: server.times(path) for path in sorted(paths)}


@pytest.fixture(scope="module")
def undisturbed(endpoints: Endpoints) -> dict[str, list[datetime]]:
    """The others' schedule where there is no bad provider."""

    async def story(urls: Urls) -> dict[str, list[datetime]]:
        async with pulling.world(urls) as (db, server, pace):
            well(server)
            async with pulling.pulling(db, server, pace, pulling.settings(server, GOOD)) as run:
                await run.run_for(MINUTES)
            return schedule_of(server)

    with fresh_database(endpoints) as urls:
        return asyncio.run(story(urls))


@pytest.mark.parametrize("case", CASES)
def test_bad_providers_leave_the_others_timing_alone(
    database_urls: Urls, undisturbed: dict[str, list[datetime]], case: str
) -> None:
    """While one of them hangs, lies or dies, each other request comes at the very moment at which
    it comes without it; and how it ended has a name."""
    manner, state = CASES[case]

    async def story() -> dict[str, list[datetime]]:
        async with pulling.world(database_urls) as (db, server, pace):
            well(server)
            server.serves[ODDS_PATH] = manner
            hangs = state == "timed_out"
            deadline_s = pulling.DEADLINE_S if hangs else pulling.PATIENT_S
            said = pulling.settings(server, WITH_BAD, deadline_s=deadline_s)
            async with pulling.pulling(db, server, pace, said) as run:
                await run.run_for(MINUTES, without=[BAD])
                await until_async(lambda: BAD in pace.sleepers, "the bad one to end")
                assert await run.state("the_odds_api") == state
                assert await run.rows(
                    "SELECT ok, last_state FROM provider_hour WHERE provider = 'the_odds_api'"
                ) == [(0, state)]
            assert len(server.times(ODDS_PATH)) >= 1
            return schedule_of(server)

    found = asyncio.run(story())
    assert found == undisturbed
    for path, every_s in (("/fixtures.csv", 120), ("/nfl", 300), ("/nba", 600)):
        gaps_s = [(b - a).total_seconds() for a, b in pairwise(found[path])]
        assert all(every_s * 0.5 <= gap_s <= every_s * 1.5 for gap_s in gaps_s)
        assert len(gaps_s) >= MINUTES * 60 // (every_s * 1.5)


# -- what one provider asks for -----------------------------------------------------------------


def test_failures_are_met_with_patience_and_a_breaker(database_urls: Urls) -> None:
    """Twice as late each time; after five it is left alone; one trial then closes the breaker."""
    breaker = "SELECT breaker, failures FROM poll_provider WHERE provider = 'the_odds_api'"

    async def story() -> None:
        async with pulling.world(database_urls) as (db, server, pace):
            server.serves[ODDS_PATH] = misbehaving.status(500)
            said = pulling.settings(
                server, {"the_odds_api": ODDS}, breaker_s=14_400, breaker_s_max=14_400
            )
            async with pulling.pulling(db, server, pace, said) as run:
                await run.run_for(240)
                asked = server.times(ODDS_PATH)
                gaps_s = [(b - a).total_seconds() for a, b in pairwise(asked)]
                assert len(asked) == 5
                for gap_s, base_s in zip(gaps_s, (120, 240, 480, 960), strict=True):
                    assert base_s * 0.5 <= gap_s <= base_s * 1.5
                assert await run.rows(breaker) == [("open", 5)]
                server.serves[ODDS_PATH] = misbehaving.body(b"[]")
                await run.run_for(90)
                assert (server.times(ODDS_PATH)[5] - asked[-1]).total_seconds() >= 14_400
                assert await run.rows(breaker) == [("closed", 0)]
                assert await run.state("the_odds_api") == "ok"

    asyncio.run(story())


@pytest.mark.parametrize(
    ("headers", "at_least_s", "at_most_s"),
    [({"retry_after": "500"}, 500, 590), ({}, 30, 180)],
)
def test_a_429_is_waited_out(
    database_urls: Urls, headers: dict[str, Any], at_least_s: int, at_most_s: int
) -> None:
    """As long as it says; where it says nothing, as after any failure."""

    async def story() -> None:
        async with pulling.world(database_urls) as (db, server, pace):
            manner = misbehaving.status(429, **headers)
            server.serves["/nfl"] = misbehaving.in_turn(manner, misbehaving.body(FEED))
            said = pulling.settings(server, {"generic": {"sports": {"nfl": sport("/nfl", 60)}}})
            async with pulling.pulling(db, server, pace, said) as run:
                await run.run_for(30)
            first, second, *_ = server.times("/nfl")
            assert at_least_s <= (second - first).total_seconds() <= at_most_s

    asyncio.run(story())


def test_a_key_without_credits_gives_way_to_the_next(database_urls: Urls) -> None:
    """A key that is spent for the day is not asked with again; credits left are known of both."""
    spent = misbehaving.status(
        429, b'{"error_code": "OUT_OF_USAGE_CREDITS"}', x_requests_remaining="0"
    )

    async def by_key(request: Request, writer: asyncio.StreamWriter) -> None:
        good = misbehaving.body(b"[]", x_requests_remaining="490")
        await (spent if request.query["apiKey"] == "key-one" else good)(request, writer)

    async def story() -> None:
        async with pulling.world(database_urls) as (db, server, pace):
            server.serves[ODDS_PATH] = by_key
            two = ODDS | {"keys": ["key-one", "key-two"]}
            async with pulling.pulling(
                db, server, pace, pulling.settings(server, {"the_odds_api": two})
            ) as run:
                await run.run_for(10)
                assert await run.state("the_odds_api") == "ok"
                found = await run.rows("SELECT quota_left FROM poll_provider")
                assert found == [(490,)]
            keys = [one.query["apiKey"] for one in server.asked]
            assert keys.count("key-one") == 1
            assert keys.count("key-two") >= 5

    asyncio.run(story())


def test_keys_that_are_all_spent_rest_for_a_day(database_urls: Urls) -> None:
    async def story() -> None:
        async with pulling.world(database_urls) as (db, server, pace):
            server.serves[ODDS_PATH] = misbehaving.status(
                429, b'{"error_code": "OUT_OF_USAGE_CREDITS"}'
            )
            said = pulling.settings(server, {"the_odds_api": ODDS})
            async with pulling.pulling(db, server, pace, said) as run:
                await run.run_for(23 * 60)
                assert len(server.asked) == 1
                assert await run.state("the_odds_api") == "quota_spent"
                await run.run_for(90)
                assert len(server.asked) == 2

    asyncio.run(story())


def test_a_budget_is_shared_by_all_sports_of_a_provider(database_urls: Urls) -> None:
    """A dozen sports that are due every ten seconds, and six requests a minute."""

    async def story() -> None:
        async with pulling.world(database_urls) as (db, server, pace):
            sports = {f"s{n}": sport(f"/{n}", 10) for n in range(12)}
            for n in range(12):
                server.serves[f"/{n}"] = misbehaving.body(FEED)
            mine = {"sports": sports, "per_minute": 6, "burst": 2}
            said = pulling.settings(server, {"generic": mine})
            async with pulling.pulling(db, server, pace, said) as run:
                await run.run_for(3)
            times = sorted(one.at for one in server.asked)
            assert 16 <= len(times) <= 20
            for first, third in zip(times, times[2:], strict=False):
                assert (third - first).total_seconds() >= 10
            # Nobody is left out: who has waited longest comes first.
            assert len({one.path for one in server.asked}) >= 11

    asyncio.run(story())


def test_no_more_requests_at_once_than_a_provider_bears(database_urls: Urls) -> None:
    async def story() -> None:
        async with pulling.world(database_urls) as (db, server, pace):
            sports = {f"s{n}": sport(f"/{n}", 60) for n in range(5)}
            for n in range(5):
                server.serves[f"/{n}"] = misbehaving.silence
            mine = {"sports": sports, "concurrency": 2}
            said = pulling.settings(server, {"generic": mine}, deadline_s=30)
            async with pulling.pulling(db, server, pace, said) as run:
                await until_async(lambda: len(pace.sleepers) == 5, "all of them to sleep")
                while len(server.asked) < 2:
                    later = pace.at + timedelta(seconds=1)
                    pace.wake(later)
                    await asyncio.sleep(0.02)
                for _ in range(5):
                    pace.wake(pace.at + timedelta(seconds=5))
                    await until_async(lambda: len(pace.sleepers) == 3, "the others to wait")
                assert len(server.asked) == 2
                held = await run.rows("SELECT count(*) FROM poll WHERE token IS NOT NULL")
                assert held == [(2,)]
                began_s = time.monotonic()
                run.stop.set()
                await run.running
                assert time.monotonic() - began_s < 10
                # Whoever is next need not wait for claims under which nothing was heard.
                held = await run.rows("SELECT count(*) FROM poll WHERE token IS NOT NULL")
                assert held == [(0,)]

    asyncio.run(story())


# -- what is remembered ---------------------------------------------------------------------------


def test_what_has_not_changed_is_not_sent_and_is_seen_again(database_urls: Urls) -> None:
    """304 has no body, and the prices are as fresh as if it had one."""

    async def story() -> None:
        async with pulling.world(database_urls) as (db, server, pace):
            page = (SAMPLES / "draftkings/samples/nfl.json").read_bytes()
            server.serves[GROUP_PATH] = misbehaving.validated(page)
            said = pulling.settings(server, {"draftkings": {"sports": {"nfl": 60}}})
            async with pulling.pulling(db, server, pace, said) as run:
                await run.run_for(4)
                conditional = [one.headers.get("if-none-match") for one in server.asked]
                assert conditional == [None] + ['"1"'] * (len(conditional) - 1)
                assert len(conditional) > 2
                assert await run.state("draftkings") == "not_changed"
                letters = await run.rows("SELECT body FROM inbox ORDER BY received_at")
                found = [feeds.letter_of(row[0]) for row in letters]
                seen = sorted({b.observed_at for one in found for b in one.batches})
                assert seen == server.times(GROUP_PATH)

    asyncio.run(story())


def test_sports_that_ask_the_same_share_the_answer(database_urls: Urls) -> None:
    async def story() -> None:
        async with pulling.world(database_urls) as (db, server, pace):
            server.serves["/all"] = misbehaving.body(FEED)
            sports = {"nfl": sport("/all", 600), "nba": sport("/all", 600)}
            said = pulling.settings(server, {"generic": {"sports": sports}})
            async with pulling.pulling(db, server, pace, said) as run:
                await run.run_for(2)
                states = await run.rows("SELECT state FROM poll ORDER BY asked_at")
            assert len(server.asked) == 1
            assert states == [("ok",), ("fresh",)]

    asyncio.run(story())


def test_an_answer_stands_for_as_long_as_its_provider_says(database_urls: Urls) -> None:
    """But for no longer than five minutes."""

    async def story(max_age: str) -> list[float]:
        async with pulling.world(database_urls) as (db, server, pace):
            server.serves["/nfl"] = misbehaving.body(FEED, cache_control=f"public, {max_age}")
            said = pulling.settings(server, {"generic": {"sports": {"nfl": sport("/nfl", 60)}}})
            async with pulling.pulling(db, server, pace, said) as run:
                await run.run_for(20)
            times = server.times("/nfl")
            return [(b - a).total_seconds() for a, b in pairwise(times)]

    assert min(asyncio.run(story("max-age=200"))) >= 200


def test_changes_are_asked_for_from_where_the_last_answer_ended(database_urls: Urls) -> None:
    """And a new process goes on from there."""

    async def story() -> None:
        async with pulling.world(database_urls) as (db, server, pace):
            server.serves["/v3/fixtures"] = misbehaving.body(
                b'{"sportId": 29, "last": 1772452800001, "league": []}'
            )
            server.serves["/v4/odds"] = misbehaving.body(
                b'{"sportId": 29, "last": 1772452800007, "leagues": []}'
            )
            said = pulling.settings(
                server, {"pinnacle": {"keys": ["ann:word"], "sports": {"football": 60}}}
            )
            for _ in range(2):
                async with pulling.pulling(db, server, pace, said) as run:
                    await run.run_for(3)
                    pace.sleepers.clear()
            asked = [(one.path, one.query.get("since")) for one in server.asked]
            assert asked[:2] == [("/v3/fixtures", None), ("/v4/odds", None)]
            assert set(asked[2:]) == {
                ("/v3/fixtures", "1772452800001"),
                ("/v4/odds", "1772452800007"),
            }
            assert {one.headers["authorization"] for one in server.asked} == {"Basic YW5uOndvcmQ="}

    asyncio.run(story())


def test_two_processes_never_ask_twice(database_urls: Urls) -> None:
    """Two on one database ask as often as one does, and each request is somebody's."""

    async def story() -> None:
        async with pulling.world(database_urls) as (db, server, pace):
            well(server)
            said = pulling.settings(server, GOOD)
            other = pulling.SetPace()
            async with (
                pulling.pulling(db, server, pace, said, seed=1) as one,
                pulling.pulling(db, server, other, said, seed=2) as two,
            ):
                for minute in range(1, 31):
                    end = AT + timedelta(minutes=minute)
                    await asyncio.gather(
                        pace.run_until(end, one.pairs), other.run_until(end, two.pairs)
                    )
            for path, every_s in (("/fixtures.csv", 120), ("/nfl", 300), ("/nba", 600)):
                gaps_s = [(b - a).total_seconds() for a, b in pairwise(server.times(path))]
                # The two clocks run within a minute of each other.
                assert min(gaps_s) >= every_s * 0.5 - 60
                assert len(gaps_s) <= 30 * 60 / every_s * 1.5

    asyncio.run(story())


def test_a_tightening_window_is_kept(database_urls: Urls) -> None:
    """Every five minutes, and every thirty seconds from an hour before the start on."""

    async def story() -> None:
        async with pulling.world(database_urls) as (db, server, pace):
            starts_at = AT + timedelta(hours=2)
            server.serves["/nfl"] = misbehaving.body(misbehaving.feed("Ann", starts_at, AT))
            tight = sport("/nfl", 300, windows=[{"within_s": 3_600, "every_s": 30}])
            said = pulling.settings(server, {"generic": {"sports": {"nfl": tight}}})
            async with pulling.pulling(db, server, pace, said) as run:
                await run.run_for(90)
            opens_at = starts_at - timedelta(hours=1)
            times = server.times("/nfl")
            before = [at for at in times if at < opens_at]
            after = [at for at in times if at >= opens_at]
            assert 8 <= len(before) <= 20
            assert 40 <= len(after) <= 110
            assert (after[0] - opens_at).total_seconds() <= 30

    asyncio.run(story())


def test_nobody_is_asked_while_the_hub_takes_nothing(
    database_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "LETTERS_WAITING_MAX", 2)

    async def story() -> None:
        async with pulling.world(database_urls) as (db, server, pace):
            server.serves["/nfl"] = misbehaving.body(FEED)
            said = pulling.settings(server, {"generic": {"sports": {"nfl": sport("/nfl", 60)}}})
            async with pulling.pulling(db, server, pace, said) as run:
                await run.run_for(30)
                assert await run.rows("SELECT count(*) FROM inbox") == [(2,)]
            assert len(server.asked) == 2

    asyncio.run(story())


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("providers", "words"),
    [
        ({"nobody": {"sports": {"nfl": 60}}}, "feeds.providers.nobody"),
        ({"tennis_data": {"sports": {"atp": 60}}}, "not a provider that is asked"),
        ({"the_odds_api": {"sports": {"nfl": 60}}}, "feeds.providers.the_odds_api.keys"),
        ({"generic": {"sports": {"x": 60}}}, "feeds.providers.generic.base_url"),
        (
            {"generic": {"base_url": "https://ann.example", "sports": {"x": 60}}},
            r"sports\.x: .*\(path_missing\)",
        ),
        (
            {"pinnacle": {"keys": ["a:b"], "sports": {"chess": 60}}},
            r"sports\.chess: .*\(unknown_sport\)",
        ),
        (
            {
                "the_odds_api": {
                    "keys": ["a"],
                    "sports": {"nfl": {"every_s": 60, "options": {"regions": "moon"}}},
                }
            },
            "unknown_region",
        ),
    ],
)
def test_what_cannot_be_asked_stops_the_start(providers: dict[str, Any], words: str) -> None:
    said = FeedsSettings.model_validate({"providers": providers})
    with pytest.raises(SettingsError, match=words):
        sources.sources_of(said, AT)
