"""A program that runs as a child process: it reports when it is ready, and it always ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from christmas_campaign.local.child_process import Child, ChildError

READY = "import sys; print('hello'); print('READY {\"a\": 1}', flush=True); sys.stdin.read()"
DEAF = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('READY {}', flush=True); time.sleep(60)"
)


def child(tmp_path: Path, code: str) -> Child:
    log = tmp_path / "logs" / "program.log"
    return Child("the program", [sys.executable, "-c", code], env=dict(os.environ), log=log)


def test_start_returns_the_json_of_ready_and_the_rest_is_logged(tmp_path: Path) -> None:
    program = child(tmp_path, READY)
    assert program.start(10) == {"a": 1}
    with pytest.raises(ChildError, match="already running"):
        program.start(10)
    program.kill()
    with pytest.raises(ChildError, match="is not running"):
        _ = program.pid
    assert program.start(10) == {"a": 1}
    program.stop()
    assert (tmp_path / "logs" / "program.log").read_text().splitlines()[-1] == "hello"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import sys; sys.exit('no such luck')", "(?s)ended with exit code 1; its log is .*no such luck"),
        ("import time; time.sleep(60)", "the program was not ready within 1 s"),
    ],
)
def test_program_that_is_never_ready_is_an_error_and_ends(tmp_path: Path, code: str, error: str) -> None:
    program = child(tmp_path, code)
    with pytest.raises(ChildError, match=error):
        program.start(10 if "exit" in code else 1)
    assert not program.running


def test_program_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    program = child(tmp_path, DEAF)
    program.start(10)
    program.stop(timeout=0.5)
    assert not program.running
