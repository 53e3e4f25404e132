"""Faults of a flow: what Kestra's validation reports, with the file and the line of the flow's source."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import yaml


class Fault(NamedTuple):
    """A fault of a flow: the file, the line (from 1), and Kestra's description."""

    file: Path
    line: int
    problem: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.problem}"


def problems(constraints: str | None) -> list[str]:
    """Split what Kestra reports about one flow (``constraints``) into one text for each problem."""
    lines = (line.strip().removeprefix("Validation error: ") for line in (constraints or "").splitlines())
    return [line for line in lines if line]


def line_of(source: str, problem: str) -> int:
    """Return the line of ``source`` (from 1) that Kestra's description of a problem is about.

    The first rule that matches decides:

    - the description names a line (``line: 12``);
    - it begins with a path from the top (``tasks[2].uri``) or from the id of a task (``send.uri``);
    - it quotes a dotted name that ends a line of the source, such as the type of a task;
    - else line 1.
    """
    line_number = re.search(r"\bline:? (\d+)", problem)
    if line_number:
        return int(line_number.group(1))
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
    for name, index in re.findall(r"([A-Za-z_][\w-]*)|\[(\d+)\]", path.group(0)):
        child = _child(node, name, index) or (_task_with_id(node, name) if line is None else None)
        if child is None:
            break
        node, line = child
    return line


def _task_with_id(node: yaml.Node, task_id: str) -> tuple[yaml.Node, int] | None:
    """Return the task with this id and its line, from any depth below ``node``."""
    if isinstance(node, yaml.MappingNode):
        if any(key.value == "id" and value.value == task_id for key, value in node.value):
            return node, node.start_mark.line + 1
        children = [value for _, value in node.value]
    else:
        children = node.value if isinstance(node, yaml.SequenceNode) else []
    return next((task for child in children if (task := _task_with_id(child, task_id))), None)


def _line_of_name(source: str, problem: str) -> int | None:
    for name in re.findall(r"[\w-]+(?:\.[\w-]+)+", problem):
        for number, line in enumerate(source.splitlines(), 1):
            if line.split("#")[0].rstrip().endswith(name):
                return number
    return None


def _child(node: yaml.Node, name: str, index: str) -> tuple[yaml.Node, int] | None:
    """Return the child of ``node`` at an index of a list, or under a name, and its line."""
    if index and isinstance(node, yaml.SequenceNode) and int(index) < len(node.value):
        item = node.value[int(index)]
        return item, item.start_mark.line + 1
    if name and isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == name:
                return value, key.start_mark.line + 1
    return None
