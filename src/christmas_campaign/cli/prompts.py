"""What the commands share that look after an installation: their options, their question before they change anything."""

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
    help="File with the settings, as lines NAME=value. Without it: this process's environment.",
)
yes_option = click.option("--yes", is_flag=True, help="Do it without asking.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON and ask nothing.")


def terminal() -> bool:
    """Whether a person sits there, who sees what would be done and can answer."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def agreed(yes: bool, as_json: bool, question: str, how: str) -> bool:
    """Whether it may be done: it was said beforehand, or is said now; else ``how`` tells what to write the next time."""
    if yes:
        return True
    if terminal() and not as_json:
        if click.confirm(question):
            return True
        click.echo("Nothing was changed.")
    else:
        click.echo(f"Nothing was changed: run it again with {how} to do it.", err=as_json)
    return False


def progress() -> Callable[[str], None]:
    """Show long work on a terminal, each line over the one before, and nowhere else."""
    if not sys.stderr.isatty():
        return lambda _: None
    return lambda line: click.echo(f"\r\x1b[K{line}", nl=False, err=True)


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
