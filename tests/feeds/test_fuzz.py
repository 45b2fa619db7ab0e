"""No byte string makes a provider raise anything but its own error, take a second or 100 MB.

Each provider's samples, mutated, from a seed: the same bytes in every run. `make fuzz` goes on for
minutes with a seed of the clock; what it finds gets a test of its own beside its provider's.
"""

from __future__ import annotations

import random
import time
import tracemalloc
from pathlib import Path

import pytest

from overround.odds.feeds import Provider
from overround.odds.feeds.registry import BUILT_IN
from tests.feeds.conformance import check_bytes
from tests.feeds.mutation import mutated

FEEDS = Path(__file__).parents[2] / "src/overround/odds/feeds"
BODIES = 250
BYTES_MAX = 100_000_000
SECONDS_MAX = 1.0


def samples(provider: Provider) -> list[bytes]:
    """The bodies of the provider's own samples."""
    return [path.read_bytes() for path in sorted((FEEDS / provider.key / "samples").iterdir())]


@pytest.mark.parametrize("provider", BUILT_IN, ids=lambda one: one.key)
def test_mutated_samples(provider: Provider) -> None:
    rng = random.Random(provider.key)
    bodies = samples(provider)
    assert bodies
    for _ in range(BODIES):
        body = mutated(rng, rng.choice(bodies))
        began_s = time.process_time()
        check_bytes(provider, body)
        assert time.process_time() - began_s < SECONDS_MAX, body[:200]


@pytest.mark.parametrize("provider", BUILT_IN, ids=lambda one: one.key)
def test_a_large_mutation_costs_bounded_memory(provider: Provider) -> None:
    rng = random.Random(provider.key)
    bodies = samples(provider)
    tracemalloc.start()
    try:
        for _ in range(5):
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            check_bytes(provider, mutated(rng, rng.choice(bodies) * 20, 1_000_000))
            _, peak = tracemalloc.get_traced_memory()
            assert peak - before < BYTES_MAX
    finally:
        tracemalloc.stop()
