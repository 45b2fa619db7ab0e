"""Each direct dependency is declared, used, and has its reason in decision 0015."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions

from tests.tidy.source import ROOT, Source, package, source

DECISION = ROOT / "docs" / "decisions" / "0015-direct-dependencies.md"
_PACKAGE = re.compile(r"[A-Za-z0-9._-]+")


def declared() -> set[str]:
    """The distributions that pyproject.toml names for users."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {_name(line) for line in project["dependencies"]}


def declared_for_development() -> set[str]:
    """The distributions that pyproject.toml names for developers."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {_name(line) for line in config["dependency-groups"]["dev"]}


def reasons(text: str) -> set[str]:
    """The packages in the first column of the decision's tables."""
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def undeclared(files: Iterable[Source], allowed: set[str]) -> set[str]:
    """Top-level modules that are imported and come from no declared distribution."""
    homes = packages_distributions()
    found: set[str] = set()
    for file in files:
        for node in file.nodes:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for top in {name.split(".")[0] for name in names}:
                known = top == "overround" or top in sys.stdlib_module_names
                if not known and not {_name(d) for d in homes.get(top, [])} & allowed:
                    found.add(top)
    return found


def _name(requirement: str) -> str:
    match = _PACKAGE.match(requirement)
    return re.sub(r"[-_.]+", "-", match[0]).lower() if match else requirement


def test_every_dependency_has_its_reason() -> None:
    assert reasons(DECISION.read_text("utf-8")) == declared() | declared_for_development()


def test_what_is_imported_is_declared() -> None:
    # Two that come with a package we chose and are part of how it is used.
    companions = {"pydantic", "pydantic-core", "starlette", "psycopg-pool", "pyyaml", "click"}
    assert not undeclared(package(), declared() | companions)


def test_an_undeclared_import_and_a_missing_reason_are_found() -> None:
    file = source("src/overround/core/a.py", "import json\nimport pytest\nimport overround.core\n")
    assert undeclared([file], {"numpy"}) == {"pytest"}
    assert not undeclared([file], {"pytest"})
    assert reasons("| `fastapi`, `uvicorn` | routes | `flask` |\n") == {"fastapi", "uvicorn"}
