"""Workers at the hub's port: what they say is on the board, what is found is told, and whoever
cannot be believed any more is suspended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta

import pytest

from overround.core.clock import SetClock, WallClock
from overround.db import worker_keys
from overround.db.logins import Role
from overround.odds.feeds import FeedMarket
from overround.roles.attach import Endpoints
from overround.roles.hub import live as live_hub
from tests.roles.desk import UNITED, hub_port_of, living, match
from tests.stories.world import AT
from tests.support.waiting import until_async

Urls = Mapping[Role, str]

HOME = "sbo asian_handicap -0.5 home"
AWAY = "sbo asian_handicap -0.5 away"

# The messages of the first scrapers, letter by letter.
REGISTER = """{"type": "worker:register", "worker_id": "worker-sbo-12345", "site": "sbo",
 "timestamp": "2024-12-10T10:00:00"}"""
UPDATE = """{"type": "odds:update", "worker_id": "worker-sbo-12345", "site": "sbo",
 "timestamp": "2024-12-10T10:00:30",
 "data": {"site": "sbo", "matches": [{"home_team": "Manchester United", "away_team": "Chelsea",
  "odds": {"ft_hdp": {"home": 1.95, "away": 1.90, "handicap": -0.5},
           "ft_ou": {"over": 2.00, "under": 1.85, "line": 2.5}},
  "time": "15", "league": "Premier League"}], "count": 1}}"""


def test_the_first_scrapers_example_is_told_with_its_true_margin(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    """1.95 against 2.10 pays 1.1111 % in either case, and one opportunity is counted as one."""

    async def story() -> None:
        clock = SetClock(AT)
        async with hub_port_of(database_urls, endpoints, clock) as hub:
            # It is the fifteenth minute.
            began = AT - timedelta(minutes=15)
            await hub.event(*UNITED, began, "in play")
            sbo_token = await hub.key("sbo")
            async with hub.worker("sbo", "worker-sbo-12345", register=False) as sbo:
                await sbo.socket.send(json.dumps(json.loads(REGISTER) | {"token": sbo_token}))
                acknowledged = await sbo.hear("registration:ack")
                assert acknowledged["worker_id"] == "worker-sbo-12345"
                assert acknowledged["status"] == "registered"
                await sbo.socket.send(UPDATE)
                await hub.until_board(HOME, "1.95", "open")
                await hub.until_board("sbo total 2.5 under", "1.85", "open")
                async with hub.worker("ibc", seq=None) as ibc:
                    theirs = match(ft_hdp=(1.80, 2.10, -0.5), time="15'")
                    await ibc.update(theirs)
                    await hub.until_board("ibc asian_handicap -0.5 away", "2.10", "open")
                    # Nobody of the first form can be asked: what stands in the next pass is told.
                    clock.move_to(AT + timedelta(seconds=6))
                    await sbo.socket.send(UPDATE.replace("10:00:30", "10:00:36"))
                    await ibc.update(theirs)
                    told = await sbo.hear("arbitrage:opportunities")
                    assert told["count"] == len(told["opportunities"]) == 1
                    (found,) = told["opportunities"]
                    assert found["event"] == "manchester_united_vs_chelsea"
                    assert found["margin"] == 1.1111
                    assert (found["home"], found["away"]) == UNITED
                    assert found["market"] == "ft_hdp"
                    first, second = found["leg_1"], found["leg_2"]
                    assert (first["provider"], first["odds"], first["side"]) == (
                        "sbo", 1.95, "home",
                    )  # fmt: skip
                    assert (second["provider"], second["odds"], second["side"]) == (
                        "ibc", 2.10, "away",
                    )  # fmt: skip
                    assert first["line"] == second["line"] == -0.5
                    # Whoever comes later is told what stands.
                    assert (await ibc.hear("arbitrage:opportunities"))["count"] == 1
                    await ibc.update(match(ft_hdp=(1.80, 2.00, -0.5), time="15'"))
                    gone = await sbo.hear("arbitrage:opportunities")
                    assert gone["count"] == 0
                    assert gone["expired"] == [found["id"]]

    asyncio.run(story())


def test_a_lost_worker_is_suspended_until_it_has_said_the_whole(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            starts_at = hub.clock.now() + timedelta(hours=2)
            one = match(starts_at=starts_at, ft_hdp=("1.95", "1.90", "-0.5"))
            async with hub.worker("sbo") as worker:
                await worker.snapshot(one)
                await hub.until_board(HOME, "1.95", "open")
            await hub.until_board(HOME, "1.95", "suspended")
            async with hub.worker("sbo") as worker:
                # An update is not the whole, and a snapshot is none before its end.
                await worker.update(one)
                assert await worker.refused() == "snapshot_first"
                await worker.say("snapshot:begin")
                await worker.update(match(starts_at=starts_at, ft_hdp=("1.97", "1.88", "-0.5")))
                await worker.say("ping")
                await worker.hear("pong")
                assert hub.board()[HOME] == ("1.95", "suspended")
                await worker.say("snapshot:commit", count=1)
                await hub.until_board(HOME, "1.97", "open")
                rows = (await hub.get("/workers")).json()["workers"]
                assert [(row["state"], row["generation"]) for row in rows] == [("live", 2)]

    asyncio.run(story())


def test_a_snapshot_withdraws_what_it_did_not_contain(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            starts_at = hub.clock.now() + timedelta(hours=2)
            await hub.event("Arsenal", "Everton", starts_at, "second")
            united = match(starts_at=starts_at, ft_hdp=("1.95", "1.90", "-0.5"))
            arsenal = match("Arsenal", "Everton", starts_at=starts_at, ft_ou=("2.00", "1.80", "3"))
            async with hub.worker("sbo") as worker:
                await worker.snapshot(united, arsenal)
                await hub.until_board("sbo total 3 over", "2.00", "open")
                await hub.until_board(HOME, "1.95", "open")
                # A match in an update is all its rows.
                moved = match(starts_at=starts_at, ft_hdp={"away": "1.92", "handicap": "-0.5"})
                await worker.update(moved)
                await hub.until_board(HOME, "1.95", "withdrawn")
                assert hub.board()[AWAY] == ("1.92", "open")
                assert hub.board()["sbo total 3 over"] == ("2.00", "open")
                await worker.snapshot(moved)
                await hub.until_board("sbo total 3 over", "2.00", "withdrawn")
                assert hub.board()[AWAY] == ("1.92", "open")

    asyncio.run(story())


def test_a_heartbeat_keeps_a_connection_and_no_price(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    """A site that froze under a worker that lives: fifteen seconds without the whole are enough."""

    async def story() -> None:
        clock = SetClock(AT)
        async with hub_port_of(database_urls, endpoints, clock) as hub:
            one = match(starts_at=AT + timedelta(hours=2), ft_hdp=("1.95", "1.90", "-0.5"))
            async with hub.worker("sbo") as worker:
                await worker.snapshot(one)
                await hub.until_board(HOME, "1.95", "open")
                for second in range(1, 16):
                    clock.move_to(AT + timedelta(seconds=second))
                    await worker.say("ping")
                    await worker.hear("pong")
                await hub.until_board(HOME, "1.95", "suspended")
                (row,) = (await hub.get("/workers")).json()["workers"]
                assert (row["status"], row["state"]) == ("registered", "silent")
                await worker.snapshot(one)
                await hub.until_board(HOME, "1.95", "open")

    asyncio.run(story())


def test_a_worker_that_cannot_see_says_so(database_urls: Urls, endpoints: Endpoints) -> None:
    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            starts_at = hub.clock.now() + timedelta(hours=2)
            async with hub.worker("sbo") as worker:
                await worker.snapshot(match(starts_at=starts_at, ft_hdp=("1.95", "1.90", "-0.5")))
                await hub.until_board(HOME, "1.95", "open")
                await worker.say("worker:state", state="markup_changed")
                await hub.until_board(HOME, "1.95", "suspended")
                (row,) = (await hub.get("/workers")).json()["workers"]
                assert row["state"] == "markup_changed"

    asyncio.run(story())


def test_a_missing_number_suspends_and_a_snapshot_mends(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            starts_at = hub.clock.now() + timedelta(hours=2)
            one = match(starts_at=starts_at, ft_hdp=("1.95", "1.90", "-0.5"))
            async with hub.worker("sbo") as worker:
                await worker.snapshot(one)
                await hub.until_board(HOME, "1.95", "open")
                assert worker.seq is not None
                worker.seq += 1
                await worker.update(one)
                refusal = await worker.hear("error")
                assert (refusal["code"], refusal["snapshot_needed"]) == ("seq_gap", True)
                await hub.until_board(HOME, "1.95", "suspended")
                await worker.snapshot(one)
                await hub.until_board(HOME, "1.95", "open")

    asyncio.run(story())


def test_a_newer_connection_replaces_the_older(database_urls: Urls, endpoints: Endpoints) -> None:
    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            starts_at = hub.clock.now() + timedelta(hours=2)
            one = match(starts_at=starts_at, ft_hdp=("1.95", "1.90", "-0.5"))
            async with hub.worker("sbo") as old, hub.worker("sbo") as new:
                await new.snapshot(one)
                await hub.until_board(HOME, "1.95", "open")
                # The older one's end takes nothing of the newer one with it.
                assert await old.closed() == 4409
                await new.say("ping")
                await new.hear("pong")
                assert hub.board()[HOME] == ("1.95", "open")
                (row,) = (await hub.get("/workers")).json()["workers"]
                assert (row["status"], row["generation"]) == ("registered", 2)

    asyncio.run(story())


def test_a_late_message_of_a_replaced_connection_is_refused(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            starts_at = hub.clock.now() + timedelta(hours=2)
            async with hub.worker("sbo") as old:
                # Both at once: the message is on its way when the newer connection comes.
                late = match(starts_at=starts_at, ft_hdp=("9.00", "9.00", "-0.5"))
                async with hub.worker("sbo") as new:
                    await new.snapshot(match(starts_at=starts_at, ft_hdp=("1.95", "1.90", "-0.5")))
                    await asyncio.gather(old.snapshot(late), return_exceptions=True)
                    await hub.until_board(HOME, "1.95", "open")
                    assert await old.closed() == 4409
                    assert hub.board()[HOME] == ("1.95", "open")

    asyncio.run(story())


def test_a_new_hub_opens_nothing_before_a_snapshot(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    """What a hub that died left open is suspended by the next one."""

    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            starts_at = hub.clock.now() + timedelta(hours=2)
            one = match(starts_at=starts_at, ft_hdp=("1.95", "1.90", "-0.5"))
            token = await hub.key("sbo")
            async with hub.worker("sbo") as worker:
                await worker.snapshot(one)
                await hub.until_board(HOME, "1.95", "open")
                await hub.die()
                async with living(hub.world, endpoints, WallClock()) as heir:
                    await heir.until_board(HOME, "1.95", "suspended")
                    heir.tokens["sbo"] = token
                    async with heir.worker("sbo") as again:
                        await again.snapshot(one)
                        await heir.until_board(HOME, "1.95", "open")

    asyncio.run(story())


def test_the_second_look_asks_who_delivered_the_price(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            starts_at = hub.clock.now() + timedelta(hours=2)
            handicap = FeedMarket("asian_handicap", "ft", -2)
            async with hub.worker("sbo", confirms=True) as worker, hub.worker("ibc"):
                # The site shows the sides the other way round.
                swapped = match(
                    *reversed(UNITED), starts_at=starts_at, ft_hdp=("1.90", "1.95", "0.5")
                )
                await worker.snapshot(swapped)
                await hub.until_board(HOME, "1.95", "open")
                (event_id,) = hub.live.hub.board.event_ids()
                asking = asyncio.create_task(
                    hub.desk.confirm("sbo", event_id, handicap, "home", 20.0)
                )
                asked = await worker.hear("confirm:request")
                assert (asked["market"], asked["line"], asked["side"]) == ("ft_hdp", "0.5", "away")
                assert asked["home_team"] == UNITED[1]
                await worker.say("confirm:response", id=asked["id"], odds="1.93")
                assert await asking == 19_300
                # Nothing to be had, nobody who knows, nobody who answers.
                asking = asyncio.create_task(
                    hub.desk.confirm("sbo", event_id, handicap, "home", 20.0)
                )
                asked = await worker.hear("confirm:request")
                await worker.say("confirm:response", id=asked["id"], odds=None)
                assert await asking is None
                assert await hub.desk.confirm("ibc", event_id, handicap, "home", 20.0) is None
                assert await hub.desk.confirm("sbo", event_id, handicap, "home", 0.05) is None

    asyncio.run(story())


def test_what_a_worker_does_not_confirm_is_told_to_nobody(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    """Words repeat themselves; only an answer of each leg's own worker verifies an arbitrage."""

    async def story() -> None:
        clock = SetClock(AT)
        async with hub_port_of(database_urls, endpoints, clock) as hub:
            starts_at = AT + timedelta(hours=2)
            ours = match(starts_at=starts_at, ft_hdp=("1.95", "1.90", "-0.5"))
            theirs = match(starts_at=starts_at, ft_hdp=("1.80", "2.10", "-0.5"))
            async with (
                hub.worker("sbo", confirms=True) as sbo,
                hub.worker("ibc", confirms=True) as ibc,
            ):
                await sbo.snapshot(ours)
                await ibc.snapshot(theirs)
                asked = await sbo.confirm("1.95")
                assert (asked["market"], asked["line"], asked["side"]) == ("ft_hdp", "-0.5", "home")
                await ibc.confirm(None)
                clock.move_to(AT + timedelta(seconds=6))
                await sbo.snapshot(ours)
                await ibc.snapshot(theirs)
                # Both are asked again; what does not bear the price out is no more than nothing.
                await sbo.confirm("1.95")
                await ibc.confirm("2.07")
                assert not any(
                    said["type"] == "arbitrage:opportunities" for said in (*sbo.inbox, *ibc.inbox)
                )
                # A little less than was said still pays at the stakes that are told.
                await ibc.confirm("2.08")
                await sbo.confirm("1.95")
                told = await ibc.hear("arbitrage:opportunities")
                assert [one["leg_2"]["odds"] for one in told["opportunities"]] == [2.1]

    asyncio.run(story())


