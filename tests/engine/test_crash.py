"""Killed as by a power cut: nothing that was accepted is lost."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from christmas_campaign.clients.kestra import Execution, Kestra
from christmas_campaign.local.engine import Engine

NAMESPACE = "engine.test"


def ended(kestra: Kestra, execution_id: str, timeout: float) -> Execution:
    """The execution, once it has ended."""
    deadline = time.monotonic() + timeout
    while not (found := kestra.execution(execution_id)).ended:
        assert time.monotonic() < deadline, f"still {found.state} after {timeout:.0f} s"
        time.sleep(0.2)
    return found


@pytest.mark.long
def test_what_waited_runs_on_time_and_what_ran_goes_on(tmp_path: Path, env: dict[str, str], flows: list[Path]) -> None:
    engine = Engine(tmp_path, env=env)
    engine.start()
    try:
        with Kestra(engine.url) as kestra:
            kestra.import_flows(flows)
            running = kestra.run("slow", {"seconds": 3}, namespace=NAMESPACE)
            deadline = time.monotonic() + 20
            while not any(task.state == "RUNNING" for task in kestra.execution(running).tasks):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            due = datetime.now(UTC) + timedelta(seconds=15)
            waiting = kestra.run("child", {"date": due.isoformat()}, namespace=NAMESPACE, scheduled=due)
            # Accepted a moment before: it must be on the disk.
            accepted = [kestra.run("child", {"date": "now"}, namespace=NAMESPACE) for _ in range(5)]
            engine.kill()
        assert not engine.running
        engine.start()
        with Kestra(engine.url) as kestra:
            for execution in accepted:
                assert ended(kestra, execution, 20).state == "SUCCESS"
            child = ended(kestra, waiting, 30)
            assert child.state == "SUCCESS"
            assert child.scheduled is not None
            assert abs(child.scheduled - due) < timedelta(milliseconds=1)
            assert child.started is not None
            assert timedelta(0) <= child.started - due < timedelta(seconds=3)
            # Liveness timeout (10 s), and the task again (3 s); five minutes by Kestra's defaults.
            assert ended(kestra, running, 30).state == "SUCCESS"
    finally:
        engine.stop()
