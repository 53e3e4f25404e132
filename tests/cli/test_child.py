"""Programs that run beside the command."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from christmas_campaign.local.child_process import Child, ChildError


def child(tmp_path: Path, code: str) -> Child:
    return Child("the thing", [sys.executable, "-c", code], env=dict(os.environ), log=tmp_path / "logs" / "thing.log")


STAYS = "import sys; print('hello'); print('READY {\"a\": 1}', flush=True); sys.stdin.read()"


def test_it_is_ready_when_it_says_so_and_the_rest_is_logged(tmp_path: Path) -> None:
    thing = child(tmp_path, STAYS)
    assert thing.start(10) == {"a": 1}
    thing.stop()
    assert (tmp_path / "logs" / "thing.log").read_text() == "hello\n"


def test_one_that_ends_at_once_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    thing = child(tmp_path, "import sys; sys.exit('no such luck')")
    with pytest.raises(ChildError, match=r"(?s)the thing ended with exit code 1; its log is .*no such luck"):
        thing.start(10)
    assert not thing.running


def test_one_that_is_never_ready_is_killed(tmp_path: Path) -> None:
    thing = child(tmp_path, "import time; time.sleep(60)")
    begun = time.monotonic()
    with pytest.raises(ChildError, match="the thing was not ready within 1 s"):
        thing.start(1)
    assert time.monotonic() - begun < 5
    assert not thing.running


def test_one_that_will_not_stop_is_killed(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('READY {}', flush=True); time.sleep(60)"
    thing = child(tmp_path, code)
    thing.start(10)
    thing.stop(timeout=0.5)
    assert not thing.running


def test_it_cannot_be_started_twice_and_can_be_started_again(tmp_path: Path) -> None:
    thing = child(tmp_path, STAYS)
    thing.start(10)
    with pytest.raises(ChildError, match="is running already"):
        thing.start(10)
    thing.kill()
    with pytest.raises(ChildError, match="is not running"):
        _ = thing.pid
    assert thing.start(10) == {"a": 1}
    thing.stop()
