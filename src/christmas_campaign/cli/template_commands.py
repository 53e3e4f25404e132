"""``christmas templates``: check the templates, put them into Notion, preview an e-mail."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import click

from christmas_campaign import folders
from christmas_campaign.cli import template_report
from christmas_campaign.cli.command_errors import report_errors
from christmas_campaign.cli.prompts import Unconfirmed, env_file_option
from christmas_campaign.cli.read_settings import read_settings
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.errors import CommandError
from christmas_campaign.notion import schema
from christmas_campaign.operations import template_preview, template_sync
from christmas_campaign.sequences.registry import SEQUENCES
from christmas_campaign.templates import template_check
from christmas_campaign.templates.template_check import Page

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

_local = click.option(
    "--local",
    is_flag=False,
    flag_value="",
    metavar="[FOLDER]",
    help="Read the templates from FOLDER instead of Notion; without FOLDER, the campaign's own. "
    "Write this option last, or as --local=FOLDER.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def templates() -> None:
    """Check templates, put them into Notion, preview e-mails."""


def _echo_lines(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _pages(environment: Environment, local: str | None) -> list[Page]:
    """Return the templates of Notion if ``local`` is ``None``, else of that folder; an empty text means the campaign's own."""
    if local is not None:
        return template_sync.in_folder(Path(local) if local else folders.content())
    with environment.notion() as notion:
        source = notion.data_source(environment.database(schema.TEMPLATES))
        return [template.values for template in template_sync.in_notion(notion, source)]


@templates.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@env_file_option
@_local
@_json
@click.option("--faults-only", is_flag=True, help="Do not show where the values come from.")
def check(names: tuple[str, ...], env_file: Path | None, local: str | None, as_json: bool, faults_only: bool) -> None:
    """Check templates, and show where their values come from.

    For each template, the command shows its placeholders, the source of each value, and its faults. It checks all templates, or
    only those with a NAME that you pass.

    Exit code 0 if there is no fault, 1 if there is one, 2 if the templates could not be read.

    \b
    Examples:
      christmas templates check --env-file deploy/.env
      christmas templates check "5-Day E2" --faults-only
      christmas templates check --local
    """
    with report_errors():
        environment = read_settings(env_file)
        pages = _pages(environment, local)
        existing = {*template_check.uses(), *(template_check.name_of(page) for page in pages)}
        for name in names:
            if name not in existing:
                raise CommandError(f'there is no template "{name}"; there are: {", ".join(sorted(existing))}')
        report = template_check.check(pages, template_sync.settings_of(environment))
        if names:
            report = report.only(names)
    if as_json:
        click.echo(json.dumps(template_report.as_json(report), ensure_ascii=False, indent=2))
    else:
        if not faults_only:
            _echo_lines(template_report.sources(report))
            click.echo()
        _echo_lines(template_report.faults(report.faults))
        _echo_lines(template_report.end(report))
    sys.exit(1 if report.faults else 0)


