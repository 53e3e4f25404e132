"""One repair from end to end: look, mend if that is asked for, and report.

``christmas repair`` shows the report to a person. The flow `repair` runs this module as its task,
``python -m christmas_campaign.operations.repair [--apply]``, and reads the report as the task's outputs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.clients.notion import NotionError
from christmas_campaign.deployment.environment import Environment, SettingError
from christmas_campaign.errors import CommandError
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion import schema
from christmas_campaign.operations import find_databases, repair_apply
from christmas_campaign.operations.repair_apply import Done
from christmas_campaign.operations.repair_snapshot import Look, look
from christmas_campaign.repair.actions import Mend
from christmas_campaign.wording import count

#: The most enrolments that one repair looks at; the next one takes the others.
MOST_ENROLMENTS = 500


class FailedMend(NamedTuple):
    """A mend that was not done, and why."""

    mend: Mend
    problem: str


class RepairReport(NamedTuple):
    """What a repair looked at, what it found and what it mended.

    ``runs``, ``enrolments`` and ``pages`` are how many it looked at, ``enrolments_in_all`` how many there are. ``found`` are
    the mends that were needed, ``mended`` those that were done, ``failures`` those that could not be done. ``applied`` is
    whether it was asked to mend. ``problems`` are sentences about what it could not look at.
    """

    runs: int
    enrolments: int
    enrolments_in_all: int
    pages: int
    found: tuple[Mend, ...]
    applied: bool
    mended: tuple[Mend, ...]
    failures: tuple[FailedMend, ...]
    problems: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0 if all is well or was mended, 1 if something is left to mend, 2 if not everything could be looked at."""
        if self.problems:
            return 2
        return 1 if self.failures or (self.found and not self.applied) else 0

    def lines(self) -> Iterator[str]:
        """Return the report in words, line by line."""
        yield (
            f"Looked at {count(self.runs, 'run', 'runs')} and at {self.enrolments} of "
            f"{count(self.enrolments_in_all, 'enrolment', 'enrolments')}."
        )
        for mend in self.mended if self.applied else self.found:
            yield f"  {mend.sentence}"
        for failure in self.failures:
            yield f"  Not done: {failure.mend.sentence} {failure.problem}"
        for problem in self.problems:
            yield f"  {problem}"
        if not self.found:
            yield "Nothing is to be mended."
        elif self.applied:
            yield f"{count(len(self.mended), 'thing was', 'things were')} mended."
        else:
            yield "Nothing was changed: run it again with --apply to mend it."

    def as_json(self) -> JsonObject:
        """Return the report for JSON; ``done`` is ``None`` after a dry run."""
        return {
            "looked_at": {
                "runs": self.runs,
                "enrolments": self.enrolments,
                "enrolments_in_all": self.enrolments_in_all,
                "pages": self.pages,
            },
            "found": [mend.sentence for mend in self.found],
            "done": [mend.sentence for mend in self.mended] if self.applied else None,
            "not_done": [{"mend": failure.mend.sentence, "problem": failure.problem} for failure in self.failures],
            "problems": [*self.problems],
        }

    def as_task_output(self) -> str:
        """Return the line that gives Kestra the outputs of the flow's task.

        They are the report, and the message for the team with its key, which is the same for the same mends.
        """
        kinds = sorted({type(mend).__name__.lower() for mend in self.mended})
        subjects = sorted(str(repair_apply.identity(mend)) for mend in self.mended)
        things = count(len(self.mended), "thing", "things")
        outputs = {
            **self.as_json(),
            "mended": len(self.mended),
            "key": f"repair.{hashlib.sha256(' '.join(subjects).encode()).hexdigest()[:24]}",
            "message": f"The repair has mended {things} ({', '.join(kinds)}): its log says what.",
        }
        return f"::{json.dumps({'outputs': outputs})}::"


def repair(
    environment: Environment,
    *,
    apply: bool,
    most: int = MOST_ENROLMENTS,
    progress: Callable[[str], None] = lambda _: None,
) -> RepairReport:
    """Look at ``most`` enrolments and at all runs, and mend what is wrong if ``apply``.

    Raises ``SettingError`` and ``KestraError``; what Notion does not answer is a problem in the report.
    """
    database = environment.database(schema.SEQUENCE_PAGES)
    with environment.kestra() as kestra, environment.notion() as notion:
        notion.pace(repair_apply.PER_SECOND)
        if apply:
            _keep_databases(kestra, environment)
        snapshot = look(kestra, notion, database, most, progress)
        done = list(repair_apply.mend(kestra, notion, snapshot)) if apply else None
    return report(snapshot, done)


def _keep_databases(kestra: Kestra, environment: Environment) -> None:
    """Have the flows know where the databases are. Whatever keeps this from being done the next enrolment finds out too."""
    with suppress(SettingError, NotionError):
        find_databases.find_and_keep(kestra, environment, unless_known=True)


def report(snapshot: Look, done: Sequence[Done] | None) -> RepairReport:
    """Return the report on a look and on what came of each mend (``None``: a dry run)."""
    results = done or ()
    return RepairReport(
        runs=len(snapshot.seen.runs),
        enrolments=len(snapshot.seen.enrolments),
        enrolments_in_all=snapshot.of,
        pages=len(snapshot.seen.pages),
        found=tuple(snapshot.mends),
        applied=done is not None,
        mended=tuple(result.mend for result in results if result.needed and result.problem is None),
        failures=tuple(FailedMend(result.mend, result.problem) for result in results if result.problem is not None),
        problems=tuple(snapshot.problems),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one repair as a Kestra task, with the settings of the process's environment; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m christmas_campaign.operations.repair", description=__doc__)
    parser.add_argument("--apply", action="store_true", help="mend what is wrong, besides reporting it")
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
