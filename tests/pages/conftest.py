"""A house whose prices move, and a browser for whoever visits it."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from playwright.sync_api import Browser

from overround.roles.attach import Endpoints
from tests.pages.moving import Moving, moving
from tests.support import browser as browsers


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
