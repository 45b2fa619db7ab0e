"""What a run of the demonstration did, read from the database and proved where it can be.

Only this run counts: events and prices since its origin from its feed, and the bets whose key names
it. Every arbitrage is recomputed from its stored stakes by the payoff that settles bets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, Final, Literal

from overround import ops
from overround.core import grading, money
from overround.core.payoff import Grade, multiplier
from overround.core.price import SCALE_E4
from overround.db import Database
from overround.odds.feeds.simulator import PROVIDER_KEY
from overround.ops import FoundEdge
from overround.people.tenants import Tenant
from overround.roles import takings
from overround.roles.demo.run import DemoRun
from overround.roles.takings import Takings

_PPM: Final = 1_000_000

Proof = Literal["gains", "even", "false"]


@dataclass(frozen=True, slots=True)
class Figures:
    """A run as it stands."""

    events: int
    prices: int
    edges: Sequence[FoundEdge]
    takings: Sequence[Takings]

    @property
    def accepted(self) -> int:
        """The bets of all tenants."""
        return sum(one.accepted for one in self.takings)

    @property
    def settled(self) -> int:
        """The settled bets of all tenants."""
        return sum(one.settled for one in self.takings)

    def line(self) -> str:
        """The figures for somebody who is watching."""
        return (
            f"{self.events} events · {self.prices:,} prices · {len(self.edges)} arbitrages"
            f" · {self.accepted} bets · {self.settled} settled"
        )

    def as_dict(self) -> dict[str, Any]:
        """The report."""
        refused = sum((Counter(one.refused) for one in self.takings), Counter[str]())
        proofs = Counter(proof(edge) for edge in self.edges)
        return {
            "events": self.events,
            "prices": self.prices,
            "arbitrages": proofs["gains"],
            "arbitrages_checked": proofs.total(),
            "arbitrages_even": proofs["even"],
            "arbitrages_false": proofs["false"],
            "bets": self.accepted,
            "bets_by_tenant": {one.tenant.subdomain: one.accepted for one in self.takings},
            "refused": dict(refused.most_common()),
            "waiting": sum(one.waiting for one in self.takings),
            "settled": self.settled,
            "revenue": {
                one.tenant.subdomain: {"currency": one.tenant.currency, **one.revenue()}
                for one in self.takings
            },
            "ledger_total": dict(self._ledger_totals()),
            **({"note": note} if (note := self._note()) else {}),
        }

    def _note(self) -> str:
        """What a reader of noughts should know: they are those of a short run, and no fault."""
        if not self.accepted:
            return "no bet was placed and nothing settled: the run ended before anybody could bet"
        if not self.settled:
            return "nothing was settled: no match with a bet had ended when the run did"
        return ""

    def _ledger_totals(self) -> Iterator[tuple[str, str]]:
        totals: Counter[str] = Counter()
        for one in self.takings:
            totals[one.tenant.currency] += one.ledger_minor
        for currency, minor in totals.items():
            yield currency, money.to_text(minor, currency)


async def figures(
    worker: Database, run: DemoRun, everyone: Sequence[Tenant], at: datetime
) -> Figures:
    """The run as it stands at `at`."""
    async with worker.reading(None) as conn:
        events = await ops.events_named(conn, PROVIDER_KEY, run.origin)
        prices = await ops.prices_changed(conn, PROVIDER_KEY) - run.prices_before
        edges = await ops.edges_found(conn, PROVIDER_KEY, run.origin)
    found = [await _takings(worker, run, tenant, at) for tenant in everyone]
    return Figures(events, prices, edges, found)


async def _takings(worker: Database, run: DemoRun, tenant: Tenant, at: datetime) -> Takings:
    async with worker.snapshot(tenant.id) as conn:
        return await takings.read(conn, tenant, run.origin, at, run.key_prefix)


def proof(edge: FoundEdge) -> Proof:
    """What the stored stakes of an edge truly return, in the worst of the ways its market can end.

    "gains": more than was staked. "even": what was staked, as a free roll does, or less by no more
    than the stakes were rounded down by. "false": the edge does not keep what it says.
    """
    stakes = [leg["stake_ppm"] for leg in edge.legs]
    prices_e4 = [leg["price_e4"] for leg in edge.legs]

    def returned(grades: Sequence[Grade]) -> Fraction:
        legs = zip(stakes, grades, prices_e4, strict=True)
        return sum((stake * multiplier(grade, e4) for stake, grade, e4 in legs), Fraction(0))

    level = grading.may_end_level(edge.sport, edge.market_type, edge.period)
    states = grading.states(edge.market_type, edge.line_q4, level=level)
    worst = min(map(returned, states)) - sum(stakes)
    # Each stake lost less than a millionth, and with it at most that much of its price.
    rounding = Fraction(sum(prices_e4), SCALE_E4)
    if worst + rounding < edge.guaranteed_ppm or not _PPM - len(stakes) < sum(stakes) <= _PPM:
        return "false"
    return "gains" if worst > 0 else "even"
