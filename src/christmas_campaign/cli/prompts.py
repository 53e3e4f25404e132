"""Options that many commands share, and how a command asks for confirmation, shows progress and prints JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

env_file_option = click.option(
    "--env-file",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="CHRISTMAS_ENV_FILE",
    show_envvar=True,
    help="File with the settings, as lines NAME=value. Without it: the environment, or the stack of christmas up.",
)
yes_option = click.option("--yes", is_flag=True, help="Do it without asking.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON and ask nothing.")


def terminal() -> bool:
    """Return whether a person can read the output and type an answer."""
    return sys.stdin.isatty() and sys.stdout.isatty()


#: The exit code of a command that changed nothing, because nobody was there to confirm the change.
UNCONFIRMED_CODE = 3


class Unconfirmed(SystemExit):
    """Ends a command with ``UNCONFIRMED_CODE``."""

    def __init__(self) -> None:
        super().__init__(UNCONFIRMED_CODE)


def confirm(yes: bool, as_json: bool, question: str, options: str = "--yes") -> bool:
    """Return whether the command may make its change: ``yes`` was passed, or a person answers the question with yes.

    Without a terminal, or with ``as_json``, nobody can answer. It then prints the ``options`` to pass and raises
    ``Unconfirmed``.
    """
    if yes:
        return True
    if terminal() and not as_json:
        if click.confirm(question):
            return True
        click.echo("Nothing was changed.")
        return False
    click.echo(f"Nothing was changed: run it again with {options} to do it.", err=as_json)
    raise Unconfirmed


def progress() -> Callable[[str], None]:
    """Return a function that shows a line of progress on a terminal, over the line before; elsewhere it shows nothing."""
    if not sys.stderr.isatty():
        return lambda _: None
    return lambda line: click.echo(f"\r\x1b[K{line}", nl=False, err=True)


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
