"""Worker processes use the database of an engine: they share its tasks and end with it."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from support import until

from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.local.child_process import ChildError
from christmas_campaign.local.engine import Engine
from engine.runs import NAMESPACE, check_child_ends_with_its_parent, ended, in_state

PARENT = """
import os, sys, time
from pathlib import Path
from christmas_campaign.local.engine import Engine
engine = Engine(Path(sys.argv[1]), env=dict(os.environ), share=True)
engine.start()
worker = engine.worker("one")
worker.start()
print(worker.pid, flush=True)
time.sleep(300)
"""

#: These tests start an engine eight times. Fault 30 covers about the same.
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def shared_engine(tmp_path_factory: pytest.TempPathFactory, env: dict[str, str], flows: list[Path]) -> Iterator[Engine]:
    # The engine runs one task at a time, so another worker runs a second one.
    with Engine(tmp_path_factory.mktemp("shared"), threads=1, share=True, env=env) as engine:
        with Kestra(engine.url) as kestra:
            kestra.import_flows(flows)
        yield engine


def run_on(kestra: Kestra, worker: str) -> str | None:
    """Return the id of a run of ``slow`` whose task this worker runs, or ``None``."""
    # Kestra records the worker of a task when the task begins.
    for run in kestra.executions(flow_id="slow", states=["RUNNING"]):
        if any(task.state == "RUNNING" and task.workers[-1:] == (worker,) for task in run.tasks):
            return run.id
    return None


def test_killed_worker_loses_no_task(shared_engine: Engine) -> None:
    worker = shared_engine.worker("killed")
    worker.start()
    try:
        killed, own = worker.worker_id, shared_engine.worker_id
        assert killed != own
        with Kestra(shared_engine.url) as kestra:
            slow: list[str] = []

            def run_of_the_worker() -> str | None:
                slow.append(kestra.run("slow", {"seconds": 3}, namespace=NAMESPACE))
                return run_on(kestra, killed)

            running = until(run_of_the_worker, "a task of the worker", 60)
            worker.kill()
            assert not worker.running
            executions = {execution: ended(kestra, execution) for execution in slow}
            assert {execution.state for execution in executions.values()} == {"SUCCESS"}
            # The killed worker began the task and the engine repeated it.
            assert executions[running].tasks[0].workers[-1] == own
    finally:
        worker.stop()


def test_worker_is_healthy_and_gives_flows_the_address_of_the_engine(shared_engine: Engine) -> None:
    worker = shared_engine.worker("polite")
    worker.start()
    try:
        with pytest.raises(ChildError, match="already running"):
            worker.start()
        assert httpx.get(f"{worker.url}/health").json() == {"status": "UP"}
        assert httpx.get(f"{worker.url}/api/v1/main/executions/search").status_code == 404
        with Kestra(shared_engine.url) as kestra:
            # A flow gets the address of the engine, also if a worker runs the task.
            for number in range(8):
                lane = kestra.run("lane", {"name": str(number)}, namespace=NAMESPACE)
                in_state(kestra, lane, "PAUSED", 60)
                kestra.resume(lane)
                assert ended(kestra, lane).outputs["said"] == {"name": str(number), "url": shared_engine.url}
    finally:
        worker.stop()
    assert not worker.running
    assert shared_engine.running


def test_database_is_open_only_on_this_machine_and_with_its_secret_name(shared_engine: Engine) -> None:
    address = shared_engine._ready_value("database")
    port = urlsplit(address.removeprefix("jdbc:h2:")).port
    socket.create_connection(("127.0.0.1", port or 0), 5).close()
    assert address.startswith("jdbc:h2:tcp://127.0.0.1:")
    with pytest.raises(ConnectionRefusedError):
        # A server that listens on all addresses would also listen on this one.
        socket.create_connection(("127.0.0.2", port or 0), 5).close()
    key = address.rpartition("/")[2].partition(";")[0]
    logs = "".join(file.read_text(encoding="utf-8") for file in shared_engine.data.glob("*.log"))
    assert re.fullmatch(r"[0-9a-f-]{36}", key)
    assert key not in logs


def test_engine_without_a_shared_database_has_no_workers(engine: Engine) -> None:
    with pytest.raises(ChildError, match="start it with share=True"):
        engine.worker("none").start()


def test_worker_ends_with_its_engine_and_does_not_start_without_one(tmp_path: Path, env: dict[str, str]) -> None:
    engine = Engine(tmp_path, share=True, env=env)
    worker = engine.worker("one")
    with pytest.raises(ChildError, match="the engine is not running"):
        worker.start()
    engine.start()
    try:
        worker.start()
        os.kill(engine.pid, signal.SIGKILL)
        until(lambda: not worker.running, "the end of the worker", 20)
        with pytest.raises(ChildError, match=r"exit code 2.*\n.*\n.*No engine shares its database here"):
            worker.start()
        engine.stop()
        engine.start()
        worker.start()
        assert httpx.get(f"{worker.url}/health").json() == {"status": "UP"}
        # The engine stops cleanly although the worker is still connected.
        engine.stop()
        until(lambda: not worker.running, "the end of the worker", 20)
        assert "is gone" in worker.log.with_suffix(".out").read_text(encoding="utf-8")
    finally:
        worker.stop()
        engine.stop()


def test_worker_ends_with_its_parent(tmp_path: Path, env: dict[str, str]) -> None:
    check_child_ends_with_its_parent(PARENT, tmp_path, env)
