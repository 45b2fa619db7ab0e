"""SIGTERM with open streams: everyone is told to come back, and the process ends."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from overround.db.logins import Role
from overround.roles.attach import Endpoints
from tests.support.events import EventStream, listening
from tests.web.test_api_role import Served, served

STREAMS = 200


def test_every_stream_gets_its_bye(
    database_urls: Mapping[Role, str],
    endpoints: Endpoints,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """200 sockets of two tenants. The time is printed: three seconds are the promise."""
    # All come from one address, which may not ask as often as so many people.
    monkeypatch.setenv("OVERROUND_LIMITS__PUBLIC_BURST", "1000")

    async def story(api: Served) -> float:
        async with AsyncExitStack() as stack:
            streams: list[EventStream] = []
            for n in range(STREAMS):
                host = "acme.localhost" if n % 2 else "sakura.localhost"
                opened = listening(api.port, "board", host=host)
                streams.append(await stack.enter_async_context(opened))
            assert [stream.status for stream in streams] == [200] * STREAMS
            started_s = time.monotonic()
            api.process.send_signal(signal.SIGTERM)
            byes = await asyncio.gather(*(stream.until("bye") for stream in streams))
            assert all(bye.data["reason"] == "restart" for bye in byes)
            waits_ms = {stream.retry_ms[-1] for stream in streams}
            # They come back at different moments.
            assert len(waits_ms) > STREAMS / 4
            assert all(500 <= wait_ms <= 2_000 for wait_ms in waits_ms)
            for stream in streams:
                try:
                    await stream.next()
                except EOFError:
                    continue
                raise AssertionError("something came after the bye")
            assert await asyncio.to_thread(api.process.wait, 20) == 0
            return time.monotonic() - started_s

    with (
        (tmp_path / "api.log").open("w") as log,
        served(database_urls, endpoints.redis_url, log) as api_,
    ):
        taken_s = asyncio.run(story(api_))
    sys.stdout.write(f"{STREAMS} streams: bye and end after {taken_s:.2f} s\n")
    assert taken_s < 20
