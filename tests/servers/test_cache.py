"""The client of the embedded Valkey."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from overround.cache import opened, version
from overround.core.errors import Unavailable
from overround.roles.attach import Endpoints


def test_the_client_speaks_to_the_embedded_server(endpoints: Endpoints) -> None:
    async def run() -> None:
        async with opened(endpoints.redis_url) as client:
            await client.set("test:cache", b"kept", px=5_000)
            assert await client.get("test:cache") == b"kept"
            assert int((await version(client)).split(".")[0]) >= 7
            facts = await client.info("memory")  # pyright: ignore[reportUnknownMemberType]
            assert facts["maxmemory_policy"] == "noeviction"

    asyncio.run(run())


def test_a_cache_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    async def run() -> None:
        async with opened(f"unix://{tmp_path}/no.sock"):
            raise AssertionError("nobody listens there")

    with pytest.raises(Unavailable, match="the cache does not answer"):
        asyncio.run(run())
