"""Kestra's responses as typed values: flows, executions, log lines, entries of the KV store. Every time is aware, in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

#: The states in which an execution has ended.
TERMINAL = ("SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "RETRIED", "SKIPPED", "RESUBMITTED")

#: The states in which an execution has not ended: it runs, or waits for its time, its turn or a person.
LIVE = (
    "CREATED",
    "SUBMITTED",
    "RUNNING",
    "PAUSED",
    "RESTARTED",
    "KILLING",
    "QUEUED",
    "RETRYING",
    "BREAKPOINT",
)


@dataclass(frozen=True)
class Violation:
    """Kestra's validation of one flow: its faults (``constraints``, ``None`` if it is valid), deprecations and warnings."""

    namespace: str | None
    flow: str | None
    constraints: str | None
    deprecations: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Flow:
    """The latest revision of a flow.

    ``source`` is its YAML, ``None`` if the request did not ask for it. ``queues`` is the number of executions that run at the
    same time while the others queue, ``None`` if the flow has no such limit.
    """

    namespace: str
    id: str
    revision: int
    disabled: bool
    source: str | None
    queues: int | None = None


@dataclass(frozen=True)
class TaskRun:
    """One run of a task in an execution.

    ``task`` is the id of the task in the flow, ``id`` the id of the task run. ``value`` is the current value of a loop, and
    ``parent`` the id of the enclosing task run. ``workers`` are the ids of the workers that tried it, the latest last; it is
    empty if the executor ran the task itself.
    """

    task: str
    state: str
    value: str | None
    outputs: Mapping[str, Any]
    id: str
    parent: str | None
    workers: tuple[str, ...]


@dataclass(frozen=True)
class Execution:
    """An execution of a flow.

    ``scheduled`` is the time before which it does not start, ``None`` if it starts at once. ``changed`` is the last time that
    the state of the execution or of one of its task runs changed. ``original`` is the id of the execution that it replays, or
    its own id. ``trigger`` holds the variables of the trigger that started it.
    """

    id: str
    namespace: str
    flow: str
    revision: int
    state: str
    labels: Mapping[str, str]
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    tasks: tuple[TaskRun, ...]
    created: datetime
    started: datetime | None
    ended: datetime | None
    scheduled: datetime | None
    changed: datetime
    original: str
    trigger: Mapping[str, Any]

    @property
    def live(self) -> bool:
        """Whether the execution has not ended."""
        return self.state not in TERMINAL


@dataclass(frozen=True)
class KvEntry:
    """A key of the KV store, and the time of its last update."""

    key: str
    updated: datetime


@dataclass(frozen=True)
class Lane:
    """A flow with a concurrency limit, and how many of its executions Kestra counts as running."""

    namespace: str
    flow: str
    running: int


@dataclass(frozen=True)
class LogLine:
    """A line in the log of an execution; ``task`` is ``None`` for a line that no task wrote."""

    at: datetime
    level: str
    task: str | None
    message: str


def instant(text: str) -> datetime:
    """Parse a time from Kestra's JSON (ISO 8601, UTC)."""
    return datetime.fromisoformat(text)


def _optional_instant(text: str | None) -> datetime | None:
    return instant(text) if text else None


def flow(flow_json: Mapping[str, Any]) -> Flow:
    """Return a flow from Kestra's JSON."""
    concurrency = flow_json.get("concurrency") or {}
    return Flow(
        flow_json["namespace"],
        flow_json["id"],
        int(flow_json["revision"]),
        bool(flow_json.get("disabled", False)),
        flow_json.get("source"),
        int(concurrency["limit"]) if concurrency.get("behavior") == "QUEUE" else None,
    )


def execution(execution_json: Mapping[str, Any]) -> Execution:
    """Return an execution from Kestra's JSON."""
    state = execution_json["state"]
    histories = state["histories"]
    running = next((change["date"] for change in histories if change["state"] == "RUNNING"), None)
    task_runs = execution_json.get("taskRunList") or ()
    changes = [*histories, *(change for task_run in task_runs for change in task_run["state"]["histories"])]
    return Execution(
        id=execution_json["id"],
        namespace=execution_json["namespace"],
        flow=execution_json["flowId"],
        revision=int(execution_json["flowRevision"]),
        state=state["current"],
        labels={label["key"]: label["value"] for label in execution_json.get("labels") or ()},
        inputs=execution_json.get("inputs") or {},
        outputs=execution_json.get("outputs") or {},
        tasks=tuple(
            TaskRun(
                task_run["taskId"],
                task_run["state"]["current"],
                task_run.get("value"),
                task_run.get("outputs") or {},
                task_run["id"],
                task_run.get("parentTaskRunId"),
                tuple(attempt["workerId"] for attempt in task_run.get("attempts") or () if attempt.get("workerId")),
            )
            for task_run in task_runs
        ),
        created=instant(histories[0]["date"]),
        started=_optional_instant(running),
        ended=_optional_instant(state.get("endDate")),
        scheduled=_optional_instant(execution_json.get("scheduleDate")),
        changed=max(instant(change["date"]) for change in changes),
        original=execution_json.get("originalId") or execution_json["id"],
        trigger=(execution_json.get("trigger") or {}).get("variables") or {},
    )
