"""Settings of how it is watched: logs, who may look, alerts, who words the report."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from overround.kit.settings.bounds import BaseUrl, Name, Seconds, Section

Level = Literal["debug", "info", "warning", "error"]
Percent = Annotated[float, Field(ge=0, le=100)]


class LogSettings(Section):
    """JSON lines on stderr; of roles that are run for you, files in the state directory."""

    level: Level = Field(default="info", description="Least severe level that is written.")
    levels: Annotated[dict[Name, Level], Field(max_length=100)] = Field(
        default={},
        description="The same for single loggers and all below them, such as "
        '`{"overround.http": "warning"}`, which leaves the line for each request away.',
    )
    file_bytes_max: Annotated[int, Field(ge=100_000, le=1_000_000_000)] = Field(
        default=5_000_000, description="A role's log of this size is put aside and begun anew."
    )
    files_max: Annotated[int, Field(ge=1, le=100)] = Field(
        default=5, description="Logs of a role that were put aside and are kept."
    )


class WatchSettings(Section):
    """Who may see metrics and the detailed health."""

    token: Annotated[SecretStr, Field(min_length=16, max_length=200)] | None = Field(
        default=None,
        description="Bearer token that opens /metrics and /health/detailed from other machines; "
        "without it they answer on this machine alone.",
    )


class AlertSettings(Section):
    """From where on something is told, and to whom."""

    provider_ok_percent_min: Percent = Field(
        default=80.0,
        description="Share of a day's askings of a provider that have to come to something.",
    )
    pool_percent_max: Percent = Field(
        default=85.0, description="Share of a pool's connections that may be in use."
    )
    pool_waiting_max: Annotated[int, Field(ge=0, le=10_000)] = Field(
        default=5, description="Callers that may wait for a connection."
    )
    connections_percent_max: Percent = Field(
        default=80.0, description="Share of the database server's connections that may be in use."
    )
    response_ms_max: Annotated[int, Field(ge=1, le=600_000)] = Field(
        default=1_000, description="Milliseconds within which 95 % of requests have to be answered."
    )
    response_growth_max: Annotated[float, Field(ge=1, le=1_000)] = Field(
        default=4.0,
        description="How many times slower than in the hour before requests may become, from "
        "50 ms on.",
    )
    failed_percent_max: Percent = Field(
        default=1.0, description="Share of answers that may be a fault of ours (5xx)."
    )
    errors_growth_max: Annotated[float, Field(ge=1, le=1_000)] = Field(
        default=5.0,
        description="How many times more error lines than in the hour before may be logged, from "
        "ten on.",
    )
    price_age_s_max: Annotated[int, Field(ge=1, le=604_800)] = Field(
        default=1_800,
        description="Seconds since half of a provider's standing prices were seen last.",
    )
    disk_free_percent_min: Percent = Field(
        default=5.0, description="Share of the state directory's disk that has to be free."
    )
    replica_behind_ms_max: Annotated[int, Field(ge=1, le=86_400_000)] = Field(
        default=60_000,
        description="Milliseconds after which a replica may replay what was written.",
    )
    replica_behind_bytes_max: Annotated[int, Field(ge=1, le=10**15)] = Field(
        default=64_000_000, description="Bytes of the log that a replica may not have replayed yet."
    )
    backup_age_s_max: Annotated[int, Field(ge=60, le=31_536_000)] = Field(
        default=93_600,
        description="Seconds since the last backup; nothing is said where there never was one.",
    )
    repeat_s: Annotated[int, Field(ge=60, le=604_800)] = Field(
        default=3_600, description="Seconds after which an alert that still stands is told again."
    )
    webhook_url: BaseUrl | None = Field(
        default=None, description="Where alerts are posted, beside the log."
    )
    webhook_secret: Annotated[SecretStr, Field(min_length=16, max_length=200)] | None = Field(
        default=None,
        description="Signs what is posted: HMAC-SHA256 of time and body, in X-Overround-Signature.",
    )
    webhook_timeout_s: Annotated[float, Field(ge=0.1, le=60)] = Field(
        default=5.0, description="Seconds in which the receiver has to answer."
    )


class LlmSettings(Section):
    """A model that words the status report; the rules do where there is none."""

    kind: Literal["openai", "anthropic"] = Field(
        default="openai",
        description="How it is asked: `openai` is /v1/chat/completions, which most servers speak; "
        "`anthropic` is /v1/messages.",
    )
    url: BaseUrl | None = Field(
        default=None, description="Where it is, up to and without /v1; unset, no model is asked."
    )
    model: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="Which model; unset, none is asked."
    )
    key: Annotated[SecretStr, Field(min_length=1, max_length=500)] | None = Field(
        default=None, description="Its key, where it wants one."
    )
    timeout_s: Seconds = Field(
        default=10.0, description="Seconds after which the rules' own words stand."
    )
    every_s: Annotated[int, Field(ge=10, le=86_400)] = Field(
        default=300,
        description="Least seconds between two questions; one that would say the same is not "
        "asked again.",
    )
