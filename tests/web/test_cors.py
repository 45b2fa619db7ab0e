"""Whose pages may read, what a proxy's word is worth, and that a browser writes through one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from starlette.types import Message, Scope

from overround.core.errors import Invalid
from overround.db.logins import Role
from overround.people import tenants
from overround.people.tenants import origins
from overround.web.proxies import Behind, Trusted
from tests.support.edge import Edge, opened, registration, system_of
from tests.web.test_edge import is_problem

Urls = Mapping[Role, str]
SHOP = "https://shop.example"


async def name(edge: Edge, *asked: str) -> None:
    caller = system_of(edge.tenants["acme"].id)
    async with edge.worker_db.transaction(caller.tenant_id) as conn:
        await tenants.set_origins(conn, caller, asked, edge.clock.now())


def test_the_api_is_closed_to_other_pages_until_a_tenant_names_them(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            preflight = {"Origin": SHOP, "Access-Control-Request-Method": "POST"}
            from_shop = {"Origin": SHOP}
            answer = await client.options("/api/v1/users", headers=preflight)
            assert "access-control-allow-origin" not in answer.headers
            read = await client.get("/api/v1/board", headers=from_shop)
            assert read.status_code == 200
            assert "access-control-allow-origin" not in read.headers
            body = registration("ann")
            refused = await client.post("/api/v1/users", json=body, headers=from_shop)
            is_problem(refused, 403, "foreign_origin")

            await name(edge, SHOP)
            answer = await client.options("/api/v1/users", headers=preflight)
            assert answer.status_code == 204
            assert answer.headers["access-control-allow-origin"] == SHOP
            assert "Idempotency-Key" in answer.headers["access-control-allow-headers"]
            assert "access-control-allow-credentials" not in answer.headers
            read = await client.get("/api/v1/board", headers=from_shop)
            assert read.headers["access-control-allow-origin"] == SHOP
            assert read.headers["vary"] == "Origin"
            assert "X-Rate-Limit-Remaining" in read.headers["access-control-expose-headers"]
            assert (
                await client.post("/api/v1/users", json=body, headers=from_shop)
            ).status_code == 201
            async with edge.client("sakura") as other:
                read = await other.get("/api/v1/board", headers=from_shop)
                assert "access-control-allow-origin" not in read.headers
            await name(edge)
            read = await client.get("/api/v1/board", headers=from_shop)
            assert "access-control-allow-origin" not in read.headers

    asyncio.run(story())


def test_a_named_origin_has_no_use_of_the_cookie(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await name(edge, SHOP)
            ann = await edge.player("ann")
            token = ann.headers["authorization"].split()[1]
            headers = {"Cookie": f"__Host-session={token}", "Origin": SHOP, **edge.key()}
            async with edge.client() as client:
                client.base_url = "https://acme.bet.example"
                answer = await client.post(
                    "/api/v1/deposits", json={"amount": "1"}, headers=headers
                )
                is_problem(answer, 403, "foreign_origin")
                headers["Origin"] = "https://acme.bet.example"
                answer = await client.post(
                    "/api/v1/deposits", json={"amount": "1"}, headers=headers
                )
                assert answer.status_code == 201

    asyncio.run(story())


@pytest.mark.parametrize(
    "asked",
    ["*", "https://*.example.com", "shop.example", "https://shop.example/", "HTTPS://SHOP.EXAMPLE",
     "https://a b", "null", "ftp://shop.example", "https://shop.example:999999", ""],
)  # fmt: skip
def test_what_is_no_exact_origin_is_refused(asked: str) -> None:
    with pytest.raises(Invalid) as refused:
        origins.checked([asked])
    assert refused.value.code == "cors_origins"
    assert origins.of({"cors_origins": [asked, 7, None]}) == frozenset()


def test_a_tenant_names_twenty_origins_and_not_more() -> None:
    named = [f"https://shop{n}.example:8443" for n in range(21)]
    assert origins.checked(named[:20] * 2) == named[:20]
    with pytest.raises(Invalid):
        origins.checked(named)


PROXY = Trusted(("10.0.0.0/8", "::1/128"))


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        # What stands before the nearest stranger, the stranger wrote.
        ("10.0.0.1", "6.6.6.6, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("10.0.0.1", "not an address", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.7, junk, 10.0.0.2", "10.0.0.2"),
        ("::1", "2001:db8::1", "2001:db8::1"),
        ("203.0.113.9", "6.6.6.6", "203.0.113.9"),
    ],
)
def test_the_nearest_address_that_is_no_proxy_is_the_client(
    peer: str, forwarded_for: str, client: str
) -> None:
    scope = _through(peer, {b"x-forwarded-for": forwarded_for.encode()})
    assert scope["client"][0] == client


@pytest.mark.parametrize(
    ("peer", "proto", "scheme"),
    [
        ("10.0.0.1", b"https", "https"),
        ("10.0.0.1", b"http, https", "https"),
        ("10.0.0.1", b"javascript", "http"),
        ("203.0.113.9", b"https", "http"),
    ],
)
def test_a_scheme_is_believed_from_a_proxy_alone(peer: str, proto: bytes, scheme: str) -> None:
    assert _through(peer, {b"x-forwarded-proto": proto})["scheme"] == scheme


def _through(peer: str, headers: dict[bytes, bytes]) -> Scope:
    seen: list[Scope] = []

    async def app(scope: Scope, *_: object) -> None:
        seen.append(scope)

    async def nothing() -> Message:
        return {}

    async def send(_: Message) -> None: ...

    scope = {"type": "http", "scheme": "http", "client": (peer, 1), "headers": [*headers.items()]}
    asyncio.run(Behind(app, PROXY)(scope, nothing, send))
    return seen[0]


def test_a_browser_writes_through_a_proxy_that_is_named(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            # The test's client comes from 127.0.0.1, as a proxy of the same machine does.
            behind = Behind(edge.app, Trusted(("127.0.0.1/32",)))
            sent = {"Origin": "https://acme.bet.example", "Sec-Fetch-Site": "same-origin"}
            told = {**sent, "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
            async with edge.client() as client:
                refused = await client.post("/api/v1/users", json=registration("a"), headers=told)
                is_problem(refused, 403, "foreign_origin")
            edge.app = behind
            async with edge.client() as client:
                answer = await client.post("/api/v1/users", json=registration("b"), headers=told)
            assert answer.status_code == 201
            cookie = answer.headers["set-cookie"]
            assert cookie.startswith("__Host-session=")
            assert "Secure" in cookie
            assert "strict-transport-security" in answer.headers

    asyncio.run(story())
