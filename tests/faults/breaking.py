"""The hard ways to break an engine: kill it, set its clock, and hold one of its calls while that is done."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import until

from christmas_campaign.cli.stack import Stack

HERE = Path(__file__).parent

#: How long a call is held at most, in seconds: long enough to be noticed and killed, over before the engine has come back.
HELD = 6.0


@contextmanager
def held(stack: Stack, service: str, *, when: str, **call: Any) -> Iterator[Callable[[], None]]:
    """Hold the next such call to a service, ``before`` its work is done or ``after``; gives a function that waits for it."""
    fault = stack.sandbox.fault(service, "latency", when=when, seconds=HELD, times=1, **call)

    def hits() -> bool:
        return any(each["id"] == fault and each["hits"] for each in stack.sandbox.faults())

    def wait() -> None:
        until(hits, f"a call to {service}")

    yield wait


def kill_and_start(stack: Stack, *, away: float = 0.0) -> None:
    """Kill the engine with SIGKILL, and start it again after some seconds."""
    stack.engine.kill()
    time.sleep(away)
    stack.engine.start()


class Clock:
    """The wall clock of an engine and its tasks, which can be set while they run; ``settings`` put it into a stack."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock-offset"
        library = folder / "clock.so"
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.fail(
                "the clock of the engine is set by a small C library: this needs a C compiler (apt-get install gcc)"
            )
        subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, HERE / "clock.c"], check=True)
        self.set(0)
        self.settings = {"LD_PRELOAD": str(library), "CLOCK_OFFSET_FILE": str(self._file)}

    def set(self, seconds: int) -> None:
        """Have the engine's clock differ from the machine's by so many seconds, from now on."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds}\n", encoding="ascii")
        new.replace(self._file)
        time.sleep(0.2)
