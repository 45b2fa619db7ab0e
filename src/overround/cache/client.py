"""The client: redis-py's asyncio client with a time limit on everything."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from overround.core.errors import Unavailable

if TYPE_CHECKING:
    from redis.asyncio import Redis

CONNECT_S: Final = 1.0
COMMAND_S: Final = 2.0
CONNECTIONS_MAX: Final = 50

# redis-py takes a third of a second to import, so it is imported by whoever opens a client. Its
# commands take **kwargs without a type, which strict mode reports at each call; the answers are
# typed, so the rule is silenced call by call and nowhere else.


def connect(url: str, *, connections_max: int = CONNECTIONS_MAX) -> Redis:
    """A client of `url` that opens nothing yet and tries nothing twice; close it with `aclose()`.

    For what goes on without the cache: each command fails within `COMMAND_S` at the latest, with
    one of `failures()`, and the caller decides when to ask again. Answers are bytes.
    """
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    return Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
        url,
        socket_connect_timeout=CONNECT_S,
        socket_timeout=COMMAND_S,
        max_connections=connections_max,
        retry=Retry(NoBackoff(), 0),
    )


def failures() -> tuple[type[Exception], ...]:
    """What a command raises when the cache is away, refuses, or is too slow."""
    from redis.exceptions import RedisError

    return RedisError, OSError, TimeoutError


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Redis]:
    """A client of `url` for the length of the block; answers are bytes.

    Raises Unavailable when the server does not answer a PING at the start; later failures are
    redis-py's own RedisError, which callers that can do without the cache catch.
    """
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    client = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
        url,
        socket_connect_timeout=CONNECT_S,
        socket_timeout=COMMAND_S,
        max_connections=CONNECTIONS_MAX,
        health_check_interval=15,
    )
    try:
        try:
            await client.ping()  # pyright: ignore[reportUnknownMemberType]
        except (RedisError, OSError) as error:
            raise Unavailable(f"the cache does not answer: {error}") from None
        yield client
    finally:
        await client.aclose()


async def version(client: Redis) -> str:
    """The server's version, Valkey's own where it is one."""
    answer = await client.info("server")  # pyright: ignore[reportUnknownMemberType]
    return str(answer.get("valkey_version") or answer.get("redis_version"))
