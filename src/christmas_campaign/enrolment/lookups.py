"""A contact's pages in Notion: the queries, and which of the pages they return belongs to an event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import NamedTuple

from christmas_campaign.campaign import facts, names, notion_names, times
from christmas_campaign.enrolment import signers
from christmas_campaign.events import opaque_ids
from christmas_campaign.events.intake import Event
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion import addresses, page_values, schema
from christmas_campaign.notion.page_values import Page, PropertyValue, Value
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.field_types import Plain
from christmas_campaign.sequences.model import Field, Sequence
from christmas_campaign.sequences.registry import SEQUENCES
from christmas_campaign.sequences.signup import SIGNUP
from christmas_campaign.stops import bookings

OLDEST_FIRST: JsonObject = {"timestamp": "created_time", "direction": "ascending"}
LAST_EDITED_FIRST: JsonObject = {"timestamp": "last_edited_time", "direction": "descending"}


class Lookups(NamedTuple):
    """The bodies of the Notion queries that ``plan`` needs.

    ``contact`` queries BusinessX by address, the last edited page first. ``pages`` queries Email Sequence for the pages of the
    event's sequence, of the contact's signup, and those with a stop reason; ``portals`` queries Customer Projects (``None``:
    the sequence makes no portal). Both sort pages by creation time, the oldest first.
    """

    contact: JsonObject
    pages: JsonObject
    portals: JsonObject | None

    def as_json(self) -> JsonObject:
        """Return the queries by name for a flow, without those that are ``None``."""
        return {name: query for name, query in self._asdict().items() if query is not None}


def lookups(event: Event) -> Lookups:
    """Return the Notion queries for an event.

    Notion returns at most 100 pages a request. The filters are narrow, so that the pages needed are always among them.
    """
    others = signers.candidates(event)[1:]
    contact: JsonObject = {
        "and": addresses.conditions(schema.CONTACTS, notion_names.CONTACT_EMAIL, event.email, others)
    }
    # Notion nests filters two levels deep at most: "or" within one "and".
    pages = addresses.conditions(schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, event.email)
    pages.append({"or": [*_page_filters(event)]})
    portals = None
    if event.own_sequence.makes_portal:
        portal_conditions = addresses.conditions(schema.PORTALS, notion_names.PORTAL_EMAIL, event.email)
        portals = _query({"and": portal_conditions}, OLDEST_FIRST)
    return Lookups(_query(contact, LAST_EDITED_FIRST), _query({"and": pages}, OLDEST_FIRST), portals)


def contacts_of(event: Event, pages: Iterable[Page]) -> list[Page]:
    """Return the contact's pages among those that the query ``contact`` returned, the last edited first."""
    return bookings.contacts_of(event, pages)


def sequence_pages_of(event: Event, pages: Iterable[Page]) -> list[Page]:
    """Return the contact's pages among those that the query ``pages`` returned."""
    return addresses.of_contact(pages, notion_names.PAGE_EMAIL, event.email)


def portals_of(event: Event, pages: Iterable[Page]) -> list[Page]:
    """Return the contact's pages among those that the query ``portals`` returned."""
    return addresses.of_contact(pages, notion_names.PORTAL_EMAIL, event.email)


def _query(query_filter: JsonObject, sort: JsonObject) -> JsonObject:
    return {"filter": query_filter, "sorts": [sort]}


def _page_filters(event: Event) -> list[JsonObject]:
    """Return the filters of which a contact's page must meet one. ``own_page`` and ``is_page_of_event`` compare exactly."""
    sequence = event.own_sequence
    filters = [_type_filter(SIGNUP.template_type)]
    if sequence.is_assessment:
        filters.append(_type_filter(None))
    else:
        filters += _event_filters(event)
    stopped = page_values.where(schema.SEQUENCE_PAGES, notion_names.PAGE_STOPPED, {"is_not_empty": True})
    return [*filters, stopped]


def _type_filter(template_type: str | None) -> JsonObject:
    """Return the filter for pages that have a template type, or (``None``) have none."""
    condition: JsonObject = {"is_empty": True} if template_type is None else {"equals": template_type}
    return page_values.where(schema.SEQUENCE_PAGES, notion_names.PAGE_TEMPLATE_TYPE, condition)


def _event_filters(event: Event) -> list[JsonObject]:
    """Return the filters for pages of this event, one for each spelling of the event field."""
    sequence = event.own_sequence
    field = event_field(sequence)
    if field is None or field.property is None:
        filters = [_type_filter(sequence.template_type)]
        return [*filters, _type_filter(None)] if sequence.adopts else filters
    name, payload_value = field.property, str(event.fields[field.name])
    if schema.SEQUENCE_PAGES.property(name).type == "date":
        # A Notion date without a time of day matches different instants by time zone. The query therefore includes the day
        # before. Later dates are included too, because an "and" would be a level too deep.
        since = times.parse(payload_value).date() - timedelta(days=1)
        return [page_values.where(schema.SEQUENCE_PAGES, name, {"on_or_after": since.isoformat()})]
    # This system writes the converted value; the old system wrote the payload's value as it was.
    spellings = dict.fromkeys([str(property_value(field, payload_value)), payload_value])
    return [page_values.equals(schema.SEQUENCE_PAGES, name, spelling) for spelling in spellings]


