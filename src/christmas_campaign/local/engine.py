"""The embedded engine, Kestra 1.3, as a child of this process: started, stopped, killed."""

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
    """Kestra on this machine, for as long as this process lives. ``start`` and ``stop`` may be called again and again.

    What it knows is in the folder ``data``, and is there again after a stop, a kill or a crash. ``port`` 0 is any free one of
    127.0.0.1, another at each start. ``memory`` caps Java's heap (``-Xmx``); the process takes some 150 MB more. ``threads``
    is how many tasks run at the same time; ``lasting`` is for an engine that runs for more than some minutes. ``env`` is its
    whole environment: flows read ``ENV_…`` and ``SECRET_…`` (base64) there. ``progress`` is told about a build. With ``share``
    other processes of this machine can use its database, see ``worker``. With ``auth`` its API asks for this user and
    password, as Kestra's own server does; webhooks and health stay open.
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
        """The address of the running engine, without a path; raises ``ChildError`` when it does not run."""
        return self._told("url")

    @property
    def worker_id(self) -> str:
        """Kestra's name for the worker in it, that of ``TaskRun.workers``; raises ``ChildError`` when it does not run."""
        return self._told("worker")

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
        java, built = toolchain.build_engine(progress=self._progress)
        compiler = [] if self._lasting else [QUICK]
        archive = [f"-XX:SharedArchiveFile={built.archive}"] if built.archive else []
        argv = [str(java.command), f"-Xmx{self._memory}", *archive, *OPTIONS, *compiler, "-cp", built.class_path]
        # What Java itself prints, and what it says before its log is open. The log proper rolls, so it is a file apart.
        said = self.log.with_suffix(".out")
        # One that has ended by itself still holds its pipe.
        self.stop()
        self._child = Child(f"the {self.log.stem}", [*argv, "christmas.engine.Main"], env=self._environment(), log=said)
        self._ready = self._child.start(timeout)

    def stop(self) -> None:
        """Stop it cleanly, within seconds: tasks that run may end (10 s), what waits for its time goes on at the next start."""
        if self._child is not None:
            self._child.stop()
        self._ready = {}

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL."""
        if self._child is not None:
            self._child.kill()
        self._ready = {}

    def worker(self, name: str) -> Engine:
        """Another process that does nothing but run tasks of this engine, which must be one that shares; not started yet.

        It has the engine's settings, files and database, and goes when the engine does: start it again after the engine has
        been started again, it finds the database at its new address. ``name`` is that of its log, ``worker-NAME.log``.
        """
        return _Worker(self, name)

    def __enter__(self) -> Engine:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _told(self, what: str) -> str:
        if not self._ready:
            raise ChildError("the engine is not running")
        if what not in self._ready:
            raise ChildError(f"the engine has told no {what}: only one that shares has workers beside it")
        return str(self._ready[what])

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
        return {**own, "ENGINE_DATABASE": self._engine._told("database"), "ENGINE_URL": self._engine.url}
