"""What is wrong with a flow, in Kestra's words, with the file and the line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import yaml


class Fault(NamedTuple):
    """One thing that is wrong with a flow: the file, the line (from 1), and the engine's words."""

    file: Path
    line: int
    problem: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.problem}"


def problems(constraints: str | None) -> list[str]:
    """Return what Kestra says of one flow, a problem each."""
    lines = (line.strip().removeprefix("Validation error: ") for line in (constraints or "").splitlines())
    return [line for line in lines if line]


def line_of(source: str, problem: str) -> int:
    """Return the line of ``source`` (from 1) that ``problem`` speaks of: one that it names; that of a path at its beginning,
    from the top (``tasks[2].uri``) or from a task's id (``send.uri``); the first with a dotted name that it
    quotes; else 1.
    """
    named = re.search(r"\bline:? (\d+)", problem)
    if named:
        return int(named.group(1))
    return _line_of_path(source, problem) or _line_of_name(source, problem) or 1


def _line_of_path(source: str, problem: str) -> int | None:
    path = re.match(r"[A-Za-z_][\w.\[\]\"<>-]*", problem)
    try:
        node = yaml.compose(source, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        return error.problem_mark.line + 1 if error.problem_mark else None
    if path is None or node is None:
        return None
    line = None
    for name, place in re.findall(r"([A-Za-z_][\w-]*)|\[(\d+)\]", path.group(0)):
        child = _child(node, name, place) or (_with_id(node, name) if line is None else None)
        if child is None:
            break
        node, line = child
    return line


def _with_id(node: yaml.Node, name: str) -> tuple[yaml.Node, int] | None:
    """The task, at whatever depth, with this id."""
    if isinstance(node, yaml.MappingNode):
        if any(key.value == "id" and value.value == name for key, value in node.value):
            return node, node.start_mark.line + 1
        below = [value for _, value in node.value]
    else:
        below = node.value if isinstance(node, yaml.SequenceNode) else []
    return next((found for each in below if (found := _with_id(each, name))), None)


def _line_of_name(source: str, problem: str) -> int | None:
    for name in re.findall(r"[\w-]+(?:\.[\w-]+)+", problem):
        for number, line in enumerate(source.splitlines(), 1):
            if line.split("#")[0].rstrip().endswith(name):
                return number
    return None


def _child(node: yaml.Node, name: str, place: str) -> tuple[yaml.Node, int] | None:
    if place and isinstance(node, yaml.SequenceNode) and int(place) < len(node.value):
        item = node.value[int(place)]
        return item, item.start_mark.line + 1
    if name and isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == name:
                return value, key.start_mark.line + 1
    return None
