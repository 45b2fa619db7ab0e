"""The walls of the imports stand in SQL too: one owner, its own writes, reads only downwards."""

from __future__ import annotations

from tests.tidy.layers import Layers, layers, part_of
from tests.tidy.source import Finding, Source, expect_none, package, source
from tests.tidy.statements import (
    Owners,
    Piece,
    calls,
    constants,
    declared_part,
    looks_like_sql,
    owners,
    reads,
    schema_files,
    schema_pieces,
    words,
    writes,
)

LAYERS = Layers(
    {
        "overround": [{"betting"}, {"odds", "people"}, {"money"}, {"db"}],
        "overround.money": [{"revenue"}, {"wallets"}, {"ledger"}],
        "overround.betting": [{"bets"}, {"offers"}],
    }
)


def trespasses(piece: Piece, owned: Owners, order: Layers) -> list[Finding]:
    """What the piece does to tables and functions that its part has no right to."""
    findings: list[Finding] = []

    def found(message: str) -> None:
        findings.append(Finding(piece.path, piece.line, message))

    for table in sorted(writes(piece, owned.tables)):
        if owned.tables[table] != piece.part:
            found(f"{piece.part} writes {table}, which {owned.tables[table]} owns")
    for table in sorted(reads(piece, owned.tables)):
        if not order.may_use(piece.part, owned.tables[table]):
            found(f"{piece.part} reads {table} of {owned.tables[table]}, which is not below it")
    for function in sorted(calls(piece, owned.functions)):
        if not order.may_use(piece.part, owned.functions[function]):
            found(f"{piece.part} calls {function} of {owned.functions[function]}, not below it")
    return findings


def code_pieces(file: Source) -> list[Piece]:
    """The statements of a Python file."""
    part = part_of(file.inside)
    return [
        Piece(str(file.path), node.lineno, part, words(text))
        for node, text in constants(file)
        if looks_like_sql(text)
    ]


def out_of_order(files: list[tuple[str, str]], order: Layers) -> list[Finding]:
    """Schema files whose number puts them before a file of a layer below theirs."""
    findings: list[Finding] = []
    seen: list[tuple[str, str]] = []
    for path, text in files:
        part = declared_part(text)
        if part is None or not order.known(part):
            findings.append(
                Finding(path, 1, "the first line names the part: -- part: money.ledger")
            )
            continue
        for earlier_path, earlier in seen:
            if earlier != part and order.may_use(earlier, part):
                findings.append(Finding(path, 1, f"{part} is below {earlier} ({earlier_path})"))
        seen.append((path, part))
    return findings


def test_every_table_and_function_has_one_owner() -> None:
    _, twice = owners(list(schema_files()))
    assert not twice


def test_schema_files_are_in_layer_order() -> None:
    expect_none(out_of_order(list(schema_files()), layers()))


def test_schema_functions_keep_to_their_part() -> None:
    owned, _ = owners(list(schema_files()))
    pieces = [p for path, text in schema_files() for p in schema_pieces(path, text)]
    expect_none([f for piece in pieces for f in trespasses(piece, owned, layers())])


def test_statements_keep_to_their_part() -> None:
    owned, _ = owners(list(schema_files()))
    pieces = [p for file in package() for p in code_pieces(file)]
    expect_none([f for piece in pieces for f in trespasses(piece, owned, layers())])


def _piece(part: str, sql: str) -> list[str]:
    owned = Owners(
        {
            "account": "money.ledger",
            "bet": "betting.bets",
            "offer": "betting.offers",
            "users": "people",
        },
        {"ledger_post_v1": "money.ledger", "bets_place_v1": "betting.bets"},
    )
    return [f.message for f in trespasses(Piece("x.sql", 1, part, words(sql)), owned, LAYERS)]


def test_a_write_to_a_table_of_another_part_is_found() -> None:
    assert _piece("betting.bets", "UPDATE account SET balance_minor = 1")
    assert _piece("betting.bets", "INSERT INTO account (id) VALUES (1)")
    assert _piece("betting.bets", "WITH a AS (DELETE FROM account RETURNING 1) SELECT * FROM a")
    assert _piece("betting.bets", "COPY account (id) FROM STDIN")
    assert not _piece("betting.bets", "INSERT INTO bet (id) VALUES (1)")
    assert not _piece("money.ledger", "UPDATE account SET balance_minor = 1")


def test_a_read_upwards_is_found_and_one_downwards_is_not() -> None:
    assert _piece("betting.offers", "SELECT 1 FROM bet")
    assert _piece("money.ledger", "SELECT 1 FROM account a JOIN users u ON u.id = a.owner_id")
    assert _piece("money.ledger", "CREATE TABLE x (id uuid REFERENCES users (id))")
    assert _piece("money.ledger", "SELECT 1 FROM account a, users u WHERE u.id = a.owner_id")
    assert not _piece(
        "betting.bets", "SELECT 1 FROM offer o JOIN account a ON a.id = o.id FOR UPDATE"
    )
    assert not _piece("betting.bets", "COPY account (id) TO STDOUT")
    assert not _piece("money.ledger", "SELECT 1 FROM account WHERE a IS DISTINCT FROM users")


def test_a_call_upwards_is_found_and_one_downwards_is_not() -> None:
    assert _piece("money.ledger", "SELECT bets_place_v1(1)")
    assert not _piece("betting.bets", "SELECT ledger_post_v1(1)")


def test_words_in_comments_and_texts_are_not_acts() -> None:
    assert not _piece("betting.bets", "SELECT 'UPDATE account' -- DELETE FROM account\n FROM bet")


def test_a_file_before_its_layer_and_a_nameless_file_are_found() -> None:
    ledger = ("10.sql", "-- part: money.ledger\nSELECT 1;")
    bets = ("40.sql", "-- part: betting.bets\nSELECT 1;")
    assert not out_of_order([ledger, bets], LAYERS)
    assert out_of_order([bets, ledger], LAYERS)
    assert out_of_order([("10.sql", "SELECT 1;")], LAYERS)
    assert out_of_order([("10.sql", "-- part: money.purse\n")], LAYERS)


def test_two_owners_of_one_table_are_found() -> None:
    first = ("10.sql", "-- part: money.ledger\nCREATE TABLE account (id uuid);")
    second = ("11.sql", "-- part: money.wallets\nCREATE TABLE account (id uuid);")
    assert owners([first, second])[1] == ["account"]


def test_statements_of_code_are_read() -> None:
    file = source("src/overround/betting/bets/store.py", '_X = "UPDATE account SET id = 1"\n')
    assert [p.part for p in code_pieces(file)] == ["betting.bets"]
