"""Shared by the tests of the engine: namespace and key of the test flows, and functions that wait for runs and processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from support import until

from christmas_campaign.clients.kestra import Execution, Kestra

NAMESPACE = "engine.test"
WEBHOOK_KEY = "the key of the tests"


def in_state(kestra: Kestra, execution_id: str, state: str, timeout: float = 30) -> Execution:
    """Wait until an execution is in this state, and return it."""

    def execution() -> Execution | None:
        current = kestra.execution(execution_id)
        return current if current.state == state else None

    return until(execution, f"{execution_id} to be {state}", timeout)


def ended(kestra: Kestra, execution_id: str, timeout: float = 60) -> Execution:
    """Wait until an execution has ended, and return it."""
    until(lambda: kestra.execution(execution_id).ended, f"the end of {execution_id}", timeout)
    return kestra.execution(execution_id)


def is_gone(pid: int) -> bool:
    """Return whether a process has ended; a zombie has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path("/proc/self").exists()


def check_child_ends_with_its_parent(script: str, data: Path, env: dict[str, str]) -> None:
    """Run a Python script that starts a child and prints its process id; kill the script and check that the child ends.

    The script gets ``data``, the folder of the engine, as its argument.
    """
    command = [sys.executable, "-c", script, str(data)]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, encoding="utf-8") as parent:
        try:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            assert not is_gone(pid)
            parent.send_signal(signal.SIGKILL)
            until(lambda: is_gone(pid), "the end of the child", 10)
        finally:
            parent.kill()
