"""The hard ways to break an engine: kill it, set its clock, and hold one of its calls while that is done."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from database import h2
from optional_programs import require_programs
from support import until

from christmas_campaign.local.stack import Stack

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


def lose_the_next_step(stack: Stack, execution: str, task: str, ago: timedelta) -> None:
    """In the database of a killed engine, have an execution be as a kill leaves it that comes between two of Kestra's commits.

    Its ``task`` was at work and is kept as ended; the message by which Kestra would have begun the next one is lost. All that
    was is ``ago`` earlier than it was.
    """
    found, made = stack.data / "execution.csv", stack.data / "execution.json"
    names = [f"SET @id = '{execution}'", f"SET @found = '{found}'", f"SET @made = '{made}'"]
    _sql(stack, *names, """CALL CSVWRITE(@found, 'SELECT "value" FROM executions WHERE "key" = @id')""")
    csv.field_size_limit(sys.maxsize)
    with found.open(encoding="utf-8", newline="") as file:
        _, (value,) = csv.reader(file)
    said = json.loads(value)
    (run,) = (each for each in said["taskRunList"] if each["taskId"] == task)
    assert run["state"]["current"] in ("SUBMITTED", "RUNNING"), f"{task} is {run['state']['current']}"
    run["state"]["current"] = "SUCCESS"
    run["state"]["histories"].append({"state": "SUCCESS", "date": run["state"]["histories"][-1]["date"]})
    for state in (said["state"], *(each["state"] for each in said["taskRunList"])):
        for change in state["histories"]:
            change["date"] = (datetime.fromisoformat(change["date"]) - ago).isoformat().replace("+00:00", "Z")
    made.write_text(json.dumps(said), encoding="utf-8")
    _sql(
        stack,
        *names,
        """UPDATE executions SET "value" = FILE_READ(@made, 'UTF-8') WHERE "key" = @id""",
        """DELETE FROM queues WHERE "value" LIKE '%' || @id || '%'""",
        "DELETE FROM worker_job_running",
    )


def _sql(stack: Stack, *statements: str) -> None:
    """Run statements on the database of an engine that is not running."""
    h2("Shell", stack.data / "engine", "-sql", "; ".join(statements))


class Clock:
    """The wall clock of an engine and its tasks, which can be set while they run; ``settings`` put it into a stack."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock-offset"
        library = folder / "clock.so"
        (compiler,) = require_programs("cc")
        subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, HERE / "clock.c"], check=True)
        self.set(0)
        self.settings = {"LD_PRELOAD": str(library), "CLOCK_OFFSET_FILE": str(self._file)}

    def set(self, seconds: int) -> None:
        """Have the engine's clock differ from the machine's by so many seconds, from now on."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds}\n", encoding="ascii")
        new.replace(self._file)
        time.sleep(0.2)
