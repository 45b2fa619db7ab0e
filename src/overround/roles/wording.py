"""Having a model word the last report, where the settings name one; nobody waits for it.

It has one deadline for all it does, its answer has a bound, and whatever goes wrong leaves the
rules' own sentences in place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import httpx2

from overround import ops
from overround.core.clock import Clock
from overround.db import Database
from overround.kit import logs
from overround.kit.settings import LlmSettings
from overround.ops import Question, Written

_ANSWER_BYTES_MAX: Final = 65_536

_log = logs.get(__name__)


def is_set(settings: LlmSettings) -> bool:
    """Whether there is a model to ask."""
    return settings.url is not None and settings.model is not None


def job(db: Database, settings: LlmSettings, clock: Clock) -> Callable[[], Awaitable[None]]:
    """What the jobs role repeats."""

    async def once() -> None:
        await word_once(db, settings, clock.now())

    return once


async def word_once(db: Database, settings: LlmSettings, at: datetime) -> bool:
    """Ask for words on the last report, unless the last words were on the same findings; whether
    there are new ones."""
    async with db.reading(None) as conn:
        house = await ops.last_report(conn, "house")
        words = await ops.last_report(conn, "words")
    if house is None or settings.url is None or settings.model is None:
        return False
    facts = ops.facts_of(house.report)
    digest = ops.digest(facts)
    if words is not None and words.report["digest"] == digest:
        return False
    key = settings.key.get_secret_value() if settings.key is not None else None
    asked = ops.question(settings.kind, settings.model, key, facts)
    began_s = asyncio.get_running_loop().time()
    text = await _answer(settings, asked)
    if text is None:
        return False
    took_ms = round((asyncio.get_running_loop().time() - began_s) * 1_000)
    said = {"digest": digest, "text": text, "model": settings.model}
    async with db.transaction(None) as conn:
        await ops.write_report(conn, "words", Written(said, at, took_ms))
    return True


async def _answer(settings: LlmSettings, asked: Question) -> str | None:
    """The model's paragraph; None, and a line in the log, where it gives none in time."""
    address = f"{(settings.url or '').rstrip('/')}{asked.path}"
    try:
        async with (
            asyncio.timeout(settings.timeout_s),
            httpx2.AsyncClient(
                timeout=settings.timeout_s, follow_redirects=False, trust_env=False
            ) as client,
            client.stream(
                "POST", address, content=asked.body, headers=dict(asked.headers)
            ) as answer,
        ):
            body = b""
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > _ANSWER_BYTES_MAX:
                    return _without("too_large")
    except (httpx2.HTTPError, TimeoutError) as error:
        return _without(type(error).__name__)
    if not answer.is_success:
        return _without(f"status {answer.status_code}")
    return ops.answered(settings.kind, body) or _without("unreadable")


def _without(reason: str) -> None:
    _log.warning("status.not_worded", reason=reason)
