"""What to ask The Odds API for, what its answers say about a key, and which key goes next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from overround.core.errors import Invalid
from overround.odds.feeds import the_odds_api
from overround.odds.feeds.the_odds_api import Key, KeyPool, Quota

AT = datetime(2026, 4, 16, 19, 0, tzinfo=UTC)
BUSY = b'{"message":"Requests are too frequent","error_code":"EXCEEDED_FREQ_LIMIT"}'
SPENT = b'{"message":"Usage quota has been reached","error_code":"OUT_OF_USAGE_CREDITS"}'


def test_a_request_names_all_but_its_key_and_knows_its_cost() -> None:
    request = the_odds_api.odds("soccer_epl", ("eu", "uk"))
    assert request.path == "/v4/sports/soccer_epl/odds"
    assert ("markets", "h2h,spreads,totals") in request.parameters
    assert request.cost == 6
    assert "secret" not in repr(request)
    assert request.url("secret").startswith(
        "https://api.the-odds-api.com/v4/sports/soccer_epl/odds?apiKey=secret&regions=eu%2Cuk"
    )


def test_ten_bookmakers_cost_what_a_region_does() -> None:
    names = [f"book{n}" for n in range(11)]
    assert the_odds_api.odds("soccer_epl", bookmakers=names[:10]).cost == 3
    assert the_odds_api.odds("soccer_epl", bookmakers=names).cost == 6
    event = the_odds_api.event_odds("soccer_epl", "a" * 32, ("btts", "totals_h1"))
    assert event.cost == 2
    assert event.path == f"/v4/sports/soccer_epl/events/{'a' * 32}/odds"
    assert the_odds_api.scores("soccer_epl").cost == 1
    assert the_odds_api.scores("soccer_epl", 3).cost == 2


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda: the_odds_api.odds("soccer_epl", ("mars",)), "unknown_region"),
        (lambda: the_odds_api.odds("soccer_epl", markets=("pinnacle",)), "unknown_market"),
        (lambda: the_odds_api.odds("../sports"), "invalid_key"),
        (lambda: the_odds_api.odds("x", bookmakers=["a"] * 101), "too_many_bookmakers"),
        (lambda: the_odds_api.event_odds("x", "..", ("btts",)), "invalid_key"),
        (lambda: the_odds_api.event_odds("x", "a" * 32, ("a&b",)), "unknown_market"),
        (lambda: the_odds_api.scores("x", 4), "days_out_of_range"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_it_costs(ask: object, code: str) -> None:
    assert callable(ask)
    with pytest.raises(Invalid) as refused:
        ask()
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("headers", "quota"),
    [
        (
            {"X-Requests-Remaining": "498", "x-requests-used": "2", "x-requests-last": "2"},
            Quota(498, 2, 2),
        ),
        ({"x-requests-remaining": "498.0"}, Quota(498)),
        ({"x-requests-remaining": "-1"}, Quota()),
        ({"x-requests-remaining": "9" * 99}, Quota()),
        ({}, Quota()),
    ],
)
def test_credits_are_read_from_the_headers(headers: dict[str, str], quota: Quota) -> None:
    assert the_odds_api.quota_of(headers) == quota


@pytest.mark.parametrize(
    ("status", "headers", "body", "verdict", "rest"),
    [
        (200, {"x-requests-remaining": "0"}, b"[]", "ok", None),
        (429, {}, BUSY, "busy", timedelta(seconds=2)),
        (429, {"Retry-After": "7"}, BUSY, "busy", timedelta(seconds=7)),
        (429, {"x-requests-remaining": "0"}, BUSY, "busy", timedelta(seconds=2)),
        (429, {}, SPENT, "spent", timedelta(days=1)),
        (401, {}, SPENT, "spent", timedelta(days=1)),
        (429, {"x-requests-remaining": "0"}, b"", "spent", timedelta(days=1)),
        (429, {"retry-after": "3600"}, b"", "spent", timedelta(hours=1)),
        (429, {"retry-after": "60"}, b"", "busy", timedelta(minutes=1)),
        (429, {}, b"", "busy", timedelta(seconds=2)),
        (429, {"retry-after": "99999999"}, b"", "spent", timedelta(days=31)),
        (401, {}, b'{"error_code":"INVALID_KEY"}', "bad_key", None),
        (422, {}, b"", "bad_request", None),
        (503, {}, b"", "failed", None),
    ],
)
def test_too_many_requests_is_two_things(
    status: int, headers: dict[str, str], body: bytes, verdict: str, rest: timedelta | None
) -> None:
    found = the_odds_api.answered(status, headers, body, AT)
    assert found.verdict == verdict
    assert found.until == (AT + rest if rest else None)


def test_the_key_with_most_credits_goes_next_and_one_that_is_spent_rests() -> None:
    pool = KeyPool.of(("one", "two", "two"))
    assert [key.secret for key in pool.keys] == ["one", "two"]
    for secret, left in (("one", "10"), ("two", "90")):
        headers = {"x-requests-remaining": left}
        pool = pool.heard(secret, the_odds_api.answered(200, headers, b"", AT))
    assert _picked(pool, 6) == "two"
    pool = pool.heard("two", the_odds_api.answered(429, {}, SPENT, AT))
    assert _picked(pool, 6) == "one"
    assert _picked(pool, 11) is None
    assert _picked(pool, 6, AT + timedelta(days=2)) == "two"


def test_a_key_of_which_nothing_is_known_is_asked_first_and_a_bad_one_never() -> None:
    pool = KeyPool.of(("one", "two"))
    headers = {"x-requests-remaining": "500"}
    pool = pool.heard("one", the_odds_api.answered(200, headers, b"", AT))
    assert _picked(pool, 1) == "two"
    pool = pool.heard("two", the_odds_api.answered(401, {}, b"", AT))
    assert _picked(pool, 1, AT + timedelta(days=9)) == "one"


def test_a_key_is_never_shown() -> None:
    pool = KeyPool.of(("hush",))
    assert "hush" not in repr(pool)
    assert "hush" not in repr(Key("hush", 3))


def _picked(pool: KeyPool, cost: int, at: datetime = AT) -> str | None:
    key = pool.pick(cost, at)
    return key.secret if key else None
