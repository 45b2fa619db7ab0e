"""Where SQL may stand, how it is named, and the words it may not use."""

from __future__ import annotations

import ast
import re

from tests.tidy.source import Finding, Source, expect_none, package, source
from tests.tidy.statements import constants, looks_like_sql, schema_files

# (pattern, instead) over every line of SQL, comments and quoted text removed.
BANNED_WORDS: tuple[tuple[str, str], ...] = (
    (r"\bon delete cascade\b", "nothing is deleted by CASCADE: say what happens to each row"),
    (r"\b(?:real|double precision|float[48]?)\b", "integers with a unit: nothing here is a float"),
    (r"\bcreate type \w+ as enum\b", "text with a CHECK"),
    (r"\bpg_advisory_lock\s*\(", "pg_advisory_xact_lock, or poll pg_try_advisory_lock"),
    (r"\bcurrent_date\b|\bcurrent_timestamp\b|\blocaltimestamp\b", "take `at` as a parameter"),
    (
        r"\bdisable row level security\b|\bno force row level security\b",
        "row security stays forced",
    ),
)
# The database's own clock: for `recorded_at`, for leases, and for time parts of ids.
CLOCK = re.compile(r"\b(?:now|clock_timestamp|statement_timestamp|transaction_timestamp)\s*\(")
CLOCK_IS_MEANT = re.compile(r"recorded_at|applied_at|expires_at|epoch from")


def stray_sql(file: Source) -> list[Finding]:
    """Statements outside store.py and db/, and statements glued together anywhere."""
    findings: list[Finding] = []
    inside = file.inside
    at_home = file.path.name == "store.py" or inside[0] == "db"
    for node, text in constants(file):
        if looks_like_sql(text) and not at_home:
            findings.append(Finding(str(file.path), node.lineno, "SQL stands in store.py"))
    for node in file.nodes:
        if _glued(node):
            line = getattr(node, "lineno", 1)
            message = "SQL is a literal: pass values as parameters"
            findings.append(Finding(str(file.path), line, message))
    return findings


def _glued(node: ast.AST) -> bool:
    """An f-string, a `+`, a `%` or a `.format` that builds a statement."""
    if isinstance(node, ast.JoinedStr):
        return any(_is_sql(value) for value in node.values[:1])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        return _is_sql(node.left)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in {"format", "replace", "join"} and _is_sql(node.func.value)
    return False


def _is_sql(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and looks_like_sql(node.value)
    )


