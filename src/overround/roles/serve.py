"""Everything that serves, under one supervisor: api, hub, settle, jobs; pull where one is asked.

The supervisor holds the socket that the api answers on. While the api is started again, whoever
comes waits in the socket's queue in place of being refused (test: a killed role is back). Several
processes of the api share the socket and its one queue, so what an ending one has not taken is
taken by another; each with a socket of its own (SO_REUSEPORT) would take its queue along.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import httpx2

from overround.core.errors import Unavailable
from overround.kit import loop
from overround.kit.processes import FileLock
from overround.kit.settings import Settings
from overround.roles import api, renewing, seeding
from overround.roles.attach import Endpoints
from overround.roles.process import stopping
from overround.roles.supervisor import Role, Supervisor

# The roles of a supervisor that was killed give the port back within this time.
_PORT_PATIENCE_S: Final = 4.0
_POLL_S: Final = 0.1
# Addresses that stand for all of a machine; one reaches them by its own.
_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (it is asked for, not bound)

Say = Callable[[str], None]


async def serve(
    settings: Settings, endpoints: Endpoints, config: Path | None, say: Say
) -> dict[str, Any]:
    """Serve until SIGTERM or SIGINT, then drain; how often each role was started again.

    Raises Unavailable when the state directory is served already or the port is taken, and
    SettingsError when a role refuses its configuration.
    """
    with alone(endpoints.state), stopping() as stop:
        await seeding.prepare(endpoints)
        async with house(settings, endpoints, config, say) as supervisor:
            saying = asyncio.create_task(_say_when_up(settings, stop, say))
            try:
                await supervisor.until(stop)
            finally:
                saying.cancel()
                say("ending")
    return {"restarts": supervisor.restarts()}


@contextmanager
def alone(state: Path) -> Generator[None]:
    """One `serve` or `demo` a state directory. Raises Unavailable for the second."""
    lock = FileLock(state / "serving.lock")
    if not lock.try_exclusive():
        raise Unavailable(f"another serve or demo runs in {state}")
    try:
        yield
    finally:
        lock.release()


@asynccontextmanager
async def house(
    settings: Settings,
    endpoints: Endpoints,
    config: Path | None,
    say: Say,
    *,
    hub: Sequence[str] = (),
    further: Sequence[Role] = (),
) -> AsyncGenerator[Supervisor]:
    """The roles, running, with `further` ones beside them; `hub` are arguments of the hub.

    Raises Unavailable when the port stays taken.
    """
    listener = await _listen(settings.web.host, settings.web.port)
    common = ["--state", str(endpoints.state)]
    common += ["--config", str(config)] if config is not None else []
    # A flag of this command is a setting of its roles.
    flags = {"OVERROUND_WEB__PORT": str(settings.web.port)}
    supervisor = Supervisor(
        endpoints.state, common=common, environment=flags, say=say, keeping=settings.log
    )
    handed = listener.fileno()
    try:
        for number in range(1, settings.web.processes + 1):
            arguments = ("--listen-fd", str(handed))
            supervisor.start(Role("api", arguments, (handed,), number, overlaps=True))
        supervisor.start(Role("hub", tuple(hub)))
        supervisor.start(Role("settle"))
        supervisor.start(Role("jobs"))
        if any(provider.sports for provider in settings.feeds.providers.values()):
            supervisor.start(Role("pull"))
        for role in further:
            supervisor.start(role)
        async with renewing.listening(supervisor, endpoints.state):
            yield supervisor
    finally:
        # First, so that who comes during the drain is refused and not kept waiting for nobody.
        listener.close()
        await supervisor.stop()


async def up(settings: Settings, stop: asyncio.Event) -> bool:
    """Wait until the api answers; False when told to stop before."""
    host = _ANY.get(settings.web.host, settings.web.host)
    where = f"[{host}]" if ":" in host else host
    async with httpx2.AsyncClient(timeout=2.0) as client:
        while not stop.is_set():
            with suppress(httpx2.HTTPError):
                if (await client.get(f"http://{where}:{settings.web.port}/healthz")).is_success:
                    return True
            await loop.wait(stop, _POLL_S)
    return False


def tenant_url(settings: Settings, subdomain: str) -> str:
    """Where a browser finds a tenant."""
    return f"http://{subdomain}.{settings.web.base_domain}:{settings.web.port}"


async def _listen(host: str, port: int) -> socket.socket:
    clock = asyncio.get_running_loop()
    deadline_s = clock.time() + _PORT_PATIENCE_S
    while True:
        try:
            return api.listen(host, port)
        except Unavailable:
            if clock.time() > deadline_s:
                raise
            await asyncio.sleep(_POLL_S)


async def _say_when_up(settings: Settings, stop: asyncio.Event, say: Say) -> None:
    if await up(settings, stop):
        say(f"serving at {tenant_url(settings, '<tenant>')}")
