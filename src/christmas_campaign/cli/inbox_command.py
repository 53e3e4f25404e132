"""``christmas inbox``: what the door has answered and not yet handed to Kestra, and deleting what Kestra refused for good."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import click

from christmas_campaign.cli.errors_shown import plainly
from christmas_campaign.cli.prompts import agreed, env_file_option, json_option, print_json, yes_option
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.door.inbox import store as the_inbox
from christmas_campaign.door.inbox.admin import discard as discard_calls
from christmas_campaign.door.inbox.store import Entry
from christmas_campaign.errors import CommandError
from christmas_campaign.wording import count

_file_option = click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The door's inbox. Without it: DOOR_INBOX of the settings, or .data/door/inbox.sqlite.",
)


@click.group(invoke_without_command=True)
@_file_option
@env_file_option
@json_option
@click.pass_context
def inbox(context: click.Context, file: Path | None, env_file: Path | None, as_json: bool) -> None:
    """List the calls that the door has answered and not yet handed to Kestra; never what they said.

    A call waits while Kestra is away, and is tried again by itself. One that Kestra refuses is put aside: its intake and
    the door's are not of the same version. When that is mended, start the door again: it tries those once more.

    Exit code 0 if all waits as it should, 1 if Kestra has refused a call, 2 if it could not be found out.
    """
    if context.invoked_subcommand is not None:
        return
    with plainly():
        found = _look(_path(file, env_file))
    if as_json:
        print_json([each._asdict() for each in found])
    else:
        _show(found)
    sys.exit(1 if any(each.refused for each in found) else 0)


@inbox.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@_file_option
@env_file_option
@yes_option
@click.pass_context
def discard(context: click.Context, ids: tuple[str, ...], file: Path | None, env_file: Path | None, yes: bool) -> None:
    """Delete calls that Kestra refused, for good: each ID, as christmas inbox shows it. Nobody is enrolled for them.

    It says first which they are, and asks; without a terminal and without --yes it changes nothing. A call that waits is never
    deleted: the door hands it on. The door may run meanwhile.

    Exit code 0 when all of them were deleted or can be, 2 if one of them is not among the refused: then nothing is deleted.
    """
    above = context.parent.params if context.parent is not None else {}
    with plainly():
        path = _path(file or above["file"], env_file or above["env_file"])
        refused = {each.id: each for each in _look(path) if each.refused}
        for each in ids:
            if each not in refused:
                raise CommandError(f"{each} is not among the calls that Kestra refused: christmas inbox lists them")
            found = refused[each]
            click.echo(f"{found.received_at}  {found.handler:<10}  {found.id}  REFUSED, {found.last_answer}: to delete")
        if agreed(yes, False, "Delete them for good?", "--yes"):
            try:
                discard_calls(path, ids)
            except the_inbox.InboxError as error:
                raise CommandError(str(error)) from None
            click.echo(f"{count(len(set(ids)), 'call was', 'calls were')} deleted.")


def path_of(environment: Environment) -> Path:
    """Return where the inbox is, as the settings have it."""
    return Path(environment.values.get("DOOR_INBOX", "").strip() or the_inbox.DEFAULT)


def _path(file: Path | None, env_file: Path | None) -> Path:
    """Where the inbox is."""
    return file or path_of(Environment.read(env_file))


def _look(path: Path) -> list[Entry]:
    """What is in the inbox. Raises ``CommandError``."""
    try:
        return the_inbox.look(path)
    except the_inbox.InboxError as error:
        raise CommandError(str(error)) from None


def _show(found: list[Entry]) -> None:
    waiting = [each for each in found if not each.refused]
    refused = [each for each in found if each.refused]
    for each in found:
        tries = count(each.tries, "try", "tries")
        said = f"{tries}, the last one: {each.last_answer}" if each.last_answer else "not tried yet"
        click.echo(f"{each.received_at}  {each.handler:<10}  {each.id}  {'REFUSED, ' if each.refused else ''}{said}")
    if waiting:
        numbers = Counter(each.handler for each in waiting)
        by_handler = ", ".join(f"{number} {name}" for name, number in sorted(numbers.items()))
        click.echo(f"{count(len(waiting), 'call waits', 'calls wait')} since {waiting[0].received_at}: {by_handler}.")
    else:
        click.echo("No call waits.")
    if refused:
        click.echo(
            f"{count(len(refused), 'call was', 'calls were')} refused by Kestra: mend it, then start the door again; "
            "christmas inbox discard deletes what nobody can mend."
        )
