"""``christmas secrets``: make, check, encode and replace the settings of an installation. No command shows a value."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from christmas_campaign import folders
from christmas_campaign.cli.command_errors import report_errors
from christmas_campaign.cli.prompts import json_option, print_json
from christmas_campaign.deployment import check_settings, encode_settings, make_settings
from christmas_campaign.deployment.check_settings import Checked
from christmas_campaign.wording import count

# An installation has no folder deploy/, so there the option is required.
_default: dict[str, Any] = (
    {"default": folders.CHECKOUT / "deploy" / ".env", "show_default": "deploy/.env"}
    if folders.is_checkout()
    else {"required": True}
)
_env_file = click.option(
    "--env-file",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="CHRISTMAS_ENV_FILE",
    show_envvar=True,
    **_default,
    help="The file with the settings in plain text.",
)


@click.group()
def secrets() -> None:
    """Make, check and encode the file of settings.

    The file is deploy/.env. No command shows a value of it.
    """


@secrets.command()
@_env_file
@json_option
def make(file: Path, as_json: bool) -> None:
    """Generate missing keys and passwords.

    Replaces only values that are missing or still an example; everything else stays, with its comments and its order. If the
    file does not exist, it starts as a copy of the example. Only its owner may read it.

    Exit code 0 if no such key or password is missing any more, 2 if the file could not be read or written.

    \b
    Example:
      christmas secrets make --env-file deploy/.env
    """
    with report_errors():
        existed = file.exists()
        changed = make_settings.make(file)
    if as_json:
        print_json([change._asdict() for change in changed])
        return
    if not existed:
        click.echo(f"{file} was created from the example.")
    for change in changed:
        click.echo(f"Generated: {change.name}{f'; {change.told}' if change.told else ''}")
    click.echo("Fill in the rest; christmas secrets check lists it." if changed else "There was nothing to generate.")


@secrets.command()
@_env_file
@json_option
def check(file: Path, as_json: bool) -> None:
    """List all settings that are missing or wrong.

    Each fault comes with its line, its name and the correction.

    Exit code 0 if all settings are valid, 1 if there is a fault, 2 if the file could not be read.

    \b
    Example:
      christmas secrets check --env-file deploy/.env
    """
    with report_errors():
        checked = check_settings.check(file)
    if as_json:
        print_json([fault.as_json() for fault in checked.faults])
    else:
        _show(checked)
        for note in check_settings.notes(checked.values) if not checked.faults else []:
            click.echo(note)
        if not checked.faults:
            click.echo("All settings are valid.")
    sys.exit(1 if checked.faults else 0)


def _show(checked: Checked) -> None:
    for fault in checked.faults:
        click.echo(str(fault))
    if checked.faults:
        click.echo(f"{count(len(checked.faults), 'fault', 'faults')}.")


@secrets.command()
@_env_file
@json_option
def encode(file: Path, as_json: bool) -> None:
    """Write the environments of the containers.

    They are the files deploy/.env.kestra and deploy/.env.door, which Compose reads. Only their owner may read them. The command
    checks the settings first, and writes nothing if there is a fault.

    Exit code 0 if both files are written, 1 if there is a fault, 2 if a file could not be read or written.

    \b
    Example:
      christmas secrets encode --env-file deploy/.env
    """
    with report_errors():
        checked = check_settings.check(file)
        numbers = {} if checked.faults else encode_settings.write(file, checked.values)
    if as_json:
        print_json(
            {
                "files": {str(target): number for target, number in numbers.items()},
                "faults": [fault.as_json() for fault in checked.faults],
            }
        )
    else:
        _show(checked)
        for target, number in numbers.items():
            click.echo(f"{target}: {count(number, 'setting', 'settings')}")
    if checked.faults:
        click.echo("Nothing was written.", err=True)
    sys.exit(1 if checked.faults else 0)


@secrets.command()
@click.argument("name")
@click.option("--finish", is_flag=True, help="Drop the old secrets: every sender has the new one.")
@_env_file
@json_option
def rotate(name: str, finish: bool, file: Path, as_json: bool) -> None:
    """Replace a secret by a new one.

    Afterwards the command says what to start again and who needs the new secret.

    A new signing secret (SIGNING_...) or UNSUBSCRIBE_KEY goes in front of the old one. Both are valid until --finish drops the
    old one. A webhook key or a password is replaced at once, when the containers are started with it.

    Exit code 0 if the secret was replaced, 2 if not.

    \b
    Examples:
      christmas secrets rotate WEBHOOK_KEY_SIGNUP
      christmas secrets rotate SIGNING_WEBSITE
      christmas secrets rotate SIGNING_WEBSITE --finish
    """
    with report_errors():
        change = make_settings.rotate(file, name, finish=finish)
    if as_json:
        print_json(change._asdict())
        return
    if finish:
        click.echo(f"{change.name}: the old secrets are dropped.")
    else:
        click.echo(f"{change.name}: there is a new secret.")
    click.echo(f"To do: {change.told}.")
