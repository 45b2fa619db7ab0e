"""Counting in one process: families of cells, and the slots that the cells write to.

A cell is a place in a block of doubles. Adding to one is one addition and no lock, so it may stand
on the hot path (test: counting costs less than a microsecond). The block is memory of this process
until `Registry.keep_in` lays it on a file that every process of the state directory can read
(`kit.counting.files`).

Cells are written from the event loop's thread. Another thread may, too: the interpreter gives way
between two statements and not within one addition.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Literal, Protocol, TypeVar

Kind = Literal["counter", "gauge", "histogram"]
# How one figure comes of what several processes say of a gauge.
Merge = Literal["sum", "max"]

SLOTS: Final = 65_536
SLOT_BYTES: Final = 8
# What stands for every further value of a label once a family or a label is full.
OTHER: Final = "other"
_VALUE_CHARS_MAX: Final = 120


@dataclass(frozen=True, slots=True)
class Described:
    """What a family is: `bounds` are a histogram's upper limits, ascending.

    `most` bounds the values of single labels, `cells_max` all combinations.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    merge: Merge = "sum"
    most: tuple[tuple[str, int], ...] = ()
    cells_max: int = 1_000

    @property
    def width(self) -> int:
        """Slots of one cell: a histogram has one a bound, one above, and the sum."""
        return len(self.bounds) + 2 if self.kind == "histogram" else 1


class Keys(Protocol):
    """Where it is put down which slots belong to what."""

    def write(self, name: str, values: Sequence[str], slot: int, width: int) -> None:
        """Put one cell down, before anything is counted in it."""
        ...


@dataclass(frozen=True, slots=True)
class Counted:
    """One cell as it stood: the family's name, the values of its labels, its slots."""

    name: str
    values: tuple[str, ...]
    slots: tuple[float, ...]


def block(slots: int) -> memoryview[float]:
    """Doubles in memory of this process alone, all zero."""
    return memoryview(bytearray(slots * SLOT_BYTES)).cast("d")


class _Cell:
    __slots__ = ("_slot", "_values")

    _values: memoryview[float]
    _slot: int

    def lie_on(self, values: memoryview[float], slot: int) -> None:
        """Count from now on at this place, which holds what was counted so far."""
        self._values = values
        self._slot = slot


class CounterCell(_Cell):
    """A count that only grows."""

    __slots__ = ()

    def add(self, amount: float = 1.0) -> None:
        """Count `amount` more, which is not negative."""
        self._values[self._slot] += amount

    def reach(self, total: float) -> None:
        """Take over a count that somebody else keeps; a smaller one than before is ignored."""
        if total > self._values[self._slot]:
            self._values[self._slot] = total


class GaugeCell(_Cell):
    """A figure of this moment."""

    __slots__ = ()

    def set(self, value: float) -> None:
        """What it is now."""
        self._values[self._slot] = value

    def add(self, amount: float) -> None:
        """By how much it changed, up or down."""
        self._values[self._slot] += amount


