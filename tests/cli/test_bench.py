"""`overround bench`: which benchmarks there are."""

from __future__ import annotations

from tests.servers.commands import overround_cli


def test_an_unknown_benchmark_is_told_which_there_are() -> None:
    done = overround_cli("bench", "nothing", "--json")
    assert done.returncode == 1
    assert "numbers" in done.stderr
    assert done.stdout == ""
