"""What the tidy tests read: the product's own files, parsed once, and how a finding is told."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "overround"

# The areas that are made of parts. Everything else in the package is a layer without parts.
AREAS = ("odds", "betting", "casino", "trading", "money", "people")


@dataclass(frozen=True)
class Source:
    """One Python file; `path` is relative to the repository."""

    path: PurePosixPath
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree: it is walked once, and not by each test anew."""
        return tuple(ast.walk(self.tree))

    @property
    def inside(self) -> tuple[str, ...]:
        """The path below `src/overround`, or () for a file outside the package."""
        parts = self.path.parts
        return parts[2:] if parts[:2] == ("src", "overround") else ()

    @property
    def part(self) -> tuple[str, str] | None:
        """(area, part) of a file that lies in a part, e.g. ("money", "ledger")."""
        inside = self.inside
        return (inside[0], inside[1]) if len(inside) > 2 and inside[0] in AREAS else None


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something untidy: where, and what to do instead."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def source(path: str, text: str) -> Source:
    """A file that exists only in a test: what the must-fail twins are made of."""
    return Source(PurePosixPath(path), text)


@cache
def package() -> tuple[Source, ...]:
    """Every Python file of the product."""
    return tuple(_read(PACKAGE))


@cache
def suite() -> tuple[Source, ...]:
    """Every Python file of the suite."""
    return tuple(_read(ROOT / "tests"))


def _read(folder: Path) -> Iterator[Source]:
    for file in sorted(folder.rglob("*.py")):
        path = PurePosixPath(file.relative_to(ROOT).as_posix())
        yield Source(path, file.read_text(encoding="utf-8"))


def expect_none(findings: list[Finding]) -> None:
    """Fail with the findings as lines that an editor can jump to."""
    if findings:
        told = "\n".join(str(finding) for finding in sorted(findings))
        pytest.fail(f"{len(findings)} untidy\n{told}", pytrace=False)


def imported_names(file: Source) -> dict[str, str]:
    """What each imported name of a file stands for: `dt` -> `datetime.datetime`."""
    names: dict[str, str] = {}
    for node in file.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.split(".")[0]
                names[bound] = alias.name if alias.asname else bound
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def dotted(node: ast.expr, names: dict[str, str]) -> str | None:
    """The full name an expression spells, imports resolved: `dt.now` -> `datetime.datetime.now`."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value, names)
        return f"{owner}.{node.attr}" if owner else None
    return None
