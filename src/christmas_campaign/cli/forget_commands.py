"""``christmas forget``: export and erase the data of a contact, except the hash that suppresses further e-mails."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

import click

from christmas_campaign.campaign import email_address
from christmas_campaign.cli import inbox_command, prompts
from christmas_campaign.cli.command_errors import report_errors
from christmas_campaign.cli.prompts import Unconfirmed, confirm, env_file_option, json_option, print_json, yes_option
from christmas_campaign.cli.read_settings import read_settings
from christmas_campaign.door.inbox.store import InboxError
from christmas_campaign.erasure.ownership import Person
from christmas_campaign.errors import CommandError
from christmas_campaign.events import opaque_ids
from christmas_campaign.json_types import Json, JsonObject, as_object
from christmas_campaign.notion.schema import Database
from christmas_campaign.operations import erase, repair_apply
from christmas_campaign.operations.erase_search import BOOKS, PLACES, ContactData, Systems, find_data
from christmas_campaign.stops import rules
from christmas_campaign.wording import count

_OUT_OF_REACH = (
    "Not erased: Notion's trash (which Notion empties after 30 days), Resend's log, messages in Discord, backups, Kestra's "
    "own queue (for a day), the website, Calendly, and copies that people have elsewhere. docs/operating.md says more."
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
    help="The new file for the export. Without it: contact-<id>-<time>.json in the current folder.",
)
@click.option(
    "--keep-contact", is_flag=True, help="Keep the contact's pages in BusinessX and Customer Projects, for the books."
)
@click.option(
    "--inbox",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file of the door's inbox. Without it: DOOR_INBOX of the settings, or .data/door/inbox.sqlite.",
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
    """Export and erase the data of a contact.

    Finds the data of the contact with this ADDRESS in Kestra, in the door's inbox and in Notion. The command first shows how
    much there is, and asks; without a terminal and without --yes it changes nothing.

    Then it writes all of it into a file, stops the contact for good, ends what waits for them, and erases everything except the
    hash of the address: with it, the contact gets no e-mail any more. If the command is interrupted, run it again.

    Any spelling of ADDRESS means the same contact. In Notion, the command also searches for the spelling that you typed.

    Exit code 0 if nothing is left or there was nothing to erase, 2 if something is left or could not be looked up, 3 if nobody
    was there to confirm.

    \b
    Examples:
      christmas forget ana@salon.example.com --env-file deploy/.env
      christmas forget ana@salon.example.com --keep-contact --yes
    """
    email = email_address.normalise(address)
    person = Person(email, opaque_ids.contact_id(email))
    keep: tuple[Database, ...] = BOOKS if keep_contact else ()
    files: list[Path] = []
    with report_errors():
        environment = read_settings(env_file)
        databases = {database: environment.database(database) for database in PLACES}
        inbox = inbox or inbox_command.path_of(environment)
        with environment.kestra() as kestra, environment.notion() as notion:
            notion.pace(repair_apply.PER_SECOND)
            sources = {database: notion.data_source(database_id) for database, database_id in databases.items()}
            systems = Systems(kestra, notion, sources, inbox, prompts.progress())
            try:
                contact_data = find_data(systems, person, address)
                if not as_json:
                    _show(contact_data, keep, inbox)
                try:
                    erased = bool(contact_data.to_erase(keep)) and confirm(
                        yes, as_json, "Export all of it, then erase it for good?"
                    )
                except Unconfirmed:
                    if as_json:
                        print_json(_as_json(contact_data, keep, files, erased=False))
                    raise
                if erased:
                    export_file = export or erase.default_file(person.contact, datetime.now(UTC))
                    for file in erase.forget_contact(systems, contact_data, address, keep, export_file):
                        click.echo(f"Written to {file}, which only you can read.", err=as_json)
                        files.append(file)
            except InboxError as error:
                raise CommandError(str(error)) from None
    if as_json:
        print_json(_as_json(contact_data, keep, files, erased=erased))
    elif erased:
        click.echo(
            f"Contact {person.contact} is forgotten: all data is erased, except the hash that suppresses e-mails."
        )
        click.echo(_OUT_OF_REACH)


def _show(contact_data: ContactData, keep: Collection[Database], inbox: Path) -> None:
    parts = []
    runs = contact_data.executions
    if runs:
        flows = ", ".join(f"{number} {flow}" for flow, number in erase.count_by_flow(runs.values()).items())
        live = f", {count(len(contact_data.live), 'has', 'have')} not ended" if contact_data.live else ""
        parts.append(f"{count(len(runs), 'execution', 'executions')} in Kestra ({flows}){live}")
    if contact_data.entries:
        parts.append(f"{count(len(contact_data.entries), 'entry', 'entries')} in Kestra's KV store")
    if contact_data.calls:
        parts.append(f"{count(len(contact_data.calls), 'call', 'calls')} in the door's inbox")
    for title, (ids, stays) in _pages_by_title(contact_data, keep).items():
        parts.append(f"{count(len(ids), 'page', 'pages')} in {title}{', to be kept' if stays else ''}")
    click.echo(f"Contact {contact_data.person.contact}: {'; '.join(parts) or 'there is no data'}.")
    stops = rules.read(contact_data.stop)
    if stops:
        reasons = ", ".join(dict.fromkeys(stop.reason for stop in stops))
        click.echo(f"The contact is stopped ({reasons}); the hash for that is kept.")
    if contact_data.calls is None:
        click.echo(
            f"The door's inbox was not searched: there is none at {inbox} (--inbox names another file).", err=True
        )
    if contact_data.mentioned_in:
        executions = count(len(contact_data.mentioned_in), "execution", "executions")
        click.echo(
            f"The address occurs in {executions} of other contacts. They are not erased: "
            f"{', '.join(contact_data.mentioned_in)}",
            err=True,
        )
    if parts and not contact_data.to_erase(keep):
        click.echo("There is nothing to erase.")


def _pages_by_title(contact_data: ContactData, keep: Collection[Database]) -> dict[str, tuple[list[str], bool]]:
    """Return the ids of the contact's pages by the title of their database, and whether these pages are kept."""
    return {
        database.title: (ids, database in keep)
        for database in PLACES
        if (ids := [page_id for page_id, (place, _) in contact_data.pages.items() if place == database])
    }


def _as_json(contact_data: ContactData, keep: Collection[Database], files: list[Path], *, erased: bool) -> JsonObject:
    pages = _pages_by_title(contact_data, keep)
    runs: list[Json] = [
        {"id": run_id, "flow": run["flowId"], "state": as_object(run["state"])["current"]}
        for run_id, run in contact_data.executions.items()
    ]
    calls: list[Json] | None = None if contact_data.calls is None else [call.id for call in contact_data.calls]
    return {
        "contact": contact_data.person.contact,
        "erased": erased,
        "files": [str(file) for file in files],
        "counts": {
            "runs": len(runs),
            "entries": len(contact_data.entries),
            "calls": len(calls or ()),
            "pages": {title: len(ids) for title, (ids, _) in pages.items()},
        },
        "runs": runs,
        "entries": list(contact_data.entries),
        "calls": calls,
        "pages": {title: [*ids] for title, (ids, _) in pages.items()},
        "kept": [title for title, (_, stays) in pages.items() if stays],
        "runs_of_others": list(contact_data.mentioned_in),
    }
