"""`overround edges list` and `edges stats`: what was found on the board, and where."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overround.cli import context
from overround.cli.context import ConfigOption, JsonOption, StateOption
from overround.cli.edges import app

if TYPE_CHECKING:
    from overround.kit.settings import Settings
    from overround.odds.edges import Sighting, StoredEdge, Wanted
    from overround.roles.attach import Endpoints

_HOURS_MAX = 24 * 366
_ROWS_MAX = 1_000
_PPM_PER_HUNDREDTH = 100

LimitOption = Annotated[int, typer.Option(min=1, max=_ROWS_MAX, help="So many rows at most.")]
KindOption = Annotated[
    str | None, typer.Option(help="arbitrage, value, middle or low_hold; all where it is left out.")
]


@app.command("list")
def list_edges(
    kind: KindOption = None,
    source: Annotated[str | None, typer.Option(help="With a leg at this source.")] = None,
    sport: Annotated[str | None, typer.Option(help="Of this sport.")] = None,
    tag: Annotated[str | None, typer.Option(help="With this tag.")] = None,
    verified: Annotated[bool, typer.Option("--verified", help="Verified ones alone.")] = False,
    trusted: Annotated[bool, typer.Option("--trusted", help="Without the suspect ones.")] = False,
    expired: Annotated[bool, typer.Option("--expired", help="Those that are gone too.")] = False,
    limit: LimitOption = 50,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the edges on the board, the newest first."""
    from overround.odds.edges import Wanted

    wanted = Wanted(
        kinds=None if kind is None else (_kind(kind),),
        statuses=("verified",) if verified else None,
        sport=sport,
        source=source,
        tag=tag,
        trusted=trusted,
        with_expired=expired,
    )
    settings = context.settings(state, config)
    with context.servers(settings) as endpoints:
        found = context.run_async(_search(settings, endpoints, wanted, limit))
    rows = [_row(edge) for edge in found]
    context.show({"edges": rows, "count": len(rows)}, as_json=as_json, text=lambda: _listed(rows))


@app.command("stats")
def stats(
    hours: Annotated[int, typer.Option(min=1, max=_HOURS_MAX, help="So far back.")] = 24,
    kind: KindOption = None,
    limit: LimitOption = 50,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count what was found by source, market and hour of the day, the most frequent first."""
    since = datetime.now(UTC) - timedelta(hours=hours)
    settings = context.settings(state, config)
    with context.servers(settings) as endpoints:
        found = context.run_async(_statistics(settings, endpoints, since, kind, limit))
    rows = [_counted(one) for one in found]
    context.show(
        {"since": since.isoformat(), "rows": rows}, as_json=as_json, text=lambda: _table(rows)
    )


def _kind(name: str) -> Any:
    """The kind of that name. Raises Invalid `unknown_kind`."""
    from typing import get_args

    from overround.core.errors import Invalid
    from overround.odds.edges import EdgeKind

    if name not in get_args(EdgeKind):
        kinds = ", ".join(get_args(EdgeKind))
        raise Invalid(f"an edge is one of {kinds}", code="unknown_kind")
    return name


async def _search(
    settings: Settings, endpoints: Endpoints, wanted: Wanted, limit: int
) -> list[StoredEdge]:
    from overround.kit import paging
    from overround.odds import edges
    from overround.roles.process import database

    before = (paging.NEWEST.at, paging.NEWEST.id)
    async with (
        database(settings, endpoints.url("worker"), "worker") as db,
        db.reading(None) as conn,
    ):
        return await edges.search(conn, before, wanted, limit)


async def _statistics(
    settings: Settings, endpoints: Endpoints, since: datetime, kind: str | None, limit: int
) -> list[Sighting]:
    from overround.odds import edges
    from overround.roles.process import database

    async with (
        database(settings, endpoints.url("worker"), "worker") as db,
        db.reading(None) as conn,
    ):
        return await edges.statistics(conn, since, None if kind is None else _kind(kind), limit)


def _row(edge: StoredEdge) -> dict[str, Any]:
    from overround.core import line, price
    from overround.odds import edges

    legs = [edges.leg_of(leg) for leg in edge.legs]
    return {
        "id": str(edge.id),
        "kind": edge.kind,
        "status": edge.status,
        "event_id": str(edge.event_id),
        "sport": edge.sport,
        "edge_percentage": _percent(edge.edge_ppm),
        "guaranteed_percentage": _percent(edge.guaranteed_ppm),
        "reasons": edge.reasons,
        "tags": edge.tags,
        "legs": [
            {
                "market": leg.market_type,
                "period": leg.period,
                "line": None if leg.line_q4 is None else line.to_text(leg.line_q4),
                "side": leg.side,
                "source": leg.source,
                "price": price.to_text(leg.price_e4),
            }
            for leg in legs
        ],
        "detected_at": edge.detected_at.isoformat(),
        "expires_at": edge.expires_at.isoformat(),
        "expired_at": None if edge.expired_at is None else edge.expired_at.isoformat(),
    }


def _counted(one: Sighting) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(one)


def _percent(ppm: int) -> str:
    """Per cent to two places, rounded down: what is promised is there."""
    hundredths = ppm // _PPM_PER_HUNDREDTH
    whole, rest = divmod(abs(hundredths), 100)
    return f"{'-' if hundredths < 0 else ''}{whole}.{rest:02}"


def _listed(rows: Sequence[dict[str, Any]]) -> str:
    lines: list[str] = []
    for row in rows:
        legs = "  ".join(
            " ".join(
                str(leg[word])
                for word in ("market", "line", "side", "price", "source")
                if leg[word]
            )
            for leg in row["legs"]
        )
        why = f" ({', '.join(row['reasons'])})" if row["reasons"] else ""
        lines.append(
            f"{row['edge_percentage']:>7} %  {row['kind']:<9} {row['status']:<8}{why}  {legs}"
        )
    return "\n".join(lines) or "no edges"


def _table(rows: Sequence[dict[str, Any]]) -> str:
    lines = [
        f"{row['edges']:>6}  {row['verified']:>6} verified  {_percent(row['mean_edge_ppm']):>7} %  "
        f"{row['kind']:<9} {row['sport']} {row['market_type']}  {row['source']}  {row['hour']:02} h"
        for row in rows
    ]
    return "\n".join(lines) or "no edges"
