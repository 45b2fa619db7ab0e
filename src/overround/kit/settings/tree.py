"""All settings as one tree, and which source wins."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from overround.kit.settings.edge import (
    LimitSettings,
    SessionSettings,
    StreamSettings,
    WebSettings,
)
from overround.kit.settings.opportunities import EdgesSettings
from overround.kit.settings.prices import FeedsSettings, HubSettings, ScrapeSettings
from overround.kit.settings.stores import (
    DatabaseSettings,
    RedisSettings,
    RetentionSettings,
    ServersSettings,
)
from overround.kit.settings.watching import (
    AlertSettings,
    LlmSettings,
    LogSettings,
    WatchSettings,
)

ENV_PREFIX: Final = "OVERROUND_"

# The names that hosting platforms set; they stand between the file and OVERROUND_*.
ENV_PLAIN: Final[Mapping[str, tuple[str, str]]] = {
    "DATABASE_URL": ("database", "url"),
    "REDIS_URL": ("redis", "url"),
}


def default_state() -> Path:
    """The user's state directory (XDG); servers, secrets, sockets and logs live in it."""
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "overround"


class Settings(BaseSettings):
    """Everything a person may configure; `load` builds it."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    state: Path = Field(
        default_factory=default_state,
        description="Directory of the embedded servers, secrets, sockets and logs.",
    )
    servers: ServersSettings = Field(
        default_factory=ServersSettings, description="The embedded servers."
    )
    database: DatabaseSettings = Field(default_factory=DatabaseSettings, description="PostgreSQL.")
    redis: RedisSettings = Field(default_factory=RedisSettings, description="Redis or Valkey.")
    web: WebSettings = Field(default_factory=WebSettings, description="The HTTP edge.")
    limits: LimitSettings = Field(
        default_factory=LimitSettings, description="How often one may ask."
    )
    stream: StreamSettings = Field(default_factory=StreamSettings, description="Open pages.")
    hub: HubSettings = Field(default_factory=HubSettings, description="The board's writer.")
    feeds: FeedsSettings = Field(
        default_factory=FeedsSettings, description="Providers that are asked by schedule."
    )
    edges: EdgesSettings = Field(
        default_factory=EdgesSettings, description="What is looked for on the board."
    )
    scrape: ScrapeSettings = Field(default_factory=ScrapeSettings, description="Browsers.")
    retention: RetentionSettings = Field(
        default_factory=RetentionSettings, description="How long what grows is kept."
    )
    session: SessionSettings = Field(default_factory=SessionSettings, description="Logins.")
    log: LogSettings = Field(default_factory=LogSettings, description="Logs.")
    watch: WatchSettings = Field(default_factory=WatchSettings, description="Who may look.")
    alerts: AlertSettings = Field(default_factory=AlertSettings, description="What is told.")
    llm: LlmSettings = Field(
        default_factory=LlmSettings, description="A model that words the status."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the base class calls by name
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then OVERROUND_*, then DATABASE_URL and REDIS_URL; `load` adds the file below."""
        return (init_settings, env_settings, InitSettingsSource(settings_cls, plain_environment()))


def plain_environment() -> dict[str, Any]:
    """What the names of hosting platforms say, nested like the file."""
    found: dict[str, Any] = {}
    for name, (section, key) in ENV_PLAIN.items():
        if value := os.environ.get(name):
            found[section] = {key: value}
    return found
