"""What the demonstration's players decide, and what they write down."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from overround.core.errors import SettingsError
from overround.roles.demo import crowd, diary
from overround.roles.demo.crowd import Choice, Plan, Shown
from overround.roles.demo.diary import Diary

STARTS = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)


def _event(n: int, *prices: str) -> Shown:
    choices = tuple(
        Choice(f"s{n}{i}", "1x2", text, int(float(text) * 10_000)) for i, text in enumerate(prices)
    )
    return Shown(f"e{n}", STARTS, choices)


EVENTS = [_event(n, "2.00", "3.40", "4.20") for n in range(8)]


def _slips(seed: int, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for n in range(count):
        rng = random.Random(f"{seed}:{n}")
        plan = crowd.plan(rng, len(EVENTS), 100_00)
        assert plan is not None
        slip = crowd.slip(rng, plan, [EVENTS[place] for place in plan.places], "EUR")
        assert slip is not None
        found.append(slip)
    return found


def test_one_seed_gives_the_same_slips() -> None:
    assert _slips(1, 50) == _slips(1, 50)
    assert _slips(1, 50) != _slips(2, 50)


def test_slips_are_of_every_kind() -> None:
    slips = _slips(1, 2_000)
    assert {len(slip["legs"]) for slip in slips} >= {1, 2, 3, 4}
    assert {slip["odds_policy"] for slip in slips} == {"none", "higher", "any"}
    stakes = {slip["stake"] for slip in slips}
    assert {"1.00", "50.00", "0.01", "101.00"} <= stakes
    pairs = [{leg["selection_id"][:2] for leg in slip["legs"]} for slip in slips]
    twice = sum(len(events) < len(slip["legs"]) for slip, events in zip(slips, pairs, strict=True))
    assert 0 < twice < 100


def test_a_yen_has_no_decimals() -> None:
    rng = random.Random(1)
    slip = crowd.slip(rng, Plan((0,), "any", 0, 500, None), [EVENTS[0]], "JPY")
    assert slip is not None
    assert slip["stake"] == "500"


def test_what_is_not_open_is_not_bet_on() -> None:
    item = {
        "id": "e1",
        "starts_at": "2026-03-01T15:00:00Z",
        "markets": [
            {
                "market": "total",
                "selections": [
                    {"selection_id": "a", "price": "1.90", "state": "open"},
                    {"selection_id": "b", "price": "1.95", "state": "suspended"},
                ],
            }
        ],
    }
    shown = crowd.shown(item)
    assert shown == Shown("e1", STARTS, (Choice("a", "total", "1.90", 19_000),))
    plan = Plan((0,), "any", 0, 100, "same_event")
    assert crowd.slip(random.Random(1), plan, [Shown("e1", STARTS, ())], "EUR") is None
    assert crowd.plan(random.Random(1), 0, 100) is None


def test_a_pause_grows_and_has_an_end() -> None:
    rng = random.Random(1)
    pauses = [[crowd.pause_s(rng, failures) for _ in range(100)] for failures in (0, 2, 10_000)]
    means = [sum(some) for some in pauses]
    assert means == sorted(means)
    assert min(pauses[0]) > 0.04
    assert max(pauses[2]) <= 1.5
    assert len(set(pauses[2])) == 100


def _filled(path: Path) -> Diary:
    book = Diary(path, "r1")
    book.joined("acme-0", "t0")
    book.joined("acme-1", "t1")
    ask = book.asks("acme-0", "deposits", {"amount": "5.00"})
    book.answered(ask, "paid")
    ask = book.asks("acme-0", "bets", {"stake": "1.00"})
    book.answered(ask, "accepted", "b1")
    book.waits(book.asks("acme-1", "bets", {"stake": "3.00"}), "/slips/s0")
    book.asks("acme-1", "bets", {"stake": "2.00"})
    return book


def test_a_diary_that_is_read_again_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / diary.NAME
    book = _filled(path)
    book.close()
    again = Diary(path, "r1")
    assert again.facts == book.facts
    assert again.facts.bets == {"b1": "acme-0:1"}
    assert again.facts.asked["acme-1"].body == {"stake": "2.00"}
    assert again.asks("acme-0", "bets", {}).n == 2
    again.joined("acme-0", "t2")
    assert again.facts.members["acme-0"].next_n == 3
    again.close()


def test_what_waits_is_remembered_until_something_became_of_it(tmp_path: Path) -> None:
    path = tmp_path / diary.NAME
    _filled(path).close()
    book = Diary(path, "r1")
    assert book.facts.waiting == {"acme-1": {0: "/slips/s0"}}
    # What has no answer is another request: a player whose slip waits goes on.
    assert book.facts.asked["acme-1"].n == 1
    book.became("acme-1", 0, "accepted", "s0")
    book.waits(book.facts.asked["acme-1"], "/slips/s1")
    book.became("acme-1", 1, "slip_expired")
    book.close()
    found = diary.read(path)
    assert found is not None
    assert found == book.facts
    assert (found.waiting, found.asked) == ({}, {})
    assert found.bets == {"b1": "acme-0:1", "s0": "acme-1:0"}
    assert found.outcomes == {"paid": 1, "accepted": 2, "slip_expired": 1}


def test_a_torn_line_is_as_if_it_had_not_been_written(tmp_path: Path) -> None:
    path = tmp_path / diary.NAME
    book = _filled(path)
    book.close()
    with path.open("ab") as file:
        file.write(b'{"answer":"acme-1","n":1,"outco')
    again = Diary(path, "r1")
    assert again.facts == book.facts
    again.answered(again.facts.asked["acme-1"], "price_changed")
    again.close()
    found = diary.read(path)
    assert found is not None
    assert found.asked == {}
    assert found.outcomes == {"paid": 1, "accepted": 1, "price_changed": 1}


def test_a_long_diary_keeps_its_sums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diary, "BYTES_MAX", 600)
    path = tmp_path / diary.NAME
    book = _filled(path)
    for n in range(100):
        book.answered(book.asks("acme-0", "bets", {}), "accepted", f"c{n}")
        assert path.stat().st_size < 900
    book.close()
    found = diary.read(path)
    assert found is not None
    assert found == book.facts
    assert found.outcomes == {"paid": 1, "accepted": 101}
    assert found.members["acme-0"].next_n == 102
    assert found.asked.keys() == {"acme-1"}


@pytest.mark.parametrize("text", ["[]\n", "{}\n", "{\n", json.dumps({"run": "r1"}) + "\n", "\n"])
def test_another_file_is_no_diary(text: str, tmp_path: Path) -> None:
    path = tmp_path / diary.NAME
    path.write_text(text)
    with pytest.raises(SettingsError):
        Diary(path, "r1")
