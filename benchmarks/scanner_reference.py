"""Which events can be arbitraged, asked in loops: price by price, as one would write it first.

The question is `edges.scan`'s: of every event the highest price of each side over the sources, the
first source where several have it, and whether the reciprocals sum below one.
"""

from __future__ import annotations

from collections.abc import Sequence

# event -> side -> source -> decimal price; 0 where a source has none.
Quotes = Sequence[Sequence[Sequence[float]]]
# (event, source of each side)
Found = tuple[int, tuple[int, ...]]


def found(quotes: Quotes) -> set[Found]:
    """The arbitrages among the quotes."""
    arbitrages: set[Found] = set()
    for event, by_side in enumerate(quotes):
        booksum = 0.0
        sources: list[int] = []
        for by_source in by_side:
            best, best_source = 0.0, -1
            for source, price in enumerate(by_source):
                if price > best:
                    best, best_source = price, source
            if best_source < 0:
                break
            booksum += 1 / best
            sources.append(best_source)
        if len(sources) == len(by_side) and booksum < 1:
            arbitrages.add((event, tuple(sources)))
    return arbitrages
