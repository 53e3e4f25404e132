"""``christmas failures`` and ``christmas replay``: the executions that wait for the owner, and running them again."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from pathlib import Path

import click

from christmas_campaign.campaign import times
from christmas_campaign.cli.command_errors import report_errors
from christmas_campaign.cli.prompts import confirm, env_file_option, json_option, print_json, yes_option
from christmas_campaign.cli.read_settings import read_settings
from christmas_campaign.json_types import JsonObject
from christmas_campaign.operations import failures as failure_list
from christmas_campaign.operations import replay as operation
from christmas_campaign.operations import reread_values
from christmas_campaign.operations.failures import Failure
from christmas_campaign.operations.replay import Replayed
from christmas_campaign.wording import count


@click.command()
@env_file_option
@json_option
def failures(env_file: Path | None, as_json: bool) -> None:
    """List the failures that wait for a person.

    Each one comes with its reason and with what to do. A failure disappears from the list once the same work has succeeded. The
    list shows e-mail addresses.

    Exit code 0 if nothing failed, 1 if there is a failure, 2 if the list could not be made.

    \b
    Example:
      christmas failures --env-file deploy/.env
    """
    with report_errors(), read_settings(env_file).kestra() as kestra:
        waiting = failure_list.failures(kestra)
    if as_json:
        print_json([failure.as_json() for failure in waiting])
    else:
        for failure in waiting:
            _show(failure)
        click.echo(
            f"{count(len(waiting), 'failure waits', 'failures wait')} for a person." if waiting else "Nothing failed."
        )
    sys.exit(1 if waiting else 0)


def _show(failure: Failure) -> None:
    click.echo(f"{times.for_owner(failure.at)}  {failure.subject}  {failure.address or 'address unknown'}")
    if failure.about:
        click.echo(f"  {failure.about}")
    click.echo(f"  {failure.reason}: {failure.detail or 'there is no further detail.'}")
    click.echo(f"  to do: {failure.what_to_do}")
    click.echo(f"  execution {failure.execution}")


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@env_file_option
@click.option("--reason", help="Run those again that failed for this reason.")
@click.option("--all", "everything", is_flag=True, help="Run everything again that christmas failures lists.")
@click.option(
    "--not-sent",
    is_flag=True,
    help="Include e-mails with the reason send_unknown. Check in Resend first that they were not sent.",
)
@click.option(
    "--variable",
    "variables",
    metavar="NAME=VALUE",
    multiple=True,
    help="A value for a placeholder, for this e-mail and the contact's later ones in the sequence. May be repeated.",
)
@yes_option
@json_option
def replay(
    ids: tuple[str, ...],
    env_file: Path | None,
    reason: str | None,
    everything: bool,
    not_sent: bool,
    variables: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Run failures again.

    Choose them by the ID of the execution, as christmas failures shows it, by their reason, or all. The command first lists
    what it will run, and asks. Without a terminal and without --yes it changes nothing.

    An e-mail that was sent is never sent again. For an e-mail with a missing value, the contact's page in BusinessX and their
    signup are read again.

    Exit code 0 if everything was started, 1 if something was left out, 2 if nothing could be done, 3 if nobody was there to
    confirm.

    \b
    Examples:
      christmas replay 5XmFQ2yR --yes
      christmas replay 5XmFQ2yR --variable "Kickoff_Call_Date=May 5"
      christmas replay --reason template_missing
    """
    if not ids and reason is None and not everything:
        raise click.UsageError("Choose what to run again: the ID of an execution, --reason, or --all.")
    replayed: list[Replayed] = []
    with report_errors(), read_settings(env_file).kestra() as kestra:
        values = reread_values.parse(variables)
        chosen = operation.choose(failure_list.failures(kestra), ids, reason)
        reread_values.check(chosen, values)
        reasons = [operation.why_not(kestra, failure, not_sent=not_sent) for failure in chosen]
        to_replay = [failure for failure, why_not in zip(chosen, reasons, strict=True) if not why_not]
        if not as_json:
            _show_plan(chosen, reasons, values)
        try:
            if to_replay and confirm(yes, as_json, "Run them again?"):
                for done in operation.replay(kestra, to_replay, not_sent=not_sent, variables=values):
                    replayed.append(done)
                    if not as_json:
                        _show_replayed(done)
        finally:
            if as_json:
                print_json(_replay_json(chosen, reasons, replayed))
    sys.exit(1 if any(reasons) or any(done.why_not for done in replayed) else 0)


def _show_plan(chosen: Sequence[Failure], reasons: Sequence[str | None], values: Collection[str]) -> None:
    """Show the failures to run again, and those that are left out for one of the reasons."""
    if not chosen:
        click.echo("There is nothing to run again.")
    for failure, why_not in zip(chosen, reasons, strict=True):
        plan = f"left out, {why_not}" if why_not else "to run again"
        click.echo(f"{failure.execution}  {failure.subject}  {failure.address or 'address unknown'}: {plan}")
    if values and chosen:
        click.echo(f"with a value for {', '.join(values)}")


def _replay_json(
    chosen: Sequence[Failure], reasons: Sequence[str | None], replayed: Sequence[Replayed]
) -> list[JsonObject]:
    """Return a failure each: why it was left out (``None``: it was not), and the execution that was started for it."""
    by_execution = {done.failure.execution: done for done in replayed}
    rows: list[JsonObject] = []
    for failure, why_not in zip(chosen, reasons, strict=True):
        done = by_execution.get(failure.execution)
        row: JsonObject = {
            "execution": failure.execution,
            "left_out": why_not or (done.why_not if done else None),
            "started": done.execution if done else None,
        }
        rows.append(row)
    return rows


def _show_replayed(replayed: Replayed) -> None:
    outcome = f"left out, {replayed.why_not}" if replayed.why_not else f"started as {replayed.execution}"
    click.echo(f"{replayed.failure.execution}: {outcome}")
