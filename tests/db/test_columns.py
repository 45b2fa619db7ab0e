"""Columns as array parameters: what the server reads is what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import psycopg

from overround.db import columns
from overround.db.logins import Role

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SENT = "SELECT %s::smallint[], %s::integer[], %s::uuid[], %s::timestamptz[], %s::timestamptz[]"


def test_columns_arrive_as_they_were_sent(database_urls: Mapping[Role, str]) -> None:
    small = [-32_768, 0, 7, 32_767]
    whole = [-(2**31), 10_001, 20_000, 2**31 - 1]
    ids = [UUID(int=0), UUID(int=1), UUID(int=2**127 + 5), UUID(int=2**128 - 1)]
    times_us = [0, 1, 946_684_800_000_000, 1_795_219_200_123_456]
    runs = [(None, 2), (times_us[3], 1), (times_us[1], 1)]
    sent = (
        columns.smallints(np.array(small)),
        columns.integers(np.array(whole)),
        columns.uuids(np.frombuffer(b"".join(one.bytes for one in ids), "V16")),
        columns.times(np.array(times_us)),
        columns.repeated_times(runs),
    )
    times = [EPOCH + timedelta(microseconds=us) for us in times_us]
    with psycopg.connect(database_urls["app"]) as conn:
        for _ in range(8):
            # Again and again: a statement that is prepared gets the same types.
            row = conn.execute(_SENT, sent).fetchone()
            assert row == (small, whole, ids, times, [None, None, times[3], times[1]])


def test_empty_columns_are_empty_arrays(database_urls: Mapping[Role, str]) -> None:
    none = np.zeros(0, np.int64)
    sent = (
        columns.smallints(none),
        columns.integers(none),
        columns.uuids(np.zeros(0, "V16")),
        columns.times(none),
        columns.repeated_times([]),
    )
    with psycopg.connect(database_urls["app"]) as conn:
        assert conn.execute(_SENT, sent).fetchone() == ([], [], [], [], [])
