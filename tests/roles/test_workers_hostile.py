"""What comes to the hub's port unwanted: refused by name, counted, and nobody else's trouble."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from overround.core.clock import SetClock
from overround.db.logins import Role
from overround.kit import loop
from overround.kit.settings import HubSettings
from overround.odds.feeds.worker import MAX_FRAME_BYTES, Envelope, Register
from overround.roles import api
from overround.roles.attach import Endpoints
from overround.roles.hub import port as hub_port
from overround.roles.hub import worker_socket
from overround.roles.hub.worker_socket import Door
from overround.roles.hub.workers import OUTBOX_MAX, Connection, Desk
from tests.roles.desk import Hub, hub_port_of, match
from tests.stories.world import AT, opened
from tests.support.waiting import until_async

Urls = Mapping[Role, str]

HOME = "sbo asian_handicap -0.5 home"


async def first_answer(hub: Hub, said: str | bytes, **headers: str) -> tuple[str, int]:
    """What the hub says to a stranger's first message, and with which code it closes."""
    async with connect(
        hub.url, compression=None, proxy=None, additional_headers=headers
    ) as stranger:
        await stranger.send(said)
        async with asyncio.timeout(20):
            code = json.loads(await stranger.recv())["code"]
            await stranger.wait_closed()
        assert stranger.close_code is not None
        return code, stranger.close_code


def test_a_stranger_is_refused_by_name(database_urls: Urls, endpoints: Endpoints) -> None:
    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            token = await hub.key("sbo")
            await hub.key("ibc")
            register = {"type": "worker:register", "worker_id": "w", "site": "sbo"}
            prices = match(time="15", ft_hdp=("1.95", "1.90", "-0.5"))
            update = {"type": "odds:update", "site": "sbo", "data": {"matches": [prices]}}
            right = {"Authorization": f"Bearer {token}"}
            for said, headers, answer in (
                (register, {}, ("unauthenticated", 4401)),
                (register | {"token": "ovw_guess"}, {}, ("unauthenticated", 4401)),
                # A wrong header is not made good by a right message.
                (register | {"token": token}, {"Authorization": "Bearer no"}, (
                    "unauthenticated", 4401)),
                (update, right, ("out_of_turn", 4401)),
                ({"type": "ping"}, right, ("out_of_turn", 4401)),
                ({"type": "worker:grant"}, right, ("unknown_type", 4401)),
                (register | {"site": "ibc"}, right, ("foreign_site", 4403)),
                (register | {"site": "ibc", "token": token}, {}, ("foreign_site", 4403)),
            ):  # fmt: skip
                assert await first_answer(hub, json.dumps(said), **headers) == answer
            assert await first_answer(hub, b"\xff\x00") == ("not_json", 4401)
            assert hub.board() == {}
            assert (await hub.get("/workers")).json()["count"] == 0

    asyncio.run(story())


def test_what_is_refused_is_logged_by_the_second(database_urls: Urls, endpoints: Endpoints) -> None:
    """By code and sender, so that a flood costs a line a second and hides nobody."""

    async def story() -> None:
        with capture_logs() as lines:
            async with hub_port_of(database_urls, endpoints) as hub:
                for _ in range(3):
                    await first_answer(hub, '{"type": "ping"}')

                def told() -> int:
                    said = [line for line in lines if line["event"] == "worker.refused"]
                    assert all(line["code"] == "out_of_turn" for line in said)
                    assert all(line["who"] == "127.0.0.1" for line in said)
                    return sum(line["times"] for line in said)

                await until_async(lambda: told() == 3, "the log to tell of all three")

    asyncio.run(story())


