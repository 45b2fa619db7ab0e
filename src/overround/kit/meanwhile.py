"""Work for two at once: a server that writes, and we who reckon meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def meanwhile(going: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    """`going` has begun before the block and ended after it, so that a server has its question
    while the block reckons.

    Raises what either raises; of both the first one's, for the block fails by it
    (test: whose failure came first is raised).
    """
    task = asyncio.create_task(going)
    try:
        await asyncio.sleep(0)
        yield
    except Exception:
        await asyncio.wait({task})
        # Where it has failed, the block did because of it.
        await task
        raise
    except BaseException:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
    else:
        await task
