"""What is set, and where it comes from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from overround.kit import settings as kit


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty directory and an environment without ours."""
    for name in list(os.environ):
        if name.upper().startswith("OVERROUND_") or name in kit.ENV_PLAIN:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_each_value_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("overround.yaml").write_text(
        "database: {pool_web: 40, url: 'postgresql://file/x'}\n"
        "web: {port: 8100}\n"
        "feeds: {providers: {ann: {sports: {nfl: 60}}}}\n"
    )
    monkeypatch.setenv("DATABASE_URL", "postgresql://plain/x")
    monkeypatch.setenv("overround_log__level", "debug")
    monkeypatch.setenv("OVERROUND_STREAM", '{"process_max": 7}')
    monkeypatch.setenv("OVERROUND_FEEDS__PROVIDERS__ANN__KEYS", '["abcdef"]')
    found = kit.origins(flags={"web": {"port": 8200}})
    assert found["web.port"] == "flag"
    assert found["database.pool_web"] == "overround.yaml"
    assert found["database.url"] == "DATABASE_URL"
    assert found["log.level"] == "overround_log__level"
    assert found["stream.process_max"] == "OVERROUND_STREAM"
    assert found["stream.address_max"] == "default"
    both = "overround.yaml, OVERROUND_FEEDS__PROVIDERS__ANN__KEYS"
    assert set(found["feeds.providers"].split(", ")) == set(both.split(", "))
    loaded = kit.load(flags={"web": {"port": 8200}})
    assert (loaded.web.port, loaded.database.url) == (8200, "postgresql://plain/x")
    assert (loaded.log.level, loaded.stream.process_max) == ("debug", 7)


def test_no_secret_is_shown_and_every_secret_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ann:hunter%402@db/x?password=hunter4")
    monkeypatch.setenv("OVERROUND_FEEDS__PROVIDERS__ANN__KEYS", '["hunter33"]')
    monkeypatch.setenv("OVERROUND_ALERTS__WEBHOOK_URL", "https://hooks.example/services/hunter5")
    monkeypatch.setenv("OVERROUND_ALERTS__WEBHOOK_SECRET", "hunter6-hunter6-hunter6")
    monkeypatch.setenv("OVERROUND_LLM__KEY", "hunter7")
    monkeypatch.setenv("OVERROUND_WATCH__TOKEN", "hunter8-hunter8-hunter8")
    loaded = kit.load()
    shown = str(kit.redacted(loaded))
    assert "hunter" not in shown
    assert "https://hooks.example/***" in shown
    known = kit.secrets(loaded)
    for secret in ("hunter@2", "hunter33", "/services/hunter5", "hunter7"):
        assert secret in known