class HistogramCell(_Cell):
    """How often something was how large."""

    __slots__ = ("_bounds", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds

    def lie_on(self, values: memoryview[float], slot: int) -> None:
        """As any cell; the sum is behind the counts."""
        super().lie_on(values, slot)
        self._sum = slot + len(self._bounds) + 1

    def observe(self, size: float) -> None:
        """Count one of this size (seconds, where the name ends so)."""
        values = self._values
        values[self._slot + bisect_left(self._bounds, size)] += 1.0
        values[self._sum] += size


Cell = TypeVar("Cell", CounterCell, GaugeCell, HistogramCell)


class Family(Generic[Cell]):
    """All cells of one name, by the values of its labels."""

    def __init__(
        self, described: Described, make: Callable[[Described], Cell], registry: Registry
    ) -> None:
        self.described = described
        self._make = make
        self._registry = registry
        self._cells: dict[tuple[str, ...], Cell] = {}
        self._given: dict[int, tuple[int, set[str]]] = {
            described.labels.index(label): (most, set()) for label, most in described.most
        }

    def at(self, *values: str) -> Cell:
        """The cell with these values, in the order of the labels; `other` where there is no room.

        Raises ValueError when they are not as many as the labels.
        """
        found = self._cells.get(values)
        return self._new(values) if found is None else found

    def _new(self, values: tuple[str, ...]) -> Cell:
        if len(values) != len(self.described.labels):
            raise ValueError(f"{self.described.name} has the labels {self.described.labels}")
        with self._registry.lock:
            named = self._within_bounds(values)
            cell = self._cells.get(named)
            if cell is None:
                cell = self._make(self.described)
                self._registry.place(self.described, named, cell)
                self._cells[named] = cell
            return cell

    def _within_bounds(self, values: tuple[str, ...]) -> tuple[str, ...]:
        """The values as they are kept. A refused combination is not remembered: nobody who makes
        up names makes this process grow (test: made up labels are one cell)."""
        named = [value[:_VALUE_CHARS_MAX] for value in values]
        for position, (most, given) in self._given.items():
            value = named[position]
            if value not in given and value != OTHER:
                if len(given) >= most:
                    named[position] = OTHER
                else:
                    given.add(value)
        key = tuple(named)
        full = len(self._cells) >= self.described.cells_max
        return (OTHER,) * len(named) if full and key not in self._cells else key


class Registry:
    """The families of the product, and the block that all their cells lie on."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.families: dict[str, Described] = {}
        self._values = block(SLOTS)
        self._used = 0
        self._keys: Keys | None = None
        self._placed: list[tuple[Described, tuple[str, ...], int, _Cell]] = []
        self._samplers: list[Callable[[], None]] = []

    def counter(
        self,
        name: str,
        help_: str,
        labels: tuple[str, ...] = (),
        *,
        most: tuple[tuple[str, int], ...] = (),
        cells_max: int = 1_000,
    ) -> Family[CounterCell]:
        """A family of counts; its name ends in `_total`."""
        said = Described(name, "counter", help_, labels, most=most, cells_max=cells_max)
        return self._family(said, lambda _: CounterCell())

    def gauge(
        self,
        name: str,
        help_: str,
        labels: tuple[str, ...] = (),
        *,
        merge: Merge = "sum",
        cells_max: int = 1_000,
    ) -> Family[GaugeCell]:
        """A family of figures; `merge` says what several processes' figures make together."""
        said = Described(name, "gauge", help_, labels, merge=merge, cells_max=cells_max)
        return self._family(said, lambda _: GaugeCell())

    def histogram(
        self,
        name: str,
        help_: str,
        labels: tuple[str, ...] = (),
        *,
        bounds: tuple[float, ...],
        cells_max: int = 1_000,
    ) -> Family[HistogramCell]:
        """A family of distributions; `bounds` are upper limits in the name's unit, ascending."""
        said = Described(name, "histogram", help_, labels, bounds, cells_max=cells_max)
        return self._family(said, lambda known: HistogramCell(known.bounds))

    def on_sample(self, sampler: Callable[[], None]) -> Callable[[], None]:
        """Have `sampler` set its gauges whenever they are wanted; returns how to stop that."""
        self._samplers.append(sampler)

        def stop() -> None:
            if sampler in self._samplers:
                self._samplers.remove(sampler)

        return stop

    def sample(self) -> None:
        """Bring the gauges that somebody samples up to date."""
        for sampler in tuple(self._samplers):
            sampler()

    def place(self, family: Described, values: tuple[str, ...], cell: _Cell) -> None:
        """Give a new cell its slots. A block that is full gives it some that nobody reads."""
        slot = self._used
        if slot + family.width > SLOTS:
            cell.lie_on(block(family.width), 0)
            return
        self._used += family.width
        if self._keys is not None:
            self._keys.write(family.name, values, slot, family.width)
        cell.lie_on(self._values, slot)
        self._placed.append((family, values, slot, cell))

    def keep_in(self, values: memoryview[float], keys: Keys | None) -> None:
        """Go on counting in another block, with all that was counted so far."""
        with self.lock:
            values[: self._used] = self._values[: self._used]
            self._values = values
            self._keys = keys
            for family, named, slot, cell in self._placed:
                if keys is not None:
                    keys.write(family.name, named, slot, family.width)
                cell.lie_on(values, slot)

    def begin_anew(self) -> None:
        """Count from zero in memory of this process alone, as a copy made by `fork` has to: what
        its parent counted is its parent's."""
        self.lock = threading.RLock()
        self._values = block(SLOTS)
        self._keys = None
        for _, _, slot, cell in self._placed:
            cell.lie_on(self._values, slot)

    def counted(self) -> list[Counted]:
        """What this process counted."""
        with self.lock:
            return [
                Counted(family.name, named, tuple(self._values[slot : slot + family.width]))
                for family, named, slot, _ in self._placed
            ]

    def _family(self, described: Described, make: Callable[[Described], Cell]) -> Family[Cell]:
        if described.name in self.families:
            raise ValueError(f"{described.name} is registered twice")
        self.families[described.name] = described
        return Family(described, make, self)
