"""`christmas templates`: look at the templates, put them into Notion, see an e-mail before anybody gets it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import click

from christmas_campaign import folders
from christmas_campaign.cli import template_report
from christmas_campaign.cli.errors_shown import plainly
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.errors import CommandError
from christmas_campaign.notion import schema
from christmas_campaign.operations import template_preview, template_sync
from christmas_campaign.sequences.registry import SEQUENCES
from christmas_campaign.templates import template_check
from christmas_campaign.templates.template_check import Page

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

_env_file = click.option(
    "--env-file",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="CHRISTMAS_ENV_FILE",
    show_envvar=True,
    help="File with the settings, as lines NAME=value. Without it: this process's environment.",
)
_local = click.option(
    "--local",
    is_flag=False,
    flag_value="",
    metavar="[FOLDER]",
    help="Look at the templates in FOLDER (the campaign's own unless given) and not in Notion. "
    "Write it last, or --local=FOLDER.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@click.group()
def templates() -> None:
    """Check the templates in Notion, put them there, preview an e-mail."""


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _pages(environment: Environment, local: str | None) -> list[Page]:
    """Read the templates in Notion, in the folder ``local``, or in the campaign's own folder if that is empty."""
    if local is not None:
        return template_sync.in_folder(Path(local) if local else folders.content())
    with environment.notion() as notion:
        source = notion.data_source(environment.database(schema.TEMPLATES))
        return [kept.values for kept in template_sync.in_notion(notion, source)]


@templates.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@_env_file
@_local
@_json
@click.option("--faults-only", is_flag=True, help="Leave out where the values come from.")
def check(names: tuple[str, ...], env_file: Path | None, local: str | None, as_json: bool, faults_only: bool) -> None:
    """Say what each template needs, where each value would come from, and what is wrong; all of them, or each NAME.

    Exit code 0 if nothing is wrong, 1 if something is, 2 if it could not be found out.
    """
    with plainly():
        environment = Environment.read(env_file)
        pages = _pages(environment, local)
        known = {*template_check.uses(), *(template_check.name_of(page) for page in pages)}
        for name in names:
            if name not in known:
                raise CommandError(f'there is no template "{name}"; there are: {", ".join(sorted(known))}')
        report = template_check.check(pages, template_sync.settings_of(environment))
        if names:
            report = report.only(names)
    if as_json:
        click.echo(json.dumps(template_report.as_json(report), ensure_ascii=False, indent=2))
    else:
        if not faults_only:
            _say(template_report.sources(report))
            click.echo()
        _say(template_report.faults(report.faults))
        _say(template_report.end(report))
    sys.exit(1 if report.faults else 0)


@templates.command()
@click.argument("folder", type=_FOLDER, required=False)
@_env_file
@click.option("--only", multiple=True, metavar="NAME", help="This template alone; may be given again.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def push(folder: Path | None, env_file: Path | None, only: tuple[str, ...], yes: bool) -> None:
    """Put the templates of FOLDER (the campaign's own unless given) into Notion, after a look at what would change.

    A page that is there is updated, one that is not is made; other pages are let be, and nothing is deleted. Without a
    terminal and without --yes it only shows.

    Exit code 1 if a template has a fault (nothing is written then) or the answer is no, 2 if it could not be done.
    """
    with plainly():
        environment = Environment.read(env_file)
        folder = folder or folders.content()
        wanted = template_sync.chosen(template_sync.in_folder(folder), only, folder)
        faults = [fault for page in wanted for fault in template_check.own_faults(page)]
        if faults:
            _say(template_report.faults(faults))
            click.echo("Nothing was written.")
            sys.exit(1)
        with environment.notion() as notion:
            source = notion.data_source(environment.database(schema.TEMPLATES))
            changes = template_sync.changes(wanted, template_sync.in_notion(notion, source))
            if not changes:
                click.echo(f"Nothing differs: Notion has {len(wanted)} of {len(wanted)} templates as they are here.")
                return
            for change in changes:
                _say(change.diff())
            summary = f"{sum(1 for each in changes if each.page_id is None)} new, "
            summary += f"{sum(1 for each in changes if each.page_id is not None)} changed"
            if not yes and not sys.stdin.isatty():
                click.echo(f"{summary}. Nothing was written: run this again with --yes to put it into Notion.")
                return
            if not yes and not click.confirm(f"{summary}. Put it into Notion?"):
                click.echo("Nothing was written.")
                sys.exit(1)
            written = False
            try:
                for change in changes:
                    template_sync.put(notion, source, change)
                    written = True
                    click.echo(f"{'changed' if change.page_id else 'made'}: {change.name}")
            finally:
                # Also when Notion refuses the third: the first two are there.
                if written:
                    click.echo(template_sync.make_count(environment))


@templates.command()
@_env_file
def refresh(env_file: Path | None) -> None:
    """Have the flows ask Notion for the templates anew from now on.

    They keep what Notion said for five minutes; after this a change in Notion counts for the very next e-mail.
    """
    with plainly(), Environment.read(env_file).kestra() as kestra:
        moment = template_sync.refresh(kestra)
        click.echo(f"What Notion said before {moment} is asked again.")


@templates.command()
@click.argument("name")
@_env_file
@_local
@click.option(
    "--sequence",
    "sequence_name",
    type=click.Choice([each.name for each in SEQUENCES]),
    required=True,
    help="Whose e-mail.",
)
@click.option("--payload", type=_FILE, help="What the webhook would get. [default: examples/SEQUENCE.json]")
@click.option("--number", type=int, help="Which e-mail of the sequence. [default: the one that uses the template]")
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
    """Print the e-mail that the contact of a payload would get from the template NAME, and where each value came from.

    It is composed as the real one is; what Notion knows of the contact counts too, unless --local is given. Exit code 1 if it
    could not be sent, 2 if there is nothing to show.
    """
    with plainly():
        environment = Environment.read(env_file)
        settings = template_sync.settings_of(environment)
        event = template_preview.event_of(
            payload or folders.examples() / f"{sequence_name}.json", sequence_name, datetime.now(UTC)
        )
        pages = _pages(environment, local)
        known = template_preview.Known({}, {})
        if local is None:
            with environment.notion() as notion:
                known = template_preview.known(notion, environment, event)
        found = template_preview.preview(name, event, pages, number=number, known=known, settings=settings)
        if html is not None and found.letter is not None:
            try:
                html.write_text(found.letter.html, encoding="utf-8")
            except OSError as error:
                raise CommandError(f"{html}: {error.strerror}") from None
    if as_json:
        click.echo(json.dumps(found.as_json(), ensure_ascii=False, indent=2))
    else:
        _say(template_report.previewed(found))
    if not found.active:
        click.echo(f'The template "{name}" is not active: nothing is sent from it.', err=True)
    if found.problem is not None:
        click.echo(found.problem, err=True)
        sys.exit(1)
