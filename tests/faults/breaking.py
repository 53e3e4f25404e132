"""Ways to break an engine: kill it, set its clock, and delay one of its calls while that happens."""

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

#: Seconds by which a call is delayed: long enough to kill the engine meanwhile, and over before the engine is back.
DELAY = 6.0


@contextmanager
def delayed_call(stack: Stack, service: str, *, when: str, **call: Any) -> Iterator[Callable[[], None]]:
    """Delay the next such call to a service, ``before`` or ``after`` its work; yield a function that waits for the call."""
    fault_id = stack.sandbox.fault(service, "latency", when=when, seconds=DELAY, times=1, **call)

    def has_hit() -> bool:
        return any(fault["id"] == fault_id and fault["hits"] for fault in stack.sandbox.faults())

    def wait() -> None:
        until(has_hit, f"a call to {service}")

    yield wait


def kill_and_start(stack: Stack, *, away: float = 0.0) -> None:
    """Kill the engine with SIGKILL, and start it again after ``away`` seconds."""
    stack.engine.kill()
    time.sleep(away)
    stack.engine.start()


def lose_the_next_step(stack: Stack, execution: str, task: str, ago: timedelta) -> None:
    """In the database of a killed engine, put an execution into the state after a kill between two of Kestra's commits.

    The running ``task`` is stored as ended, and Kestra's message that would start the next task is lost. All times of the
    execution are moved back by ``ago``.
    """
    old_file, new_file = stack.data / "execution.csv", stack.data / "execution.json"
    names = [f"SET @id = '{execution}'", f"SET @old = '{old_file}'", f"SET @new = '{new_file}'"]
    _sql(stack, *names, """CALL CSVWRITE(@old, 'SELECT "value" FROM executions WHERE "key" = @id')""")
    csv.field_size_limit(sys.maxsize)
    with old_file.open(encoding="utf-8", newline="") as file:
        _, (value,) = csv.reader(file)
    stored = json.loads(value)
    (run,) = (task_run for task_run in stored["taskRunList"] if task_run["taskId"] == task)
    assert run["state"]["current"] in ("SUBMITTED", "RUNNING"), f"{task} is {run['state']['current']}"
    run["state"]["current"] = "SUCCESS"
    run["state"]["histories"].append({"state": "SUCCESS", "date": run["state"]["histories"][-1]["date"]})
    for state in (stored["state"], *(task_run["state"] for task_run in stored["taskRunList"])):
        for change in state["histories"]:
            change["date"] = (datetime.fromisoformat(change["date"]) - ago).isoformat().replace("+00:00", "Z")
    new_file.write_text(json.dumps(stored), encoding="utf-8")
    _sql(
        stack,
        *names,
        """UPDATE executions SET "value" = FILE_READ(@new, 'UTF-8') WHERE "key" = @id""",
        """DELETE FROM queues WHERE "value" LIKE '%' || @id || '%'""",
        "DELETE FROM worker_job_running",
    )


def _sql(stack: Stack, *statements: str) -> None:
    """Run SQL statements on the database of a stopped engine."""
    h2("Shell", stack.data / "engine", "-sql", "; ".join(statements))


class Clock:
    """A clock that can be set while an engine and its tasks run; ``settings`` install it in a stack."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock-offset"
        library = folder / "clock.so"
        (compiler,) = require_programs("cc")
        subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, HERE / "clock.c"], check=True)
        self.set(0)
        self.settings = {"LD_PRELOAD": str(library), "CLOCK_OFFSET_FILE": str(self._file)}

    def set(self, seconds: int) -> None:
        """Set the engine's clock to the machine's plus this number of seconds."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds}\n", encoding="ascii")
        new.replace(self._file)
        time.sleep(0.2)
