"""How much of the machine's memory the embedded PostgreSQL takes."""

from __future__ import annotations

from pathlib import Path

import psutil
import psycopg
import pytest

from overround.db.server import shared_buffers_mb
from overround.kit import machine
from overround.kit.settings import ServersSettings, Settings
from overround.roles.attach import attached


def test_a_container_has_what_its_limit_says(tmp_path: Path) -> None:
    whole = psutil.virtual_memory().total
    limit, absent = tmp_path / "memory.max", tmp_path / "absent"
    limit.write_text("1073741824\n")
    assert machine.memory_bytes([absent, limit]) == min(2**30, whole)
    limit.write_text("max\n")
    assert machine.memory_bytes([absent, limit]) == whole
    # The first version of groups says a number beyond all memory where there is no limit.
    limit.write_text("9223372036854771712\n")
    assert machine.memory_bytes([limit]) == whole


@pytest.mark.parametrize(
    ("memory_mb", "buffers_mb"), [(512, 128), (2_048, 256), (8_192, 1_024), (262_144, 1_024)]
)
def test_pages_take_an_eighth_of_memory_within_bounds(memory_mb: int, buffers_mb: int) -> None:
    assert shared_buffers_mb(memory_mb * 2**20) == buffers_mb


@pytest.mark.parametrize("asked_mb", [64, None])
def test_the_server_keeps_as_many_pages_as_it_is_told(
    tmp_path_factory: pytest.TempPathFactory, asked_mb: int | None
) -> None:
    servers = ServersSettings(linger_s=0, shared_buffers_mb=asked_mb)
    state = tmp_path_factory.mktemp("s")
    usual_mb = shared_buffers_mb(machine.memory_bytes())
    with (
        attached(Settings(state=state / "state", servers=servers)) as endpoints,
        psycopg.connect(endpoints.superuser_url()) as conn,
    ):
        told = conn.execute(
            "SELECT setting::bigint * 8192 FROM pg_settings WHERE name = 'shared_buffers'"
        ).fetchone()
    assert told == ((asked_mb or usual_mb) * 2**20,)
