"""A site's file is an input: what is wrong in it is named; an operator's lies over ours."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from overround.core.errors import Invalid, SettingsError
from overround.odds.feeds import browser
from overround.odds.feeds.browser import SITES, site_of
from overround.odds.feeds.browser.manners import resolver_rules
from overround.odds.feeds.browser.site import StartForm
from overround.odds.feeds.browser.starts import moment
from overround.roles.scraping import role as scrape

SMALL = """
site: sbo
page: {board: main}
event: {each: li, home: b, away: i, starts: s}
markets:
  - {market: 1x2, each: ., prices: {home: a.h, draw: a.d, away: a.a}}
"""


def test_every_site_of_ours_is_in_order() -> None:
    assert {browser.site_named(name).site for name in SITES} == set(SITES)


def test_an_operators_file_changes_what_it_names_and_nothing_else() -> None:
    before = browser.site_named("cmd")
    after = browser.site_named("cmd", "event: {each: li.new}\npass_s: 1\n")
    assert (after.event.each, after.pass_s) == ("li.new", 1)
    assert after.event.home == before.event.home
    assert after.markets == before.markets


@pytest.mark.parametrize(
    ("over", "named"),
    [
        ("pge: {board: x}", "pge"),
        ("event: {each: ''}", "event.each"),
        (f"event: {{each: {'x' * 401}}}", "event.each"),
        ("odds_format: roman", "roman"),
        ("odds_words: {MY: malay}", "both or neither"),
        ("starts: {pattern: '('}", "starts.pattern"),
        ("starts: {pattern: '(?P<week>x)'}", "iso"),
        ("starts: {zone: Nowhere/City}", "starts.zone"),
        ("markets: [{market: odds, each: a, prices: {home: x, away: y}}]", "odds"),
        ("markets: [{market: total, each: a, prices: {over: x, under: y}}]", "line"),
        ("markets: [{market: 1x2, each: a, prices: {home: x, away: y}}]", "home, draw, away"),
        ("pass_s: 0", "pass_s"),
        ("[1, 2]", "mapping"),
        ("a: [", "YAML"),
        ("x" * 70_000, "bytes"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(over: str, named: str) -> None:
    with pytest.raises(SettingsError) as refused:
        site_of(SMALL, over)
    assert named in refused.value.detail


def test_a_file_that_asks_for_objects_gets_none() -> None:
    with pytest.raises(SettingsError):
        site_of(SMALL, "site: !!python/object/apply:os.getcwd []")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T19:00:00+08:00", datetime(2026, 11, 22, 11, tzinfo=UTC)),
        ("1795376400000", datetime(2026, 11, 22, 19, 40, tzinfo=UTC)),
        ("1795376400", datetime(2026, 11, 22, 19, 40, tzinfo=UTC)),
        ("2026-11-22T19:00:00", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_stamp_says_its_zone_or_is_none(text: str, expected: datetime | None) -> None:
    assert moment(StartForm(), text, datetime(2026, 11, 21, tzinfo=UTC)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("31 dez 23:30", datetime(2027, 1, 1, 2, 30, tzinfo=UTC)),
        ("2 jan 10:00", datetime(2027, 1, 2, 13, 0, tzinfo=UTC)),
        ("20 mai 10:00", datetime(2027, 5, 20, 13, 0, tzinfo=UTC)),
        ("31 fev 10:00", None),
        ("20 xyz 10:00", None),
    ],
)
def test_words_of_a_date_are_read_by_the_pages_clock(text: str, expected: datetime | None) -> None:
    form = browser.site_named("bet365_page").starts
    assert moment(form, text, datetime(2026, 12, 1, tzinfo=UTC)) == expected


def test_trackers_pictures_and_fonts_are_not_loaded() -> None:
    board = browser.board_of("http://book.example:8080/odds")
    wanted = {
        ("http://book.example:8080/feed", "fetch"): True,
        ("ws://book.example:8080/live", "websocket"): True,
        ("http://book.example:8080/logo.png", "image"): False,
        ("http://book.example:8080/a.woff2", "font"): False,
        ("http://book.example/feed", "fetch"): False,
        ("https://tracker.example/t.js", "script"): False,
        ("https://cdn.example/app.js", "script"): True,
        ("https://a.static.example/app.js", "script"): True,
        ("https://static.example.evil.example/app.js", "script"): False,
        ("http://169.254.169.254/latest", "fetch"): False,
        ("file:///etc/passwd", "document"): False,
        ("data:text/css,a{}", "stylesheet"): True,
        ("http://[bad/", "fetch"): False,
    }
    hosts = ["cdn.example", "*.static.example"]
    assert {
        (url, kind): browser.is_wanted(url, kind, board, hosts) for url, kind in wanted
    } == wanted
    assert resolver_rules(board, hosts) == (
        "MAP * ~NOTFOUND, EXCLUDE book.example, EXCLUDE cdn.example, EXCLUDE *.static.example"
    )


@pytest.mark.parametrize(
    "url",
    ["", "book", "file:///etc/passwd", "http://", "http://a:b@book.example/", "http://x:99999/"],
)
def test_a_board_is_an_address_of_the_web(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        browser.board_of(url)
    assert refused.value.code == "url_invalid"


def test_what_robots_txt_says_is_heard() -> None:
    body = "User-agent: *\nDisallow: /odds\nUser-agent: overround\nDisallow: /members\n"
    assert browser.robots_allow(body, "http://book.example/odds")
    assert not browser.robots_allow(body, "http://book.example/members/odds")
    assert browser.robots_allow("", "http://book.example/odds")
    assert browser.robots_allow("\x00\x01 nonsense", "http://book.example/odds")


def test_files_of_secrets_are_bounded_and_whole(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("abc.DEF-1\n")
    assert scrape.token_of(file) == "abc.DEF-1"
    for wrong in ("", "two words", "x" * 2_000, "é"):
        file.write_text(wrong)
        with pytest.raises(SettingsError):
            scrape.token_of(file)
    file.write_text("ann\ncorrect horse\n")
    account = browser.account_of(file)
    assert (account.user, account.password) == ("ann", "correct horse")
    assert "horse" not in repr(account)
    file.write_text("ann\n")
    with pytest.raises(SettingsError):
        browser.account_of(file)


def test_a_hub_may_be_named_in_several_ways() -> None:
    for url in ("ws://hub:8001", "http://hub:8001/", "ws://hub:8001/ws", "http://hub:8001/ws/"):
        assert scrape.hub_of(url) == "ws://hub:8001/ws"
    assert scrape.hub_of("https://hub.example") == "wss://hub.example/ws"
    for url in ("hub:8001", "ftp://hub", "ws://"):
        with pytest.raises(SettingsError):
            scrape.hub_of(url)
