"""A program that runs as a child of the command and never outlives it: the engine, the sandbox or the door.

Such a program follows these rules:

- Its standard input is a pipe from the command. When the pipe closes, because the command ended in any way, it stops.
- As soon as it is usable it prints ``READY`` and a JSON object that says how to reach it, in one line on standard output.
- On SIGTERM it stops cleanly. All its other output goes to its log file.
"""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from christmas_campaign.errors import CommandError
from christmas_campaign.json_types import JsonObject


class ChildError(CommandError):
    """A child program did not start. The message names its log file and quotes the last lines."""


class Child:
    """One such program. It can be started again after it has stopped."""

    def __init__(self, name: str, argv: Sequence[str], *, env: Mapping[str, str], log: Path) -> None:
        """``name`` is for error messages, ``env`` is the complete environment, and the output is appended to ``log``."""
        self.name = name
        self.argv = list(argv)
        self.env = dict(env)
        self.log = log
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """The process id of the running program. Raises ``ChildError`` if it is not running."""
        if self._process is None:
            raise ChildError(f"{self.name} is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the program is running."""
        return self._process is not None and self._process.poll() is None

    def start(self, timeout: float) -> JsonObject:
        """Start the program and return the JSON object of its ``READY`` line.

        If the program ends, or is not ready within ``timeout`` seconds, stop it and raise ``ChildError``.
        """
        if self.running:
            raise ChildError(f"{self.name} is already running")
        # If the program ended by itself, its pipe is still open.
        self._close()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        # In its own session: Ctrl-C in a terminal then reaches only the command, which stops its children in order.
        process = subprocess.Popen(
            self.argv,
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._process = process
        ready: queue.Queue[JsonObject | None] = queue.Queue()
        assert process.stdout is not None  # noqa: S101  (because of PIPE above)
        threading.Thread(target=self._drain, args=(process.stdout, ready), daemon=True).start()
        deadline = time.monotonic() + timeout
        try:
            answer = ready.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            self.kill()
            raise ChildError(f"{self.name} was not ready within {timeout:.0f} s{self._last_log_lines()}") from None
        except BaseException:
            self.kill()
            raise
        if answer is None:
            process.wait()
            self._close()
            raise ChildError(f"{self.name} ended with exit code {process.returncode}{self._last_log_lines()}")
        return answer

    def stop(self, timeout: float = 20.0) -> None:
        """Stop the program cleanly. Kill it after ``timeout`` seconds."""
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        finally:
            self._close()

    def kill(self) -> None:
        """Kill the program (SIGKILL), without any clean-up, as a power cut would."""
        process = self._process
        if process is None:
            return
        process.kill()
        process.wait()
        self._close()

    def _close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None

    def _drain(self, stream: IO[str], ready: queue.Queue[JsonObject | None]) -> None:
        with self.log.open("a", encoding="utf-8") as log, stream:
            for line in stream:
                if line.startswith("READY "):
                    ready.put(json.loads(line.removeprefix("READY ")))
                    continue
                log.write(line)
                log.flush()
        ready.put(None)

    def _last_log_lines(self) -> str:
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
        except OSError:
            lines = []
        return f"; its log is {self.log}" + ("".join(f"\n    {line}" for line in lines))
