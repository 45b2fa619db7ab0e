"""The simulator as a feed: what it says depends on the seed and the minute, and on nothing else."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from overround.core.errors import Invalid, ProviderDataError
from overround.odds.edges import arbitrage
from overround.odds.feeds import FeedBatch, FeedMarket, FeedResult, FeedScore, LiveFeed, Said
from overround.odds.feeds.simulator import PROVIDER_KEY, Simulator, calendar
from overround.odds.feeds.simulator.names import COMPETITIONS, teams

ORIGIN = datetime(2026, 1, 1, 12, tzinfo=UTC)
SPEED = 60.0

Cell = tuple[str, str, FeedMarket, str]
Shown = tuple[int, bool]


class Heard:
    """Everything a listener knows after asking a simulator again and again."""

    def __init__(self, feed: Simulator) -> None:
        self.feed = feed
        self.cells: dict[Cell, Shown] = {}
        self.results: list[FeedResult] = []
        self.scores: list[FeedScore] = []
        self.batches: list[FeedBatch] = []
        self.starts: dict[str, datetime] = {}

    def until(self, minute: float) -> Said:
        said = self.feed.until(ORIGIN + timedelta(minutes=minute / SPEED))
        self.starts |= {e.provider_event_id: e.starts_at for e in said.events}
        self.results += said.results
        self.scores += said.scores
        self.batches += said.batches
        for batch in said.batches:
            event_id = batch.event.provider_event_id
            for p in batch.prices:
                cell = (event_id, p.source, p.market, p.side)
                self.cells[cell] = (p.price_e4, p.suspended)
        return said

    def every(self, step_min: float, end_min: float) -> Heard:
        ticks = round(end_min / step_min)
        for tick in range(ticks + 1):
            self.until(tick * step_min)
        return self


def _simulator(seed: int = 1, ends_after_min: float | None = None) -> Simulator:
    return Simulator(seed, ORIGIN, SPEED, ends_after_min=ends_after_min)


def test_it_is_a_live_feed() -> None:
    feed: LiveFeed = _simulator()
    assert feed.key == PROVIDER_KEY == "simulator"
    assert feed.source_kind("quillmarket") == "exchange"
    assert feed.source_kind("amberpost") == "bookmaker"
    with pytest.raises(ProviderDataError, match="no such book"):
        feed.source_kind("nobody")


def test_an_hour_is_full() -> None:
    heard = Heard(_simulator())
    first = heard.until(0)
    assert len(first.events) >= 50
    assert all(batch.snapshot and batch.phase == "opening" for batch in first.batches)
    heard.every(2, 60)
    ended = {r.provider_event_id for r in heard.results if r.status == "finished"}
    assert len(ended) >= 40
    later = [batch for batch in heard.batches if not batch.snapshot]
    assert 20_000 <= sum(len(batch.prices) for batch in later) <= 150_000
    assert {r.status for r in heard.results} == {"finished", "postponed", "abandoned"}
    assert heard.scores


def test_prices_do_not_depend_on_how_often_they_are_asked_for() -> None:
    often, seldom = Heard(_simulator()).every(0.5, 14), Heard(_simulator()).every(3.5, 14)
    assert often.cells == seldom.cells
    assert often.starts == seldom.starts
    assert often.results == seldom.results
    assert often.scores[-1].observed_at == seldom.scores[-1].observed_at


def test_a_process_that_comes_back_goes_on_where_the_other_fell() -> None:
    whole = Heard(_simulator()).every(2, 40)
    back = Heard(_simulator())
    said = back.until(33)
    on_board = {batch.event.provider_event_id for batch in said.batches}
    assert all(batch.snapshot for batch in said.batches)
    assert len(on_board) >= 50
    # What ended while nobody listened is told again, event first.
    assert {r.key for r in said.results} <= {e.key for e in said.events}
    for minute in range(34, 41):
        back.until(minute)
    assert back.results == whole.results
    assert back.cells == {cell: whole.cells[cell] for cell in back.cells}
    assert {cell for cell in whole.cells if cell[0] in on_board} <= back.cells.keys()


def test_a_partial_batch_holds_what_changed_only() -> None:
    heard = Heard(_simulator())
    before: dict[Cell, Shown] = {}
    for tick in range(30):
        before |= heard.cells
        for batch in heard.until(tick).batches:
            for p in batch.prices:
                cell = (batch.event.provider_event_id, p.source, p.market, p.side)
                assert batch.snapshot or before[cell] != (p.price_e4, p.suspended)


def test_truth_is_the_same_for_every_run_of_a_seed() -> None:
    one = _simulator(7, ends_after_min=20).truth()
    other = Simulator(7, ORIGIN + timedelta(days=3), 1.0, ends_after_min=20)
    other.until(ORIGIN + timedelta(days=3, minutes=9))
    assert json.dumps(one) == json.dumps(other.truth())
    assert one != _simulator(8, ends_after_min=20).truth()


def test_results_are_those_of_the_truth() -> None:
    heard = Heard(_simulator(3, ends_after_min=60)).every(5, 60)
    events = json.loads(json.dumps(heard.feed.truth()))["events"]
    told: defaultdict[str, list[tuple[str, dict[str, list[int]]]]] = defaultdict(list)
    for result in heard.results:
        scores = {period: list(score) for period, score in result.scores.items()}
        told[result.provider_event_id.rpartition("-")[2]].append((result.status, scores))
    for n, event in events.items():
        due = [r for r in event["results"] if r["minute"] <= 60]
        assert told[n] == [(r["status"], r["scores"]) for r in due]


def test_a_corrected_result_is_said_twice_and_differs() -> None:
    heard = Heard(_simulator(2))
    # One question about three hours ago: their results and no prices of what is over.
    heard.until(180)
    by_event: defaultdict[str, list[FeedResult]] = defaultdict(list)
    for result in heard.results:
        by_event[result.provider_event_id].append(result)
    twice = [results for results in by_event.values() if len(results) > 1]
    assert twice
    for wrong, right in twice:
        assert wrong.status == right.status == "finished"
        assert wrong.scores != right.scores
        assert wrong.observed_at < right.observed_at


def test_arbitrage_appears_and_lives_a_while() -> None:
    heard = Heard(_simulator())
    quotes: defaultdict[tuple[str, FeedMarket], dict[str, dict[str, int]]] = defaultdict(dict)
    since: dict[tuple[str, FeedMarket], int] = {}
    lasted: list[int] = []
    for tick in range(61):
        touched: set[tuple[str, FeedMarket]] = set()
        for batch in heard.until(tick / 2).batches:
            for p in batch.prices:
                if p.source != "quillmarket":
                    key = (batch.event.provider_event_id, p.market)
                    touched.add(key)
                    price_e4 = 0 if p.suspended else p.price_e4
                    quotes[key].setdefault(p.source, {})[p.side] = price_e4
        for key in touched:
            found = arbitrage(key[1].market_type, key[1].line_q4, quotes[key])
            if found and found.kind == "sure":
                since.setdefault(key, tick)
            elif key in since:
                lasted.append(tick - since.pop(key))
    assert 20 <= len(lasted) <= 200
    # A minute of the simulation and more, for most of them.
    assert sorted(lasted)[len(lasted) // 2] >= 2


def test_goals_suspend_and_books_come_back() -> None:
    heard = Heard(_simulator())
    heard.every(0.05, 16)
    states: Counter[str] = Counter()
    for batch in heard.batches:
        if batch.phase == "live" and batch.event.competition_key in {"e-night", "e-arena"}:
            for p in batch.prices:
                if p.source == "redlantern" and p.market == FeedMarket("1x2"):
                    states["shut" if p.suspended else "open"] += 1
    assert states["shut"] > 10
    assert states["open"] > 10


def test_no_team_plays_two_matches_at_once() -> None:
    busy_until: dict[str, float] = {}
    for stream, format_ in enumerate(calendar.FORMATS):
        for index in range(400):
            fixture = calendar.fixture(5, stream, index)
            assert fixture.format is format_
            assert fixture.home != fixture.away
            for team in (fixture.home, fixture.away):
                assert busy_until.get(team, -1.0) <= fixture.start_min
                busy_until[team] = fixture.start_min + calendar.play(5, fixture).minutes


def test_every_name_is_one_team() -> None:
    names = [name for competition in COMPETITIONS for name in teams(competition)]
    assert len(names) == len(set(names)) == 20 * len(COMPETITIONS)


def test_the_calendar_has_no_end_and_next_at_says_when() -> None:
    feed = _simulator()
    assert feed.next_at() == ORIGIN
    far = 400 * 24 * 60.0
    assert len(Heard(feed).until(far).batches) >= 50
    ending = _simulator(ends_after_min=2)
    heard = Heard(ending)
    heard.until(1.05)
    due = ending.next_at()
    assert due is not None
    assert due - ORIGIN == timedelta(minutes=1.1 / SPEED)
    heard.until(5)
    assert ending.next_at() is None


def test_the_past_is_not_said_again() -> None:
    heard = Heard(_simulator())
    assert heard.until(-1) == Said()
    assert heard.until(3).events
    assert heard.until(3) == Said()
    assert heard.until(2) == Said()


def test_ids_hold_the_seed_and_the_origin() -> None:
    ids = {
        Simulator(seed, origin, SPEED).until(origin).events[0].provider_event_id
        for seed in (1, 2)
        for origin in (ORIGIN, ORIGIN + timedelta(seconds=1))
    }
    assert len(ids) == 4


@pytest.mark.parametrize(
    ("seed", "speed", "end", "code"),
    [
        (-1, 60.0, None, "seed_out_of_range"),
        (2**63, 60.0, None, "seed_out_of_range"),
        (1, 0.0, None, "speed_out_of_range"),
        (1, 3601.0, None, "speed_out_of_range"),
        (1, float("nan"), None, "speed_out_of_range"),
        (1, 60.0, 0.0, "end_out_of_range"),
        (1, 60.0, 1e9, "end_out_of_range"),
    ],
)
def test_what_is_out_of_range_is_refused(
    seed: int, speed: float, end: float | None, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        Simulator(seed, ORIGIN, speed, ends_after_min=end)
    assert refused.value.code == code


def test_an_origin_without_a_zone_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        Simulator(1, ORIGIN.replace(tzinfo=None), SPEED)
    assert refused.value.code == "time_without_zone"
