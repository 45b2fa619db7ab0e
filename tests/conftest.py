"""Fixtures of every area. The servers start with the first test that asks for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator

import pytest
import structlog
from hypothesis import HealthCheck, settings

from overround.db.logins import Role
from overround.roles.attach import Endpoints
from tests.support.servers import fresh_database, shared_servers

# A property is tried fifty times here, where it runs with every change, and ten thousand times by
# `make numbers`. No example has a deadline: how long one takes says more about the machine's other
# work than about it.
settings.register_profile("suite", max_examples=50, deadline=None)
settings.register_profile(
    "numbers", max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")

# A failure that a test provokes is told in a few lines: with the locals of every frame, as is the
# default on a terminal, each takes seconds to print.
_PLAIN = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _PLAIN])


@pytest.fixture(scope="session")
def endpoints() -> Generator[Endpoints]:
    """The embedded servers, one pair for the whole run."""
    with shared_servers() as found:
        yield found


@pytest.fixture(scope="session")
def app_road(endpoints: Endpoints) -> Generator[Callable[[str], str]]:
    """How the api's login gets to its database: straight, or by PgBouncer for `make pooled`."""
    if not os.environ.get("POOLED"):
        yield lambda url: url
        return
    from tests.support.pooler import pooler

    with pooler(endpoints) as found:
        yield found.url


@pytest.fixture
def database_urls(
    endpoints: Endpoints, app_road: Callable[[str], str]
) -> Generator[dict[Role, str]]:
    """A new migrated database for this test: the URL of each login (owner, app, worker, reader)."""
    with fresh_database(endpoints) as urls:
        yield {**urls, "app": app_road(urls["app"])}


@pytest.fixture
def empty_database_urls(endpoints: Endpoints) -> Generator[dict[Role, str]]:
    """A new database without the schema."""
    with fresh_database(endpoints, migrated=False) as urls:
        yield urls
