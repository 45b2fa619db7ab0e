"""The api role as a process: real sockets, real signals."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import httpx2
import psycopg
import pytest

from overround.core.errors import SettingsError, Unavailable
from overround.db.logins import Role
from overround.kit.settings import Settings
from overround.roles import api
from overround.roles.attach import Endpoints
from tests.support.edge import PASSWORD, opened, registration
from tests.support.ports import free_port
from tests.support.waiting import until

Urls = Mapping[Role, str]

SERVE = """
import asyncio, sys
from overround.kit import logs
from overround.kit.settings import Settings
from overround.roles import api
logs.configure("info")
settings = Settings(web={"port": int(sys.argv[2])})
asyncio.run(api.run_until_signal(settings, sys.argv[1], redis_url=sys.argv[3] or None))
"""


@dataclass(frozen=True, slots=True)
class Served:
    """A running api process and its port."""

    process: subprocess.Popen[str]
    port: int

    def client(self, host: str = "acme.localhost") -> httpx2.Client:
        """A client of a tenant's host, over TCP."""
        headers = {"Host": f"{host}:{self.port}"}
        return httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=60)

    def raw(self, request: bytes, *, leave: bool = False) -> bytes:
        """What is answered to these bytes; `leave` says at once that nothing more will come."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=15) as sock:
            sock.sendall(request)
            if leave:
                sock.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: sock.recv(65_536), b""))


@contextmanager
def served(
    urls: Urls, redis_url: str = "", stderr: IO[str] | int = subprocess.PIPE
) -> Generator[Served]:
    """An api process on a database with two tenants; killed afterwards.

    A test that makes it log more than a pipe holds gives a file for it.
    """

    async def prepare() -> None:
        async with opened(urls):
            pass

    asyncio.run(prepare())
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, urls["app"], str(port), redis_url],
        stderr=stderr,
        text=True,
    )
    found = Served(process, port)

    def answers() -> bool:
        assert process.poll() is None, f"the api ended: {process.returncode}"
        try:
            with found.client() as client:
                return client.get("/healthz").status_code == 200
        except httpx2.TransportError:
            return False

    try:
        until(answers, "the api to answer", 90)
        yield found
    finally:
        process.kill()
        process.communicate()


def test_a_person_can_do_it_by_hand(database_urls: Urls) -> None:
    with served(database_urls) as api_, api_.client() as client:
        opened_ = client.post("/api/v1/users", json=registration("ann"))
        assert opened_.status_code == 201
        assert opened_.headers["set-cookie"].startswith("session=")
        bearer = {"Authorization": f"Bearer {opened_.json()['token']}"}
        key = {**bearer, "Idempotency-Key": "first"}
        assert client.post("/api/v1/deposits", json={"amount": "50"}, headers=key).is_success
        assert client.get("/api/v1/balance", headers=bearer).json()["cash"] == "50.00"
        # The cookie alone reads; it writes only with the origin of the page.
        assert client.get("/api/v1/balance").status_code == 200
        assert client.delete("/api/v1/session").json()["code"] == "foreign_origin"
        own = {"Origin": f"http://acme.localhost:{api_.port}"}
        assert client.delete("/api/v1/session", headers=own).status_code == 204
        assert client.get("/api/v1/balance").status_code == 401
        body = {"email": "ann@players.example", "password": PASSWORD}
        assert client.post("/api/v1/session", json=body).status_code == 200


def test_hostile_requests_are_answered_and_the_process_lives(database_urls: Urls) -> None:
    with served(database_urls) as api_:
        host = f"Host: acme.localhost:{api_.port}\r\n".encode()
        post = b"POST /api/v1/users HTTP/1.1\r\n" + host + b"Content-Type: application/json\r\n"
        forwarded = b"GET / HTTP/1.1\r\nHost: x.example\r\nX-Forwarded-" + host + b"\r\n"
        cases: list[tuple[bytes, int]] = [
            (b"GET /api/v1/balance HTTP/1.1\r\n\r\n", 400),
            (b"GET /api/v1/balance HTTP/1.1\r\n" + host + host + b"\r\n", 400),
            (b"GET /api/v1/balance HTTP/1.1\r\n" + host + b"\r\n", 401),
            (b"GET /api/v1/balance HTTP/1.1\r\nHost: x.acme.localhost\r\n\r\n", 404),
            (forwarded, 404),
            (post + b"Content-Length: 3000000\r\n\r\n", 413),
            (
                post
                + b"Transfer-Encoding: chunked\r\n\r\n"
                + (b"4000\r\n" + b" " * 0x4000 + b"\r\n") * 5
                + b"0\r\n\r\n",
                413,
            ),
            (post + b"Content-Length: 2\r\n\r\n{]", 400),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
            (b"GET /%00%ff%0d%0a HTTP/1.1\r\n" + host + b"\r\n", 404),
        ]
        for request, status in cases:
            close = request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
            answer = api_.raw(close)
            assert answer.startswith(f"HTTP/1.1 {status} ".encode()), (request[:80], answer[:200])
        api_.raw(post + b"Content-Length: 50\r\n\r\n{", leave=True)
        with api_.client() as client:
            assert client.get("/healthz").status_code == 200


def test_a_request_in_flight_survives_sigterm(database_urls: Urls, endpoints: Endpoints) -> None:
    with (
        served(database_urls) as api_,
        psycopg.connect(database_urls["worker"]) as conn,
        psycopg.connect(endpoints.superuser_url(conn.info.dbname), autocommit=True) as monitor,
    ):
        conn.execute("LOCK TABLE tenant IN ACCESS EXCLUSIVE MODE")
        answers: list[int] = []

        def ask() -> None:
            with api_.client() as client:
                answers.append(client.get("/api/v1/balance").status_code)

        asking = threading.Thread(target=ask)
        asking.start()
        # The request itself: what the api does besides waits for that table, too.
        waiting = """
            SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND wait_event_type = 'Lock' AND query LIKE '%WHERE subdomain = $1%'"""
        until(lambda: monitor.execute(waiting).fetchone() != (0,), "the request to wait")
        api_.process.send_signal(signal.SIGTERM)

        def refused() -> bool:
            try:
                socket.create_connection(("127.0.0.1", api_.port), timeout=1).close()
            except OSError:
                return True
            return False

        until(refused, "new connections to be refused")
        conn.rollback()
        asking.join(60)
        assert answers == [401]
        assert api_.process.wait(60) == 0


def test_the_log_is_json_lines_and_holds_no_secret(database_urls: Urls) -> None:
    with served(database_urls) as api_:
        with api_.client() as client:
            token = client.post("/api/v1/users", json=registration("ann")).json()["token"]
            headers = {"Authorization": f"Bearer {token}"}
            client.get("/api/v1/balance?password=hunter22", headers=headers)
        api_.process.send_signal(signal.SIGINT)
        _, log = api_.process.communicate(timeout=60)
    lines = [json.loads(line) for line in log.splitlines()]
    requests = [line for line in lines if line["event"] == "http.request"]
    # A parameter that the route does not take is refused, and logged no more than the others.
    assert [line["status"] for line in requests][-2:] == [201, 422]
    assert all({"correlation_id", "request_id", "timestamp"} <= set(line) for line in requests)
    for secret in (token, PASSWORD, "hunter22", "argon2"):
        assert secret not in log


def test_a_taken_port_is_said_by_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable, match=str(port)):
            api.listen("127.0.0.1", port)


def test_the_api_refuses_a_login_that_is_not_its_own(database_urls: Urls) -> None:
    async def story(role: Role) -> None:
        listener = api.listen("127.0.0.1", 0)
        await api.run(Settings(), database_urls[role], asyncio.Event(), listener=listener)

    for role in ("owner", "worker"):
        with pytest.raises(SettingsError):
            asyncio.run(story(role))
