"""Compose: the exact e-mail, or why there is none.

The order of the checks right before a send: is the page still there and not in the trash; does it say that the e-mail was
sent; does it say that the contact was stopped for good; is there exactly one active template, with a subject and a body; has it
the footer that the law wants; are there a sender, a way to unsubscribe and a postal address; has every placeholder a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from christmas_campaign.campaign import notion_names, unsubscribe_link
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import footer, gate, placeholder_values, plain_text, template_text
from christmas_campaign.email.placeholder_values import Source
from christmas_campaign.email.template_text import Placeholder, TemplateError
from christmas_campaign.enrolment.record import Record
from christmas_campaign.events import opaque_ids
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion import page_values
from christmas_campaign.notion.page_values import PropertyValue
from christmas_campaign.sequences.registry import sequence
from christmas_campaign.stops import marks
from christmas_campaign.stops.rules import Lifts

Page = Mapping[str, Any]


class Stop(Exception):
    """This e-mail is not sent: ``outcome``, ``reason`` and a ``detail`` for the person who looks; ``missing`` names the
    placeholders without a value."""

    def __init__(self, outcome: Outcome, reason: Reason, detail: str, missing: Sequence[str] = ()) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.reason = reason
        self.detail = detail
        self.missing = missing


class Composed(NamedTuple):
    """The e-mail is sent: the body for Resend, and the idempotency key under which Resend takes it."""

    request: JsonObject
    idempotency_key: str


class NotSent(NamedTuple):
    """The e-mail is not sent. ``detail`` is for the person who looks; ``missing`` names the placeholders without a value."""

    outcome: Outcome
    reason: Reason
    detail: str
    missing: tuple[str, ...] = ()


class Letter(NamedTuple):
    """What an e-mail says, all filled in."""

    subject: str
    html: str
    text: str


def compose(
    record: Record,
    number: int,
    *,
    enrolment: str,
    page: Page | None,
    active: Sequence[Mapping[str, PropertyValue]],
    lifts: Lifts | None = None,
    settings: Settings,
) -> Composed | NotSent:
    """Decide what e-mail ``number`` says.

    ``page`` is the contact's page as Notion has it now (``None``: Notion does not know it), ``active`` the active templates of
    the e-mail's name, as ``active_templates`` gives them, ``lifts`` is when the contact's stops were lifted (``None``: nothing
    is kept about the contact).
    """
    try:
        _check_page(page, number, lifts)
        request = _request(record, number, enrolment, active, settings)
    except Stop as stop:
        return NotSent(stop.outcome, stop.reason, stop.detail, tuple(stop.missing))
    return Composed(request, opaque_ids.idempotency_key(enrolment, number))


def _check_page(page: Page | None, number: int, lifts: Lifts | None) -> None:
    if page is None:
        detail = "The contact's page in Email Sequence is gone, or no longer shared with the integration."
        raise Stop(Outcome.FAILED, Reason.PAGE_MISSING, detail)
    if page_values.archived(page):
        detail = "The contact's page in Email Sequence is in the trash."
        raise Stop(Outcome.SKIPPED, Reason.PAGE_ARCHIVED, detail)
    stamp = page_values.plain(page).get(notion_names.page_sent(number))
    if stamp is not None:
        raise Stop(Outcome.SKIPPED, Reason.ALREADY_SENT, f'The page says "{notion_names.page_sent(number)}": {stamp}.')
    mark = marks.on_page(page)
    if mark is not None and marks.holds(mark, lifts):
        raise Stop(Outcome.SKIPPED, mark.reason, f'The page says "{notion_names.PAGE_STOPPED}": {mark.reason}.')


def active_templates(found: Sequence[Page]) -> list[dict[str, PropertyValue]]:
    """Return the texts of the templates among these pages, by their properties, those in the trash left out."""
    texts = (notion_names.TEMPLATE_SUBJECT, notion_names.TEMPLATE_HTML, notion_names.TEMPLATE_TEXT)
    said = [page_values.plain(each) for each in found if not page_values.archived(each)]
    return [{name: each.get(name) for name in texts} for each in said]


def _request(
    record: Record, number: int, enrolment: str, active: Sequence[Mapping[str, PropertyValue]], settings: Settings
) -> JsonObject:
    if record.is_withdrawn(number):
        # The gate let it through, and then another release was installed.
        raise Stop(Outcome.SKIPPED, Reason.EMAIL_WITHDRAWN, gate.withdrawn(record, number))
    name = sequence(record.event.sequence).email(number).template
    parts = texts(name, active)
    _check_footer(name, active[0])
    sender, link = settings.sender_address, placeholder_values.unsubscribe_url(record.event.email, settings)
    if sender is None or link is None or settings.postal_address is None:
        raise Stop(Outcome.FAILED, Reason.SETTING_MISSING, f"The setting {_missing(settings)} is missing.")
    subject, html, text = letter(name, parts, sources(record, number, settings))
    return {
        "from": mailbox(settings.sender_name, sender),
        "to": [record.event.email],
        "subject": subject,
        "html": html,
        "text": text,
        "headers": {**unsubscribe_link.headers(link, settings.unsubscribe_address)},
        "tags": [
            {"name": "sequence", "value": record.event.sequence},
            {"name": "number", "value": str(number)},
            # For what Resend reports of it later: see ``reports``.
            {"name": "enrolment", "value": enrolment},
            {"name": "contact", "value": record.labels["contact"]},
        ],
    }


def _missing(settings: Settings) -> str:
    """The first setting without which no e-mail goes out, of those that are not given."""
    needed = {
        "ENV_SENDER_ADDRESS": settings.sender_address,
        "ENV_PUBLIC_URL": settings.public_url,
        "SECRET_UNSUBSCRIBE_KEY": settings.unsubscribe_keys,
        "ENV_POSTAL_ADDRESS": settings.postal_address,
    }
    return next(name for name, value in needed.items() if value is None)


def _check_footer(name: str, template: Mapping[str, PropertyValue]) -> None:
    """Raise ``Stop`` for a body without the footer. The template is as Notion has it: a plain text made from the HTML is not
    blamed for what the HTML lacks."""
    parts = {part: str(template.get(part) or "") for part in (notion_names.TEMPLATE_HTML, notion_names.TEMPLATE_TEXT)}
    if any(template_text.parse(text).malformed for text in parts.values()):
        # The placeholders of the footer may be among what is malformed: filling the template in reports that.
        return
    missing = footer.missing(parts)
    if missing:
        lacks = "; ".join(
            f'"{part}" lacks {", ".join(f"{{{{{each}}}}}" for each in names)}' for part, names in missing.items()
        )
        detail = f'The template "{name}" has not the footer that the law wants: {lacks}.'
        raise Stop(Outcome.FAILED, Reason.TEMPLATE_WITHOUT_FOOTER, detail)


def sources(record: Record, number: int, settings: Settings) -> tuple[Source, ...]:
    """Return the sources that are asked for the values of e-mail ``number``, the first to be asked first."""
    return placeholder_values.sources(
        record.event,
        scheduled=record.emails[number],
        signup=record.signup,
        contact=record.contact,
        settings=settings,
    )


def texts(name: str, active: Sequence[Mapping[str, PropertyValue]]) -> dict[str, str]:
    """Return the three texts of a template by their properties, before they are filled in; a missing plain text is made from
    the HTML. ``active`` are the active templates of this name, as plain values.

    Raises ``Stop`` when there is none, or more than one, or when it has no subject or no body.
    """
    if not active:
        detail = f'There is no active template "{name}" in Email Templates.'
        raise Stop(Outcome.FAILED, Reason.TEMPLATE_MISSING, detail)
    if len(active) > 1:
        detail = f'There are {len(active)} active templates "{name}" in Email Templates; one may be.'
        raise Stop(Outcome.FAILED, Reason.TEMPLATE_AMBIGUOUS, detail)
    parts = {
        part: str(active[0].get(part) or "")
        for part in (notion_names.TEMPLATE_SUBJECT, notion_names.TEMPLATE_HTML, notion_names.TEMPLATE_TEXT)
    }
    for part in (notion_names.TEMPLATE_SUBJECT, notion_names.TEMPLATE_HTML):
        if not parts[part].strip():
            raise Stop(Outcome.FAILED, Reason.TEMPLATE_EMPTY, f'The template "{name}" has an empty "{part}".')
    if not parts[notion_names.TEMPLATE_TEXT].strip():
        parts[notion_names.TEMPLATE_TEXT] = plain_text.from_html(parts[notion_names.TEMPLATE_HTML])
    return parts


def letter(name: str, parts: Mapping[str, str], asked: Sequence[Source]) -> Letter:
    """Return what the template ``name`` with these ``texts`` says when ``asked``, the sources, give the values.

    Raises ``Stop`` when a placeholder has no value, or what is left of the subject or the HTML is empty.
    """

    def value(placeholder: Placeholder) -> str | None:
        answer = placeholder_values.find(placeholder, asked)
        return answer[0] if answer else None

    filled: dict[str, str] = {}
    faults: dict[str, TemplateError] = {}
    for part, text in parts.items():
        try:
            filled[part] = template_text.fill(text, value, escape=part == notion_names.TEMPLATE_HTML)
        except TemplateError as error:
            faults[part] = error
    if faults:
        malformed = any(error.malformed for error in faults.values())
        detail = "; ".join(f'"{part}": {error}' for part, error in faults.items())
        reason = Reason.TEMPLATE_MALFORMED if malformed else Reason.VALUE_MISSING
        missing = () if malformed else tuple(dict.fromkeys(each for fault in faults.values() for each in fault.missing))
        raise Stop(Outcome.FAILED, reason, f'The template "{name}" cannot be filled in: {detail}.', missing)
    subject = one_line(filled[notion_names.TEMPLATE_SUBJECT])
    if not filled[notion_names.TEMPLATE_HTML].strip():
        raise Stop(
            Outcome.FAILED, Reason.TEMPLATE_EMPTY, f'The template "{name}" has an empty "{notion_names.TEMPLATE_HTML}".'
        )
    if not subject:
        raise Stop(
            Outcome.FAILED,
            Reason.TEMPLATE_EMPTY,
            f'The template "{name}" has an empty "{notion_names.TEMPLATE_SUBJECT}".',
        )
    return Letter(subject, filled[notion_names.TEMPLATE_HTML], filled[notion_names.TEMPLATE_TEXT])


def one_line(text: str) -> str:
    """Return ``text`` with each line break, and the spaces around it, made one space: a subject is a single line."""
    return " ".join(filter(None, map(str.strip, re.split(r"[\r\n\v\f\x85\u2028\u2029]+", text))))


def mailbox(name: str, address: str) -> str:
    """Return a From line, the name quoted where RFC 5322 asks for it."""
    if re.search(r"[()<>\[\]:;@\\,.\"]", name):
        escaped = re.sub(r'(["\\])', r"\\\1", name)
        name = f'"{escaped}"'
    return f"{name} <{address}>"
