"""The stand-in for Kestra's Python task: its properties, and when it needs ``uv``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from support import until

from christmas_campaign.clients.kestra import Execution, Kestra
from christmas_campaign.local.stack import PROJECT, Stack

NAMESPACE = "engine.python"
TYPE = "io.kestra.plugin.scripts.python.Commands"
FLOWS = sorted((PROJECT / "flows").glob("*.yml"))


def flow(flow_id: str, *properties: str) -> str:
    """Return the source of a flow with one Python task that has these properties besides the usual ones."""
    lines = [
        f"id: {flow_id}",
        f"namespace: {NAMESPACE}",
        "tasks:",
        "  - id: step",
        f"    type: {TYPE}",
        "    taskRunner: {type: io.kestra.plugin.core.runner.Process}",
        *(f"    {each}" for each in properties),
        "    commands: [python -S -c 'print(1)']",
    ]
    return "\n".join(lines) + "\n"


def run(kestra: Kestra, folder: Path, flow_id: str, *properties: str) -> Execution:
    """Deploy and run such a flow; returns its execution, once it has ended."""
    file = folder / f"{flow_id}.yml"
    file.write_text(flow(flow_id, *properties), encoding="utf-8")
    kestra.import_flows([file])
    execution_id = kestra.run(flow_id, namespace=NAMESPACE)
    return until(lambda: None if (found := kestra.execution(execution_id)).live else found, "an end", 30)


def test_pip_runs_where_uv_is_missing(kestra: Kestra, tmp_path: Path) -> None:
    assert run(kestra, tmp_path, "pip", "packageManager: PIP").state == "SUCCESS"


def test_uv_fails_where_uv_is_missing(kestra: Kestra, tmp_path: Path) -> None:
    ended = run(kestra, tmp_path, "uv", "packageManager: UV")
    assert ended.state == "FAILED"
    assert any("'uv' is not installed" in line.message for line in kestra.logs(ended.id))


def test_server_default_covers_a_revision_without_package_manager(kestra: Kestra, tmp_path: Path) -> None:
    assert run(kestra, tmp_path, "older").state == "SUCCESS"


def test_properties_are_those_of_the_plugin(kestra: Kestra) -> None:
    real = (
        "containerImage: python:3.13-slim", "beforeCommands: ['true']", "dependencies: []", "pythonVersion: '3.13'",
        "dependencyCacheEnabled: true", "packageManager: PIP", "uvAutoInstallEnabled: false",
        "uvInstallerVersion: 0.11.26", "uvInstallerSha256: '00'",
    )  # fmt: skip
    (good,) = kestra.validate_flows(flow("good", *real))
    assert good.constraints is None
    (bad,) = kestra.validate_flows(flow("bad", "useUv: false"))
    assert bad.constraints is not None
    assert "useUv" in bad.constraints


def python_tasks(value: Any) -> Iterator[dict[str, Any]]:
    """Every Python task in a flow, at whatever depth."""
    if isinstance(value, dict):
        if value.get("type") == TYPE:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from python_tasks(each)


def test_every_python_task_of_the_flows_has_pip_itself(stack: Stack) -> None:
    """Kestra shows a flow as it parsed it, without the defaults of the server."""
    flows = httpx.get(f"{stack.engine.url}/api/v1/main/flows/christmas", timeout=30).json()
    assert {each["id"] for each in flows} >= {file.stem.removeprefix("christmas-") for file in FLOWS}
    tasks = {f"{each['id']}.{task['id']}": task for each in flows for task in python_tasks(each)}
    assert len(tasks) >= 18
    assert {name for name, task in tasks.items() if task.get("packageManager") != "PIP"} == set()
