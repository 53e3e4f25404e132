"""Finding a contact's pages in Notion: what is asked, and which of the pages found is the one of an event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import NamedTuple

from christmas_campaign.campaign import facts, notion_names, times
from christmas_campaign.events import opaque_ids
from christmas_campaign.events.intake import Event
from christmas_campaign.json_types import Json, JsonObject
from christmas_campaign.notion import page_values, schema
from christmas_campaign.notion.page_values import Page, PropertyValue, Value
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.field_types import Plain
from christmas_campaign.sequences.model import Field, Sequence
from christmas_campaign.sequences.registry import SEQUENCES
from christmas_campaign.sequences.signup import SIGNUP


class Lookups(NamedTuple):
    """The bodies of the Notion queries that ``plan`` needs, each the oldest first.

    ``pages`` finds the pages of the event's sequence and of the contact's signup, and those that say why the contact was
    stopped. ``portals`` is ``None`` where no portal is made.
    """

    contact: JsonObject
    pages: JsonObject
    portals: JsonObject | None

    def as_json(self) -> JsonObject:
        """Return the queries as a flow gets them; one that is not asked is not there."""
        return {name: query for name, query in self._asdict().items() if query is not None}


def lookups(event: Event) -> Lookups:
    """Return the Notion queries for an event.

    Each asks so narrowly that what it needs is among the first hundred results, however many pages the address has.
    """
    own = event.own_sequence
    # Notion takes filters within filters two levels deep and no deeper: hence "or" outside and "and" inside.
    either = [_page_filter(event.email, SIGNUP.template_type)]
    if own.is_assessment:
        either.append(_page_filter(event.email, None))
    else:
        either += _event_filters(event)
    either.append(_stopped_filter(event.email))
    portals = None
    if own.makes_portal:
        portals = _oldest_first(page_values.equals(schema.PORTALS, notion_names.PORTAL_EMAIL, event.email))
    contact = _oldest_first(page_values.equals(schema.CONTACTS, notion_names.CONTACT_EMAIL, event.email))
    return Lookups(contact, _oldest_first({"or": [*either]}), portals)


def _oldest_first(query_filter: JsonObject) -> JsonObject:
    return {"filter": query_filter, "sorts": [{"timestamp": "created_time", "direction": "ascending"}]}


def _page_filter(email: str, template_type: str | None) -> JsonObject:
    """Pages of this campaign, of a type or (``None``) without one."""
    return {
        "and": [
            page_values.equals(schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email),
            page_values.equals(schema.SEQUENCE_PAGES, notion_names.PAGE_CAMPAIGN, facts.NAME),
            _type_filter(template_type),
        ]
    }


def _type_filter(template_type: str | None) -> JsonObject:
    kind: JsonObject = {"is_empty": True} if template_type is None else {"equals": template_type}
    return page_values.where(schema.SEQUENCE_PAGES, notion_names.PAGE_TEMPLATE_TYPE, kind)


def _stopped_filter(email: str) -> JsonObject:
    """Pages of this campaign that say why the contact was stopped."""
    return {
        "and": [
            page_values.equals(schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email),
            page_values.equals(schema.SEQUENCE_PAGES, notion_names.PAGE_CAMPAIGN, facts.NAME),
            page_values.where(schema.SEQUENCE_PAGES, notion_names.PAGE_STOPPED, {"is_not_empty": True}),
        ]
    }


def _event_filters(event: Event) -> list[JsonObject]:
    """Pages of this sequence that may be of this event: one filter for each way in which it may be written. Where the sequence
    adopts pages, also those without a type."""
    own = event.own_sequence
    found = _filters_of_type(event, own.template_type)
    return [*found, *_filters_of_type(event, None)] if own.adopts else found


def _filters_of_type(event: Event, template_type: str | None) -> list[JsonObject]:
    of_sequence: list[Json] = [
        page_values.equals(schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, event.email),
        _type_filter(template_type),
    ]
    field = event_field(event.own_sequence)
    if field is None or field.property is None:
        return [
            {"and": [*of_sequence, page_values.equals(schema.SEQUENCE_PAGES, notion_names.PAGE_CAMPAIGN, facts.NAME)]}
        ]
    name, said = field.property, str(event.fields[field.name])
    if schema.SEQUENCE_PAGES.property(name).type == "date":
        # A day without a time of day has no one instant in Notion: a day more on both sides, and ``plan`` looks closely.
        day, margin = times.parse(said).date(), timedelta(days=1)
        since = page_values.where(schema.SEQUENCE_PAGES, name, {"on_or_after": (day - margin).isoformat()})
        until = page_values.where(schema.SEQUENCE_PAGES, name, {"on_or_before": (day + margin).isoformat()})
        return [{"and": [*of_sequence, since, until]}]
    # As this system writes it, and as it came: so the old system wrote it.
    written = dict.fromkeys([str(for_page(field, said)), said])
    return [{"and": [*of_sequence, page_values.equals(schema.SEQUENCE_PAGES, name, each)]} for each in written]


def event_field(own: Sequence) -> Field | None:
    """Return the field that tells the events of a sequence apart, ``None`` if a contact enters it once."""
    return None if own.event_field is None else own.field(own.event_field)


def signup_id(event: Event) -> str | None:
    """Return the id of the contact's signup in this campaign, under which its record is kept; ``None`` for a signup itself."""
    return None if event.own_sequence.is_assessment else opaque_ids.enrolment_id(SIGNUP, event.email, {})


