"""``christmas inbox``: list the calls that the door has not yet handed to Kestra, and delete those that Kestra refused."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import click

from christmas_campaign.cli.command_errors import report_errors
from christmas_campaign.cli.prompts import confirm, env_file_option, json_option, print_json, yes_option
from christmas_campaign.cli.read_settings import read_settings
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.door.inbox import store
from christmas_campaign.door.inbox.admin import discard as discard_calls
from christmas_campaign.door.inbox.store import Entry
from christmas_campaign.errors import CommandError
from christmas_campaign.wording import count

_file_option = click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file of the door's inbox. Without it: DOOR_INBOX of the settings, or .data/door/inbox.sqlite.",
)


@click.group(invoke_without_command=True)
@_file_option
@env_file_option
@json_option
@click.pass_context
def inbox(context: click.Context, file: Path | None, env_file: Path | None, as_json: bool) -> None:
    """List the calls that wait at the door.

    The door has answered these calls, but not yet handed them to Kestra. Their content is not shown.

    A call waits while Kestra is away, and the door tries it again by itself. A call that Kestra refuses is put aside: the door
    and Kestra run different versions. Bring both to the same version and start the door again: it tries those calls again.

    Exit code 0 if no call was refused, 1 if Kestra has refused a call, 2 if the inbox could not be read.

    \b
    Examples:
      christmas inbox --env-file deploy/.env
      christmas inbox --file inbox.sqlite --json
    """
    if context.invoked_subcommand is not None:
        return
    with report_errors():
        calls = _read(_path(file, env_file))
    if as_json:
        print_json([call._asdict() for call in calls])
    else:
        _show(calls)
    sys.exit(1 if any(call.refused for call in calls) else 0)


@inbox.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@_file_option
@env_file_option
@yes_option
@click.pass_context
def discard(context: click.Context, ids: tuple[str, ...], file: Path | None, env_file: Path | None, yes: bool) -> None:
    """Delete calls that Kestra refused.

    ID is the id of a call, as christmas inbox shows it. Nobody is enrolled for a deleted call. The command first lists the
    calls, and asks; without a terminal and without --yes it changes nothing. A call that still waits cannot be deleted. The
    door may run meanwhile.

    Exit code 0 if all of them were deleted, 2 if one of them was not refused (then nothing is deleted), 3 if nobody was there
    to confirm.

    \b
    Example:
      christmas inbox discard 3f9c2a71 --env-file deploy/.env
    """
    group_options = context.parent.params if context.parent is not None else {}
    with report_errors():
        path = _path(file or group_options["file"], env_file or group_options["env_file"])
        refused = {call.id: call for call in _read(path) if call.refused}
        for call_id in ids:
            if call_id not in refused:
                raise CommandError(f"{call_id} is not among the calls that Kestra refused: christmas inbox lists them")
            call = refused[call_id]
            click.echo(f"{call.received_at}  {call.handler:<10}  {call.id}  REFUSED, {call.last_answer}: to delete")
        if confirm(yes, False, "Delete them for good?"):
            try:
                discard_calls(path, ids)
            except store.InboxError as error:
                raise CommandError(str(error)) from None
            click.echo(f"{count(len(set(ids)), 'call was', 'calls were')} deleted.")


def path_of(environment: Environment) -> Path:
    """Return the file of the inbox: ``DOOR_INBOX`` of the settings, or the door's default."""
    return Path(environment.values.get("DOOR_INBOX", "").strip() or store.DEFAULT)


def _path(file: Path | None, env_file: Path | None) -> Path:
    return file or path_of(read_settings(env_file))


def _read(path: Path) -> list[Entry]:
    """Return the calls in the inbox.

    Raises ``CommandError``.
    """
    try:
        return store.list_entries(path)
    except store.InboxError as error:
        raise CommandError(str(error)) from None


def _show(calls: list[Entry]) -> None:
    waiting = [call for call in calls if not call.refused]
    refused = [call for call in calls if call.refused]
    for call in calls:
        tries = count(call.tries, "try", "tries")
        state = f"{tries}, the last one: {call.last_answer}" if call.last_answer else "not tried yet"
        click.echo(f"{call.received_at}  {call.handler:<10}  {call.id}  {'REFUSED, ' if call.refused else ''}{state}")
    if waiting:
        numbers = Counter(call.handler for call in waiting)
        by_handler = ", ".join(f"{number} {name}" for name, number in sorted(numbers.items()))
        click.echo(f"{count(len(waiting), 'call waits', 'calls wait')} since {waiting[0].received_at}: {by_handler}.")
    else:
        click.echo("No call waits.")
    if refused:
        click.echo(
            f"Kestra refused {count(len(refused), 'call', 'calls')}: bring the door and Kestra to the same version, then start "
            "the door again. christmas inbox discard deletes the calls that it refuses again."
        )
