"""Settings of who comes in: the HTTP edge, open pages, log-ins."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from overround.kit.settings.bounds import Network, Port, Section


class WebSettings(Section):
    """The HTTP edge."""

    host: Annotated[str, Field(min_length=1, max_length=255)] = Field(
        default="127.0.0.1", description="Address the api listens on."
    )
    port: Port = Field(default=8000, description="Port the api listens on.")
    processes: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1,
        description="How many processes of the api `overround serve` keeps; they share the port.",
    )
    base_domain: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")] = Field(
        default="localhost",
        description="Domain under which each tenant has a host: <tenant>.<base_domain>.",
    )
    trusted_proxies: Annotated[tuple[Network, ...], Field(max_length=50)] = Field(
        default=(),
        description="Addresses or networks of the proxies in front, such as 127.0.0.1/32: whose "
        "X-Forwarded-Proto and X-Forwarded-For are believed; from anybody else they are not.",
    )
    header_s: Annotated[float, Field(ge=0.1, le=600)] = Field(
        default=10.0, description="Seconds in which the head of a request has to have come."
    )


Tokens = Annotated[int, Field(ge=1, le=10_000_000)]
PerSecond = Annotated[float, Field(ge=0.01, le=1_000_000)]


class LimitSettings(Section):
    """How often one may ask, by class of endpoint; each tenant has buckets of its own."""

    public_burst: Tokens = Field(
        default=100,
        description="Most at one moment: public reads of the API, for each address; past it the "
        "cached copy is answered where there is one.",
    )
    public_per_s: PerSecond = Field(
        default=2.0, description="Tokens a second that the bucket `public` gains."
    )
    page_burst: Tokens = Field(
        default=300, description="Most at one moment: pages and what they load, for each address."
    )
    page_per_s: PerSecond = Field(
        default=10.0, description="Tokens a second that the bucket `page` gains."
    )
    login_burst: Tokens = Field(
        default=100,
        description="Most at one moment: log-ins and registrations, for each address; wrong "
        "passwords are slowed down besides.",
    )
    login_per_s: PerSecond = Field(
        default=2.0, description="Tokens a second that the bucket `login` gains."
    )
    read_burst: Tokens = Field(
        default=300,
        description="Most at one moment: reads of who is logged in, and of a key's address.",
    )
    read_per_s: PerSecond = Field(
        default=20.0, description="Tokens a second that the bucket `read` gains."
    )
    write_burst: Tokens = Field(
        default=100, description="Most at one moment: writes of who is logged in, bets apart."
    )
    write_per_s: PerSecond = Field(
        default=10.0, description="Tokens a second that the bucket `write` gains."
    )
    bets_burst: Tokens = Field(default=100, description="Most at one moment: bets of one player.")
    bets_per_s: PerSecond = Field(
        default=10.0, description="Tokens a second that the bucket `bets` gains."
    )
    tenant_burst: Tokens = Field(
        default=20_000,
        description="Most at one moment: all of one tenant's requests of one class together.",
    )
    tenant_per_s: PerSecond = Field(
        default=10_000.0, description="Tokens a second that the bucket `tenant` gains."
    )


class StreamSettings(Section):
    """Open pages, each with one stream."""

    process_max: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=5_000, description="Most open streams of one api process."
    )
    address_max: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=1_000,
        description="Most open streams from one address; behind a proxy all come from the proxy's.",
    )


class SessionSettings(Section):
    """How long a login lasts."""

    idle_s: Annotated[int, Field(ge=60, le=31_536_000)] = Field(
        default=3_600, description="Seconds without a request after which a session ends."
    )
    absolute_s: Annotated[int, Field(ge=60, le=31_536_000)] = Field(
        default=86_400, description="Seconds after which a session ends in any case."
    )
    permanent_idle_s: Annotated[int, Field(ge=60, le=31_536_000)] = Field(
        default=86_400,
        description="As idle_s, for who asked to stay logged in.",
    )
    permanent_absolute_s: Annotated[int, Field(ge=60, le=31_536_000)] = Field(
        default=2_592_000,
        description="As absolute_s, for who asked to stay logged in.",
    )
