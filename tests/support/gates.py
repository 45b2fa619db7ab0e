"""Schema functions with gates between their statements, or with a fault put into them.

A gate is a lock that the scheduler of tests/support/interleave.py holds: the function stops there,
as it would where the machine gave the processor to somebody else. What is changed is the function
as it stands in the test's own database; the product has no gates.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg.rows import TupleRow

# Session locks in the two-number space, where no event's key is. Who is on no side walks through.
_GATE: Final = """
CREATE OR REPLACE FUNCTION proof_gate() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_side integer := nullif(current_setting('proof.side', true), '')::integer;
    v_gate integer;
BEGIN
    IF v_side IS NOT NULL THEN
        v_gate := current_setting('proof.gate')::integer + 1;
        PERFORM set_config('proof.gate', v_gate::text, false);
        PERFORM pg_advisory_lock_shared(v_side, v_gate), pg_advisory_unlock_shared(v_side, v_gate);
    END IF;
END
$$"""

_BODY: Final = re.compile(r"\A(.*?^BEGIN\b)(.*)\Z", re.DOTALL | re.MULTILINE)
_TOKEN: Final = re.compile(r"--[^\n]*|'(?:[^']|'')*'|[();]|[^-'();]+|-")
# What begins with these is in the middle of a statement that began before.
_INSIDE: Final = re.compile(r"(ELSE|ELSIF|ELSEIF|WHEN|END|EXCEPTION)\b", re.IGNORECASE)
_LOCKS: Final = re.compile(r"pg_advisory_xact_lock|\bFOR (?:NO KEY )?(?:UPDATE|SHARE)\b")
_WRITES: Final = re.compile(r"\b(?:INSERT INTO|UPDATE \w+|DELETE FROM)\b")


def gated(source: str, tables: Sequence[str]) -> str:
    """A PL/pgSQL function's definition with gates where another transaction could matter.

    Those are: before and after a statement that takes a lock, before one that reads a table while
    nothing is written yet, and before the first that writes. What follows the first write shows
    nobody anything before the commit, and before the first statement nothing has happened.
    """
    match = _BODY.match(source)
    if match is None:
        raise ValueError(f"no body in {source[:80]}")
    reads = re.compile(rf"\b(?:FROM|JOIN) (?:{'|'.join(tables)})\b")
    parts = [match[1]]
    is_first, has_locked, has_written = True, False, False
    for statement in statements(match[2]):
        bare = re.sub(r"--[^\n]*", "", statement).strip()
        locks, writes = bool(_LOCKS.search(bare)), bool(_WRITES.search(_LOCKS.sub("", bare)))
        matters = locks or has_locked or (not has_written and (writes or bool(reads.search(bare))))
        if matters and not is_first and not _INSIDE.match(bare):
            parts.append("\n    PERFORM public.proof_gate();")
        parts.append(statement)
        is_first = is_first and not matters
        has_locked, has_written = locks, has_written or writes
    return "".join(parts)


def statements(body: str) -> list[str]:
    """The text between semicolons that are in no string, comment or bracket; nothing is lost."""
    found: list[str] = []
    depth, begun = 0, 0
    for match in _TOKEN.finditer(body):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if match[0] == ";" and depth == 0:
            found.append(body[begun : match.end()])
            begun = match.end()
    return [*found, body[begun:]]


class Functions:
    """The functions of one test database, changed as its superuser."""

    def __init__(self, conn: psycopg.Connection[TupleRow]) -> None:
        self._conn = conn
        conn.execute(_GATE.encode())
        tables = conn.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p', 'v')"
        ).fetchall()
        self._tables = [row[0] for row in tables]

    def source(self, name: str) -> str:
        """The definition of the function of that name."""
        row = self._conn.execute(
            "SELECT pg_get_functiondef(oid) FROM pg_proc"
            " WHERE proname = %s AND pronamespace = 'public'::regnamespace",
            [name],
        ).fetchone()
        assert row is not None, f"the schema has no function {name}"
        return row[0]

    def gate(self, *names: str) -> None:
        """Put gates into functions, or leave those alone that have some."""
        for name in names:
            source = self.source(name)
            if "proof_gate" not in source:
                self._conn.execute(gated(source, self._tables).encode())

    @contextmanager
    def broken(self, name: str, pattern: str, instead: str = "") -> Generator[None]:
        """The function with what the pattern finds replaced, for the length of the block.

        Fails where the pattern does not find it once: a fault that is not there proves nothing.
        """
        source = self.source(name)
        changed, count = re.subn(pattern, instead, source, flags=re.DOTALL)
        assert count == 1, f"{pattern!r} is {count} times in {name}: look what protects it now"
        self._conn.execute(changed.encode())
        try:
            yield
        finally:
            self._conn.execute(source.encode())


@contextmanager
def functions(superuser_url: str) -> Generator[Functions]:
    """The functions of the database at that URL."""
    with psycopg.connect(superuser_url, autocommit=True) as conn:
        yield Functions(conn)
