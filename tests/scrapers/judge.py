"""What was broadcast against what was planted: delays, expiries, and what was told for nothing.

Everything that is broadcast is verified, so every leg of it has to be true: when the hub verified
it, which is when it first told it, each book quoted that price, or had done so within the time that
an answer to the hub's question counts and the pass in which its page has to have moved. The market
remembers what each book quoted at any moment; what a frozen page went on showing is not what its
book quoted.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast

from overround.odds.feeds import reading
from overround.odds.feeds.browser.pulse import MOVING_PACES, MOVING_S
from overround.roles.hub.asker import ANSWER_S
from tests.replicas import pages
from tests.replicas.app import TICK_S
from tests.replicas.market import Market, Planted, Question, Side

# A second leg's broadcast and an end's may take so long.
PROMISED_S: Final = 1.0
# What was verified was true so long before at the most: all legs were asked about within the time
# that an answer counts, and whatever froze a page that answers did so within one pass of it.
TRUE_WITHIN_S: Final = ANSWER_S + MOVING_PACES * TICK_S + MOVING_S
# What is broadcast so long after its end was on its way when it ended.
_GRACE_S: Final = PROMISED_S
# How far back it is looked for when a told price was true.
_LOOK_BACK_S: Final = 30.0
_MARKETS: Final = {"hdp": "ft_hdp", "ou": "ft_ou"}
_QUESTIONS: Final[dict[str, Question]] = {"ft_hdp": "hdp", "ft_ou": "ou"}
_SIDES: Final[dict[str, Side]] = {
    "home": "first", "away": "second", "over": "first", "under": "second",
}  # fmt: skip

Key = tuple[str, str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Told:
    """One opportunity of a broadcast; `legs` are (book, side, price_e4)."""

    home: str
    market: str
    legs: tuple[tuple[str, str, int], ...]

    @property
    def key(self) -> Key:
        """Which match, question and books."""
        return self.home, self.market, tuple(book for book, _, _ in self.legs)


@dataclass(frozen=True, slots=True)
class Heard:
    """One broadcast: when it came and when the hub said it, on one clock; which opportunities by
    id, which are gone."""

    at_s: float
    said_s: float
    opportunities: Mapping[str, Told]
    expired: Sequence[str]

    @staticmethod
    def of(said: Mapping[str, Any], at_s: float, at: datetime) -> Heard:
        """A message of the hub, which came at `at_s`, at `at` by the clock that the hub has too."""
        found: dict[str, Told] = {}
        for one in cast("list[dict[str, Any]]", said["opportunities"]):
            legs = tuple(
                (leg["provider"], leg["side"], round(leg["odds"] * 10_000))
                for leg in (one[f"leg_{n}"] for n in (1, 2))
            )
            found[one["id"]] = Told(one["home"], one["market"], legs)
        waited = at - datetime.fromisoformat(said["timestamp"])
        return Heard(at_s, at_s - waited.total_seconds(), found, said.get("expired", []))


@dataclass(slots=True)
class Report:
    """What happened in a run. Times are seconds of one clock.

    `baits` are (home, books, from, to): prices that look like an arbitrage with a dead book's.
    """

    market: Market
    heard: list[Heard] = field(default_factory=list[Heard])
    planted: list[Planted] = field(default_factory=list[Planted])
    baits: list[tuple[str, tuple[str, str], float, float]] = field(
        default_factory=list[tuple[str, tuple[str, str], float, float]]
    )
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

    def ages(self) -> list[tuple[float, Heard, Told]]:
        """Of everything that was verified: how long before that the book of its oldest leg last
        quoted that price. What is told again, as to one who has come back, was verified before."""
        first: dict[tuple[str, Told], Heard] = {}
        for heard in self.heard:
            for key_id, told in heard.opportunities.items():
                first.setdefault((key_id, told), heard)
        return [
            (max(self._age_s(told, leg, heard.said_s) for leg in told.legs), heard, told)
            for (_, told), heard in first.items()
        ]

    def false_ones(self) -> list[tuple[float, Heard, Told]]:
        """Those with a leg that was not true any more, or never."""
        return [found for found in self.ages() if found[0] > TRUE_WITHIN_S]

    def swallowed_baits(self) -> int:
        """How many opportunities with a dead book's price were broadcast."""
        return sum(
            (home, books) == (told.home, told.key[2]) and from_s <= heard.at_s <= to_s + _GRACE_S
            for heard in self.heard
            for told in heard.opportunities.values()
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

    def figures(self) -> dict[str, Any]:
        """The report for machines; times in seconds."""
        ages = [age for age, _, _ in self.ages()]
        return {
            "planted": len(self.counted()),
            "broadcast_s": _summary(self.delays()),
            "expired_s": _summary(self.expiries()),
            "verified": len(ages),
            "oldest_leg_s": _summary(ages),
            "false": len(self.false_ones()),
            "baits": len(self.baits),
            "baits_taken": self.swallowed_baits(),
            "suspended_s": {kind: _summary(took) for kind, took in self.suspended.items()},
            "recovered_s": {kind: _summary(took) for kind, took in self.recovered.items()},
            "not_as_promised": self.faults(),
        }

    def text(self) -> str:
        """The report for people."""
        lines = [
            f"planted arbitrages   {len(self.counted())}",
            f"broadcast after      {_figures(self.delays())}",
            f"expired after        {_figures(self.expiries())}",
            f"oldest leg told      {_figures([age for age, _, _ in self.ages()])}",
            f"false ones           {len(self.false_ones())}",
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
        for age_s, heard, told in self.false_ones():
            at_s = heard.said_s - self.began_s
            lines.append(f"  {at_s:7.1f} s {told.key}: a leg was true {age_s:.2f} s ago")
        for at_s, what in self.story:
            lines.append(f"  {at_s - self.began_s:7.1f} s {what}")
        return "\n".join(lines) + "\n"

    def _key(self, one: Planted) -> Key:
        home = next(match.home for match in self.market.matches if match.id == one.match_id)
        return home, _MARKETS[one.question], one.books

    def _told(self, one: Planted) -> Iterator[tuple[float, str]]:
        wanted = self._key(one)
        for heard in self.heard:
            if one.second_at_s <= heard.at_s <= one.ends_at_s + _GRACE_S:
                for key_id, told in heard.opportunities.items():
                    if told.key == wanted:
                        yield heard.at_s, key_id

    def _delay(self, one: Planted) -> float | None:
        first = next(self._told(one), None)
        return first[0] - one.second_at_s if first is not None else None

    def _age_s(self, told: Told, leg: tuple[str, str, int], at_s: float) -> float:
        """How long before `at_s` the book last quoted the leg's price, in its own rounding."""
        book, side, price_e4 = leg
        match = next(one for one in self.market.matches if one.home == told.home)
        asked = book, match, _QUESTIONS[told.market], _SIDES[side]
        for until_s, quoted_e4 in self.market.spans(*asked, at_s - _LOOK_BACK_S, at_s):
            for written in pages.FORMATS[book]:
                if reading.price_of(pages.text(quoted_e4, written), written) == price_e4:
                    return at_s - until_s
        return _LOOK_BACK_S


def _summary(values: Sequence[float | None]) -> dict[str, float | int]:
    known = sorted(value for value in values if value is not None)
    found: dict[str, float | int] = {"count": len(values), "never": len(values) - len(known)}
    if known:
        found["median"] = round(statistics.median(known), 3)
        found["p95"] = round(known[min(len(known) - 1, len(known) * 95 // 100)], 3)
        found["longest"] = round(known[-1], 3)
    return found


def _figures(values: Sequence[float | None]) -> str:
    known = sorted(value for value in values if value is not None)
    if not known:
        return f"nothing of {len(values)}"
    return (
        f"median {statistics.median(known):.2f} s, longest {known[-1]:.2f} s"
        f" ({len(known)} of {len(values)})"
    )