def own_page(event: Event, pages: Iterable[Page]) -> Page | None:
    """The page of this contact, this sequence and this event, or one without a type, which no system has enrolled."""
    own = event.own_sequence
    untyped = []
    for page in pages:
        if page_values.archived(page):
            continue
        said = page_values.plain(page)
        kind = said.get(notion_names.PAGE_TEMPLATE_TYPE)
        if kind == own.template_type and is_of_event(event, said):
            return page
        # A page that tells an event was released for that event: no signup takes it.
        of_another = own.event_field is None and _tells_event(said)
        if kind is None and own.adopts and is_of_event(event, said) and not of_another:
            untyped.append(page)
    return untyped[0] if untyped else None


def _tells_event(said: Mapping[str, PropertyValue]) -> bool:
    return any(said.get(str(field.property)) is not None for each in SEQUENCES if (field := event_field(each)))


def is_of_event(event: Event, said: Mapping[str, PropertyValue]) -> bool:
    own = event.own_sequence
    field = event_field(own)
    if field is None or field.property is None:
        return said.get(notion_names.PAGE_CAMPAIGN) == facts.NAME
    on_page, given = said.get(field.property), str(event.fields[field.name])
    if own.event_is_time:
        return page_values.moment(on_page) == times.parse(given)
    if own.event_time_field is not None:
        at = own.field(own.event_time_field)
        # The page has it to the second.
        when = times.parse(str(event.fields[at.name])).replace(microsecond=0)
        return on_page == given and page_values.moment(said.get(str(at.property))) == when
    return on_page == given


def signup_fields(event: Event, signup: Event | None, pages: Iterable[Page]) -> dict[str, Plain]:
    """What the contact's signup in this campaign said: as it is kept, else as far as its page tells."""
    if event.own_sequence.is_assessment:
        return {}
    if signup is not None:
        return signup.fields
    for page in pages:
        said = page_values.plain(page)
        if (
            not page_values.archived(page)
            and said.get(notion_names.PAGE_CAMPAIGN) == facts.NAME
            and said.get(notion_names.PAGE_TEMPLATE_TYPE) == SIGNUP.template_type
        ):
            named = {field.name: said.get(field.property) for field in SIGNUP.fields if field.property}
            return {name: value for name, value in named.items() if value is not None}
    return {}


def names(event: Event, signup: Mapping[str, Plain], contact: Mapping[str, PropertyValue]) -> dict[str, Plain]:
    """Return ``first_name`` and ``business_name`` as the pages are to say them; a call of Calendly's or DocuSign's own need not
    bring them.

    The event's come first, then what the contact's ``signup`` said, then her page in BusinessX (``contact``, plain values),
    then what is said of a contact whom nobody has named. The e-mails look in the same order.
    """
    found: dict[str, Plain] = {}
    for name, unnamed in facts.UNNAMED.items():
        known = (event.value(name), signup.get(name), contact.get(name))
        found[name] = next((value for value in known if value is not None and not field_types.blank(value)), unnamed)
    return found


def for_page(field: Field, value: Plain) -> Value:
    """A field's value as its property holds it: a time as text in the campaign's zone, for people read it there."""
    kind = schema.SEQUENCE_PAGES.property(str(field.property)).type
    if kind == "number" and not isinstance(value, list):
        return value
    if field.kind is field_types.time:
        said = str(value).strip()
        if kind == "date":
            return said if times.is_date(said) else times.parse(said)
        return times.local(times.parse(said))
    return field_types.as_text(value)
