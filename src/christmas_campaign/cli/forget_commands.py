"""``christmas forget``: what is kept of a contact into a file, then away with it, all but the hash that suppresses."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

import click

from christmas_campaign.campaign import email_address
from christmas_campaign.cli import inbox_command, prompts
from christmas_campaign.cli.errors_shown import plainly
from christmas_campaign.cli.prompts import agreed, env_file_option, json_option, print_json, yes_option
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.door.inbox.store import InboxError
from christmas_campaign.erasure.ownership import Person
from christmas_campaign.errors import CommandError
from christmas_campaign.events import opaque_ids
from christmas_campaign.json_types import Json, JsonObject, as_object
from christmas_campaign.notion.schema import Database
from christmas_campaign.operations import erase, repair_apply
from christmas_campaign.operations.erase_search import BOOKS, PLACES, Found, Systems, look
from christmas_campaign.stops import rules
from christmas_campaign.wording import count

_OUT_OF_REACH = (
    "Out of its reach: Notion's trash (it empties itself after 30 days), Resend's log, messages in Discord, backups, Kestra's "
    "own queue (a day), the website, Calendly, and what people keep elsewhere. docs/operating.md says more."
)


def _address(_: click.Context, __: click.Parameter, value: str) -> str:
    try:
        email_address.normalise(value)
    except ValueError as error:
        raise click.BadParameter(f"this {error}") from None
    return value


@click.command()
@click.argument("address", metavar="ADDRESS", callback=_address)
@env_file_option
@click.option(
    "--export",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where what is kept is written before it is erased: a new file. Without it: contact-<id>-<time>.json, here.",
)
@click.option("--keep-contact", is_flag=True, help="Leave her pages in BusinessX and Customer Projects, for the books.")
@click.option(
    "--inbox",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The door's inbox. Without it: DOOR_INBOX of the settings, or .data/door/inbox.sqlite.",
)
@yes_option
@json_option
def forget(
    address: str,
    env_file: Path | None,
    export: Path | None,
    keep_contact: bool,
    inbox: Path | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Export and erase what is kept of the contact with this ADDRESS: in Kestra, behind the door, in Notion.

    It says first how much there is, and asks; without a terminal and without --yes it only looks. Then it writes all of it into
    a file, stops her for good, ends what waits for her, and erases everything but the hash of her address, by which she gets no
    e-mail any more. Broken off, it is run again. ADDRESS in another spelling is the same contact; Notion is searched for
    the spelling that is given, too.

    Exit code 0 when nothing is left, or nothing was to be done; 2 if something is left or it could not be found out.
    """
    email = email_address.normalise(address)
    person = Person(email, opaque_ids.contact_id(email))
    keep: tuple[Database, ...] = BOOKS if keep_contact else ()
    files: list[Path] = []
    with plainly():
        environment = Environment.read(env_file)
        databases = {each: environment.database(each) for each in PLACES}
        inbox = inbox or inbox_command.path_of(environment)
        with environment.kestra() as kestra, environment.notion() as notion:
            notion.pace(repair_apply.PER_SECOND)
            sources = {each: notion.data_source(found_at) for each, found_at in databases.items()}
            systems = Systems(kestra, notion, sources, inbox, prompts.progress())
            try:
                found = look(systems, person, address)
                something = bool(found.to_erase(keep))
                if not as_json:
                    _show(found, keep, inbox)
                erased = something and agreed(yes, as_json, "Export all of it, then erase it for good?", "--yes")
                if erased:
                    file = export or erase.default_file(person.contact, datetime.now(UTC))
                    for each in erase.forget_her(systems, found, address, keep, file):
                        click.echo(f"Written to {each}, which only you can read.", err=as_json)
                        files.append(each)
            except InboxError as error:
                raise CommandError(str(error)) from None
    if as_json:
        print_json(_as_json(found, keep, files, erased=erased))
    elif erased:
        click.echo(f"Contact {person.contact} is forgotten: all of it is erased but the hash that suppresses.")
        click.echo(_OUT_OF_REACH)


def _show(found: Found, keep: Collection[Database], inbox: Path) -> None:
    lines = []
    if found.runs:
        flows = ", ".join(f"{number} {flow}" for flow, number in erase.by_flow(found.runs.values()).items())
        lives = f", {count(len(found.live), 'has', 'have')} not ended" if found.live else ""
        lines.append(f"{count(len(found.runs), 'run', 'runs')} in Kestra ({flows}){lives}")
    if found.entries:
        lines.append(f"{count(len(found.entries), 'entry', 'entries')} in Kestra's KV store")
    if found.calls:
        lines.append(f"{count(len(found.calls), 'call', 'calls')} behind the door")
    for title, (ids, stays) in _by_title(found, keep).items():
        lines.append(f"{count(len(ids), 'page', 'pages')} in {title}{', to be kept' if stays else ''}")
    click.echo(f"Contact {found.person.contact}: {'; '.join(lines) or 'nothing is kept'}.")
    stopped = rules.read(found.stop)
    if stopped:
        click.echo(f"She is stopped ({', '.join(dict.fromkeys(each.reason for each in stopped))}); that hash is kept.")
    if found.calls is None:
        click.echo(
            f"There is no inbox of a door at {inbox}: it was not looked at (--inbox says where it is).", err=True
        )
    if found.naming:
        click.echo(
            f"Her address stands in {count(len(found.naming), 'run', 'runs')} of other contacts, which are theirs and stay: "
            f"{', '.join(found.naming)}",
            err=True,
        )
    if lines and not found.to_erase(keep):
        click.echo("Nothing is to be erased.")


def _by_title(found: Found, keep: Collection[Database]) -> dict[str, tuple[list[str], bool]]:
    """The ids of her pages by the title of their database, and whether they are to be kept."""
    return {
        database.title: (ids, database in keep)
        for database in PLACES
        if (ids := [each for each, (at, _) in found.pages.items() if at == database])
    }


def _as_json(found: Found, keep: Collection[Database], files: list[Path], *, erased: bool) -> JsonObject:
    pages = _by_title(found, keep)
    runs: list[Json] = [
        {"id": each, "flow": run["flowId"], "state": as_object(run["state"])["current"]}
        for each, run in found.runs.items()
    ]
    calls: list[Json] | None = None if found.calls is None else [each.id for each in found.calls]
    return {
        "contact": found.person.contact,
        "erased": erased,
        "files": [str(each) for each in files],
        "counts": {
            "runs": len(runs),
            "entries": len(found.entries),
            "calls": len(calls or ()),
            "pages": {title: len(ids) for title, (ids, _) in pages.items()},
        },
        "runs": runs,
        "entries": list(found.entries),
        "calls": calls,
        "pages": {title: [*ids] for title, (ids, _) in pages.items()},
        "kept": [title for title, (_, stays) in pages.items() if stays],
        "runs_of_others": list(found.naming),
    }
