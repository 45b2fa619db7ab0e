"""One question over HTTP to somebody we do not trust: every case ends in a state with a name.

The body is read by the piece and counted, on the wire and inflated, so neither a large body nor a
small one that inflates without end takes memory. Names are resolved here and the address that was
looked at is the one that is connected to: a name that points into our own network is refused, be it
asked for or redirected to, unless the settings name that very host and port, and then it is asked
by its own requests alone: no other host sends us there. The whole request has one deadline, so a
server that sends a byte a second ends like one that sends none.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urljoin, urlsplit

import httpx2

FetchState = Literal[
    "ok",
    "not_changed",
    "rate_limited",
    "key_refused",
    "refused",
    "server_error",
    "timed_out",
    "unreachable",
    "cut_short",
    "too_large",
    "inflated_too_large",
    "encoding_broken",
    "wrong_type",
    "redirect_refused",
    "address_refused",
]

_REDIRECTS_MAX: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}
# Of an answer that is no body we want, this much is read: it may say why.
_ERROR_BYTES_MAX: Final = 8_192
_SLICE_BYTES: Final = 262_144
_ADDRESSES_MAX: Final = 3
# What goes on to another host with a redirect.
_HARMLESS: Final = frozenset({"accept", "accept-encoding", "user-agent"})

# Not of the internet, whatever an older Python's tables say: site-local, addresses that stand for
# IPv4 ones in ways that ended long ago, a network's own translation, and what was set aside.
_SET_ASIDE: Final = tuple(
    ipaddress.ip_network(text)
    for text in ("fec0::/10", "::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "192.0.0.0/24")
)
# Behind it stands any IPv4 address (RFC 6052, 2.1).
_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")

Origin = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one fetch: bytes on the wire, bytes inflated, seconds in all and to connect."""

    wire_bytes_max: int = 5_000_000
    body_bytes_max: int = 64_000_000
    deadline_s: float = 20.0
    connect_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Call:
    """A GET. `url` and `headers` may hold a key: they are shown nowhere.

    `media` are the content types that are taken, or beginnings of one that end in a slash.
    """

    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    media: tuple[str, ...] = ()
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """How it ended. `body` is inflated; of an answer without a body it is what was said instead."""

    state: FetchState
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = field(default=b"", repr=False)
    wire_bytes: int = 0
    took_ms: int = 0
    detail: str = ""


class _EndedError(Exception):
    """A fetch that ends here, with how."""

    def __init__(self, state: FetchState, detail: str = "", status: int | None = None) -> None:
        super().__init__(detail)
        self.ending = Fetched(state, status, detail=detail)


