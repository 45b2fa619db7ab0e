"""What was long ago is written in portions, and comes to what it would come to step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from overround.db import lease as leases
from overround.db.logins import Role
from overround.odds import feeds
from overround.odds.feeds import FeedEvent, Payload
from overround.roles.archive import files as reading
from overround.roles.archive import importer, portions, timeline
from overround.roles.archive.files import Files
from overround.roles.archive.portions import Portion
from overround.roles.archive.timeline import Season, Step
from overround.roles.attach import Endpoints
from overround.roles.hub import writer as hubs
from overround.roles.hub.writer import Hub
from tests.roles.seasons import old, pools, tenant_of, whole
from tests.roles.test_import import DATA, YEARS_ON
from tests.roles.test_replay import superuser
from tests.support.servers import fresh_database

START = datetime(2025, 4, 17, 15, 30, tzinfo=UTC)
SEASON_FILE = DATA / "football-data" / "2122" / "E0.csv"

# Everything that an import of the past writes, but for when it was recorded.
LEFT: Mapping[str, str] = {
    "events": "SELECT id, status, starts_at, closed_at, changed_by, changed_at FROM event",
    "changes": "SELECT event_id, changed_by, changed_at, status_before, status_after"
    " FROM event_change",
    "selections": "SELECT id, market_id, side FROM selection",
    "batches": "SELECT id, provider, event_id, observed_at, snapshot, prices FROM feed_batch",
    "prices": "SELECT o.provider, o.key, o.changes, p.selection_id, p.price_e4, p.state,"
    " p.observed_at, p.changed_at, p.source_at FROM price p JOIN source o ON o.id = p.source_id",
    "history": "SELECT o.provider, o.key, h.selection_id, h.price_e4, h.state, h.observed_at,"
    " h.source_at FROM price_history h JOIN source o ON o.id = h.source_id",
    "closing": "SELECT o.provider, o.key, c.selection_id, c.price_e4, c.observed_at, c.lag_ms"
    " FROM closing_price c JOIN source o ON o.id = c.source_id",
    "refused": "SELECT o.key, r.batch_id, r.selection_id, r.reason, r.price_e4, r.held_e4,"
    " r.recorded, r.refused_at FROM price_refused r JOIN source o ON o.id = r.source_id",
    "results": "SELECT event_id, version, status, scores::text, certainty, observed_at FROM result",
    "due": "SELECT for_tenant, subject_id, version, due_at FROM work_due",
    "feed events": "SELECT provider, provider_event_id, event_id, in_play_at FROM feed_event",
    "offers": "SELECT selection_id, state FROM offer",
}

HEAD = (
    "feed,seen_at,event_id,sport,competition,home,away,starts_at,source,market,side,price,"
    "suspended,status,scores"
)


def rows(feed: str, minute: int, prices: str, scores: str = "", start: int = 0) -> list[str]:
    """What a feed says, so many minutes after the start: two prices, or a result."""
    said = f"{feed},{START + timedelta(minutes=minute):%FT%TZ}"
    event = f"7,ice_hockey,Liiga,Ann Town,Bob City,{START + timedelta(minutes=start):%FT%TZ}"
    if scores:
        return [f"{said},{event},,,,,,finished,{scores}"]
    both = zip(("home", "away"), prices.split(), strict=True)
    return [f"{said},{event},{feed}_book,moneyline,{side},{e},,," for side, e in both]


def of_feeds(said: Iterable[list[str]], *more: Payload) -> Files:
    """The files of some feeds, each with what it said, and more files."""
    by_feed: dict[str, list[str]] = {}
    for lines in said:
        by_feed.setdefault(lines[0].split(",")[0], []).extend(lines)
    payloads = [
        Payload(f"{feed}.csv", "\n".join([HEAD, *lines]).encode())
        for feed, lines in by_feed.items()
    ]
    found = [(feeds.provider_of(payload.body), payload) for payload in (*payloads, *more)]
    return reading.gather([(one, p) for one, p in found if one is not None], "feeds")


def a_story(*more: Payload) -> Files:
    """Two feeds of one match, one of which goes on in play and puts its result right."""
    return of_feeds(
        [
            rows("ann", -300, "1.80 2.05"),
            rows("bob", -290, "1.85 2.00"),
            rows("ann", -200, "1.20 1.25"),
            rows("ann", -100, "1.75 2.10"),
            rows("bob", -5, "1.70 2.20"),
            rows("ann", 20, "1.40 2.90"),
            rows("ann", 30, "1.10 7.00"),
            rows("ann", 200, "", "ft 2-2 final 3-2"),
            rows("ann", 230, "", "ft 2-2 final 2-3"),
        ],
        *more,
    )


def by_hand(folder: Path) -> Files:
    """The story, a season with opening and closing prices, and one with one moment a match."""
    season, before = whole(folder / "whole", "E1"), old(folder / "old")
    return a_story(*(Payload(path.name, path.read_bytes()) for path in (season, before)))


def left(
    files: Files, urls: Mapping[Role, str], url: str, edges_kept: timedelta
) -> tuple[dict[str, Any], Any, Any]:
    """What an import leaves: every table, the board of the hub, and what the command says."""

    async def run() -> tuple[Hub, importer.Import]:
        async with pools(urls) as (worker, _):
            await tenant_of(worker, "acme")
            async with worker.reading(None) as conn:
                hub = await Hub.load(conn, [], YEARS_ON)
            async with leases.held(worker, hubs.LEASE, "import") as lease:
                done = await importer.take(
                    worker, hub, lease, files, YEARS_ON, edges_kept=edges_kept
                )
            return hub, done

    hub, done = asyncio.run(run())
    with psycopg.connect(url) as conn:
        tables = {
            name: sorted(conn.execute(sql.SQL(query)).fetchall(), key=str)  # pyright: ignore[reportArgumentType]
            for name, query in LEFT.items()
        }
    told = {k: v for k, v in done.as_dict().items() if k != "files"}
    return tables, _prices_of(hub), told


def _prices_of(hub: Hub) -> dict[Any, tuple[int, ...]]:
    """The board by words, for rows and columns are in the order in which things came."""
    board = hub.board
    return {
        (source.provider, source.key, selection_id): tuple(
            int(cells[source.row, column])
            for cells in (
                board.price_e4, board.state, board.open_e4, board.observed_us, board.changed_us
            )
        )
        for event_id in board.event_ids()
        for market in board.markets_of(event_id)
        for selection_id, column in zip(
            market.selection_ids, market.columns.tolist(), strict=True
        )
        for source in board.sources
    }  # fmt: skip


def a_slice(folder: Path) -> Files:
    """The first forty matches of a real season."""
    lines = SEASON_FILE.read_text(encoding="utf-8-sig").splitlines()[:41]
    (folder / "E0.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return reading.read(folder)


needs_season = pytest.mark.skipif(
    not SEASON_FILE.is_file(),
    reason=f"the sample data is not there ({SEASON_FILE}); set OVERROUND_DATA",
)


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(by_hand, id="by hand"),
        pytest.param(a_slice, id="a real season", marks=needs_season),
    ],
)
def test_an_archive_that_is_written_in_portions_is_the_one_written_step_by_step(
    endpoints: Endpoints, told: Any, tmp_path: Path
) -> None:
    files = told(tmp_path)
    found: list[Any] = []
    for edges_kept in (timedelta(days=90), timedelta(days=36_500)):
        with fresh_database(endpoints) as urls:
            found.append(left(files, urls, superuser(endpoints, urls), edges_kept))
    (tables, board, report), (their_tables, their_board, their_report) = found
    for name, table in tables.items():
        assert table == their_tables[name], name
    assert all(tables[name] for name in ("history", "closing", "results"))
    assert board == their_board
    assert report == their_report


# -- what is a portion -------------------------------------------------------------------------


def events(count: int) -> list[FeedEvent]:
    return [
        FeedEvent("p", str(n), "football", "c", "Cup", "", f"Ann {n}", f"Bob {n}", START)
        for n in range(count)
    ]


def steps_of(files: Files) -> tuple[Season, list[Step]]:
    season = files.season
    return season, list(timeline.steps(season, ()))


def kinds(found: Iterable[Portion]) -> list[list[str]]:
    return [[step.kind for step in portion.steps] for portion in found]


def test_what_comes_after_its_start_is_another_portion() -> None:
    """So are prices after the start, and a second result; `ann` and `bob` name one event."""
    season, steps = steps_of(a_story())
    found = list(portions.portions(steps, season.events, lambda _: "ours", YEARS_ON))
    assert kinds(found) == [
        ["prices"] * 5 + ["start"],
        ["prices", "prices", "results"],
        ["results"],
    ]
    assert all(portion.past for portion in found)
    assert [portion.over for portion in found] == [6, 9, 10]
    # Of two events of ours each has its own order.
    apart = portions.portions(steps, season.events, lambda key: key, YEARS_ON)
    assert kinds(apart)[0] == ["prices"] * 5 + ["start"]


def test_what_is_not_long_ago_is_taken_step_by_step() -> None:
    season, steps = steps_of(a_story())
    since = START - timedelta(minutes=150)
    found = list(portions.portions(steps, season.events, lambda _: "ours", since))
    assert [(portion.past, len(portion.steps)) for portion in found] == [(True, 3), (False, 7)]


def test_a_portion_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions, "PAST_TOGETHER", 40)
    many = events(100)
    steps = [Step(START + timedelta(hours=n), "start", starts=(n,)) for n in range(100)]
    found = list(portions.portions(steps, many, lambda key: key, YEARS_ON))
    assert [len(portion.steps) for portion in found] == [40, 40, 20]
    monkeypatch.setattr(portions, "_PRICES_TOGETHER", 4)
    season, told = steps_of(a_story())
    found = list(portions.portions(told, season.events, lambda key: key, YEARS_ON))
    sizes = [sum(len(b.prices) for step in p.steps for b in step.batches) for p in found]
    assert sum(sizes) == 14
    assert max(sizes) == 4
