"""Checking the flows: the engine validates each, and its words are brought back to the file and the line."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import yaml

from christmas_campaign.cli.engine import Engine
from christmas_campaign.cli.kestra import Kestra, KestraError


class Fault(NamedTuple):
    """One thing that is wrong with a flow: the file, the line (from 1), and the engine's words."""

    file: Path
    line: int
    problem: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.problem}"


def check(folder: Path, environment: Mapping[str, str]) -> list[Fault]:
    """Have a real engine validate every ``*.yml`` in ``folder``; returns all that is wrong, in order.

    ``environment`` is the engine's. Raises ``ChildError`` or ``KestraError`` when the engine cannot be asked.
    """
    faults: list[Fault] = []
    with (
        tempfile.TemporaryDirectory() as data,
        Engine(Path(data), env=environment) as engine,
        Kestra(engine.url) as kestra,
    ):
        files = sorted(folder.glob("*.yml"))
        # Flows start one another: each is looked at when all are there, as far as they can be.
        with suppress(KestraError):
            kestra.import_flows(files)
        for file in files:
            source = file.read_text(encoding="utf-8")
            for violation in kestra.validate_flows(source):
                faults += [
                    Fault(file, line_of(source, problem), problem) for problem in _problems(violation.constraints)
                ]
                faults += [Fault(file, 1, f"deprecated: {path}") for path in violation.deprecations]
                faults += [Fault(file, 1, warning) for warning in violation.warnings]
    return faults


def _problems(constraints: str | None) -> list[str]:
    return [line.strip() for line in (constraints or "").splitlines() if line.strip()]


def line_of(source: str, problem: str) -> int:
    """Return the line of ``source`` (from 1) that ``problem`` speaks of: one that it names, or that of a path such as
    ``tasks[2].uri`` at its beginning; else 1."""
    named = re.search(r"\bline:? (\d+)", problem)
    if named:
        return int(named.group(1))
    path = re.match(r"[A-Za-z_][\w.\[\]\"<>-]*", problem)
    try:
        node = yaml.compose(source, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return 1
    if path is None or node is None:
        return 1
    line = 1
    for name, place in re.findall(r"([A-Za-z_][\w-]*)|\[(\d+)\]", path.group(0)):
        child = _child(node, name, place)
        if child is None:
            break
        node, line = child
    return line


def _child(node: yaml.Node, name: str, place: str) -> tuple[yaml.Node, int] | None:
    if place and isinstance(node, yaml.SequenceNode) and int(place) < len(node.value):
        item = node.value[int(place)]
        return item, item.start_mark.line + 1
    if name and isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == name:
                return value, key.start_mark.line + 1
    return None
