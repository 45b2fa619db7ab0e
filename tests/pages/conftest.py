"""Houses that are served, and browsers for whoever visits them."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from playwright.sync_api import Browser

from overround.roles.attach import Endpoints
from tests.pages.moving import Moving, moving
from tests.support import browser as browsers
from tests.support.house import House, furnished, served
from tests.support.servers import fresh_database


@pytest.fixture(scope="module")
def house(endpoints: Endpoints) -> Generator[Moving]:
    """Made before the browser is started, and not at all where there is none."""
    browsers.require_chromium()
    with moving(endpoints) as found:
        yield found


@pytest.fixture(scope="module")
def chromium(house: Moving) -> Generator[Browser]:
    with browsers.chromium() as found:
        yield found


@pytest.fixture(scope="module")
def office(endpoints: Endpoints) -> Generator[House]:
    """A served house with bets in it, for all tests of this file."""
    with fresh_database(endpoints) as urls, served(endpoints, urls, furnished(urls)) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with browsers.chromium() as found:
        yield found
