"""The best one-to-one assignment in total, exactly, for the few rows that want the same columns.

The Hungarian method with shortest augmenting paths (Kuhn 1955; Jonker and Volgenant 1987): rows
enter one by one, each by the path that costs least, and potentials keep every cost non-negative.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import TypeVar

Row = TypeVar("Row", bound=Hashable)
Column = TypeVar("Column", bound=Hashable)


def best_total(values: Mapping[Row, Mapping[Column, float]]) -> tuple[float, dict[Row, Column]]:
    """The largest sum of values with each row and column used at most once, and who gets what.

    `values` are positive; a column that a row does not name is not for it; a row may go without.
    """
    rows = list(values)
    columns = list(dict.fromkeys(column for options in values.values() for column in options))
    width = len(columns)
    # A column of its own for each row, worth nothing, is to go without.
    costs = [
        [-values[row].get(column, -math.inf) for column in columns]
        + [0.0 if k == i else math.inf for k in range(len(rows))]
        for i, row in enumerate(rows)
    ]
    holder = _assigned(costs, width + len(rows)) if rows else []
    chosen = {rows[i]: columns[j] for j, i in enumerate(holder[:width]) if i is not None}
    return sum(values[row][column] for row, column in chosen.items()), chosen


def _assigned(costs: list[list[float]], width: int) -> list[int | None]:
    """Which row each column goes to, at the least cost in total."""
    row_potential = [0.0] * len(costs)
    column_potential = [0.0] * width
    holder: list[int | None] = [None] * width
    for start in range(len(costs)):
        distance = [math.inf] * width
        came_from: list[int | None] = [None] * width
        done = [False] * width
        row, reached, column = start, 0.0, None
        visited: list[tuple[int, float]] = [(start, 0.0)]
        while True:
            for j in range(width):
                if not done[j]:
                    step = reached + costs[row][j] - row_potential[row] - column_potential[j]
                    if step < distance[j]:
                        distance[j], came_from[j] = step, column
            column = min((j for j in range(width) if not done[j]), key=distance.__getitem__)
            reached = distance[column]
            done[column] = True
            held = holder[column]
            if held is None:
                break
            row = held
            visited.append((row, reached))
        for seen, at in visited:
            row_potential[seen] += reached - at
        for j in range(width):
            if done[j]:
                column_potential[j] -= reached - distance[j]
        while column is not None:
            before = came_from[column]
            holder[column] = start if before is None else holder[before]
            column = before
    return holder
