"""Books and shelves for the tests of the storefront."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from uuid import UUID

from overround.storefront import OfferFeed, Poll, Publisher, Shown, ShownState

BOOK = UUID(int=0xB00C)
EVENT = UUID(int=0xE1)


def shown(
    n: int,
    price_e4: int = 20_000,
    state: ShownState = "open",
    *,
    event: UUID = EVENT,
    main: bool = True,
) -> Shown:
    """Selection number `n`."""
    return Shown(UUID(int=n), event, main, price_e4, state, 1_700_000_000_000)


class Shop:
    """What a hub holds: the truth that a publisher and the database's poll are asked for."""

    def __init__(self) -> None:
        self.laid: dict[UUID, Shown] = {}
        self.numbers: dict[UUID, int] = {}
        self.asked_whole = 0
        self.polls: list[int] = []
        self.polled = True

    def lay(self, *changed: Shown) -> list[Shown]:
        """The hub lays these."""
        for one in changed:
            self.laid[one.selection_id] = one
            self.numbers[one.selection_id] = max(self.numbers.values(), default=0) + 1
        return list(changed)

    def everything(self, book_id: UUID) -> Iterable[Shown]:
        """All that the book shows."""
        self.asked_whole += 1
        return list(self.laid.values()) if book_id == BOOK else []

    async def poll(self, book_id: UUID, after: int) -> list[tuple[int, Shown]]:
        """The database's answer: a row's number grows with each change of it."""
        self.polls.append(after)
        if not self.polled:
            raise ConnectionError("the database is away")
        numbers = self.numbers if book_id == BOOK else {}
        return [(seq, self.laid[id_]) for id_, seq in numbers.items() if seq > after]


async def until(condition: Callable[[], object], what: str, timeout_s: float = 20) -> None:
    """Wait in the event loop until `condition` holds; fails naming `what` when it never does."""
    try:
        async with asyncio.timeout(timeout_s):
            while not condition():  # noqa: ASYNC110  (what is waited for happens elsewhere)
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"waited {timeout_s} s for {what}") from None


@asynccontextmanager
async def publishing(url: str, shop: Shop) -> AsyncGenerator[Publisher]:
    """A publisher of what the shop holds."""
    publisher = await Publisher.open(url, shop.everything)
    try:
        yield publisher
    finally:
        await publisher.close()


@asynccontextmanager
async def following(url: str | None, poll: Poll) -> AsyncGenerator[OfferFeed]:
    """A feed that is closed afterwards."""
    feed = OfferFeed.open(url, poll)
    try:
        yield feed
    finally:
        await feed.close()
