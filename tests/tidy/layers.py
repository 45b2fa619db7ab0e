"""The order of the layers, read from the import contracts: SQL obeys the same walls."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache

from tests.tidy.source import AREAS, ROOT


@dataclass(frozen=True, slots=True)
class Layers:
    """For each container (`overround`, `overround.money`, ...) its names from the top down."""

    rows: dict[str, list[set[str]]]

    def may_use(self, user: str, used: str) -> bool:
        """Whether the part `user` (`betting.bets`, `db`) lies above the part `used`, or is it."""
        if user == used:
            return True
        area, _, part = user.partition(".")
        used_area, _, used_part = used.partition(".")
        if area == used_area:
            return self._above(f"overround.{area}", part, used_part)
        return self._above("overround", area, used_area)

    def known(self, part: str) -> bool:
        """Whether the contracts name the part."""
        area, _, name = part.partition(".")
        inside = not name or self._row(f"overround.{area}", name) is not None
        return inside and self._row("overround", area) is not None

    def _above(self, container: str, upper: str, lower: str) -> bool:
        high, low = self._row(container, upper), self._row(container, lower)
        return high is not None and low is not None and high < low

    def _row(self, container: str, name: str) -> int | None:
        for index, row in enumerate(self.rows.get(container, [])):
            if name in row:
                return index
        return None


@cache
def layers() -> Layers:
    """The contracts of `pyproject.toml`."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rows: dict[str, list[set[str]]] = {}
    for contract in config["tool"]["importlinter"]["contracts"]:
        if contract["type"] != "layers" or "*" in contract["containers"][0]:
            continue
        for container in contract["containers"]:
            rows[container] = [
                {name.strip(" ()") for name in row.split("|")} for row in contract["layers"]
            ]
    return Layers(rows)


def part_of(inside: tuple[str, ...]) -> str:
    """The part that a path below `src/overround` belongs to: `money.ledger`, or `db`."""
    in_a_part = len(inside) > 2 and inside[0] in AREAS
    return ".".join(inside[: 2 if in_a_part else 1])
