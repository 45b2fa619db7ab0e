"""Each `.story` beside this file comes true, and the runner would notice if it did not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest

from overround.db.logins import Role
from tests.stories import runner
from tests.stories.runner import StoryError
from tests.stories.world import opened

Urls = dict[Role, str]

STORIES = sorted(Path(__file__).parent.glob("*.story"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_the_story_comes_true(database_urls: Urls, path: Path) -> None:
    text = path.read_text("utf-8")

    async def story() -> None:
        async with opened(database_urls, connections=2) as world:
            await runner.tell(world, text, path.name)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("last", "complaint"),
    [
        ("cash ann => 111.01", r"^twin:7: expected 111\.01, got 111\.00: cash ann"),
        ("place B2 ann 500.00 E2.home@2.00", r"^twin:7: expected open, got InsufficientFunds"),
        ("withdraw W1 ann 1.000", r"^twin:7: refused, InvalidNumber"),
        ("cash bob => 0.00", r"^twin:7: cash bob => 0\.00: KeyError"),
        ("cash => 0.00", r"^twin:7: cash  => 0\.00: TypeError"),
        ("applaud ann", r"^twin:7: unknown verb 'applaud'"),
        ("cash ann =>", r"^twin:7: half a line"),
    ],
)
def test_a_line_that_is_not_true_is_named(database_urls: Urls, last: str, complaint: str) -> None:
    """The must-fail twin: the same story with one line that is wrong."""
    text = (
        "tenant acme\ndeposit ann 100.00\nprice E1.home 2.10\n"
        "place B1 ann 10.00 E1.home@2.10 => open\nresult E1 2-0\nsettle => 1\n"
    )

    async def story() -> None:
        async with opened(database_urls, connections=2) as world:
            if "E2" in last:
                text_before = "price E2.home 2.00"
                await runner.tell(world, f"tenant acme\n{text_before}", "before")
            await runner.tell(world, text + last, "twin")

    with pytest.raises(StoryError, match=complaint):
        asyncio.run(story())


def test_a_story_that_breaks_the_books_is_told_at_its_end(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls, connections=2) as world:
            await runner.tell(world, "tenant acme\ndeposit ann 10.00", "sound")
            async with world.worker.reading(world.tenants["acme"].id) as conn:
                assert await (await conn.execute("SELECT 1 FROM entry LIMIT 1")).fetchone()
            await _steal(database_urls)
            with pytest.raises(StoryError, match="the books are broken at the end"):
                await runner.tell(world, "tenant acme\ncash ann => 11.00", "broken")

    asyncio.run(story())


async def _steal(urls: Urls) -> None:
    async with await psycopg.AsyncConnection.connect(urls["owner"], autocommit=True) as conn:
        await conn.execute("ALTER TABLE account NO FORCE ROW LEVEL SECURITY")
        await conn.execute("UPDATE account SET balance_minor = 1100 WHERE kind = 'cash'")
        await conn.execute("ALTER TABLE account FORCE ROW LEVEL SECURITY")
