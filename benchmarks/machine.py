"""The processor time, memory and disk space that a process uses, read from Linux's ``/proc``."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import NamedTuple

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

#: The indices of four times in `/proc/PID/stat`, counted from the field after the process's name (see `man 5 proc`).
_USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM = 11, 12, 13, 14


class Cpu(NamedTuple):
    """Processor time in seconds: of the process itself, and of its children that have ended."""

    own: float
    children: float

    @property
    def total(self) -> float:
        """Return the sum of both times."""
        return self.own + self.children

    def since(self, start: Cpu) -> Cpu:
        """Return the time that was spent after ``start``."""
        return Cpu(self.own - start.own, self.children - start.children)


def cpu(pid: int) -> Cpu:
    """Return the processor time that a process has spent so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = [int(fields[index]) for index in (_USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM)]
    return Cpu((ticks[0] + ticks[1]) / _TICKS_PER_SECOND, (ticks[2] + ticks[3]) / _TICKS_PER_SECOND)


def resident_megabytes(pid: int) -> float:
    """Return the resident memory of a process, in MB."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def disk_megabytes(folder: Path) -> float:
    """Return the size of all files in a folder, in MB."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1_000_000


def children_cpu() -> float:
    """Return the processor time, in seconds, of all children of this process that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