def test_a_frame_is_shown_long_before_the_next_turn_of_the_clock(
    database_urls: Urls, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_hub, "TICK_S", 60.0)

    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            starts_at = hub.clock.now() + timedelta(hours=2)
            async with hub.worker("sbo") as worker:
                for home in ("1.95", "1.96"):
                    await worker.snapshot(match(starts_at=starts_at, ft_hdp=(home, "1.90", "-0.5")))
                    await hub.until_board(HOME, home, "open")

    asyncio.run(story())


def test_a_revoked_key_ends_its_connection(database_urls: Urls, endpoints: Endpoints) -> None:
    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            starts_at = hub.clock.now() + timedelta(hours=2)
            async with hub.worker("sbo") as worker:
                await worker.snapshot(match(starts_at=starts_at, ft_hdp=("1.95", "1.90", "-0.5")))
                await hub.until_board(HOME, "1.95", "open")
                async with hub.world.worker.transaction(None) as conn:
                    await worker_keys.revoke(conn, "key-sbo", WallClock().now())
                assert await worker.closed() == 4401
                await hub.until_board(HOME, "1.95", "suspended")
            async with hub.worker("sbo", register=False) as worker:
                await worker.say("worker:register", token=worker.token)
                assert await worker.refused() == "unauthenticated"

    asyncio.run(story())


