"""Kill one of three workers that share a database while e-mails go out."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path

import pytest
from support import SCALE, until

from christmas_campaign.clients.kestra_models import TaskRun
from christmas_campaign.local.engine import Engine
from christmas_campaign.local.stack import Stack
from faults.account import Expected, settle_the_account
from faults.breaking import DELAY
from faults.people import burst, sleep_until

PEOPLE = 30


def tasks_of(stack: Stack) -> Counter[str]:
    """Return how many tasks of `send-email` each worker was the last to try, by its id."""
    runs = stack.kestra.executions(namespace="christmas", flow_id="send-email")
    return Counter(task.workers[-1] for run in runs for task in run.tasks if task.workers)


def running_task(stack: Stack, workers: AbstractSet[str]) -> tuple[str, TaskRun] | None:
    """Return a task of `send-email` that one of these workers is running, with the id of its execution."""
    for run in stack.kestra.executions(namespace="christmas", flow_id="send-email", states=["RUNNING"]):
        for task in run.tasks:
            if task.state == "RUNNING" and not workers.isdisjoint(task.workers[-1:]):
                return run.id, task
    return None


def kill_during_task(stack: Stack, by_id: Mapping[str, Engine]) -> tuple[str, TaskRun] | None:
    """Kill one of these workers during a task of `send-email`; return the task and the id of its execution."""
    if (running := running_task(stack, by_id.keys())) is None:
        return None
    execution_id, task = running
    worker = by_id[task.workers[-1]]
    # The task may have ended since. The worker is paused until Kestra has stored the results that it handed in.
    os.kill(worker.pid, signal.SIGSTOP)
    time.sleep(1)
    now = next(task_run for task_run in stack.kestra.execution(execution_id).tasks if task_run.id == task.id)
    if now.state == "RUNNING" and now.workers == task.workers:
        worker.kill()
        return running
    os.kill(worker.pid, signal.SIGCONT)
    return None


@pytest.mark.long
@pytest.mark.timeout(900)
def test_30_a_worker_of_three_is_killed_in_a_burst(tmp_path: Path) -> None:
    """All three do a part of the work. Another worker repeats the dead worker's task, and each e-mail arrives once."""
    with Stack(tmp_path, time_scale=SCALE, share=True) as stack:
        own = stack.engine.worker_id
        workers = [stack.engine.worker(name) for name in ("one", "two")]
        try:
            for worker in workers:
                worker.start()
            by_id = {worker.worker_id: worker for worker in workers}
            emails, due = burst(stack, PEOPLE, seconds=60)
            sleep_until(due)
            until(lambda: len(stack.sandbox.mails()) >= PEOPLE // 4, "a quarter of the mails", 300)
            # Kestra ends a worker that was away for longer than the liveness timeout, as on a machine that was frozen.
            assert all(worker.running for worker in workers), "a worker has ended without a kill"
            # Delay the calls, so that there is time to kill a worker during a task.
            for service in ("notion", "resend"):
                stack.sandbox.fault(service, "latency", when="after", seconds=DELAY, times=None)
            run, task = until(
                lambda: kill_during_task(stack, by_id), "the kill of one of the two in the middle of a task", 120
            )
            dead = task.workers[-1]
            stack.sandbox.clear_faults()
            mailed, done = len(stack.sandbox.mails()), tasks_of(stack)
            print(f"killed at {task.task} after {mailed} mails; {dict(done)}, own {own}, dead {dead}", flush=True)
            assert mailed < PEOPLE, "the burst was over"
            settle_the_account(stack, [Expected(email) for email in emails], timeout=300)
            after = tasks_of(stack)
            print(f"in the end: {dict(after)}", flush=True)
            assert set(done | after) == {own, *by_id}, "not every worker did a part"
            assert {worker_id for worker_id in after if after[worker_id] > done[worker_id]} == {own, *by_id} - {dead}
            repeated = next(task_run for task_run in stack.kestra.execution(run).tasks if task_run.id == task.id)
            assert repeated.workers[-1] != dead
        finally:
            for worker in workers:
                worker.stop()
