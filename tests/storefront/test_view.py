"""A view against a list of everything that was ever shown: what differs since any version."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest

from overround.storefront import BookView, Shown, ShownState, view
from tests.storefront.support import EVENT, shown

EVENTS = [UUID(int=0xE0 + n) for n in range(3)]
STATES: Sequence[ShownState] = ("open", "open", "suspended", "closed")


def some(rng: random.Random) -> Shown:
    """One of twelve selections of three events, somehow."""
    n = rng.randrange(12)
    price_e4 = rng.choice([20_000, 21_000])
    return shown(n, price_e4, rng.choice(STATES), event=EVENTS[n % 3], main=n < 6)


def as_seen(found: Sequence[Shown]) -> dict[UUID, tuple[int, str]]:
    """What a page that heard these has of each selection."""
    return {s.selection_id: (s.price_e4, s.state) for s in found if s.state != "closed"}


@pytest.mark.parametrize("seed", range(20))
def test_what_differs_since_any_version_makes_an_old_page_new(seed: int) -> None:
    rng = random.Random(seed)
    book = BookView("0123abcd")
    pages: list[tuple[int, dict[UUID, Shown]]] = []
    for _ in range(60):
        pages.append((book.version, {one.selection_id: one for one in book.board()}))
        if rng.random() < 0.2:
            whole = {one.selection_id: one for one in (some(rng) for _ in range(8))}
            book.replace(one for one in whole.values() if one.state != "closed")
        else:
            book.apply([some(rng) for _ in range(rng.randrange(4))])
        for version, page in pages:
            since = book.since(version, board=True, event_ids=())
            assert since is not None
            seen = page | {one.selection_id: one for one in since}
            assert as_seen(list(seen.values())) == as_seen(book.board())
            of_event = book.since(version, board=False, event_ids=[EVENTS[0]])
            assert of_event is not None
            assert {one.event_id for one in of_event} <= {EVENTS[0]}


def test_the_same_again_is_no_change() -> None:
    book = BookView("0123abcd")
    heard: list[Sequence[Shown]] = []
    book.listen(heard.append)
    book.replace([shown(1), shown(2)])
    version = book.version
    later = replace(shown(1), changed_ms=shown(1).changed_ms + 5_000)
    book.apply([later])
    book.replace([later, shown(2)])
    book.apply([shown(3, state="closed")])
    # Said again is not changed: a page would show a price as new that is old.
    assert (book.version, len(heard)) == (version, 1)
    assert book.get(UUID(int=1)) == shown(1)
    book.unlisten(heard.append)
    book.apply([shown(1, 30_000)])
    assert len(heard) == 1


def test_an_empty_book_becomes_ready_too() -> None:
    book = BookView("0123abcd")
    heard: list[Sequence[Shown]] = []
    book.listen(heard.append)
    assert not book.is_ready
    book.replace([])
    assert book.is_ready
    assert heard == [[]]


def test_too_long_ago_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed selections are remembered up to a bound; before that nobody can be told of them."""
    monkeypatch.setattr(view, "CLOSED_MAX", 2)
    book = BookView("0123abcd")
    book.replace([shown(n) for n in range(5)])
    start = book.version
    for n in range(3):
        book.apply([shown(n, state="closed")])
    assert book.since(start, board=True, event_ids=()) is None
    found = book.since(start + 1, board=True, event_ids=())
    assert found is not None
    assert {one.selection_id.int for one in found} == {1, 2}
    assert book.since(book.version + 1, board=True, event_ids=()) is None
    assert book.event(EVENT)
