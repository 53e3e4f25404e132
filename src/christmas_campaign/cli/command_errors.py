"""What every command does with an error: a message for the owner in place of a traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from christmas_campaign.errors import CommandError


@contextmanager
def report_errors() -> Iterator[None]:
    """Print the message of a ``CommandError`` and exit with code 2; exit with code 130 after Ctrl-C."""
    try:
        yield
    except CommandError as error:
        click.echo(f"christmas: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        click.echo("\nStopped.")
        sys.exit(130)
