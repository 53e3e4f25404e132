"""Runs that are ended by hand, in the middle of what they do."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.local.engine import Engine

NAMESPACE = "engine.test"


def ended(kestra: Kestra, execution_id: str) -> str:
    """The state of an execution, once it has ended."""
    deadline = time.monotonic() + 60
    while not (found := kestra.execution(execution_id)).ended:
        assert time.monotonic() < deadline, f"still {found.state}"
        time.sleep(0.2)
    return found.state


@pytest.mark.long
def test_the_database_outlives_the_interruption_of_a_task(
    tmp_path: Path, env: dict[str, str], flows: list[Path]
) -> None:
    """A thread that is interrupted while it reads a file closes that file, for all threads."""
    with Engine(tmp_path, env=env) as engine, Kestra(engine.url) as kestra:
        kestra.import_flows(flows)
        for number in range(50):
            kestra.kv_put(f"key-{number}", "a value", NAMESPACE)
        for writes in [kestra.run("writes", namespace=NAMESPACE) for _ in range(10)]:
            assert ended(kestra, writes) == "SUCCESS"
        killed = 0
        for number in range(10):
            reads = kestra.run("reads", namespace=NAMESPACE)
            time.sleep(0.1 + 0.05 * number)
            kestra.kill(reads)
            killed += ended(kestra, reads) == "KILLED"
        assert killed > 1
        assert ended(kestra, kestra.run("child", {"date": "now"}, namespace=NAMESPACE)) == "SUCCESS"
        assert "ClosedChannelException" not in engine.log.read_text(encoding="utf-8")
