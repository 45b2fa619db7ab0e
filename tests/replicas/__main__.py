"""The replica books by hand: `python -m tests.replicas --port 8110`."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

import uvicorn

from tests.replicas.app import Replicas
from tests.replicas.market import Market


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8110)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    replicas = Replicas(Market(asked.seed, datetime.now(UTC)))
    uvicorn.run(replicas.app(), host="127.0.0.1", port=asked.port, log_level="warning")


if __name__ == "__main__":
    main()
