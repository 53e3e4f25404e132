"""Compose an e-mail right before it is sent: the exact request to Resend, or the reason why the e-mail is not sent.

The checks run in this order:

1. The contact's page exists and is not in the trash.
2. The page does not say that this e-mail was sent.
3. The page has no mark of a permanent suppression.
4. This release still has the e-mail.
5. Exactly one template is active, with a subject and an HTML body.
6. The template has the legally required footer, where a reader sees it.
7. A reader sees the template as its author meant it: no braces are left over, and every address can be opened.
8. The settings have a sender, an unsubscribe link and a postal address.
9. Every placeholder has a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from christmas_campaign.campaign import notion_names, unsubscribe_link
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import footer, gate, placeholder_values, plain_text, sections, template_text
from christmas_campaign.email.placeholder_values import Source
from christmas_campaign.email.template_text import Placeholder, TemplateError
from christmas_campaign.email.verdict import Judge
from christmas_campaign.enrolment.record import Record
from christmas_campaign.events import opaque_ids
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion import page_values
from christmas_campaign.notion.page_values import PropertyValue
from christmas_campaign.sequences.registry import sequence
from christmas_campaign.stops import marks
from christmas_campaign.stops.rules import Lifts

Page = Mapping[str, Any]


class EmailWithheld(Exception):
    """The e-mail is not sent. ``detail`` explains it to the owner; ``missing`` names the placeholders without a value."""

    def __init__(self, outcome: Outcome, reason: Reason, detail: str, missing: Sequence[str] = ()) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.reason = reason
        self.detail = detail
        self.missing = missing


class Composed(NamedTuple):
    """The e-mail is sent: the body of the request to Resend, and its idempotency key."""

    request: JsonObject
    idempotency_key: str


class NotSent(NamedTuple):
    """The e-mail is not sent. ``detail`` explains it to the owner; ``missing`` names the placeholders without a value."""

    outcome: Outcome
    reason: Reason
    detail: str
    missing: tuple[str, ...] = ()


class Letter(NamedTuple):
    """The texts of one e-mail after its placeholders are filled in."""

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
    judge: Judge,
    settings: Settings,
) -> Composed | NotSent:
    """Return the request for e-mail ``number``, or why the e-mail is not sent.

    ``enrolment`` is the enrolment's id. ``page`` is the contact's page, read from Notion just now (``None``: Notion has no such
    page). ``active`` holds the e-mail's active templates, from ``active_templates``. ``lifts`` is when the contact's
    suppressions were lifted (``None``: the KV store has no entry about the contact). ``judge`` returns the verdict on the
    template's HTML.

    Raises ``UnknownEmail`` when the sequence never had an e-mail of this number.
    """
    try:
        _check_page(page, number, lifts)
        request = _request(record, number, enrolment, active, judge, settings)
    except EmailWithheld as withheld:
        return NotSent(withheld.outcome, withheld.reason, withheld.detail, tuple(withheld.missing))
    return Composed(request, opaque_ids.idempotency_key(enrolment, number))


def _check_page(page: Page | None, number: int, lifts: Lifts | None) -> None:
    if page is None:
        detail = "The contact's page in Email Sequence is gone, or no longer shared with the integration."
        raise EmailWithheld(Outcome.FAILED, Reason.PAGE_MISSING, detail)
    if page_values.archived(page):
        detail = "The contact's page in Email Sequence is in the trash."
        raise EmailWithheld(Outcome.SKIPPED, Reason.PAGE_ARCHIVED, detail)
    stamp = page_values.plain(page).get(notion_names.page_sent(number))
    if stamp is not None:
        raise EmailWithheld(
            Outcome.SKIPPED, Reason.ALREADY_SENT, f'The page says "{notion_names.page_sent(number)}": {stamp}.'
        )
    mark = marks.on_page(page)
    if mark is not None and marks.holds(mark, lifts):
        raise EmailWithheld(
            Outcome.SKIPPED, mark.reason, f'The page says "{notion_names.PAGE_STOPPED}": {mark.reason}.'
        )


def active_templates(pages: Sequence[Page]) -> list[dict[str, PropertyValue]]:
    """Return subject, HTML and plain text of each template page, by property name. Pages in the trash are left out."""
    properties = (notion_names.TEMPLATE_SUBJECT, notion_names.TEMPLATE_HTML, notion_names.TEMPLATE_TEXT)
    templates = [page_values.plain(page) for page in pages if not page_values.archived(page)]
    return [{name: template.get(name) for name in properties} for template in templates]


def _request(
    record: Record,
    number: int,
    enrolment: str,
    active: Sequence[Mapping[str, PropertyValue]],
    judge: Judge,
    settings: Settings,
) -> JsonObject:
    if record.is_withdrawn(number):
        # Another release was installed between the gate and this check.
        raise EmailWithheld(Outcome.SKIPPED, Reason.EMAIL_WITHDRAWN, gate.withdrawn(record, number))
    name = sequence(record.event.sequence).email(number).template
    parts = texts(name, active)
    _check_reading(name, active[0], judge)
    sender, link = settings.sender_address, placeholder_values.unsubscribe_url(record.event.email, settings)
    if sender is None or link is None or settings.postal_address is None:
        raise EmailWithheld(Outcome.FAILED, Reason.SETTING_MISSING, f"The setting {_missing(settings)} is missing.")
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
            # Resend repeats the tags in its delivery reports: see ``delivery_reports``.
            {"name": "enrolment", "value": enrolment},
            {"name": "contact", "value": record.labels["contact"]},
        ],
    }


def _missing(settings: Settings) -> str:
    """Return the name of the first required setting that is not set. At least one must be missing."""
    required = {
        "ENV_SENDER_ADDRESS": settings.sender_address,
        "ENV_PUBLIC_URL": settings.public_url,
        "SECRET_UNSUBSCRIBE_KEY": settings.unsubscribe_keys,
        "ENV_POSTAL_ADDRESS": settings.postal_address,
    }
    return next(name for name, value in required.items() if value is None)


def _check_reading(name: str, template: Mapping[str, PropertyValue], judge: Judge) -> None:
    """Raise ``EmailWithheld`` when a reader would miss a part of the footer, or see something that is not meant for them.

    ``template`` has the texts as they are in Notion.
    """
    parts = {
        part: str(template.get(part) or "")
        for part in (notion_names.TEMPLATE_SUBJECT, notion_names.TEMPLATE_HTML, notion_names.TEMPLATE_TEXT)
    }
    parsed = [template_text.parse(text) for text in parts.values()]
    if any(part.malformed or part.unbalanced for part in parsed):
        # The malformed text may have been a footer placeholder. Filling in the template reports it.
        return
    verdict = judge(parts[notion_names.TEMPLATE_HTML])
    problems = [f'"{notion_names.TEMPLATE_HTML}": {fault.problem}' for fault in verdict.faults]
    for part in (notion_names.TEMPLATE_SUBJECT, notion_names.TEMPLATE_TEXT):
        left_over = template_text.left_over(parts[part])
        if left_over is not None:
            problems.append(f'"{part}": a reader sees braces: {left_over}')
    missing = footer.missing(parts, verdict)
    if missing:
        gaps = "; ".join(
            f'"{part}" lacks {", ".join(f"{{{{{placeholder}}}}}" for placeholder in placeholders)}'
            for part, placeholders in missing.items()
        )
        detail = f'The template "{name}" lacks a part of the legally required footer: {"; ".join([gaps, *problems])}.'
        raise EmailWithheld(Outcome.FAILED, Reason.TEMPLATE_WITHOUT_FOOTER, detail)
    if problems:
        detail = f'A reader would not see the template "{name}" as it is meant: {"; ".join(problems)}.'
        raise EmailWithheld(Outcome.FAILED, Reason.TEMPLATE_MALFORMED, detail)


def sources(record: Record, number: int, settings: Settings) -> tuple[Source, ...]:
    """Return the sources of placeholder values for e-mail ``number``, in the order in which they are searched."""
    return placeholder_values.sources(
        record.event,
        scheduled=record.emails[number],
        signup=record.signup,
        contact=record.contact,
        settings=settings,
    )


def texts(name: str, active: Sequence[Mapping[str, PropertyValue]]) -> dict[str, str]:
    """Return subject, HTML and plain text of the template ``name`` by property name, before placeholders are filled in.

    ``active`` holds the active templates of this name as plain values. Raises ``EmailWithheld`` unless exactly one template is
    active and it has a subject and an HTML body.
    """
    if not active:
        detail = f'There is no active template "{name}" in Email Templates.'
        raise EmailWithheld(Outcome.FAILED, Reason.TEMPLATE_MISSING, detail)
    if len(active) > 1:
        detail = f'There are {len(active)} active templates "{name}" in Email Templates; only one is allowed.'
        raise EmailWithheld(Outcome.FAILED, Reason.TEMPLATE_AMBIGUOUS, detail)
    parts = {
        part: str(active[0].get(part) or "")
        for part in (notion_names.TEMPLATE_SUBJECT, notion_names.TEMPLATE_HTML, notion_names.TEMPLATE_TEXT)
    }
    for part in (notion_names.TEMPLATE_SUBJECT, notion_names.TEMPLATE_HTML):
        if not parts[part].strip():
            raise EmailWithheld(Outcome.FAILED, Reason.TEMPLATE_EMPTY, f'The template "{name}" has an empty "{part}".')
    return parts


def shown(parts: Mapping[str, str], value_sources: Sequence[Source]) -> dict[str, str]:
    """Return a template's texts without the passages that this contact does not get. The parameters are those of ``letter``.

    A missing plain text is made from the HTML. A text with a malformed placeholder or section stays as it is.
    """

    def is_told(name: str) -> bool:
        return placeholder_values.is_told(name, value_sources)

    texts_shown = dict(parts)
    for part, text in parts.items():
        parsed = template_text.parse(text)
        if not parsed.malformed and not parsed.unbalanced:
            texts_shown[part] = sections.passages(text, is_told)
    if not texts_shown[notion_names.TEMPLATE_TEXT].strip():
        texts_shown[notion_names.TEMPLATE_TEXT] = plain_text.from_html(texts_shown[notion_names.TEMPLATE_HTML])
    return texts_shown


def letter(name: str, parts: Mapping[str, str], value_sources: Sequence[Source]) -> Letter:
    """Fill in the placeholders of the template ``name``. ``parts`` comes from ``texts``, ``value_sources`` from ``sources``.

    Raises ``EmailWithheld`` when a placeholder is malformed or has no value, when a section is not balanced, or when the
    subject or the HTML ends up empty.
    """

    def value(placeholder: Placeholder) -> str | None:
        match = placeholder_values.find(placeholder, value_sources)
        return match[0] if match else None

    filled: dict[str, str] = {}
    faults: dict[str, TemplateError] = {}
    for part, text in shown(parts, value_sources).items():
        try:
            parsed = template_text.parse(text)
            if parsed.malformed or parsed.unbalanced:
                raise TemplateError([], list(parsed.malformed), parsed.unbalanced)
            filled[part] = template_text.fill(text, value, escape=part == notion_names.TEMPLATE_HTML)
        except TemplateError as error:
            faults[part] = error
    if faults:
        malformed = any(error.malformed or error.unbalanced for error in faults.values())
        detail = "; ".join(f'"{part}": {error}' for part, error in faults.items())
        reason = Reason.TEMPLATE_MALFORMED if malformed else Reason.VALUE_MISSING
        missing = () if malformed else tuple(dict.fromkeys(name for fault in faults.values() for name in fault.missing))
        raise EmailWithheld(Outcome.FAILED, reason, f'The template "{name}" cannot be filled in: {detail}.', missing)
    subject = one_line(filled[notion_names.TEMPLATE_SUBJECT])
    if not filled[notion_names.TEMPLATE_HTML].strip():
        raise EmailWithheld(
            Outcome.FAILED, Reason.TEMPLATE_EMPTY, f'The template "{name}" has an empty "{notion_names.TEMPLATE_HTML}".'
        )
    if not subject:
        raise EmailWithheld(
            Outcome.FAILED,
            Reason.TEMPLATE_EMPTY,
            f'The template "{name}" has an empty "{notion_names.TEMPLATE_SUBJECT}".',
        )
    return Letter(subject, filled[notion_names.TEMPLATE_HTML], filled[notion_names.TEMPLATE_TEXT])


def one_line(text: str) -> str:
    """Return ``text`` on a single line, as a subject must be: each line break and the spaces around it become one space."""
    return " ".join(filter(None, map(str.strip, re.split(r"[\r\n\v\f\x85\u2028\u2029]+", text))))


def mailbox(name: str, address: str) -> str:
    """Return the value of a From header. The name is quoted where RFC 5322 requires it."""
    if re.search(r"[()<>\[\]:;@\\,.\"]", name):
        escaped = re.sub(r'(["\\])', r"\\\1", name)
        name = f'"{escaped}"'
    return f"{name} <{address}>"
