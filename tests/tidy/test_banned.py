"""Calls this product does without, each with what it uses instead and the few places that may."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tests.tidy.source import Finding, Source, dotted, expect_none, imported_names, package, source


@dataclass(frozen=True, slots=True)
class Ban:
    """A dotted name, the replacement, and the paths below src/overround that may use it."""

    names: tuple[str, ...]
    instead: str
    allowed: tuple[str, ...] = ()


# What starts, watches and ends operating-system processes.
_PROCESSES = ("roles/", "db/server", "db/binaries", "db/logins", "cache/server", "kit/processes")
_RANDOM = tuple(
    f"random.{name}"
    for name in (
        "betavariate", "choice", "choices", "expovariate", "gauss", "getrandbits", "normalvariate",
        "randbytes", "randint", "random", "randrange", "sample", "seed", "shuffle", "triangular",
        "uniform",
    )
)  # fmt: skip

BANS = (
    Ban(
        ("datetime.datetime.utcnow", "datetime.datetime.utcfromtimestamp"),
        "an aware time: datetime.now(UTC), in core/clock",
    ),
    Ban(
        ("datetime.datetime.now", "datetime.datetime.today", "datetime.date.today"),
        "take `at`; a role owns the clock (core.clock)",
        ("core/clock", "roles/", "cli/"),
    ),
    Ban(
        ("time.time", "time.time_ns"),
        "take `at`; for durations use time.monotonic",
        (*_PROCESSES, "cli/"),
    ),
    Ban(_RANDOM, "take a random.Random, so that a seed repeats the run"),
    Ban(("time.sleep",), "await asyncio.sleep between transactions", (*_PROCESSES, "cli/")),
    Ban(("uuid.uuid1", "uuid.uuid4"), "core.ids.new(at) or core.ids.derived(at, ...)"),
    Ban(("print",), "structlog; only the command line prints", ("cli/",)),
    Ban(("os.getenv", "os.environ"), "kit.settings", ("kit/settings", "cli/", *_PROCESSES)),
    Ban(("logging.getLogger",), "structlog.get_logger", ("kit/logs",)),
    Ban(("asyncio.get_event_loop",), "asyncio.get_running_loop"),
    Ban(("os.system", "os.popen", "subprocess.getoutput"), "subprocess.run with a list"),
    Ban(("pickle.loads", "pickle.load", "marshal.loads"), "a format that cannot run code"),
    Ban(("eval", "exec"), "code is written, not read"),
)  # fmt: skip


def banned_calls(file: Source) -> list[Finding]:
    """Uses of a banned name in a file that is not one of its few places."""
    names = imported_names(file)
    where = "/".join(file.inside)
    findings: list[Finding] = []
    for node in file.nodes:
        if not isinstance(node, ast.Name | ast.Attribute) or not isinstance(node.ctx, ast.Load):
            continue
        name = dotted(node, names)
        findings += [
            Finding(str(file.path), node.lineno, f"{name}: {ban.instead}")
            for ban in BANS
            if name in ban.names and not where.startswith(ban.allowed)
        ]
    return findings


def test_no_banned_call_is_made() -> None:
    expect_none([f for file in package() for f in banned_calls(file)])


def _found(text: str, path: str = "betting/bets/service.py") -> list[str]:
    return [f.message.split(":")[0] for f in banned_calls(source(f"src/overround/{path}", text))]


def test_banned_calls_are_found_by_whatever_name() -> None:
    assert _found("from datetime import datetime\nx = datetime.utcnow()") == [
        "datetime.datetime.utcnow"
    ]
    assert _found("import datetime as dt\nx = dt.datetime.now()") == ["datetime.datetime.now"]
    assert _found("from random import choice as pick\nx = pick([1])") == ["random.choice"]
    assert _found("import random\nx = random.random()") == ["random.random"]
    assert _found("from uuid import uuid4\nf = uuid4") == ["uuid.uuid4"]
    assert _found("import time\ntime.sleep(1)") == ["time.sleep"]
    assert _found("print('x')") == ["print"]
    assert _found("import os\nx = os.environ['A']") == ["os.environ"]


def test_the_few_places_may_and_values_are_free() -> None:
    now = "from datetime import UTC, datetime\nx = datetime.now(UTC)"
    assert not _found(now, "roles/api.py")
    assert not _found(now, "core/clock.py")
    assert not _found("import random\nx = random.Random(7).random()")
    assert not _found("from uuid import UUID\nx = UUID(int=1)")


def test_every_ban_bites() -> None:
    for ban in BANS:
        for name in ban.names:
            module = name.partition(".")[0]
            head = f"import {module}\n" if "." in name else ""
            assert _found(f"{head}x = {name}\n") == [name], name
