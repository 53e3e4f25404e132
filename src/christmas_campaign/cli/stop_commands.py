"""``christmas stop``, ``go-on``, ``stopped`` and ``unsubscribe-link``: suppress the e-mails to one contact, or lift that."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from christmas_campaign.campaign import email_address, times
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.campaign.unsubscribe_link import url as unsubscribe_link_url
from christmas_campaign.cli.command_errors import report_errors
from christmas_campaign.cli.prompts import confirm, env_file_option, json_option, print_json, yes_option
from christmas_campaign.cli.read_settings import read_settings
from christmas_campaign.clients.notion import NotionError
from christmas_campaign.deployment.environment import Environment, SettingError
from christmas_campaign.enrolment import alerts
from christmas_campaign.events import opaque_ids
from christmas_campaign.json_types import Json, JsonObject
from christmas_campaign.operations import similar_addresses, template_sync
from christmas_campaign.operations import stop as operation
from christmas_campaign.operations.stop import ContactEnrolment, ContactStops
from christmas_campaign.sequences.registry import SEQUENCES
from christmas_campaign.stops import rules
from christmas_campaign.stops.rules import BY_PERSON, RULES, holds_for_good
from christmas_campaign.wording import count

_WARNING = (
    "Careful: by law, a contact who asked for no more e-mails must not get any. Continue only if it was a mistake (a wrong "
    "address, a slip of yours), or if the contact has asked for e-mails since; save what they wrote. A complaint is not lifted."
)


def _email(_: click.Context, __: click.Parameter, value: str) -> str:
    """Return the address in lower case."""
    try:
        return email_address.normalise(value)
    except ValueError as error:
        raise click.BadParameter(f"this {error}") from None


def _contact(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Return the opaque id of the contact with this address."""
    return None if value is None else opaque_ids.contact_id(_email(context, parameter, value))


@click.command()
@click.argument("email", metavar="ADDRESS", callback=_email)
@env_file_option
@click.option(
    "--reason",
    type=click.Choice([str(reason) for reason in BY_PERSON]),
    default=str(Reason.STOPPED_BY_PERSON),
    show_default=True,
    help="Why; it decides which sequences end, and for how long.",
)
@yes_option
@json_option
def stop(email: str, env_file: Path | None, reason: str, yes: bool, as_json: bool) -> None:
    """Stop the e-mails to a contact.

    The e-mails that wait for the contact with this ADDRESS are skipped when they come due, and the contact enters no sequence
    that the reason ends. The command first shows what would end, and asks. Without a terminal and without --yes it changes
    nothing.

    After the command has ended, none of those e-mails is sent: it waits for an e-mail that is being sent.

    If neither Kestra nor Notion knows the address, the command says so and offers similar addresses. You can stop an unknown
    address too: it then enters no sequence later.

    Exit code 0 if the contact is stopped, 2 if Kestra could not be reached, 3 if nobody was there to confirm.

    \b
    Examples:
      christmas stop ana@salon.example.com
      christmas stop ana@salon.example.com --reason unsubscribed --yes
    """
    rule = RULES[Reason(reason)]
    contact = opaque_ids.contact_id(email)
    with report_errors():
        environment = read_settings(env_file)
        with environment.kestra() as kestra:
            waiting = operation.count_waiting(kestra, contact)
            suppression = operation.read_stops(kestra, contact)
            similar = () if waiting or suppression.stops else _similar_addresses(environment, email)
            if not as_json:
                wait = count(waiting, "e-mail waits", "e-mails wait")
                click.echo(f"Contact {contact}: {wait}. {reason} ends {_names(rule.ends)}, {rule.holds.value}.")
            try:
                if confirm(yes, as_json, "Stop this contact?"):
                    suppression = operation.stop(kestra, contact, Reason(reason))
                    if not as_json:
                        _show(suppression)
            finally:
                if as_json:
                    print_json({**_stops_json(suppression), "waiting": waiting, "similar": similar})


def _similar_addresses(environment: Environment, email: str) -> Sequence[str]:
    """Warn if Notion does not know an address; return the similar addresses that it knows.

    A Notion that cannot be read does not prevent a stop.
    """
    try:
        with environment.notion() as notion:
            lookup = similar_addresses.look_up(environment, notion, email)
    except (SettingError, NotionError) as error:
        click.echo(f"Kestra does not know this address, and Notion could not be searched: {error}", err=True)
        return ()
    if not lookup.exists:
        click.echo("Neither Kestra nor Notion knows this address: check the spelling.", err=True)
    if lookup.similar:
        click.echo(f"Similar addresses: {', '.join(lookup.similar)}", err=True)
    return lookup.similar


