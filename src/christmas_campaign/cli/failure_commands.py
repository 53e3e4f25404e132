"""``christmas failures`` and ``christmas replay``: what waits for a person, and running it again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from christmas_campaign.campaign import times
from christmas_campaign.cli.errors_shown import plainly
from christmas_campaign.cli.prompts import agreed, env_file_option, json_option, print_json, yes_option
from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.operations import failures as the_failures
from christmas_campaign.operations import replay as operation
from christmas_campaign.operations import reread_values
from christmas_campaign.operations.failures import Failure
from christmas_campaign.operations.replay import Replayed
from christmas_campaign.wording import count


@click.command()
@env_file_option
@json_option
def failures(env_file: Path | None, as_json: bool) -> None:
    """List what failed or waits for a person and was not made good since: each with its reason, and what to do.

    It shows addresses, for whoever has to look.

    Exit code 0 if there is nothing, 1 if there is something, 2 if it could not be found out.
    """
    with plainly(), Environment.read(env_file).kestra() as kestra:
        found = the_failures.failures(kestra)
    if as_json:
        print_json([each.as_json() for each in found])
    else:
        for each in found:
            _show(each)
        click.echo(
            f"{count(len(found), 'failure waits', 'failures wait')} for a person." if found else "Nothing failed."
        )
    sys.exit(1 if found else 0)


def _show(failure: Failure) -> None:
    click.echo(f"{times.for_owner(failure.at)}  {failure.subject}  {failure.address or 'address unknown'}")
    if failure.about:
        click.echo(f"  {failure.about}")
    click.echo(f"  {failure.reason}: {failure.detail or 'no words were left.'}")
    click.echo(f"  to do: {failure.what_to_do}")
    click.echo(f"  execution {failure.execution}")


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@env_file_option
@click.option("--reason", help="Those that failed for this reason.")
@click.option("--all", "everything", is_flag=True, help="All that christmas failures lists.")
@click.option(
    "--not-sent",
    is_flag=True,
    help="Also those of reason send_unknown: you have looked in Resend, and these e-mails are not there.",
)
@click.option(
    "--variable",
    "variables",
    metavar="NAME=VALUE",
    multiple=True,
    help="Give the contact's e-mails of this sequence a value for a placeholder, this e-mail and the later ones; repeatable.",
)
@yes_option
def replay(
    ids: tuple[str, ...],
    env_file: Path | None,
    reason: str | None,
    everything: bool,
    not_sent: bool,
    variables: tuple[str, ...],
    yes: bool,
) -> None:
    """Run again what failed: each ID (of an execution, as christmas failures shows it), all of a reason, or all.

    It says first what it would do, and asks; without a terminal and without --yes it changes nothing. An e-mail that was sent
    is never sent again. One that could not be written gets the values that are known now: the contact's page in BusinessX and
    their signup are read again.

    \b
    Example: christmas replay 5XmFQ2yR --variable "Kickoff_Call_Date=May 5"

    Exit code 0 when all of it was started or can be, 1 when something was left out, 2 if it could not be done.
    """
    if not ids and reason is None and not everything:
        raise click.UsageError("Say what: the ID of an execution, --reason, or --all.")
    done: list[Replayed] = []
    with plainly(), Environment.read(env_file).kestra() as kestra:
        values = reread_values.parse(variables)
        chosen = operation.chosen(the_failures.failures(kestra), ids, reason)
        reread_values.check(chosen, values)
        left_out = _show_plan(kestra, chosen, not_sent)
        if values and chosen:
            click.echo(f"with a value for {', '.join(values)}")
        if len(left_out) < len(chosen) and agreed(yes, False, "Run them again?", "--yes"):
            wanted = [each for each in chosen if each not in left_out]
            for each in operation.replay(kestra, wanted, not_sent=not_sent, variables=values):
                done.append(each)
                _show_done(each)
    sys.exit(1 if left_out or any(each.why_not for each in done) else 0)


def _show_plan(kestra: Kestra, chosen: Sequence[Failure], not_sent: bool) -> list[Failure]:
    """Say what would be run again; returns what is left out."""
    left_out = []
    if not chosen:
        click.echo("There is nothing to run again.")
    for failure in chosen:
        why_not = operation.why_not(kestra, failure, not_sent=not_sent)
        if why_not:
            left_out.append(failure)
        what = f"left out, {why_not}" if why_not else "to run again"
        click.echo(f"{failure.execution}  {failure.subject}  {failure.address or 'address unknown'}: {what}")
    return left_out


def _show_done(replayed: Replayed) -> None:
    said = f"left out, {replayed.why_not}" if replayed.why_not else f"started as {replayed.execution}"
    click.echo(f"{replayed.failure.execution}: {said}")
