"""The commands `overround tenants` and `overround users`, on a real database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from overround.cli import tenants, users
from overround.core.errors import Conflict, Invalid, NotFound
from overround.db.logins import Role
from tests.support.edge import opened, restored_logging

Urls = Mapping[Role, str]
ADD = ["add", "beta", "--name", "Beta", "--contact-email", "ops@beta.example"]


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


def call(app: Any, *words: str) -> Result:
    """Run a command; what it raises comes through."""
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


def answer(app: Any, *words: str) -> Any:
    """Run a command with --json and read what it printed."""
    result = call(app, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_tenant_is_added_shown_listed_and_suspended(existing: Urls) -> None:
    made = answer(tenants.app, *ADD, "--currency", "JPY", "--time-zone", "Asia/Tokyo")
    assert (made["stake_min"], made["payout_max"], made["status"]) == ("10", "100000", "active")
    assert made["demo_deposits"] is False
    assert answer(tenants.app, "show", "beta") == made
    assert answer(tenants.app, "list")["items"] == [made]
    assert "beta" in call(tenants.app, "list").output
    assert answer(tenants.app, "demo-deposits", "beta", "on")["demo_deposits"] is True
    found = answer(tenants.app, "ruling-alone", "beta", "50000")
    assert answer(tenants.app, "ruling-alone", "beta") == found
    assert (found["ruling_alone_max"], found["currency"]) == ("50000", "JPY")
    assert answer(tenants.app, "set-status", "beta", "suspended")["status"] == "suspended"
    with pytest.raises(Conflict):
        call(tenants.app, *ADD)
    with pytest.raises(NotFound):
        call(tenants.app, "show", "nobody")
    with pytest.raises(Invalid):
        call(tenants.app, "add", "Bad.Name", *ADD[2:])


def test_an_empty_list_says_what_to_do(existing: Urls) -> None:
    assert answer(tenants.app, "list") == {"items": []}
    assert "overround tenants add" in call(tenants.app, "list").output


def test_staff_are_made_with_a_password_that_is_shown_once(existing: Urls) -> None:
    async def story(password: str) -> None:
        async with opened(existing, make_tenants=False) as edge, edge.client("beta") as client:
            body = {"email": "boss@beta.example", "password": password}
            found = await client.post("/api/v1/session", json=body)
            assert found.status_code == 200
            token = found.json()["token"]
            await asyncio.to_thread(answer, users.app, "disable", "beta", "boss@beta.example")
            logged_in = edge.client("beta", token=token)
            assert (await logged_in.get("/api/v1/session")).status_code == 401

    answer(tenants.app, *ADD)
    words = ["add", "beta", "Boss@Beta.example", "--name", "Boss"]
    made = answer(users.app, *words, "--scope", "users.manage")
    assert (made["kind"], made["scopes"]) == ("staff", ["users.manage"])
    assert len(made["password"]) >= 20
    listed = call(users.app, "list", "beta", "--json").output
    assert "boss@beta.example" in listed
    assert made["password"] not in listed
    with pytest.raises(Conflict):
        call(users.app, *words)
    with pytest.raises(Invalid):
        call(users.app, "add", "beta", "x@beta.example", "--name", "X", "--scope", "everything")
    asyncio.run(story(made["password"]))
    assert answer(users.app, "enable", "beta", "boss@beta.example")["status"] == "active"
    assert answer(users.app, "list", "beta", "--kind", "player") == {"items": []}
    with pytest.raises(NotFound):
        call(users.app, "disable", "beta", "nobody@beta.example")
