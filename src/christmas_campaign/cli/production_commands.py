"""``christmas flows deploy`` and ``christmas smoke``: bring the flows to a running Kestra, and try the real keys."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from christmas_campaign import folders
from christmas_campaign.cli.command_errors import report_errors
from christmas_campaign.cli.prompts import env_file_option, json_option, print_json
from christmas_campaign.cli.read_settings import read_settings
from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.clients.notion import NotionError
from christmas_campaign.deployment.environment import Environment, SettingError
from christmas_campaign.operations import deploy_flows, find_databases
from christmas_campaign.operations import smoke as operation
from christmas_campaign.wording import count


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=folders.FLOWS)
@env_file_option
@click.option(
    "--wait",
    type=click.FloatRange(0, 3600),
    default=120,
    show_default=True,
    help="The seconds to wait for a Kestra that does not answer yet.",
)
@json_option
def deploy(folder: Path, env_file: Path | None, wait: float, as_json: bool) -> None:
    """Deploy the flows to a running Kestra.

    Creates new flows, and new revisions of those that changed. FOLDER holds the flows; without it the command deploys the flows
    of its own version. It deletes nothing, because executions may wait for an old flow. Running it again changes nothing.

    Exit code 0 if all flows are deployed, 2 if one was refused; the others are deployed even then.

    \b
    Example:
      christmas flows deploy --env-file deploy/.env
    """
    with report_errors():
        environment = read_settings(env_file)
        with environment.kestra() as kestra:
            deploy_flows.wait_for(kestra, wait)
            deployed = deploy_flows.deploy(kestra, folder)
            problem = _find_databases(kestra, environment)
    if as_json:
        print_json({**deployed._asdict(), "problem": problem})
        return
    for flow_id in deployed.created:
        click.echo(f"new: {flow_id}")
    for flow_id in deployed.changed:
        click.echo(f"new revision: {flow_id}; waiting executions keep the old one")
    if deployed.same:
        click.echo(f"{count(len(deployed.same), 'flow is', 'flows are')} unchanged.")
    for flow_id in deployed.only_in_kestra:
        click.echo(f"not in {folder}, and not deleted: {flow_id}")
    if problem:
        click.echo(
            f"The databases could not be looked up in Notion; the first enrolment tries again. {problem}", err=True
        )


def _find_databases(kestra: Kestra, environment: Environment) -> str:
    """Look up the databases in Notion and store their places in Kestra for the flows.

    Returns Notion's reason if that fails, else an empty text. Missing settings are no failure: flows may be deployed before
    the databases exist.
    """
    try:
        find_databases.find_and_store(kestra, environment)
    except SettingError:
        return ""
    except NotionError as error:
        return str(error)
    return ""


@click.command()
@env_file_option
@json_option
def smoke(env_file: Path | None, as_json: bool) -> None:
    """Try the real keys of Notion and Resend.

    Reads each database in Notion once, and sends one e-mail to Resend's own test address. Changes nothing in Notion. It runs
    only with SMOKE=yes in the environment, and never where CI is set. It never uses the stack of christmas up.

    Exit code 0 if all is well, 1 if a database has a fault, 2 if the keys could not be tried.

    \b
    Example:
      SMOKE=yes christmas smoke --env-file deploy/.env
    """
    refusal = operation.refuse(os.environ)
    if refusal is not None:
        click.echo(f"christmas: smoke: {refusal}", err=True)
        sys.exit(2)
    with report_errors():
        report = operation.try_keys(Environment.read(env_file), datetime.now(UTC))
    if as_json:
        print_json(
            {
                "databases": report.databases,
                "faults": [fault.as_json() for fault in report.faults],
                "mail": report.mail,
            }
        )
    else:
        for fault in report.faults:
            click.echo(str(fault))
        click.echo(f"Notion: {report.databases} databases were read, {count(len(report.faults), 'fault', 'faults')}.")
        click.echo(f"Resend: an e-mail to {operation.RECIPIENT} was accepted, {report.mail}.")
    sys.exit(1 if report.faults else 0)
