"""Starts, stops and kills the embedded engine, Kestra 1.3, as a child of this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from christmas_campaign.local import toolchain
from christmas_campaign.local.child_process import Child, ChildError
from christmas_campaign.local.toolchain import OPTIONS, QUICK, Progress


class Engine:
    """Kestra on this machine. It stops when this process ends, and can be started again after it has stopped.

    - ``data``: the folder with its state, which survives a stop, a kill or a crash.
    - ``port``: a port on 127.0.0.1; 0 chooses a free port at each start.
    - ``memory``: the maximum heap of Java (``-Xmx``). The process takes about 150 MB more.
    - ``threads``: how many tasks run at the same time.
    - ``lasting``: tunes the engine for a run of more than a few minutes.
    - ``share``: other processes on this machine can use its database, see ``worker``.
    - ``auth``: user and password for the API. Webhooks and health stay open, as in Kestra's own server.
    - ``env``: the complete environment. Flows read ``ENV_…`` and ``SECRET_…`` (base64) there.
    - ``progress``: called with a sentence about a build.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int = 0,
        memory: str = "512m",
        threads: int = 16,
        lasting: bool = False,
        share: bool = False,
        auth: tuple[str, str] | None = None,
        env: Mapping[str, str],
        progress: Progress = lambda _: None,
    ) -> None:
        self.data = data
        self.log = data / "engine.log"
        self._port = port
        self._memory = memory
        self._threads = threads
        self._lasting = lasting
        self._share = share
        self._auth = auth
        self._env = dict(env)
        self._progress = progress
        self._child: Child | None = None
        self._ready: dict[str, Any] = {}

    @property
    def url(self) -> str:
        """The URL of the running engine, without a path. Raises ``ChildError`` if it is not running."""
        return self._ready_value("url")

    @property
    def worker_id(self) -> str:
        """The id of the engine's worker, as in ``TaskRun.workers``. Raises ``ChildError`` if the engine is not running."""
        return self._ready_value("worker")

    @property
    def pid(self) -> int:
        """The process id of the running engine. Raises ``ChildError`` if it is not running."""
        if self._child is None:
            raise ChildError("the engine is not running")
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the engine is running."""
        return self._child is not None and self._child.running

    def start(self, timeout: float = 60) -> None:
        """Start the engine, and return as soon as it accepts webhooks. Build it first if its sources have changed.

        Raises ``ToolchainError`` if the build fails. Raises ``ChildError`` if the engine does not start (for example because
        another engine uses the same data folder), or is not ready ``timeout`` seconds after the build.
        """
        if self.running:
            raise ChildError("the engine is already running")
        java, built = toolchain.build_engine(progress=self._progress)
        compiler = [] if self._lasting else [QUICK]
        archive = [f"-XX:SharedArchiveFile={built.archive}"] if built.archive else []
        argv = [str(java.command), f"-Xmx{self._memory}", *archive, *OPTIONS, *compiler, "-cp", built.class_path]
        # The output of Java itself, and of the engine before it opens its log. That log is rotated, so it is another file.
        output = self.log.with_suffix(".out")
        # If the engine ended by itself, its pipe is still open.
        self.stop()
        self._child = Child(
            f"the {self.log.stem}", [*argv, "christmas.engine.Main"], env=self._environment(), log=output
        )
        self._ready = self._child.start(timeout)

    def stop(self) -> None:
        """Stop cleanly: running tasks get up to 10 s to finish. Scheduled executions continue at the next start."""
        if self._child is not None:
            self._child.stop()
        self._ready = {}

    def kill(self) -> None:
        """Kill the engine (SIGKILL), as a power cut would."""
        if self._child is not None:
            self._child.kill()
        self._ready = {}

    def worker(self, name: str) -> Engine:
        """Return another process, not started yet, that only runs tasks of this engine. The engine must have ``share``.

        The worker has the engine's settings, files and database, and stops with the engine. Start it again after the engine:
        it then reads the database's new address. Its log is ``worker-NAME.log``.
        """
        return _Worker(self, name)

    def __enter__(self) -> Engine:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _ready_value(self, name: str) -> str:
        if not self._ready:
            raise ChildError("the engine is not running")
        if name not in self._ready:
            raise ChildError(f"the engine has no {name}: start it with share=True to give it workers")
        return str(self._ready[name])

    def _environment(self) -> dict[str, str]:
        env = dict(self._env)
        # `python` in a task must be this interpreter with its virtual environment, so its symbolic link is not resolved.
        python = str(Path(sys.executable).parent)
        env["PATH"] = os.pathsep.join([python, env.get("PATH") or os.environ.get("PATH", os.defpath)])
        # Java encodes a task's environment in the encoding of the locale: without UTF-8, "Lệ" would become "L?".
        locale = env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or ""
        if "utf-8" not in locale.lower() and "utf8" not in locale.lower():
            env["LC_ALL"] = "C.UTF-8"
        return {
            **env,
            "ENGINE_DATA": str(self.data.absolute()),
            "ENGINE_PORT": str(self._port),
            "ENGINE_THREADS": str(self._threads),
            "ENGINE_LOG": str(self.log.absolute()),
            # Frequent polling pays off when there is much to do. An idle engine soon polls less often by itself.
            **({"ENGINE_POLL": "10ms"} if self._lasting else {}),
            "ENGINE_SHARE": "yes" if self._share else "no",
            **({"ENGINE_USERNAME": self._auth[0], "ENGINE_PASSWORD": self._auth[1]} if self._auth else {}),
        }


class _Worker(Engine):
    def __init__(self, engine: Engine, name: str) -> None:
        super().__init__(
            engine.data, memory=engine._memory, threads=engine._threads, lasting=engine._lasting, env=engine._env
        )
        self.log = engine.data / f"worker-{name}.log"
        self._engine = engine

    def _environment(self) -> dict[str, str]:
        own = super()._environment()
        return {**own, "ENGINE_DATABASE": self._engine._ready_value("database"), "ENGINE_URL": self._engine.url}
