"""The scenarios of the benchmarks: each one runs one kind of work on a new engine and yields its figures by name.

The sandbox replaces Notion and Resend, without rate limits and network delay. Times are in seconds.
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

#: Rates so high that the campaign never waits for the limit of a provider.
NO_LIMITS = {"ENV_NOTION_RATE": "1000", "ENV_RESEND_RATE": "1000"}

#: How many callers post signups at the same time.
CALLERS = 8

#: After its last request an execution still records the result, and handlers still end. Both take less than this.
ENDS_WITHIN = 3.0

#: An idle engine polls for work less and less often. After ``SETTLES`` seconds the measurement takes ``IDLE`` seconds, because
#: schedules run once a minute.
SETTLES = 40.0
IDLE = 60.0

#: How many e-mails the scenario with many waiting e-mails times.
LAGS_WHILE_MANY_WAIT = 5


class Size(NamedTuple):
    """The amount of work in a measurement."""

    counted: int
    """E-mails or signups in the figures."""
    warm_up: int
    """E-mails or signups before the measurement."""
    timed: int
    """Answers or delays of single e-mails."""


FULL = Size(counted=60, warm_up=30, timed=10)
QUICK = Size(counted=30, warm_up=15, timed=5)


def send_emails(size: Size, runs: int) -> Iterator[Figures]:
    """Measure e-mails that are all due in the same second, ``runs`` times."""
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
    """Measure signups by several callers at once, and the answer to a single signup. No e-mail becomes due meanwhile."""
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
    """Measure the start on new data, an idle engine, and the delay of an e-mail that is due alone."""
    with tempfile.TemporaryDirectory() as data:
        stack = _stack(Path(data), SCALE)
        start_seconds: list[float] = []
        stack.start(lambda line: start_seconds.append(float(line.split()[0])))
        try:
            lags = [lag(stack) for _ in range(size.timed)]
            yield {
                "start": start_seconds[2],
                "lag_p50": statistics.median(lags),
                "lag_p95": _p95(lags),
                "idle_cpu": idle_cpu(stack),
                "idle_memory_mb": machine.resident_megabytes(stack.engine.pid),
            }
        finally:
            stack.stop()


def wait_with(waiting: int) -> Iterator[Figures]:
    """Measure an engine in which ``waiting`` e-mails are scheduled for the next day."""
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
    """Measure a single step as Kestra starts it: Python, its imports, and a decision on an unknown enrolment."""
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
    # The first run reads Python's files from the disk, so it does not count.
    yield {"step_wall": statistics.median(walls[1:]), "step_cpu": statistics.median(cpus[1:])}


def lag(stack: Stack) -> float:
    """Send a single e-mail; return the seconds from its due date to its request at Resend."""
    (email,), due = burst(stack, 1, seconds=4)
    sleep_until(due)
    while not (mails := [mail for mail in stack.sandbox.mails() if mail.to == (email,)]):
        time.sleep(0.05)
    time.sleep(ENDS_WITHIN)
    return (mails[0].received_at - due).total_seconds()


def idle_cpu(stack: Stack) -> float:
    """Return the load of an idle engine as a part of one processor, from 0 to 1."""
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
    """Return a stack with the flows of this checkout."""
    return Stack(data, time_scale=time_scale, lasting=True, settings=NO_LIMITS, flows=PROJECT / "flows")


def _send_burst(stack: Stack, count: int) -> tuple[float, Cpu]:
    """Send e-mails that are due at the same time.

    Return the seconds from the due date to the last request, and the processor time.
    """
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
    """Post signups of new contacts; return the seconds until all their e-mails are scheduled."""
    enrolled = _count_enrolled(stack)
    begun = time.monotonic()
    with ThreadPoolExecutor(CALLERS) as callers:
        answers = list(callers.map(lambda _: _post(stack).status_code, range(count)))
    assert answers == [200] * count, answers
    while _count_enrolled(stack) < enrolled + count:
        time.sleep(0.5)
    return time.monotonic() - begun


def _answer_alone(stack: Stack) -> float:
    """Return the seconds until a single signup is answered; then wait until it is enrolled."""
    enrolled = _count_enrolled(stack)
    begun = time.monotonic()
    assert _post(stack).status_code == 200
    answered = time.monotonic() - begun
    while _count_enrolled(stack) == enrolled or stack.kestra.executions(namespace="christmas", states=_RUNNING):
        time.sleep(0.2)
    return answered


#: The states of an execution that has started and not ended. ``CREATED`` is the state of one that waits for its date.
_RUNNING = [state for state in kestra_models.LIVE if state != "CREATED"]


def _post(stack: Stack) -> httpx.Response:
    """Post the signup of a new contact."""
    return httpx.post(stack.webhook("signup-handler"), json=payload(address()), timeout=120)


def _count_enrolled(stack: Stack) -> int:
    """Return the number of enrolments in the KV store."""
    return sum(key.startswith("enrolled.") for key in stack.kestra.kv_list())


def _put_waiting(stack: Stack, count: int) -> None:
    """Schedule ``count`` e-mails for tomorrow. Only their executions exist, without enrolments."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)

    def put(place: int) -> None:
        labels = {"sequence": "signup", "number": "5", "contact": f"c{place}", "enrolment": f"signup-{place}"}
        inputs = {"enrolment": labels["enrolment"], "number": 5}
        stack.kestra.run("send-email", inputs, labels=labels, scheduled=tomorrow)

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(put, range(count)))


def _p95(values: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]
