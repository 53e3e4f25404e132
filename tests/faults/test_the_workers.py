"""Three workers share one database, and one of them dies while e-mails go out."""

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
from faults.breaking import HELD
from faults.people import burst, sleep_until

PEOPLE = 30


def tasks_of(stack: Stack) -> Counter[str]:
    """How many tasks of the e-mails each worker was the last to try, by its id."""
    runs = stack.kestra.executions(namespace="christmas", flow_id="send-email")
    return Counter(task.workers[-1] for run in runs for task in run.tasks if task.workers)


def at_work(stack: Stack, workers: AbstractSet[str]) -> tuple[str, TaskRun] | None:
    """A task of an e-mail that one of these workers is at, as far as Kestra knows, after the id of its run."""
    for run in stack.kestra.executions(namespace="christmas", flow_id="send-email", states=["RUNNING"]):
        for task in run.tasks:
            if task.state == "RUNNING" and not workers.isdisjoint(task.workers[-1:]):
                return run.id, task
    return None


def killed_at_work(stack: Stack, by_id: Mapping[str, Engine]) -> tuple[str, TaskRun] | None:
    """Kill one of these workers in the middle of a task of an e-mail; returns that task, after the id of its run."""
    if (found := at_work(stack, by_id.keys())) is None:
        return None
    worker = by_id[found[1].workers[-1]]
    # It may have ended since Kestra wrote that it runs: held still first, until what it has handed in has been seen.
    os.kill(worker.pid, signal.SIGSTOP)
    time.sleep(1)
    now = next(each for each in stack.kestra.execution(found[0]).tasks if each.id == found[1].id)
    if now.state == "RUNNING" and now.workers == found[1].workers:
        worker.kill()
        return found
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
            assert all(worker.running for worker in workers), "a worker has ended by itself"
            # Held long enough to be killed at it: who tries a task is known from its begin.
            for service in ("notion", "resend"):
                stack.sandbox.fault(service, "latency", when="after", seconds=HELD, times=None)
            run, task = until(
                lambda: killed_at_work(stack, by_id), "the kill of one of the two in the middle of a task", 120
            )
            dead = task.workers[-1]
            stack.sandbox.clear_faults()
            mailed, done = len(stack.sandbox.mails()), tasks_of(stack)
            print(f"killed at {task.task} after {mailed} mails; {dict(done)}, own {own}, dead {dead}", flush=True)
            assert mailed < PEOPLE, "the burst was over"
            settle_the_account(stack, [Expected(email) for email in emails], timeout=300)
            after = tasks_of(stack)
            print(f"in the end: {dict(after)}", flush=True)
            assert set(done | after) == {own, *by_id}, "not all of them took a part"
            assert {each for each in after if after[each] > done[each]} == {own, *by_id} - {dead}
            taken_up = next(each for each in stack.kestra.execution(run).tasks if each.id == task.id)
            assert taken_up.workers[-1] != dead
        finally:
            for worker in workers:
                worker.stop()
