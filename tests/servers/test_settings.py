"""Where a setting comes from, which source wins, and what stops the start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from overround.core.errors import SettingsError
from overround.kit import settings as kit
from overround.kit.settings import load, redact_url


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty directory and an environment without ours."""
    for name in list(os.environ):
        if name.upper().startswith("OVERROUND_") or name in kit.ENV_PLAIN:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_later_sources_win(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().web.port == 8000
    Path("overround.yaml").write_text("web: {port: 8100, base_domain: bets.example}\n")
    assert load().web.port == 8100
    monkeypatch.setenv("OVERROUND_WEB__PORT", "8200")
    assert load().web.port == 8200
    found = load(flags={"web": {"port": 8300}})
    assert found.web.port == 8300
    # A source replaces the key it names and leaves its neighbours alone.
    assert found.web.base_domain == "bets.example"


def test_a_named_file_is_read_and_must_exist(tmp_path: Path) -> None:
    path = tmp_path / "other.yaml"
    path.write_text("hub:\n  port: 9001\n")
    assert load(path).hub.port == 9001
    with pytest.raises(SettingsError, match="absent"):
        load(tmp_path / "absent.yaml")


def test_hosting_platforms_names_are_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("overround.yaml").write_text("database: {url: 'postgresql://file/x', pool_web: 9}\n")
    monkeypatch.setenv("DATABASE_URL", "postgresql://plain/x")
    monkeypatch.setenv("REDIS_URL", "redis://plain")
    found = load()
    assert (found.database.url, found.database.pool_web) == ("postgresql://plain/x", 9)
    assert found.redis.url == "redis://plain"
    monkeypatch.setenv("OVERROUND_DATABASE__URL", "postgresql://ours/x")
    assert load().database.url == "postgresql://ours/x"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("webb: {port: 1}", "unknown setting: webb"),
        ("web: {prot: 1}", "unknown setting: web.prot"),
        ("7: {port: 1}", "unknown setting: 7"),
        ("web: 8000", "web"),
        ("web: {port: 0}", "web.port"),
        ("web: {port: 65536}", "web.port"),
        ("web: {port: eighty}", "web.port"),
        ("web: {base_domain: 'x y'}", "web.base_domain"),
        ("log: {level: loud}", "log.level"),
        ("database: {pool_web: 501}", "database.pool_web"),
        ("database: {acquire_s: 0}", "database.acquire_s"),
        ("database: {acquire_s: .nan}", "database.acquire_s"),
        ("database: {prepare_threshold: 0}", "database.prepare_threshold"),
        ("session: {idle_s: 59}", "session.idle_s"),
        ("servers: {linger_s: -1}", "servers.linger_s"),
        ("feeds: {providers: {ann: {sprts: {nfl: 60}}}}", "feeds.providers.ann.sprts"),
        ("feeds: {providers: {ann: {sports: {nfl: 0}}}}", "feeds.providers.ann.sports.nfl.every_s"),
        ("feeds: {providers: {ann: {sports: {nfl: true}}}}", "sports.nfl.every_s"),
        ("feeds: {providers: {ann: {sports: {nfl: {every_s: yes}}}}}", "sports.nfl.every_s"),
        ("feeds: {back_off_s_max: true}", "feeds.back_off_s_max"),
        ("feeds: {providers: {'a b': {}}}", "feeds.providers"),
        ("feeds: {providers: {ann: {base_url: 'ftp://x'}}}", "feeds.providers.ann.base_url"),
        ("feeds: {providers: {ann: {base_url: 'https://u:p@x'}}}", "feeds.providers.ann.base_url"),
        ("feeds: {providers: {ann: {base_url: 'http://h:99999999'}}}", "ann.base_url: .*address"),
        ("feeds: {providers: {ann: {base_url: 'http://[::1'}}}", "ann.base_url: .*address"),
        ("feeds: {providers: {ann: {base_url: 'http://h:0'}}}", "ann.base_url: .*address"),
        ("feeds: {providers: {ann: {base_url: 'http://:80'}}}", "ann.base_url: .*address"),
        ("- web", "expected a mapping"),
        ("{", "not YAML"),
        ("a: !!python/object/apply:os.getcwd []", "not YAML"),
        ("\x00", "not YAML"),
    ],
)
def test_a_wrong_file_stops_the_start_by_name(text: str, words: str) -> None:
    Path("overround.yaml").write_text(text)
    with pytest.raises(SettingsError, match=words):
        load()


def test_a_file_out_of_bounds_is_refused() -> None:
    Path("overround.yaml").write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(SettingsError, match="not YAML"):
        load()
    Path("overround.yaml").write_text("#" * (kit.CONFIG_BYTES_MAX + 1))
    with pytest.raises(SettingsError, match="larger than"):
        load()


@pytest.mark.parametrize(
    "name",
    ["OVERROUND_WEBB__PORT", "OVERROUND_WEB__PROT", "OVERROUND_PORT", "overround_web__prot"],
)
def test_an_unknown_name_in_the_environment_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsError, match=name):
        load()


def test_a_wrong_value_in_the_environment_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVERROUND_WEB__PORT", "eighty")
    with pytest.raises(SettingsError, match=r"web\.port"):
        load()
    monkeypatch.delenv("OVERROUND_WEB__PORT")
    monkeypatch.setenv("OVERROUND_WEB", "{")
    with pytest.raises(SettingsError, match="web"):
        load()


def test_names_of_other_things_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    environment: Mapping[str, str] = {
        "OVERROUND_DATA": "/data",
        "OVERROUND_TEST_STATE": "/kept",
        "OVERROUND_STATE": "/state",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load().state == Path("/state")


def test_an_empty_variable_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVERROUND_STATE", "")
    assert load().state == kit.default_state()


def test_a_wrong_value_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("overround.yaml").write_text("database: {url: {password: hunter2}}\n")
    with pytest.raises(SettingsError) as refused:
        load()
    assert "database.url" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_key_may_come_from_the_environment_and_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("overround.yaml").write_text("feeds: {providers: {ann: {sports: {nfl: 300}}}}\n")
    monkeypatch.setenv("OVERROUND_FEEDS__PROVIDERS__ANN__KEYS", '["hunter2"]')
    found = load()
    ann = found.feeds.providers["ann"]
    assert [key.get_secret_value() for key in ann.keys] == ["hunter2"]
    assert ann.sports["nfl"].every_s == 300
    assert "hunter2" not in f"{found!r} {kit.redacted(found)}"
    monkeypatch.setenv("OVERROUND_FEEDS__PROVIDERS__ANN__KEEYS", '["hunter2"]')
    with pytest.raises(SettingsError, match=r"feeds\.providers\.ann\.keeys"):
        load()


def test_every_setting_has_a_description() -> None:
    found = dict(kit.described())
    assert "web.port" in found
    assert all(found.values())


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:secret@db:5432/x?password=secret", "postgresql://ann:***@db:5432/x"),
        ("postgresql://db/x", "postgresql://db/x"),
        ("redis://:secret@cache:6379/0", "redis://:***@cache:6379/0"),
        ("postgresql://ann:sec@ret@db/x", "postgresql://ann:***@db/x"),
        ("http://[secret", "***"),
    ],
)
def test_a_password_is_not_shown(url: str, shown: str) -> None:
    assert redact_url(url) == shown
