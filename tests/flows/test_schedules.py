"""The schedules of `repair` and `booked`: in real time they run, in the faster time of demo and tests they do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from support import until

from christmas_campaign.local.stack import Stack

FLOWS = Path(__file__).parents[2] / "flows"


def each_minute(name: str, folder: Path) -> Path:
    """A flow with the schedule of the flow ``name``, except that it runs each minute and only logs."""
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


def executions(stack: Stack, name: str) -> int:
    return len(stack.kestra.executions(namespace="christmas", flow_id=f"schedule-{name}"))


@pytest.fixture
def real_time(tmp_path: Path) -> Any:
    with Stack(tmp_path / "stack", time_scale=1) as running:
        yield running


def test_schedules_run_in_real_time_alone(stack: Stack, real_time: Stack, tmp_path: Path) -> None:
    files = [each_minute("repair", tmp_path), each_minute("booked", tmp_path)]
    for each in (stack, real_time):
        each.kestra.import_flows(files)
    until(lambda: executions(real_time, "repair"), "the schedule in real time", 90)
    assert executions(real_time, "booked") == 0, "it looks into a local stand-in of Notion"
    assert executions(stack, "repair") == executions(stack, "booked") == 0
