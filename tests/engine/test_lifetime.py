"""The engine is a child process: it starts, refuses a second start, stops cleanly, and ends with its parent."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from support import until

from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.local.child_process import ChildError
from christmas_campaign.local.engine import Engine
from engine.runs import NAMESPACE, check_child_ends_with_its_parent

PARENT = """
import os, sys, time
from pathlib import Path
from christmas_campaign.local.engine import Engine
engine = Engine(Path(sys.argv[1]), env=dict(os.environ))
engine.start()
print(engine.pid, flush=True)
time.sleep(300)
"""


def test_started_engine_is_healthy_on_this_machine_only(engine: Engine, kestra: Kestra) -> None:
    assert engine.running
    assert kestra.health()
    assert httpx.get(f"{engine.url}/health").json() == {"status": "UP"}
    assert engine.url.startswith("http://127.0.0.1:")


def test_second_engine_on_the_same_data_is_refused_at_once(engine: Engine, env: dict[str, str]) -> None:
    started = time.monotonic()
    with pytest.raises(ChildError, match="Another engine already runs on"):
        Engine(engine.data, env=env).start()
    assert time.monotonic() - started < 10
    assert engine.running


def test_port_in_use_is_named(tmp_path: Path, env: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ChildError, match=f"The port {port} of 127.0.0.1 is in use"):
            Engine(tmp_path, port=port, env=env).start()


@pytest.mark.long
def test_engine_starts_on_an_empty_environment_and_stops_during_an_open_call(tmp_path: Path, flows: list[Path]) -> None:
    engine = Engine(tmp_path, env={})
    with pytest.raises(ChildError, match="not running"):
        _ = engine.url
    engine.start()
    with pytest.raises(ChildError, match="already running"):
        engine.start()
    with Kestra(engine.url) as kestra:
        kestra.import_flows(flows)
        later = datetime.now(UTC) + timedelta(days=1)
        scheduled = kestra.run("child", {"date": "later"}, namespace=NAMESPACE, scheduled=later)

        def call_webhook() -> None:
            with suppress(httpx.HTTPError):
                httpx.post(kestra.webhook_url("waits", "waits-key", NAMESPACE), json={}, timeout=60)

        open_call = threading.Thread(target=call_webhook)
        open_call.start()
        until(lambda: kestra.executions(flow_id="waits", states=["RUNNING", "PAUSED"]), "the run of the open call", 20)
        started = time.monotonic()
        engine.stop()
        assert time.monotonic() - started < 8
        open_call.join(10)
        assert not open_call.is_alive()
    assert not engine.running
    engine.start()
    try:
        with Kestra(engine.url) as kestra:
            assert kestra.execution(scheduled).state == "CREATED"
            assert {flow.id for flow in kestra.flows(NAMESPACE)} >= {"child", "parent"}
    finally:
        engine.stop()


def test_engine_ends_with_its_parent(tmp_path: Path, env: dict[str, str]) -> None:
    check_child_ends_with_its_parent(PARENT, tmp_path, env)
