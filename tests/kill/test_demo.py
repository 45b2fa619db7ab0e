"""The demonstration while its processes are killed: `make kill`. Minutes, not seconds.

Postgres, valkey, their supervisor and each role are killed with SIGKILL in turn, each twice, while
the players bet and a page is open. After each shot everything has to work again by itself. In the
end what the players were told is compared with the books.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from overround.kit.settings import Settings
from overround.roles.attach import Endpoints, attached
from overround.roles.demo import diary
from tests.kill.fire import VICTIMS, Demo, clean_environment, demo, overround, shoot
from tests.support.browser import chromium, chromium_path, context
from tests.support.ports import free_port
from tests.support.servers import state_directory
from tests.support.waiting import until

pytestmark = [pytest.mark.kill, pytest.mark.timeout(1800)]

ROUNDS: Final = 2
SIGNS: Final = ("process", "http", "price", "bet", "page", "settled", "revenue")

# Every bet of every tenant and the key under which it was asked; the superuser sees all tenants.
_BETS: Final = """
SELECT b.id::text, r.key FROM bet b
LEFT JOIN bet_request r ON r.tenant_id = b.tenant_id AND r.bet_id = b.id"""


def test_killed_in_turn_twice(capsys: pytest.CaptureFixture[str]) -> None:
    with state_directory() as state:
        with demo(state, free_port(), seed=4) as target:
            _wait_lively(target)
            with _page(target) as page_moves:
                rows = [
                    (number, victim, shoot(target, victim, page_moves))
                    for number in range(1, ROUNDS + 1)
                    for victim in VICTIMS
                ]
            with capsys.disabled():
                sys.stdout.write(f"\n{_table(rows)}\n")
            report = target.end()
        _compare(state, report)
        _verify(state)


def _wait_lively(target: Demo) -> None:
    def lively() -> bool:
        assert target.process.poll() is None, target.log()
        return target.told.look() > 0 and all(target.sign(name) for name in ("price", "settled"))

    until(lively, "bets, prices and a settlement", 180)


@contextmanager
def _page(target: Demo) -> Generator[Callable[[], int] | None]:
    """A board in Chromium: how often a price on it has changed since it was opened, once.

    None where there is no Chromium.
    """
    if chromium_path() is None:
        yield None
        return
    address = f"http://acme.localhost:{target.port}"
    with chromium() as browser, context(browser, address) as opened:
        page = opened.new_page()
        page.goto("/")
        page.evaluate(_COUNT_MOVES)

        def moves() -> int:
            found: int | None = page.evaluate("window.moves")
            assert found is not None, "the page was loaded anew"
            return found

        until(moves, "the page to move", 60)
        yield moves


# A cell whose text is a price and has changed. The count lives in the page: one that was loaded
# anew has none.
_COUNT_MOVES: Final = """() => {
  window.moves = 0;
  const price = /^\\d+\\.\\d{2,4}$/;
  new MutationObserver((changes) => {
    for (const change of changes) {
      if (price.test((change.target.textContent || "").trim())) window.moves += 1;
    }
  }).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""


def _compare(state: Path, report: Mapping[str, Any]) -> None:
    """Every bet that a player was told of is in the books once, and no other one is."""
    facts = diary.read(state / diary.NAME)
    assert facts is not None
    with attached(Settings(state=state)) as endpoints:
        booked = _booked(endpoints)
    told = {bet: f"demo:{facts.run}:{which}" for bet, which in facts.bets.items()}
    unanswered = {f"demo:{facts.run}:{ask.player}:{ask.n}" for ask in facts.asked.values()}
    unanswered |= {f"demo:{facts.run}:{who}:{n}" for who, of in facts.waiting.items() for n in of}
    assert len(told) == facts.outcomes["accepted"] > 500
    assert told.items() <= booked.items()
    assert {key for bet, key in booked.items() if bet not in told} <= unanswered
    assert len(set(booked.values())) == len(booked)
    assert len(booked) == report["bets"]


def _booked(endpoints: Endpoints) -> dict[str, str]:
    with psycopg.connect(endpoints.superuser_url("overround")) as conn:
        return dict(conn.execute(_BETS).fetchall())


def _verify(state: Path) -> None:
    verified = subprocess.run(
        overround("verify", "--deep", "--json", "--state", str(state)),
        capture_output=True, text=True, check=False, timeout=300, env=clean_environment(),
    )  # fmt: skip
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert json.loads(verified.stdout)["sound"] is True


def _table(rows: list[tuple[int, str, dict[str, float]]]) -> str:
    """How long each sign of life took after each shot."""
    lines = [["round", "killed", *SIGNS]]
    for number, victim, took_s in rows:
        cells = [f"{took_s[name]:.1f} s" if name in took_s else "" for name in SIGNS]
        lines.append([str(number), victim, *cells])
    return "\n".join(" ".join(f"{word:>9}" for word in line) for line in lines)
