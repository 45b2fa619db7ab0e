"""Which proxies are believed: what one of them says of the scheme and the client becomes true.

Anybody can write X-Forwarded-*, so it counts only where the connection itself comes from an address
that the operator named. Behind such a proxy a page's origin is `https://...`, its cookies are
`__Host-`, and limits count the visitor and not the proxy (test: a browser writes through a proxy).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from overround.web.shortcuts import instant

_SCHEMES: Final = frozenset({"http", "https"})
# More than these are no chain of proxies but somebody who fills a header.
_HOPS_MAX: Final = 20


class Trusted:
    """The proxies whose word counts."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(one) for one in networks]
        self._names = lru_cache(maxsize=4_096)(self._lies_within)

    def names(self, address: str) -> bool:
        """Whether the address is one of theirs."""
        return self._names(address)

    def _lies_within(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        mapped = getattr(found, "ipv4_mapped", None)
        return any((mapped or found) in network for network in self._networks)

    def client(self, peer: str, forwarded_for: str) -> str:
        """The nearest address that is none of theirs: what stands before it, it wrote itself."""
        found = peer
        for hop in reversed(forwarded_for.split(",")[-_HOPS_MAX:]):
            if not self.names(found):
                break
            try:
                found = str(ip_address(hop.strip()))
            except ValueError:
                break
        return found


class Behind:
    """ASGI middleware: gives a request the scheme and the client that a trusted proxy says."""

    def __init__(self, app: ASGIApp, trusted: Trusted) -> None:
        self._app = app
        self._trusted = trusted
        self._instant = instant(app)
        self.instant_urls = self._instant.instant_urls if self._instant else frozenset[bytes]()
        self.vain_urls = self._instant.vain_urls if self._instant else frozenset[bytes]()
        self.later = self._instant.later if self._instant else _at_once

    @property
    def is_beset(self) -> bool:
        """As the front says."""
        return self._instant is not None and self._instant.is_beset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self._believe(scope)
        await self._app(scope, receive, send)

    def at_once(self, scope: Scope) -> bool:
        """As the front does. What was said is heard once more when it comes as a task, and says
        the same then."""
        self._believe(scope)
        return self._instant is not None and self._instant.at_once(scope)

    def is_vain(self, scope: Scope) -> bool:
        """As the front says; what was said of his address is heard here, for the record."""
        if self._instant is None or not self._instant.is_vain(scope):
            return False
        self._believe(scope)
        return True

    def refuse(self, scope: Scope) -> None:
        """As the front does."""
        assert self._instant is not None
        self._instant.refuse(scope)

    def _believe(self, scope: Scope) -> None:
        client = scope.get("client")
        if client is None or not self._trusted.names(client[0]):
            return
        scheme = _last(scope, b"x-forwarded-proto").strip().lower()
        if scheme in _SCHEMES:
            scope["scheme"] = scheme
        forwarded_for = _all(scope, b"x-forwarded-for")
        if forwarded_for:
            scope["client"] = (self._trusted.client(client[0], forwarded_for), 0)


def _at_once(act: Callable[[], None]) -> None:
    act()


def _all(scope: Scope, name: bytes) -> str:
    return ",".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)


def _last(scope: Scope, name: bytes) -> str:
    """What the nearest proxy said: it writes last."""
    return _all(scope, name).rpartition(",")[2]
