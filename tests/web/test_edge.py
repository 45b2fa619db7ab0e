"""What holds for every answer: ids, problems, the tenant of the host, a declared permission."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import Route

from overround.db.logins import Role
from overround.kit import logs
from overround.kit.routes import Open, Permission, Visiting
from overround.web import marks
from overround.web.app import ROUTERS
from overround.web.ids import Ids
from tests.support.edge import opened, registration, restored_logging, set_status
from tests.support.waiting import until_async

Urls = Mapping[Role, str]
# The documentation's own pages say nothing about anybody.
DOCS = {"/openapi.json"}


def is_problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The problem, with the members that every one has."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["code"] == code
    assert found["status"] == status
    assert found["type"] == f"urn:overround:problem:{code}"
    assert found["correlation_id"] == answer.headers["x-correlation-id"]
    assert {"title", "detail", "instance"} <= set(found)
    return found


def test_every_answer_has_its_ids_and_every_refusal_is_a_problem(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            big = json.dumps({"email": "a" * 70_000})
            as_json = {"Content-Type": "application/json"}
            users = "/api/v1/users"
            cases: list[tuple[int, str, httpx2.Response]] = [
                (404, "not_found", await client.get("/nowhere")),
                (404, "not_found", await client.get("/api/v1/balance/")),
                (405, "method_not_allowed", await client.put("/api/v1/session")),
                (401, "unauthenticated", await client.get("/api/v1/balance")),
                (413, "body_too_large", await client.post(users, content=big, headers=as_json)),
                (415, "not_json", await client.post(users, data={"email": "a"})),
                (400, "malformed", await client.post(users, content="{", headers=as_json)),
                (400, "malformed", await client.get("/api/v1/events?cursor=%00")),
                (400, "malformed", await client.post(users, json=registration("a\0b"))),
                (422, "invalid", await client.post(users, json={"email": 1})),
                (422, "email", await client.post(users, json=registration("a", email="a"))),
            ]
            for status, code, answer in cases:
                found = is_problem(answer, status, code)
                assert found["instance"] == answer.request.url.path
            healthy = await client.get("/healthz")
            ids = [a.headers["x-request-id"] for *_, a in cases] + [healthy.headers["x-request-id"]]
            assert healthy.status_code == 200
            assert len(set(ids)) == len(ids)

    asyncio.run(story())


def test_a_validation_problem_points_at_the_value_and_does_not_repeat_it(
    database_urls: Urls,
) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            body = {"email": "ann@players.example", "password": 12345678, "admin": "<b>"}
            found = is_problem(await client.post("/api/v1/users", json=body), 422, "invalid")
            pointers = {error["pointer"] for error in found["errors"]}
            assert pointers == {"#/password", "#/display_name", "#/admin"}
            assert "12345678" not in json.dumps(found)
            assert "<b>" not in json.dumps(found)
            ann = await edge.player("ann")
            query = await ann.get("/api/v1/payments", params={"limit": 0})
            assert is_problem(query, 422, "invalid")["errors"][0]["pointer"] == "query/limit"

    asyncio.run(story())


@pytest.mark.parametrize(
    ("offered", "taken"),
    [
        ("abcdefgh", True),
        ("a.b_c-d.0123456789", True),
        ("x" * 64, True),
        ("short", False),
        ("x" * 65, False),
        ("with space", False),
        ("line\nbreak", False),
        ("ünïcödé-id", False),
        (None, False),
    ],
)
def test_a_correlation_id_is_taken_when_it_is_one(offered: str | None, taken: bool) -> None:
    found = marks.ids(offered.encode() if offered is not None else None, None)
    assert found.correlation_id == (offered if taken else found.request_id)


def test_the_callers_correlation_id_comes_back_and_a_request_id_is_never_taken(
    database_urls: Urls,
) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            headers = {"X-Correlation-ID": "order-12345", "X-Request-ID": "mine-12345"}
            answer = await client.get("/api/v1/balance", headers=headers)
            assert answer.headers["x-correlation-id"] == "order-12345"
            assert answer.headers["x-request-id"] != "mine-12345"

    asyncio.run(story())


def test_what_nobody_expected_is_a_bare_500_with_ids(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            inner = innermost(edge.app)

            async def broken() -> None:
                raise RuntimeError("the secret is 4711")

            inner.add_api_route("/broken", broken)
            async with edge.client() as client:
                found = is_problem(await client.get("/broken"), 500, "internal")
            assert "4711" not in json.dumps(found)

    asyncio.run(story())


def test_a_crash_outside_the_application_is_answered_too() -> None:
    async def crash(*_: object) -> None:
        raise RuntimeError("before any route")

    async def story() -> None:
        transport = httpx2.ASGITransport(Ids(crash))
        async with httpx2.AsyncClient(transport=transport, base_url="http://x") as client:
            is_problem(await client.get("/"), 500, "internal")

    asyncio.run(story())


@pytest.mark.story
def test_a_database_that_went_away_is_503_and_not_500(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            async with edge.worker_db.transaction(None) as conn:
                # Holds the tenants against every reader, longer than the api waits.
                await conn.execute("LOCK TABLE tenant IN ACCESS EXCLUSIVE MODE")
                answer = await client.get("/api/v1/balance")
            is_problem(answer, 503, "unavailable")
            assert answer.headers["retry-after"] == "1"
            assert (await client.get("/api/v1/balance")).status_code == 401

    asyncio.run(story())


def test_each_request_is_one_json_line_with_its_ids(
    database_urls: Urls,
) -> None:
    written = io.StringIO()

    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            await client.get("/a%0D%0Ab%1B[31m", headers={"X-Correlation-ID": "order-12345"})
            # Lines are written together, a moment later.
            await until_async(lambda: "http.request" in written.getvalue(), "the line")

    with restored_logging():
        logs.configure("info", written)
        asyncio.run(story())
    found = [json.loads(line) for line in written.getvalue().splitlines() if "http.request" in line]
    assert len(found) == 1
    assert found[0]["correlation_id"] == "order-12345"
    assert found[0]["status"] == 404
    assert found[0]["tenant"] == "acme"
    assert {"request_id", "method", "path", "taken_ms"} <= set(found[0])
    assert not any(c in found[0]["path"] for c in "\r\n\x1b")


def test_an_unknown_a_suspended_and_a_closed_tenant_look_the_same(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")
            assert (await ann.get("/api/v1/balance")).status_code == 200
            bodies: list[str] = []
            hosts = ["nobody", "x.acme.bet.example", "acme.evil.example", "127.0.0.1"]
            for host in hosts:
                async with edge.client(host) as client:
                    found = is_problem(await client.get("/api/v1/balance"), 404, "unknown_tenant")
                    bodies.append(found["detail"])
            for status in ("suspended", "closed"):
                await set_status(edge, "acme", status)
                found = is_problem(await ann.get("/api/v1/balance"), 404, "unknown_tenant")
                bodies.append(found["detail"])
            assert len(set(bodies)) == 1

    asyncio.run(story())


def test_a_suspended_tenant_stops_at_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann, key = await edge.player("ann"), edge.key()
            for _ in range(3):
                await set_status(edge, "acme", "suspended")
                sent = await ann.post("/api/v1/deposits", json={"amount": "1"}, headers=key)
                is_problem(sent, 404, "unknown_tenant")
                async with edge.client() as client:
                    opened_ = await client.post("/api/v1/users", json=registration("bob"))
                is_problem(opened_, 404, "unknown_tenant")
                await set_status(edge, "acme", "active")
                assert (await ann.get("/api/v1/balance")).json()["cash"] == "0.00"

    asyncio.run(story())


def test_a_health_check_needs_no_tenant_and_no_database(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client("10.0.0.7") as client:
            await edge.app_db.close()
            assert (await client.get("/healthz")).json() == {"status": "ok"}

    asyncio.run(story())


def test_a_write_from_a_sibling_tenants_page_is_refused(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")
            headers = {**edge.key(), "Origin": "http://sakura.bet.example"}
            answer = await ann.post("/api/v1/deposits", json={"amount": "1"}, headers=headers)
            is_problem(answer, 403, "foreign_origin")
            headers["Origin"] = "http://acme.bet.example"
            answer = await ann.post("/api/v1/deposits", json={"amount": "1"}, headers=headers)
            assert answer.status_code == 201

    asyncio.run(story())


def permissions(dependant: Dependant) -> Iterator[Open | Visiting | Permission]:
    """The permissions that a route asks for, however deep."""
    for inner in dependant.dependencies:
        if isinstance(inner.call, Open | Visiting | Permission):
            yield inner.call
        yield from permissions(inner)


def undeclared(routes: list[APIRoute]) -> list[str]:
    """Routes that declare no permission, or more than one."""
    return [r.path for r in routes if len(list(permissions(r.dependant))) != 1]


def api_routes(app: FastAPI) -> list[APIRoute]:
    """Every route of ours, those of included routers too."""
    found = [r for router in ROUTERS for r in router.routes if isinstance(r, APIRoute)]
    return found + [r for r in app.routes if isinstance(r, APIRoute) and r not in found]


def innermost(app: Any) -> FastAPI:
    """The application inside its layers."""
    while not isinstance(app, FastAPI):
        app = app._app
    return app


def test_every_route_declares_a_permission(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            app: FastAPI = innermost(edge.app)
            routes = api_routes(app)
            assert undeclared(routes) == []
            # None is mounted beside them: the document lists the very same paths, pages apart.
            documented = set(app.openapi()["paths"])
            assert documented == {r.path for r in routes if r.include_in_schema}
            assert {r.path for r in app.routes if type(r) is Route} <= DOCS

    asyncio.run(story())


def test_a_route_without_a_permission_is_found() -> None:
    async def open_to_all() -> None: ...

    app = FastAPI()
    app.add_api_route("/leak", open_to_all)
    routes = [r for r in app.routes if isinstance(r, APIRoute)]
    assert undeclared(routes) == ["/leak"]


def test_the_reference_lists_every_operation_of_the_document(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            document = (await client.get("/openapi.json")).json()
            names = [
                operation["operationId"]
                for path in document["paths"].values()
                for operation in path.values()
            ]
            assert "cashier_deposit" in names
            assert len(set(names)) == len(names)
            page = await client.get("/docs")
            assert page.status_code == 200
            assert "script-src 'self'" in page.headers["content-security-policy"]
            assert all(f'id="{name}"' in page.text for name in names)

    asyncio.run(story())
