"""What an api counts of bets and streams, put around them: they themselves count nothing."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sized
from contextlib import contextmanager
from time import perf_counter

from overround.betting.bets import Ask, Asked, Decision
from overround.core.errors import OverroundError
from overround.kit import metrics

Refusal = Callable[[int], OverroundError | None]


def counted(ask: Ask) -> Ask:
    """The same acceptor, with every answer and its time in the metrics.

    An answer that is given again for its key is no bet and no refusal; a slip that nobody could
    answer counts as refused, by the error's code.
    """
    placed, seconds = metrics.BETS_PLACED.at(), metrics.BET_SECONDS.at()
    stands, waiting = metrics.BETS_WAITING.at(), 0

    async def asked_and_counted(asked: Asked) -> Decision:
        nonlocal waiting
        began_s = perf_counter()
        waiting += 1
        stands.set(waiting)
        try:
            decision = await ask(asked)
        except OverroundError as error:
            metrics.BETS_REFUSED.at(error.code).add()
            raise
        finally:
            waiting -= 1
            stands.set(waiting)
        seconds.observe(perf_counter() - began_s)
        if decision.kind == "accepted":
            placed.add()
        elif decision.kind != "replayed" and not decision.waits:
            metrics.BETS_REFUSED.at(decision.refusal or decision.kind).add()
        return decision

    return asked_and_counted


def refused(refusal: Refusal) -> Refusal:
    """The same, with everybody who was refused so in the metrics."""

    def asked_and_counted(coming: int) -> OverroundError | None:
        error = refusal(coming)
        if error is not None:
            metrics.BETS_REFUSED.at(error.code).add()
        return error

    return asked_and_counted


@contextmanager
def streams_sampled(streams: Sized) -> Generator[None]:
    """The open streams in the metrics, for the length of the block."""
    unwatch = metrics.HOUSE.on_sample(lambda: metrics.STREAMS_OPEN.at().set(len(streams)))
    try:
        yield
    finally:
        unwatch()
