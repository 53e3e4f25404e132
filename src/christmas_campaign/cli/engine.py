"""The embedded engine, Kestra 1.3, as a child of this process: started, stopped, killed."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from christmas_campaign.cli import toolchain
from christmas_campaign.cli.child import Child, ChildError
from christmas_campaign.cli.toolchain import OPTIONS, QUICK, Progress


class Engine:
    """Kestra on this machine, for as long as this process lives. ``start`` and ``stop`` may be called again and again.

    What it knows is in the folder ``data``, and is there again after a stop, a kill or a crash. ``port`` 0 is any free one of
    127.0.0.1, another at each start. ``memory`` caps Java's heap (``-Xmx``); the process takes some 150 MB more. ``threads``
    is how many tasks run at the same time; ``lasting`` is for an engine that runs for more than some minutes. ``env`` is its
    whole environment: flows read ``ENV_…`` and ``SECRET_…`` (base64) there. ``progress`` is told about a build.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int = 0,
        memory: str = "512m",
        threads: int = 16,
        lasting: bool = False,
        env: Mapping[str, str],
        progress: Progress = lambda _: None,
    ) -> None:
        self.data = data
        self.log = data / "engine.log"
        self._port = port
        self._memory = memory
        self._threads = threads
        self._lasting = lasting
        self._env = dict(env)
        self._progress = progress
        self._child: Child | None = None
        self._url: str | None = None

    @property
    def url(self) -> str:
        """The address of the running engine, without a path; raises ``ChildError`` when it does not run."""
        if self._url is None:
            raise ChildError("the engine is not running")
        return self._url

    @property
    def pid(self) -> int:
        """The process id of the running engine; raises ``ChildError`` when it does not run."""
        if self._child is None:
            raise ChildError("the engine is not running")
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether it runs at this moment."""
        return self._child is not None and self._child.running

    def start(self, timeout: float = 60) -> None:
        """Start it, built first if its sources have changed, and return when it takes webhooks.

        Raises ``ToolchainError`` when it cannot be built, ``ChildError`` when it is not ready within ``timeout`` seconds (the
        build apart) or refuses, for instance because another engine has the same data folder; nothing is left running then.
        """
        if self.running:
            raise ChildError("the engine is running already")
        jdk, built = toolchain.build_engine(progress=self._progress)
        compiler = [] if self._lasting else [QUICK]
        archive = [f"-XX:SharedArchiveFile={built.archive}"] if built.archive else []
        argv = [str(jdk.java), f"-Xmx{self._memory}", *archive, *OPTIONS, *compiler, "-cp", built.class_path]
        # What Java itself prints, and what it says before its log is open. The log proper rolls, so it is a file apart.
        said = self.data / "engine.out"
        self._child = Child("the engine", [*argv, "christmas.engine.Main"], env=self._environment(), log=said)
        self._url = str(self._child.start(timeout)["url"])

    def stop(self) -> None:
        """Stop it cleanly, within seconds: tasks that run may end (10 s), what waits for its time goes on at the next start."""
        if self._child is not None:
            self._child.stop()
        self._url = None

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL."""
        if self._child is not None:
            self._child.kill()
        self._url = None

    def __enter__(self) -> Engine:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _environment(self) -> dict[str, str]:
        env = dict(self._env)
        # `python` in a task is this very interpreter, in its virtual environment: its symbolic link must not be resolved.
        python = str(Path(sys.executable).parent)
        env["PATH"] = os.pathsep.join([python, env.get("PATH") or os.environ.get("PATH", os.defpath)])
        # Java encodes the environment of a task in the locale's encoding: without UTF-8 a "Lệ" would become "L?".
        locale = env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or ""
        if "utf-8" not in locale.lower() and "utf8" not in locale.lower():
            env["LC_ALL"] = "C.UTF-8"
        return {
            **env,
            "ENGINE_DATA": str(self.data.absolute()),
            "ENGINE_PORT": str(self._port),
            "ENGINE_THREADS": str(self._threads),
            "ENGINE_LOG": str(self.log.absolute()),
            # Looking for work more often pays where much is to be done, and an idle engine soon looks less often anyway.
            **({"ENGINE_POLL": "10ms"} if self._lasting else {}),
        }
