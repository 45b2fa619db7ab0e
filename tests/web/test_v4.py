"""`/v4` over HTTP: the original's shapes, costs, quota headers and names of mistakes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from overround.db.logins import Role
from overround.odds import catalogue
from overround.odds.board import SourceKind
from overround.odds.catalogue import Happened
from overround.odds.feeds import the_odds_api
from overround.odds.feeds.simulator import Simulator
from overround.people import sessions
from overround.roles.hub.writer import Hub
from tests.support.edge import AT, Edge, opened, system_of
from tests.support.quoted import THREE, event, say

Urls = Mapping[Role, str]


async def key_of(
    edge: Edge, name: str = "bot", plan: str = "free", host: str = "acme", **terms: Any
) -> str:
    """A new key of the tenant."""
    caller = system_of(edge.tenants[host].id)
    async with edge.worker_db.transaction(caller.tenant_id) as conn:
        _, token = await sessions.add_key(
            conn, caller, name, plan, terms.get("credits"), edge.clock.now()
        )
    return token


async def ask(
    client: httpx2.AsyncClient, key: str, path: str, status: int = 200, **query: Any
) -> httpx2.Response:
    answer = await client.get(f"/v4/{path}", params={"apiKey": key, **query})
    assert answer.status_code == status, answer.text
    return answer


def quota(answer: httpx2.Response) -> tuple[int, int, int]:
    """(remaining, used, last) as the headers say."""
    said = the_odds_api.quota_of(dict(answer.headers))
    assert said.remaining is not None
    assert said.used is not None
    assert said.last is not None
    return said.remaining, said.used, said.last


def test_odds_have_the_originals_shape_and_cost(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            event_id = await say(edge, Hub.empty(), event(), THREE)
            key = await key_of(edge)
            listed = (await ask(client, key, "sports")).json()
            assert listed == [
                {
                    "key": "soccer_epl", "group": "Soccer", "title": "Premier League",
                    "description": "England Premier League", "active": True,
                    "has_outrights": False,
                }
            ]  # fmt: skip
            answer = await ask(
                client, key, "sports/soccer_epl/odds", regions="eu,us", markets="h2h,spreads,totals"
            )
            assert quota(answer) == (500 - 6, 6, 6)
            (one,) = answer.json()
            bookmakers = {b["key"]: b for b in one.pop("bookmakers")}
            assert one == {
                "id": event_id.hex, "sport_key": "soccer_epl", "sport_title": "Premier League",
                "commence_time": "2026-03-02T12:00:00Z", "home_team": "Home one",
                "away_team": "Away one",
            }  # fmt: skip
            # bet365 is listed nowhere by this key: it is in every region.
            assert set(bookmakers) == {"bet365", "pinnacle", "draftkings"}
            assert bookmakers["draftkings"] == {
                "key": "draftkings",
                "title": "DraftKings",
                "last_update": "2026-03-01T12:00:00Z",
                "markets": [
                    {
                        "key": "h2h",
                        "last_update": "2026-03-01T12:00:00Z",
                        "outcomes": bookmakers["draftkings"]["markets"][0]["outcomes"],
                    }
                ],
            }
            h2h, spreads, _ = bookmakers["bet365"]["markets"]
            assert {o["name"]: o["price"] for o in h2h["outcomes"]} == {
                "Home one": 2.1, "Draw": 3.4, "Away one": 3.6,
            }  # fmt: skip
            assert {o["name"]: (o["price"], o["point"]) for o in spreads["outcomes"]} == {
                "Home one": (2.04, -0.75), "Away one": (1.86, 0.75),
            }  # fmt: skip
            totals = bookmakers["pinnacle"]["markets"][1]
            # Of two lines the one whose prices are nearest to each other is the main one.
            assert {(o["name"], o["point"]) for o in totals["outcomes"]} == {
                ("Over", 2.5), ("Under", 2.5),
            }  # fmt: skip

    asyncio.run(story())


def test_a_contest_is_an_outright_of_its_runners(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            feed = Simulator(3, AT, 1.0, has_races=True)
            told = feed.until(AT)
            races = [batch for batch in told.batches if batch.event.runners]
            kinds: dict[str, SourceKind] = {
                said.source: feed.source_kind(said.source) for b in races for said in b.prices
            }
            async with edge.worker_db.transaction(None) as conn:
                hub = Hub.empty()
                await hub.know(conn, [one for one in told.events if one.runners], AT, races)
                await hub.prices(conn, races, kinds, AT)
            key = await key_of(edge)
            (sport,) = (await ask(client, key, "sports")).json()
            assert sport["has_outrights"] is True
            answer = await ask(
                client, key, f"sports/{sport['key']}/odds", regions="eu", markets="outrights"
            )
            race = races[0].event
            one = next(o for o in answer.json() if o["id"] == hub.events[race.key].event_id.hex)
            assert (one["home_team"], one["away_team"]) == (None, None)
            (market,) = one["bookmakers"][0]["markets"]
            assert market["key"] == "outrights"
            assert {outcome["name"] for outcome in market["outcomes"]} <= set(race.runners)

    asyncio.run(story())


def test_what_we_serve_is_read_by_our_own_reader_of_the_original(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            await say(edge, Hub.empty(), event(), THREE)
            key = await key_of(edge)
            answer = await ask(
                client, key, "sports/soccer_epl/odds", regions="eu", markets="h2h,totals"
            )
            parsed = the_odds_api.parse("ours", answer.content, AT)
            assert not parsed.rejected
            (batch,) = parsed.batches
            quoted = {
                (p.source, p.market.market_type, p.side): p.price_e4
                for p in batch.prices
                if p.market.line_q4 in (None, 10)
            }
            assert quoted["pinnacle", "1x2", "home"] == 21_400
            assert quoted["pinnacle", "total", "over"] == 19_500
            assert batch.event.home == "Home one"

    asyncio.run(story())


def test_formats_and_filters(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            hub = Hub.empty()
            first = await say(edge, hub, event("one", hours=2), THREE)
            second = await say(edge, hub, event("two", hours=5), THREE)
            key = await key_of(edge)
            path = "sports/soccer_epl/odds"
            answer = await ask(
                client, key, path, bookmakers="pinnacle,williamhill", oddsFormat="american",
                dateFormat="unix", eventIds=first.hex, includeLinks="true", regions="us",
            )  # fmt: skip
            (one,) = answer.json()
            assert one["commence_time"] == int((AT + timedelta(hours=2)).timestamp())
            (bookmaker,) = one["bookmakers"]
            assert (bookmaker["key"], bookmaker["link"]) == ("pinnacle", None)
            prices = {o["name"]: o["price"] for o in bookmaker["markets"][0]["outcomes"]}
            assert prices == {"Home one": 114, "Draw": 230, "Away one": 275}
            assert quota(answer)[2] == 1
            later: dict[str, Any] = {
                "commenceTimeFrom": "2026-03-01T15:00:00Z",
                "regions": "eu",
            }
            (late,) = (await ask(client, key, path, **later)).json()
            assert late["id"] == second.hex
            soon = (await ask(client, key, "sports/upcoming/odds", regions="eu")).json()
            assert [e["id"] for e in soon] == [first.hex, second.hex]
            empty = await ask(
                client, key, path, regions="eu", commenceTimeFrom="2027-01-01T00:00:00Z"
            )
            assert (empty.json(), quota(empty)[2]) == ([], 0)

    asyncio.run(story())


def test_one_event_pays_for_the_markets_it_is_answered_with(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            event_id = await say(edge, Hub.empty(), event(), THREE)
            key = await key_of(edge)
            path = f"sports/soccer_epl/events/{event_id.hex}"
            asked: dict[str, Any] = {
                "regions": "eu,us",
                "markets": "h2h,alternate_totals,btts,player_points",
            }
            answer = await ask(client, key, f"{path}/odds", **asked)
            assert quota(answer)[2] == 2 * 2
            pinnacle = next(b for b in answer.json()["bookmakers"] if b["key"] == "pinnacle")
            lines = {o["point"] for m in pinnacle["markets"] for o in m["outcomes"] if "point" in o}
            assert lines == {2.5, 3.5}
            listed = await ask(client, key, f"{path}/markets", regions="us")
            keys = {b["key"]: [m["key"] for m in b["markets"]] for b in listed.json()["bookmakers"]}
            assert keys["draftkings"] == ["h2h", "h2h_3_way"]
            assert quota(listed)[2] == 1
            await ask(client, key, f"sports/soccer_epl/events/{'0' * 32}/odds", 404, regions="eu")
            events = await ask(client, key, "sports/soccer_epl/events")
            assert [e["id"] for e in events.json()] == [event_id.hex]
            assert quota(events)[2] == 0
            teams = await ask(client, key, "sports/soccer_epl/participants")
            assert [t["full_name"] for t in teams.json()] == ["Away one", "Home one"]

    asyncio.run(story())


def test_scores_are_texts_and_null_before_the_start(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            hub = Hub.empty()
            over = await say(edge, hub, event("one", hours=1), THREE)
            await say(edge, hub, event("two", hours=30), THREE)
            at = AT + timedelta(hours=3)
            edge.clock.move_to(at)
            told = Happened(over, "finished", {"ht": (1, 0), "ft": (2, 1)}, "a person", at, True)
            async with edge.worker_db.transaction(None) as conn:
                await catalogue.record_results(conn, [told])
            key = await key_of(edge)
            answer = await ask(client, key, "sports/soccer_epl/scores", daysFrom=1)
            done, ahead = answer.json()
            assert done["completed"] is True
            assert done["scores"] == [
                {"name": "Home one", "score": "2"}, {"name": "Away one", "score": "1"},
            ]  # fmt: skip
            assert (ahead["completed"], ahead["scores"], ahead["last_update"]) == (
                False, None, None,
            )  # fmt: skip
            assert quota(answer)[2] == 2
            short = await ask(client, key, "sports/soccer_epl/scores/")
            assert (len(short.json()), quota(short)[2]) == (1, 1)

    asyncio.run(story())


def test_the_past_stands_as_it_stood_and_costs_ten_times(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            hub, asked = Hub.empty(), event()
            await say(edge, hub, asked, THREE)
            moved = {"pinnacle": {"1x2": ("2.50", "3.30", "3.00")}}
            await say(edge, hub, asked, moved, AT + timedelta(minutes=20))
            edge.later(hours=1)
            key = await key_of(edge)
            for path in ("historical/sports/soccer_epl/odds", "sports/soccer_epl/odds-history/"):
                answer = await ask(
                    client, key, path, date="2026-03-01T12:07:30Z", bookmakers="pinnacle"
                )
                said = answer.json()
                assert said["timestamp"] == "2026-03-01T12:05:00Z"
                assert said["next_timestamp"] == "2026-03-01T12:10:00Z"
                outcomes = said["data"][0]["bookmakers"][0]["markets"][0]["outcomes"]
                assert {o["price"] for o in outcomes} == {2.14, 3.3, 3.75}
                assert quota(answer)[2] == 10

    asyncio.run(story())


def test_past_events_and_one_of_them_stand_as_they_stood(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            hub, asked = Hub.empty(), event()
            event_id = await say(edge, hub, asked, THREE)
            moved = {"pinnacle": {"1x2": ("2.50", "3.30", "3.00")}}
            await say(edge, hub, asked, moved, AT + timedelta(minutes=20))
            edge.later(days=2)
            key = await key_of(edge)
            past = "historical/sports/soccer_epl/events"
            answer = await ask(client, key, past, date="2026-03-01T12:10:00Z")
            assert [one["id"] for one in answer.json()["data"]] == [event_id.hex]
            assert "bookmakers" not in answer.json()["data"][0]
            assert quota(answer)[2] == 1
            # By then it had begun, and nothing is asked for what is not there.
            answer = await ask(client, key, past, date="2026-03-03T12:00:00Z")
            assert (answer.json()["data"], quota(answer)[2]) == ([], 0)
            for minute, price in ((10, 2.14), (25, 2.5)):
                answer = await ask(
                    client, key, f"{past}/{event_id.hex}/odds", date=f"2026-03-01T12:{minute}:00Z",
                    bookmakers="pinnacle", markets="h2h,totals,btts",
                )  # fmt: skip
                said = answer.json()
                assert said["timestamp"] == f"2026-03-01T12:{minute}:00Z"
                (bookmaker,) = said["data"]["bookmakers"]
                (winner,) = [m for m in bookmaker["markets"] if m["key"] == "h2h"]
                assert min(o["price"] for o in winner["outcomes"]) == price
                # What is in the answer is paid for, not what was asked for.
                assert quota(answer)[2] == 10 * len(bookmaker["markets"])
            late = {"date": "2026-03-03T11:00:00Z", "regions": "eu"}
            answer = await ask(client, key, f"{past}/{event_id.hex}/odds", 404, **late)
            assert answer.json()["error_code"] == "EVENT_NOT_FOUND"

    asyncio.run(story())


EARLY, LATE = "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"
MISTAKES = [
    ("sports/soccer_epl/odds", 422, "MISSING_REGION"),
    ("sports/soccer_epl/odds?regions=mars", 422, "INVALID_REGION"),
    # The original takes a bookmaker's key in the wrong place for nothing and answers h2h.
    ("sports/soccer_epl/odds?regions=us&markets=draftkings", 422, "INVALID_MARKET"),
    ("sports/soccer_epl/odds?regions=us&markets=btts", 422, "INVALID_MARKET"),
    ("sports/soccer_epl/odds?bookmakers=nobody", 422, "INVALID_BOOKMAKERS"),
    ("sports/soccer_epl/odds?bookmakers=" + ",".join(f"b{n}" for n in range(101)), 422,
     "INVALID_BOOKMAKERS"),
    ("sports/soccer_epl/odds?regions=us&oddsFormat=malay", 422, "INVALID_ODDS_FORMAT"),
    ("sports/soccer_epl/odds?regions=us&dateFormat=mdy", 422, "INVALID_DATE_FORMAT"),
    ("sports/soccer_epl/odds?regions=us&eventIds=7", 422, "INVALID_EVENT_IDS"),
    ("sports/soccer_epl/odds?regions=us&commenceTimeFrom=today", 422, "INVALID_COMMENCE_TIME_FROM"),
    ("sports/soccer_epl/odds?regions=us&commenceTimeTo=2026-13-01T00:00:00Z", 422,
     "INVALID_COMMENCE_TIME_TO"),
    (f"sports/soccer_epl/odds?regions=us&commenceTimeFrom={LATE}&commenceTimeTo={EARLY}", 422,
     "INVALID_COMMENCE_TIME_RANGE"),
    ("sports/soccer_epl/odds?regions=us&eventId=7", 422, "INVALID_PARAMETER"),
    ("sports/soccer_epl/odds?regions=us&regions=eu", 422, "INVALID_PARAMETER"),
    ("sports/soccer_epl/odds?regions=us&markets=" + "h" * 4_001, 422, "INVALID_PARAMETER"),
    ("sports/soccer_epl/odds?regions=us&includeLinks=maybe", 422, "INVALID_PARAMETER"),
    ("sports/soccer_epl/scores?daysFrom=4", 422, "INVALID_SCORES_DAYS_FROM"),
    ("sports?all=maybe", 422, "INVALID_ALL_SPORTS_PARAM"),
    ("historical/sports/soccer_epl/odds?regions=us", 422, "MISSING_DATE"),
    ("historical/sports/soccer_epl/odds?regions=us&date=2030-01-01T00:00:00Z", 422,
     "INVALID_HISTORICAL_TIMESTAMP"),
    ("historical/sports/soccer_epl/events", 422, "MISSING_DATE"),
    ("historical/sports/soccer_epl/events?regions=us", 422, "INVALID_PARAMETER"),
    ("historical/sports/soccer_epl/events/7/odds?regions=us&date=2026-03-01T11:00:00Z", 404,
     "EVENT_NOT_FOUND"),
    ("sports/soccer_moon/odds?regions=us", 404, "UNKNOWN_SPORT"),
    ("sports/soccer_epl/events/7/odds?regions=us", 404, "EVENT_NOT_FOUND"),
]  # fmt: skip


def test_a_mistake_is_named_and_costs_nothing(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            await say(edge, Hub.empty(), event(), THREE)
            key = await key_of(edge)
            for path, status, code in MISTAKES:
                edge.later(seconds=1)
                answer = await client.get(f"/v4/{path}{'&' if '?' in path else '?'}apiKey={key}")
                said = answer.json()
                assert (answer.status_code, said["error_code"]) == (status, code), (path, said)
                assert said["code"] == code
                assert {"message", "details_url"} <= said.keys()
            assert quota(await ask(client, key, "sports"))[1] == 0

    asyncio.run(story())


@pytest.mark.parametrize("sent", ["", "nonsense", "0" * 32])
def test_who_has_no_key_is_told_so(database_urls: Urls, sent: str) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            answer = await client.get("/v4/sports", params={"apiKey": sent} if sent else {})
            code = "INVALID_KEY" if sent else "MISSING_KEY"
            assert (answer.status_code, answer.json()["error_code"]) == (401, code)

    asyncio.run(story())


def test_a_key_is_worth_nothing_at_another_tenant_or_when_revoked(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            key = await key_of(edge)
            await ask(client, key, "sports")
            async with edge.client("sakura") as other:
                assert (await ask(other, key, "sports", 401)).json()["error_code"] == "INVALID_KEY"
            caller = system_of(edge.tenants["acme"].id)
            async with edge.worker_db.transaction(caller.tenant_id) as conn:
                await sessions.revoke_key(conn, caller, "bot", edge.clock.now())
            said = (await ask(client, key, "sports", 401)).json()
            assert said["error_code"] == "DEACTIVATED_KEY"

    asyncio.run(story())


def test_the_last_credit_is_spent_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            await say(edge, Hub.empty(), event(), THREE)
            key = await key_of(edge, credits=7)
            path = "sports/soccer_epl/odds"
            query = {"apiKey": key, "regions": "eu"}
            answers = await asyncio.gather(
                *(client.get(f"/v4/{path}", params=query) for _ in range(12))
            )
            codes = sorted(answer.status_code for answer in answers)
            assert codes == [200] * 7 + [401] * 5
            refused = next(a for a in answers if a.status_code == 401)
            assert refused.json()["error_code"] == "OUT_OF_USAGE_CREDITS"
            assert quota(await ask(client, key, "sports")) == (0, 7, 0)
            edge.clock.move_to(AT + timedelta(days=40))
            assert quota(await ask(client, key, "sports")) == (7, 0, 0)

    asyncio.run(story())


def test_who_asks_too_fast_waits(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            key = await key_of(edge)
            for _ in range(30):
                await ask(client, key, "sports")
            slow = await ask(client, key, "sports", 429)
            assert slow.json()["error_code"] == "EXCEEDED_FREQ_LIMIT"
            assert slow.headers["retry-after"] == "1"
            edge.later(seconds=1)
            await ask(client, key, "sports")

    asyncio.run(story())


def test_numbers_are_written_from_their_digits(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            said = {"pinnacle": {"1x2": ("1.9091", "3.4", "10.00")}}
            await say(edge, Hub.empty(), event(), said)
            answer = await ask(client, await key_of(edge), "sports/soccer_epl/odds", regions="eu")
            (one,) = json.loads(answer.content, parse_float=Decimal)
            outcomes = one["bookmakers"][0]["markets"][0]["outcomes"]
            assert {o["name"]: str(o["price"]) for o in outcomes} == {
                "Home one": "1.9091", "Draw": "3.4", "Away one": "10",
            }  # fmt: skip

    asyncio.run(story())


# As a client library of the original sends them, slashes and defaults too.
SENT = [
    "sports/?all=false",
    "sports/",
    "sports/soccer_epl/odds?regions=us%2Ceu&markets=h2h%2Ctotals&oddsFormat=american",
    "sports/soccer_epl/events/{event}/odds/?regions=eu&markets=h2h%2Cbtts",
    "sports/soccer_epl/scores/?daysFrom=1",
    "sports/soccer_epl/odds-history/?regions=eu&markets=h2h&date=2026-03-01T12%3A00%3A00Z",
]


def test_requests_of_a_client_of_the_original_are_answered(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            event_id = await say(edge, Hub.empty(), event(), THREE)
            key = await key_of(edge)
            for sent in SENT:
                path = sent.format(event=event_id.hex)
                answer = await client.get(f"/v4/{path}{'&' if '?' in path else '?'}apiKey={key}")
                assert answer.status_code == 200, answer.text
                assert answer.json()
                assert int(answer.headers["x-requests-remaining"]) >= 0

    asyncio.run(story())
