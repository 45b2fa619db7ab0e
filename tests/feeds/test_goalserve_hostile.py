"""No bytes make the parser raise anything but ProviderDataError, or say something unbounded."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from overround.core.errors import ProviderDataError
from overround.odds.feeds import goalserve
from overround.odds.feeds.provider import Parsed

SAMPLES = Path(__file__).parents[2] / "src/overround/odds/feeds/goalserve/samples"
GOOD = (SAMPLES / "soccer.json").read_bytes().strip()
WORDS = st.sampled_from(
    ["True", "false", "Home", "Away", "Draw", "Over", "16", "1", "4", "5", "2.5", "-0.25", "1.00",
     "1.90", "18:30", "11.09.2025", "1757577600", "bet365", "Ann: Bob", "", "\x00", "\ud800",
     "9" * 99, "٣", "\u202e", "nan", "1e5"]
)  # fmt: skip
NAMES = st.sampled_from(
    ["id", "@id", "name", "value", "stop", "ts", "status", "date", "formatted_date", "time", "odds",
     "odd", "type", "total", "handicap", "bookmakers", "bookmaker", "localteam", "visitorteam",
     "player_1", "player_2", "match", "matches", "gid"]
)  # fmt: skip
LEAVES = WORDS | st.none() | st.booleans() | st.integers() | st.floats()
NODES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=8),
    max_leaves=40,
)


def check(body: bytes) -> Parsed | None:
    with contextlib.suppress(ProviderDataError):
        parsed = goalserve.parse("x.json", body)
        assert len(parsed.events) == len(parsed.batches) <= parsed.rows
        assert len(parsed.rejected) <= 10_001
        (counts,) = parsed.coverage
        unmapped = sum(found.selections for found in counts.unmapped.values())
        assert counts.mapped + unmapped == counts.selections
        for batch in parsed.batches:
            assert all(p.price_e4 > 10_000 for p in batch.prices)
            kept = [(p.source, p.market, p.side) for p in batch.prices]
            assert len(kept) == len(set(kept))
        # What is kept can be stored and shown.
        for text in (str(parsed.events), str(parsed.rejected), str(counts.as_dict())):
            assert text.encode().decode().isprintable()
        return parsed
    return None


@given(st.binary(max_size=2_000))
@example(b"\xef\xbb\xbf{}")
@example(b'{"scores":"\\ud800"}')
def test_any_bytes(body: bytes) -> None:
    check(body)
    goalserve.recognises(body)


@given(NODES)
def test_any_tree_below_the_scores(node: Any) -> None:
    scores = {"sport": "soccer", "ts": "1757577600", "categories": node}
    check(json.dumps({"scores": scores}).encode())


@given(NODES)
def test_any_tree_as_a_match(node: Any) -> None:
    match = {
        "id": "1",
        "status": "18:30",
        "formatted_date": "11.09.2025",
        "time": "18:30",
        "localteam": {"name": "Ann"},
        "visitorteam": {"name": "Bob"},
        "odds": node,
    }
    category = {"name": "A: B", "gid": "1", "matches": [match]}
    scores = {"sport": "soccer", "ts": "1757577600", "categories": [category]}
    parsed = check(json.dumps({"scores": scores}).encode())
    assert parsed is not None
    assert len(parsed.events) == 1


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_a_flipped_byte_of_a_good_file(at: int, value: int) -> None:
    body = bytearray(GOOD)
    body[at] = value
    check(bytes(body))


@given(st.integers(0, len(GOOD) - 1))
def test_a_good_file_that_was_cut_off(length: int) -> None:
    assert check(GOOD[:length]) is None