def unnamed_sql(file: Source) -> list[Finding]:
    """Statements of a store that are not a module-level constant, have no why, or are not used."""
    findings: list[Finding] = []
    path = str(file.path)
    named = statements_of(file)
    lines = file.text.splitlines()
    values = {id(value) for _, value, _ in named}
    for node, text in constants(file):
        if looks_like_sql(text) and id(node) not in values:
            findings.append(Finding(path, node.lineno, "give the statement a name and a why"))
    used = {n.id for n in file.nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    for name, value, line in named:
        above = lines[line - 2].strip() if line > 1 else ""
        if not above.startswith("#") and not str(value.value).lstrip().startswith("--"):
            findings.append(Finding(path, line, f"say above {name} why it is asked"))
        if name not in used:
            findings.append(Finding(path, line, f"{name} is used by no function"))
    return findings


def statements_of(file: Source) -> list[tuple[str, ast.Constant, int]]:
    """(name, constant, line) of every statement that a file names at module level."""
    found: list[tuple[str, ast.Constant, int]] = []
    for node in file.tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        target = node.target if isinstance(node, ast.AnnAssign) else target
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and _is_sql(value):
            found.append((target.id, value, node.lineno))
    return found


def banned_words(path: str, sql: str, first_line: int = 1) -> list[Finding]:
    """Words of SQL that this product does without, each with what it uses instead."""
    findings: list[Finding] = []
    bare = re.sub(r"--[^\n]*", "", re.sub(r"'(?:[^'\n]|'')*'", "''", sql)).lower()
    for number, line in enumerate(bare.splitlines(), first_line):
        for pattern, instead in BANNED_WORDS:
            if re.search(pattern, line):
                findings.append(Finding(path, number, instead))
        if CLOCK.search(line) and not CLOCK_IS_MEANT.search(line):
            findings.append(Finding(path, number, "business time is `at`, a parameter"))
    return findings


def slow_columns(path: str, sql: str) -> list[Finding]:
    """Columns of a type that row security makes slow, or that lets a NaN pass a CHECK.

    A function may count in numeric on the way to an integer; a table may not keep it.
    """
    findings: list[Finding] = []
    for table in re.finditer(r"^CREATE TABLE.*?^\)", sql, re.MULTILINE | re.DOTALL):
        first_line = sql.count("\n", 0, table.start()) + 1
        bare = re.sub(r"--[^\n]*", "", table[0])
        for number, line in enumerate(bare.splitlines(), first_line):
            if re.match(r"\s+\w+\s+(?:numeric|decimal|money|char|serial)\b", line, re.IGNORECASE):
                findings.append(Finding(path, number, "bigint minor units, price_e4, text, uuid"))
    return findings


def test_sql_stands_only_where_it_belongs() -> None:
    expect_none([f for file in package() for f in stray_sql(file)])


def test_every_statement_has_a_name_a_why_and_a_use() -> None:
    stores = [file for file in package() if file.path.name == "store.py"]
    expect_none([f for file in stores for f in unnamed_sql(file)])


def test_schema_uses_no_banned_word() -> None:
    expect_none([f for path, text in schema_files() for f in banned_words(path, text)])


def test_no_table_keeps_a_slow_column() -> None:
    expect_none([f for path, text in schema_files() for f in slow_columns(path, text)])


def test_statements_use_no_banned_word() -> None:
    stores = [file for file in package() if file.path.name == "store.py"]
    findings = [
        f
        for file in stores
        for node, text in constants(file)
        if looks_like_sql(text)
        for f in banned_words(str(file.path), text, node.lineno)
    ]
    expect_none(findings)


def test_sql_in_a_service_is_found() -> None:
    path = "src/overround/betting/bets/service.py"
    assert stray_sql(source(path, 'x = "SELECT 1 FROM bet"\n'))
    assert stray_sql(source(path, 'x = """\n  WITH a AS (SELECT 1)\n  SELECT 1"""\n'))
    assert not stray_sql(source(path, '"""SELECT 1 is prose in a docstring."""\n'))
    assert not stray_sql(source(path, 'x = "Select a market"\n'))
    assert not stray_sql(source("src/overround/betting/bets/store.py", 'x = "SELECT 1"\n'))


def test_glued_sql_is_found_even_in_a_store() -> None:
    path = "src/overround/betting/bets/store.py"
    assert stray_sql(source(path, 'def f(t: str) -> str:\n    return f"SELECT 1 FROM {t}"\n'))
    assert stray_sql(source(path, 'def f(t: str) -> str:\n    return "SELECT 1 FROM " + t\n'))
    assert stray_sql(source(path, 'def f(t: str) -> str:\n    return "SELECT %s" % t\n'))
    assert stray_sql(source(path, 'def f(t: str) -> str:\n    return "SELECT {}".format(t)\n'))


def test_a_nameless_a_reasonless_and_a_dead_statement_are_found() -> None:
    path = "src/overround/betting/bets/store.py"
    use = "def f() -> object:\n    return _A\n"
    assert not unnamed_sql(source(path, f'# One bet.\n_A = "SELECT 1 FROM bet"\n{use}'))
    assert unnamed_sql(source(path, f'_A = "SELECT 1 FROM bet"\n{use}'))
    assert unnamed_sql(source(path, '# One bet.\n_A = "SELECT 1 FROM bet"\n'))
    assert unnamed_sql(source(path, 'def f() -> str:\n    return "SELECT 1 FROM bet"\n'))


def test_banned_words_are_found() -> None:
    assert banned_words("x.sql", "REFERENCES bet (id) ON DELETE CASCADE")
    assert banned_words("x.sql", "probability double precision NOT NULL")
    assert banned_words("x.sql", "placed_at timestamptz DEFAULT now()")
    assert banned_words("x.sql", "SELECT pg_advisory_lock(1)")
    assert not banned_words("x.sql", "recorded_at timestamptz DEFAULT clock_timestamp()")
    assert not banned_words("x.sql", "-- never numeric\nSELECT pg_advisory_xact_lock(1)")


def test_slow_columns_are_found() -> None:
    table = "CREATE TABLE bet (\n    id uuid,\n    stake numeric(15, 2)\n);"
    assert [f.line for f in slow_columns("x.sql", table)] == [3]
    assert slow_columns("x.sql", table.replace("numeric(15, 2)", "char(3)"))
    assert not slow_columns("x.sql", table.replace("numeric(15, 2)", "bigint"))
    assert not slow_columns("x.sql", "CREATE FUNCTION f() AS $$\nDECLARE\n    v numeric;\n$$;")
