"""Settings: default < `overround.yaml` < `OVERROUND_*` environment < command-line flags.

A key that does not exist stops the start with the key's name, in the file and in the environment
alike: a setting that is misspelt and silently ignored is worse than none
(tests/servers/test_settings.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, cast
from urllib.parse import urlsplit, urlunsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as SourceError

from overround.core.errors import SettingsError
from overround.kit.setting_types import BaseUrl, PollSeconds

ENV_PREFIX: Final = "OVERROUND_"
CONFIG_NAME: Final = "overround.yaml"
CONFIG_BYTES_MAX: Final = 1_000_000

# These name things outside the product's own configuration: the sample data, and the state
# directory that a whole test run shares.
ENV_EXEMPT: Final = frozenset({"OVERROUND_DATA", "OVERROUND_TEST_STATE"})

# The names that hosting platforms set; they stand between the file and OVERROUND_*.
ENV_PLAIN: Final[Mapping[str, tuple[str, str]]] = {
    "DATABASE_URL": ("database", "url"),
    "REDIS_URL": ("redis", "url"),
}

Port = Annotated[int, Field(ge=1, le=65_535)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
PoolSize = Annotated[int, Field(ge=1, le=500)]


def default_state() -> Path:
    """The user's state directory (XDG); servers, secrets, sockets and logs live in it."""
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "overround"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class ServersSettings(_Section):
    """The embedded PostgreSQL and Valkey."""

    account: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        default="nobody",
        description="Account that runs the embedded servers when the product is started as root.",
    )
    linger_s: Annotated[float, Field(ge=0, le=86_400)] = Field(
        default=5.0,
        description="Seconds the embedded servers stay up after the last command has ended.",
    )
    start_timeout_s: Seconds = Field(
        default=60.0,
        description="Seconds a command waits for the embedded servers to be ready.",
    )


class DatabaseSettings(_Section):
    """PostgreSQL: where it is and how much of it a process takes."""

    url: str | None = Field(
        default=None,
        repr=False,
        description="Existing PostgreSQL (also DATABASE_URL) to use in place of the embedded one; "
        "its login creates the roles at `overround db migrate`.",
    )
    owner_url: str | None = Field(
        default=None, repr=False, description="URL of the owner login; default: derived from url."
    )
    app_url: str | None = Field(
        default=None, repr=False, description="URL of the app login; default: derived from url."
    )
    worker_url: str | None = Field(
        default=None, repr=False, description="URL of the worker login; default: derived from url."
    )
    reader_url: str | None = Field(
        default=None, repr=False, description="URL of the reader login; default: derived from url."
    )
    pool_min: PoolSize = Field(default=2, description="Connections a pool keeps open.")
    pool_web: PoolSize = Field(default=20, description="Most connections of one api process.")
    pool_worker: PoolSize = Field(
        default=5, description="Most connections of one hub, settle or jobs process."
    )
    acquire_s: Seconds = Field(
        default=5.0, description="Seconds to wait for a free connection before answering 503."
    )
    statement_s: Seconds = Field(
        default=3.0, description="Seconds after which a statement of the app login is cancelled."
    )
    idle_in_transaction_s: Seconds = Field(
        default=5.0, description="Seconds an app transaction may stand idle before it is ended."
    )
    prepare_threshold: Annotated[int, Field(ge=1, le=1_000)] | None = Field(
        default=None,
        description="Uses after which psycopg prepares a statement; none disables it, which a "
        "transaction pooler needs.",
    )


class RedisSettings(_Section):
    """The Redis protocol cache: fan-out, snapshots, limits; nothing of value is lost with it."""

    url: str | None = Field(
        default=None,
        repr=False,
        description="Existing Redis or Valkey (also REDIS_URL) in place of the embedded one.",
    )


class WebSettings(_Section):
    """The HTTP edge."""

    host: Annotated[str, Field(min_length=1, max_length=255)] = Field(
        default="127.0.0.1", description="Address the api listens on."
    )
    port: Port = Field(default=8000, description="Port the api listens on.")
    base_domain: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")] = Field(
        default="localhost",
        description="Domain under which each tenant has a host: <tenant>.<base_domain>.",
    )


class StreamSettings(_Section):
    """Open pages, each with one stream."""

    process_max: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=5_000, description="Most open streams of one api process."
    )
    address_max: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=1_000,
        description="Most open streams from one address; behind a proxy all come from the proxy's.",
    )


class HubSettings(_Section):
    """The single writer of the board."""

    host: Annotated[str, Field(min_length=1, max_length=255)] = Field(
        default="127.0.0.1",
        description="Address the hub listens on for workers; on any other than loopback what it "
        "shows asks for a worker's token.",
    )
    port: Port = Field(default=8001, description="Port the hub listens on.")


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,60}$")]


class WindowSettings(_Section):
    """From `within_s` before the first start on, ask every `every_s`."""

    within_s: PollSeconds
    every_s: PollSeconds


