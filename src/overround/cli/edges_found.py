"""`overround edges list`, `stakes` and `stats`: what was found, what to put on it, and where."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from overround.cli import context
from overround.cli.context import ConfigOption, JsonOption, StateOption
from overround.cli.edges import app

if TYPE_CHECKING:
    from overround.kit.settings import Settings
    from overround.odds.catalogue import Event
    from overround.odds.edges import Placeable, Sighting, StoredEdge, Wanted
    from overround.roles.attach import Endpoints

_HOURS_MAX = 24 * 366
_ROWS_MAX = 1_000
_PPM_PER_HUNDREDTH = 100
_PPM_PER_PERCENT = 10_000
_PERCENT_MAX = 100

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
    least: Annotated[str | None, typer.Option(help="Of at least so many percent.")] = None,
    event: Annotated[UUID | None, typer.Option(help="Of this event.")] = None,
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
        event_id=event,
        edge_ppm_min=None if least is None else _least(least),
        source=source,
        tag=tag,
        trusted=trusted,
        with_expired=expired,
    )
    settings = context.settings(state, config)
    with context.servers(settings) as endpoints:
        found, events = context.run_async(_search(settings, endpoints, wanted, limit))
    now = datetime.now(UTC)
    rows = [_row(edge, events[edge.event_id], now) for edge in found]
    context.show({"edges": rows, "count": len(rows)}, as_json=as_json, text=lambda: _listed(rows))


@app.command("stakes")
def stakes(
    edge_id: Annotated[UUID, typer.Argument(metavar="EDGE", help="Its id, as `list` shows it.")],
    total: Annotated[
        str, typer.Option(help="What may be staked; of a value bet the whole bankroll.")
    ] = "1000",
    kelly: Annotated[str, typer.Option(help="Part of the Kelly share, for a value bet.")] = "0.25",
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what to put on each leg of an edge, in whole steps within every house's limits."""
    from overround.core import rational
    from overround.odds import edges

    wanted, part = rational.parse(total), rational.parse(kelly)
    settings = context.settings(state, config)
    with context.servers(settings) as endpoints:
        edge = context.run_async(_one(settings, endpoints, edge_id))
    found = edges.placeable(edge, wanted, part)
    report = _staked(edge, found, datetime.now(UTC))
    context.show(report, as_json=as_json, text=lambda: _placed(report))


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


def _least(percent: str) -> int:
    """A share of so many percent in millionths. Raises Invalid `invalid_number`."""
    from overround.core import rational
    from overround.core.errors import Invalid

    share = rational.parse(percent)
    if abs(share) > _PERCENT_MAX:
        raise Invalid("a share is from -100 to 100 percent", code="invalid_number")
    return round(share * _PPM_PER_PERCENT)


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
) -> tuple[list[StoredEdge], dict[UUID, Event]]:
    from overround.kit import paging
    from overround.odds import catalogue, edges
    from overround.roles.process import database

    before = (paging.NEWEST.at, paging.NEWEST.id)
    async with (
        database(settings, endpoints.url("worker"), "worker") as db,
        db.reading(None) as conn,
    ):
        found = await edges.search(conn, before, wanted, limit)
        return found, await catalogue.events_by_id(conn, [edge.event_id for edge in found])


async def _one(settings: Settings, endpoints: Endpoints, edge_id: UUID) -> StoredEdge:
    """The edge of that id. Raises NotFound."""
    from overround.core.errors import NotFound
    from overround.odds import edges
    from overround.roles.process import database

    async with (
        database(settings, endpoints.url("worker"), "worker") as db,
        db.reading(None) as conn,
    ):
        edge = await edges.one(conn, edge_id)
    if edge is None:
        raise NotFound("no such edge")
    return edge


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


def _row(edge: StoredEdge, event: Event, at: datetime) -> dict[str, Any]:
    from overround.core import line, price
    from overround.odds import edges

    legs = [edges.leg_of(leg) for leg in edge.legs]
    return {
        "id": str(edge.id),
        "kind": edge.kind,
        "status": edge.status_at(at),
        "event_id": str(edge.event_id),
        "event": f"{event.home} - {event.away}",
        "starts_at": event.starts_at.isoformat(),
        "sport": edge.sport,
        "edge_percentage": _percent(edge.edge_ppm),
        "guaranteed_percentage": _percent(edge.guaranteed_ppm),
        "confidence_percentage": _percent(edge.confidence_ppm),
        "kelly_percentage": None if edge.kelly_ppm is None else _percent(edge.kelly_ppm),
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
                "share_percentage": _percent(leg.stake_ppm),
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
    """A line an edge and one below it for each leg, its share of the total first."""
    lines: list[str] = []
    for row in rows:
        why = f"  ({', '.join(row['reasons'])})" if row["reasons"] else ""
        lines.append(
            f"{row['edge_percentage']:>7} %  {row['kind']:<9} {row['status']:<8} {row['event']}, "
            f"{row['starts_at'][:16]}Z  {row['id']}{why}"
        )
        for leg in row["legs"]:
            words = (leg["market"], leg["period"], leg["line"], leg["side"], leg["price"])
            told = " ".join(str(word) for word in words if word)
            lines.append(f"{leg['share_percentage']:>15} %  {told}  {leg['source']}")
    return "\n".join(lines) or "no edges"


def _staked(edge: StoredEdge, found: Placeable, at: datetime) -> dict[str, Any]:
    from overround.core import price, rational
    from overround.odds import edges

    return {
        "id": str(edge.id),
        "kind": edge.kind,
        "status": edge.status_at(at),
        "total": rational.to_text(found.total),
        "guaranteed": rational.to_text(found.guaranteed),
        "best": rational.to_text(found.best),
        "stakes": [
            {
                "side": leg.side,
                "source": leg.source,
                "price": price.to_text(leg.price_e4),
                "stake": rational.to_text(stake),
                "currency": leg.currency,
            }
            for leg, stake in zip(map(edges.leg_of, edge.legs), found.stakes, strict=True)
        ],
    }


def _placed(report: dict[str, Any]) -> str:
    if report["total"] == "0":
        return "nothing is worth placing within the houses' limits and steps"
    lines = [
        f"{leg['stake']:>12} {leg['currency'] or '':<3}  {leg['side']} {leg['price']}  "
        f"{leg['source']}"
        for leg in report["stakes"]
    ]
    return "\n".join(
        [*lines, f"total {report['total']}, net {report['guaranteed']} to {report['best']}"]
    )


def _table(rows: Sequence[dict[str, Any]]) -> str:
    """The counts below what they are of; hours are of the day, in UTC."""
    if not rows:
        return "no edges"
    lines = ["  edges verified suspect    mean %  hour  kind, sport and market, source"]
    lines += [
        f"{row['edges']:>7} {row['verified']:>8} {row['suspect']:>7} "
        f"{_percent(row['mean_edge_ppm']):>9} {row['hour']:>5}  "
        f"{row['kind']}, {row['sport']} {row['market_type']}, {row['source']}"
        for row in rows
    ]
    return "\n".join(lines)
