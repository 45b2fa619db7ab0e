"""A part holds the files every part holds, and no others; a folder says what it is.

What is not one of the prescribed files is a rule file with a name of its own: plain functions of
plain values. So the check is not a list of names but what such a file may contain.
"""

from __future__ import annotations

import ast
from pathlib import PurePosixPath

from tests.tidy.source import AREAS, PACKAGE, ROOT, Finding, Source, expect_none, package, source

PRESCRIBED = {"__init__", "model", "rules", "store", "service", "http", "jobs"}
# A provider turns bytes into our shapes; it has no decisions, no statements and no routes.
NOT_IN_A_PROVIDER = PRESCRIBED - {"__init__", "model"}
PROVIDER_IO = {"fetch", "scrape"}
# Names that say nothing: whatever is in them belongs to something that has a name.
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc", "base", "tools", "shared"}
PROVIDERS = ("odds", "feeds")


def out_of_place(file: Source) -> list[Finding]:
    """Why a file of the package may not lie where it lies."""
    inside = file.inside
    stem = file.path.stem
    where = str(file.path)
    findings: list[Finding] = []
    if stem in NAMELESS:
        findings.append(Finding(where, 1, f"`{stem}` names nothing: call it what it is about"))
    if inside[0] not in AREAS or len(inside) < 2:
        return findings
    if len(inside) == 2 and stem != "__init__":
        findings.append(Finding(where, 1, "an area holds parts; put the file in one"))
    elif len(inside) == 3 and stem not in PRESCRIBED:
        findings += _impure(file)
    elif len(inside) == 4 and inside[:2] != PROVIDERS:
        findings.append(Finding(where, 1, "a part has no folders; it is a leaf"))
    elif len(inside) == 4 and stem in NOT_IN_A_PROVIDER:
        findings.append(Finding(where, 1, "a provider holds fetch.py or scrape.py, and parse.py"))
    elif len(inside) == 4 and stem not in PROVIDER_IO:
        findings += _impure(file)
    elif len(inside) > 4:
        findings.append(Finding(where, 1, "a provider's folder holds no packages"))
    return findings


def _impure(file: Source) -> list[Finding]:
    """A file of plain functions that waits for something."""
    return [
        Finding(str(file.path), node.lineno, "a file of rules does not wait: put it in service.py")
        for node in file.nodes
        if isinstance(node, ast.AsyncFunctionDef | ast.Await)
    ]


def says_nothing(file: Source) -> list[Finding]:
    """A package without its paragraph, or a file without a statement."""
    where = str(file.path)
    if file.path.name == "__init__.py" and not ast.get_docstring(file.tree):
        return [Finding(where, 1, "say in one paragraph what this package is")]
    if file.path.name != "__init__.py":
        if not ast.get_docstring(file.tree):
            return [Finding(where, 1, "say in a sentence what this file is")]
        if len(file.tree.body) < 2:
            return [Finding(where, 1, "a file that would be empty is absent")]
    return []


def test_every_file_is_in_its_place() -> None:
    expect_none([f for file in package() for f in out_of_place(file)])


def test_every_file_says_what_it_is() -> None:
    expect_none([f for file in package() for f in says_nothing(file)])


def test_every_folder_with_code_is_a_package() -> None:
    folders = {file.path.parent for file in package()}
    missing = [str(f) for f in sorted(folders) if not (ROOT / f / "__init__.py").exists()]
    assert not missing


def test_a_part_keeps_no_other_kind_of_file() -> None:
    kinds = {".py", ".pyc", ""}
    strays = [
        str(PurePosixPath(path.relative_to(ROOT)))
        for area in AREAS
        for path in (PACKAGE / area).rglob("*")
        # A site is data: where things stand on its page is all that its folder says.
        if path.suffix not in kinds and path.name != "selectors.yaml"
        if "samples" not in path.parts
    ]
    assert not strays


def test_misplaced_files_are_found() -> None:
    good = '"""Words."""\nx = 1\n'
    waits = '"""Words."""\nasync def f() -> None: ...\n'
    assert not out_of_place(source("src/overround/betting/bets/acceptance.py", good))
    assert out_of_place(source("src/overround/betting/bets/acceptance.py", waits))
    assert out_of_place(source("src/overround/betting/bets/utils.py", good))
    assert out_of_place(source("src/overround/betting/acceptance.py", good))
    assert out_of_place(source("src/overround/betting/bets/deep/rules.py", good))
    assert out_of_place(source("src/overround/odds/feeds/goalserve/store.py", good))
    assert out_of_place(source("src/overround/odds/feeds/goalserve/parse.py", waits))
    assert not out_of_place(source("src/overround/odds/feeds/goalserve/fetch.py", waits))
    assert not out_of_place(source("src/overround/odds/feeds/goalserve/header.py", good))


def test_silent_files_are_found() -> None:
    assert says_nothing(source("src/overround/betting/__init__.py", "x = 1\n"))
    assert says_nothing(source("src/overround/core/price.py", "x = 1\n"))
    assert says_nothing(source("src/overround/core/price.py", '"""Prices."""\n'))
    assert not says_nothing(source("src/overround/core/price.py", '"""Prices."""\nx = 1\n'))
