"""`overround match queue`, and what a person says to what waits there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, cast
from uuid import UUID

import typer

from overround.cli import context
from overround.cli.context import ConfigOption, JsonOption, StateOption

if TYPE_CHECKING:
    from overround.odds.catalogue import Event
    from overround.odds.matching import Standing, Waiting

_NAME_CHARS_MAX: Final = 100
# As long as the catalogue keeps the name of one.
_PROVIDER_CHARS_MAX: Final = 60

Key = Annotated[
    str, typer.Argument(metavar="KEY", help="The feed's event as provider:id, from `match queue`.")
]


def _name(text: str) -> str:
    if not 1 <= len(text) <= _NAME_CHARS_MAX:
        raise typer.BadParameter(f"a name has from 1 to {_NAME_CHARS_MAX} letters")
    return text


By = Annotated[
    str, typer.Option("--by", callback=_name, help="Who says so; kept with the decision.")
]


def queue(
    provider: Annotated[str | None, typer.Option(help="Only what this provider names.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """What waits for a person, oldest first, with why and with what it may be."""
    _check_provider(provider)
    with context.servers(context.settings(state, config)) as endpoints:
        rows = context.run_async(_queue(endpoints.url("worker"), provider, limit))
    context.show({"items": rows}, as_json=as_json, text=lambda: _text(rows))


def confirm(
    key: Key,
    event: Annotated[UUID, typer.Argument(help="The event of ours that it is.")],
    swapped: Annotated[
        bool | None,
        typer.Option(
            "--swapped/--as-is", help="Whether its home side is our away side; else by the names."
        ),
    ] = None,
    by: By = "cli",
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """It is this event, whether it waits or was matched with another; prices and history move."""
    with context.servers(context.settings(state, config)) as endpoints:
        row = context.run_async(
            _confirm(endpoints.url("worker"), _key(key), event, by, swapped=swapped)
        )
    context.show(row, as_json=as_json, text=lambda: context.lines(row))


def reject(
    key: Key,
    event: Annotated[
        UUID | None, typer.Option(help="Which it is not; by default all that it may be.")
    ] = None,
    by: By = "cli",
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """It is not that event; they are never proposed to each other again."""
    with context.servers(context.settings(state, config)) as endpoints:
        row = context.run_async(_reject(endpoints.url("worker"), _key(key), event, by))
    context.show(row, as_json=as_json, text=lambda: context.lines(row))


def new(
    key: Key,
    as_they_look: Annotated[
        bool, typer.Option("--same-teams", help="A team that looks like one of ours is that one.")
    ] = False,
    by: By = "cli",
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """It is an event of its own that is nowhere yet."""
    with context.servers(context.settings(state, config)) as endpoints:
        row = context.run_async(
            _new(endpoints.url("worker"), _key(key), by, as_they_look=as_they_look)
        )
    context.show(row, as_json=as_json, text=lambda: context.lines(row))


def unmatch(
    key: Key,
    by: By = "cli",
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """It is not the event that it was matched with; it waits, its prices beside the board."""
    with context.servers(context.settings(state, config)) as endpoints:
        row = context.run_async(_unmatch(endpoints.url("worker"), _key(key), by))
    context.show(row, as_json=as_json, text=lambda: context.lines(row))


def rematch(
    provider: Annotated[str | None, typer.Option(help="Only what this provider names.")] = None,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide anew all that waits, by what has been learnt since."""
    _check_provider(provider)
    with context.servers(context.settings(state, config)) as endpoints:
        row = context.run_async(_rematch(endpoints.url("worker"), provider))
    context.show(row, as_json=as_json, text=lambda: context.lines(row))


