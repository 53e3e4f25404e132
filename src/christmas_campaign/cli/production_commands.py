"""``christmas flows deploy`` and ``christmas smoke``: the flows to a Kestra that runs, and a first look with real keys."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from christmas_campaign import folders
from christmas_campaign.cli.errors_shown import plainly
from christmas_campaign.cli.prompts import env_file_option, json_option, print_json
from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.clients.notion import NotionError
from christmas_campaign.deployment.environment import Environment, SettingError
from christmas_campaign.operations import deploy_flows, find_databases
from christmas_campaign.operations import smoke as the_smoke
from christmas_campaign.wording import count


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=folders.FLOWS)
@env_file_option
@click.option(
    "--wait",
    type=click.FloatRange(0, 3600),
    default=120,
    show_default=True,
    help="How many seconds to wait for a Kestra that does not answer yet.",
)
def deploy(folder: Path, env_file: Path | None, wait: float) -> None:
    """Bring the flows of FOLDER to the Kestra that runs: new ones, and new revisions of those that changed. Without FOLDER:
    the flows that belong to this version of the command.

    Nothing is deleted: runs may wait for a flow. Twice is as good as once.

    Exit code 0 when all are there, 2 if one could not be deployed; the others are there then.
    """
    with plainly():
        environment = Environment.read(env_file)
        with environment.kestra() as kestra:
            deploy_flows.wait_for(kestra, wait)
            done = deploy_flows.deploy(kestra, folder)
            unknown = _find_databases(kestra, environment)
    for found in done.created:
        click.echo(f"new: {found}")
    for found in done.changed:
        click.echo(f"new revision: {found}; what waits keeps the old one")
    if done.same:
        click.echo(f"{count(len(done.same), 'is', 'are')} as before.")
    for found in done.only_in_kestra:
        click.echo(f"not in {folder}, and stays: {found}")
    if unknown:
        click.echo(f"Where the databases are is not known yet; the first enrolment looks again. {unknown}", err=True)


def _find_databases(kestra: Kestra, environment: Environment) -> str:
    """Keep where the databases are, for the flows; returns what Notion said against it, empty for nothing.

    Flows can be deployed before the databases are named.
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
    """Try the real keys: read each database in Notion once, and send one mail to Resend's own test address.

    Nothing in Notion is changed. It runs only with SMOKE=yes in the environment, and never where CI is set.

    Exit code 0 if all is well, 1 if something in Notion is wrong, 2 if it could not be tried.
    """
    why_not = the_smoke.refuse(os.environ)
    if why_not is not None:
        click.echo(f"christmas: smoke: {why_not}", err=True)
        sys.exit(2)
    with plainly():
        found = the_smoke.look(Environment.read(env_file), datetime.now(UTC))
    if as_json:
        print_json(
            {"databases": found.databases, "faults": [each.as_json() for each in found.faults], "mail": found.mail}
        )
    else:
        for fault in found.faults:
            click.echo(str(fault))
        click.echo(f"Notion: {found.databases} databases were read, {count(len(found.faults), 'fault', 'faults')}.")
        click.echo(f"Resend: a mail to {the_smoke.RECIPIENT} was taken, {found.mail}.")
    sys.exit(1 if found.faults else 0)
