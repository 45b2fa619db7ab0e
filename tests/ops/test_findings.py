"""When the house is well: each thing that can be wrong has a name, and a healthy house has none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from overround import ops
from overround.ops import reports, rules
from overround.ops.model import (
    Asked,
    Books,
    Gate,
    Held,
    Life,
    Look,
    Standing,
    Storage,
    Waiting,
)

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def life(role: str, **changed: Any) -> Life:
    facts = {"tick_at": AT.isoformat()} if role == "hub" else {}
    lived = Life(role, f"{role}, pid 1 (x) on y", "0.1.0", AT - MINUTE, AT, facts)
    return replace(lived, **changed)


def asked(polls: int, ok: int, **changed: Any) -> Asked:
    states = {"ok": ok, "timeout": polls - ok}
    one = Asked(
        "draftkings", "football", polls, ok, states, 90, 5, 80, {"price_unreadable": 10}, 9_000,
        polls * 200, 900, AT, "ok" if ok else "timeout", AT if ok else None, 40,
    )  # fmt: skip
    return replace(one, **changed)


HEALTHY = Look(
    at=AT,
    version="0.1.0",
    storage=Storage("18.4", 9_000_000, 1_000_000, 3, AT - timedelta(days=2)),
    cache="9.1",
    lives=[life(role) for role in ("api", "hub", "settle", "jobs")],
    leases=[Held("hub", "hub, pid 1 (x) on y", AT + MINUTE)],
    asked=[asked(10, 10)],
    standing=[Standing("draftkings", None, None, None, 80, 70, 5, 1_000, 9_000)],
    quarantined=[],
    queue=[],
    inbox=Waiting(0, None),
    settle=Waiting(0, None),
    books=Books(AT - MINUTE, 2),
    gates={"draftkings": Gate("closed", None, None, 40)},
)


def without(role: str) -> list[Life]:
    return [one for one in HEALTHY.lives if one.role != role]


def found(**changed: Any) -> list[tuple[str, str]]:
    """(code, level) of each finding in the healthy house with something changed."""
    return [(one.code, one.level) for one in rules.findings(replace(HEALTHY, **changed))]


def test_a_healthy_house_has_no_findings() -> None:
    assert rules.findings(HEALTHY) == []
    assert ops.report(HEALTHY)["status"] == "healthy"


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({"lives": []}, [("nothing_runs", "down")]),
        ({"lives": without("api")}, [("no_api", "down")]),
        ({"lives": without("hub")}, [("no_hub", "degraded")]),
        ({"lives": without("settle")}, [("no_settle", "degraded")]),
        ({"lives": [*without("jobs"), life("jobs", ended=True)]}, [("no_jobs", "degraded")]),
        (
            {"lives": [*without("jobs"), life("jobs", beat_at=AT - MINUTE)]},
            [("no_jobs", "degraded")],
        ),
        (
            {"lives": [*without("hub"), life("hub", facts={"tick_at": "2026-03-02T11:00:00Z"})]},
            [("hub_stands", "degraded")],
        ),
        (
            {"lives": [*without("hub"), life("hub", facts={"tick_at": "yesterday"})]},
            [("hub_stands", "degraded")],
        ),
        ({"cache": None}, [("cache_away", "degraded")]),
        ({"inbox": Waiting(1, AT - 3 * MINUTE)}, [("inbox_waits", "degraded")]),
        ({"inbox": Waiting(1, AT - MINUTE)}, []),
        ({"settle": Waiting(1, AT - 3 * MINUTE)}, [("settlement_waits", "degraded")]),
        ({"slips": {"asked": Waiting(1, AT - 4 * MINUTE)}}, [("slips_wait", "degraded")]),
        ({"slips": {"approval": Waiting(1, AT - 4 * MINUTE)}}, []),
        ({"cash_outs": Waiting(1, AT - 4 * MINUTE)}, [("cash_outs_wait", "degraded")]),
        ({"cash_outs": Waiting(1, AT - 2 * MINUTE)}, []),
        ({"settle": Waiting(0, None, 2)}, [("settlement_stuck", "degraded")]),
        ({"asked": [asked(10, 7)]}, [("provider_fails", "degraded")]),
        ({"asked": [asked(10, 8)]}, []),
        ({"asked": [asked(1, 0)]}, [("provider_fails", "degraded")]),
        ({"asked": [asked(4, 1)]}, []),
        ({"gates": {"x": Gate("open", AT, None, None)}}, [("breaker_open", "degraded")]),
        ({"gates": {"x": Gate("closed", None, None, 0)}}, [("quota_spent", "degraded")]),
        ({"books": Books(AT, 2, ("acme: it does not add up",))}, [("books_broken", "degraded")]),
        ({"books": Books(AT - timedelta(days=2), 2)}, [("books_unchecked", "degraded")]),
        ({"books": Books(None)}, []),
    ],
)
def test_what_is_wrong_has_a_name(changed: dict[str, Any], codes: list[tuple[str, str]]) -> None:
    assert found(**changed) == codes


def test_the_worst_comes_first_and_is_the_status() -> None:
    look = replace(HEALTHY, cache=None, lives=without("api"))
    report = ops.report(look)
    assert [one["code"] for one in report["findings"]] == ["no_api", "cache_away"]
    assert report["status"] == "down"
    assert ops.report(replace(HEALTHY, cache=None))["status"] == "degraded"


def test_a_hub_that_waits_for_the_lease_is_not_the_writer() -> None:
    waiting = life("hub", holder="hub, pid 2 (x) on y", facts={"events": 9})
    report = ops.report(replace(HEALTHY, lives=[*HEALTHY.lives, waiting]))
    assert report["hub"] == {"tick_at": AT.isoformat()}
    assert ops.report(replace(HEALTHY, leases=[]))["hub"] is None


def test_a_provider_is_told_as_a_whole() -> None:
    sports = [asked(10, 10), asked(10, 5, sport="tennis", quota_left=39, last_at=AT + MINUTE)]
    gates = {"draftkings": Gate("closed", None, None, None)}
    (told,) = ops.report(replace(HEALTHY, asked=sports, gates=gates))["providers"]
    assert (told["polls"], told["ok"], told["success_bps"]) == (20, 15, 7_500)
    assert told["states"] == {"ok": 15, "timeout": 5}
    assert told["rejected"] == {"price_unreadable": 20}
    assert told["quota_left"] == 39
    assert told["took_ms_mean"] == 200
    assert told["standing"]["age_p95_ms"] == 9_000
    assert [one["sport"] for one in told["sports"]] == ["football", "tennis"]


def test_books_are_told_and_read_again() -> None:
    for books in (Books(None), Books(AT, 2), Books(AT, 2, ("acme: broken",))):
        said = ops.books_report(books)
        assert reports.books_of(said) == books
    assert reports.books_of(None) == Books(None)


def test_ids_are_found_by_their_time() -> None:
    from overround.core import ids

    assert rules.first_id(AT) <= ids.new(AT) < rules.first_id(AT + MINUTE)
