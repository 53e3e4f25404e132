"""The schedules of `repair` and `booked`: they run in real time, but not in the scaled time of the demo and the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from support import until

from christmas_campaign.local.stack import Stack

FLOWS = Path(__file__).parents[2] / "flows"


def with_schedule_each_minute(name: str, folder: Path) -> Path:
    """Write a flow with the schedule trigger of the flow ``name``, which runs each minute and only logs; return its file."""
    flow: dict[str, Any] = yaml.safe_load((FLOWS / f"{name}.yml").read_text(encoding="utf-8"))
    (trigger,) = flow["triggers"]
    del trigger["description"]
    trigger |= {"cron": "* * * * *", "inputs": {}}
    log = {"id": "log", "type": "io.kestra.plugin.core.log.Log", "message": "The schedule has run."}
    file = folder / f"{name}.yml"
    file.write_text(
        yaml.safe_dump({"id": f"schedule-{name}", "namespace": "christmas", "triggers": [trigger], "tasks": [log]})
    )
    return file


def count_executions(stack: Stack, name: str) -> int:
    """Return how often the schedule of the flow ``name`` has run."""
    return len(stack.kestra.executions(namespace="christmas", flow_id=f"schedule-{name}"))


@pytest.fixture
def real_time(tmp_path: Path) -> Any:
    """Return a stack whose time is not scaled."""
    with Stack(tmp_path / "stack", time_scale=1) as running:
        yield running


def test_schedules_run_only_in_real_time(stack: Stack, real_time: Stack, tmp_path: Path) -> None:
    files = [with_schedule_each_minute(name, tmp_path) for name in ("repair", "booked")]
    for engine in (stack, real_time):
        engine.kestra.import_flows(files)
    until(lambda: count_executions(real_time, "repair"), "the schedule in real time", 90)
    assert count_executions(real_time, "booked") == 0, "`booked` does not run with the sandbox in place of Notion"
    assert count_executions(stack, "repair") == count_executions(stack, "booked") == 0
