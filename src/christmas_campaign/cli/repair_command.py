"""``christmas repair``: compare what has to happen with what will, and mend it."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from christmas_campaign.cli import prompts
from christmas_campaign.cli.errors_shown import plainly
from christmas_campaign.cli.prompts import count, env_file_option, json_option, print_json
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion import schema
from christmas_campaign.operations import repair_apply as the_repair
from christmas_campaign.operations.repair_apply import Done
from christmas_campaign.operations.repair_snapshot import Look, look


@click.command()
@env_file_option
@click.option("--apply", "applied", is_flag=True, help="Mend it. Without this it is only said what would be mended.")
@click.option(
    "--most",
    type=click.IntRange(min=1),
    default=500,
    show_default=True,
    help="The most enrolments to look at; the next run goes on with the others.",
)
@json_option
@click.option("--outputs", is_flag=True, hidden=True, help="Hand the report on as the outputs of a Kestra task.")
def repair(env_file: Path | None, applied: bool, most: int, as_json: bool, outputs: bool) -> None:
    """Find e-mails that nothing will send, enrolments and pages left half-made, queues that stand still; mend them.

    It is safe at any moment. What has failed waits for a person and is not touched: see christmas failures.

    Exit code 0 if all is well or was mended, 1 if something is left to mend, 2 if not everything could be looked at.
    """
    done: list[Done] = []
    with plainly():
        environment = Environment.read(env_file)
        database = environment.database(schema.SEQUENCE_PAGES)
        with environment.kestra() as kestra, environment.notion() as notion:
            notion.pace(the_repair.PER_SECOND)
            found = look(kestra, notion, database, most, prompts.progress())
            if applied:
                done.extend(the_repair.mend(kestra, notion, found))
    report = the_repair.report(found, done if applied else None)
    if as_json:
        print_json(report)
    else:
        _show(report, applied)
    if outputs:
        # In the form that Kestra takes from a task's standard output.
        click.echo(f"::{json.dumps({'outputs': _outputs(report, done)})}::")
        return
    sys.exit(_exit_code(found, report, applied))


def _exit_code(found: Look, report: dict[str, Any], applied: bool) -> int:
    if found.problems:
        return 2
    return 1 if report["not_done"] or (report["found"] and not applied) else 0


def _show(report: dict[str, Any], applied: bool) -> None:
    seen = report["looked_at"]
    click.echo(
        f"Looked at {count(seen['runs'], 'run', 'runs')} and at {seen['enrolments']} of "
        f"{count(seen['enrolments_in_all'], 'enrolment', 'enrolments')}."
    )
    for sentence in report["done"] if applied else report["found"]:
        click.echo(f"  {sentence}")
    for each in report["not_done"]:
        click.echo(f"  Not done: {each['mend']} {each['problem']}")
    for problem in report["problems"]:
        click.echo(f"  {problem}")
    if not report["found"]:
        click.echo("Nothing is to be mended.")
    elif applied:
        click.echo(f"{count(len(report['done']), 'thing was', 'things were')} mended.")
    else:
        click.echo("Nothing was changed: run it again with --apply to mend it.")


def _outputs(report: dict[str, Any], done: Sequence[Done]) -> JsonObject:
    """The report, and for the team a message and its key: the same things mended again are no news."""
    mended = [each.mend for each in done if each.needed and each.problem is None]
    kinds = sorted({type(mend).__name__.lower() for mend in mended})
    about = sorted(str(the_repair.identity(mend)) for mend in mended)
    return {
        **report,
        "mended": len(mended),
        "key": f"repair.{hashlib.sha256(' '.join(about).encode()).hexdigest()[:24]}",
        "message": f"The repair has mended {count(len(mended), 'thing', 'things')} ({', '.join(kinds)}): its log says what.",
    }