@templates.command()
@click.argument("folder", type=_FOLDER, required=False)
@env_file_option
@click.option("--only", multiple=True, metavar="NAME", help="Only the template with this name. May be repeated.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
def push(folder: Path | None, env_file: Path | None, only: tuple[str, ...], yes: bool) -> None:
    """Put templates into Notion.

    Takes the templates of FOLDER; without it, the campaign's own. Existing pages are updated and missing ones are created.
    Other pages stay, and nothing is deleted. The command first shows the changes, and asks; without a terminal and without
    --yes it changes nothing.

    Exit code 0 if Notion has the templates now; 1 if a template has a fault that `templates check` reports (nothing is written
    then), or the answer was no; 2 if Notion could not be read or changed; 3 if nobody was there to confirm.

    \b
    Examples:
      christmas templates push --env-file deploy/.env
      christmas templates push content --only "5-Day E2" --yes
    """
    with report_errors():
        environment = read_settings(env_file)
        folder = folder or folders.content()
        templates_here = template_sync.choose(template_sync.in_folder(folder), only, folder)
        faults = template_sync.faults(templates_here, template_sync.settings_of(environment))
        if faults:
            _echo_lines(template_report.faults(faults))
            click.echo("Nothing was written.")
            sys.exit(1)
        with environment.notion() as notion:
            source = notion.data_source(environment.database(schema.TEMPLATES))
            changes = template_sync.changes(templates_here, template_sync.in_notion(notion, source))
            if not changes:
                number = len(templates_here)
                click.echo(f"Nothing differs: {number} of {number} templates in Notion are the same as here.")
                return
            for change in changes:
                _echo_lines(change.diff())
            new = sum(1 for change in changes if change.page_id is None)
            summary = f"{new} new, {len(changes) - new} changed"
            if not yes and not sys.stdin.isatty():
                click.echo(f"{summary}. Nothing was written: run it again with --yes to put it into Notion.")
                raise Unconfirmed
            if not yes and not click.confirm(f"{summary}. Put it into Notion?"):
                click.echo("Nothing was written.")
                sys.exit(1)
            has_written = False
            try:
                for change in changes:
                    template_sync.put(notion, source, change)
                    has_written = True
                    click.echo(f"{'changed' if change.page_id else 'created'}: {change.name}")
            finally:
                # Also if Notion refuses a later template: the flows must read the earlier ones again.
                if has_written:
                    click.echo(template_sync.make_effective(environment))


@templates.command()
@env_file_option
def refresh(env_file: Path | None) -> None:
    """Make the flows read the templates from Notion again.

    The flows cache templates for five minutes. After this command, a change in Notion counts from the next e-mail on.

    Exit code 0 if the cache is dropped, 2 if Kestra could not be reached.

    \b
    Example:
      christmas templates refresh --env-file deploy/.env
    """
    with report_errors(), read_settings(env_file).kestra() as kestra:
        moment = template_sync.refresh(kestra)
        click.echo(f"Templates that were read before {moment} are read again.")


@templates.command()
@click.argument("name")
@env_file_option
@_local
@click.option(
    "--sequence",
    "sequence_name",
    type=click.Choice([sequence.name for sequence in SEQUENCES]),
    required=True,
    help="The sequence of the e-mail.",
)
@click.option("--payload", type=_FILE, help="The body that the webhook would get. [default: examples/SEQUENCE.json]")
@click.option("--number", type=int, help="The number of the e-mail. [default: the one that uses the template]")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the HTML body to this file.")
@_json
def preview(
    name: str,
    env_file: Path | None,
    local: str | None,
    sequence_name: str,
    payload: Path | None,
    number: int | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Print the e-mail that a contact would get.

    Composes the e-mail from the template NAME for the contact of a payload, in the same way as the flows do. It also shows the
    source of each value. Without --local, values of the contact's pages in Notion are used too.

    Exit code 0 if the e-mail could be sent, 1 if not, 2 if there is nothing to show.

    \b
    Example:
      christmas templates preview "5-Day E2" --sequence signup --local
    """
    with report_errors():
        environment = read_settings(env_file)
        settings = template_sync.settings_of(environment)
        event = template_preview.event_of(
            payload or folders.examples() / f"{sequence_name}.json", sequence_name, datetime.now(UTC)
        )
        pages = _pages(environment, local)
        notion_values = template_preview.ContactValues({}, {})
        if local is None:
            with environment.notion() as notion:
                notion_values = template_preview.contact_values(notion, environment, event)
        previewed = template_preview.preview(
            name, event, pages, number=number, contact=notion_values, settings=settings
        )
        if html is not None and previewed.letter is not None:
            try:
                html.write_text(previewed.letter.html, encoding="utf-8")
            except OSError as error:
                raise CommandError(f"{html}: {error.strerror}") from None
    if as_json:
        click.echo(json.dumps(previewed.as_json(), ensure_ascii=False, indent=2))
    else:
        _echo_lines(template_report.previewed(previewed))
    if not previewed.active:
        click.echo(f'The template "{name}" is not active: no e-mail is sent from it.', err=True)
    if previewed.problem is not None:
        click.echo(previewed.problem, err=True)
        sys.exit(1)