def event_field(sequence: Sequence) -> Field | None:
    """Return the field that tells the events of a sequence apart; ``None`` if a contact enters it once a campaign."""
    return None if sequence.event_field is None else sequence.field(sequence.event_field)


def signup_id(event: Event) -> str | None:
    """Return the enrolment id of the contact's signup in this campaign; ``None`` if the event is a signup itself."""
    return None if event.own_sequence.is_assessment else opaque_ids.enrolment_id(SIGNUP, event.email, {})


def own_page(event: Event, pages: Iterable[Page]) -> Page | None:
    """Return the page in Email Sequence of this contact, sequence and event, or ``None``.

    A page with the sequence's template type comes first. If there is none, the event may adopt its oldest page without a
    template type, which no system has enrolled. Archived pages are ignored.
    """
    sequence = event.own_sequence
    untyped_pages = []
    for page in pages:
        if page_values.archived(page):
            continue
        values = page_values.plain(page)
        template_type = values.get(notion_names.PAGE_TEMPLATE_TYPE)
        if template_type == sequence.template_type and is_page_of_event(event, values):
            return page
        # A page with the event field of another sequence was released for that event: a signup does not adopt it.
        is_of_other_event = sequence.event_field is None and _has_event_field(values)
        if template_type is None and sequence.adopts and is_page_of_event(event, values) and not is_of_other_event:
            untyped_pages.append(page)
    return untyped_pages[0] if untyped_pages else None


def _has_event_field(values: Mapping[str, PropertyValue]) -> bool:
    """Return whether a page (plain values) has a value for the event field of any sequence."""
    fields = [field for sequence in SEQUENCES if (field := event_field(sequence))]
    return any(values.get(str(field.property)) is not None for field in fields)


def is_of_campaign(page: Page) -> bool:
    """Return whether a page in Email Sequence belongs to this campaign."""
    return page_values.plain(page).get(notion_names.PAGE_CAMPAIGN) == facts.NAME


def is_page_of_event(event: Event, values: Mapping[str, PropertyValue]) -> bool:
    """Return whether a page of the event's sequence (plain values) belongs to the event."""
    sequence = event.own_sequence
    field = event_field(sequence)
    if field is None or field.property is None:
        return values.get(notion_names.PAGE_CAMPAIGN) == facts.NAME
    page_value, payload_value = values.get(field.property), str(event.fields[field.name])
    if sequence.event_is_time:
        return page_values.moment(page_value) == times.parse(payload_value)
    if sequence.event_time_field is not None:
        time_field = sequence.field(sequence.event_time_field)
        # The page has the time without fractions of a second.
        event_time = times.parse(str(event.fields[time_field.name])).replace(microsecond=0)
        page_time = page_values.moment(values.get(str(time_field.property)))
        return page_value == payload_value and page_time == event_time
    return page_value == payload_value


def signup_fields(event: Event, signup: Event | None, pages: Iterable[Page]) -> dict[str, Plain]:
    """Return the fields of the contact's signup in this campaign, by name; empty for a signup itself, and if there is none.

    ``signup`` is the event of the signup (``None``: Kestra does not have its record). Without it the fields are read from the
    signup's page, which has a property for some of them.
    """
    if event.own_sequence.is_assessment:
        return {}
    if signup is not None:
        return names.without_unusable(signup.fields)
    for page in pages:
        values = page_values.plain(page)
        if (
            not page_values.archived(page)
            and values.get(notion_names.PAGE_CAMPAIGN) == facts.NAME
            and values.get(notion_names.PAGE_TEMPLATE_TYPE) == SIGNUP.template_type
        ):
            fields = {field.name: values.get(field.property) for field in SIGNUP.fields if field.property}
            return names.without_unusable({name: value for name, value in fields.items() if value is not None})
    return {}


def contact_names(event: Event, signup: Mapping[str, Plain], contact: Mapping[str, PropertyValue]) -> dict[str, Plain]:
    """Return ``first_name`` and ``business_name`` for the contact's pages. Payloads of Calendly and DocuSign may lack them.

    The sources in their order, which is that of the e-mails too: the event; ``signup``, the fields of the contact's signup;
    ``contact``, the plain values of their page in BusinessX; ``facts.UNNAMED``.
    """
    names_of_contact: dict[str, Plain] = {}
    for name, unnamed in facts.UNNAMED.items():
        candidates = (event.value(name), signup.get(name), contact.get(name))
        present = (value for value in candidates if value is not None and not field_types.blank(value))
        names_of_contact[name] = next(present, unnamed)
    return names_of_contact


def property_value(field: Field, value: Plain) -> Value:
    """Return a field's value for its property in Email Sequence. A time in a text property is in the campaign's zone."""
    property_type = schema.SEQUENCE_PAGES.property(str(field.property)).type
    if property_type == "number" and not isinstance(value, list):
        return value
    if field.kind is field_types.time:
        text = str(value).strip()
        if property_type == "date":
            return text if times.is_date(text) else times.parse(text)
        return times.local(times.parse(text))
    return field_types.as_text(value)
