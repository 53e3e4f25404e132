"""Worker processes beside an engine, on its database: they share its tasks, and go when it goes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from support import until

from christmas_campaign.clients.kestra import Execution, Kestra
from christmas_campaign.local.child_process import ChildError
from christmas_campaign.local.engine import Engine
from engine.test_lifetime import NAMESPACE, gone

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

#: Eight starts of an engine. Fault 30 is about the same.
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, env: dict[str, str], flows: list[Path]) -> Iterator[Engine]:
    # One task at a time: who gets a second one gets it by another worker.
    with Engine(tmp_path_factory.mktemp("shared"), threads=1, share=True, env=env) as engine:
        with Kestra(engine.url) as kestra:
            kestra.import_flows(flows)
        yield engine


def ended(kestra: Kestra, execution_id: str, timeout: float = 60) -> Execution:
    """The execution, once it has ended."""
    until(lambda: kestra.execution(execution_id).ended, f"the end of {execution_id}", timeout)
    return kestra.execution(execution_id)


def paused(kestra: Kestra, execution_id: str) -> None:
    """Wait until the execution is paused."""
    until(lambda: kestra.execution(execution_id).state == "PAUSED", "the pause", 60)


def at_work(kestra: Kestra, worker: str) -> str | None:
    """The id of a run of ``slow`` that Kestra gave this worker, if there is one."""
    # Kestra writes down who tries a task when the task begins.
    for run in kestra.executions(flow_id="slow", states=["RUNNING"]):
        if any(task.state == "RUNNING" and task.workers[-1:] == (worker,) for task in run.tasks):
            return run.id
    return None


def test_a_worker_shares_the_tasks_and_one_that_is_killed_loses_none(shared: Engine) -> None:
    worker = shared.worker("killed")
    worker.start()
    try:
        killed, own = worker.worker_id, shared.worker_id
        assert killed != own
        with Kestra(shared.url) as kestra:
            slow: list[str] = []

            def its_own() -> str | None:
                slow.append(kestra.run("slow", {"seconds": 3}, namespace=NAMESPACE))
                return at_work(kestra, killed)

            running = until(its_own, "a task of the worker", 60)
            worker.kill()
            assert not worker.running
            found = {each: ended(kestra, each) for each in slow}
            assert {each.state for each in found.values()} == {"SUCCESS"}
            # It was begun by the one and ended by the other.
            assert found[running].tasks[0].workers[-1] == own
    finally:
        worker.stop()


def test_a_worker_says_where_it_is_and_where_its_engine_is(shared: Engine) -> None:
    worker = shared.worker("polite")
    worker.start()
    try:
        with pytest.raises(ChildError, match="running already"):
            worker.start()
        assert httpx.get(f"{worker.url}/health").json() == {"status": "UP"}
        assert httpx.get(f"{worker.url}/api/v1/main/executions/search").status_code == 404
        with Kestra(shared.url) as kestra:
            # What a flow calls is the engine, whoever runs the task.
            for number in range(8):
                lane = kestra.run("lane", {"name": str(number)}, namespace=NAMESPACE)
                paused(kestra, lane)
                kestra.resume(lane)
                assert ended(kestra, lane).outputs["said"] == {"name": str(number), "url": shared.url}
    finally:
        worker.stop()
    assert not worker.running
    assert shared.running


def test_the_database_is_open_to_this_machine_and_to_whoever_knows_its_name(shared: Engine) -> None:
    address = shared._ready_value("database")
    port = urlsplit(address.removeprefix("jdbc:h2:")).port
    socket.create_connection(("127.0.0.1", port or 0), 5).close()
    assert address.startswith("jdbc:h2:tcp://127.0.0.1:")
    with pytest.raises(ConnectionRefusedError):
        # Another address of the same machine: whoever listens on all of them listens there too.
        socket.create_connection(("127.0.0.2", port or 0), 5).close()
    key = address.rpartition("/")[2].partition(";")[0]
    logs = "".join(file.read_text(encoding="utf-8") for file in shared.data.glob("*.log"))
    assert re.fullmatch(r"[0-9a-f-]{36}", key)
    assert key not in logs


def test_an_engine_that_does_not_share_has_no_workers(engine: Engine) -> None:
    with pytest.raises(ChildError, match="only one that shares has workers"):
        engine.worker("none").start()


def test_it_goes_with_its_engine_and_says_why_it_does_not_start(tmp_path: Path, env: dict[str, str]) -> None:
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
        # In either order: the engine's clean stop is not held up by one that is still connected.
        engine.stop()
        until(lambda: not worker.running, "the end of the worker", 20)
        assert "is gone" in worker.log.with_suffix(".out").read_text(encoding="utf-8")
    finally:
        worker.stop()
        engine.stop()


def test_it_dies_with_its_parent(tmp_path: Path, env: dict[str, str]) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], env=env, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    try:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not gone(pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        parent.stdout.close()
        until(lambda: gone(pid), "the end of the worker", 10)
    finally:
        parent.kill()
        parent.wait()
