"""What every command does with errors: one plain sentence for those that a person can mend, and a quiet end for Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from christmas_campaign.errors import CommandError


@contextmanager
def plainly() -> Iterator[None]:
    """Turn a ``CommandError`` into one sentence and exit code 2; Ctrl-C into a quiet end with exit code 130."""
    try:
        yield
    except CommandError as error:
        click.echo(f"christmas: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        click.echo("\nStopped.")
        sys.exit(130)
