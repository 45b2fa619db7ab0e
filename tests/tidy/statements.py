"""What a piece of SQL does to which table: a reader of our own dialect, enough for the walls.

It reads words, not a grammar: PL/pgSQL bodies, which no parser at hand reads, hold most of our
writes. Names that are not tables of ours fall out because only known names are asked for.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.tidy.source import PACKAGE, ROOT, Source

_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_TEXT = re.compile(r"'(?:[^']|'')*'")
_PART = re.compile(r"\A-- part: (\S+)\n")
_TABLE = re.compile(
    r"\bcreate\s+(?:unlogged\s+)?table\s+(?:if\s+not\s+exists\s+)?(?:public\.)?(\w+)"
)
_VIEW = re.compile(r"\bcreate\s+(?:or\s+replace\s+)?(?:materialized\s+)?view\s+(\w+)")
_FUNCTION = re.compile(
    r"\bcreate\s+(?:or\s+replace\s+)?(?:function|procedure|aggregate)\s+(?:public\.)?(\w+)"
)
_WRITE = re.compile(
    r"\b(?:insert\s+into|(?<!for )(?<!key )update(?:\s+only)?|delete\s+from|merge\s+into"
    r"|truncate(?:\s+table)?|copy)\s+(?:public\.)?(\w+)(?=\s*(?:\([^()]*\)\s*)?(\w*))"
)
_READ = re.compile(
    r"(?<!distinct )\b(?:from|join|using)\s+((?:only\s+|lateral\s+)?\w[^;()]*?)"
    r"(?=\b(?:where|join|left|right|full|inner|cross|natural|on|using|group|order|window|having"
    r"|limit|for|returning|set|union|select|loop|into)\b|[;()]|\Z)"
)
_REFERENCES = re.compile(r"\breferences\s+(\w+)")
_WITH = re.compile(r"\b(\w+)\s+as\s+(?:not\s+)?(?:materialized\s+)?\(")
_CALL = re.compile(r"\b(\w+)\s*\(")
_LOOKS_LIKE_SQL = re.compile(
    r"\A\s*(?:--[^\n]*\n\s*)*(?:SELECT\s|INSERT\s+INTO\s|UPDATE\s+\w+|DELETE\s+FROM\s|MERGE\s+INTO\s|WITH\s+\w+"
    r"|TRUNCATE\s|COPY\s|LOCK\s+TABLE|CREATE\s+\w+|ALTER\s+\w+|DROP\s+\w+|GRANT\s+\w+|REVOKE\s"
    r"|CALL\s+\w+|SET\s+(?:LOCAL|SESSION|ROLE)|SHOW\s+\w+|NOTIFY\s|LISTEN\s|EXPLAIN\s|VALUES\s*\()"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One statement or schema object: where it stands, whose it is, and its words in lower case."""

    path: str
    line: int
    part: str
    sql: str


@dataclass(frozen=True, slots=True)
class Owners:
    """Which part owns which table (views included) and which function."""

    tables: dict[str, str]
    functions: dict[str, str]


def words(sql: str) -> str:
    """`sql` without comments and quoted text, in lower case, with single spaces."""
    bare = _TEXT.sub("''", _COMMENT.sub(" ", sql))
    return re.sub(r"\s+", " ", bare).lower()


def looks_like_sql(text: str) -> bool:
    """Whether a string constant is a statement. Our SQL shouts its keywords; prose does not."""
    return _LOOKS_LIKE_SQL.match(text) is not None


def writes(piece: Piece, tables: dict[str, str]) -> set[str]:
    """The tables that the piece inserts into, updates, deletes from or copies into."""
    found: set[str] = set()
    for match in _WRITE.finditer(piece.sql):
        copies_out = match[0].startswith("copy") and match[2] == "to"
        if match[1] in tables and not copies_out:
            found.add(match[1])
    return found


def reads(piece: Piece, tables: dict[str, str]) -> set[str]:
    """The tables that the piece selects from or refers to by a foreign key."""
    local = set(_WITH.findall(piece.sql))
    found = {name for name in _REFERENCES.findall(piece.sql) if name in tables}
    for match in _READ.finditer(piece.sql):
        for item in match[1].split(","):
            name = next((w for w in item.split() if w not in {"only", "lateral", "public."}), "")
            if name in tables and name not in local:
                found.add(name)
    return found


def calls(piece: Piece, functions: dict[str, str]) -> set[str]:
    """The functions of ours that the piece calls."""
    return {name for name in _CALL.findall(piece.sql) if name in functions}


def declared_part(text: str) -> str | None:
    """The part named at the head of a schema file."""
    match = _PART.match(text)
    return match[1] if match else None


def owners(files: list[tuple[str, str]]) -> tuple[Owners, list[str]]:
    """Who owns what by (file name, SQL), and the names that two files claim."""
    tables: dict[str, str] = {}
    functions: dict[str, str] = {}
    twice: list[str] = []
    for _, text in files:
        part = declared_part(text) or "?"
        bare = words(text)
        for name in _TABLE.findall(bare) + _VIEW.findall(bare):
            if name in tables:
                twice.append(name)
            tables[name] = part
        for name in _FUNCTION.findall(bare):
            if functions.get(name, part) != part:
                twice.append(name)
            functions[name] = part
    return Owners(tables, functions), twice


def schema_pieces(path: str, text: str) -> Iterator[Piece]:
    """The objects of a schema file, each from its first word at the start of a line to the next."""
    part = declared_part(text) or "?"
    starts = [m.start() for m in re.finditer(r"^(?=[A-Z])", text, re.MULTILINE)]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        line = text.count("\n", 0, start) + 1
        yield Piece(path, line, part, words(text[start:end]))


def constants(file: Source) -> Iterator[tuple[ast.Constant, str]]:
    """Every string constant of a file that is no docstring."""
    prose = {
        id(node.value)
        for node in file.nodes
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in file.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node, node.value


@cache
def schema_files() -> tuple[tuple[str, str], ...]:
    """(path, SQL) of the schema, in the order in which it is applied."""
    folder: Path = PACKAGE / "db" / "schema"
    return tuple(
        (str(file.relative_to(ROOT)), file.read_text(encoding="utf-8"))
        for file in sorted(folder.glob("*.sql"))
    )
