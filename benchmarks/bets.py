"""Placing bets over HTTP, against seed 000's five statements and its Flask design, in one run.

Ours is one api process as it serves people: every table and constraint, forced row security,
sessions, limits, ids and metrics; singles by 32 keep-alive connections of a compiled load generator
(`load.c`), each request a bet of its own. The paths take turns and the ratios are of neighbours.

`ratio_pgbench`, `p99_ms`, `ratio_flask`: one tenant, ten thousand players. `ratio_tenants`: 32
tenants at once over one. `ratio_hot_player`: one player over many. `cpu_us` and `wal_bytes` are for
each bet: processor time of the api and of PostgreSQL, and the log as pg_waldump counts it, with and
without full page images. `wal_bytes_by_record` says of what it is made: a single inserts six rows
(Heap/INSERT: transfer, two entries, bet, leg, request) and eight index entries (Btree/INSERT_LEAF),
updates two accounts and a row of liability (HOT_UPDATE), of which it locks the first and the last
before (Heap/LOCK), and whoever comes to their pages next clears away what was updated
(PRUNE_ON_ACCESS). `slips_a_call` says how many slips the calls of that round had: its quartiles,
by the transactions that wrote the bets. `suspension_ms` is how long it takes to suspend an event
that 32 clients bet on (`benchmarks.suspension`), `growth` what becomes of the rate in a book of
five million bets (`benchmarks.growth`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg

from benchmarks import bets_house, bets_seed
from benchmarks.bets_house import House
from overround.cli import books
from overround.db import Database, binaries, logins, migrate
from overround.kit import logs
from overround.kit.settings import DatabaseSettings, ServersSettings, Settings
from overround.roles.attach import Endpoints, attached

# By default the whole takes about two and a half minutes, half a minute of it before the rounds.
ROUNDS: Final = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS: Final = float(os.environ.get("BENCH_SECONDS", "3"))
CONNECTIONS: Final = 32
TENANTS: Final = 32
PLAYERS: Final = 10_000
PLAYERS_EACH: Final = 320
EVENTS: Final = 300
REQUESTS: Final = 50_000
PORT: Final = int(os.environ.get("BENCH_PORT", "8118"))
FLASK_PORT: Final = PORT + 1
BASE_DOMAIN: Final = "bench.localhost"
# Limits are on; these are high enough that a load of one player is no flood.
LIMITS: Final = {
    "OVERROUND_LIMITS__BETS_BURST": "1000000",
    "OVERROUND_LIMITS__BETS_PER_S": "100000",
    "OVERROUND_LIMITS__TENANT_BURST": "1000000",
    "OVERROUND_LIMITS__TENANT_PER_S": "100000",
}


@dataclass(slots=True)
class Bench:
    """What is measured: the api and what it stands on."""

    endpoints: Endpoints
    folder: Path
    load: Path
    api_pid: int = 0
    runs: int = 0
    # A book may be asked again by another run: no key is used twice.
    name: str = field(default_factory=lambda: f"{time.time_ns():x}")
    measured: dict[str, list[dict[str, float]]] = field(
        default_factory=dict[str, list[dict[str, float]]]
    )

    def ask(self, name: str, requests: Path, port: int = PORT) -> dict[str, float]:
        """One round of a path; kept under its name."""
        found = self.press(requests, port)
        if found["accepted"] < 0.99 * found["answered"]:
            raise SystemExit(f"{name}: {found}")
        self.measured.setdefault(name, []).append(found)
        return found

    def press(
        self,
        requests: Path,
        port: int = PORT,
        connections: int = CONNECTIONS,
        seconds: float = SECONDS,
    ) -> dict[str, float]:
        """What the load generator says, whatever it was answered."""
        self.runs += 1
        said = subprocess.run(
            [
                str(self.load), str(port), str(connections), str(seconds),
                f"{self.name}-{self.runs}", str(requests),
            ],
            stdout=subprocess.PIPE, text=True, check=True,
        ).stdout  # fmt: skip
        found: dict[str, float] = json.loads(said)
        found["per_s"] = found["accepted"] / found["seconds"]
        return found

    def median(self, name: str, figure: str = "per_s") -> float:
        """Of a path's rounds."""
        return statistics.median(one[figure] for one in self.measured[name])

    def ratio(self, name: str, reference: str) -> float:
        """The median of the rounds' ratios."""
        pairs = zip(self.measured[name], self.measured[reference], strict=True)
        return round(statistics.median(one["per_s"] / other["per_s"] for one, other in pairs), 2)


