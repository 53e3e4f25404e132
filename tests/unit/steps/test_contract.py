"""The contract between the flows and the steps: a flow reads only fields of the step's class ``Outputs``.

The tests read today's flows and those of each release in ``tests/flows/frozen``. A waiting execution keeps the revision of
its flow, and calls today's steps.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from christmas_campaign.steps import intake
from christmas_campaign.steps.__main__ import NAMES
from unit import build
from unit.steps import contexts

PROJECT = Path(__file__).parents[3]
FOLDERS = [PROJECT / "flows", *sorted((PROJECT / "tests/flows/frozen").iterdir())]

_LABELLED = "For the owner who opens the execution. A label has the same value."

#: Outputs that no flow reads, with the reason why they exist.
NOT_READ: dict[str, dict[str, str]] = {
    "compose": {
        "missing": "`christmas failures` reads it from the execution.",
        "request": "Flows before 0.3.0 read it: their context names no file.",
    },
    "conclude": {"reason": _LABELLED},
    "intake": {"reason": _LABELLED},
    "settle_email": {
        "outcome": _LABELLED,
        "reason": _LABELLED,
        "detail": "`christmas failures` reads it from the execution.",
    },
    "settle_enrolment": {"detail": "`christmas failures` reads it from the execution."},
    "unsubscribe": {"outcome": _LABELLED},
}

#: ``steps.run`` writes these into files or the log, and does not hand them to the flow.
NOT_OUTPUTS = {"files", "log"}

_STEP = re.compile(r"python -m christmas_campaign\.steps (\w+)")
_COMMAND = re.compile(r"python -m christmas_campaign\.(cli\.main|operations\.repair) ")

# `outputs.gate.vars.go`, and `(outputs.settle ?? outputs.gate).vars.date`.
_READ = re.compile(r"(outputs\.\w+|\(outputs\.\w+(?: \?\? outputs\.\w+)+\))\.vars\.(\w+)")
# `'prepared': outputs.prepare.vars`: all outputs of a step, handed to another one.
_HANDED_OVER = re.compile(r"outputs\.(\w+)\.vars(?![.\w])")
_TASK = re.compile(r"outputs\.(\w+)")
_ANY_READ = re.compile(r"\.vars\b")


class Read(NamedTuple):
    """A flow reads the output ``name`` of ``step``; ``where`` names the flow's file."""

    where: str
    step: str
    name: str


def mappings(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping in a parsed flow, tasks among them."""
    if isinstance(value, dict):
        yield value
    for inner in inside(value):
        yield from mappings(inner)


def texts(value: Any) -> Iterator[str]:
    """Yield every text in a parsed flow, expressions among them."""
    if isinstance(value, str):
        yield value
    for inner in inside(value):
        yield from texts(inner)


def inside(value: Any) -> list[Any]:
    """Return the keys and values of a mapping, or the elements of a list."""
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def commands(flow: Any) -> dict[str, str]:
    """Return the command of each task that runs Python, by the task's id."""
    return {task["id"]: " ".join(task["commands"]) for task in mappings(flow) if "id" in task and "commands" in task}


def fields(step: str) -> set[str]:
    """Return the names of the outputs that a step can hand to a flow."""
    return set(import_module(f"christmas_campaign.steps.{step}").Outputs.__annotations__) - NOT_OUTPUTS


def reads(path: Path) -> list[Read]:
    """Return the outputs of steps that a flow reads.

    An expression with ``.vars`` that this test does not understand is an error.
    """
    flow = yaml.safe_load(path.read_text(encoding="utf-8"))
    where = str(path.relative_to(PROJECT))
    by_task = commands(flow)
    result: list[Read] = []
    for text in texts(flow):
        matches, handed_over = _READ.findall(text), _HANDED_OVER.findall(text)
        understood = len(matches) + len(handed_over)
        assert understood == len(_ANY_READ.findall(text)), f"{where}: cannot tell which outputs this reads: {text}"
        for task in handed_over:
            step = _STEP.search(by_task[task])
            assert step, f"{where}: the task {task} runs no step"
            result.extend(Read(where, step[1], name) for name in sorted(fields(step[1])))
        for tasks, name in matches:
            for task in _TASK.findall(tasks):
                step = _STEP.search(by_task[task])
                if step:
                    result.append(Read(where, step[1], name))
                else:
                    assert _COMMAND.search(by_task[task]), f"{where}: the task {task} runs neither a step nor a command"
    return result


READS = [read for folder in FOLDERS for path in sorted(folder.glob("*.yml")) for read in reads(path)]


def test_handlers_answer_with_every_field_of_the_answer() -> None:
    flows = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (PROJECT / "flows").glob("*.yml")]
    handlers = {flow["id"]: flow for flow in flows if "intake" in commands(flow)}
    assert len(handlers) == len(build.NAMES)
    for name, handler in handlers.items():
        assert tuple(output["id"] for output in handler["outputs"]) == intake.ANSWER_FIELDS, name


@pytest.mark.parametrize("name", build.NAMES)
def test_answer_of_every_sequence_has_only_fields_that_handlers_return(name: str) -> None:
    outputs = intake.step({**contexts.intake(payload=build.payload(name)), "sequence": name}, build.NOW)
    for answer in (outputs["answers"]["first"], outputs["answers"]["again"]):
        assert tuple(json.loads(answer["body"])) == intake.ANSWER_FIELDS


def test_every_step_has_outputs() -> None:
    missing = {step for step in NAMES if not hasattr(import_module(f"christmas_campaign.steps.{step}"), "Outputs")}
    assert missing == set()


def test_every_step_is_read_by_a_flow() -> None:
    assert {read.step for read in READS} == set(NAMES)


@pytest.mark.parametrize("step", NAMES)
def test_flows_read_only_outputs_of_the_step(step: str) -> None:
    unknown = [f"{read.where}: {read.name}" for read in READS if read.step == step and read.name not in fields(step)]
    assert unknown == []


@pytest.mark.parametrize("step", NAMES)
def test_every_output_is_read_by_a_flow(step: str) -> None:
    unread = fields(step) - {read.name for read in READS if read.step == step}
    assert unread == set(NOT_READ.get(step, {}))
