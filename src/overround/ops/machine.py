"""The machine as this process sees it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psutil

from overround.ops.model import Machine


def machine_of(directory: Path) -> Machine:
    """Disk (the one that `directory` is on), memory, load."""
    disk, memory = shutil.disk_usage(directory), psutil.virtual_memory()
    return Machine(
        disk_free_bytes=disk.free,
        disk_bytes=disk.total,
        memory_free_bytes=memory.available,
        memory_bytes=memory.total,
        load=round(os.getloadavg()[0], 2),
        processors=os.cpu_count() or 1,
        cpu_percent=psutil.cpu_percent(interval=None),
    )