def compiled(folder: Path) -> Path:
    """The load generator."""
    program = folder / "load"
    compiler = shutil.which("cc")
    if compiler is None:
        raise SystemExit("the load generator needs a C compiler (cc)")
    source = Path(__file__).with_name("load.c")
    subprocess.run([compiler, "-O2", "-o", str(program), str(source)], check=True)
    return program


def single(house: str, player: int, selection_id: UUID) -> str:
    """A line of the load generator's: a player of a house bets 10.00 on a selection."""
    leg = {"selection_id": str(selection_id), "price": "2.50"}
    body = json.dumps({"legs": [leg], "stake": "10.00"})
    return f"{house}.{BASE_DOMAIN}\t{bets_house.token(player)}\t/api/v1/bets\t{body}"


def requests_of(
    folder: Path, name: str, houses: Sequence[House], players: int, selections: Sequence[UUID]
) -> Path:
    """Singles of players by chance on selections by chance, as the load generator reads them."""
    rng = random.Random(name)
    turns = (houses[n % len(houses)] for n in range(REQUESTS))
    lines = [single(one.name, rng.randint(1, players), rng.choice(selections)) for one in turns]
    return _written(folder / f"{name}.txt", lines)


def flask_requests(folder: Path) -> Path:
    """The same for the seed's design."""
    rng = random.Random("flask")
    body = {"bet_type": "single", "selections": [{"market": "1x2", "side": "home"}], "stake": 10}
    lines = [
        "\t".join(
            (
                "acme.bench.localhost",
                str(rng.randint(1, 10_000)),
                "/api/bets",
                json.dumps({**body, "odds": 2.5, "event": rng.randint(1, 300)}),
            )
        )
        for _ in range(REQUESTS)
    ]
    return _written(folder / "flask.txt", lines)


def _written(path: Path, lines: Iterable[str]) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


@contextmanager
def api(bench: Bench, state: Path, port: int = PORT) -> Generator[None]:
    """One api process over the state's servers."""
    environment = {
        **os.environ,
        **LIMITS,
        "OVERROUND_STATE": str(state),
        "OVERROUND_WEB__PORT": str(port),
        "OVERROUND_WEB__BASE_DOMAIN": BASE_DOMAIN,
    }
    log = (bench.folder / f"api-{port}.log").open("wb")
    command = [sys.executable, "-m", "overround.cli", "run", "api"]
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        try:
            _until_answers(port, process)
        except SystemExit:
            sys.stderr.write(Path(log.name).read_text()[-2000:])
            raise
        bench.api_pid = process.pid
        yield
    finally:
        process.terminate()
        process.wait(30)
        log.close()


