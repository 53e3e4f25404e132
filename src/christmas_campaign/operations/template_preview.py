"""One e-mail as one contact would get it, and where each value came from: by the functions that compose the real one."""

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
    """There is nothing to show; the message says what to mend."""


class Value(NamedTuple):
    """One placeholder, and its value and the source that had it (both ``None``: none had one)."""

    placeholder: Placeholder
    value: str | None
    source: str | None


class Known(NamedTuple):
    """What is known of a contact besides the event: the plain values of her page in BusinessX, and what her signup said."""

    contact: Mapping[str, Any]
    signup: Mapping[str, Plain]


class Preview(NamedTuple):
    """What an e-mail would say: ``letter``, or ``None`` and the ``problem``; ``active`` is whether its template is."""

    template: str
    active: bool
    sequence: str
    number: int
    scheduled: datetime
    values: tuple[Value, ...]
    letter: Letter | None
    problem: str | None

    def as_json(self) -> JsonObject:
        """Return it as JSON shows it."""
        said = self.letter._asdict() if self.letter else dict.fromkeys(Letter._fields)
        found = [
            {
                "name": each.placeholder.name,
                "fallback": each.placeholder.fallback,
                "value": each.value,
                "source": each.source,
            }
            for each in self.values
        ]
        about = {"template": self.template, "active": self.active, "sequence": self.sequence, "number": self.number}
        return {**about, "scheduled": times.text(self.scheduled), **said, "problem": self.problem, "values": found}


def event_of(file: Path, sequence_name: str, now: datetime) -> Event:
    """Return the event that the payload in ``file`` would be if it arrived at ``now``. Raises ``PreviewError``."""
    try:
        return intake.read(json.loads(file.read_text(encoding="utf-8")), sequence_name, now)
    except (OSError, ValueError) as error:
        raise PreviewError(f"{file} is no payload: {error}") from None
    except InvalidPayload as error:
        problems = "; ".join(f"{each.field} {each.problem}" for each in error.problems)
        raise PreviewError(f"{file} is no payload of {sequence_name}: {problems}") from None


def known(notion: Notion, environment: Environment, event: Event) -> Known:
    """Return what Notion knows of the event's contact. Raises ``CommandError``.

    What Kestra keeps of her signup is not asked, so those of its fields are missing that no property in Notion holds.
    """
    asked = lookups.lookups(event)
    contacts = notion.pages(notion.data_source(environment.database(schema.CONTACTS)), asked.contact)
    contact = next((page_values.plain(page) for page in contacts), {})
    if lookups.signup_id(event) is None:
        return Known(contact, {})
    pages = notion.pages(notion.data_source(environment.database(schema.SEQUENCE_PAGES)), asked.pages)
    return Known(contact, lookups.signup_fields(event, None, list(pages)))


def preview(
    name: str,
    event: Event,
    pages: Sequence[Page],
    *,
    number: int | None,
    known: Known,
    settings: Settings,
) -> Preview:
    """Return what e-mail ``number`` of the event's sequence would say, made from the template ``name`` among ``pages`` (plain
    values): from its active page if there is one. ``number`` may be left out; the first e-mail counts then if none uses it.

    Raises ``PreviewError`` when there is no such template or e-mail.
    """
    named = [page for page in pages if template_check.name_of(page) == name]
    if not named:
        there = ", ".join(sorted({template_check.name_of(page) for page in pages}))
        raise PreviewError(f'there is no template "{name}"; there are: {there or "none"}')
    active = [page for page in named if page.get(notion_names.TEMPLATE_STATUS) == notion_names.TEMPLATE_ACTIVE]
    own = event.own_sequence
    if number is None:
        using = [email.number for email in own.emails if email.template == name]
        number = (using or [own.emails[0].number])[0]
    try:
        own.email(number)
    except UnknownEmail as error:
        raise PreviewError(str(error)) from None
    told = event.fields.get(own.anchor_field) if own.anchor_field else None
    anchor = times.parse(told) if isinstance(told, str) else event.received_at
    planned = schedule.due_times(own, anchor, event.received_at, {}, settings)
    # An e-mail before a call that is too near is not planned; the preview shows it all the same.
    scheduled = planned.get(number, anchor + own.delays(settings)[number])
    record = Record(event, known.contact, {**planned, number: scheduled}, {}, known.signup)
    asked = compose.sources(record, number, settings)
    letter, problem = None, None
    found: tuple[Value, ...] = ()
    try:
        parts = compose.texts(name, active or named)
        found = _values(parts, asked)
        letter = compose.letter(name, parts, asked)
    except EmailWithheld as withheld:
        problem = withheld.detail
    return Preview(name, bool(active), own.name, number, scheduled, found, letter, problem)


def _values(parts: Mapping[str, str], asked: Sequence[placeholder_values.Source]) -> tuple[Value, ...]:
    found: dict[Placeholder, Value] = {}
    for text in parts.values():
        for each in template_text.parse(text).placeholders:
            value, source = placeholder_values.find(each, asked) or (None, None)
            found.setdefault(each, Value(each, value, source))
    return tuple(found.values())
