"""``christmas repair``: find what a crash or an outage left unfinished, and finish it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from christmas_campaign.cli import prompts
from christmas_campaign.cli.command_errors import report_errors
from christmas_campaign.cli.prompts import env_file_option, json_option, print_json
from christmas_campaign.cli.read_settings import read_settings
from christmas_campaign.operations import repair as operation


@click.command()
@env_file_option
@click.option(
    "--apply", "applied", is_flag=True, help="Repair it. Without this the command only shows what it would do."
)
@click.option(
    "--most",
    type=click.IntRange(min=1),
    default=operation.MOST_ENROLMENTS,
    show_default=True,
    help="The most enrolments to check in this run; the next run continues with the others.",
)
@json_option
# The flow `repair` of version 0.3.0 and before calls the command with this option. Today's flow runs the operation itself.
@click.option("--outputs", is_flag=True, hidden=True, help="Print the report as the outputs of a Kestra task.")
def repair(env_file: Path | None, applied: bool, most: int, as_json: bool, outputs: bool) -> None:
    """Find lost e-mails and unfinished enrolments.

    It looks for e-mails that nothing will send, for enrolments and pages that are only half made, and for queues that do not
    move. With --apply it repairs them. Running it is safe at any time. Failures that wait for a person are not touched: see
    christmas failures. If ENV_DOOR_URL is set, it also says whether calls wait at the door for more than ten minutes.

    Exit code 0 if all is well or was repaired, 1 if something is left to repair or calls wait at the door, 2 if not everything
    could be checked.

    \b
    Examples:
      christmas repair --env-file deploy/.env
      christmas repair --env-file deploy/.env --apply
    """
    with report_errors():
        environment = read_settings(env_file)
        report = operation.repair(environment, apply=applied, most=most, progress=prompts.progress())
    if as_json:
        print_json(report.as_json())
    else:
        for line in report.lines():
            click.echo(line)
    if outputs:
        click.echo(report.as_task_output())
        return
    sys.exit(report.exit_code)
