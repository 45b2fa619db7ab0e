"""The gate in front of the board: what is refused, by which name, and what stands in its place."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from overround.odds import catalogue
from overround.odds.board import Board, CellState
from overround.odds.board.intake import Entered, enter
from overround.odds.feeds import FeedBatch, FeedEvent, FeedMarket, FeedPrice
from overround.odds.matching import Resolved

EVENT = UUID(int=7)
START = datetime(2026, 5, 2, 18, 30, tzinfo=UTC)
AT = START - timedelta(hours=5)
SECOND = timedelta(seconds=1)
EXCHANGES = ("exchange",)


def prices(*said: str) -> tuple[FeedPrice, ...]:
    """Prices, each "<source> <type> <line or -> <side>=<price>..."; "!" behind one is stopped."""
    found: list[FeedPrice] = []
    for words in said:
        source, market_type, line, *sides = words.split()
        market = FeedMarket(market_type, "ft", None if line == "-" else int(4 * float(line)))
        for side, price in (one.split("=") for one in sides):
            price_e4 = round(10_000 * float(price.rstrip("!")))
            found.append(FeedPrice(source, market, side, price_e4, price, price.endswith("!")))
    return tuple(found)


@dataclass
class Desk:
    """A board with one event, to which feeds speak."""

    board: Board = field(default_factory=Board)
    starts_at: datetime = START

    def say(
        self,
        *said: str,
        at: datetime = AT,
        provider: str = "feed",
        snapshot: bool = False,
        starts_at: datetime | None = None,
        source_at: datetime | None = None,
        phase: str = "",
        now: datetime | None = None,
    ) -> Entered:
        quoted = prices(*said)
        event = FeedEvent(
            provider, "1", "football", "l", "League", "", "Ann Town", "Bob City",
            starts_at or self.starts_at,
        )  # fmt: skip
        for price in quoted:
            kind = "exchange" if price.source in EXCHANGES else "bookmaker"
            self.board.add_source(len(self.board.sources) + 1, provider, price.source, kind)
            words = price.market.market_type, price.market.period, price.market.line_q4
            market, sides = catalogue.market_and_selections(EVENT, *words)
            ids = {side: selection.id for side, selection in sides.items()}
            self.board.add_market(market.id, EVENT, *words, ids)
        batch = FeedBatch(event, at, quoted, snapshot, phase, source_at)  # pyright: ignore[reportArgumentType]
        return enter(self.board, batch, Resolved(EVENT, False, self.starts_at), now or at)

    def holds(self, source: str, market_type: str = "1x2", line: str = "-") -> str:
        """What stands on the board, as it was said; "" for a cell that never held a price."""
        line_q4 = None if line == "-" else int(4 * float(line))
        row = next(one.row for one in self.board.sources if one.key == source)
        told: list[str] = []
        for cells in self.board.markets_of(EVENT):
            if (cells.market_type, cells.line_q4) != (market_type, line_q4):
                continue
            for side, column in zip(cells.sides, cells.columns.tolist(), strict=True):
                state = CellState(int(self.board.state[row, column]))
                if state in (CellState.OPEN, CellState.SUSPENDED):
                    mark = "!" if state == CellState.SUSPENDED else ""
                    told.append(f"{side}={self.board.price_e4[row, column] / 10_000:g}{mark}")
        return " ".join(told)


def reasons(entered: Entered) -> dict[str, int]:
    return dict(Counter(price.reason for price in entered.refused))


@pytest.fixture
def desk() -> Desk:
    return Desk()


ALL_RIGHT = "ann 1x2 - home=2.1 draw=3.4 away=3.6"


def test_a_market_like_others_goes_through(desk: Desk) -> None:
    assert reasons(desk.say(ALL_RIGHT)) == {}
    assert desk.holds("ann") == "home=2.1 draw=3.4 away=3.6"


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("ann total 2.5 over=1.0005 under=30", {"price_out_of_range": 1}),
        ("ann total 2.5 over=1.01 under=1002", {"price_out_of_range": 1}),
        ("ann total 2.5 over=2.4 under=2.4", {"overround_out_of_range": 2}),
        ("ann total 2.5 over=1.2 under=1.2", {"overround_out_of_range": 2}),
        # Two of the three sides of a double chance win, so its sum is halved.
        ("ann double_chance - 1X=1.3 X2=1.7 12=1.2", {}),
        ("ann double_chance - 1X=2.6 X2=3.4 12=2.4", {"overround_out_of_range": 3}),
        # What is not to be had whole says nothing about its sum.
        ("ann total 2.5 over=1.2 under=1.2!", {}),
        ("ann total 2.5 over=1.2", {}),
        # Customers of an exchange may all ask too much; none gives money away.
        ("exchange total 2.5 over=1.2 under=1.2", {}),
        ("exchange total 2.5 over=2.6 under=2.6", {"overround_out_of_range": 2}),
    ],
)
def test_a_market_that_cannot_be_is_refused(desk: Desk, said: str, refused: dict[str, int]) -> None:
    assert reasons(desk.say(said)) == refused
    if refused:
        source, market_type, line, *_ = said.split()
        assert "=1.2" not in desk.holds(source, market_type, line)


def test_a_side_that_makes_its_market_impossible_is_shut(desk: Desk) -> None:
    """The other side stands: alone it is bet on by nobody, and a feed of changes may not say it
    again."""
    desk.say("ann total 2.5 over=1.9 under=1.9")
    told = desk.say("ann total 2.5 over=3.2", at=AT + SECOND)
    assert reasons(told) == {"overround_out_of_range": 1}
    assert desk.holds("ann", "total", "2.5") == "over=1.9! under=1.9"
    assert reasons(desk.say("ann total 2.5 over=3.3", at=AT + 2 * SECOND)) != {}
    assert reasons(desk.say("ann total 2.5 over=1.95", at=AT + 3 * SECOND)) == {}
    assert desk.holds("ann", "total", "2.5") == "over=1.95 under=1.9"


LADDER = (
    "ann total 1.5 over=1.25 under=4.0",
    "ann total 2.5 over=1.9 under=1.95",
    "ann total 3.5 over=3.2 under=1.35",
)


def test_lines_go_with_their_prices(desk: Desk) -> None:
    assert reasons(desk.say(*LADDER)) == {}
    handicaps = (
        "ann asian_handicap -1 home=3.4 away=1.33",
        "ann asian_handicap 0 home=1.9 away=1.95",
        "ann asian_handicap 1 home=1.25 away=4.0",
    )
    assert reasons(desk.say(*handicaps)) == {}
    mirrored = (
        "bob asian_handicap 1 home=3.4 away=1.33",
        "bob asian_handicap 0 home=1.9 away=1.95",
        "bob asian_handicap -1 home=1.25 away=4.0",
    )
    assert reasons(desk.say(*mirrored)) == {"lines_out_of_order": 6}


def test_the_line_that_all_others_contradict_is_refused_alone(desk: Desk) -> None:
    assert reasons(desk.say(*LADDER, "ann total 4.5 over=1.2 under=5.0")) == {
        "lines_out_of_order": 2
    }
    assert desk.holds("ann", "total", "4.5") == ""
    assert desk.holds("ann", "total", "2.5") == "over=1.9 under=1.95"


def test_a_line_is_compared_with_what_was_said_in_the_same_breath(desk: Desk) -> None:
    """After a goal a feed of changes sends one line and then the next; neither is wrong."""
    desk.say(*LADDER)
    later = AT + timedelta(hours=2)
    assert reasons(desk.say("ann total 3.5 over=1.5 under=2.6", at=later)) == {}


def test_a_jump_waits_for_a_second_reading(desk: Desk) -> None:
    desk.say(ALL_RIGHT)
    jumped = "ann 1x2 - home=3.2 draw=3.2 away=2.4"
    entered = desk.say(jumped, at=AT + SECOND)
    assert [(p.reason, p.price_e4, p.held_e4) for p in entered.refused] == [
        ("jump_unconfirmed", 32_000, 21_000),
        ("jump_unconfirmed", 24_000, 36_000),
    ]
    assert desk.holds("ann") == "home=2.1! draw=3.2 away=3.6!"
    assert reasons(desk.say(jumped, at=AT + 2 * SECOND)) == {}
    assert desk.holds("ann") == "home=3.2 draw=3.2 away=2.4"
    assert desk.board.doubts == {EVENT: {}}


def test_a_price_that_comes_back_is_open_again(desk: Desk) -> None:
    desk.say(ALL_RIGHT)
    desk.say("ann 1x2 - home=1.4", at=AT + SECOND)
    assert desk.holds("ann") == "home=2.1! draw=3.4 away=3.6"
    assert reasons(desk.say("ann 1x2 - home=2.12", at=AT + 2 * SECOND)) == {}
    assert desk.holds("ann") == "home=2.12 draw=3.4 away=3.6"


def test_another_jump_is_another_doubt(desk: Desk) -> None:
    desk.say(ALL_RIGHT)
    desk.say("ann 1x2 - home=1.4", at=AT + SECOND)
    assert reasons(desk.say("ann 1x2 - home=3.2", at=AT + 2 * SECOND)) == {"jump_unconfirmed": 1}
    assert desk.holds("ann") == "home=2.1! draw=3.4 away=3.6"


def test_another_book_is_a_second_reading(desk: Desk) -> None:
    desk.say(ALL_RIGHT)
    desk.say("bob 1x2 - home=2.15 draw=3.3 away=3.5", provider="other")
    desk.say("ann 1x2 - home=3.4", at=AT + SECOND)
    assert desk.holds("ann") == "home=2.1! draw=3.4 away=3.6"
    assert reasons(desk.say("bob 1x2 - home=3.5", at=AT + SECOND, provider="other")) == {}
    # Each has borne the other out.
    assert desk.holds("bob") == "home=3.5 draw=3.3 away=3.5"
    assert desk.holds("ann") == "home=3.4 draw=3.4 away=3.6"


def test_books_that_jump_together_need_nobody_else(desk: Desk) -> None:
    desk.say(ALL_RIGHT, "bob 1x2 - home=2.15 draw=3.3 away=3.5")
    assert reasons(desk.say("ann 1x2 - home=3.4", "bob 1x2 - home=3.5", at=AT + SECOND)) == {}


def test_silence_in_a_feed_of_changes_confirms(desk: Desk) -> None:
    desk.say(ALL_RIGHT)
    desk.say("ann 1x2 - home=3.4", at=AT + SECOND)
    desk.say("ann 1x2 - draw=3.3", at=AT + 2 * SECOND)
    assert desk.holds("ann") == "home=3.4 draw=3.3 away=3.6"


def test_silence_in_a_snapshot_withdraws(desk: Desk) -> None:
    desk.say(ALL_RIGHT, snapshot=True)
    desk.say("ann 1x2 - home=3.4 draw=3.4 away=3.6", at=AT + SECOND, snapshot=True)
    desk.say("ann 1x2 - draw=3.4 away=3.6", at=AT + 2 * SECOND, snapshot=True)
    assert desk.holds("ann") == "draw=3.4 away=3.6"
    assert desk.board.doubts == {EVENT: {}}


@pytest.mark.parametrize("gap", [timedelta(hours=2), SECOND], ids=["long ago", "suspended"])
def test_what_has_moved_is_no_jump(desk: Desk, gap: timedelta) -> None:
    """Hours later, or after the source itself has suspended."""
    desk.say(ALL_RIGHT)
    if gap == SECOND:
        desk.say("ann 1x2 - home=2.1!", at=AT + SECOND / 2)
    assert reasons(desk.say("ann 1x2 - home=3.4", at=AT + gap)) == {}


def test_what_is_dated_ahead_is_refused_and_shuts(desk: Desk) -> None:
    desk.say(ALL_RIGHT)
    ahead = AT + 6 * SECOND
    for source_at in (None, ahead):
        told = desk.say(
            "ann 1x2 - home=2.2", at=AT if source_at else ahead, source_at=source_at, now=AT
        )
        assert reasons(told) == {"observed_in_future": 1}
    assert desk.holds("ann") == "home=2.1! draw=3.4 away=3.6"
    near = AT + 5 * SECOND
    assert reasons(desk.say("ann 1x2 - home=2.2", at=near, now=AT)) == {}


def test_a_start_that_is_moved_into_the_past_suspends(desk: Desk) -> None:
    """Whoever bet now would know what had happened."""
    desk.say(ALL_RIGHT, "bob 1x2 - home=2.15 draw=3.3 away=3.5")
    moved = desk.say("ann 1x2 - home=2.2", at=AT + SECOND, starts_at=AT - timedelta(minutes=10))
    assert reasons(moved) == {"start_moved_past": 1}
    assert desk.holds("ann") == "home=2.1! draw=3.4! away=3.6!"
    # Another day ahead is another day.
    assert reasons(desk.say(ALL_RIGHT, at=AT + SECOND, starts_at=START + timedelta(days=1))) == {}


@pytest.mark.parametrize("days", [-1.1, 8 * 366 + 1])
def test_nobody_quotes_a_match_of_another_year(days: float) -> None:
    desk = Desk(starts_at=AT + timedelta(days=days))
    assert reasons(desk.say(ALL_RIGHT)) == {"start_out_of_range": 3}


OTHERS = ("bob 1x2 - home=1.4 draw=4.6 away=8", "cat 1x2 - home=1.42 draw=4.5 away=7.5")


def test_home_and_away_are_where_other_providers_have_them(desk: Desk) -> None:
    desk.say(OTHERS[0], provider="one")
    desk.say(OTHERS[1], provider="two")
    # Every book of a provider that has the sides swapped agrees with the others of it.
    wrong = tuple(f"{name} 1x2 - home=7.5 draw=4.5 away=1.42" for name in "defgh")
    assert reasons(desk.say(*wrong, provider="three")) == {"sides_swapped": 15}
    assert desk.holds("d") == ""
    right = tuple(f"{name} 1x2 - home=1.45 draw=4.4 away=7" for name in "defgh")
    assert reasons(desk.say(*right, provider="three", at=AT + SECOND)) == {}
    turned = (f"d 1x2 - home={price} draw=4.5 away=1.42" for price in (7.4, 7.5))
    for n, said in enumerate(turned, start=2):
        assert reasons(desk.say(said, provider="three", at=AT + n * SECOND)) == {"sides_swapped": 3}
    assert desk.holds("d") == "home=1.45! draw=4.4! away=7!"


def test_one_book_is_judged_by_the_others_of_its_provider(desk: Desk) -> None:
    said = (*OTHERS, "dan 1x2 - home=1.41 draw=4.6 away=8", "eve 1x2 - home=7 draw=4.4 away=1.45")
    assert reasons(desk.say(*said)) == {"sides_swapped": 3}
    assert desk.holds("eve") == ""
    assert desk.holds("dan") != ""


def test_sides_are_not_judged_by_a_coin_toss_nor_in_play() -> None:
    level = Desk()
    level.say("bob 1x2 - home=2.4 draw=3.2 away=2.9", provider="one")
    assert reasons(level.say("ann 1x2 - home=3.1 draw=3.2 away=2.3")) == {}
    live = Desk(starts_at=AT - timedelta(minutes=30))
    live.say(OTHERS[0], provider="one")
    assert reasons(live.say("ann 1x2 - home=7.5 draw=4.5 away=1.42", phase="live")) == {}


def test_prices_of_an_archive_stand_and_are_told(desk: Desk) -> None:
    entered = desk.say("ann total 2.5 over=2.4 under=2.4", phase="closing")
    assert {price.recorded for price in entered.refused} == {True}
    assert reasons(entered) == {"overround_out_of_range": 2}
    assert desk.holds("ann", "total", "2.5") == "over=2.4 under=2.4"


def test_what_is_refused_leaves_no_open_price() -> None:
    """Whatever is said in whatever order: a refused price is never the one that is to be had."""
    rng = random.Random(5)
    refused = 0
    for _ in range(60):
        desk = Desk()
        for n in range(12):
            said: list[str] = []
            for source in rng.sample(["ann", "bob", "cat", "exchange"], 2):
                home = rng.choice([1.3, 1.4, 2.0, 2.1, 4.5, 1001.5])
                away = rng.choice([1.3, 1.9, 2.0, 3.4, 3.5])
                said.append(f"{source} moneyline - home={home} away={away}")
                line = rng.choice(["1.5", "2.5", "3.5"])
                said.append(f"{source} total {line} over={home} under={away}")
            entered = desk.say(*said, at=AT + n * SECOND, snapshot=rng.random() < 0.5)
            for price in entered.refused:
                row = next(s.row for s in desk.board.sources if s.source_id == price.source_id)
                cells = desk.board.cells_of(price.selection_id)
                assert cells is not None
                column = cells.columns[cells.selection_ids.index(price.selection_id)]
                assert desk.board.state[row, column] != CellState.OPEN
                refused += 1
    assert refused > 300
