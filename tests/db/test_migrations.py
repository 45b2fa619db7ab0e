"""Schema and deltas: applied once, by one runner at a time, never after they were edited."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg.rows import TupleRow

from overround.core.errors import SettingsError, Unavailable
from overround.db import migrate
from overround.db.logins import Role

Urls = Mapping[Role, str]

# What a database is, as rows of text: columns, constraints, indexes, functions, triggers, policies
# and who may do what. Two databases with the same rows are the same schema.
CATALOGUE: Final = (
    (
        "SELECT 'column', table_name, column_name, data_type, domain_name, is_nullable,"
        " column_default, is_identity FROM information_schema.columns WHERE table_schema = 'public'"
    ),
    (
        "SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)"
        " FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
    ),
    "SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    (
        "SELECT 'function', oid::regprocedure::text, md5(pg_get_functiondef(oid)), proacl::text"
        " FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind <> 'a'"
    ),
    (
        "SELECT 'trigger', tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger"
        " WHERE NOT tgisinternal"
    ),
    "SELECT 'policy', tablename, policyname, roles::text, cmd, qual, with_check FROM pg_policies",
    (
        "SELECT 'table', relname::text, relkind::text, relrowsecurity, relforcerowsecurity,"
        " reloptions::text,"
        " (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(relacl) a)::text"
        " FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'S')"
    ),
    (
        "SELECT 'column grant', attrelid::regclass::text, attname::text, attacl::text"
        " FROM pg_attribute WHERE attacl IS NOT NULL AND attrelid::regclass::text !~ '^pg_'"
    ),
)


def catalogue(url: str) -> set[tuple[Any, ...]]:
    """Everything that makes the schema of the database, the log of migrations left out."""
    with psycopg.connect(url) as conn:
        rows = [row for query in CATALOGUE for row in conn.execute(query.encode()).fetchall()]
    return {row for row in rows if not any("schema_migration" in str(cell) for cell in row)}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands in for the package's: the real schema, and migrations of the test."""
    (tmp_path / "migrations").mkdir()
    (tmp_path / "schema").mkdir()
    for file in (Path(str(resources.files("overround.db"))) / "schema").glob("*.sql"):
        (tmp_path / "schema" / file.name).write_bytes(file.read_bytes())

    def files(_package: str) -> Path:
        return tmp_path

    monkeypatch.setattr(migrate.resources, "files", files)
    return tmp_path


def write(package: Path, name: str, sql: str) -> None:
    """A migration of that name."""
    (package / "migrations" / name).write_text(sql, encoding="utf-8")


def run(urls: Urls) -> tuple[str, ...]:
    """Migrate; the files that were applied."""
    return asyncio.run(migrate.migrate(urls["owner"])).applied


def tables_of(urls: Urls) -> set[str]:
    with psycopg.connect(urls["owner"]) as conn:
        rows: list[TupleRow] = conn.execute(
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        ).fetchall()
    return {name for (name,) in rows}


def test_migrating_twice_changes_nothing(empty_database_urls: Urls) -> None:
    assert asyncio.run(migrate.pending(empty_database_urls["owner"])) == ["schema"]
    first = run(empty_database_urls)
    assert first[0] == "00_base.sql"
    before = catalogue(empty_database_urls["owner"])
    assert run(empty_database_urls) == ()
    assert catalogue(empty_database_urls["owner"]) == before
    assert asyncio.run(migrate.pending(empty_database_urls["owner"])) == []


def test_of_many_runners_one_applies(empty_database_urls: Urls) -> None:
    async def story() -> list[tuple[str, ...]]:
        runners = (migrate.migrate(empty_database_urls["owner"]) for _ in range(5))
        return [report.applied for report in await asyncio.gather(*runners)]

    applied = asyncio.run(story())
    assert sum(bool(files) for files in applied) == 1


