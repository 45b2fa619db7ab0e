"""Placing bets while ten times as many as usual ask, for a minute.

The connections of `benchmarks.bets`, ten times over, after as long a look at what is usual: what
happens once a minute (a checkpoint) is in both. Of those who are accepted nobody waits much longer
than usual, and who is refused (503) knows at once: `p99_ratio` is of the accepted, over the usual
p99, `refused_p99_ms` of the others. `after_ratio` is the rate five seconds later, over the usual
one. `BENCH_OVERLOAD_SECONDS` makes both shorter.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any, Final

from benchmarks import bets
from benchmarks.bets import Bench
from overround.roles.attach import Endpoints

TIMES: Final = 10
SECONDS: Final = float(os.environ.get("BENCH_OVERLOAD_SECONDS", "60"))
RECOVERY_S: Final = 5.0


def measure(endpoints: Endpoints, state: Path, folder: Path) -> dict[str, Any]:
    """A minute as usual, a minute of ten times as many, and what is after it."""
    bench = Bench(endpoints, folder, bets.compiled(folder))
    houses, selections, _ = bets.furnished(endpoints, tenants=0)
    one = bets.requests_of(folder, "one", houses, bets.PLAYERS, selections)
    with bets.api(bench, state):
        bench.ask("warm", one)
        usual = bench.press(one, seconds=SECONDS)
        most = bench.press(one, connections=bets.CONNECTIONS * TIMES, seconds=SECONDS)
        time.sleep(max(0.0, RECOVERY_S - bets.SECONDS))
        after = bench.ask("after", one)
        verified = asyncio.run(bets.sound(endpoints, houses))
    return {
        "p99_ratio": round(most["p99_us"] / usual["p99_us"], 2),
        "p50_ratio": round(most["p50_us"] / usual["p50_us"], 2),
        "refused_p99_ms": round(most["refused_p99_us"] / 1000, 1),
        "accepted_share": round(most["accepted"] / most["answered"], 2),
        "other": most["other"],
        "per_s": round(most["per_s"]),
        "usual_per_s": round(usual["per_s"]),
        "usual_p99_ms": round(usual["p99_us"] / 1000, 1),
        "after_ratio": round(after["per_s"] / usual["per_s"], 2),
        "verified": verified,
    }


def main() -> None:
    """Print one JSON object."""
    print(json.dumps({"bench": "overload", **bets.on_servers(measure)}))


if __name__ == "__main__":
    main()