def test_a_flood_of_workers_that_come_and_go_is_a_few_lines(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    """One that comes and goes is two lines a second, however often; many are so many and a sum."""

    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            token = await hub.key("sbo")
            hub_port.log_workers(hub.desk)
            with capture_logs() as lines:
                for _ in range(100):
                    come_and_go(hub.desk, token, "restless")
                hub_port.log_workers(hub.desk)
            assert [(one["event"], one["worker"], one["times"]) for one in moves(lines)] == [
                ("worker.registered", "restless", 100),
                ("worker.gone", "restless", 100),
            ]
            with capture_logs() as lines:
                for n in range(100):
                    come_and_go(hub.desk, token, f"worker {n}")
                hub_port.log_workers(hub.desk)
                # What was told is not told again.
                hub_port.log_workers(hub.desk)
            told = moves(lines)
            assert len(told) == hub_port.LOGGED_MAX + 1
            assert told[-1]["event"] == "worker.moved_more"
            assert sum(one["times"] for one in told) == 200

    asyncio.run(story())


def come_and_go(desk: Desk, token: str, worker_id: str) -> None:
    """A worker that is let in and leaves at once."""
    connection = desk.opened("somewhere")
    desk.register(connection, Register(Envelope(worker_id, ("sbo",)), "sbo", token), "")
    desk.lost(connection)


def moves(lines: Sequence[MutableMapping[str, Any]]) -> list[MutableMapping[str, Any]]:
    """The lines that tell of comings and goings."""
    names = {"worker.registered", "worker.gone", "worker.moved_more"}
    return [one for one in lines if one["event"] in names]


def test_a_worker_speaks_for_its_own_site_alone(database_urls: Urls, endpoints: Endpoints) -> None:
    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            starts_at = hub.clock.now() + timedelta(hours=2)
            one = match(starts_at=starts_at, ft_hdp=("1.95", "1.90", "-0.5"))
            async with hub.worker("sbo") as sbo, hub.worker("ibc") as ibc:
                await sbo.snapshot(one)
                await ibc.snapshot()
                await hub.until_board(HOME, "1.95", "open")
                lie = match(starts_at=starts_at, ft_hdp=("9.00", "9.00", "-0.5"))
                await ibc.say("odds:update", site="sbo", data={"matches": [lie]})
                assert await ibc.refused() == "foreign_site"
                await ibc.say("odds:update", data={"site": "sbo", "matches": [lie]})
                assert await ibc.refused() == "foreign_site"
                await ibc.say("odds:update", worker_id=sbo.worker_id, data={"matches": [lie]})
                assert await ibc.refused() == "foreign_worker"
                assert hub.board()[HOME] == ("1.95", "open")
                # Nor does a key take another key's worker over.
                async with hub.worker("ibc", sbo.worker_id, register=False) as thief:
                    await thief.say("worker:register", token=hub.tokens["ibc"])
                    assert await thief.refused() == "worker_id_taken"
                    assert await thief.closed() == 4403

    asyncio.run(story())


def test_a_message_beyond_the_bound_ends_its_connection(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            async with hub.worker("sbo") as worker:
                with suppress(ConnectionClosed):
                    await worker.socket.send("x" * (MAX_FRAME_BYTES + 1))
                assert await worker.closed() == 1009
            async with hub.worker("sbo") as worker:
                await worker.socket.send("x" * MAX_FRAME_BYTES)
                assert await worker.refused() == "not_json"

    asyncio.run(story())


def test_a_browsers_page_is_no_worker(database_urls: Urls, endpoints: Endpoints) -> None:
    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            token = await hub.key("sbo")
            with pytest.raises(InvalidStatus) as refused:
                async with connect(
                    hub.url,
                    additional_headers={
                        "Origin": "https://evil.example",
                        "Authorization": f"Bearer {token}",
                    },
                    proxy=None,
                ):
                    pass
            assert refused.value.response.status_code == 403

    asyncio.run(story())


def test_who_says_nothing_is_let_go(
    database_urls: Urls, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_socket, "REGISTER_S", 0.1)
    monkeypatch.setattr(worker_socket, "SILENT_S", 0.3)

    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            async with hub.worker("sbo", register=False) as stranger:
                assert await stranger.closed() == 4408
            async with hub.worker("sbo") as worker:
                starts_at = hub.clock.now() + timedelta(hours=2)
                await worker.snapshot(match(starts_at=starts_at, ft_hdp=("1.95", "1.90", "-0.5")))
                assert await worker.closed() == 4408
                await hub.until_board(HOME, "1.95", "suspended")

    asyncio.run(story())


@pytest.mark.story
def test_who_is_refused_again_and_again_is_let_go(
    database_urls: Urls, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_socket, "REFUSED_PAUSE_S", 0.0)

    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            async with hub.worker("sbo") as worker:
                with suppress(ConnectionClosed):
                    for _ in range(200):
                        await worker.socket.send("rubbish")
                assert await worker.closed() == 4429
            await until_async(lambda: len(hub.desk) == 0, "the desk to be empty")

    asyncio.run(story())


def test_a_flood_of_refused_messages_leaves_a_worker_alone(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    """Strangers, rubbish, other sites and repeated numbers, as fast as sockets take them."""

    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            starts_at = hub.clock.now() + timedelta(hours=2)
            await hub.key("cmd")
            over = asyncio.Event()
            refused = 0

            async def flood(n: int) -> None:
                nonlocal refused
                said = ["rubbish", '{"type": "ping", "site": "sbo"}'][n % 2]
                while not over.is_set():
                    with suppress(ConnectionClosed, InvalidStatus, OSError):
                        async with hub.worker("cmd", f"flood-{n}", register=n > 2) as bad:
                            while not over.is_set():
                                await bad.socket.send(said)
                                refused += 1
                                # A thousand a second, of all together.
                                await asyncio.sleep(0.006)

            flooding = [asyncio.create_task(flood(n)) for n in range(6)]
            async with hub.worker("sbo") as worker:
                await worker.snapshot(match(starts_at=starts_at, ft_hdp=("1.95", "1.90", "-0.5")))
                for cents in random.Random(6).sample(range(80, 100), 5):
                    moved = match(starts_at=starts_at, ft_hdp=(f"1.{cents}", "1.90", "-0.5"))
                    await worker.update(moved)
                    await hub.until_board(HOME, f"1.{cents}", "open")
                assert refused > 50
                rows = {row["worker_id"]: row for row in hub.desk.listing()}
                assert rows[worker.worker_id]["refused"] == {}
            over.set()
            await asyncio.gather(*flooding, return_exceptions=True)

    asyncio.run(story())


def test_the_door_lets_so_many_strangers_in() -> None:
    door = Door()
    assert [door.admits("one", 0.0) for _ in range(61)] == [True] * 60 + [False]
    assert door.admits("two", 0.0)
    assert not door.admits("one", 0.02)
    assert door.admits("one", 0.1)
    # All of them together are bounded, too.
    assert sum(door.admits(f"address {n}", 0.1) for n in range(200)) < 120
    door.strangers = worker_socket.STRANGERS_MAX
    assert not door.admits("three", 0.0)
    for n in range(2 * worker_socket.ADDRESSES_MAX):
        door.admits(f"address {n}", 0.0)


def test_those_who_were_refused_are_heard_one_after_the_other() -> None:
    """Whose pauses end in one turn of the loop are heard in as many turns as they are."""

    async def story() -> None:
        door, turns, heard = Door(), 0, list[int]()

        def turn() -> None:
            nonlocal turns
            turns += 1
            asyncio.get_running_loop().call_soon(turn)

        async def refused() -> None:
            async with door.in_line():
                heard.append(turns)

        turn()
        await asyncio.gather(*(refused() for _ in range(20)))
        assert len(set(heard)) == 20

    asyncio.run(story())


def test_who_does_not_listen_is_let_go() -> None:
    """Nothing piles up for a worker that takes nothing."""

    async def story() -> None:
        connection = Connection("somewhere", AT, AT)
        for _ in range(2 * OUTBOX_MAX):
            connection.send({"type": "pong"})
        assert connection.is_closing
        assert connection.outbox.qsize() == OUTBOX_MAX

    asyncio.run(story())


def test_what_is_open_to_this_machine_is_not_open_to_the_network(database_urls: Urls) -> None:
    async def asks(app: FastAPI, host: str, status: int) -> None:
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://hub") as client:
            for path in ("/workers", "/odds"):
                answer = await client.get(path)
                assert answer.status_code == status, (host, path)
                if status == 401:
                    assert answer.json()["code"] == "unauthenticated"
            # That it lives is no secret; who decides about matches is asked everywhere.
            assert (await client.get("/health")).status_code == 200
            assert (await client.get("/matches/waiting")).status_code == 401

    async def story() -> None:
        async with opened(database_urls) as world:
            desk = Desk(SetClock(AT), lambda: world.hub)
            for host, status in (("127.0.0.1", 200), ("::1", 200), ("localhost", 200), (
                "0.0.0.0", 401), ("192.0.2.7", 401), ("hub.example", 401)):  # fmt: skip
                await asks(hub_port.create_app(desk, host, world.worker), host, status)

    asyncio.run(story())


def test_a_taken_port_does_not_stop_the_hub(
    database_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program has the port: the hub goes on, and listens when the port is free."""
    monkeypatch.setattr(hub_port, "PORT_RETRY_S", 0.05)

    async def story() -> None:
        other = api.listen("127.0.0.1", 0)
        port: int = other.getsockname()[1]
        async with opened(database_urls) as world:
            desk = Desk(SetClock(AT), lambda: world.hub)
            settings = HubSettings(port=port)
            async with hub_port.opened(settings, desk, world.worker, lambda: world.hub):
                await loop.wait(asyncio.Event(), 0.2)
                other.close()

                async def answers() -> bool:
                    async with httpx2.AsyncClient() as client:
                        with suppress(httpx2.HTTPError):
                            url = f"http://127.0.0.1:{port}/health"
                            return (await client.get(url)).status_code == 200
                    return False

                async with asyncio.timeout(20):
                    while not await answers():  # noqa: ASYNC110 (another server's doing)
                        await asyncio.sleep(0.05)

    asyncio.run(story())