class SportSettings(_Section):
    """How one sport of one provider is asked; `options` are the provider's own."""

    every_s: PollSeconds
    windows: Annotated[tuple[WindowSettings, ...], Field(max_length=20)] = ()
    options: Annotated[dict[Name, Annotated[str, Field(max_length=500)]], Field(max_length=20)] = (
        Field(default={})
    )


class ProviderSettings(_Section):
    """One provider that is asked by schedule."""

    base_url: BaseUrl | None = None
    keys: Annotated[tuple[SecretStr, ...], Field(max_length=100)] = ()
    concurrency: Annotated[int, Field(ge=1, le=50)] = 2
    per_minute: Annotated[int, Field(ge=1, le=6_000)] = 30
    burst: Annotated[int, Field(ge=1, le=1_000)] = 5
    sports: Annotated[dict[Name, SportSettings], Field(max_length=500)] = Field(default={})

    @field_validator("sports", mode="before")
    @classmethod
    def _a_number_is_an_interval(cls, given: object) -> object:
        """`nba: 600` is short for `nba: {every_s: 600}`."""
        if not isinstance(given, dict):
            return given
        sports = cast("dict[object, object]", given)
        return {
            name: {"every_s": said} if isinstance(said, int) else said
            for name, said in sports.items()
        }


class FeedsSettings(_Section):
    """What is asked of providers by schedule."""

    deadline_s: Annotated[float, Field(ge=0.1, le=600)] = Field(
        default=20.0, description="Seconds in which a provider has to have answered to the end."
    )
    connect_s: Annotated[float, Field(ge=0.1, le=60)] = Field(
        default=5.0, description="Seconds in which a provider has to take a connection."
    )
    wire_bytes_max: Annotated[int, Field(ge=1_000, le=64_000_000)] = Field(
        default=8_000_000, description="Largest answer of a provider as it is sent."
    )
    body_bytes_max: Annotated[int, Field(ge=1_000, le=64_000_000)] = Field(
        default=64_000_000, description="Largest answer of a provider once it is unpacked."
    )
    parse_s: Annotated[float, Field(ge=0.1, le=600)] = Field(
        default=20.0, description="Seconds in which an answer has to be read."
    )
    parse_bytes_max: Annotated[int, Field(ge=200_000_000, le=16_000_000_000)] = Field(
        default=1_500_000_000, description="Most memory of a process that reads answers."
    )
    readers: Annotated[int, Field(ge=1, le=16)] = Field(
        default=2, description="Processes that read answers side by side."
    )
    cache_s: Annotated[int, Field(ge=0, le=3_600)] = Field(
        default=300,
        description="Longest time for which an answer stands for the next one, where the provider "
        "or another sport's schedule allows it.",
    )
    back_off_s_max: PollSeconds = Field(
        default=3_600, description="Longest wait after failures, before it is spread."
    )
    breaker_failures: Annotated[int, Field(ge=1, le=1_000)] = Field(
        default=5, description="Failures in a row after which a provider is left alone."
    )
    breaker_s: Annotated[float, Field(ge=1, le=86_400)] = Field(
        default=30.0,
        description="Seconds for which a provider is left alone at first; twice that each time.",
    )
    breaker_s_max: Annotated[float, Field(ge=1, le=86_400)] = Field(
        default=900.0, description="Longest time for which a provider is left alone."
    )
    providers: Annotated[dict[Name, ProviderSettings], Field(max_length=200)] = Field(
        default={},
        description="What is asked of whom and how often (docs/guides/schedules.md); nothing is "
        "asked of a provider that is not here.",
    )


class ScrapeSettings(_Section):
    """Browsers that read books which have a page and no feed."""

    permitted: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")], ...] = Field(
        default=(),
        max_length=100,
        description="Sites whose terms let you read them by a browser, in your own judgement; a "
        "scraper of any other refuses to start.",
    )
    robots: bool = Field(
        default=True,
        description="Whether a board that the site's robots.txt does not let us read is left "
        "alone.",
    )
    chromium: Annotated[str, Field(min_length=1, max_length=4_096)] | None = Field(
        default=None, description="The browser's executable; default: the system's Chromium."
    )
    page_s: Seconds = Field(
        default=1_800.0, description="Seconds after which a browser is opened anew."
    )
    memory_mb_max: Annotated[int, Field(ge=200, le=1_000_000)] = Field(
        default=3_000,
        description="Megabytes of a scraper's browser, shared memory counted in each of its "
        "processes, above which it is opened anew.",
    )


class RetentionSettings(_Section):
    """How long what grows is kept."""

    history_days: Annotated[int, Field(ge=1, le=36_500)] = Field(
        default=90,
        description="Days for which changed prices are kept; an archive's from when it was read "
        "in. Current and closing prices stay.",
    )
    history_bytes_max: Annotated[int, Field(ge=100_000_000, le=1_000_000_000_000_000)] = Field(
        default=10_000_000_000,
        description="Most that changed prices may weigh; the oldest leave first, and the last "
        "hour stays.",
    )
    inbox_days: Annotated[int, Field(ge=1, le=3_650)] = Field(
        default=7, description="Days for which the report of a file that the hub took is kept."
    )