class Fetcher:
    """A client for many hosts; `named` are the origins in our own network that it may ask."""

    def __init__(self, limits: Limits, named: frozenset[Origin] = frozenset()) -> None:
        self._limits = limits
        self._named = named
        self._verify = ssl.create_default_context()
        # By host: connections are kept by address, and two hosts may share one. What was checked
        # to be the one must not carry the other's questions and key.
        self._clients: dict[Origin, httpx2.AsyncClient] = {}

    async def close(self) -> None:
        """Close what is open; safe twice."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    def _client(self, origin: Origin) -> httpx2.AsyncClient:
        client = self._clients.get(origin)
        if client is None:
            client = httpx2.AsyncClient(
                verify=self._verify,
                follow_redirects=False,
                # A proxy of the environment would resolve names itself, past the check here.
                trust_env=False,
                timeout=httpx2.Timeout(self._limits.deadline_s, connect=self._limits.connect_s),
                headers={"user-agent": "overround", "accept-encoding": "gzip"},
            )
        self._clients[origin] = client
        return client

    async def fetch(self, call: Call, body_bytes_max: int | None = None) -> Fetched:
        """Ask once, following few redirects. Raises nothing but a cancellation."""
        began_s = time.monotonic()
        cap = min(body_bytes_max or self._limits.body_bytes_max, self._limits.body_bytes_max)
        try:
            async with asyncio.timeout(self._limits.deadline_s):
                ending = await self._follow(call, cap)
        except _EndedError as ended:
            ending = ended.ending
        except (TimeoutError, httpx2.TimeoutException) as error:
            ending = Fetched("timed_out", detail=type(error).__name__)
        except httpx2.ConnectError as error:
            ending = Fetched("unreachable", detail=_plain(error))
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            ending = Fetched("cut_short", detail=_plain(error))
        took_ms = round((time.monotonic() - began_s) * 1_000)
        return Fetched(
            ending.state,
            ending.status,
            ending.headers,
            ending.body,
            ending.wire_bytes,
            took_ms,
            ending.detail[:200],
        )

    async def _follow(self, call: Call, cap: int) -> Fetched:
        url, headers = call.url, _headers_of(call)
        asked: Origin | None = None
        for _ in range(_REDIRECTS_MAX + 1):
            origin, addresses = await self._resolved(url, asked)
            asked = asked or origin
            found = await self._ask(url, headers, origin, addresses, call, cap)
            if isinstance(found, Fetched):
                return found
            try:
                moved = urljoin(url, found)
                is_elsewhere = _origin(moved) != origin
            except ValueError as error:
                raise _EndedError("redirect_refused", str(error)) from None
            if urlsplit(url).scheme == "https" and urlsplit(moved).scheme != "https":
                raise _EndedError("redirect_refused", "from https to less")
            if is_elsewhere:
                # The key was meant for the host that was asked and for no other.
                headers = {k: v for k, v in headers.items() if k.lower() in _HARMLESS}
            url = moved
        raise _EndedError("redirect_refused", "too many redirects")

    async def _resolved(self, url: str, asked: Origin | None) -> tuple[Origin, list[str]]:
        """Whose it is and the addresses to connect to; `asked` is who has redirected us here.

        Ends where one address is not public. What the settings name is for those requests that
        ask for it (test: nobody redirects to what another names).
        """
        refused: FetchState = "address_refused" if asked is None else "redirect_refused"
        try:
            origin = _origin(url)
        except ValueError as error:
            raise _EndedError(refused, str(error)) from None
        try:
            found = await asyncio.get_running_loop().getaddrinfo(*origin, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise _EndedError("unreachable", f"{origin[0]} has no address") from None
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        is_named = origin in self._named and asked in (None, origin)
        if not is_named and not all(is_public(one) for one in addresses):
            raise _EndedError(refused, f"{origin[0]} is not a public address")
        return origin, addresses[:_ADDRESSES_MAX]

    async def _ask(
        self,
        url: str,
        headers: Mapping[str, str],
        origin: Origin,
        addresses: list[str],
        call: Call,
        cap: int,
    ) -> Fetched | str:
        """The answer of the first address that takes the connection, or where it has moved to."""
        client = self._client(origin)
        for address in addresses:
            request = client.build_request(
                "GET",
                httpx2.URL(url).copy_with(host=address),
                headers={**headers, "host": _host_header(url)},
                extensions={"sni_hostname": origin[0]},
            )
            try:
                response = await client.send(request, stream=True)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                if address == addresses[-1]:
                    raise
                continue
            try:
                return await self._answer(response, call, cap)
            finally:
                await response.aclose()
        raise _EndedError("unreachable", "no address")

    async def _answer(self, response: httpx2.Response, call: Call, cap: int) -> Fetched | str:
        status, headers = response.status_code, dict(response.headers)
        if status in _REDIRECTS and (moved := response.headers.get("location")):
            return moved
        if status == 304:
            return Fetched("not_changed", status, headers)
        if status != 200:
            return Fetched(_state_of(status), status, headers, await _reason(response))
        if not _is_wanted(headers.get("content-type", ""), call.media):
            said = headers.get("content-type", "")[:80]
            return Fetched("wrong_type", status, headers, detail=said)
        body = _Body(self._limits.wire_bytes_max, cap, headers.get("content-encoding", ""))
        body.expect(headers.get("content-length", ""))
        try:
            async for piece in response.aiter_raw():
                await body.take(piece)
            return Fetched("ok", status, headers, body.all(), body.wire_bytes)
        except _EndedError as ended:
            return Fetched(
                ended.ending.state, status, headers, b"", body.wire_bytes, 0, ended.ending.detail
            )


class _Body:
    """The body as it comes: counted, inflated by the slice, never larger than its caps."""

    def __init__(self, wire_bytes_max: int, body_bytes_max: int, encoding: str) -> None:
        self._wire_bytes_max = wire_bytes_max
        self._body_bytes_max = body_bytes_max
        self._pieces: list[bytes] = []
        self._size = 0
        self.wire_bytes = 0
        wanted = encoding.strip().lower()
        if wanted not in {"", "identity", "gzip", "x-gzip"}:
            raise _EndedError("encoding_broken", f"encoded as {wanted[:40]}")
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16) if "gzip" in wanted else None

    def expect(self, content_length: str) -> None:
        """Refuse what says by itself that it is too large."""
        if content_length.isdecimal() and int(content_length[:18]) > self._wire_bytes_max:
            raise _EndedError("too_large", f"{content_length[:18]} bytes announced")

    async def take(self, piece: bytes) -> None:
        """One piece from the wire."""
        self.wire_bytes += len(piece)
        if self.wire_bytes > self._wire_bytes_max:
            raise _EndedError("too_large", f"more than {self._wire_bytes_max} bytes")
        if self._inflate is None:
            self._add(piece)
            return
        async for inflated in self._inflated(piece):
            self._add(inflated)

    async def _inflated(self, piece: bytes) -> AsyncIterator[bytes]:
        while piece and self._inflate is not None:
            if self._inflate.eof:
                # A second member: files that were compressed apart and put together.
                self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
            try:
                yield self._inflate.decompress(piece, _SLICE_BYTES)
            except zlib.error as error:
                raise _EndedError("encoding_broken", str(error)) from None
            piece = self._inflate.unconsumed_tail or self._inflate.unused_data
            # Inflating is work of the processor: whoever waits on this loop gets a turn.
            await asyncio.sleep(0)

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._body_bytes_max:
            inflated = self._inflate is not None
            raise _EndedError(
                "inflated_too_large" if inflated else "too_large",
                f"more than {self._body_bytes_max} bytes",
            )
        self._pieces.append(piece)

    def all(self) -> bytes:
        """The whole body. Ends where the encoded one stops before its end."""
        if self._inflate is not None and not self._inflate.eof:
            raise _EndedError("encoding_broken", "it stops before its end")
        return b"".join(self._pieces)


def is_public(address: str) -> bool:
    """Whether `address` is one of the internet's and not of somebody's own network."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(str(inner))
    is_set_aside = any(found in network for network in _SET_ASIDE)
    return found.is_global and not found.is_multicast and not is_set_aside


