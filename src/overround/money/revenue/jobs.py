"""The daily figures, kept current: what the jobs role runs for each tenant."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from overround.db import Database
from overround.money import ledger
from overround.money.revenue.service import close_days, first_open_day

# A settlement is dated before it is committed, so a day may still change after it was written;
# whole days are recomputed, from a local midnight, and from further back where a day was missed.
_LOOK_BACK = timedelta(days=2)


async def run_once(
    db: Database, tenant_id: UUID, *, currency: str, time_zone: str, fee_bps: int, at: datetime
) -> int:
    """Fold the tenant's own accounts, bring its days up to `at`; returns the days changed."""
    zone = ZoneInfo(time_zone)
    today = at.astimezone(zone).date()
    async with db.transaction(tenant_id) as conn:
        await ledger.roll_up(conn, tenant_id)
        missed = await first_open_day(conn, tenant_id, time_zone)
        since = min(today - _LOOK_BACK, missed or today)
        return await close_days(
            conn,
            tenant_id,
            currency=currency,
            time_zone=time_zone,
            fee_bps=fee_bps,
            since=datetime.combine(since, time(), zone),
            today=today,
            at=at,
        )