class SessionSettings(_Section):
    """How long a login lasts."""

    idle_s: Annotated[int, Field(ge=60, le=31_536_000)] = Field(
        default=3_600, description="Seconds without a request after which a session ends."
    )
    absolute_s: Annotated[int, Field(ge=60, le=31_536_000)] = Field(
        default=86_400, description="Seconds after which a session ends in any case."
    )


class LogSettings(_Section):
    """JSON lines on stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe level that is written."
    )


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
    stream: StreamSettings = Field(default_factory=StreamSettings, description="Open pages.")
    hub: HubSettings = Field(default_factory=HubSettings, description="The board's writer.")
    feeds: FeedsSettings = Field(
        default_factory=FeedsSettings, description="Providers that are asked by schedule."
    )
    scrape: ScrapeSettings = Field(default_factory=ScrapeSettings, description="Browsers.")
    retention: RetentionSettings = Field(
        default_factory=RetentionSettings, description="How long what grows is kept."
    )
    session: SessionSettings = Field(default_factory=SessionSettings, description="Logins.")
    log: LogSettings = Field(default_factory=LogSettings, description="Logs.")

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
        return (init_settings, env_settings, InitSettingsSource(settings_cls, _plain_environment()))


def load(config: Path | None = None, flags: Mapping[str, Any] | None = None) -> Settings:
    """The merged settings of this process.

    `config` defaults to `overround.yaml` in the working directory, where it may be absent; a file
    that was asked for by name must exist. `flags` is nested like the file. Raises SettingsError
    naming the key.
    """
    _refuse_unknown_environment()
    path = config or Path(CONFIG_NAME)
    from_file = _read_file(path) if config is not None or path.exists() else {}

    class Located(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *args: Any, **kwargs: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            above = super().settings_customise_sources(settings_cls, *args, **kwargs)
            return (*above, InitSettingsSource(settings_cls, from_file))

    try:
        return Located(**dict(flags or {}))
    except ValidationError as error:
        raise SettingsError(_describe(error)) from None
    except SourceError as error:
        raise SettingsError(str(error).splitlines()[0]) from None


def described() -> Iterator[tuple[str, str]]:
    """Every setting as (dotted name, description), in the order of the classes above."""
    yield from _keys_of(Settings, "")


def redacted(settings: Settings) -> dict[str, Any]:
    """The settings as plain values, with passwords in URLs replaced by stars."""
    merged = settings.model_dump(mode="json")
    for section in ("database", "redis"):
        values = cast("dict[str, Any]", merged[section])
        for name, value in values.items():
            if name.endswith("url") and isinstance(value, str):
                values[name] = redact_url(value)
    return merged


def redact_url(url: str) -> str:
    """`url` without its password and without its query, which may hold one too."""
    try:
        parts = urlsplit(url)
        if parts.password is None:
            return urlunsplit(parts._replace(query=""))
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{parts.username}:***@{host}", query=""))
    except ValueError:
        return "***"


def _keys_of(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _keys_of(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field.description or ""


def _plain_environment() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, (section, key) in ENV_PLAIN.items():
        if value := os.environ.get(name):
            found[section] = {key: value}
    return found


def _refuse_unknown_environment() -> None:
    dotted = {name for name, _ in described()}
    sections = {name.partition(".")[0] for name in dotted}
    for name in sorted(os.environ):
        # pydantic-settings reads names in any case, so a small letter is no way around this.
        if not name.upper().startswith(ENV_PREFIX) or name.upper() in ENV_EXEMPT:
            continue
        key = name[len(ENV_PREFIX) :].lower().replace("__", ".")
        # Below this one the names are a person's own; a wrong one is refused with its value.
        if key.startswith("feeds.providers."):
            continue
        if key not in dotted and key not in sections:
            raise SettingsError(f"unknown setting in the environment: {name}")


def _read_file(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > CONFIG_BYTES_MAX:
            raise SettingsError(f"{path}: larger than {CONFIG_BYTES_MAX} bytes")
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"{path}: not YAML: {str(error).splitlines()[0]}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError(f"{path}: expected a mapping of sections")
    mapping = cast("dict[Any, Any]", content)
    for key in mapping:
        if not isinstance(key, str) or key not in Settings.model_fields:
            raise SettingsError(f"{path}: unknown setting: {key}")
    return cast("dict[str, Any]", mapping)


def _describe(error: ValidationError) -> str:
    lines: list[str] = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        name = ".".join(str(part) for part in problem["loc"])
        unknown = problem["type"] == "extra_forbidden"
        lines.append(f"unknown setting: {name}" if unknown else f"{name}: {problem['msg']}")
    return "; ".join(lines)
