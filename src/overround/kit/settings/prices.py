"""Settings of where prices come from: the hub, providers by schedule, browsers."""

from __future__ import annotations

from typing import Annotated, cast

from pydantic import Field, SecretStr, field_validator

from overround.kit.settings.bounds import BaseUrl, Name, PollSeconds, Port, Seconds, Section


class HubSettings(Section):
    """The single writer of the board."""

    host: Annotated[str, Field(min_length=1, max_length=255)] = Field(
        default="127.0.0.1",
        description="Address the hub listens on for workers; on any other than loopback what it "
        "shows asks for a worker's token.",
    )
    port: Port = Field(default=8001, description="Port the hub listens on.")


class WindowSettings(Section):
    """From `within_s` before the first start on, ask every `every_s`."""

    within_s: PollSeconds = Field(description="Seconds before the start that the provider names.")
    every_s: PollSeconds = Field(description="Seconds between two askings from then on.")


class SportSettings(Section):
    """How one sport of one provider is asked; `options` are the provider's own."""

    every_s: PollSeconds = Field(description="Seconds between two askings.")
    windows: Annotated[tuple[WindowSettings, ...], Field(max_length=20)] = Field(
        default=(), description="More often as a start comes near."
    )
    options: Annotated[dict[Name, Annotated[str, Field(max_length=500)]], Field(max_length=20)] = (
        Field(default={}, description="The provider's own (docs/guides/schedules.md).")
    )


class ProviderSettings(Section):
    """One provider that is asked by schedule."""

    base_url: BaseUrl | None = Field(
        default=None, description="Address in the place of the provider's own."
    )
    keys: Annotated[tuple[SecretStr, ...], Field(max_length=100)] = Field(
        default=(), description="Keys; several are a pool."
    )
    concurrency: Annotated[int, Field(ge=1, le=50)] = Field(
        default=2, description="Requests at once, of all its sports."
    )
    per_minute: Annotated[int, Field(ge=1, le=6_000)] = Field(
        default=30, description="Requests a minute in the long run."
    )
    burst: Annotated[int, Field(ge=1, le=1_000)] = Field(
        default=5, description="Requests that may come at once after a rest."
    )
    sports: Annotated[dict[Name, SportSettings], Field(max_length=500)] = Field(
        default={},
        description="What is asked for, and how often; a number is short for `every_s`.",
    )

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


class FeedsSettings(Section):
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


class ScrapeSettings(Section):
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
