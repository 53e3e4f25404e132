"""``christmas pause`` and ``christmas resume``: hold all e-mails, and let them go on."""

from __future__ import annotations

from pathlib import Path

import click

from christmas_campaign.campaign import times
from christmas_campaign.cli.errors_shown import plainly
from christmas_campaign.cli.prompts import env_file_option
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.operations import pause as operation
from christmas_campaign.wording import count


@click.command()
@env_file_option
def pause(env_file: Path | None) -> None:
    """Hold all e-mails, and lose none: what is due waits until christmas resume.

    Webhooks are answered and contacts are enrolled all the same. An e-mail that is being sent at this very moment is sent.

    Exit code 0 when they are held, before too; 2 if Kestra could not be told.
    """
    with plainly(), Environment.read(env_file).kestra() as kestra:
        held = operation.pause(kestra)
    since = times.moment_for_people(held.since)
    if held.already:
        click.echo(f"All e-mails are held already, since {since}; {count(held.due, 'is', 'are')} due and waiting.")
    else:
        click.echo(f"From now on all e-mails are held, until christmas resume ({since}).")


@click.command()
@env_file_option
def resume(env_file: Path | None) -> None:
    """Let all e-mails go on that christmas pause holds: what is overdue goes out now, as fast as the providers allow.

    Exit code 0 when they go on, before too; 2 if Kestra could not be told.
    """
    with plainly(), Environment.read(env_file).kestra() as kestra:
        since, due = operation.resume(kestra)
    if since is None and not due:
        click.echo("No e-mail is held.")
    elif since is None:
        click.echo(f"No e-mail is held; {count(due, 'was', 'were')} waiting, and {_goes(due)} on.")
    else:
        click.echo(
            f"E-mails go out again; they were held since {times.moment_for_people(since)}. "
            f"{count(due, 'is', 'are')} overdue, and {_goes(due)} out now."
        )


def _goes(number: int) -> str:
    return "goes" if number == 1 else "go"