def standing(
    provider: Annotated[str | None, typer.Argument(help="Whose standing; none lists all.")] = None,
    to: Annotated[
        Literal["authority", "contributor", "follower"] | None,
        typer.Argument(help="What it is from now on."),
    ] = None,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Who may enter events and teams: an authority always, a contributor (everybody who is not
    listed) where nothing looks like them, a follower never."""
    _check_provider(provider)
    with context.servers(context.settings(state, config)) as endpoints:
        found = context.run_async(_standing(endpoints.url("worker"), provider, to))
    context.show(found, as_json=as_json, text=lambda: context.lines(found))


async def _queue(url: str, provider: str | None, limit: int) -> list[dict[str, Any]]:
    from overround.cli import databases
    from overround.roles.hub import matches

    async with databases.opened(url) as worker:
        return [_row(*one) for one in await matches.waiting(worker, provider, limit)]


async def _confirm(
    url: str, key: tuple[str, str], event_id: UUID, by: str, *, swapped: bool | None
) -> dict[str, Any]:
    from overround.cli import databases
    from overround.core.clock import WallClock
    from overround.roles.hub import matches

    async with databases.opened(url) as worker:
        at = WallClock().now()
        return (await matches.confirm(worker, key, event_id, by, at, swapped=swapped)).as_dict()


async def _new(url: str, key: tuple[str, str], by: str, *, as_they_look: bool) -> dict[str, Any]:
    from overround.cli import databases
    from overround.core.clock import WallClock
    from overround.roles.hub import matches

    async with databases.opened(url) as worker:
        at = WallClock().now()
        return (await matches.new(worker, key, by, at, as_they_look=as_they_look)).as_dict()


async def _unmatch(url: str, key: tuple[str, str], by: str) -> dict[str, Any]:
    from overround.cli import databases
    from overround.core.clock import WallClock
    from overround.roles.hub import matches

    async with databases.opened(url) as worker:
        return (await matches.unmatch(worker, key, by, WallClock().now())).as_dict()


async def _reject(url: str, key: tuple[str, str], event_id: UUID | None, by: str) -> dict[str, Any]:
    from overround.cli import databases
    from overround.core.clock import WallClock
    from overround.roles.hub import matches

    async with databases.opened(url) as worker:
        refused = await matches.reject(worker, key, event_id, by, WallClock().now())
    return {"key": ":".join(key), "not": [str(one) for one in refused]}


async def _rematch(url: str, provider: str | None) -> dict[str, Any]:
    from overround.cli import databases
    from overround.core.clock import WallClock
    from overround.roles.hub import matches

    async with databases.opened(url) as worker:
        seen, placed = await matches.rematch(worker, provider, WallClock().now())
    return {"looked_at": seen, "decided": len(placed)}


async def _standing(url: str, provider: str | None, to: Standing | None) -> dict[str, Any]:
    from overround.cli import databases
    from overround.odds import matching

    async with databases.opened(url) as worker, worker.transaction(None) as conn:
        if provider is not None and to is not None:
            await matching.set_standing(conn, provider, to)
        found = await matching.standings(conn)
    if provider is None:
        return dict(found)
    return {provider: found.get(provider, matching.STANDING_OF_OTHERS)}


def _check_provider(provider: str | None) -> None:
    """Raises BadParameter for one that names nothing to us: none of ours, of a package's, or of a
    site's (test: a provider that is none is refused by name)."""
    from overround.odds import feeds
    from overround.odds.feeds import simulator
    from overround.odds.feeds.worker import PROVIDER_PREFIX

    known = {one.key for one in feeds.PROVIDERS} | {simulator.PROVIDER_KEY}
    if provider is None or provider in known:
        return
    if not provider.startswith(PROVIDER_PREFIX) or len(provider) > _PROVIDER_CHARS_MAX:
        said = f"{provider[:_PROVIDER_CHARS_MAX]!r} is no provider"
        raise typer.BadParameter(f"{said}; those: {', '.join(sorted(known))}, {PROVIDER_PREFIX}…")


def _key(text: str) -> tuple[str, str]:
    provider, colon, provider_event_id = text.partition(":")
    if not colon or not provider or not provider_event_id:
        raise typer.BadParameter(f"{text!r} is no key; write provider:id")
    return provider, provider_event_id


def _row(waiting: Waiting, events: list[Event]) -> dict[str, Any]:
    said = waiting.described
    return {
        "key": f"{waiting.provider}:{waiting.provider_event_id}",
        "reason": waiting.reason,
        "sport": said["sport"],
        "country": said["country"],
        "competition": said["competition"],
        "home": said["home"],
        "away": said["away"],
        "starts_at": said["starts_at"],
        "queued_at": waiting.queued_at.isoformat(),
        "looks_like": said.get("looks_like", ""),
        "prices_beside": bool(waiting.parked),
        "candidates": [
            {
                "event": str(event.id),
                "competition": event.competition,
                "home": event.home,
                "away": event.away,
                "starts_at": event.starts_at.isoformat(),
            }
            for event in events
        ],
    }


def _text(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "nothing waits"
    said: list[str] = []
    for row in rows:
        teams = f"{row['home']} - {row['away']}"
        said.append(f"{row['key']}  {row['reason']}")
        said.append(f"    {row['starts_at']}  {teams}  ({row['competition']})")
        if row["looks_like"]:
            said.append(f"  ? {row['looks_like']}")
        for may in cast("list[dict[str, str]]", row["candidates"]):
            teams = f"{may['home']} - {may['away']}"
            said.append(f"  ? {may['starts_at']}  {teams}  ({may['competition']})  {may['event']}")
    return "\n".join(said)
