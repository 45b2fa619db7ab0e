"""Streams over real sockets: an api, a hub's publisher and the cache between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from overround.db.logins import Role
from overround.kit.settings import Settings, StreamSettings
from overround.roles import api
from overround.roles.attach import Endpoints
from overround.storefront import Publisher, Shown, ShownState
from tests.storefront.valkey import Valkey, valkey
from tests.support.edge import Edge, opened
from tests.support.events import Event, EventStream, listening

Urls = Mapping[Role, str]

E1, E2 = UUID(int=0xE1), UUID(int=0xE2)


def shown(
    n: int,
    price_e4: int = 20_000,
    state: ShownState = "open",
    *,
    event: UUID = E1,
    main: bool = True,
) -> Shown:
    """Selection number `n` (hexadecimal digits that a test reads)."""
    return Shown(UUID(int=n), event, main, price_e4, state, 1_700_000_000_000)


@dataclass(slots=True)
class Site:
    """An api that serves, with the hub's side of the cache."""

    edge: Edge
    port: int
    publisher: Publisher
    laid: dict[UUID, dict[UUID, Shown]]

    async def lay(self, tenant: str, *changed: Shown) -> None:
        """The hub lays these in the tenant's book."""
        book_id = self.edge.tenants[tenant].book_id
        self.laid.setdefault(book_id, {}).update({one.selection_id: one for one in changed})
        await self.publisher.publish(book_id, changed)


@asynccontextmanager
async def site(
    urls: Urls, endpoints: Endpoints, limits: StreamSettings | None = None
) -> AsyncGenerator[Site]:
    """Two tenants with one selection each on the board, served on a port."""
    laid: dict[UUID, dict[UUID, Shown]] = {}
    async with opened(urls) as edge:
        publisher = await Publisher.open(
            endpoints.redis_url, lambda book_id: laid.get(book_id, {}).values()
        )
        listener = api.listen("127.0.0.1", 0)
        stop = asyncio.Event()
        settings = Settings(stream=limits or StreamSettings())
        serving = asyncio.create_task(
            api.run(
                settings,
                urls["app"],
                stop,
                redis_url=endpoints.redis_url,
                listener=listener,
                clock=edge.clock,
            )
        )
        found = Site(edge, listener.getsockname()[1], publisher, laid)
        try:
            await found.lay("acme", shown(0xA1))
            await found.lay("sakura", shown(0xB1))
            yield found
        finally:
            stop.set()
            await serving
            await publisher.close()


async def told(stream: EventStream, selection: str, price: str) -> list[Event]:
    """The events up to the one that says this price."""
    events: list[Event] = []
    while not events or events[-1].prices.get(selection, ("",))[0] != price:
        events.append(await stream.next())
    return events


