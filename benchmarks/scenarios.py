"""What is measured: each scenario plays one kind of work on an engine of its own and returns its figures by name.

Notion and Resend are the sandbox's, without limits and without the network's delay. Times are in seconds.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import httpx
import machine
from faults.people import burst, sleep_until
from machine import Cpu
from support import SCALE, address, payload

from christmas_campaign.clients import kestra_models
from christmas_campaign.local.stack import PROJECT, Stack

Figures = Mapping[str, float]

#: Rates so high that the campaign waits for no provider's limit.
NO_LIMITS = {"ENV_NOTION_RATE": "1000", "ENV_RESEND_RATE": "1000"}

#: How many callers post signups at the same time.
CALLERS = 8

#: After its last request an execution still records the result, and handlers still end; this is long enough for that.
ENDS_WITHIN = 3.0

#: An idle engine looks for work less and less often. After ``SETTLES`` seconds it is measured for ``IDLE`` seconds; the
#: schedules come once a minute.
SETTLES = 40.0
IDLE = 60.0

#: How many e-mails tell how late one leaves while many wait.
LAGS_WHILE_MANY_WAIT = 5


class Size(NamedTuple):
    """How much work a measurement does: how many e-mails or signups are counted, how many come before them for warming up, and
    how many answers or lags are timed."""

    counted: int
    warm_up: int
    timed: int


FULL = Size(counted=60, warm_up=30, timed=10)
QUICK = Size(counted=30, warm_up=15, timed=5)


def send_emails(size: Size, runs: int) -> Iterator[Figures]:
    """Measure e-mails that are all due in the same second, so many times over."""
    with running_stack(SCALE) as stack:
        _send_burst(stack, size.warm_up)
        for _ in range(runs):
            seconds, spent = _send_burst(stack, size.counted)
            yield {
                "email_cpu": spent.total / size.counted,
                "email_cpu_jvm": spent.own / size.counted,
                "email_cpu_python": spent.children / size.counted,
                "emails_per_second": size.counted / seconds,
                "memory_mb": machine.resident_megabytes(stack.engine.pid),
            }


def sign_up(size: Size, runs: int) -> Iterator[Figures]:
    """Measure signups by several callers at once, and the answer to one that comes alone. Nothing becomes due meanwhile."""
    with running_stack(1) as stack:
        _sign_up(stack, size.warm_up)
        for _ in range(runs):
            spent_before = machine.cpu(stack.engine.pid)
            seconds = _sign_up(stack, size.counted)
            time.sleep(ENDS_WITHIN)
            spent = machine.cpu(stack.engine.pid).since(spent_before)
            answers = [_answer_alone(stack) for _ in range(size.timed)]
            yield {
                "signup_cpu": spent.total / size.counted,
                "signup_cpu_jvm": spent.own / size.counted,
                "signup_cpu_python": spent.children / size.counted,
                "signups_all_scheduled_after": seconds,
                "answer_p50": statistics.median(answers),
                "answer_p95": _p95(answers),
            }


def stay_idle(size: Size) -> Iterator[Figures]:
    """Measure the start on new data, an engine without work, and how late an e-mail leaves that is due alone."""
    with tempfile.TemporaryDirectory() as data:
        stack = _stack(Path(data), SCALE)
        started: list[float] = []
        stack.start(lambda line: started.append(float(line.split()[0])))
        try:
            lags = [lag(stack) for _ in range(size.timed)]
            yield {
                "start": started[2],
                "lag_p50": statistics.median(lags),
                "lag_p95": _p95(lags),
                "idle_cpu": idle_cpu(stack),
                "idle_memory_mb": machine.resident_megabytes(stack.engine.pid),
            }
        finally:
            stack.stop()


def wait_with(waiting: int) -> Iterator[Figures]:
    """Measure an engine in which so many e-mails wait for a day to come."""
    with tempfile.TemporaryDirectory() as data, _stack(Path(data), SCALE) as stack:
        lag(stack)
        _put_waiting(stack, waiting)
        lags = [lag(stack) for _ in range(LAGS_WHILE_MANY_WAIT)]
        idle = idle_cpu(stack)
        stack.engine.stop()
        begun = time.monotonic()
        stack.engine.start()
        yield {
            f"lag_p50_{waiting}_waiting": statistics.median(lags),
            f"idle_cpu_{waiting}_waiting": idle,
            f"start_{waiting}_waiting": time.monotonic() - begun,
            f"disk_mb_{waiting}_waiting": machine.disk_megabytes(stack.engine.data),
        }


def run_step(size: Size) -> Iterator[Figures]:
    """Measure one step by itself, as Kestra starts it: Python, its imports, and a decision on an unknown enrolment."""
    context = '{"enrolment": "none", "number": 2, "settings": {}, "began": 0}'
    command = [sys.executable, "-m", "christmas_campaign.steps", "gate"]
    walls, cpus = [], []
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "context.json").write_text(context, encoding="utf-8")
        for _ in range(size.timed + 1):
            begun, cpu = time.perf_counter(), machine.children_cpu()
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
            walls.append(time.perf_counter() - begun)
            cpus.append(machine.children_cpu() - cpu)
    # The first one reads Python's files from the disk.
    yield {"step_wall": statistics.median(walls[1:]), "step_cpu": statistics.median(cpus[1:])}


def lag(stack: Stack) -> float:
    """Return how long after it was due an e-mail that comes alone reached Resend."""
    (email,), due = burst(stack, 1, seconds=4)
    sleep_until(due)
    while not (mails := [mail for mail in stack.sandbox.mails() if mail.to == (email,)]):
        time.sleep(0.05)
    time.sleep(ENDS_WITHIN)
    return (mails[0].received_at - due).total_seconds()


def idle_cpu(stack: Stack) -> float:
    """Return the part of one processor that an engine takes when nothing happens."""
    time.sleep(SETTLES)
    begun, spent = time.monotonic(), machine.cpu(stack.engine.pid)
    time.sleep(IDLE)
    return machine.cpu(stack.engine.pid).since(spent).total / (time.monotonic() - begun)


@contextmanager
def running_stack(time_scale: float) -> Iterator[Stack]:
    """Run a stack with the flows of this checkout, compiled as in production."""
    with tempfile.TemporaryDirectory() as data, _stack(Path(data), time_scale) as stack:
        yield stack


def _stack(data: Path, time_scale: float) -> Stack:
    return Stack(data, time_scale=time_scale, lasting=True, settings=NO_LIMITS, flows=PROJECT / "flows")


def _send_burst(stack: Stack, count: int) -> tuple[float, Cpu]:
    """Send e-mails that are due at once; returns the seconds from then to the last one's request, and the time it cost."""
    arrived = len(stack.sandbox.mails())
    _, due = burst(stack, count, seconds=10 + count / 4)
    sleep_until(due - timedelta(seconds=0.5))
    spent = machine.cpu(stack.engine.pid)
    while len(stack.sandbox.mails()) < arrived + count:
        time.sleep(0.1)
    last = max(mail.received_at for mail in stack.sandbox.mails())
    time.sleep(ENDS_WITHIN)
    return (last - due).total_seconds(), machine.cpu(stack.engine.pid).since(spent)


