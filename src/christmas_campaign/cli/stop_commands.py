"""``christmas stop``, ``christmas go-on`` and ``christmas stopped``: one contact gets no more e-mails, or gets them again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from christmas_campaign.campaign import email_address, times
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.campaign.unsubscribe_link import url as unsubscribe_link_url
from christmas_campaign.cli.errors_shown import plainly
from christmas_campaign.cli.prompts import agreed, env_file_option, json_option, print_json, yes_option
from christmas_campaign.deployment.environment import Environment, SettingError
from christmas_campaign.enrolment import alerts
from christmas_campaign.events import opaque_ids
from christmas_campaign.json_types import Json, JsonObject
from christmas_campaign.operations import stop as operation
from christmas_campaign.operations import template_sync
from christmas_campaign.operations.stop import ContactEnrolment, ContactStops
from christmas_campaign.sequences.registry import SEQUENCES
from christmas_campaign.stops import rules
from christmas_campaign.stops.rules import BY_PERSON, RULES, holds_for_good
from christmas_campaign.wording import count

_WARNING = (
    "Careful: who asked for no more e-mails must not get any, by law. Go on only if it was a mistake (a wrong address, a slip "
    "of yours), or if she has asked for them since; keep what she wrote. A complaint is not lifted."
)


def _contact(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """The opaque id of the contact with this address."""
    if value is None:
        return None
    try:
        return opaque_ids.contact_id(email_address.normalise(value))
    except ValueError as error:
        raise click.BadParameter(f"this {error}") from None


@click.command()
@click.argument("contact", metavar="ADDRESS", callback=_contact)
@env_file_option
@click.option(
    "--reason",
    type=click.Choice([str(each) for each in BY_PERSON]),
    default=str(Reason.STOPPED_BY_PERSON),
    show_default=True,
    help="Why; it decides which sequences end, and for how long.",
)
@yes_option
def stop(contact: str, env_file: Path | None, reason: str, yes: bool) -> None:
    """Stop the contact with this ADDRESS: the e-mails that wait for her are skipped when they come due, and she enters no
    sequence that the reason ends.

    It says first what would end, and asks; without a terminal and without --yes it changes nothing. Once it has ended, none of
    those e-mails goes out any more: it waits for one that is being sent at that very moment.

    Exit code 0 when she is stopped or can be, before too; 2 if Kestra could not be told.
    """
    rule = RULES[Reason(reason)]
    with plainly(), Environment.read(env_file).kestra() as kestra:
        wait = count(operation.count_waiting(kestra, contact), "e-mail waits", "e-mails wait")
        click.echo(f"Contact {contact}: {wait}. {reason} ends {_names(rule.ends)}, {rule.holds.value}.")
        if agreed(yes, False, "Stop her?", "--yes"):
            _show(operation.stop(kestra, contact, Reason(reason)))


@click.command("go-on")
@click.argument("contact", metavar="ADDRESS", callback=_contact)
@env_file_option
@click.option(
    "--also-for-good",
    is_flag=True,
    help="Lift what holds for good as well, but a complaint: it was a mistake, and she wants the e-mails.",
)
@yes_option
def go_on(contact: str, env_file: Path | None, also_for_good: bool, yes: bool) -> None:
    """Let the contact with this ADDRESS go on: what waits for her goes out when it is due. What was skipped stays skipped.

    What holds for good (unsubscribed, complained, bounced) is not lifted, unless --also-for-good is given: then a complaint
    alone holds, which nobody lifts. It asks first; without a terminal and without --yes it changes nothing.

    Exit code 0 when nothing stops her any more, or can be; 1 when something holds for good; 2 if Kestra could not be told.
    """
    with plainly(), Environment.read(env_file).kestra() as kestra:
        found = operation.read_stops(kestra, contact)
        _show(found)
        if also_for_good and any(holds_for_good(each) for each in found.stops):
            click.echo(_WARNING, err=True)
        # After a restore the contact's pages in Notion may know of a stop that Kestra has lost.
        if (found.stops or also_for_good) and agreed(yes, False, "Let her go on?", "--yes"):
            found = operation.lift(kestra, contact, also_for_good=also_for_good)
            _show(found)
            if any(holds_for_good(each) for each in found.stops):
                click.echo("That holds for good.", err=True)
                raise SystemExit(1)


@click.command("unsubscribe-link")
@click.argument("contact", metavar="ADDRESS", callback=_contact)
@env_file_option
def unsubscribe_link(contact: str, env_file: Path | None) -> None:
    """Print the link by which the contact with this ADDRESS unsubscribes: for an e-mail that is not sent by this system.

    Whoever has it can stop her e-mails: it belongs into an e-mail to her, and nowhere else. It does not expire.

    Exit code 0; 2 if PUBLIC_URL or UNSUBSCRIBE_KEY is missing or wrong.
    """
    with plainly():
        environment = Environment.read(env_file)
        # Whether each is there, in words that name it as it is written there.
        environment.secret("UNSUBSCRIBE_KEY")
        settings = template_sync.settings_of(environment)
        if settings.public_url is None or settings.unsubscribe_keys is None:
            raise SettingError(f"ENV_PUBLIC_URL is missing in {environment.origin}")
        click.echo(unsubscribe_link_url(settings.public_url, settings.unsubscribe_keys, contact))


@click.command()
@click.argument("contact", metavar="[ADDRESS]", required=False, callback=_contact)
@env_file_option
@json_option
def stopped(contact: str | None, env_file: Path | None, as_json: bool) -> None:
    """List who is stopped, and why: all contacts, by their opaque ids, or the one with this ADDRESS. Below each are the
    contact's sequences, with a link to the page in Notion and the e-mails that wait.

    Exit code 0, whoever is stopped; 2 if it could not be found out.
    """
    with plainly(), Environment.read(env_file).kestra() as kestra:
        found = list(operation.read_all_stops(kestra)) if contact is None else [operation.read_stops(kestra, contact)]
        enrolled = {each.contact: operation.enrolments(kestra, each.contact) for each in found if each.stops}
    if as_json:
        print_json([_as_json(each, enrolled[each.contact]) for each in found if each.stops])
        return
    for each in found:
        _show(each)
        for enrolment in enrolled.get(each.contact, ()):
            _show_enrolment(enrolment)
    if not found:
        click.echo("Nobody is stopped.")


def _as_json(kept: ContactStops, enrolled: Sequence[ContactEnrolment]) -> JsonObject:
    enrolments: list[Json] = [
        {
            "sequence": each.sequence,
            "page": each.page,
            "waiting": [
                {"number": number, "template": alerts.template(each.sequence, number), "due": times.text(due)}
                for number, due in each.waiting.items()
            ],
        }
        for each in enrolled
    ]
    return {"contact": kept.contact, "stops": rules.as_json(kept.stops)["stops"], "enrolments": enrolments}


def _show_enrolment(enrolled: ContactEnrolment) -> None:
    click.echo(f"  {enrolled.sequence}: {enrolled.page or 'no page in Notion is known'}")
    for number, due in enrolled.waiting.items():
        click.echo(f"    waits: {alerts.subject(enrolled.sequence, number)}, due {times.for_owner(due)}")


def _show(kept: ContactStops) -> None:
    if not kept.stops:
        click.echo(f"Contact {kept.contact}: nothing stops her.")
    for each in kept.stops:
        rule = RULES[each.reason]
        click.echo(
            f"Contact {kept.contact}: {each.reason} since {times.for_owner(each.at)} (by {each.by}) ends {_names(rule.ends)}, "
            f"{rule.holds.value}."
        )


def _names(ended: frozenset[str]) -> str:
    if len(ended) == len(SEQUENCES):
        return "every sequence"
    return ", ".join(each.name for each in SEQUENCES if each.name in ended)
