"""The engine is a child process: it starts, refuses a second start, stops cleanly, and ends with its parent."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from christmas_campaign.local.child_process import ChildError
from christmas_campaign.local.engine import Engine
from engine.runs import check_child_ends_with_its_parent

PARENT = """
import os, sys, time
from pathlib import Path
from christmas_campaign.local.engine import Engine
engine = Engine(Path(sys.argv[1]), env=dict(os.environ))
engine.start()
print(engine.pid, flush=True)
time.sleep(300)
"""


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


def test_engine_ends_with_its_parent(tmp_path: Path, env: dict[str, str]) -> None:
    check_child_ends_with_its_parent(PARENT, tmp_path, env)
