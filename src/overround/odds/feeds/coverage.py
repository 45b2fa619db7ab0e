"""How much of what a provider quotes has a place on our board, counted while it is read.

Every selection is either mapped or counted as unmapped under its market's id, so that nothing a
provider sends is dropped silently (test: every selection is mapped or counted).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Unmapped:
    """A market of the provider that asks no question of ours, and how many selections it had."""

    name: str
    selections: int = 0


@dataclass(slots=True)
class Coverage:
    """The counts of one sport; `called` is the provider's word for it.

    `mapped` selections have their market, period, line and side with us. Of all selections,
    `stopped` are marked so themselves, `price_not_above_one` cannot be a price, and
    `not_offerable` are either; `stopped_above` were stopped by their market, bookmaker or line
    alone. `repeated` of the mapped ask what another selection of the same source asks already.
    """

    sport: str
    called: str
    events: int = 0
    selections: int = 0
    mapped: int = 0
    repeated: int = 0
    stopped: int = 0
    stopped_above: int = 0
    price_not_above_one: int = 0
    not_offerable: int = 0
    unmapped: dict[str, Unmapped] = field(default_factory=dict[str, Unmapped])

    def leave_out(self, market_id: str, name: str, selections: int) -> None:
        """Count selections that have no place on the board."""
        if selections:
            self.unmapped.setdefault(market_id, Unmapped(name)).selections += selections

    def add(self, other: Coverage) -> None:
        """Count what another payload of the same sport had."""
        self.events += other.events
        self.selections += other.selections
        self.mapped += other.mapped
        self.repeated += other.repeated
        self.stopped += other.stopped
        self.stopped_above += other.stopped_above
        self.price_not_above_one += other.price_not_above_one
        self.not_offerable += other.not_offerable
        for market_id, found in other.unmapped.items():
            self.leave_out(market_id, found.name, found.selections)

    def as_dict(self) -> dict[str, Any]:
        """The figures by their names, the unmapped markets with the largest first."""
        largest = sorted(self.unmapped.items(), key=lambda pair: (-pair[1].selections, pair[0]))
        return {
            "called": self.called,
            "events": self.events,
            "selections": self.selections,
            "mapped": self.mapped,
            "unmapped": sum(found.selections for found in self.unmapped.values()),
            "repeated": self.repeated,
            "not_offerable": self.not_offerable,
            "refused": {
                "stopped": self.stopped,
                "price_not_above_one": self.price_not_above_one,
            },
            "stopped_above": self.stopped_above,
            "unmapped_markets": {
                market_id: {"name": found.name, "selections": found.selections}
                for market_id, found in largest
            },
        }
