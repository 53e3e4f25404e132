"""``christmas inbox``: what the door has answered and not yet handed to Kestra."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import click

from christmas_campaign.cli.asking import count, env_file_option, json_option, print_json
from christmas_campaign.cli.environment import Environment
from christmas_campaign.cli.errors import CommandError
from christmas_campaign.cli.plainly import plainly
from christmas_campaign.door import inbox as the_inbox
from christmas_campaign.door.inbox import Entry


@click.command()
@click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The door's inbox. Without it: DOOR_INBOX of the settings, or .data/door/inbox.sqlite.",
)
@env_file_option
@json_option
def inbox(file: Path | None, env_file: Path | None, as_json: bool) -> None:
    """List the calls that the door has answered and not yet handed to Kestra; never what they said.

    A call waits while Kestra is away, and is tried again by itself. One that Kestra refuses is put aside: its intake and
    the door's are not of the same version. When that is mended, start the door again: it tries those once more.

    Exit code 0 if all waits as it should, 1 if Kestra has refused a call, 2 if it could not be found out.
    """
    with plainly():
        path = file or Path(Environment.read(env_file).values.get("DOOR_INBOX", "").strip() or the_inbox.DEFAULT)
        try:
            found = the_inbox.look(path)
        except the_inbox.InboxError as error:
            raise CommandError(str(error)) from None
    if as_json:
        print_json([each._asdict() for each in found])
    else:
        _show(found)
    sys.exit(1 if any(each.refused for each in found) else 0)


def _show(found: list[Entry]) -> None:
    waiting = [each for each in found if not each.refused]
    refused = [each for each in found if each.refused]
    for each in found:
        tries = count(each.tries, "try", "tries")
        said = f"{tries}, the last one: {each.last_answer}" if each.last_answer else "not tried yet"
        click.echo(f"{each.received_at}  {each.sequence:<10}  {each.id}  {'REFUSED, ' if each.refused else ''}{said}")
    if waiting:
        numbers = Counter(each.sequence for each in waiting)
        by_sequence = ", ".join(f"{number} {name}" for name, number in sorted(numbers.items()))
        click.echo(f"{count(len(waiting), 'call waits', 'calls wait')} since {waiting[0].received_at}: {by_sequence}.")
    else:
        click.echo("No call waits.")
    if refused:
        click.echo(
            f"{count(len(refused), 'call was', 'calls were')} refused by Kestra: mend it, then start the door again."
        )
