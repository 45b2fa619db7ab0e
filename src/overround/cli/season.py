"""`overround replay`, `import` and `results`: a feed's files through the house."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from overround.cli import context
from overround.cli.context import ConfigOption, JsonOption, StateOption
from overround.core.endings import ResultStatus

if TYPE_CHECKING:
    from overround.kit.settings import Settings
    from overround.roles.attach import Endpoints

results = typer.Typer(no_args_is_help=True, help="What happened, entered by hand.")

_POSITION = re.compile(r"[0-9]{1,3}")
_SCORE = re.compile(r"([0-9]{1,3})[-:]([0-9]{1,3})")

Source = Annotated[
    Path, typer.Argument(metavar="PATH", exists=True, help="A file, folder or zip of a feed.")
]

Sources = Annotated[
    list[Path],
    typer.Argument(metavar="PATH...", exists=True, help="Files, folders or zips of feeds."),
]
# What is told of many paths where a sentence names them.
_DESCRIBED_CHARS_MAX = 200


@results.callback()
def results_commands() -> None:
    """What happened, entered by hand."""


def replay(
    path: Source,
    tenant: Annotated[str, typer.Option(help="Whose players bet; acme and sakura are made.")],
    seed: Annotated[int, typer.Option(help="Everything random comes from it.")] = 1,
    bets: Annotated[int, typer.Option(min=0, max=1_000_000, help="How many are placed.")] = 20_000,
    players: Annotated[int, typer.Option(min=1, max=100_000, help="How many place them.")] = 500,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Walk a past season through the whole flow: prices, bets, results, settlement, revenue."""
    settings = context.settings(state, config)
    with context.servers(settings) as endpoints, _bar("replay") as advance:
        report = context.run_async(
            _replay(settings, endpoints, path, tenant, (seed, bets, players), advance)
        )
    context.show(report, as_json=as_json, text=lambda: context.report(report))


def import_(
    paths: Sources,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take files of feeds: events, prices and results, for every tenant."""
    from overround.core.errors import Invalid

    settings = context.settings(state, config)
    with context.servers(settings) as endpoints, _bar("import") as advance:
        try:
            done = context.run_async(_import(settings, endpoints, paths, advance))
        except Invalid as error:
            # Files of no event are told one by one all the same, and the command fails
            # (test: files of no event are told one by one).
            if error.code == "no_events":
                told = {"problem": error.code, **error.facts}
                context.show(told, as_json=as_json, text=lambda: _told(told))
            raise
    context.show(done, as_json=as_json, text=lambda: _told(done))


def _told(done: Mapping[str, Any]) -> str:
    """The figures, and a table of the files."""
    from overround.roles.archive import reports

    figures = {name: value for name, value in done.items() if name != "files"}
    return f"{context.report(figures)}\n\n{reports.told(done)}"


@results.command("enter")
def enter(
    event: Annotated[UUID, typer.Argument(help="The event's id.")],
    ft: Annotated[str | None, typer.Option(metavar="H-A", help="Full-time score.")] = None,
    ht: Annotated[str | None, typer.Option(metavar="H-A", help="Half-time score.")] = None,
    score: Annotated[
        list[str] | None,
        typer.Option(metavar="PERIOD=H-A", help="Any other score, such as final=101-99 or s1=6-4."),
    ] = None,
    position: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RUNNER=N", help="Of a contest: 1 won, 0 never started, 999 came in behind."
        ),
    ] = None,
    status: Annotated[ResultStatus, typer.Option()] = "finished",
    entered_by: Annotated[str, typer.Option(help="Who says so; kept with the result.")] = "cli",
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record a result; a different one later is a new version."""
    scores = {period: _score(text) for period, text in (("ht", ht), ("ft", ft)) if text is not None}
    for told in score or ():
        period, _, text = told.partition("=")
        if not period or period in scores:
            raise typer.BadParameter(f"{told!r} is no score of a period; write s1=6-4, each once")
        scores[period] = _score(text)
    positions = _positions(position) if position else None
    settings = context.settings(state, config)
    with context.servers(settings) as endpoints:
        version = context.run_async(
            _enter(settings, endpoints, event, status, scores, positions, entered_by)
        )
    said = {"event": str(event), "version": version, "new": version is not None}
    context.show(said, as_json=as_json, text=lambda: context.report(said))


async def _replay(
    settings: Settings,
    endpoints: Endpoints,
    path: Path,
    subdomain: str,
    size: tuple[int, int, int],
    advance: Callable[[int, int], None],
) -> dict[str, Any]:
    from overround.core.clock import WallClock
    from overround.odds.feeds import football_data
    from overround.roles import seeding
    from overround.roles.archive import files as reading
    from overround.roles.archive import replay as role
    from overround.roles.process import database

    files = reading.read(path, [football_data.PROVIDER])
    await seeding.prepare(endpoints)
    seed, bets, players = size
    async with (
        database(settings, endpoints.url("worker"), "worker") as worker,
        database(settings, endpoints.url("app"), "app") as app,
    ):
        tenant = await seeding.tenant(worker, subdomain, WallClock().now())
        options = role.Options(seed, bets, players)
        return await role.replay(worker, app, tenant, files, options, advance)


async def _import(
    settings: Settings,
    endpoints: Endpoints,
    paths: Sequence[Path],
    advance: Callable[[int, int], None],
) -> dict[str, Any]:
    from datetime import timedelta

    from overround.core.clock import WallClock
    from overround.odds import feeds
    from overround.roles import seeding
    from overround.roles.hub import inbox
    from overround.roles.process import database

    found = list(feeds.payloads_of(paths))
    described = ", ".join(path.name for path in paths)[:_DESCRIBED_CHARS_MAX]
    await seeding.prepare(endpoints)
    async with database(settings, endpoints.url("worker"), "worker") as worker:
        kept = timedelta(days=settings.retention.edges_days)
        return await inbox.import_path(worker, found, described, WallClock(), advance, kept)


async def _enter(
    settings: Settings,
    endpoints: Endpoints,
    event_id: UUID,
    status: ResultStatus,
    scores: dict[str, tuple[int, int]],
    positions: dict[str, int] | None,
    entered_by: str,
) -> int | None:
    from overround.core.clock import WallClock
    from overround.roles.archive import importer
    from overround.roles.process import database

    async with database(settings, endpoints.url("worker"), "worker") as worker:
        return await importer.enter_result(
            worker,
            event_id,
            status=status,
            scores=scores,
            entered_by=entered_by,
            at=WallClock().now(),
            positions=positions,
        )


def _positions(told: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for text in told:
        runner, _, position = text.rpartition("=")
        if not runner or runner in found or not _POSITION.fullmatch(position):
            said = f"{text!r} is no position of a runner; write 'Idle Ibis=2', each once"
            raise typer.BadParameter(said)
        found[runner] = int(position)
    return found


def _score(text: str) -> tuple[int, int]:
    match = _SCORE.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is no score; write 2-1")
    return int(match[1]), int(match[2])


@contextmanager
def _bar(what: str) -> Generator[Callable[[int, int], None]]:
    """A progress bar on stderr, where somebody is looking; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
