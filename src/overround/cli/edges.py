"""`overround edges`: what prices give away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overround.cli import context
from overround.cli.context import JsonOption

if TYPE_CHECKING:
    from overround.odds.edges import Quoted

app = typer.Typer(no_args_is_help=True, help="What prices give away.")


@app.callback()
def edges_commands() -> None:
    """What prices give away."""


@app.command("quoted")
def quoted(
    path: Annotated[Path, typer.Argument(metavar="PATH", exists=True, help="Files of a feed.")],
    within: Annotated[
        int, typer.Option(min=0, max=86_400, help="Seconds since a leg's price was seen.")
    ] = 600,
    profit_max: Annotated[
        int, typer.Option(min=1, max=1_000, help="Above so many percent it is a mistake.")
    ] = 15,
    as_json: JsonOption = False,
) -> None:
    """List the arbitrages inside one market that files of a feed quote, without a database."""
    found = _find(path, timedelta(seconds=within))
    limit = Fraction(profit_max, 100)
    listed = [one for one in found if one.arbitrage.naive_margin <= limit]
    report = {
        "arbitrages": len(listed),
        "guaranteed": sum(one.arbitrage.guaranteed > 0 for one in listed),
        "above_profit_max": len(found) - len(listed),
        "listed": [_row(one) for one in listed],
    }
    context.show(report, as_json=as_json, text=lambda: _told(report))


def _find(path: Path, within: timedelta) -> list[Quoted]:
    """Every arbitrage of the files, the highest profit first."""
    from overround.core.errors import ProviderDataError
    from overround.odds import edges, feeds
    from overround.odds.feeds import Rejected

    found: list[Quoted] = []
    for one in feeds.payloads(path):
        if isinstance(one, Rejected):
            continue
        provider, payload = one
        try:
            parsed = provider.parse(payload.name, payload.body)
        except ProviderDataError:
            continue
        for batch in parsed.batches:
            found += edges.quoted(batch, provider.source_kind, within)
    found.sort(key=lambda one: (-one.arbitrage.naive_margin, one.event.key, str(one.market)))
    return found


def _row(one: Quoted) -> dict[str, Any]:
    from overround.core import line, price

    arbitrage, market = one.arbitrage, one.market
    return {
        "event": f"{one.event.home} - {one.event.away}",
        "sport": one.event.sport,
        "starts_at": one.event.starts_at.isoformat(),
        "observed_at": one.observed_at.isoformat(),
        "market": market.market_type,
        "period": market.period,
        "line": None if market.line_q4 is None else line.to_text(market.line_q4),
        "profit_pct": _percent(arbitrage.naive_margin),
        "guaranteed_pct": _percent(arbitrage.guaranteed),
        "suspect": arbitrage.suspect,
        "oldest_s": int(one.oldest.total_seconds()),
        "legs": [
            {"side": leg.side, "source": leg.source, "price": price.to_text(leg.price_e4)}
            for leg in arbitrage.legs
        ],
    }


def _percent(share: Fraction) -> str:
    """Per cent to two places, rounded down: what is promised is there."""
    hundredths = share.numerator * 10_000 // share.denominator
    sign = "-" if hundredths < 0 else ""
    whole, rest = divmod(abs(hundredths), 100)
    return f"{sign}{whole}.{rest:02}"


def _told(report: dict[str, Any]) -> str:
    """The figures and a line an arbitrage."""
    rows: Sequence[dict[str, Any]] = report["listed"]
    lines = [context.report({name: report[name] for name in report if name != "listed"}), ""]
    for row in rows:
        legs = " ".join(f"{leg['side']} {leg['price']} {leg['source']}" for leg in row["legs"])
        asked = f"{row['market']} {row['period']} {row['line'] or ''}".strip()
        mark = " suspect" if row["suspect"] else ""
        profit = f"{row['profit_pct']:>6} % ({row['guaranteed_pct']} % sure){mark}"
        lines.append(f"{profit}  {row['event']}  {asked}  {legs}  {row['oldest_s']} s")
    return "\n".join(lines)
