"""What the import contracts cannot say: a part is entered whole, and rules have any name."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache

import grimp

from tests.tidy.source import AREAS, ROOT

# Files of a part that may reach the outside world; every other file decides and must not.
OUTWARD = {"store", "service", "http", "jobs", "fetch", "scrape"}
# Mounted by the application and run by the roles: two import contracts say by whom.
MOUNTED = {"http", "jobs"}


def part_of(module: str) -> str | None:
    """`overround.money.ledger` for a module in or below it, and None outside the areas."""
    words = module.split(".")
    return ".".join(words[:3]) if len(words) >= 3 and words[1] in AREAS else None


def is_pure(module: str, packages: set[str]) -> bool:
    """Whether a module is a part's file of words or decisions."""
    name = module.rpartition(".")[2]
    return part_of(module) is not None and module not in packages and name not in OUTWARD


def side_doors(imports: Iterable[tuple[str, str]], packages: set[str]) -> list[str]:
    """Imports that enter a part by one of its inner files instead of by its package.

    Words and rules are the exception: a file of rules takes another part's from the file that
    holds them, because the package would bring the part's store, and rules reach no database.
    """
    found: list[str] = []
    for importer, imported in imports:
        part = part_of(imported)
        if part is None or imported in packages or part_of(importer) == part:
            continue
        name = imported.rpartition(".")[2]
        between_rules = is_pure(importer, packages) and is_pure(imported, packages)
        if name not in MOUNTED and not between_rules:
            found.append(f"{importer} enters {part} by {name}: import it from the package")
    return sorted(found)


def worldly(graph: grimp.ImportGraph, packages: set[str], outside: set[str]) -> list[str]:
    """Files of words and decisions that reach one of `outside`, however indirectly."""
    return sorted(
        f"{module} reaches {', '.join(sorted(reached))}"
        for module in graph.modules
        if is_pure(module, packages) and (reached := graph.find_upstream_modules(module) & outside)
    )


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph("overround", include_external_packages=True, cache_dir=None)


def _packages(graph: grimp.ImportGraph) -> set[str]:
    return {
        module
        for module in graph.modules
        if (ROOT / "src" / module.replace(".", "/") / "__init__.py").exists()
    }


def _outside() -> set[str]:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = config["tool"]["importlinter"]["contracts"]
    return {m for c in contracts if c["type"] == "forbidden" for m in c["forbidden_modules"]}


def test_a_part_is_entered_by_its_package() -> None:
    graph = _graph()
    imports = [
        (importer, imported)
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
    ]
    assert not side_doors(imports, _packages(graph))


def test_rule_files_by_any_name_reach_no_database() -> None:
    graph = _graph()
    assert not worldly(graph, _packages(graph), _outside())


def test_a_side_door_is_found() -> None:
    packages = {"overround.money.wallets", "overround.betting.bets"}
    service, store = "overround.betting.bets.service", "overround.money.wallets.store"
    assert side_doors([(service, store)], packages)
    assert side_doors([(service, "overround.money.wallets.model")], packages)
    assert side_doors([("overround.cli.users", store)], packages)
    assert not side_doors([(service, "overround.money.wallets")], packages)
    rules = "overround.betting.bets.rules"
    assert side_doors([(rules, store)], packages)
    assert not side_doors([(rules, "overround.money.wallets.model")], packages)
    assert not side_doors([("overround.money.wallets.service", store)], packages)
    assert not side_doors([("overround.web.app", "overround.betting.bets.http")], packages)


def test_a_worldly_rule_file_is_found() -> None:
    graph = grimp.ImportGraph()
    for module in ("overround.betting.bets.limits", "overround.db", "psycopg"):
        graph.add_module(module)
    graph.add_import(importer="overround.betting.bets.limits", imported="overround.db")
    assert not worldly(graph, set(), {"psycopg"})
    graph.add_import(importer="overround.db", imported="psycopg")
    assert worldly(graph, set(), {"psycopg"}) == ["overround.betting.bets.limits reaches psycopg"]
