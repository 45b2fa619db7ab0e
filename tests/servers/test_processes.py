"""Processes by pid and start time, locks that die with their holder, files that change at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from overround.kit import processes
from overround.kit.processes import FileLock, ProcessKey
from tests.support.waiting import until


def test_a_process_is_known_by_its_start_too() -> None:
    child = subprocess.Popen(["sleep", "60"])
    try:
        key = processes.key_of(child.pid)
        assert key is not None
        assert processes.is_alive(key)
        # For a moment after exec the kernel shows no arguments.
        until(lambda: processes.command_line(key) == ["sleep", "60"], "the arguments")
        stranger = replace(key, started="earlier")
        assert not processes.is_alive(stranger)
        assert processes.command_line(stranger) == []
        processes.send(stranger, signal.SIGKILL)
        assert processes.wait_gone([stranger], 0)
        assert child.poll() is None
    finally:
        child.kill()
        until(lambda: processes.key_of(child.pid) is None, "the zombie to count as gone")
        child.wait()
    assert processes.key_of(child.pid) is None
    processes.send(key, signal.SIGKILL)


def test_ending_takes_harder_means_when_it_must() -> None:
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    deaf = subprocess.Popen(
        [sys.executable, "-c", f"{script} print(flush=True); time.sleep(60)"],
        stdout=subprocess.PIPE,
    )
    try:
        assert deaf.stdout is not None
        deaf.stdout.readline()
        key = processes.key_of(deaf.pid)
        assert key is not None
        assert not processes.end([key], [(signal.SIGTERM, 0.1)])
        assert processes.end([key], [(signal.SIGTERM, 0.1), (signal.SIGKILL, 5.0)])
        assert deaf.wait() == -signal.SIGKILL
    finally:
        deaf.kill()
        deaf.communicate()


def test_a_process_is_found_by_where_it_works(tmp_path: Path) -> None:
    child = subprocess.Popen(["sleep", "60"], cwd=tmp_path)
    try:
        assert [key.pid for key in processes.working_in(tmp_path, "sleep")] == [child.pid]
        assert processes.working_in(tmp_path, "postgres") == []
        assert processes.working_in(tmp_path.parent, "sleep") == []
    finally:
        child.kill()
        child.wait()


def test_a_lock_is_held_alone_or_together(tmp_path: Path) -> None:
    one, two, three = (FileLock(tmp_path / "lock") for _ in range(3))
    assert one.try_shared()
    assert two.try_shared()
    assert not three.try_exclusive()
    one.release()
    one.release()
    assert not three.wait_exclusive(0.05)
    two.release()
    assert three.try_exclusive()
    assert not one.try_shared()
    assert not one.wait_shared(0.05)
    with pytest.raises(RuntimeError, match="held already"):
        three.try_shared()
    assert three.is_in_place()
    (tmp_path / "lock").unlink()
    assert not three.is_in_place()
    three.release()
    assert not three.is_in_place()


def test_a_lock_dies_with_its_holder_and_not_with_the_holder_s_children(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    script = (
        "import subprocess, sys, time; from pathlib import Path;"
        "from overround.kit.processes import FileLock;"
        "lock = FileLock(Path(sys.argv[1])); assert lock.try_exclusive();"
        "child = subprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL);"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    child = processes.key_of(int(holder.stdout.readline()))
    assert child is not None
    ours = FileLock(path)
    assert not ours.try_exclusive()
    holder.kill()
    holder.communicate()
    assert processes.is_alive(child)
    assert ours.try_exclusive()
    ours.release()
    processes.end([child], [(signal.SIGKILL, 5.0)])


def test_a_file_is_replaced_as_a_whole_and_never_through_a_link(tmp_path: Path) -> None:
    path, victim = tmp_path / "record", tmp_path / "victim"
    victim.write_text("precious")
    processes.write_atomically(path, "one")
    processes.write_atomically(path, "two")
    assert path.read_text() == "two"
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
    path.symlink_to(victim)
    processes.write_atomically(path, "three")
    assert victim.read_text() == "precious"
    assert not path.is_symlink()
    assert sorted(found.name for found in tmp_path.iterdir()) == ["record", "victim"]


def test_ourselves() -> None:
    assert processes.ourselves() == processes.key_of(os.getpid())
    assert processes.ourselves() != ProcessKey(os.getpid(), "another time")
