"""One repair from end to end: take a snapshot, apply the actions if asked to, and report.

``christmas repair`` prints the report. The flow `repair` runs this module as its task,
``python -m christmas_campaign.operations.repair [--apply]``, and reads the report as the task's outputs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from christmas_campaign.campaign import times
from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.clients.notion import NotionError
from christmas_campaign.deployment.environment import Environment, SettingError
from christmas_campaign.errors import CommandError
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion import schema
from christmas_campaign.operations import find_databases, late_calls, repair_apply
from christmas_campaign.operations.repair_apply import ActionResult
from christmas_campaign.operations.repair_snapshot import Inspection, inspect
from christmas_campaign.repair.actions import Action
from christmas_campaign.wording import count

#: The most enrolments that one repair looks at; the next repair looks at the others.
MOST_ENROLMENTS = 500


class FailedAction(NamedTuple):
    """An action that failed, and why."""

    action: Action
    problem: str


class RepairReport(NamedTuple):
    """The result of a repair: the numbers it looked at, the actions that were needed, and those it took.

    ``executions``, ``enrolments`` and ``pages`` are the numbers that it looked at, ``enrolments_in_all`` is how many there are.
    ``needed`` are the actions that the snapshot needed, ``done`` those that succeeded, ``failures`` those that failed.
    ``applied`` is ``False`` for a dry run. ``problems`` are sentences about failed reads. ``calls_wait_since`` is when the
    oldest call that waits at the door arrived (UTC), if it waits for more than ten minutes.
    """

    executions: int
    enrolments: int
    enrolments_in_all: int
    pages: int
    needed: tuple[Action, ...]
    applied: bool
    done: tuple[Action, ...]
    failures: tuple[FailedAction, ...]
    problems: tuple[str, ...]
    calls_wait_since: datetime | None = None

    @property
    def exit_code(self) -> int:
        """0 if all is well or was repaired, 1 if an action is still needed or calls wait, 2 if not everything could be read."""
        if self.problems:
            return 2
        return 1 if self.failures or self.calls_wait_since or (self.needed and not self.applied) else 0

    def lines(self) -> Iterator[str]:
        """Return the lines of the report for people."""
        yield (
            f"Looked at {count(self.executions, 'execution', 'executions')} and at {self.enrolments} of "
            f"{count(self.enrolments_in_all, 'enrolment', 'enrolments')}."
        )
        for action in self.done if self.applied else self.needed:
            yield f"  {action.sentence}"
        for failure in self.failures:
            yield f"  Not done: {failure.action.sentence} {failure.problem}"
        for problem in self.problems:
            yield f"  {problem}"
        if self.calls_wait_since is not None:
            yield f"  {_waiting(self.calls_wait_since)}"
        if not self.needed:
            yield "Nothing needs repair."
        elif self.applied:
            yield f"{count(len(self.done), 'repair was', 'repairs were')} made."
        else:
            yield "Nothing was changed: run it again with --apply to make these repairs."

    def as_json(self) -> JsonObject:
        """Return the report as JSON; ``done`` is ``None`` after a dry run."""
        return {
            "looked_at": {
                "runs": self.executions,
                "enrolments": self.enrolments,
                "enrolments_in_all": self.enrolments_in_all,
                "pages": self.pages,
            },
            "found": [action.sentence for action in self.needed],
            "done": [action.sentence for action in self.done] if self.applied else None,
            "not_done": [{"mend": failure.action.sentence, "problem": failure.problem} for failure in self.failures],
            "problems": [*self.problems],
            "calls_wait_since": None if self.calls_wait_since is None else times.text(self.calls_wait_since),
        }

    def as_task_output(self) -> str:
        """Return the line that gives Kestra the outputs of the flow's task.

        The outputs are the report, and an alert with its key; the message is empty if there is nothing to tell. The key is the
        same for the same actions, so the team gets the alert once. For waiting calls it changes with the hour of the oldest.
        """
        kinds = sorted({type(action).__name__.lower() for action in self.done})
        identities = sorted(str(repair_apply.identity(action)) for action in self.done)
        sentences = []
        if self.done:
            sentences.append(
                f"The repair made {count(len(self.done), 'correction', 'corrections')} ({', '.join(kinds)}): "
                "the log of its execution lists them."
            )
        if self.calls_wait_since is not None:
            identities.append(f"calls {self.calls_wait_since:%Y-%m-%dT%H}")
            sentences.append(_waiting(self.calls_wait_since))
        outputs = {
            **self.as_json(),
            "mended": len(self.done),
            "key": f"repair.{hashlib.sha256(' '.join(identities).encode()).hexdigest()[:24]}",
            "message": " ".join(sentences),
        }
        return f"::{json.dumps({'outputs': outputs})}::"


def _waiting(since: datetime) -> str:
    return (
        f"Kestra has not taken calls that reached the door since {times.moment_for_people(since)}: "
        "`christmas inbox` lists them with Kestra's last answer."
    )


def repair(
    environment: Environment,
    *,
    apply: bool,
    most: int = MOST_ENROLMENTS,
    progress: Callable[[str], None] = lambda _: None,
) -> RepairReport:
    """Look at all executions, at most ``most`` enrolments and the door, and apply the actions if ``apply``.

    Raises ``SettingError`` and ``KestraError``. A failure of Notion or of the door is a problem in the report.
    """
    database = environment.database(schema.SEQUENCE_PAGES)
    with environment.kestra() as kestra, environment.notion() as notion:
        notion.pace(repair_apply.PER_SECOND)
        if apply:
            _store_databases(kestra, environment)
        inspection = inspect(kestra, notion, database, most, progress)
        results = list(repair_apply.apply_actions(kestra, notion, inspection)) if apply else None
    result = report(inspection, results)
    try:
        return result._replace(calls_wait_since=late_calls.calls_wait_since(environment))
    except late_calls.DoorError as error:
        return result._replace(problems=(*result.problems, str(error)))


def _store_databases(kestra: Kestra, environment: Environment) -> None:
    """Store where the databases are, for the flows. A failure is ignored: the next enrolment reports it."""
    with suppress(SettingError, NotionError):
        find_databases.find_and_store(kestra, environment, unless_stored=True)


def report(inspection: Inspection, results: Sequence[ActionResult] | None) -> RepairReport:
    """Return the report on an inspection and on the result of each action (``None``: a dry run)."""
    finished = results or ()
    return RepairReport(
        executions=len(inspection.snapshot.executions),
        enrolments=len(inspection.snapshot.enrolments),
        enrolments_in_all=inspection.enrolments_in_all,
        pages=len(inspection.snapshot.pages),
        needed=tuple(inspection.actions),
        applied=results is not None,
        done=tuple(result.action for result in finished if result.needed and result.problem is None),
        failures=tuple(
            FailedAction(result.action, result.problem) for result in finished if result.problem is not None
        ),
        problems=tuple(inspection.problems),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one repair as a Kestra task, with settings from the process's environment; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m christmas_campaign.operations.repair", description=__doc__)
    parser.add_argument("--apply", action="store_true", help="make the repairs, besides reporting them")
    options = parser.parse_args(arguments)
    try:
        result = repair(Environment.read(None), apply=options.apply)
    except CommandError as error:
        print(f"christmas: {error}", file=sys.stderr)
        return 2
    print(*result.lines(), result.as_task_output(), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
