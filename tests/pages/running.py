"""A real demonstration, and what is known of its future: a test may bet on what will happen."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import httpx2
from playwright.sync_api import Page

from overround.roles.demo import run as demo_run
from overround.roles.demo.run import DemoRun
from tests.kill.fire import demo
from tests.support.ports import free_port
from tests.support.servers import state_directory, wait_stopped
from tests.support.waiting import until

T = TypeVar("T")

TRUTH: Final = "demo-truth.json"
SEED: Final = 5
START_S_MAX: Final = 120.0
# Soon enough to be settled while the test waits, late enough to be bet on before it begins.
SOON_MS: Final = (8_000, 30_000)

_ROWS: Final = """() => [...document.querySelectorAll('#board tr[data-e]')].map((row) => ({
  name: row.dataset.n,
  starts_ms: Number(row.querySelector('.until').dataset.at),
  left_ms: Number(row.querySelector('.until').dataset.at) - Date.now(),
  cells: [...row.querySelectorAll('.odd:not([aria-disabled])')].map((cell) => cell.dataset.s),
}))"""


@dataclass(frozen=True, slots=True)
class Running:
    """The demonstration; `winners` are the column of the board that will win, by match."""

    run: DemoRun
    winners: dict[tuple[str, int], int]

    def url(self, tenant: str) -> str:
        """Where a tenant's pages are."""
        return f"http://{tenant}.localhost:{self.run.port}"

    def ask(self, tenant: str, path: str, cookies: dict[str, str] | None = None) -> httpx2.Response:
        """An answer of the API, past the browser and what is done to its connections."""
        return httpx2.get(
            f"http://127.0.0.1:{self.run.port}/api/v1{path}",
            headers={"Host": f"{tenant}.localhost:{self.run.port}"},
            cookies=cookies,
            timeout=20,
            trust_env=False,
        )

    def soon(self, page: Page) -> list[str]:
        """The selections on the page's board that will win within half a minute, soonest first.

        Only those of matches that are played to their end and whose first result is right.
        """
        found: list[tuple[float, str]] = []
        for row in cast("list[dict[str, Any]]", page.evaluate(_ROWS)):
            winner = self.winners.get((row["name"], round(row["starts_ms"] / 1000)))
            is_soon = SOON_MS[0] < row["left_ms"] < SOON_MS[1]
            if winner is not None and is_soon and len(row["cells"]) == 3:
                found.append((row["left_ms"], row["cells"][winner]))
        return [selection_id for _, selection_id in sorted(found)]


@contextmanager
def running() -> Generator[Running]:
    """A demonstration with a state directory of its own, until the end of the block."""
    with state_directory() as state:
        with demo(state, free_port(), SEED) as target:

            def answers() -> bool:
                assert target.process.poll() is None, target.log()
                return target.http()

            until(answers, "the demonstration", START_S_MAX)
            # It is written while the market moves already.
            until((state / TRUTH).exists, "the truth", START_S_MAX)
            run = demo_run.read(state)
            yield Running(run, _winners(state, run))
        wait_stopped(state)


def _winners(state: Path, run: DemoRun) -> dict[tuple[str, int], int]:
    truth = json.loads((state / TRUTH).read_text(encoding="utf-8"))
    found: dict[tuple[str, int], int] = {}
    for event in truth["events"].values():
        results = event["results"]
        if event["sport"] != "football" or [one["status"] for one in results] != ["finished"]:
            continue
        home, away = results[0]["scores"]["ft"]
        starts_at = run.origin + timedelta(minutes=event["start_min"] / run.speed)
        name = f"{event['home']} \N{EN DASH} {event['away']}"
        found[name, round(starts_at.timestamp())] = 1 if home == away else 0 if home > away else 2
    return found


def first(ask: Callable[[], T | None], what: str, timeout_s: float = 60.0) -> T:
    """The first answer that is one."""
    found: list[T] = []

    def some() -> bool:
        answer = ask()
        if answer is not None:
            found.append(answer)
        return bool(found)

    until(some, what, timeout_s)
    return found[0]
