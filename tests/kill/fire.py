"""A demonstration under fire: the process, its children's pids, and the signs that it works.

Nothing here attaches to the servers: whoever attaches starts them again when they are killed, and
that the demonstration does so by itself is what is tested.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

import httpx2
import psutil
import psycopg

from overround.db import logins
from overround.kit import processes
from overround.kit.processes import ProcessKey
from overround.roles import place
from overround.roles.demo import diary
from tests.support.waiting import until

Victim = Literal["postgres", "valkey", "servers", "api", "hub", "settle", "jobs", "bettors"]
VICTIMS: Final[tuple[Victim, ...]] = (
    "postgres", "valkey", "servers", "api", "hub", "settle", "jobs", "bettors",
)  # fmt: skip
BACK_S: Final = 90.0

# When anything of a kind last happened, as PostgreSQL has it; what is compared is one clock's.
_SIGNS: Final[Mapping[str, str]] = {
    "price": "SELECT max(changed_at)::text FROM offer",
    "settled": "SELECT max(settled_at)::text || count(settled_at) FROM bet",
    "revenue": "SELECT sum(handle_minor)::text FROM revenue_day",
}
# What only this role does; the others are tried by what everybody sees.
_OF_VICTIM: Final[Mapping[Victim, Sequence[str]]] = {"settle": ("settled",), "jobs": ("revenue",)}


def clean_environment() -> dict[str, str]:
    """The environment without settings of ours."""
    return {k: v for k, v in os.environ.items() if not k.startswith("OVERROUND_")}


def overround(*arguments: str) -> list[str]:
    """The command."""
    return [sys.executable, "-P", "-m", "overround.cli", *arguments]


def key_of(state: Path, parent: int, victim: Victim) -> ProcessKey | None:
    """The process that a victim's name stands for now below a `demo` or `serve`; None while there
    is none."""
    if victim in {"postgres", "valkey", "servers"}:
        record = place.read_record(state)
        if record is None or record.phase != "ready":
            return None
        keys = {"postgres": record.postgres, "valkey": record.valkey}
        key = keys.get(victim, record.supervisor)
        return key if key is not None and processes.is_alive(key) else None
    with suppress(psutil.Error):
        for child in psutil.Process(parent).children(recursive=True):
            with suppress(psutil.Error):
                words = child.cmdline()
                if "run" in words and words[words.index("run") + 1 :][:1] == [victim]:
                    return processes.key_of(child.pid)
    return None


def superuser_url(state: Path) -> str:
    """The database as its superuser, without attaching. Raises OSError while there is no record."""
    record = place.read_record(state)
    if record is None:
        raise OSError("the servers left no record")
    password = logins.passwords(state).of(logins.SUPERUSER)
    return logins.socket_url(
        logins.SUPERUSER, password, Path(record.run), record.port, logins.DATABASE
    )


class Told:
    """What the players were told, read as it is written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self.newest_ms = 0

    def look(self) -> int:
        """When the newest bet was made that a player knows of, in milliseconds since 1970."""
        with suppress(FileNotFoundError), self._path.open("rb") as file:
            file.seek(self._read)
            content = file.read()
            whole = content[: content.rfind(b"\n") + 1]
            self._read += len(whole)
            for line in whole.splitlines():
                bet = json.loads(line).get("bet")
                if bet is not None:
                    # The first 48 bits of a UUIDv7 are the api's clock when it took the slip.
                    self.newest_ms = max(self.newest_ms, UUID(bet).int >> 80)
        return self.newest_ms


@dataclass(slots=True)
class Demo:
    """The command, and where it works."""

    process: subprocess.Popen[str]
    state: Path
    port: int
    told: Told = field(init=False)

    def __post_init__(self) -> None:
        self.told = Told(self.state / diary.NAME)

    def key_of(self, victim: Victim) -> ProcessKey | None:
        """The process that a victim's name stands for now; None while there is none."""
        return key_of(self.state, self.process.pid, victim)

    def http(self) -> bool:
        """Whether a tenant's board is answered."""
        try:
            return httpx2.get(
                f"http://127.0.0.1:{self.port}/api/v1/board?limit=1",
                headers={"Host": f"acme.localhost:{self.port}"},
                timeout=BACK_S,
                trust_env=False,
            ).is_success
        except httpx2.HTTPError:
            return False

    def sign(self, name: str) -> str | None:
        """When that last happened, as text; None while the database is away."""
        try:
            with psycopg.connect(
                superuser_url(self.state), autocommit=True, connect_timeout=2
            ) as conn:
                row = conn.execute(_SIGNS[name].encode()).fetchone()
        except (psycopg.Error, OSError):
            return None
        return row[0] if row else None

    def end(self) -> dict[str, Any]:
        """Interrupt it, and read the report that it ends with."""
        self.process.send_signal(signal.SIGINT)
        out, _ = self.process.communicate(timeout=120)
        assert self.process.returncode == 0, self.log()
        report: dict[str, Any] = json.loads(out.splitlines()[-1])
        return report

    def log(self) -> str:
        """The last words of the command."""
        return (self.state.parent / "demo.log").read_text(encoding="utf-8")[-4000:]


@contextmanager
def demo(state: Path, port: int, seed: int) -> Generator[Demo]:
    """The demonstration, running until the block ends."""
    arguments = ["demo", "--speed", "60", "--seed", str(seed), "--port", str(port), "--no-open"]
    log = state.parent / "demo.log"
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            overround(*arguments, "--json", "--state", str(state)),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=clean_environment(),
        )
    try:
        yield Demo(process, state, port)
    finally:
        if process.poll() is None:
            process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=30)
        if process.poll() is None:
            process.kill()
            process.communicate()


def shoot(target: Demo, victim: Victim, page_moves: Callable[[], int] | None) -> dict[str, float]:
    """Kill one process with SIGKILL; how many seconds each sign of life took to come back.

    A sign counts once there is another process in the victim's place: whoever is killed, something
    may go on for a moment as if nothing had happened. Fails naming what is missing after `BACK_S`.
    """
    before = target.key_of(victim)
    assert before is not None, f"{victim} does not run"
    os.kill(before.pid, signal.SIGKILL)
    killed_s = time.monotonic()
    until(lambda: target.key_of(victim) not in {None, before}, f"another {victim}", BACK_S)
    took_s = {"process": time.monotonic() - killed_s}
    back_ms = time.time_ns() // 1_000_000
    waiting: dict[str, Callable[[], bool]] = {
        "http": target.http,
        "bet": lambda: target.told.look() > back_ms,
    }
    for name in ("price", *_OF_VICTIM.get(victim, ())):
        waiting[name] = _changes(target, name)
    with ThreadPoolExecutor(len(waiting)) as threads:
        found = {
            name: threads.submit(until, *(sign, name, BACK_S)) for name, sign in waiting.items()
        }
        if page_moves is not None:
            # The browser is driven by this thread alone.
            moved = page_moves()
            until(lambda: page_moves() > moved, f"the page to move without {victim}", BACK_S)
            took_s["page"] = time.monotonic() - killed_s
        for name, sign in found.items():
            took_s[name] = took_s["process"] + sign.result()
    assert target.process.poll() is None, f"the demonstration ended: {target.log()}"
    return took_s


def _changes(target: Demo, name: str) -> Callable[[], bool]:
    """Whether that has happened again since the first time that this was asked with success."""
    first: list[str] = []

    def has_changed() -> bool:
        now = target.sign(name)
        if now is None:
            return False
        if not first:
            first.append(now)
        return now != first[0]

    return has_changed
