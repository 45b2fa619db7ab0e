"""Bulk parameters: the text of an array (`db.arrays`) against the driver's own array dumping.

Both send 5,000 changed prices to a real server, which takes them apart and counts them.
"""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg

from benchmarks.rounds import compare
from overround.core import ids
from overround.db import arrays
from overround.kit.settings import ServersSettings, Settings
from overround.roles.attach import attached

ROWS = 5_000
AT = datetime(2026, 1, 1, tzinfo=UTC)
COUNT = """
SELECT count(*)
FROM unnest(%s::smallint[], %s::uuid[], %s::integer[], %s::text[], %s::timestamptz[])"""


def main() -> None:
    """Print one JSON object."""
    sources = [n % 30 for n in range(ROWS)]
    selections: list[UUID] = [ids.derived(AT, "selection", str(n)) for n in range(ROWS)]
    prices = [10_100 + n for n in range(ROWS)]
    times = [AT] * ROWS
    states: list[arrays.PriceState] = ["open"] * ROWS
    with tempfile.TemporaryDirectory(prefix="overround-bench-") as folder:
        Path(folder).chmod(0o711)
        settings = Settings(state=Path(folder) / "state", servers=ServersSettings(linger_s=0))
        with attached(settings) as endpoints, psycopg.connect(endpoints.url("worker")) as conn:

            def ours() -> int:
                columns = [
                    arrays.literal(sources),
                    arrays.literal(selections),
                    arrays.literal(prices),
                    arrays.literal(states),
                    arrays.times(times),
                ]
                return conn.execute(COUNT, columns).fetchall()[0][0]

            def reference() -> int:
                columns = [sources, selections, prices, states, times]
                return conn.execute(COUNT, columns).fetchall()[0][0]

            print(json.dumps({"bench": "bulk_arrays", **compare(ours, reference)}))


if __name__ == "__main__":
    main()
