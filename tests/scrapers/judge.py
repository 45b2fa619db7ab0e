"""What was broadcast against what was planted: delays, expiries, and what was told for nothing."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from tests.replicas.market import Planted

# A second leg's broadcast and an end's may take so long.
PROMISED_S: Final = 1.0
# What is broadcast so long after its end was on its way when it ended.
_GRACE_S: Final = PROMISED_S
_MARKETS: Final = {"hdp": "ft_hdp", "ou": "ft_ou"}

Key = tuple[str, str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Heard:
    """One broadcast: when, which opportunities (id -> home, market, providers), which are gone."""

    at_s: float
    opportunities: Mapping[str, Key]
    expired: Sequence[str]

    @staticmethod
    def of(said: Mapping[str, Any], at_s: float) -> Heard:
        """A message of the hub."""
        found: dict[str, Key] = {}
        for one in cast("list[dict[str, Any]]", said["opportunities"]):
            legs = one["leg_1"]["provider"], one["leg_2"]["provider"]
            found[one["id"]] = one["home"], one["market"], legs
        return Heard(at_s, found, said.get("expired", []))


@dataclass(slots=True)
class Report:
    """What happened in a run. Times are seconds of one clock.

    `baits` are (home, books, from, to): prices that look like an arbitrage with a dead book's;
    `frozen` are (book, from, until the hub had suspended it).
    """

    heard: list[Heard] = field(default_factory=list[Heard])
    planted: list[Planted] = field(default_factory=list[Planted])
    homes: dict[int, str] = field(default_factory=dict[int, str])
    baits: list[tuple[str, tuple[str, str], float, float]] = field(
        default_factory=list[tuple[str, tuple[str, str], float, float]]
    )
    frozen: list[tuple[str, float, float]] = field(default_factory=list[tuple[str, float, float]])
    suspended: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    recovered: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    missed: list[str] = field(default_factory=list[str])
    began_s: float = 0.0
    story: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])

    def counted(self) -> list[Planted]:
        """The planted arbitrages that nothing came in between of."""
        return [one for one in self.planted if one.counts]

    def delays(self) -> list[float | None]:
        """Of each planted arbitrage: from its second leg to its first broadcast; None for never."""
        return [self._delay(one) for one in self.counted()]

    def expiries(self) -> list[float | None]:
        """Of each that was broadcast: from its end until it was told to be gone."""
        found: list[float | None] = []
        for one in self.counted():
            ids = {key for _, key in self._told(one)}
            if ids:
                gone = [h.at_s for h in self.heard if ids & set(h.expired)]
                found.append(max(gone) - one.ends_at_s if gone else None)
        return found

    def unexplained(self) -> list[tuple[Heard, Key]]:
        """Opportunities that were broadcast while nothing of the kind was planted.

        One that was true and is told again before its end is heard of is late, and counted there.
        """
        true: set[str] = set()
        found: list[tuple[Heard, Key]] = []
        for heard in self.heard:
            for key_id, key in heard.opportunities.items():
                if any(self._explains(one, key, heard.at_s) for one in self.planted):
                    true.add(key_id)
                elif key_id not in true:
                    found.append((heard, key))
        return found

    def stale_ones(self) -> list[tuple[Heard, Key]]:
        """Those with the price of a book that had frozen and was not known to be yet.

        Nobody can know it at once. They are detected and never confirmed: the scraper of a book
        that has not moved for two seconds answers no question.
        """
        return [found for found in self.unexplained() if self._is_stale(*found)]

    def false_ones(self) -> list[tuple[Heard, Key]]:
        """Those that nothing excuses."""
        return [found for found in self.unexplained() if not self._is_stale(*found)]

    def swallowed_baits(self) -> int:
        """How many opportunities with a dead book's price were broadcast."""
        return sum(
            (home, books) == (key[0], key[2]) and from_s <= heard.at_s <= to_s + _GRACE_S
            for heard in self.heard
            for key in heard.opportunities.values()
            for home, books, from_s, to_s in self.baits
        )

    def faults(self) -> list[str]:
        """Whatever is not as it was promised."""
        found = list(self.missed)
        late = [d for d in self.delays() if d is None or d > PROMISED_S]
        slow = [e for e in self.expiries() if e is None or e > PROMISED_S]
        found += [f"{len(late)} broadcasts late or missing"] if late else []
        found += [f"{len(slow)} expiries late or missing"] if slow else []
        found += [f"{len(self.false_ones())} false"] if self.false_ones() else []
        found += [f"{self.swallowed_baits()} baits taken"] if self.swallowed_baits() else []
        return found

    def text(self) -> str:
        """The report for people."""
        lines = [
            f"planted arbitrages   {len(self.counted())}",
            f"broadcast after      {_figures(self.delays())}",
            f"expired after        {_figures(self.expiries())}",
            f"false ones           {len(self.false_ones())}",
            f"of a freeze unknown  {len(self.stale_ones())}",
            f"baits of dead books  {len(self.baits)}, taken {self.swallowed_baits()}",
        ]
        for kind, took in self.suspended.items():
            lines.append(f"suspended: {kind:<10}{_figures(took)}")
        for kind, took in self.recovered.items():
            lines.append(f"back: {kind:<15}{_figures(took)}")
        lines.append(f"not as promised      {'; '.join(self.faults()) or 'nothing'}")
        for one, delay in zip(self.counted(), self.delays(), strict=True):
            if delay is None or delay > PROMISED_S:
                took = "never" if delay is None else f"{delay:.2f} s"
                lines.append(f"  {one.second_at_s - self.began_s:7.1f} s {self._key(one)}: {took}")
        for heard, key in self.false_ones():
            lines.append(f"  {heard.at_s - self.began_s:7.1f} s {key}: false")
        for at_s, what in self.story:
            lines.append(f"  {at_s - self.began_s:7.1f} s {what}")
        return "\n".join(lines) + "\n"

    def _key(self, one: Planted) -> Key:
        return self.homes[one.match_id], _MARKETS[one.question], one.books

    def _explains(self, one: Planted, key: Key, at_s: float) -> bool:
        return self._key(one) == key and one.second_at_s <= at_s <= one.ends_at_s + _GRACE_S

    def _is_stale(self, heard: Heard, key: Key) -> bool:
        return any(
            book in key[2] and from_s <= heard.at_s <= to_s + _GRACE_S
            for book, from_s, to_s in self.frozen
        )

    def _told(self, one: Planted) -> Iterator[tuple[float, str]]:
        wanted = self._key(one)
        for heard in self.heard:
            for key_id, key in heard.opportunities.items():
                if key == wanted and self._explains(one, key, heard.at_s):
                    yield heard.at_s, key_id

    def _delay(self, one: Planted) -> float | None:
        first = next(self._told(one), None)
        return first[0] - one.second_at_s if first is not None else None


def _figures(values: Sequence[float | None]) -> str:
    known = sorted(value for value in values if value is not None)
    if not known:
        return f"nothing of {len(values)}"
    return (
        f"median {statistics.median(known):.2f} s, longest {known[-1]:.2f} s"
        f" ({len(known)} of {len(values)})"
    )
