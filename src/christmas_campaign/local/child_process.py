"""A program that runs beside the command and never outlives it: the engine, the sandbox.

The agreement between the command and such a program:

- its standard input is a pipe that the command holds open: when it ends, however the command ended, the program stops;
- once it can be used it prints one line on standard output, ``READY`` and a JSON object that says how to reach it;
- on SIGTERM it stops cleanly; whatever else it prints goes to its log file.
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
    """A child program did not start; the message names its log file and what it printed last."""


class Child:
    """One such program. ``start`` and ``stop`` may be called again and again, one after the other."""

    def __init__(self, name: str, argv: Sequence[str], *, env: Mapping[str, str], log: Path) -> None:
        """Take what to run (``argv``), its whole environment, and the file that its output is appended to."""
        self.name = name
        self.argv = list(argv)
        self.env = dict(env)
        self.log = log
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """The process id of the running program; raises ``ChildError`` when it does not run."""
        if self._process is None:
            raise ChildError(f"{self.name} is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the program runs at this moment."""
        return self._process is not None and self._process.poll() is None

    def start(self, timeout: float) -> JsonObject:
        """Start the program and return the JSON object of its ``READY`` line.

        Raises ``ChildError`` when it ends, or is not ready within ``timeout`` seconds; nothing is left running then.
        """
        if self.running:
            raise ChildError(f"{self.name} is running already")
        # One that has ended by itself still holds its pipe.
        self._close()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        # A session of its own: Ctrl-C in a terminal reaches the command alone, which then stops its children in order.
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
        assert process.stdout is not None  # noqa: S101  (asked for with PIPE above)
        threading.Thread(target=self._drain, args=(process.stdout, ready), daemon=True).start()
        deadline = time.monotonic() + timeout
        try:
            answer = ready.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            self.kill()
            raise ChildError(f"{self.name} was not ready within {timeout:.0f} s{self._last_words()}") from None
        except BaseException:
            self.kill()
            raise
        if answer is None:
            process.wait()
            self._close()
            raise ChildError(f"{self.name} ended with exit code {process.returncode}{self._last_words()}")
        return answer

    def stop(self, timeout: float = 20.0) -> None:
        """Stop the program cleanly; after ``timeout`` seconds it is killed."""
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
        """End the program as a power cut would: SIGKILL, nothing is tidied up."""
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

    def _last_words(self) -> str:
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
        except OSError:
            lines = []
        return f"; its log is {self.log}" + ("".join(f"\n    {line}" for line in lines))