def test_a_stream_begins_with_a_snapshot_and_goes_on(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    async def story() -> None:
        async with site(database_urls, endpoints) as found:
            topics = f"board,event:{E2}"
            async with listening(found.port, topics) as stream:
                assert stream.status == 200
                assert stream.headers["content-type"].startswith("text/event-stream")
                assert stream.headers["x-request-id"]
                assert (await stream.next()).name == "snapshot"
                # Of E1 the board shows the main market alone; of E2 everything was asked for.
                await found.lay(
                    "acme", shown(0xA2, main=False), shown(0xA3, 31_000, event=E2, main=False)
                )
                events = await told(stream, "00a3", "3.10")
                assert events[-1].name == "offers"
                assert not any("00a2" in event.prices for event in events)
                await found.lay("acme", shown(0xA1, 21_000))
                assert (await told(stream, "00a1", "2.10"))[-1].data["o"][0][3] == 1_700_000_000_000
                await found.lay("acme", shown(0xA1, 21_000, "suspended"))
                assert (await stream.next()).prices == {"00a1": ("2.10", "suspended")}
                await found.lay("acme", shown(0xA1, 21_000, "closed"))
                assert (await stream.next()).prices == {"00a1": ("2.10", "closed")}

    asyncio.run(story())


def test_who_comes_back_gets_what_he_missed(database_urls: Urls, endpoints: Endpoints) -> None:
    async def story() -> None:
        async with (
            site(database_urls, endpoints) as found,
            listening(found.port, "board") as stays,
        ):
            await found.lay("acme", shown(0xA2), shown(0xA4))
            await told(stays, "00a4", "2.00")
            async with listening(found.port, "board") as stream:
                seen = await stream.next()
                assert seen.prices.keys() == {"00a1", "00a2", "00a4"}
            await found.lay("acme", shown(0xA2, state="closed"), shown(0xA1, 22_000))
            await told(stays, "00a1", "2.20")
            async with listening(found.port, "board", last_id=seen.id) as again:
                missed = await again.next()
                assert missed.name == "offers"
                assert missed.prices == {"00a2": ("2.00", "closed"), "00a1": ("2.20", "open")}
            for strange in ("00000000.1", "x", "0" * 200, seen.id + "0"):
                async with listening(found.port, "board", last_id=strange) as stranger:
                    assert (await stranger.next()).name == "snapshot"

    asyncio.run(story())


def test_a_stream_carries_its_own_tenants_book_alone(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    async def story() -> None:
        async with site(database_urls, endpoints) as found:
            topics = f"board,event:{E1}"
            async with (
                listening(found.port, topics) as acme,
                listening(found.port, topics, host="sakura.localhost") as sakura,
            ):
                for n in range(5):
                    await found.lay("sakura", shown(0xB1, 30_000 + n), shown(0xB2 + n))
                await found.lay("acme", shown(0xA1, 40_000))
                await told(sakura, "00b6", "2.00")
                for event in await told(acme, "00a1", "4.00"):
                    assert event.prices.keys() == {"00a1"}
            async with listening(found.port, topics, host="nobody.localhost") as stranger:
                assert (stranger.status, stranger.body["code"]) == (404, "unknown_tenant")

    asyncio.run(story())


REFUSED = [
    ("", 422, "no_topic"),
    (",,", 422, "no_topic"),
    ("board&topics=board", 422, "no_topic"),
    ("prices", 422, "unknown_topic"),
    ("event:", 422, "unknown_topic"),
    ("event:1", 422, "unknown_topic"),
    (f"event:{str(E1).upper()}", 422, "unknown_topic"),
    (",".join(f"event:{UUID(int=n)}" for n in range(31)), 422, "too_many_topics"),
    ("board," * 1_000, 422, "too_many_topics"),
    ("account", 401, "unauthenticated"),
    ("board,office", 401, "unauthenticated"),
]


def test_what_cannot_be_asked_is_refused_by_name(database_urls: Urls, endpoints: Endpoints) -> None:
    async def story() -> None:
        async with site(database_urls, endpoints) as found:
            for topics, status, code in REFUSED:
                async with listening(found.port, topics) as stream:
                    assert (stream.status, stream.body["code"]) == (status, code), topics
            async with found.edge.client() as client:
                assert (await client.get("/api/v1/stream")).status_code == 404
            events = ",".join(f"event:{UUID(int=n)}" for n in range(30))
            async with listening(found.port, f"board,{events}") as stream:
                assert stream.status == 200

    asyncio.run(story())


def test_private_topics_are_for_their_kind_of_person(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    async def story() -> None:
        async with site(database_urls, endpoints) as found:
            ann, bob = await found.edge.player("ann"), await found.edge.staff("bob", "bets.read")
            cases = [
                (ann, "account", "acme", 200),
                (ann, "office", "acme", 403),
                (ann, "account,office", "acme", 403),
                (ann, "account", "sakura", 401),
                (bob, "office", "acme", 200),
                (bob, "board,account", "acme", 403),
            ]
            for client, topics, host, status in cases:
                async with listening(
                    found.port, topics, host=f"{host}.localhost", token=_token(client)
                ) as stream:
                    assert stream.status == status, (topics, host)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("limits", "status", "code"),
    [
        (StreamSettings(process_max=2), 503, "too_many_streams"),
        (StreamSettings(address_max=2), 429, "too_many_streams_from_address"),
    ],
)
def test_one_stream_too_many_is_refused_until_another_ends(
    database_urls: Urls,
    endpoints: Endpoints,
    limits: StreamSettings,
    status: int,
    code: str,
) -> None:
    async def story() -> None:
        async with site(database_urls, endpoints, limits) as found:
            async with (
                listening(found.port, "board"),
                listening(found.port, "board"),
                listening(found.port, "board") as third,
            ):
                assert (third.status, third.body["code"]) == (status, code)
                assert int(third.headers["retry-after"]) > 0
            async with asyncio.timeout(20):
                while True:
                    async with listening(found.port, "board") as stream:
                        if stream.status == 200:
                            return

    asyncio.run(story())


def test_a_hint_reaches_the_page_of_whom_it_concerns(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    async def story() -> None:
        async with site(database_urls, endpoints) as found, httpx2.AsyncClient() as web:
            ann, bob = await found.edge.player("ann"), await found.edge.player("bob")
            carl = await found.edge.staff("carl", "bets.read")
            async with (
                listening(found.port, "account", token=_token(ann)) as anns,
                listening(found.port, "board,account", token=_token(bob)) as bobs,
                listening(found.port, "board,office", token=_token(carl)) as office,
                listening(found.port, "board") as strangers,
            ):
                headers = {
                    "Host": f"acme.localhost:{found.port}",
                    "Authorization": f"Bearer {_token(ann)}",
                }
                for n in range(2):
                    answer = await web.post(
                        f"http://127.0.0.1:{found.port}/api/v1/deposits",
                        json={"amount": "10.00"},
                        headers={**headers, "Idempotency-Key": f"deposit-{n}"},
                    )
                    assert answer.status_code == 201, answer.text
                    hint = await anns.until("hint")
                    assert hint.data == {"topics": ["account"]}
                # Nobody else heard of it: what comes next on their streams is a price, or nothing.
                await found.lay("acme", shown(0xA1, 25_000))
                assert all(e.name != "hint" for e in await told(strangers, "00a1", "2.50"))
                assert all(e.name != "hint" for e in await told(bobs, "00a1", "2.50"))
                assert all(e.name != "hint" for e in await told(office, "00a1", "2.50"))

    asyncio.run(story())


def _token(client: httpx2.AsyncClient) -> str:
    return client.headers["Authorization"].removeprefix("Bearer ")


def test_a_stream_outlives_the_cache(database_urls: Urls, tmp_path: Path) -> None:
    """Valkey dies: the page goes on with what the database says, and is the cache's again later."""

    async def story(cache: Valkey) -> None:
        here = Endpoints(tmp_path, cache.url, database_urls)
        async with site(database_urls, here) as found, listening(found.port, "board") as stream:
            assert (await stream.next()).name == "snapshot"
            await found.lay("acme", shown(0xA1, 21_000))
            await told(stream, "00a1", "2.10")
            cache.kill()
            # The database of this test has no offers at all: so it says.
            closed = await stream.until("offers")
            assert closed.prices == {"00a1": ("2.10", "closed")}
            await found.lay("acme", shown(0xA1, 23_000))
            cache.start()
            await told(stream, "00a1", "2.30")

    with valkey(tmp_path) as cache:
        asyncio.run(story(cache))
