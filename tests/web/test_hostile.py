"""Raw sockets against a running api: what nobody should send ends in a 4xx and in a problem."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping

import pytest

from overround.db.logins import Role
from overround.web.wire import HEADERS_MAX
from tests.web.test_api_role import Served, served
from tests.web.test_front import EVERYWHERE

Urls = Mapping[Role, str]
HEADER_S = 0.5


def head_of(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    pairs = (line.split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), {name.lower(): value for name, value in pairs}, body


def asked(api: Served, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """What is answered to these bytes."""
    return head_of(api.raw(request))


def trickled(api: Served, pieces: list[bytes], pause_s: float) -> tuple[int, float]:
    """What is answered to a request that comes in pieces, and after how many seconds."""
    with socket.create_connection(("127.0.0.1", api.port), timeout=15) as sock:
        began_s = time.monotonic()
        for piece in pieces:
            try:
                sock.sendall(piece)
            except OSError:
                break
            sock.settimeout(pause_s)
            try:
                data = sock.recv(65_536)
            except TimeoutError:
                continue
            return head_of(data)[0], time.monotonic() - began_s
        sock.settimeout(15)
        return head_of(sock.recv(65_536))[0], time.monotonic() - began_s


def cases(host: bytes) -> list[tuple[str, bytes, int]]:
    """What is sent, and the status that it deserves."""
    close = b"Connection: close\r\n"
    get = b"GET /api/v1/board HTTP/1.1\r\n"
    post = b"POST /api/v1/users HTTP/1.1\r\n" + host + close + b"Content-Type: application/json\r\n"

    def body(content: bytes) -> bytes:
        return post + b"Content-Length: %d\r\n\r\n%b" % (len(content), content)

    many = b"".join(b"X-%d: 1\r\n" % n for n in range(HEADERS_MAX + 1))
    return [
        ("no host", get + close + b"\r\n", 400),
        ("two hosts", get + host + host + close + b"\r\n", 400),
        ("two hosts that differ", get + host + b"Host: evil.example\r\n" + close + b"\r\n", 400),
        ("another host's address", b"GET http://evil.example/ HTTP/1.1\r\n" + host + b"\r\n", 400),
        ("two lengths", post + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400),
        (
            "a length beside chunks",
            post + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (
            "a body beside another protocol",
            post + b"Upgrade: h2c\r\nContent-Length: 2\r\n\r\n{}",
            400,
        ),
        ("a large header", get + host + b"X: " + b"a" * 100_000 + b"\r\n\r\n", 431),
        ("a header without end", get + host + b"X: " + b"a" * 50_000, 431),
        ("many headers", get + host + many + b"\r\n", 431),
        ("a long address", b"GET /" + b"a" * 50_000 + b" HTTP/1.1\r\n" + host + b"\r\n", 431),
        ("no protocol", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        ("a line of nothing", b"GET\r\n\r\n", 400),
        ("not a number", body(b'{"amount":NaN}'), 400),
        ("infinity", body(b'{"amount":1e400}'), 422),
        ("a key twice", body(b'{"email":"a","email":"b"}'), 400),
        ("deep nesting", body(b"[" * 60_000), 400),
        ("deeper nesting", body(b"[" * 100_000), 413),
        ("half a character", body(b'{"email":"\xff"}'), 400),
        ("nul", body(b'{"email":"\\u0000"}'), 400),
        ("a body of ten times the bound", body(b" " * 640_000), 413),
        ("no length at all", post + b"Content-Length: -1\r\n\r\n", 400),
    ]


def test_what_nobody_should_send_is_refused_and_the_process_lives(
    database_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERROUND_WEB__HEADER_S", str(HEADER_S))
    with served(database_urls) as api:
        host = f"Host: acme.localhost:{api.port}\r\n".encode()
        for name, request, status in cases(host):
            found, headers, body = asked(api, request)
            assert found == status, (name, headers, body[:200])
            assert set(headers) >= EVERYWHERE, name
            problem = json.loads(body)
            assert problem["status"] == status, name
            assert problem["request_id"] == headers["x-request-id"], name
        # Slow ones: silence, half a head, and a byte now and then.
        drops = [
            bytes([letter]) for letter in b"GET / HTTP/1.1\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        ]
        for pieces in ([b""], [b"GET / HTTP/1.1\r\n" + host], drops):
            found, took_s = trickled(api, pieces, 0.1)
            assert found == 408
            assert HEADER_S * 0.8 <= took_s < 20
        with api.client() as client:
            assert client.get("/healthz").status_code == 200
        # A load balancer of the old kind: HTTP/1.0 without a Host.
        assert asked(api, b"GET /healthz HTTP/1.0\r\n\r\n")[0] == 200
