"""Requests that nobody should send, made from the API's own document: no answer may be a 5xx.

    python -m benchmarks.hostile [--seconds 300] [--seed N]

A running api on a database with two tenants is asked by Schemathesis for every operation of
`/openapi.json`, half of the time as a player and half as staff who may do everything. It fails on
the first answer that is a fault of ours, and says how to repeat it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from overround.db.logins import Role
from overround.kit.settings import LimitSettings
from overround.people import tenants
from tests.support.edge import opened
from tests.support.servers import fresh_database, shared_servers
from tests.web.test_api_role import Served, served

SECONDS: Final = 300
WIDE: Final = "1000000"
# Streams do not end, and these end the session that everything else is asked with.
LEFT_OUT: Final = ("/api/v1/stream",)
ENDS_SESSION: Final = ("people_log_out", "people_end_session", "people_disable")


async def _tokens(urls: Mapping[Role, str]) -> dict[str, str]:
    """A player's and a member of staff's, of a house with both."""
    async with opened(urls, make_tenants=False) as edge:
        async with edge.app_db.reading(None) as conn:
            edge.tenants["acme"] = await tenants.by_subdomain(conn, "acme")
        player = await edge.player("ann")
        staff = await edge.staff("boss", "*")
        await edge.deposit(player, "1000")
        return {
            "player": player.headers["authorization"],
            "staff": staff.headers["authorization"],
        }


def _asked(api: Served, token: str, seconds: int, seed: int, folder: Path) -> int:
    """Schemathesis' exit code: 0 when no answer was a 5xx."""
    program = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    assert program is not None, "schemathesis is not installed: make setup"
    command: Sequence[str] = [
        program,
        "run",
        f"http://127.0.0.1:{api.port}/openapi.json",
        *("--header", f"Host: acme.localhost:{api.port}", "--header", f"Authorization: {token}"),
        *("--checks", "not_a_server_error", "--max-time", str(seconds), "--seed", str(seed)),
        *("--phases", "examples,coverage,fuzzing", "--max-failures", "1", "--warnings", "off"),
        *("--request-timeout", "30", "--no-color", "--workers", "1"),
        *(word for path in LEFT_OUT for word in ("--exclude-path", path)),
        *(word for name in ENDS_SESSION for word in ("--exclude-operation-id", name)),
    ]
    return subprocess.run(command, cwd=folder, check=False).returncode


def run(seconds: int, seed: int) -> int:
    """0 when nothing was found."""
    for name in LimitSettings.model_fields:
        os.environ[f"OVERROUND_LIMITS__{name.upper()}"] = WIDE
    with (
        shared_servers() as endpoints,
        fresh_database(endpoints) as urls,
        tempfile.TemporaryDirectory() as folder,
        (Path(folder) / "api.log").open("w") as log,
        served(urls, endpoints.redis_url, log) as api,
    ):
        for who, token in asyncio.run(_tokens(urls)).items():
            sys.stdout.write(f"as {who}, seed {seed}\n")
            sys.stdout.flush()
            if found := _asked(api, token, max(1, seconds // 2), seed, Path(folder)):
                lines = (Path(folder) / "api.log").read_text().splitlines()
                sys.stdout.write("\n".join([one for one in lines if '"error"' in one][-5:]) + "\n")
                return found
    return 0


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    raise SystemExit(run(asked.seconds, asked.seed))


if __name__ == "__main__":
    main()
