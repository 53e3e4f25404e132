"""``christmas notion``: checking the databases, setting them up, looking a contact up, noting what was sent."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from christmas_campaign.campaign import email_address
from christmas_campaign.cli import prompts
from christmas_campaign.cli.errors_shown import plainly
from christmas_campaign.cli.prompts import agreed, env_file_option, json_option, print_json, yes_option
from christmas_campaign.clients.notion import Notion
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.errors import CommandError
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion.schema import DATABASES
from christmas_campaign.operations import notion_release, notion_tracking
from christmas_campaign.operations import notion_setup as the_setup
from christmas_campaign.operations.notion_check import Fault, examine
from christmas_campaign.wording import count


@click.group()
def notion() -> None:
    """Look after the databases in Notion: check them, set them up, look contacts up."""


@contextmanager
def _opened(env_file: Path | None) -> Iterator[tuple[Environment, Notion]]:
    environment = Environment.read(env_file)
    with environment.notion() as client:
        yield environment, client


@notion.command()
@env_file_option
@json_option
def check(env_file: Path | None, as_json: bool) -> None:
    """Compare the databases in Notion with what the campaign needs; each fault is named with its mend.

    Exit code 0 if all is well, 1 if something is wrong, 2 if it could not be checked.
    """
    with plainly(), _opened(env_file) as (environment, client):
        faults = [fault for each in examine(environment, client) for fault in each.faults]
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
    "--parent", metavar="PAGE_ID", help="The page, shared with the integration, below which databases are made."
)
@json_option
def setup(env_file: Path | None, yes: bool, parent: str | None, as_json: bool) -> None:
    """Add the databases, properties and options that are missing. Deletes, renames and replaces nothing.

    It says first what it would do, and asks; without a terminal and without --yes it changes nothing.

    Exit code 0 if all is well or can be added, 1 if something is left that a person must mend, 2 if it could not be done.
    """
    with plainly(), _opened(env_file) as (environment, client):
        page = None if parent is None else the_setup.page_id(parent)
        found = examine(environment, client)
        faults = [fault for each in found for fault in each.faults]
        left = [fault for fault in faults if not fault.step]
        steps = [fault for fault in faults if fault.step]
        if not as_json:
            _show_setup(steps, left)
        needs_page = page is None and bool(the_setup.to_make(found))
        if needs_page and (yes or (prompts.terminal() and not as_json)):
            the_setup.refuse_without_page(found)
        done: list[the_setup.Done] = []
        how = "--yes and --parent PAGE_ID" if needs_page else "--yes"
        try:
            if steps and agreed(yes, as_json, "Do this?", how):
                for each in the_setup.apply(client, found, page):
                    done.append(each)
                    if not as_json:
                        _show_done(each, environment)
        finally:
            # Also when Notion refuses half-way: the id of a database that was made stands nowhere else.
            if as_json:
                print_json(
                    {
                        "steps": [_step_json(each.database, each.name, each.step) for each in steps],
                        "done": [
                            _step_json(
                                each.database.title, each.name, each.step, id=each.made, setting=each.line(environment)
                            )
                            for each in done
                        ],
                        "left": [fault.as_json() for fault in left],
                    }
                )
    sys.exit(1 if left else 0)


def _step_json(database: str, name: str | None, step: str | None, **more: str | None) -> dict[str, str | None]:
    return {"database": database, "property": name, "step": step, **more}


def _show_setup(steps: Sequence[Fault], left: Sequence[Fault]) -> None:
    if steps:
        click.echo("To do:")
        for fault in steps:
            click.echo(f"  {fault.database}: {fault.step}")
    if left:
        click.echo("To be mended by hand:")
        for fault in left:
            click.echo(f"  {fault}")
    if not steps:
        click.echo("Nothing else is to be done." if left else "Nothing is to be done.")


def _show_done(done: the_setup.Done, environment: Environment) -> None:
    click.echo(f"Done: {done.database.title}: {done.step}")
    line = done.line(environment)
    if line is not None:
        click.echo(f"  its id is {done.made}; put it into the settings:\n  {line}")


@notion.command()
@click.argument("address")
@env_file_option
@json_option
def contact(address: str, env_file: Path | None, as_json: bool) -> None:
    """Show what Notion knows of ADDRESS: the contact in BusinessX and the pages in Email Sequence.

    Exit code 0 if there is anything, 1 if there is nothing, 2 if it could not be looked up.
    """
    with plainly(), _opened(env_file) as (environment, client):
        email = _normalised(address)
        pages = list(notion_tracking.contact(environment, client, email))
    if as_json:
        print_json([page._asdict() for page in pages])
    else:
        for page in pages:
            click.echo(f"{page.database}, made {page.created}, {page.url}")
            width = max((len(name) for name in page.values), default=0)
            for name, value in page.values.items():
                click.echo(f"  {name:<{width}}  {'yes' if value is True else value}")
        if not pages:
            click.echo(f"There is nothing about {email} in Notion.")
    sys.exit(0 if pages else 1)


@notion.command()
@click.argument("address")
@env_file_option
@yes_option
@json_option
def release(address: str, env_file: Path | None, yes: bool, as_json: bool) -> None:
    """Release the no-show, post-call and onboarding pages that the old system left for ADDRESS in Email Sequence.

    Until then their events count as duplicates. Once a page is released, post the same event again: the contact is enrolled on
    that page. A page stays as it is if this system has enrolled the contact on it, or if it says that an e-mail was sent. The
    command shows the pages first, and asks; without a terminal and without --yes it changes nothing.

    Exit code 0 if a page was released or can be, 1 if there is none, 2 if it could not be done.
    """
    released: list[notion_release.Found] = []
    with plainly(), _opened(env_file) as (environment, client), environment.kestra() as kestra:
        email = _normalised(address)
        found = list(notion_release.look(environment, client, kestra, email))
        to_release = [each for each in found if each.refusal is None]
        if not as_json:
            _show_release(found, email)
        try:
            if to_release and agreed(yes, as_json, "Release?", "--yes"):
                for each in to_release:
                    notion_release.release(client, each)
                    released.append(each)
        finally:
            if as_json:
                print_json({"pages": [each._asdict() for each in found], "released": [each.page for each in released]})
            elif released:
                click.echo(f"Released: {count(len(released), 'page', 'pages')}. Post the same event again.")
    sys.exit(0 if to_release else 1)


def _show_release(found: Sequence[notion_release.Found], email: str) -> None:
    for each in found:
        what = "To release" if each.refusal is None else f"Not to release, for {each.refusal}"
        click.echo(f"{what}:\n  {each.sequence}, {each.event}, {each.url}")
    if not found:
        names = ", ".join(each.name for each in notion_release.RELEASED)
        click.echo(f"There is no page of these sequences for {email} in Email Sequence: {names}.")


def _normalised(address: str) -> str:
    try:
        return email_address.normalise(address)
    except ValueError as problem:
        raise CommandError(f"{address!r} {problem}") from None


@notion.command()
@env_file_option
@yes_option
@json_option
def track(env_file: Path | None, yes: bool, as_json: bool) -> None:
    """Note on the contacts' pages in BusinessX which e-mails of the signup sequence they were sent, and when.

    Email Sequence says what was sent. What a contact's page says already stays; it is shown first what would be written.

    Exit code 0 if all is well, 1 if a page could not be written, 2 if it could not be done.
    """
    failed: list[tuple[notion_tracking.Note, str]] = []
    written: list[notion_tracking.Note] = []
    with plainly(), _opened(env_file) as (environment, client):
        client.pace(notion_tracking.PER_SECOND)
        progress = prompts.progress()
        plan = notion_tracking.plan(environment, client, progress)
        progress("")
        if not as_json:
            _show_tracking(plan)
        try:
            if plan.notes and agreed(yes, as_json, "Write this?", "--yes"):
                for note, problem in notion_tracking.write(client, plan.notes):
                    if problem is None:
                        written.append(note)
                    else:
                        failed.append((note, problem))
                    progress(f"{len(written) + len(failed)} of {len(plan.notes)} contacts")
        finally:
            progress("")
            _show_written(plan, written, failed, as_json)
    sys.exit(1 if failed else 0)


def _show_tracking(plan: notion_tracking.Tracking) -> None:
    if plan.notes:
        click.echo(f"To write, on the pages of {count(len(plan.notes), 'contact', 'contacts')}:")
        for note in plan.notes:
            click.echo(f"  {note.email}: {', '.join(f'E{number}' for number in note.emails)}")
    else:
        click.echo("Nothing is to be written.")
    click.echo(f"{count(plan.up_to_date, 'contact is', 'contacts are')} up to date.")
    if plan.without_contact:
        addresses_are = count(len(plan.without_contact), "address is", "addresses are")
        click.echo(f"{addresses_are} not in BusinessX: {', '.join(plan.without_contact)}")
    if plan.without_address:
        click.echo(f"{count(plan.without_address, 'signup page has', 'signup pages have')} no address.")


def _show_written(
    plan: notion_tracking.Tracking,
    written: Sequence[notion_tracking.Note],
    failed: Sequence[tuple[notion_tracking.Note, str]],
    as_json: bool,
) -> None:
    if as_json:
        print_json(
            {
                "to_write": [_note_json(note) for note in plan.notes],
                "written": [note.email for note in written],
                "failed": [{"email": note.email, "problem": problem} for note, problem in failed],
                "up_to_date": plan.up_to_date,
                "without_contact": plan.without_contact,
                "without_address": plan.without_address,
            }
        )
        return
    if written:
        click.echo(f"Written: {count(len(written), 'contact', 'contacts')}.")
    for note, problem in failed:
        click.echo(f"Not written: {note.email}: {problem}")


def _note_json(note: notion_tracking.Note) -> JsonObject:
    return {"email": note.email, "page": note.page, "emails": [*note.emails]}