def test_a_runner_does_not_wait_for_ever(
    empty_database_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "_LOCK_WAIT_S", 0.3)
    with psycopg.connect(empty_database_urls["owner"], autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", [migrate._LOCK_KEY])
        with pytest.raises(Unavailable, match="another migration"):
            run(empty_database_urls)


def test_a_database_of_an_unreleased_schema_is_refused(database_urls: Urls, package: Path) -> None:
    """Its schema differs and no migration leads from it, so nothing is guessed."""
    base = package / "schema" / "00_base.sql"
    base.write_text(base.read_text("utf-8") + "-- changed since\n", encoding="utf-8")
    with pytest.raises(Unavailable, match="unreleased version"):
        run(database_urls)


def test_an_older_database_gets_its_missing_deltas_once(database_urls: Urls, package: Path) -> None:
    write(package, "0001_shelf.sql", "CREATE TABLE shelf (id int PRIMARY KEY);")
    write(package, "0002_book.sql", "CREATE TABLE shelf_book (id int REFERENCES shelf (id));")
    assert asyncio.run(migrate.pending(database_urls["owner"])) == [
        "0001_shelf.sql",
        "0002_book.sql",
    ]
    assert run(database_urls) == ("0001_shelf.sql", "0002_book.sql")
    assert run(database_urls) == ()
    assert {"shelf", "shelf_book"} <= tables_of(database_urls)


def test_a_new_database_has_the_deltas_in_its_schema(
    empty_database_urls: Urls, package: Path
) -> None:
    """It gets the schema alone, and the deltas are recorded as done."""
    write(package, "0001_boom.sql", "SELECT 1 / 0;")
    assert "0001_boom.sql" not in run(empty_database_urls)
    assert run(empty_database_urls) == ()


def test_an_edited_migration_is_refused(database_urls: Urls, package: Path) -> None:
    write(package, "0001_shelf.sql", "CREATE TABLE shelf (id int PRIMARY KEY);")
    run(database_urls)
    write(package, "0001_shelf.sql", "CREATE TABLE shelf (id bigint PRIMARY KEY);")
    write(package, "0002_later.sql", "CREATE TABLE later (id int);")
    with pytest.raises(SettingsError, match=r"0001_shelf\.sql was edited"):
        run(database_urls)
    assert "later" not in tables_of(database_urls)


def test_a_migration_without_a_number_is_refused(database_urls: Urls, package: Path) -> None:
    write(package, "shelf.sql", "CREATE TABLE shelf (id int);")
    with pytest.raises(SettingsError, match=r"shelf\.sql is not named"):
        run(database_urls)
    assert "shelf" not in tables_of(database_urls)


def test_a_migration_that_fails_leaves_nothing(database_urls: Urls, package: Path) -> None:
    write(package, "0001_half.sql", "CREATE TABLE half (id int); SELECT 1 / 0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        run(database_urls)
    assert "half" not in tables_of(database_urls)
    write(package, "0001_half.sql", "CREATE TABLE half (id int);")
    assert run(database_urls) == ("0001_half.sql",)


def test_a_migration_may_ask_for_no_transaction(database_urls: Urls, package: Path) -> None:
    write(
        package,
        "0001_index.sql",
        "-- no-transaction\nCREATE INDEX CONCURRENTLY leg_by_market ON leg (tenant_id, market_id);",
    )
    assert run(database_urls) == ("0001_index.sql",)
    assert "leg_by_market" in tables_of(database_urls)


def test_deltas_and_schema_are_the_same(database_urls: Urls, empty_database_urls: Urls) -> None:
    """A database built from the deltas alone is the one built from the schema."""
    folder = Path(str(resources.files("overround.db"))) / "migrations"
    if not any(folder.glob("*.sql")):
        pytest.skip("there are no migrations before the first release")
    asyncio.run(migrate.migrate(empty_database_urls["owner"], deltas_only=True))
    assert catalogue(empty_database_urls["owner"]) == catalogue(database_urls["owner"])


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE bet ADD COLUMN note text",
        "ALTER TABLE bet ALTER COLUMN kind DROP NOT NULL",
        "ALTER TABLE bet DROP CONSTRAINT bet_settled_whole",
        "ALTER TABLE bet ALTER COLUMN kind TYPE text",
        "ALTER DOMAIN bet_kind DROP CONSTRAINT bet_kind_check",
        "DROP INDEX bet_by_user",
        "DROP POLICY tenant_only ON bet",
        "ALTER TABLE bet NO FORCE ROW LEVEL SECURITY",
        "GRANT DELETE ON bet TO overround_app",
        "GRANT UPDATE (kind) ON bet TO overround_app",
        "DROP TRIGGER tenant_fixed ON tenant",
        "GRANT EXECUTE ON FUNCTION bets_lock_v1 TO overround_app",
        (
            "CREATE OR REPLACE FUNCTION event_key(p_event uuid) RETURNS bigint"
            " LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT 1::bigint'"
        ),
    ],
)
def test_the_comparison_sees_every_kind_of_difference(database_urls: Urls, change: str) -> None:
    """The must-fail twin of the test above."""
    before = catalogue(database_urls["owner"])
    with psycopg.connect(database_urls["owner"]) as conn:
        conn.execute(change.encode())
    assert catalogue(database_urls["owner"]) != before
