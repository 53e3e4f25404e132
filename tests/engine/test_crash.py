"""The engine loses nothing when it is killed, or when a task is interrupted."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.local.engine import Engine
from engine.runs import NAMESPACE, ended


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
