"""The commands `overround keys worker`, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Mapping
from pathlib import Path

import psycopg
import pytest

from overround.cli import keys
from overround.core.errors import Conflict, Invalid, NotFound
from overround.db import worker_keys
from overround.db.logins import Role
from tests.people.test_commands import answer, call
from tests.stories.world import opened
from tests.support.edge import restored_logging

Urls = Mapping[Role, str]


@pytest.fixture
def existing(
    database_urls: Urls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Generator[Urls]:
    """The test's database as the one that the environment names."""
    monkeypatch.setenv("OVERROUND_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("DATABASE_URL", database_urls["app"])
    monkeypatch.setenv("REDIS_URL", "unix:///nowhere")
    for role, url in database_urls.items():
        monkeypatch.setenv(f"OVERROUND_DATABASE__{role.upper()}_URL", url)
    monkeypatch.chdir(tmp_path)
    with restored_logging():
        yield database_urls


def test_a_key_is_added_listed_and_revoked(existing: Urls) -> None:
    added = answer(keys.app, "worker", "add", "box-1", "--site", "sbo")
    assert (added["name"], added["site"], added["revoked_at"]) == ("box-1", "sbo", None)
    token = added["token"]
    assert token.startswith("ovw_")
    listed = answer(keys.app, "worker", "list")["items"]
    assert [row["name"] for row in listed] == ["box-1"]
    assert "token" not in listed[0]
    assert "box-1" in call(keys.app, "worker", "list").output

    async def valid() -> list[tuple[str, str]]:
        async with opened(existing) as world, world.worker.reading(None) as conn:
            found = await worker_keys.valid(conn)
            assert set(found) <= {worker_keys.hashed(token)}
            return [(name, site) for _, name, site in found.values()]

    assert asyncio.run(valid()) == [("box-1", "sbo")]
    assert answer(keys.app, "worker", "revoke", "box-1")["revoked_at"]
    assert asyncio.run(valid()) == []
    with pytest.raises(NotFound):
        call(keys.app, "worker", "revoke", "box-1")
    # A name says for ever whose key it was.
    with pytest.raises(Conflict):
        call(keys.app, "worker", "add", "box-1", "--site", "ibc")


@pytest.mark.parametrize(
    ("name", "site", "code"),
    [
        ("", "sbo", "key_name_invalid"),
        ("a b", "sbo", "key_name_invalid"),
        ("x" * 81, "sbo", "key_name_invalid"),
        ("box", "SBO", "site_invalid"),
        ("box", "s" * 41, "site_invalid"),
        ("box", "", "site_invalid"),
    ],
)
def test_a_key_has_a_name_and_a_site(existing: Urls, name: str, site: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        call(keys.app, "worker", "add", name, "--site", site)
    assert refused.value.code == code


def test_people_do_not_see_worker_keys(database_urls: Urls) -> None:
    """The api's login has no business with them."""
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
    with psycopg.connect(database_urls["app"]) as conn, refused:
        conn.execute("SELECT name FROM worker_key")
