"""The market stream as it is heard: images and deltas in, each market as it stands out.

A message either replaces a market (an image) or changes some runners and levels of it. A level of
size 0 is gone. Prices are the text that was sent; what they are worth is decided once, in `parse`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, cast

from overround.core.errors import ProviderDataError
from overround.odds.feeds import reading
from overround.odds.feeds.reading import Node, node_of, nodes_of, text

MAX_MARKETS: Final = 20_000
MAX_RUNNERS: Final = 400
MAX_LEVELS: Final = 1_000

# The fields of prices to back: the whole ladder, or its best levels by position.
_LADDER: Final = "atb"
_BEST: Final = ("batb", "bdatb")
_LAY: Final = ("atl", "batl", "bdatl")

RunnerKey = tuple[str, str]


@dataclass(slots=True)
class Runner:
    """What can be backed: price text -> size, and by position where only that is sent."""

    ladder: dict[str, str] = field(default_factory=dict[str, str])
    best: dict[str, str] = field(default_factory=dict[str, str])

    def price(self) -> str:
        """The best price that can be backed, as text; "" where there is none."""
        if self.ladder:
            return max(self.ladder, key=_worth)
        return self.best.get("0", "")

    def hear(self, change: Node) -> None:
        """Apply a change. Raises ProviderDataError `too_many_levels` (1,000)."""
        for level in _levels(change, _LADDER, 2):
            _set(self.ladder, level[0], level[0], level[1])
        for name in _BEST:
            for level in _levels(change, name, 3):
                _set(self.best, level[0], level[1], level[2])
            if name in change:
                break
        if len(self.ladder) > MAX_LEVELS or len(self.best) > MAX_LEVELS:
            raise ProviderDataError("a runner has too many levels", code="too_many_levels")


@dataclass(slots=True)
class Market:
    """One market as it stands; `definition` is empty until it was sent."""

    market_id: str
    definition: Node = field(default_factory=dict[str, object])
    runners: dict[RunnerKey, Runner] = field(default_factory=dict[RunnerKey, Runner])

    @property
    def commission_bps(self) -> int:
        """What the exchange takes of winnings before discounts: 500 of a base rate of 5 %."""
        rate = text(self.definition, "marketBaseRate")
        worth_e4 = _worth(rate)
        return worth_e4 // 100 if worth_e4 > 0 else 0

    @property
    def is_open(self) -> bool:
        """Whether bets are taken."""
        return text(self.definition, "status") == "OPEN"


@dataclass(frozen=True, slots=True)
class Heard:
    """One market that a message spoke of: which runners changed, and how many lay and last prices
    were among it. `redefined` says that its definition was sent."""

    market: Market
    changed: tuple[RunnerKey, ...]
    lay: int
    traded: int
    redefined: bool


@dataclass(slots=True)
class Stream:
    """Everything that was heard so far."""

    markets: dict[str, Market] = field(default_factory=dict[str, Market])
    initial_clk: str = ""
    clk: str = ""
    is_degraded: bool = False

    @property
    def clocks(self) -> dict[str, str]:
        """What goes into a subscription so that it goes on from here; empty at the beginning."""
        found = {"initialClk": self.initial_clk, "clk": self.clk}
        return found if all(found.values()) else {}

    def hear(self, message: Node) -> list[Heard]:
        """Apply one `mcm` message; the markets it spoke of. Raises ProviderDataError
        `too_many_markets` (20,000), `too_many_runners` (400), `too_many_levels`."""
        self.initial_clk = text(message, "initialClk") or self.initial_clk
        self.clk = text(message, "clk") or self.clk
        # 503: the exchange itself lags behind; what is on the board may be old.
        self.is_degraded = text(message, "status") == "503"
        anew = text(message, "ct") == "SUB_IMAGE"
        heard: list[Heard] = []
        for change in nodes_of(message.get("mc", [])):
            found = self._change(change, anew=anew)
            if found is not None:
                heard.append(found)
        return heard

    def _change(self, change: Node, *, anew: bool) -> Heard | None:
        market_id = text(change, "id")
        if not market_id or len(market_id) > reading.MAX_NAME_LENGTH:
            return None
        is_image = anew or change.get("img") is True
        market = self.markets.get(market_id)
        if market is None or is_image:
            market = Market(market_id, market.definition if market else {})
            self.markets[market_id] = market
        if len(self.markets) > MAX_MARKETS:
            raise ProviderDataError("the stream has too many markets", code="too_many_markets")
        definition = node_of(change.get("marketDefinition"))
        market.definition = definition or market.definition
        changed: list[RunnerKey] = []
        lay = traded = 0
        for runner in nodes_of(change.get("rc", [])):
            key = text(runner, "id"), text(runner, "hc")
            if any(name in runner for name in (_LADDER, *_BEST)):
                changed.append(key)
                market.runners.setdefault(key, Runner()).hear(runner)
            lay += any(name in runner for name in _LAY)
            traded += "ltp" in runner
        if len(market.runners) > MAX_RUNNERS:
            raise ProviderDataError("a market has too many runners", code="too_many_runners")
        return Heard(market, tuple(changed), lay, traded, bool(definition))


def _levels(change: Node, name: str, width: int) -> list[list[str]]:
    """The levels of one field that are what they should be."""
    found: object = change.get(name)
    several = cast("list[object]", found) if isinstance(found, list) else []
    texts = [reading.texts_of(level) for level in several]
    return [level for level in texts if len(level) == width and all(level)]


def _set(levels: dict[str, str], key: str, price: str, size: str) -> None:
    if size.strip("0.") == "":
        levels.pop(key, None)
    else:
        levels[key] = price


def _worth(price: str) -> int:
    """A price to compare with others: 0 for what is none."""
    found = reading.price_of(price)
    return found if isinstance(found, int) else 0
