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
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as SourceError

from overround.core.errors import SettingsError

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

    port: Port = Field(default=8001, description="Port the hub listens on.")


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
