"""Settings of what is kept, and where: embedded servers, PostgreSQL, Redis, how long."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from overround.kit.settings.bounds import PoolSize, Seconds, Section


class ServersSettings(Section):
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
    shared_buffers_mb: Annotated[int, Field(ge=16, le=1_048_576)] | None = Field(
        default=None,
        description="Megabytes of pages the embedded PostgreSQL keeps in its memory; default: an "
        "eighth of the machine's, from 128 to 1,024.",
    )


class DatabaseSettings(Section):
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


class RedisSettings(Section):
    """The Redis protocol cache: fan-out, snapshots, limits; nothing of value is lost with it."""

    url: str | None = Field(
        default=None,
        repr=False,
        description="Existing Redis or Valkey (also REDIS_URL) in place of the embedded one.",
    )


class RetentionSettings(Section):
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
    refused_days: Annotated[int, Field(ge=1, le=3_650)] = Field(
        default=30, description="Days for which what the gate and the parsers refused is kept."
    )
    edges_days: Annotated[int, Field(ge=1, le=3_650)] = Field(
        default=90, description="Days for which an edge that is over is kept."
    )
