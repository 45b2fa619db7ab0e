"""Where the suite's servers stand: in memory where there is room, and nothing stays there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import servers

_LEFT = """
import os, sys
from pathlib import Path
from tests.support import servers
servers.MEMORY, servers.MEMORY_BYTES_MIN = Path(sys.argv[1]), 0
with servers.state_directory() as state:
    state.mkdir()
    os._exit(9)
"""


def test_what_a_killed_run_left_in_memory_goes_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", _LEFT, str(tmp_path)], cwd=root, check=False)
    assert done.returncode == 9
    (left,) = tmp_path.iterdir()
    monkeypatch.setattr(servers, "MEMORY", tmp_path)
    monkeypatch.setattr(servers, "MEMORY_BYTES_MIN", 0)
    with servers.state_directory() as first:
        assert not left.exists()
        # A run that lives is left alone.
        with servers.state_directory() as second:
            assert first.parent.is_dir()
            assert second.parent.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_small_or_absent_has_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not servers.has_room(tmp_path / "nowhere")
    monkeypatch.setattr(servers, "MEMORY_BYTES_MIN", 2**62)
    assert not servers.has_room(tmp_path)
