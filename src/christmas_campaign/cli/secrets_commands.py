"""``christmas secrets``: making, checking, encoding and replacing the settings of an installation; no command shows a value."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from christmas_campaign import folders
from christmas_campaign.cli.errors_shown import plainly
from christmas_campaign.cli.prompts import json_option, print_json
from christmas_campaign.deployment import check_settings, encode_settings, make_settings
from christmas_campaign.deployment.check_settings import Checked
from christmas_campaign.wording import count

# An installation has no folder deploy/ of its own: there the file must be named.
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
    """Look after the file of settings, deploy/.env: make keys, check, encode, replace. No value is ever shown."""


@secrets.command()
@_env_file
@json_option
def make(file: Path, as_json: bool) -> None:
    """Make the keys and passwords that are ours to make, where they are missing or still an example.

    A file that is not there begins as the example. What is there stays, comments and order too; only its owner may read it.

    Exit code 0 when nothing of this is missing any more, 2 if the file could not be read or written.
    """
    with plainly():
        there = file.exists()
        changed = make_settings.make(file)
    if as_json:
        print_json([each._asdict() for each in changed])
        return
    if not there:
        click.echo(f"{file} was made from the example.")
    for each in changed:
        click.echo(f"Made: {each.name}{f'; {each.told}' if each.told else ''}")
    click.echo(
        "Fill in the rest; christmas secrets check says what it is." if changed else "There was nothing to make."
    )


@secrets.command()
@_env_file
@json_option
def check(file: Path, as_json: bool) -> None:
    """Find all that is missing or wrong in the file: each with its line, its name and the mend.

    Exit code 0 if all is well, 1 if something is wrong, 2 if the file could not be read.
    """
    with plainly():
        checked = check_settings.check(file)
    if as_json:
        print_json([fault.as_json() for fault in checked.faults])
    else:
        _show(checked)
        for note in check_settings.notes(checked.values) if not checked.faults else []:
            click.echo(note)
        if not checked.faults:
            click.echo("All settings are well.")
    sys.exit(1 if checked.faults else 0)


def _show(checked: Checked) -> None:
    for fault in checked.faults:
        click.echo(str(fault))
    if checked.faults:
        click.echo(f"{count(len(checked.faults), 'fault', 'faults')}.")


@secrets.command()
@_env_file
def encode(file: Path) -> None:
    """Write what Compose gives to the containers: deploy/.env.kestra and deploy/.env.door. Only their owner may read them.

    It checks the file first, and writes nothing if something is wrong with it.

    Exit code 0 when both are written, 1 if something is wrong, 2 if a file could not be read or written.
    """
    with plainly():
        checked = check_settings.check(file)
        written = {} if checked.faults else encode_settings.write(file, checked.values)
    _show(checked)
    for target, settings in written.items():
        click.echo(f"{target}: {count(settings, 'setting', 'settings')}")
    if checked.faults:
        click.echo("Nothing was written.", err=True)
    sys.exit(1 if checked.faults else 0)


@secrets.command()
@click.argument("name")
@click.option("--finish", is_flag=True, help="Drop the old ones: whoever signs has the new one.")
@_env_file
def rotate(name: str, finish: bool, file: Path) -> None:
    """Replace the secret NAME by a new one, and say what has to be started again and who must be told.

    A signing secret (SIGNING_...) comes in front of the old one, and both hold until --finish drops the old one. A webhook's
    key or a password holds alone, from the moment at which the containers have it.

    Exit code 0 when it is done, 2 if it could not be.
    """
    with plainly():
        changed = make_settings.rotate(file, name, finish=finish)
    click.echo(f"{changed.name}: the old ones are dropped." if finish else f"{changed.name}: there is a new one.")
    click.echo(f"To do: {changed.told}.")
