"""A file is read in one sitting, a function on one screen."""

from __future__ import annotations

import ast

from tests.tidy.source import PACKAGE, ROOT, Finding, Source, expect_none, package, source, suite

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70


def too_long(file: Source) -> list[Finding]:
    """The file and the functions of it that have outgrown their room."""
    path = str(file.path)
    findings: list[Finding] = []
    lines = len(file.text.splitlines())
    if lines > FILE_LINES_MAX:
        findings.append(Finding(path, lines, f"{lines} lines: split it by what it is about"))
    for node in ast.walk(file.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            height = (node.end_lineno or node.lineno) - node.lineno + 1
            if height > FUNCTION_LINES_MAX:
                message = f"{node.name} has {height} lines: name its steps"
                findings.append(Finding(path, node.lineno, message))
    return findings


def test_python_files_and_functions_fit() -> None:
    expect_none([f for file in package() + suite() for f in too_long(file)])


def test_schema_files_fit() -> None:
    long = [
        Finding(str(file.relative_to(ROOT)), lines, f"{lines} lines: split it by part")
        for file in sorted((PACKAGE / "db").rglob("*.sql"))
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > FILE_LINES_MAX
    ]
    expect_none(long)


def test_a_long_function_and_a_long_file_are_found() -> None:
    body = "\n".join("    x = 1" for _ in range(FUNCTION_LINES_MAX))
    long_function = source("src/overround/core/a.py", f"def f():\n{body}\n")
    assert [f.line for f in too_long(long_function)] == [1]
    long_file = source("src/overround/core/a.py", "x = 1\n" * (FILE_LINES_MAX + 1))
    assert [f.line for f in too_long(long_file)] == [FILE_LINES_MAX + 1]


def test_the_longest_allowed_pass() -> None:
    body = "\n".join("    x = 1" for _ in range(FUNCTION_LINES_MAX - 1))
    assert not too_long(source("src/overround/core/a.py", f"def f():\n{body}\n"))
    assert not too_long(source("src/overround/core/a.py", "x = 1\n" * FILE_LINES_MAX))
