"""Previews one e-mail for one contact, with the source of each value, by the functions that compose the real e-mail."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from christmas_campaign.campaign import notion_names, times
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.clients.notion import Notion
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.email import compose, placeholder_values, template_text
from christmas_campaign.email.compose import EmailWithheld, Letter
from christmas_campaign.email.template_text import Placeholder
from christmas_campaign.enrolment import lookups, schedule
from christmas_campaign.enrolment.record import Record
from christmas_campaign.errors import CommandError
from christmas_campaign.events import intake
from christmas_campaign.events.intake import Event, InvalidPayload
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion import page_values, schema
from christmas_campaign.sequences.field_types import Plain
from christmas_campaign.sequences.model import UnknownEmail
from christmas_campaign.templates import template_check
from christmas_campaign.templates.template_check import Page


class PreviewError(CommandError):
    """There is nothing to preview; the message says what to correct."""


class Value(NamedTuple):
    """A placeholder, its value and the source of the value (both ``None``: no source has a value)."""

    placeholder: Placeholder
    value: str | None
    source: str | None


class ContactValues(NamedTuple):
    """Values of a contact besides the event: plain values of their page in BusinessX, and the fields of their signup."""

    contact: Mapping[str, Any]
    signup: Mapping[str, Plain]


class Preview(NamedTuple):
    """The e-mail as ``letter``, or ``None`` and the ``problem``; ``active`` is whether its template is active."""

    template: str
    active: bool
    sequence: str
    number: int
    scheduled: datetime
    values: tuple[Value, ...]
    letter: Letter | None
    problem: str | None

    def as_json(self) -> JsonObject:
        """Return the preview as JSON."""
        letter = self.letter._asdict() if self.letter else dict.fromkeys(Letter._fields)
        values = [
            {
                "name": value.placeholder.name,
                "fallback": value.placeholder.fallback,
                "value": value.value,
                "source": value.source,
            }
            for value in self.values
        ]
        about = {"template": self.template, "active": self.active, "sequence": self.sequence, "number": self.number}
        return {**about, "scheduled": times.text(self.scheduled), **letter, "problem": self.problem, "values": values}


def event_of(file: Path, sequence_name: str, now: datetime) -> Event:
    """Return the event of the payload in ``file`` as if it arrived at ``now`` (aware). Raises ``PreviewError``."""
    try:
        return intake.read(json.loads(file.read_text(encoding="utf-8")), sequence_name, now)
    except (OSError, ValueError) as error:
        raise PreviewError(f"{file} is not a payload: {error}") from None
    except InvalidPayload as error:
        problems = "; ".join(f"{problem.field} {problem.problem}" for problem in error.problems)
        raise PreviewError(f"{file} is not a payload of {sequence_name}: {problems}") from None


def contact_values(notion: Notion, environment: Environment, event: Event) -> ContactValues:
    """Return the values that Notion has of the event's contact. Raises ``CommandError``.

    Kestra's record of the signup is not read, so fields of the signup without a property in Notion are missing.
    """
    queries = lookups.lookups(event)
    contacts = notion.pages(notion.data_source(environment.database(schema.CONTACTS)), queries.contact)
    contact = next((page_values.plain(page) for page in contacts), {})
    if lookups.signup_id(event) is None:
        return ContactValues(contact, {})
    pages = notion.pages(notion.data_source(environment.database(schema.SEQUENCE_PAGES)), queries.pages)
    return ContactValues(contact, lookups.signup_fields(event, None, list(pages)))


def preview(
    name: str,
    event: Event,
    pages: Sequence[Page],
    *,
    number: int | None,
    contact: ContactValues,
    settings: Settings,
) -> Preview:
    """Return e-mail ``number`` of the event's sequence, composed from the template ``name``.

    ``pages`` are the template pages (plain values); an active page of that name is preferred. ``number`` may be ``None``: the
    e-mail that uses the template, or the first one if none does. Raises ``PreviewError`` if there is no such template or
    e-mail.
    """
    named = [page for page in pages if template_check.name_of(page) == name]
    if not named:
        names = ", ".join(sorted({template_check.name_of(page) for page in pages}))
        raise PreviewError(f'there is no template "{name}"; there are: {names or "none"}')
    active = [page for page in named if page.get(notion_names.TEMPLATE_STATUS) == notion_names.TEMPLATE_ACTIVE]
    sequence = event.own_sequence
    if number is None:
        numbers = [email.number for email in sequence.emails if email.template == name]
        number = (numbers or [sequence.emails[0].number])[0]
    try:
        sequence.email(number)
    except UnknownEmail as error:
        raise PreviewError(str(error)) from None
    anchor_text = event.fields.get(sequence.anchor_field) if sequence.anchor_field else None
    anchor = times.parse(anchor_text) if isinstance(anchor_text, str) else event.received_at
    planned = schedule.due_times(sequence, anchor, event.received_at, {}, settings)
    # An e-mail that would be too late before a call is not planned. The preview still shows it.
    scheduled = planned.get(number, anchor + sequence.delays(settings)[number])
    record = Record(event, contact.contact, {**planned, number: scheduled}, {}, contact.signup)
    sources = compose.sources(record, number, settings)
    letter, problem = None, None
    values: tuple[Value, ...] = ()
    try:
        parts = compose.texts(name, active or named)
        values = _values(compose.shown(parts, sources), sources)
        letter = compose.letter(name, parts, sources)
    except EmailWithheld as withheld:
        problem = withheld.detail
    return Preview(name, bool(active), sequence.name, number, scheduled, values, letter, problem)


def _values(parts: Mapping[str, str], sources: Sequence[placeholder_values.Source]) -> tuple[Value, ...]:
    values: dict[Placeholder, Value] = {}
    for text in parts.values():
        for placeholder in template_text.parse(text).placeholders:
            value, source = placeholder_values.find(placeholder, sources) or (None, None)
            values.setdefault(placeholder, Value(placeholder, value, source))
    return tuple(values.values())
