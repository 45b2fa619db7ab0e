"""When a provider is asked: intervals, windows, spread, patience; breaker and budget as values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.kit.breaker import Breaker, Tolerance
from overround.kit.pace import Budget
from overround.odds.feeds import schedule
from overround.odds.feeds.keys import Answered, KeyPool, Quota
from overround.odds.feeds.request import heard, retry_at
from overround.odds.feeds.schedule import Plan, Window

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
PLAN = Plan(300, (Window(3_600, 60), Window(600, 10)))


@pytest.mark.parametrize(
    ("minutes", "every_s"),
    [
        (None, 300),
        (120, 300),
        (61, 300),
        (60, 60),
        (11, 60),
        (10, 10),
        (0, 10),
        (-90, 10),  # under way
        (-181, 300),  # over
    ],
)
def test_windows_tighten_towards_the_start(minutes: int | None, every_s: int) -> None:
    starts = [] if minutes is None else [AT + minutes * MINUTE]
    assert schedule.interval_s(PLAN, starts, AT) == every_s


def test_the_first_start_that_is_not_over_counts() -> None:
    starts = [AT - timedelta(hours=5), AT + 300 * MINUTE, AT + 9 * MINUTE]
    assert schedule.interval_s(PLAN, starts, AT) == 10
    assert schedule.starts_kept(starts, AT) == (AT + 9 * MINUTE, AT + 300 * MINUTE)


@given(st.integers(1, 100_000), st.integers(0, 2**32))
def test_the_spread_is_half_to_one_and_a_half(every_s: int, seed: int) -> None:
    after = schedule.after_success(Plan(every_s), (), AT, Random(seed)) - AT
    assert timedelta(seconds=every_s) / 2 <= after <= timedelta(seconds=every_s) * 1.5


def test_the_spread_is_even() -> None:
    chance = Random(1)
    drawn = [
        (schedule.after_success(Plan(100), (), AT, chance) - AT) / SECOND for _ in range(4_000)
    ]
    assert min(drawn) < 51
    assert max(drawn) > 149
    assert 98 < sum(drawn) / len(drawn) < 102


@given(st.integers(0, 2**32), st.integers(3_601, 4_200))
def test_a_window_that_opens_is_not_slept_through(seed: int, ahead_s: int) -> None:
    starts = [AT + timedelta(seconds=ahead_s)]
    plan = Plan(3_000, (Window(3_600, 60),))
    opens_at = starts[0] - timedelta(seconds=3_600)
    after = schedule.after_success(plan, starts, AT, Random(seed))
    assert after <= max(opens_at + MINUTE, AT + timedelta(seconds=1_500))
    assert after >= min(opens_at, AT + timedelta(seconds=1_500))


def test_patience_doubles_up_to_its_bound() -> None:
    plan = Plan(60, back_off_s_max=1_000)
    for failures, base_s in [(1, 120), (2, 240), (3, 480), (4, 960), (5, 1_000), (99, 1_000)]:
        drawn = [
            schedule.after_failure(plan, (), AT, failures, Random(seed)) - AT for seed in range(200)
        ]
        assert min(drawn) >= base_s * SECOND / 2
        assert max(drawn) <= base_s * SECOND * 1.5


def test_what_the_provider_asks_for_is_waited_out() -> None:
    until = AT + timedelta(hours=30)
    after = schedule.after_failure(PLAN, (), AT, 1, Random(1), until)
    assert until <= after <= until + 30 * SECOND


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30),
        (" 30 ", 30),
        ("Mon, 02 Mar 2026 12:01:00 GMT", 60),
        ("Mon, 02 Mar 2026 11:00:00 GMT", 0),
        ("99999999", 31 * 86_400),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("1e9", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: int | None) -> None:
    expected = None if seconds is None else AT + seconds * SECOND
    assert retry_at({"Retry-After": text}, AT) == expected


def test_an_answer_without_words_of_its_own_is_heard_by_its_status() -> None:
    assert heard(429, {"retry-after": "5"}, b"", AT) == Answered("busy", Quota(), AT + 5 * SECOND)
    assert heard(429, {}, b"", AT) == Answered("busy", Quota())
    assert heard(503, {"retry-after": "5"}, b"", AT).verdict == "busy"
    assert [heard(code, {}, b"", AT).verdict for code in (200, 304, 401, 404, 500)] == [
        "ok",
        "ok",
        "bad_key",
        "bad_request",
        "failed",
    ]


def test_a_breaker_opens_waits_tries_once_and_closes() -> None:
    tolerance = Tolerance(failures_max=3, open_s=30, open_s_max=100, trial_s=60)
    breaker = Breaker()
    for _ in range(2):
        breaker = breaker.failed(AT, tolerance)
    assert breaker.state == "closed"
    assert breaker.asking(AT, tolerance) == breaker
    breaker = breaker.failed(AT, tolerance)
    assert (breaker.state, breaker.until) == ("open", AT + 30 * SECOND)
    assert breaker.asking(AT + 29 * SECOND, tolerance) is None
    trial = breaker.asking(AT + 30 * SECOND, tolerance)
    assert trial is not None
    assert trial.state == "half_open"
    # One at a time, until the one is given up.
    assert trial.asking(AT + 31 * SECOND, tolerance) is None
    assert trial.asking(AT + 90 * SECOND, tolerance) is not None
    assert trial.answered() == Breaker()
    again = trial.failed(AT + 31 * SECOND, tolerance)
    assert (again.state, again.until) == ("open", AT + 91 * SECOND)
    # What comes back late from before it opened changes nothing.
    assert again.failed(AT + 32 * SECOND, tolerance) == again
    for _ in range(20):
        trial = again.asking(again.until or AT, tolerance)
        assert trial is not None
        again = trial.failed(trial.until or AT, tolerance)
    assert again.trips > 20
    assert again.until == (trial.until or AT) + 100 * SECOND


@given(st.integers(1, 600), st.integers(1, 20), st.lists(st.integers(0, 30_000), max_size=200))
def test_a_budget_is_never_overdrawn(per_minute: int, burst: int, waits_ms: list[int]) -> None:
    """In no span of time are there more requests than the burst and the rate allow."""
    budget, due_at, at = Budget(per_minute, burst), None, AT
    went: list[datetime] = []
    for wait_ms in waits_ms:
        at += timedelta(milliseconds=wait_ms)
        at = max(at, budget.ready_at(due_at, at))
        due_at = budget.spent(due_at, at)
        went.append(at)
    for n, first in enumerate(went):
        for m in range(n, len(went)):
            allowed = burst + (went[m] - first) / budget.share
            assert m - n + 1 <= allowed + 1e-6


def test_keys_without_credits_rest_and_are_tried_again() -> None:
    pool = KeyPool.of(("one", "two"))
    for secret in ("one", "two"):
        pool = pool.heard(secret, Answered("ok", Quota(remaining=1)))
    assert pool.remaining == 2
    assert pool.pick(3, AT) is None
    pool = pool.spent(3, AT + 60 * MINUTE)
    assert pool.rests_until() == AT + 60 * MINUTE
    assert pool.pick(3, AT + 59 * MINUTE) is None
    assert pool.pick(3, AT + 60 * MINUTE) is not None
