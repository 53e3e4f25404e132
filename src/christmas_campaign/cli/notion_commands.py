"""``christmas notion``: check the databases, set them up, look a contact up, record which e-mails were sent."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from christmas_campaign.campaign import email_address
from christmas_campaign.cli import prompts
from christmas_campaign.cli.command_errors import report_errors
from christmas_campaign.cli.prompts import confirm, env_file_option, json_option, print_json, yes_option
from christmas_campaign.cli.read_settings import read_settings
from christmas_campaign.clients.notion import Notion
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.errors import CommandError
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion.schema import DATABASES
from christmas_campaign.operations import notion_release, notion_tracking
from christmas_campaign.operations import notion_setup as operation
from christmas_campaign.operations.notion_check import Fault, examine
from christmas_campaign.wording import count


@click.group()
def notion() -> None:
    """Check and set up the databases, look up contacts."""


@contextmanager
def _settings_and_client(env_file: Path | None) -> Iterator[tuple[Environment, Notion]]:
    environment = read_settings(env_file)
    with environment.notion() as client:
        yield environment, client


@notion.command()
@env_file_option
@json_option
def check(env_file: Path | None, as_json: bool) -> None:
    """Check that the databases have what the campaign needs.

    Each fault comes with its correction.

    Exit code 0 if all is well, 1 if there is a fault, 2 if the databases could not be checked.

    \b
    Example:
      christmas notion check --env-file deploy/.env
    """
    with report_errors(), _settings_and_client(env_file) as (environment, client):
        faults = [fault for database in examine(environment, client) for fault in database.faults]
    if as_json:
        print_json([fault.as_json() for fault in faults])
    else:
        for fault in faults:
            click.echo(str(fault))
        if not faults:
            click.echo(f"All {len(DATABASES)} databases have what the campaign needs.")
    sys.exit(1 if faults else 0)


@notion.command()
@env_file_option
@yes_option
@click.option(
    "--parent",
    metavar="PAGE_ID",
    help="The page below which databases are created. It must be shared with the integration.",
)
@json_option
def setup(env_file: Path | None, yes: bool, parent: str | None, as_json: bool) -> None:
    """Add missing databases, properties and options.

    It deletes, renames and replaces nothing. The command first shows what it will do, and asks; without a terminal and without
    --yes it changes nothing.

    Exit code 0 if nothing is missing now, 1 if a person must correct something, 2 if Notion could not be read or changed, 3 if
    nobody was there to confirm.

    \b
    Examples:
      christmas notion setup --env-file deploy/.env
      christmas notion setup --parent 0a1b2c3d4e5f60718293a4b5c6d7e8f9 --yes
    """
    with report_errors(), _settings_and_client(env_file) as (environment, client):
        page = None if parent is None else operation.page_id(parent)
        databases = examine(environment, client)
        faults = [fault for database in databases for fault in database.faults]
        by_hand = [fault for fault in faults if not fault.step]
        steps = [fault for fault in faults if fault.step]
        if not as_json:
            _show_setup(steps, by_hand)
        needs_page = page is None and bool(operation.to_make(databases))
        if needs_page and (yes or (prompts.terminal() and not as_json)):
            operation.refuse_without_page(databases)
        done: list[operation.Done] = []
        options = "--yes and --parent PAGE_ID" if needs_page else "--yes"
        try:
            if steps and confirm(yes, as_json, "Do this?", options):
                for step in operation.apply(client, databases, page):
                    done.append(step)
                    if not as_json:
                        _show_done(step, environment)
        finally:
            # Printed even if Notion refuses a later step: the id of a new database is shown nowhere else.
            if as_json:
                print_json(
                    {
                        "steps": [_step_json(fault.database, fault.name, fault.step) for fault in steps],
                        "done": [
                            _step_json(
                                step.database.title, step.name, step.step, id=step.made, setting=step.line(environment)
                            )
                            for step in done
                        ],
                        "left": [fault.as_json() for fault in by_hand],
                    }
                )
    sys.exit(1 if by_hand else 0)


def _step_json(database: str, name: str | None, step: str | None, **more: str | None) -> dict[str, str | None]:
    return {"database": database, "property": name, "step": step, **more}


def _show_setup(steps: Sequence[Fault], by_hand: Sequence[Fault]) -> None:
    if steps:
        click.echo("To do:")
        for fault in steps:
            click.echo(f"  {fault.database}: {fault.step}")
    if by_hand:
        click.echo("To correct by hand:")
        for fault in by_hand:
            click.echo(f"  {fault}")
    if not steps:
        click.echo("There is nothing else to do." if by_hand else "There is nothing to do.")


def _show_done(done: operation.Done, environment: Environment) -> None:
    click.echo(f"Done: {done.database.title}: {done.step}")
    line = done.line(environment)
    if line is not None:
        click.echo(f"  its id is {done.made}; put it into the settings:\n  {line}")


@notion.command()
@click.argument("address")
@env_file_option
@json_option
def contact(address: str, env_file: Path | None, as_json: bool) -> None:
    """Show the pages of a contact.

    They are the page with this ADDRESS in BusinessX and the contact's pages in Email Sequence.

    Exit code 0 if there is a page, 1 if there is none, 2 if Notion could not be read.

    \b
    Example:
      christmas notion contact ana@salon.example.com --env-file deploy/.env
    """
    with report_errors(), _settings_and_client(env_file) as (environment, client):
        email = _normalised(address)
        pages = list(notion_tracking.contact(environment, client, email))
    if as_json:
        print_json([page._asdict() for page in pages])
    else:
        for page in pages:
            click.echo(f"{page.database}, created {page.created}, {page.url}")
            width = max((len(name) for name in page.values), default=0)
            for name, value in page.values.items():
                click.echo(f"  {name:<{width}}  {'yes' if value is True else value}")
        if not pages:
            click.echo(f"There is no page of {email} in Notion.")
    sys.exit(0 if pages else 1)


@notion.command()
@click.argument("address")
@env_file_option
@yes_option
@json_option
def release(address: str, env_file: Path | None, yes: bool, as_json: bool) -> None:
    """Release pages that the old system made for a contact.

    These are no-show, post-call and onboarding pages for ADDRESS in Email Sequence. Until a page is released, its event counts
    as a duplicate. Afterwards, post the same event again: the contact is then enrolled on that page.

    A page stays as it is if this system has enrolled the contact on it, or if it records a sent e-mail. The command first shows
    the pages, and asks; without a terminal and without --yes it changes nothing.

    Exit code 0 if a page was released, 1 if there is none, 2 if Notion or Kestra could not be read or changed, 3 if nobody was
    there to confirm.

    \b
    Example:
      christmas notion release ana@salon.example.com --env-file deploy/.env
    """
    released: list[notion_release.OldPage] = []
    with report_errors(), _settings_and_client(env_file) as (environment, client), environment.kestra() as kestra:
        email = _normalised(address)
        pages = list(notion_release.find_pages(environment, client, kestra, email))
        to_release = [page for page in pages if page.refusal is None]
        if not as_json:
            _show_release(pages, email)
        try:
            if to_release and confirm(yes, as_json, "Release?"):
                for page in to_release:
                    notion_release.release(client, page)
                    released.append(page)
        finally:
            if as_json:
                print_json({"pages": [page._asdict() for page in pages], "released": [page.page for page in released]})
            elif released:
                click.echo(f"Released: {count(len(released), 'page', 'pages')}. Post the same event again.")
    sys.exit(0 if to_release else 1)


def _show_release(pages: Sequence[notion_release.OldPage], email: str) -> None:
    for page in pages:
        plan = "To release" if page.refusal is None else f"Not to release, for {page.refusal}"
        click.echo(f"{plan}:\n  {page.sequence}, {page.event}, {page.url}")
    if not pages:
        names = ", ".join(sequence.name for sequence in notion_release.RELEASED)
        click.echo(f"There is no page of these sequences for {email} in Email Sequence: {names}.")


def _normalised(address: str) -> str:
    try:
        return email_address.normalise(address)
    except ValueError as error:
        raise CommandError(f"{address!r} {error}") from None


@notion.command()
@env_file_option
@yes_option
@json_option
def track(env_file: Path | None, yes: bool, as_json: bool) -> None:
    """Record sent signup e-mails on the contacts' pages.

    Copies from Email Sequence to BusinessX which e-mails of the signup sequence a contact was sent, and when. Values that a
    page already has stay. The command first shows what it will write, and asks; without a terminal and without --yes it changes
    nothing.

    Exit code 0 if all is well, 1 if a page could not be written, 2 if Notion could not be read, 3 if nobody was there to
    confirm.

    \b
    Example:
      christmas notion track --env-file deploy/.env
    """
    failed: list[tuple[notion_tracking.Note, str]] = []
    updated: list[notion_tracking.Note] = []
    with report_errors(), _settings_and_client(env_file) as (environment, client):
        client.pace(notion_tracking.PER_SECOND)
        progress = prompts.progress()
        plan = notion_tracking.plan(environment, client, progress)
        progress("")
        if not as_json:
            _show_tracking(plan)
        try:
            if plan.notes and confirm(yes, as_json, "Write this?"):
                for note, problem in notion_tracking.write(client, plan.notes):
                    if problem is None:
                        updated.append(note)
                    else:
                        failed.append((note, problem))
                    progress(f"{len(updated) + len(failed)} of {len(plan.notes)} contacts")
        finally:
            progress("")
            _show_result(plan, updated, failed, as_json)
    sys.exit(1 if failed else 0)


def _show_tracking(plan: notion_tracking.Tracking) -> None:
    if plan.notes:
        click.echo(f"To write, on the pages of {count(len(plan.notes), 'contact', 'contacts')}:")
        for note in plan.notes:
            click.echo(f"  {note.email}: {', '.join(f'E{number}' for number in note.emails)}")
    else:
        click.echo("There is nothing to write.")
    click.echo(f"{count(plan.up_to_date, 'contact is', 'contacts are')} up to date.")
    if plan.without_contact:
        addresses_are = count(len(plan.without_contact), "address is", "addresses are")
        click.echo(f"{addresses_are} not in BusinessX: {', '.join(plan.without_contact)}")
    if plan.without_address:
        click.echo(f"{count(plan.without_address, 'signup page has', 'signup pages have')} no address.")


def _show_result(
    plan: notion_tracking.Tracking,
    updated: Sequence[notion_tracking.Note],
    failed: Sequence[tuple[notion_tracking.Note, str]],
    as_json: bool,
) -> None:
    if as_json:
        print_json(
            {
                "to_write": [_note_json(note) for note in plan.notes],
                "written": [note.email for note in updated],
                "failed": [{"email": note.email, "problem": problem} for note, problem in failed],
                "up_to_date": plan.up_to_date,
                "without_contact": plan.without_contact,
                "without_address": plan.without_address,
            }
        )
        return
    if updated:
        click.echo(f"Written: {count(len(updated), 'contact', 'contacts')}.")
    for note, problem in failed:
        click.echo(f"Not written: {note.email}: {problem}")


def _note_json(note: notion_tracking.Note) -> JsonObject:
    return {"email": note.email, "page": note.page, "emails": [*note.emails]}
