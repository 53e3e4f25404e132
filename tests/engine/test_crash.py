"""The engine loses nothing when it is killed, or when a task is interrupted."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import until

from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.local.engine import Engine
from engine.runs import NAMESPACE, ended


@pytest.mark.long
def test_killed_engine_runs_what_was_accepted_scheduled_or_running(
    tmp_path: Path, env: dict[str, str], flows: list[Path]
) -> None:
    engine = Engine(tmp_path, env=env)
    engine.start()
    try:
        with Kestra(engine.url) as kestra:
            kestra.import_flows(flows)
            running = kestra.run("slow", {"seconds": 3}, namespace=NAMESPACE)
            until(lambda: any(task.state == "RUNNING" for task in kestra.execution(running).tasks), "its task", 20)
            due = datetime.now(UTC) + timedelta(seconds=15)
            waiting = kestra.run("child", {"date": due.isoformat()}, namespace=NAMESPACE, scheduled=due)
            # Kestra accepts these immediately before the kill, so they must be on the disk.
            accepted = [kestra.run("child", {"date": "now"}, namespace=NAMESPACE) for _ in range(5)]
            engine.kill()
        assert not engine.running
        engine.start()
        with Kestra(engine.url) as kestra:
            assert {ended(kestra, execution, 20).state for execution in accepted} == {"SUCCESS"}
            child = ended(kestra, waiting, 30)
            assert child.state == "SUCCESS"
            assert child.scheduled is not None
            assert abs(child.scheduled - due) < timedelta(milliseconds=1)
            assert child.started is not None
            assert timedelta(0) <= child.started - due < timedelta(seconds=3)
            # Kestra repeats the task after the liveness timeout: here 10 s, by default five minutes.
            assert ended(kestra, running, 30).state == "SUCCESS"
    finally:
        engine.stop()


@pytest.mark.long
def test_killed_executions_leave_the_database_usable(tmp_path: Path, env: dict[str, str], flows: list[Path]) -> None:
    """When Java interrupts a thread that reads a file, the file is closed for all threads."""
    with Engine(tmp_path, env=env) as engine, Kestra(engine.url) as kestra:
        kestra.import_flows(flows)
        for number in range(50):
            kestra.kv_put(f"key-{number}", "a value", NAMESPACE)
        for execution in [kestra.run("writes", namespace=NAMESPACE) for _ in range(10)]:
            assert ended(kestra, execution).state == "SUCCESS"
        states = []
        for number in range(10):
            execution = kestra.run("reads", namespace=NAMESPACE)
            time.sleep(0.1 + 0.05 * number)
            kestra.kill(execution)
            states.append(ended(kestra, execution).state)
        assert states.count("KILLED") > 1
        assert ended(kestra, kestra.run("child", {"date": "now"}, namespace=NAMESPACE)).state == "SUCCESS"
        assert "ClosedChannelException" not in engine.log.read_text(encoding="utf-8")
