"""When a provider is asked again: after it was busy, and after a turn that failed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import pairwise
from typing import Final

import psycopg
import pytest

from overround.db.logins import Role
from tests.roles import pulling
from tests.roles.pulling import STARTS, sport
from tests.stories.world import AT
from tests.support import misbehaving

Urls = Mapping[Role, str]

FEED: Final = misbehaving.feed("Ann", STARTS, AT)


@pytest.mark.parametrize("keys", [[], ["key-one", "key-two"]])
def test_a_provider_that_is_busy_is_asked_again_in_minutes(
    database_urls: Urls, keys: list[str]
) -> None:
    """Until the year 9999 is no pace: ten minutes at most, whatever it says, with each key."""
    never = misbehaving.status(429, retry_after="Fri, 31 Dec 9999 23:59:59 GMT")

    async def story() -> None:
        async with pulling.world(database_urls) as (db, server, pace):
            server.serves["/nfl"] = misbehaving.in_turn(
                *[never] * max(1, len(keys)), misbehaving.body(FEED)
            )
            one = {"keys": keys, "sports": {"nfl": sport("/nfl", 60)}}
            said = pulling.settings(server, {"generic": one})
            async with pulling.pulling(db, server, pace, said) as run:
                await run.run_for(3)
                assert await run.state("generic") == "rate_limited"
                await run.run_for(27)
                assert await run.state("generic") == "ok"
            times = server.times("/nfl")
            waits_s = [(b - a).total_seconds() for a, b in pairwise(times)]
            assert 590 <= max(waits_s) <= 720

    asyncio.run(story())


def test_a_turn_that_fails_gives_its_claim_back(database_urls: Urls) -> None:
    """Whatever fails after it: the next turn asks, and nobody waits for who still lives."""
    break_it = """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE 'no room'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON provider_hour
            FOR EACH ROW EXECUTE FUNCTION refuse();"""
    with psycopg.connect(database_urls["owner"]) as conn:
        conn.execute(break_it)

    async def story() -> None:
        async with pulling.world(database_urls) as (db, server, pace):
            server.serves["/nfl"] = misbehaving.body(FEED)
            said = pulling.settings(server, {"generic": {"sports": {"nfl": sport("/nfl", 60)}}})
            async with pulling.pulling(db, server, pace, said) as run:
                await run.run_for(1)
                assert len(server.times("/nfl")) == 1
                assert await run.rows("SELECT count(*) FROM poll WHERE token IS NOT NULL") == [(0,)]
                with psycopg.connect(database_urls["owner"]) as conn:
                    conn.execute("DROP TRIGGER refuse ON provider_hour")
                await run.run_for(2)
                assert await run.state("generic") == "ok"

    asyncio.run(story())
