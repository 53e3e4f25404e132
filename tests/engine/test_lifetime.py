"""The engine as a child: it goes when it is told to, and when its parent is gone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.local.child_process import ChildError
from christmas_campaign.local.engine import Engine

NAMESPACE = "engine.test"

PARENT = """
import os, sys, time
from pathlib import Path
from christmas_campaign.local.engine import Engine
engine = Engine(Path(sys.argv[1]), env=dict(os.environ))
engine.start()
print(engine.pid, flush=True)
time.sleep(300)
"""


def gone(pid: int) -> bool:
    """Whether a process is no more, or waits as a zombie for somebody to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path("/proc/self").exists()


def test_it_is_up_when_it_says_so(engine: Engine, kestra: Kestra) -> None:
    assert engine.running
    assert kestra.health()
    assert httpx.get(f"{engine.url}/health").json() == {"status": "UP"}
    assert engine.url.startswith("http://127.0.0.1:")


def test_a_second_engine_on_the_same_data_is_refused_at_once(engine: Engine, env: dict[str, str]) -> None:
    begun = time.monotonic()
    with pytest.raises(ChildError, match="Another engine already runs on"):
        Engine(engine.data, env=env).start()
    assert time.monotonic() - begun < 10
    assert engine.running


def test_a_port_that_is_in_use_is_named(tmp_path: Path, env: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ChildError, match=f"The port {port} of 127.0.0.1 is in use"):
            Engine(tmp_path, port=port, env=env).start()


@pytest.mark.long
def test_it_starts_on_an_empty_environment_and_stops_while_others_wait(tmp_path: Path, flows: list[Path]) -> None:
    engine = Engine(tmp_path, env={})
    with pytest.raises(ChildError, match="not running"):
        _ = engine.url
    engine.start()
    with pytest.raises(ChildError, match="running already"):
        engine.start()
    with Kestra(engine.url) as kestra:
        kestra.import_flows(flows)
        later = datetime.now(UTC) + timedelta(days=1)
        waiting = kestra.run("child", {"date": "later"}, namespace=NAMESPACE, scheduled=later)
        open_call = threading.Thread(target=_call, args=(kestra.webhook_url("waits", "waits-key", NAMESPACE),))
        open_call.start()
        deadline = time.monotonic() + 20
        while not kestra.executions(flow_id="waits", states=["RUNNING", "PAUSED"]):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        begun = time.monotonic()
        engine.stop()
        assert time.monotonic() - begun < 8
        open_call.join(10)
        assert not open_call.is_alive()
    assert not engine.running
    engine.start()
    try:
        with Kestra(engine.url) as kestra:
            assert kestra.execution(waiting).state == "CREATED"
            assert {flow.id for flow in kestra.flows(NAMESPACE)} >= {"child", "parent"}
    finally:
        engine.stop()


def _call(url: str) -> None:
    with suppress(httpx.HTTPError):
        httpx.post(url, json={}, timeout=60)


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
        deadline = time.monotonic() + 5
        while not gone(pid):
            assert time.monotonic() < deadline, "the engine outlives its parent"
            time.sleep(0.1)
    finally:
        parent.kill()
        parent.wait()
