"""Revenue by day, for the office."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from overround.core import money
from overround.core.errors import Invalid
from overround.core.principal import Principal
from overround.db.routes import Db
from overround.kit import routes
from overround.kit.routes import Output
from overround.money.revenue import service
from overround.money.revenue.model import RevenueDay

router = APIRouter(prefix="/api/v1", tags=["revenue"])

_DAYS_MAX = 800

Reads = Annotated[Principal, Depends(routes.staff("reports.read"))]


class RevenueDayOut(Output):
    """One local day of the tenant."""

    day: date
    handle: str
    payout: str
    ggr: str
    fee: str
    bonus: str
    ngr: str
    currency: str


class RevenueOut(Output):
    """Days in order; a day without settlements is left out."""

    items: list[RevenueDayOut]


@router.get("/office/revenue")
async def revenue(
    caller: Reads,
    db: Db,
    first: Annotated[date, Query(alias="from")],
    last: Annotated[date, Query(alias="until")],
) -> RevenueOut:
    """The days `from` to `until`, both included."""
    if not 0 <= (last - first).days <= _DAYS_MAX:
        said = f"a period is 1 to {_DAYS_MAX + 1} days"
        raise Invalid(said, code="period_out_of_range", field="query/until")
    async with db.reading(caller.tenant_id) as conn:
        found = await service.days(conn, caller.tenant_id, first, last)
    return RevenueOut(items=[_day_out(day) for day in found])


def _day_out(day: RevenueDay) -> RevenueDayOut:
    return RevenueDayOut(
        day=day.day,
        handle=money.to_text(day.handle_minor, day.currency),
        payout=money.to_text(day.payout_minor, day.currency),
        ggr=money.to_text(day.ggr_minor, day.currency),
        fee=money.to_text(day.fee_minor, day.currency),
        bonus=money.to_text(day.bonus_minor, day.currency),
        ngr=money.to_text(day.ngr_minor, day.currency),
        currency=day.currency,
    )
