"""The short version of `make scrapers`: real browsers, a real hub, a book that freezes and a
scraper that is killed."""

from __future__ import annotations

import asyncio

import pytest

from tests.scrapers import story
from tests.support.browser import require_chromium
from tests.support.ports import free_port


@pytest.mark.timeout(300)
@pytest.mark.story
def test_three_scrapers_feed_one_hub_while_one_freezes_and_one_is_killed() -> None:
    require_chromium()
    report = asyncio.run(story.play(0, 3, free_port(), ("freeze", "kill scraper"), 3.0))
    assert not report.missed, report.text()
    assert report.counted()
    assert None not in report.delays(), report.text()
    assert None not in report.expiries(), report.text()
    assert not report.false_ones(), report.text()
    assert len(report.baits) == 1
    assert not report.swallowed_baits(), report.text()
