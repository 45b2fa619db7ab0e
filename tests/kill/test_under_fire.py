"""Bets over HTTP while processes are killed at random; then every promise is looked at.

The short form is part of the suite; `make test-kill` is the long one (KILLS=, BETS=, SEED=). The
seed is printed; what is proved is listed in docs/proofs.md.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import statistics
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.kill.fire import clean_environment, overround, superuser_url
from tests.kill.punter import Diary, Line
from tests.kill.volley import CASH_MINOR, PRICE_E4, Volley, token_of, volley
from tests.support.ports import free_port
from tests.support.servers import state_directory, wait_stopped

REPLAYED = 100
_BACK_S = 60

BETS = """
SELECT b.id::text, b.user_id, r.key, b.stake_minor, b.outcome, b.payout_minor, l.selection_id,
       l.event_id
FROM bet b
JOIN leg l ON l.tenant_id = b.tenant_id AND l.bet_id = b.id
LEFT JOIN bet_request r ON r.tenant_id = b.tenant_id AND r.bet_id = b.id"""

MOVED = "SELECT reference::text, code, count(*), sum(amount_minor) FROM transfer GROUP BY 1, 2"

CASH = "SELECT owner_id, balance_minor FROM account WHERE kind = 'cash'"

REQUESTS = "SELECT user_id, key, decision FROM bet_request"


def test_a_short_fire(capsys: pytest.CaptureFixture[str]) -> None:
    run_through(capsys, kills=6, bets=400, events=4)


@pytest.mark.kill
@pytest.mark.timeout(3600)
def test_a_long_fire(capsys: pytest.CaptureFixture[str]) -> None:
    kills, bets = int(os.environ.get("KILLS", "200")), int(os.environ.get("BETS", "50000"))
    run_through(capsys, kills=kills, bets=bets, events=40)


def run_through(capsys: pytest.CaptureFixture[str], *, kills: int, bets: int, events: int) -> None:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 30))
    with capsys.disabled():
        sys.stdout.write(f"\nunder fire: SEED={seed} KILLS={kills} BETS={bets}\n")
    with state_directory() as state:
        state.parent.mkdir(exist_ok=True)
        with volley(state, free_port(), seed, bets, events) as under:
            under.fire(kills)
            diaries = under.diaries()
            _answers_are_given_again(under, diaries)
            _the_books_say_what_was_told(under, diaries)
            _a_lie_is_found(under, diaries)
            _verified(state)
        wait_stopped(state)
    with capsys.disabled():
        back = f"back in {statistics.median(under.back_s):.2f} s, at most {max(under.back_s):.2f} s"
        accepted = sum(diary.accepted for diary in diaries)
        sys.stdout.write(f"{accepted} bets; killed {dict(under.shots)}, {back}\n")


async def _answer(line: Line, token: str, key: str, body: dict[str, Any]) -> bytes:
    """What is said at last: while what the last kill took comes back, whoever asks is told so."""
    async with asyncio.timeout(_BACK_S):
        while True:
            with suppress(OSError, EOFError):
                status, content = await line.post(token, key, body)
                if status != 503:
                    return content
            await asyncio.sleep(0.05)


def _answers_are_given_again(under: Volley, diaries: list[Diary]) -> None:
    """The same key gets the same bytes, long after."""

    async def ask_again() -> None:
        line = Line(f"acme.localhost:{under.port}", under.port)
        for diary in diaries:
            keys = under.rng.sample(sorted(diary.answers), min(REPLAYED, len(diary.answers)))
            for key in keys:
                ask = diary.asked[key]
                content = await _answer(line, token_of(ask["player"]), key, ask["body"])
                kind, _, sha256 = diary.answers[key]
                if kind == "accepted":
                    assert hashlib.sha256(content).hexdigest() == sha256, content
                else:
                    assert json.loads(content)["code"] == diary.answers[key][1]
        line.close()

    asyncio.run(ask_again())


def _the_books_say_what_was_told(under: Volley, diaries: list[Diary]) -> None:
    with psycopg.connect(superuser_url(under.state)) as conn:
        booked = conn.execute(BETS).fetchall()
        moved = {(row[0], row[1]): (row[2], int(row[3])) for row in conn.execute(MOVED).fetchall()}
        cash = dict(conn.execute(CASH).fetchall())
        requests = conn.execute(REQUESTS).fetchall()
    told, due = _expected(under, diaries)
    # Every bet that somebody was told of is there once, as it was asked, and there is no other.
    by_id = {row[0]: row for row in booked}
    assert len(by_id) == len(booked) == len(told)
    names = {user_id: name for name, user_id in under.users.items()}
    for bet_id, (key, player, ask) in told.items():
        _, user_id, its_key, stake_minor, outcome, payout_minor, selection_id, event_id = by_id[
            bet_id
        ]
        assert (names[user_id], its_key) == (player, key)
        assert (stake_minor, str(selection_id)) == (_stake(ask), ask["legs"][0]["selection_id"])
        # Settled once, by the result, and paid to the unit.
        is_won = under.events[event_id][under.ended[event_id]] == selection_id
        pays = stake_minor * PRICE_E4 // 10_000 if is_won else 0
        assert (outcome, payout_minor) == ("won" if is_won else "lost", pays)
        assert moved[bet_id, "stake_hold"] == moved[bet_id, "stake_take"] == (1, stake_minor)
        assert moved.get((bet_id, "payout"), (0, 0)) == (int(is_won), pays)
        due[player] += pays
    assert {names[owner]: minor for owner, minor in cash.items()} == due
    answered = {key: kind for diary in diaries for key, (kind, _, _) in diary.answers.items()}
    assert {key: decision for _, key, decision in requests}.items() <= answered.items()


def _a_lie_is_found(under: Volley, diaries: list[Diary]) -> None:
    """The comparison fails where a player was told of another stake, or of no bet at all."""
    key = next(key for key, (kind, _, _) in diaries[0].answers.items() if kind == "accepted")
    ask = diaries[0].asked[key]
    other = {**ask, "body": {**ask["body"], "stake": "99.00"}}
    lied = Diary({**diaries[0].asked, key: other}, diaries[0].answers)
    untold = Diary(
        {k: v for k, v in diaries[0].asked.items() if k != key},
        {k: v for k, v in diaries[0].answers.items() if k != key},
    )
    for wrong in (lied, untold):
        with pytest.raises(AssertionError):
            _the_books_say_what_was_told(under, [wrong, *diaries[1:]])


def _expected(
    under: Volley, diaries: list[Diary]
) -> tuple[dict[str, tuple[str, str, dict[str, Any]]], Counter[str]]:
    """The bets that the players know of, and what each should have before any payout."""
    told: dict[str, tuple[str, str, dict[str, Any]]] = {}
    due = Counter(dict.fromkeys(under.users, CASH_MINOR))
    for diary in diaries:
        assert diary.asked.keys() == diary.answers.keys()
        for key, (kind, what, _) in diary.answers.items():
            if kind == "accepted":
                ask = diary.asked[key]
                assert what not in told, "one bet under two keys"
                told[what] = key, ask["player"], ask["body"]
                due[ask["player"]] -= _stake(ask["body"])
            else:
                assert what == "event_started"
    return told, due


def _stake(body: dict[str, Any]) -> int:
    return int(body["stake"].replace(".", ""))


def _verified(state: Path) -> None:
    verified = subprocess.run(
        overround("verify", "--deep", "--json", "--state", str(state)),
        capture_output=True, text=True, check=False, timeout=600, env=clean_environment(),
    )  # fmt: skip
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert json.loads(verified.stdout)["sound"] is True
