"""What an api counts of bets and streams."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from overround.betting.bets import Asked, Decision
from overround.core.errors import Unavailable
from overround.kit import metrics
from overround.roles.figures import counted, streams_sampled


def count(name: str, *values: str) -> float:
    cells = metrics.figures()
    return cells.get((name, values), (0.0,))[0]


@pytest.mark.parametrize(
    ("kind", "refusal", "placed", "refused"),
    [
        ("accepted", None, 1, 0),
        ("replayed", None, 0, 0),
        ("refused", "insufficient_funds", 0, 1),
        ("nobody", None, 0, 1),
    ],
)
def test_an_answer_counts_as_what_it_is(
    kind: Any, refusal: str | None, placed: int, refused: int
) -> None:
    async def ask(_: Asked) -> Decision:
        return Decision(kind, {} if refusal is None else {"refusal": refusal})

    code = refusal or str(kind)
    before = count("bets_placed_total"), count("bets_refused_total", code)
    asyncio.run(_ask(counted(ask)))
    assert count("bets_placed_total") - before[0] == placed
    assert count("bets_refused_total", code) - before[1] == refused


def test_who_is_not_answered_is_counted_and_told() -> None:
    async def ask(_: Asked) -> Decision:
        raise Unavailable("away")

    before = count("bets_refused_total", "unavailable")
    with pytest.raises(Unavailable):
        asyncio.run(_ask(counted(ask)))
    assert count("bets_refused_total", "unavailable") == before + 1


def test_slips_that_wait_are_counted_until_they_are_answered() -> None:
    async def story() -> None:
        go = asyncio.Event()

        async def ask(_: Asked) -> Decision:
            await go.wait()
            return Decision("accepted", {})

        asking = [asyncio.create_task(_ask(one)) for one in [counted(ask)] * 3]
        await asyncio.sleep(0)
        assert count("bets_waiting") == 3
        go.set()
        await asyncio.gather(*asking)
        assert count("bets_waiting") == 0

    asyncio.run(story())


async def _ask(ask: Any) -> Decision:
    return cast("Decision", await ask(cast("Asked", None)))


def test_streams_are_counted_while_somebody_serves() -> None:
    streams = ["one", "two"]
    with streams_sampled(streams):
        metrics.HOUSE.sample()
        assert count("http_streams_open") == 2
        streams.pop()
        metrics.HOUSE.sample()
        assert count("http_streams_open") == 1
    streams.clear()
    metrics.HOUSE.sample()
    assert count("http_streams_open") == 1
