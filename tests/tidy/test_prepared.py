"""Every named statement PREPAREs on the migrated schema: its tables, columns and types exist."""

from __future__ import annotations

import re

import psycopg
from psycopg import pq
from psycopg.rows import TupleRow

from overround.db.logins import Role
from tests.tidy.source import Finding, Source, expect_none, package, source
from tests.tidy.test_sql_text import statements_of

_PARAMETER = re.compile(r"%(?:\((\w+)\))?[stb]|%%")
_COPY = re.compile(r"\s*COPY\s+(\w+)\s*\(([^)]*)\)\s+FROM\b", re.IGNORECASE)
_TEMPORARY = re.compile(r"\s*CREATE\s+TEMP", re.IGNORECASE)


def positional(query: str) -> str:
    """A statement in psycopg's style as the server sees it: `%s` and `%(name)s` become `$n`."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        name = match[1] or f"#{len(names)}"
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return _PARAMETER.sub(number, query)


def unpreparable(conn: psycopg.Connection[TupleRow], file: Source) -> list[Finding]:
    """The statements of a file that the server refuses, each with the server's reason.

    Temporary tables are made first, since later statements read them. COPY is only parsed by the
    server, so its table and columns are asked for by a SELECT instead.
    """
    findings: list[Finding] = []
    # A hole is filled with the name of a role or database by psycopg.sql; there is nothing to ask.
    statements = [found for found in statements_of(file) if "{}" not in str(found[1].value)]
    statements.sort(key=lambda found: not _TEMPORARY.match(str(found[1].value)))
    for name, value, line in statements:
        query = str(value.value)
        if copy := _COPY.match(query):
            query = f"SELECT {copy[2]} FROM {copy[1]}"
        text = positional(query).encode()
        temporary = _TEMPORARY.match(query)
        result = conn.pgconn.exec_(text) if temporary else conn.pgconn.prepare(b"", text)
        if result.status != pq.ExecStatus.COMMAND_OK:
            reason = result.error_message.decode().strip().replace("\n", " ")
            findings.append(Finding(str(file.path), line, f"{name}: {reason}"))
    return findings


def test_every_statement_prepares(database_urls: dict[Role, str]) -> None:
    findings: list[Finding] = []
    for file in package():
        with psycopg.connect(database_urls["owner"], autocommit=True) as conn:
            findings += unpreparable(conn, file)
    expect_none(findings)


def test_a_wrong_column_table_or_type_is_found(database_urls: dict[Role, str]) -> None:
    bad = (
        "SELECT colour FROM tenant",
        "SELECT 1 FROM nowhere WHERE id = %(id)s",
        "SELECT 1 FROM tenant WHERE id = %s + 1",
        "SELECT no_such_function_v1(%s, %s)",
        "COPY tenant (colour) FROM STDIN",
    )
    with psycopg.connect(database_urls["owner"], autocommit=True) as conn:
        for query in bad:
            file = source("src/overround/people/tenants/store.py", f"_X = {query!r}\n")
            assert unpreparable(conn, file), query
        good = "_X = 'SELECT id FROM tenant WHERE subdomain = %(a)s AND name LIKE %(a)s'\n"
        assert not unpreparable(conn, source("src/overround/people/tenants/store.py", good))


def test_parameters_are_numbered_by_name() -> None:
    assert positional("a = %s AND b = %s") == "a = $1 AND b = $2"
    assert positional("a = %(x)s OR b = %(y)s OR c = %(x)s") == "a = $1 OR b = $2 OR c = $1"
    assert positional("a %% 2 = %s") == "a % 2 = $1"