def test_a_person_sees_what_the_hub_sees(database_urls: Urls, endpoints: Endpoints) -> None:
    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            starts_at = hub.clock.now() + timedelta(hours=2)
            async with hub.worker("sbo") as worker:
                two_lines = [
                    {"home": "1.95", "away": "1.90", "handicap": "-0.5"},
                    {"home": "2.20", "away": "1.70", "handicap": "-0.5/1", "suspended": True},
                ]
                await worker.snapshot(match(starts_at=starts_at, ft_hdp=two_lines))
                await hub.until_board(HOME, "1.95", "open")
                assert (await hub.get("/")).json()["workers"] == 1
                assert (await hub.get("/health")).json()["status"] == "healthy"
                found = (await hub.get("/odds")).json()["odds"]["sbo"]
                assert found["count"] == 1
                assert found["matches"][0]["odds"] == {
                    "ft_hdp": [
                        {"home": 1.95, "away": 1.9, "handicap": -0.5},
                        {"home": 2.2, "away": 1.7, "handicap": -0.75, "suspended": True},
                    ]
                }
                assert (await hub.get("/odds?site=ibc")).json()["odds"]["ibc"]["count"] == 0
                assert (await hub.get("/odds?limit=0")).status_code == 422

    asyncio.run(story())


def test_two_workers_of_one_site_share_it(database_urls: Urls, endpoints: Endpoints) -> None:
    """Each sees one competition; the end of one suspends its own matches alone."""

    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            starts_at = hub.clock.now() + timedelta(hours=2)
            await hub.event("Arsenal", "Everton", starts_at, "second")
            united = match(starts_at=starts_at, ft_hdp=("1.95", "1.90", "-0.5"))
            arsenal = match("Arsenal", "Everton", starts_at=starts_at, ft_ou=("2.00", "1.80", "3"))
            async with hub.worker("sbo", "worker-sbo-1") as first:
                await first.snapshot(united)
                async with hub.worker("sbo", "worker-sbo-2") as second:
                    await second.snapshot(arsenal)
                    await hub.until_board("sbo total 3 over", "2.00", "open")
                    await hub.until_board(HOME, "1.95", "open")
                await hub.until_board("sbo total 3 over", "2.00", "suspended")
                assert hub.board()[HOME] == ("1.95", "open")
            await until_async(lambda: len(hub.desk) == 0, "both to be gone")

    asyncio.run(story())