@contextmanager
def flask_app(url: str) -> Generator[bool]:
    """The seed's design as a process; False where Flask is not installed."""
    command = [sys.executable, "-m", "benchmarks.seed_flask", url, str(FLASK_PORT)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        try:
            _until_answers(FLASK_PORT, process)
        except SystemExit:
            yield False
        else:
            yield True
    finally:
        process.kill()
        process.wait()


def _until_answers(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(2400):
        if process.poll() is not None:
            raise SystemExit(f"the process for port {port} ended")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"nobody answers at port {port}")


def postgres_cpu_s(postmaster: int) -> float:
    """Processor seconds of the server and of all it has started."""
    ticks = 0
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            pid = int(folder.name)
            cells = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            if pid == postmaster:
                # Its own and those of its children that have ended.
                ticks += sum(map(int, cells[11:15]))
            elif int(cells[1]) == postmaster:
                ticks += int(cells[11]) + int(cells[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def process_cpu_s(pid: int) -> float:
    """Processor seconds of one process."""
    cells = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(cells[11]) + int(cells[12])) / os.sysconf("SC_CLK_TCK")


# How many bets each transaction wrote.
WIDTHS = "SELECT count(*) FROM bet WHERE placed_at > %s GROUP BY xmin::text"


# A kind of record, how many there were, and their bytes without page images.
WAL_RECORD: Final = re.compile(r"^(\w+/\S+)\s+\d+ \([^)]*\)\s+(\d+) \(", re.MULTILINE)


def wal_of(bench: Bench, url: str, postmaster_home: Path, requests: Path) -> dict[str, Any]:
    """What a bet writes to the log and costs in processor time: one round by itself."""
    with psycopg.connect(url, autocommit=True) as conn:
        first = _scalar(conn, "SELECT pg_current_wal_insert_lsn()::text")
        postmaster = int((postmaster_home / "postmaster.pid").read_text().split()[0])
        before = postgres_cpu_s(postmaster), process_cpu_s(bench.api_pid)
        begins_at = datetime.now(UTC)
        done = bench.ask("alone", requests)
        after = postgres_cpu_s(postmaster), process_cpu_s(bench.api_pid)
        conn.execute("SELECT pg_switch_wal()")
        last = _scalar(conn, "SELECT pg_current_wal_flush_lsn()::text")
        widths = [row[0] for row in conn.execute(WIDTHS, [begins_at]).fetchall()]
    said = subprocess.run(
        [
            str(binaries.program("pg_waldump")), "--stats=record",
            f"--path={postmaster_home / 'pg_wal'}", f"--start={first}", f"--end={last}",
        ],
        capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    bets = done["accepted"]
    found: dict[str, Any] = {
        "slips_a_call": statistics.quantiles(widths, n=4, method="inclusive"),
        "cpu_us_postgres": round((after[0] - before[0]) * 1e6 / bets, 1),
        "cpu_us_api": round((after[1] - before[1]) * 1e6 / bets, 1),
    }
    total = re.search(r"^Total\s+\d+\s+(\d+) \[[^]]*\]\s+(\d+) \[", said, re.MULTILINE)
    if total is not None:
        records, images = int(total[1]), int(total[2])
        found["wal_bytes"] = round(records / bets)
        found["wal_bytes_with_images"] = round((records + images) / bets)
        kinds = ((one[1], int(one[2]) / bets) for one in WAL_RECORD.finditer(said))
        found["wal_bytes_by_record"] = {
            kind: round(size) for kind, size in sorted(kinds, key=lambda one: -one[1]) if size >= 5
        }
    return found


def _scalar(conn: psycopg.Connection[Any], statement: str) -> Any:
    row = conn.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0]


def furnished(endpoints: Endpoints, tenants: int = TENANTS) -> tuple[list[House], list[UUID], str]:
    """The main database with its houses: the first has many players, the others few."""
    asyncio.run(migrate.migrate(endpoints.url("owner")))
    url = endpoints.superuser_url(logins.DATABASE)
    at = datetime.now(UTC)
    with psycopg.connect(url, autocommit=True) as conn:
        selections = bets_house.add_events(conn, EVENTS, at)
        houses = [bets_house.add_house(conn, "one", PLAYERS, at)]
        houses += [
            bets_house.add_house(conn, f"t{n}", PLAYERS_EACH, at) for n in range(1, tenants + 1)
        ]
        bets_house.analysed(conn)
    return houses, selections, url


def seeded(endpoints: Endpoints) -> str:
    """A database of the seed's own on the same server."""
    with psycopg.connect(endpoints.superuser_url(), autocommit=True) as conn:
        logins.ensure_database(conn, "seed")
    url = endpoints.superuser_url("seed")
    bets_seed.lay_out(url)
    return url


async def sound(endpoints: Endpoints, houses: Sequence[House]) -> bool:
    """Whether `verify` has nothing to say of any tenant."""
    worker = await Database.open(endpoints.url("worker"), purpose="verify", size_min=1)
    try:
        for house in houses:
            async with worker.snapshot(house.id) as conn:
                for violation in await books.violations(conn, house.id, deep=False):
                    raise SystemExit(f"{house.name}: {violation}")
    finally:
        await worker.close()
    return True


def measure(endpoints: Endpoints, state: Path, folder: Path) -> dict[str, Any]:
    """All paths in turn."""
    # It asks by what stands here.
    from benchmarks import suspension

    bench = Bench(endpoints, folder, compiled(folder))
    houses, selections, url = furnished(endpoints)
    seed_url = seeded(endpoints)
    one = requests_of(folder, "one", houses[:1], PLAYERS, selections)
    many = requests_of(folder, "tenants", houses[1:], PLAYERS_EACH, selections)
    hot = requests_of(folder, "hot", houses[:1], 1, selections)
    flask = flask_requests(folder)
    install = binaries.installed()
    found: dict[str, Any] = {}
    with api(bench, state), flask_app(seed_url) as has_flask:
        for path in (one, many, hot):
            bench.ask("warm", path)
        bets_seed.run_pgbench(install, seed_url, folder, SECONDS)
        for _ in range(ROUNDS):
            bench.ask("one", one)
            made = bets_seed.run_pgbench(install, seed_url, folder, SECONDS)
            bench.measured.setdefault("pgbench", []).append(made)
            bench.ask("tenants", many)
            bench.ask("hot", hot)
            if has_flask:
                bench.ask("flask", flask, FLASK_PORT)
        found |= suspension.measured(bench, endpoints, houses[0], selections[:3])
        found["verified"] = asyncio.run(sound(endpoints, houses))
        found |= wal_of(bench, url, state / "servers" / "postgres", one)
    ratios = {
        "ratio_pgbench": bench.ratio("one", "pgbench"),
        "p99_ms": round(bench.median("one", "p99_us") / 1000, 1),
        "ratio_flask": bench.ratio("one", "flask") if has_flask else None,
        "ratio_tenants": bench.ratio("tenants", "one"),
        "ratio_hot_player": bench.ratio("hot", "one"),
    }
    rates = {f"{name}_per_s": round(bench.median(name)) for name in bench.measured}
    return {**ratios, **rates, "p50_ms": round(bench.median("one", "p50_us") / 1000, 1), **found}


def on_servers(measured: Callable[[Endpoints, Path, Path], dict[str, Any]]) -> dict[str, Any]:
    """Measure on servers of its own: given them, their state directory and a folder."""
    with tempfile.TemporaryDirectory(prefix="overround-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        state = folder / "state"
        patient = DatabaseSettings(statement_s=60.0)
        settings = Settings(state=state, servers=ServersSettings(linger_s=0), database=patient)
        with attached(settings) as endpoints:
            return measured(endpoints, state, folder)


def grown(folder: Path) -> dict[str, Any]:
    """The same on a book of years, where one is loaded."""
    # It asks by what stands here.
    from benchmarks import growth

    state = os.environ.get("BENCH_DATA")
    if not state:
        return growth.not_measured("no loaded book is named: --data DIR, made by make bench-data")
    return growth.measured(folder, compiled(folder), Path(state).absolute())


def main() -> None:
    """Print one JSON object; with BENCH_ONLY=growth that part alone."""
    logs.configure("warning")
    found = on_servers(measure) if os.environ.get("BENCH_ONLY") != "growth" else {}
    with tempfile.TemporaryDirectory(prefix="overround-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        found |= grown(folder)
    print(json.dumps({"bench": "bets", **found}))


if __name__ == "__main__":
    main()
