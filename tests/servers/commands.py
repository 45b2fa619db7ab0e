"""Commands for the tests of sharing: real processes that attach and wait."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import overround

ROOT: Final = Path(__file__).resolve().parents[2]

# Says where the servers are, waits until its stdin is closed, ends.
_HOLD: Final = """
import json, sys
from pathlib import Path
from overround.kit.settings import ServersSettings, Settings
from overround.roles.attach import attached
settings = Settings(state=Path(sys.argv[1]), servers=ServersSettings(linger_s=float(sys.argv[2])))
with attached(settings) as endpoints:
    record = endpoints.embedded
    print(json.dumps({
        "app": endpoints.url("app"), "redis": endpoints.redis_url, "home": record.home,
        "supervisor": record.supervisor.pid, "postgres": record.postgres.pid,
    }), flush=True)
    sys.stdin.read()
"""


class Command:
    """An attached command; `said` is what it was told."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        line = process.stdout.readline()
        self.said: dict[str, Any] = json.loads(line) if line else {}

    def finish(self) -> int:
        """Let it end; its exit code."""
        self.process.communicate(timeout=30)
        return self.process.returncode


def start(state: Path, linger_s: float) -> subprocess.Popen[str]:
    """Start a command that attaches; its first line says when it is."""
    return subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(state), str(linger_s)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
    )


@contextmanager
def attached_command(state: Path, linger_s: float = 0.0) -> Generator[Command]:
    """An attached command for the length of the block."""
    process = start(state, linger_s)
    try:
        yield Command(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def overround_cli(
    *arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `overround ...` and wait for it."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("OVERROUND_")}
    return subprocess.run(
        [sys.executable, "-c", "from overround.cli.main import run; run()", *arguments],
        capture_output=True,
        text=True,
        env={**clean, **(env or {})},
        cwd=cwd or "/",
        timeout=120,
        check=False,
    )


def python_path() -> str:
    """Where another interpreter finds our code and its dependencies."""
    source = Path(overround.__file__).resolve().parents[1]
    site = next(path for path in map(Path, sys.path) if path.name == "site-packages")
    return f"{source}:{site}"
