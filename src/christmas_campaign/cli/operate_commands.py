"""``christmas pause`` and ``christmas resume``: hold all e-mails back, and send them again."""

from __future__ import annotations

from pathlib import Path

import click

from christmas_campaign.campaign import times
from christmas_campaign.cli.command_errors import report_errors
from christmas_campaign.cli.prompts import env_file_option, json_option, print_json
from christmas_campaign.cli.read_settings import read_settings
from christmas_campaign.operations import pause as operation
from christmas_campaign.wording import count


@click.command()
@env_file_option
@json_option
def pause(env_file: Path | None, as_json: bool) -> None:
    """Pause all e-mails; none is lost.

    E-mails that come due wait for christmas resume. Webhooks are still answered and contacts are still enrolled. An e-mail that
    is being sent at this moment is still sent.

    Exit code 0 if e-mails are paused now or were before, 2 if Kestra could not be reached.

    \b
    Example:
      christmas pause --env-file deploy/.env
    """
    with report_errors(), read_settings(env_file).kestra() as kestra:
        state = operation.pause(kestra)
    if as_json:
        print_json({"since": times.text(state.since), "already": state.already, "due": state.due})
        return
    since = times.moment_for_people(state.since)
    if state.already:
        click.echo(f"E-mails were already paused, since {since}; {count(state.due, 'is', 'are')} due and waiting.")
    else:
        click.echo(f"All e-mails are paused from now on, until christmas resume ({since}).")


@click.command()
@env_file_option
@json_option
def resume(env_file: Path | None, as_json: bool) -> None:
    """Send e-mails again after christmas pause.

    Overdue e-mails are sent at once, as fast as Notion and Resend allow.

    Exit code 0 if e-mails are sent again, or were not paused; 2 if Kestra could not be reached.

    \b
    Example:
      christmas resume --env-file deploy/.env
    """
    with report_errors(), read_settings(env_file).kestra() as kestra:
        since, due = operation.resume(kestra)
    if as_json:
        print_json({"since": None if since is None else times.text(since), "due": due})
        return
    if since is None and not due:
        click.echo("E-mails are not paused.")
    elif since is None:
        click.echo(
            f"E-mails are not paused; {count(due, 'was still waiting and is', 'were still waiting and are')} sent now."
        )
    else:
        click.echo(
            f"E-mails are sent again; they were paused since {times.moment_for_people(since)}. "
            f"{count(due, 'is overdue and is', 'are overdue and are')} sent now."
        )
