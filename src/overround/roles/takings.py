"""What the players of one run asked for, and what became of it: the bets whose key names the run.

Nothing else of the tenant counts, so a run's figures are the same whatever ran beside or before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from overround.betting import bets
from overround.core import money
from overround.db import Connection
from overround.money import ledger, revenue
from overround.people.tenants import Tenant


@dataclass(frozen=True, slots=True)
class Takings:
    """A tenant's part in a run; what is `waiting` is no bet yet. `ledger_minor` is the sum of all
    its entries, the run's or not."""

    tenant: Tenant
    accepted: int
    refused: dict[str, int]
    waiting: int
    settled: int
    handle_minor: int
    payout_minor: int
    fee_minor: int
    ledger_minor: int

    def revenue(self) -> dict[str, str]:
        """The settled bets' money as text."""
        amounts = {
            "handle": self.handle_minor,
            "payout": self.payout_minor,
            "ggr": self.handle_minor - self.payout_minor,
            "fee": self.fee_minor,
        }
        currency = self.tenant.currency
        return {name: money.to_text(minor, currency) for name, minor in amounts.items()}

    def ledger_total(self) -> str:
        """The sum of the ledger as text."""
        return money.to_text(self.ledger_minor, self.tenant.currency)


async def read(
    conn: Connection, tenant: Tenant, since: datetime, until: datetime, key_prefix: str
) -> Takings:
    """The tenant's part in the run whose bets' keys begin with `key_prefix`, placed between."""
    accepted, refused, waiting, settled = await bets.counts(
        conn, tenant.id, since, until, key_prefix
    )
    days = await bets.run_days(conn, tenant.id, tenant.time_zone, since, until, key_prefix)
    return Takings(
        tenant,
        accepted,
        refused,
        waiting,
        settled,
        handle_minor=sum(handle for _, handle, _ in days),
        payout_minor=sum(payout for _, _, payout in days),
        fee_minor=sum(
            revenue.fee_minor(handle - payout, tenant.fee_bps) for _, handle, payout in days
        ),
        ledger_minor=await ledger.total_minor(conn, tenant.id),
    )