def _sign_up(stack: Stack, count: int) -> float:
    """Post signups of new contacts; returns the seconds until all their e-mails are scheduled."""
    enrolled = _count_enrolled(stack)
    begun = time.monotonic()
    with ThreadPoolExecutor(CALLERS) as callers:
        answers = list(callers.map(lambda _: _post(stack).status_code, range(count)))
    assert answers == [200] * count, answers
    while _count_enrolled(stack) < enrolled + count:
        time.sleep(0.5)
    return time.monotonic() - begun


def _answer_alone(stack: Stack) -> float:
    """Time the answer to one signup while nothing else happens."""
    enrolled = _count_enrolled(stack)
    begun = time.monotonic()
    assert _post(stack).status_code == 200
    answered = time.monotonic() - begun
    while _count_enrolled(stack) == enrolled or stack.kestra.executions(namespace="christmas", states=_AT_WORK):
        time.sleep(0.2)
    return answered


#: The states of an execution that is being worked on: all but those of one that waits for its date.
_AT_WORK = [state for state in kestra_models.LIVE if state != "CREATED"]


def _post(stack: Stack) -> httpx.Response:
    return httpx.post(stack.webhook("signup-handler"), json=payload(address()), timeout=120)


def _count_enrolled(stack: Stack) -> int:
    return sum(key.startswith("enrolled.") for key in stack.kestra.kv_list())


def _put_waiting(stack: Stack, count: int) -> None:
    """Put e-mails into the engine that wait for tomorrow; nothing but their executions is made."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)

    def put(place: int) -> None:
        labels = {"sequence": "signup", "number": "5", "contact": f"c{place}", "enrolment": f"signup-{place}"}
        inputs = {"enrolment": labels["enrolment"], "number": 5}
        stack.kestra.run("send-email", inputs, labels=labels, scheduled=tomorrow)

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(put, range(count)))


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]
