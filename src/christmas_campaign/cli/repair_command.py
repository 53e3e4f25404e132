"""``christmas repair``: compare what has to happen with what will, and mend it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from christmas_campaign.cli import prompts
from christmas_campaign.cli.errors_shown import plainly
from christmas_campaign.cli.prompts import env_file_option, json_option, print_json
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.operations import repair as operation


@click.command()
@env_file_option
@click.option("--apply", "applied", is_flag=True, help="Mend it. Without this it is only said what would be mended.")
@click.option(
    "--most",
    type=click.IntRange(min=1),
    default=operation.MOST_ENROLMENTS,
    show_default=True,
    help="The most enrolments to look at; the next run goes on with the others.",
)
@json_option
# The flow `repair` of version 0.3.0 and before calls this; today's runs the operation itself.
@click.option("--outputs", is_flag=True, hidden=True, help="Hand the report on as the outputs of a Kestra task.")
def repair(env_file: Path | None, applied: bool, most: int, as_json: bool, outputs: bool) -> None:
    """Find e-mails that nothing will send, enrolments and pages left half-made, queues that stand still; mend them.

    It is safe at any moment. What has failed waits for a person and is not touched: see christmas failures.

    Exit code 0 if all is well or was mended, 1 if something is left to mend, 2 if not everything could be looked at.
    """
    with plainly():
        environment = Environment.read(env_file)
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