def origin_of(url: str) -> Origin:
    """(host, port) of an address. Raises ValueError for what is no http or https address."""
    return _origin(url)


def _origin(url: str) -> Origin:
    parts = urlsplit(url)
    port = _PORTS.get(parts.scheme)
    if port is None or not parts.hostname:
        raise ValueError("not an http or https address")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address with a password in it")
    return parts.hostname, parts.port or port


def _host_header(url: str) -> str:
    return urlsplit(url).netloc


def _headers_of(call: Call) -> dict[str, str]:
    headers = dict(call.headers)
    if call.media:
        headers["accept"] = ", ".join(one for one in call.media if not one.endswith("/")) or "*/*"
    if call.etag is not None:
        headers["if-none-match"] = call.etag
    if call.last_modified is not None:
        headers["if-modified-since"] = call.last_modified
    return headers


def _state_of(status: int) -> FetchState:
    if status == 429:
        return "rate_limited"
    if status in (401, 403):
        return "key_refused"
    return "server_error" if status >= 500 else "refused"


def _is_wanted(content_type: str, media: tuple[str, ...]) -> bool:
    """A type that is not said is left to the parser; a wrong one is a page about something else."""
    said = content_type.partition(";")[0].strip().lower()
    if not said or not media:
        return True
    return any(said.startswith(one) if one.endswith("/") else said == one for one in media)


async def _reason(response: httpx2.Response) -> bytes:
    """The beginning of what an answer without a body says, as it came."""
    found = b""
    async for piece in response.aiter_raw():
        found += piece
        if len(found) >= _ERROR_BYTES_MAX:
            break
    return found[:_ERROR_BYTES_MAX]


def _plain(error: Exception) -> str:
    """What went wrong, without the address, which may hold a key."""
    return type(error).__name__
