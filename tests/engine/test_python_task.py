"""The stand-in for Kestra's Python task has the plugin's properties, and needs ``uv`` only with the package manager UV."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from christmas_campaign.clients.kestra import Execution, Kestra
from christmas_campaign.local.stack import PROJECT
from engine.runs import ended

NAMESPACE = "engine.python"
TYPE = "io.kestra.plugin.scripts.python.Commands"
FLOWS = sorted((PROJECT / "flows").glob("*.yml"))


def flow(flow_id: str, *properties: str) -> str:
    """Return the source of a flow whose one Python task has these additional properties."""
    lines = [
        f"id: {flow_id}",
        f"namespace: {NAMESPACE}",
        "tasks:",
        "  - id: step",
        f"    type: {TYPE}",
        "    taskRunner: {type: io.kestra.plugin.core.runner.Process}",
        *(f"    {line}" for line in properties),
        "    commands: [python -S -c 'print(1)']",
    ]
    return "\n".join(lines) + "\n"


def run(kestra: Kestra, folder: Path, flow_id: str, *properties: str) -> Execution:
    """Deploy and run such a flow; return its execution once it has ended."""
    file = folder / f"{flow_id}.yml"
    file.write_text(flow(flow_id, *properties), encoding="utf-8")
    kestra.import_flows([file])
    return ended(kestra, kestra.run(flow_id, namespace=NAMESPACE))


def test_only_the_package_manager_uv_needs_uv(kestra: Kestra, tmp_path: Path) -> None:
    assert run(kestra, tmp_path, "pip", "packageManager: PIP").state == "SUCCESS"
    # Without a package manager the default of the server applies.
    assert run(kestra, tmp_path, "older").state == "SUCCESS"
    execution = run(kestra, tmp_path, "uv", "packageManager: UV")
    assert execution.state == "FAILED"
    assert any("'uv' is not installed" in line.message for line in kestra.logs(execution.id))


def test_task_accepts_the_properties_of_the_plugin_and_no_others(kestra: Kestra) -> None:
    properties = (
        "containerImage: python:3.13-slim", "beforeCommands: ['true']", "dependencies: []", "pythonVersion: '3.13'",
        "dependencyCacheEnabled: true", "packageManager: PIP", "uvAutoInstallEnabled: false",
        "uvInstallerVersion: 0.11.26", "uvInstallerSha256: '00'",
    )  # fmt: skip
    (good,) = kestra.validate_flows(flow("good", *properties))
    assert good.constraints is None
    (bad,) = kestra.validate_flows(flow("bad", "useUv: false"))
    assert bad.constraints is not None
    assert "useUv" in bad.constraints


def python_tasks(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every Python task in a flow, at any depth."""
    if isinstance(value, dict):
        if value.get("type") == TYPE:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for child in value:
            yield from python_tasks(child)


def test_every_python_task_of_the_flows_names_pip() -> None:
    sources = {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in FLOWS}
    tasks = {f"{name}.{task['id']}": task for name, source in sources.items() for task in python_tasks(source)}
    assert len(tasks) >= 18
    assert {name for name, task in tasks.items() if task.get("packageManager") != "PIP"} == set()
