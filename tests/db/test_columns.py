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


_STANDING = """
SELECT array_send(array_agg(small ORDER BY n)), array_send(array_agg(whole ORDER BY n)),
       array_send(array_agg(whole > 0 ORDER BY n)), array_send(array_agg(at ORDER BY n))
FROM unnest(%s::smallint[], %s::integer[], %s::timestamptz[]) WITH ORDINALITY
    AS t (small, whole, at, n) WHERE n <= %s"""


def test_columns_are_read_as_they_stand(database_urls: Mapping[Role, str]) -> None:
    small, whole = [-32_768, 0, 32_767], [-(2**31), 10_001, 2**31 - 1]
    times_us = [-1, 946_684_800_000_001, 1_795_219_200_123_456]
    times = [EPOCH + timedelta(microseconds=us) for us in times_us]
    with psycopg.connect(database_urls["app"]) as conn:
        for length in (3, 1, 0):
            row = conn.execute(_STANDING, (small, whole, times, length)).fetchone()
            assert row is not None
            assert columns.smallints_read(row[0]).tolist() == small[:length]
            assert columns.integers_read(row[1]).tolist() == whole[:length]
            assert columns.booleans_read(row[2]).tolist() == [0, 1, 1][:length]
            assert columns.times_read(row[3]).tolist() == times_us[:length]