@click.command("go-on")
@click.argument("contact", metavar="ADDRESS", callback=_contact)
@env_file_option
@click.option(
    "--also-for-good",
    is_flag=True,
    help="Also lift what holds for good, except a complaint. Use it if that was a mistake and the contact wants the e-mails.",
)
@yes_option
@json_option
def go_on(contact: str, env_file: Path | None, also_for_good: bool, yes: bool, as_json: bool) -> None:
    """Send e-mails to a stopped contact again.

    The e-mails that wait for the contact with this ADDRESS are sent when they are due. Skipped e-mails stay skipped. Stops that
    hold for good (unsubscribed, complained, bounced) stay, unless you pass --also-for-good; a complaint stays even then. The
    command asks first. Without a terminal and without --yes it changes nothing.

    Exit code 0 if nothing stops the contact any more, 1 if a stop holds for good, 2 if Kestra could not be reached, 3 if nobody
    was there to confirm.

    \b
    Example:
      christmas go-on ana@salon.example.com
    """
    with report_errors(), read_settings(env_file).kestra() as kestra:
        suppression = operation.read_stops(kestra, contact)
        if not as_json:
            _show(suppression)
        if also_for_good and any(holds_for_good(stop) for stop in suppression.stops):
            click.echo(_WARNING, err=True)
        try:
            # After a restore, the pages in Notion may have a stop that Kestra lost. --also-for-good lifts that too.
            if (suppression.stops or also_for_good) and confirm(yes, as_json, "Send e-mails to this contact again?"):
                suppression = operation.lift(kestra, contact, also_for_good=also_for_good)
                if not as_json:
                    _show(suppression)
                if any(holds_for_good(stop) for stop in suppression.stops):
                    click.echo("That holds for good.", err=True)
                    raise SystemExit(1)
        finally:
            if as_json:
                print_json(_stops_json(suppression))


@click.command("unsubscribe-link")
@click.argument("contact", metavar="ADDRESS", callback=_contact)
@env_file_option
def unsubscribe_link(contact: str, env_file: Path | None) -> None:
    """Print the unsubscribe link of a contact.

    It is for e-mails to the contact with this ADDRESS that another system sends. Anybody who has the link can stop the
    contact's e-mails: put it into an e-mail to that contact, and nowhere else. It does not expire.

    Exit code 0 if the link was printed, 2 if PUBLIC_URL or UNSUBSCRIBE_KEY is missing or wrong.

    \b
    Example:
      christmas unsubscribe-link ana@salon.example.com --env-file deploy/.env
    """
    with report_errors():
        environment = read_settings(env_file)
        # Raises an error with the name that the file uses, if the key is missing.
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
    """List the stopped contacts and why.

    Lists all of them by their opaque ids, or only the contact with this ADDRESS. Below each contact are their sequences, with a
    link to the page in Notion and the e-mails that wait.

    Exit code 0, with or without stopped contacts; 2 if Kestra could not be reached.

    \b
    Examples:
      christmas stopped --env-file deploy/.env
      christmas stopped ana@salon.example.com --json
    """
    with report_errors(), read_settings(env_file).kestra() as kestra:
        all_or_one = operation.read_all_stops(kestra) if contact is None else [operation.read_stops(kestra, contact)]
        suppressions = list(all_or_one)
        enrolments = {
            suppression.contact: operation.enrolments(kestra, suppression.contact)
            for suppression in suppressions
            if suppression.stops
        }
    if as_json:
        print_json([_as_json(entry, enrolments[entry.contact]) for entry in suppressions if entry.stops])
        return
    for suppression in suppressions:
        _show(suppression)
        for enrolment in enrolments.get(suppression.contact, ()):
            _show_enrolment(enrolment)
    if not suppressions:
        click.echo("Nobody is stopped.")


def _as_json(suppression: ContactStops, enrolments: Sequence[ContactEnrolment]) -> JsonObject:
    enrolments_json: list[Json] = [
        {
            "sequence": enrolment.sequence,
            "page": enrolment.page,
            "waiting": [
                {"number": number, "template": alerts.template(enrolment.sequence, number), "due": times.text(due)}
                for number, due in enrolment.waiting.items()
            ],
        }
        for enrolment in enrolments
    ]
    return {**_stops_json(suppression), "enrolments": enrolments_json}


def _stops_json(suppression: ContactStops) -> JsonObject:
    return {"contact": suppression.contact, "stops": rules.as_json(suppression.stops)["stops"]}


def _show_enrolment(enrolment: ContactEnrolment) -> None:
    click.echo(f"  {enrolment.sequence}: {enrolment.page or 'no page in Notion is known'}")
    for number, due in enrolment.waiting.items():
        click.echo(f"    waits: {alerts.subject(enrolment.sequence, number)}, due {times.for_owner(due)}")


def _show(suppression: ContactStops) -> None:
    if not suppression.stops:
        click.echo(f"Contact {suppression.contact}: nothing stops their e-mails.")
    for stop in suppression.stops:
        rule = RULES[stop.reason]
        click.echo(
            f"Contact {suppression.contact}: {stop.reason} since {times.for_owner(stop.at)} (by {stop.by}) "
            f"ends {_names(rule.ends)}, {rule.holds.value}."
        )


def _names(sequence_names: frozenset[str]) -> str:
    if len(sequence_names) == len(SEQUENCES):
        return "every sequence"
    return ", ".join(sequence.name for sequence in SEQUENCES if sequence.name in sequence_names)
