"""What Kestra answers, as plain values: flows, executions, lines of a log, entries of the KV store. Times are aware, UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

#: The states in which a run has ended; in every other one it still has something to do.
TERMINAL = ("SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "RETRIED", "SKIPPED", "RESUBMITTED")

#: The states of a run that has something to do: it waits for its time, for its turn, for a person, or it runs.
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
    """What Kestra says of one flow: what is wrong with it (``None``: nothing), what is outdated, what is doubtful."""

    namespace: str | None
    flow: str | None
    constraints: str | None
    deprecations: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Flow:
    """A flow in its latest revision; ``source`` is its YAML where it was asked for, ``queues`` how many of its runs may run at
    a time while the others queue (``None``: all, or the others do not queue)."""

    namespace: str
    id: str
    revision: int
    disabled: bool
    source: str | None
    queues: int | None = None


@dataclass(frozen=True)
class TaskRun:
    """One run of a task within an execution; ``value`` is that of a loop, ``parent`` the id of the task run that it is in,
    ``workers`` the ids of those that tried it, the last try last (none: the executor itself ran it)."""

    task: str
    state: str
    value: str | None
    outputs: Mapping[str, Any]
    id: str
    parent: str | None
    workers: tuple[str, ...]


@dataclass(frozen=True)
class Execution:
    """A run of a flow.

    ``scheduled`` is when it may begin, ``None`` if at once; ``changed`` is when it or one of its task runs last came into
    another state; ``original`` is the id of the run that it repeats (its own, if none); ``trigger`` is what a trigger said.
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
        """Whether it has something to do yet."""
        return self.state not in TERMINAL


@dataclass(frozen=True)
class KvEntry:
    """A key of the KV store, and when it was last written."""

    key: str
    updated: datetime


@dataclass(frozen=True)
class Lane:
    """How many runs of a flow Kestra counts as running, for the limit of the flow's concurrency."""

    namespace: str
    flow: str
    running: int


@dataclass(frozen=True)
class LogLine:
    """A line in the log of an execution; ``task`` is ``None`` where the flow itself speaks."""

    at: datetime
    level: str
    task: str | None
    message: str


def instant(text: str) -> datetime:
    """Read a time as Kestra writes it."""
    return datetime.fromisoformat(text)


def _moment(text: str | None) -> datetime | None:
    return instant(text) if text else None


def flow(found: Mapping[str, Any]) -> Flow:
    """Read a flow from Kestra's JSON."""
    concurrency = found.get("concurrency") or {}
    return Flow(
        found["namespace"],
        found["id"],
        int(found["revision"]),
        bool(found.get("disabled", False)),
        found.get("source"),
        int(concurrency["limit"]) if concurrency.get("behavior") == "QUEUE" else None,
    )


def execution(found: Mapping[str, Any]) -> Execution:
    """Read an execution from Kestra's JSON."""
    state = found["state"]
    histories = state["histories"]
    running = next((each["date"] for each in histories if each["state"] == "RUNNING"), None)
    task_runs = found.get("taskRunList") or ()
    changes = [*histories, *(change for each in task_runs for change in each["state"]["histories"])]
    return Execution(
        id=found["id"],
        namespace=found["namespace"],
        flow=found["flowId"],
        revision=int(found["flowRevision"]),
        state=state["current"],
        labels={label["key"]: label["value"] for label in found.get("labels") or ()},
        inputs=found.get("inputs") or {},
        outputs=found.get("outputs") or {},
        tasks=tuple(
            TaskRun(
                each["taskId"],
                each["state"]["current"],
                each.get("value"),
                each.get("outputs") or {},
                each["id"],
                each.get("parentTaskRunId"),
                tuple(tried["workerId"] for tried in each.get("attempts") or () if tried.get("workerId")),
            )
            for each in task_runs
        ),
        created=instant(histories[0]["date"]),
        started=_moment(running),
        ended=_moment(state.get("endDate")),
        scheduled=_moment(found.get("scheduleDate")),
        changed=max(instant(each["date"]) for each in changes),
        original=found.get("originalId") or found["id"],
        trigger=(found.get("trigger") or {}).get("variables") or {},
    )
