"""The plan of an enrolment: whether the contact is enrolled, the values of their pages, and when each e-mail is due."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from christmas_campaign.campaign import facts, notion_names, times
from christmas_campaign.campaign import names as names_check
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.campaign.segments import Segment, classify
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.enrolment import lookups, schedule
from christmas_campaign.enrolment.alerts import signup_alert
from christmas_campaign.enrolment.lookups import contact_names, own_page, property_value, signup_fields
from christmas_campaign.enrolment.record import Record, time_to_live
from christmas_campaign.events.intake import Event
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion import page_values, schema
from christmas_campaign.notion.page_values import Page, PageRequest, PageUpdate, PropertyValue, Value
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.field_types import Plain
from christmas_campaign.sequences.signup import E1_FAILED
from christmas_campaign.stops import bookings, marks, rules
from christmas_campaign.stops.marks import PageQuery
from christmas_campaign.stops.rules import Lifts, Stop

#: Why a name of the payload is not used, for the title of the contact's page.
NAME_REPLACED = f"it has an address or more than {names_check.LONGEST} characters"

#: The next steps in a new customer's portal, if the payload has no observation dates.
NEXT_STEPS = "We agree on the days of the observation in your salon."


class Enrol(NamedTuple):
    """The contact is enrolled: everything that the flow `enroll` writes.

    - ``record``: the record of the enrolment. ``ttl``: its time to live, an ISO 8601 duration.
    - ``known``: where the contact's pages are.
    - ``contact``: the request that updates the contact's page in BusinessX; ``None`` if there is no page or no change.
    - ``page``: the request that writes the contact's page in Email Sequence.
    - ``portal``: the body that creates the customer's portal; ``None`` if none is created.
    - ``alert``: the body of a Discord message about a signup; ``None`` if its segment asks for none.
    - ``note``: a sentence for the log. ``warning``: what a person should look at, without data of the contact; or ``None``.
    """

    record: Record
    ttl: str
    known: PageQuery
    contact: PageUpdate | None
    page: PageRequest
    portal: JsonObject | None
    alert: JsonObject | None
    note: str
    warning: str | None = None


class Skip(NamedTuple):
    """The contact is not enrolled: the reason, a sentence for the log (``note``), and whether a person should act."""

    reason: Reason
    note: str
    warns: bool = False


def plan(
    event: Event,
    *,
    contacts: Sequence[Page],
    pages: Sequence[Page],
    portals: Sequence[Page] = (),
    begun: bool,
    planned: Mapping[int, datetime] = {},
    stops: Collection[Stop] = (),
    lifts: Lifts | None = None,
    signup: Event | None = None,
    sources: Mapping[str, str],
    settings: Settings,
    now: datetime,
) -> Enrol | Skip:
    """Decide whether an event enrols the contact.

    - ``contacts``, ``pages``, ``portals``: the contact's pages that the Notion queries of ``lookups`` returned. Of several
      contacts the first counts: the last edited.
    - ``begun``: whether Kestra has the record of an earlier enrolment for this event that was not finished.
    - ``planned``: when the e-mails of that earlier enrolment are due (UTC).
    - ``stops``: the contact's suppression, and ``lifts`` when it was lifted (``None``: Kestra has no entry for the contact).
    - ``signup``: the event of the contact's signup (``None``: Kestra does not have it, or the event is one itself).
    - ``sources``: the ids of the Notion data sources ``pages``, ``templates``, ``analytics`` and, for a portal, ``portals``.
    - ``now``: the time of this decision (aware).
    """
    sequence = event.own_sequence
    own = own_page(event, pages)
    own_values = page_values.plain(own) if own else {}
    if own and own_values.get(notion_names.PAGE_TEMPLATE_TYPE) is not None and not begun:
        return Skip(sequence.duplicate, "This event has its page in Email Sequence already.")
    stop = rules.ending_stop(stops, event)
    # An enrolment that was begun is finished even for a stopped contact; otherwise `repair` would resume it for ever. The gate
    # then skips its e-mails.
    if stop is not None and not begun:
        return Skip(stop.reason, f"The contact was stopped for this sequence on {times.for_owner(stop.at)}.")
    stop_marks = [
        mark
        for page in pages
        if lookups.is_of_campaign(page) and (mark := marks.on_page(page)) is not None and marks.holds(mark, lifts)
    ]
    if stop_marks and not begun:
        reason = stop_marks[0].reason
        return Skip(reason, f'A page of the contact says "{notion_names.PAGE_STOPPED}": {reason}.')
    if sequence.needs_contact and not contacts:
        note = "There is no contact with this address in BusinessX: add it, then run this again. Nothing was sent."
        return Skip(Reason.CONTACT_NOT_FOUND, note, warns=True)

    sent = _sent_times(own_values)
    anchor = _anchor(event, own_values, sent, settings)
    due = schedule.due_times(sequence, anchor, now, sent, settings, planned)
    if not due and begun and sequence.only_what_fits:
        # The enrolment was begun in time and must be finished. It plans its last e-mail, which the gate skips as too late.
        due = {sequence.emails[-1].number: now}
    if not due:
        note = (
            "It is too late for any of its e-mails."
            if sequence.only_what_fits
            else "The page says that every e-mail was sent."
        )
        return Skip(Reason.NOTHING_LEFT_TO_SEND, note)

    contact = contacts[0] if contacts else None
    contact_values = names_check.without_unusable(page_values.plain(contact)) if contact else {}
    email_sources = {name: sources[name] for name in ("templates", "analytics")}
    record = Record(event, contact_values, due, email_sources, signup_fields(event, signup, pages))
    # When the website sent E1, for the page. A time that the page has already stays.
    is_new_e1 = 1 not in sent and sequence.is_assessment and _anchor_in_payload(event) is not None
    e1_sent_at = anchor if is_new_e1 else None
    segment = _segment(event)
    names = contact_names(event, record.signup, contact_values)
    values = _page_values(event, names, segment, e1_sent_at, now)
    return Enrol(
        record=record,
        ttl=time_to_live(max(due.values()), now),
        known=marks.page_query(event.email, sources["pages"], str(contact["id"]) if contact else None),
        contact=_contact_update(event, segment, contact, e1_sent_at or sent.get(1)),
        page=_page_request(event, own, own_values, values, sources["pages"]),
        portal=_portal(event, names, portals, contact_values, sources, now) if sequence.makes_portal else None,
        alert=signup_alert(event, segment) if segment else None,
        note=_note(sequence.name, contacts, own is not None, due),
        warning=bookings.several_contacts(contacts),
    )


def _sent_times(values: Mapping[str, PropertyValue]) -> dict[int, datetime]:
    """Return when each e-mail was sent (UTC), by number, from the plain values of a page in Email Sequence."""
    sent = {}
    for number in notion_names.PAGE_EMAILS:
        sent_at = page_values.moment(values.get(notion_names.page_sent(number)))
        if sent_at is not None:
            sent[number] = sent_at
    return sent


def _anchor_in_payload(event: Event) -> datetime | None:
    """Return the time (UTC) in the payload that the delays count from; ``None`` if there is none."""
    field = event.own_sequence.anchor_field
    if field is None or _first_email_failed(event):
        return None
    value = event.fields.get(field)
    return times.parse(value) if isinstance(value, str) else None


def _first_email_failed(event: Event) -> bool:
    """Return whether the website reports that it could not send E1. Its time for E1 is ignored then."""
    return str(event.fields.get("email_1_status")).strip().lower() == E1_FAILED


def _anchor(
    event: Event, values: Mapping[str, PropertyValue], sent: Mapping[int, datetime], settings: Settings
) -> datetime:
    """Return the time (UTC) that the delays of the event's sequence count from.

    ``values`` are the plain values of the contact's page, ``sent`` when its e-mails were sent (UTC). For a signup the anchor is
    the first of these that exists:

    1. the time of E1 in the payload;
    2. ``Email 1 Sent`` on the page;
    3. the latest of the other ``Email n Sent``, minus that e-mail's delay (the old system never fills in ``Email 1 Sent``);
    4. ``Signup Date`` on the page;
    5. the arrival of the webhook.
    """
    sequence, in_payload = event.own_sequence, _anchor_in_payload(event)
    if sequence.only_what_fits and in_payload is not None:
        return schedule.call_time(sequence, in_payload, event.received_at, settings) or event.received_at
    if sequence.anchor_field is None:
        return event.received_at
    return (
        in_payload
        or sent.get(1)
        or _anchor_by_latest_email(sent, sequence.delays(settings))
        or _signup_date(values, event.received_at)
        or event.received_at
    )


def _anchor_by_latest_email(sent: Mapping[int, datetime], delays: Mapping[int, timedelta]) -> datetime | None:
    """Return the anchor (UTC) from which the e-mail that was sent last was on time; ``None`` if no e-mail was sent."""
    latest = max(((sent_at, number) for number, sent_at in sent.items() if number in delays), default=None)
    return None if latest is None else latest[0] - delays[latest[1]]


def _signup_date(values: Mapping[str, PropertyValue], arrived: datetime) -> datetime | None:
    """Return the time (UTC) of ``Signup Date`` on the page, at most ``arrived``; ``None`` if the page has no such date.

    A date without a time of day is that day in the campaign's zone, at the time of day at which the webhook arrived. So a
    signup of today counts from its arrival, and no e-mail is due at midnight.
    """
    value = values.get(notion_names.PAGE_SIGNUP_DATE)
    moment = page_values.moment(value)
    if moment is None:
        return None
    if times.is_date(str(value)):
        local = arrived.astimezone(facts.ZONE)
        moment = datetime.combine(moment.astimezone(facts.ZONE), local.time(), facts.ZONE).astimezone(UTC)
    return min(moment, arrived)


def _page_values(
    event: Event, names: Mapping[str, Plain], segment: Segment | None, e1_sent_at: datetime | None, now: datetime
) -> dict[str, Value]:
    """Return the values of the contact's page in Email Sequence, by property name."""
    sequence = event.own_sequence
    values: dict[str, Value] = {
        notion_names.PAGE_NAME: f"{event.email} - {sequence.template_type}{_name_note(event)}",
        notion_names.PAGE_TEMPLATE_TYPE: sequence.template_type,
        notion_names.PAGE_CAMPAIGN: facts.NAME,
        notion_names.PAGE_CREATED: now,
    }
    for field in sequence.fields:
        value = names.get(field.name, event.value(field.name))
        if field.property is not None and value is not None:
            values[field.property] = property_value(field, value)
    if segment is not None:
        values[notion_names.PAGE_SEGMENT] = segment.name
        values[notion_names.PAGE_SIGNUP_DATE] = event.received_at
        values[notion_names.PAGE_ASSESSED] = True
    if e1_sent_at is not None:
        values[notion_names.page_sent(1)] = e1_sent_at
    return values


def _name_note(event: Event) -> str:
    """Return the note at the end of a page's title if a name of the payload was replaced."""
    return f" ({' and '.join(event.replaced)} replaced: {NAME_REPLACED})" if event.replaced else ""


def _page_request(
    event: Event,
    own: Page | None,
    own_values: Mapping[str, PropertyValue],
    values: Mapping[str, Value],
    data_source: str,
) -> PageRequest:
    """Return the request that creates the contact's page, or fills in the empty properties of the existing page ``own``."""
    if own is None:
        body: JsonObject = {
            "parent": {"type": "data_source_id", "data_source_id": data_source},
            "properties": page_values.properties(schema.SEQUENCE_PAGES, values),
        }
        return PageRequest("POST", "/v1/pages", body)
    # The website or a person wrote the page's values: they stay. Only the address gets the spelling that every query uses.
    missing = {
        name: value
        for name, value in values.items()
        if own_values.get(name) is None
        or own_values.get(name) is False
        or (name == notion_names.PAGE_EMAIL and own_values[name] != value)
    }
    if _name_note(event):
        missing[notion_names.PAGE_NAME] = f"{own_values.get(notion_names.PAGE_NAME) or event.email}{_name_note(event)}"
    return PageRequest("PATCH", *page_values.update(own, schema.SEQUENCE_PAGES, missing))


def _contact_update(
    event: Event, segment: Segment | None, contact: Page | None, e1_sent_at: datetime | None
) -> PageUpdate | None:
    """Return the request that updates the contact's page in BusinessX; ``None`` if there is no page or no change."""
    if contact is None:
        return None
    values: dict[str, Any] = dict(event.own_sequence.contact_properties)
    if segment is not None:
        values |= {
            notion_names.CONTACT_SCORE: event.value("assessment_score"),
            notion_names.CONTACT_SEGMENT: segment.name,
        }
        if e1_sent_at is not None:
            values |= {notion_names.contact_sent(1): True, notion_names.contact_date(1): e1_sent_at}
    if not values:
        return None
    return page_values.update(contact, schema.CONTACTS, values)


def _portal(
    event: Event,
    names: Mapping[str, Plain],
    portals: Iterable[Page],
    contact: Mapping[str, PropertyValue],
    sources: Mapping[str, str],
    now: datetime,
) -> JsonObject | None:
    """Return the body that creates the customer's portal; ``None`` if the customer has one of this name already."""
    business = str(names["business_name"])
    title = f"{business} - Customer Portal"
    if any(page_values.plain(portal).get(notion_names.PORTAL_NAME) == title for portal in portals):
        return None
    days = event.value("observation_dates")
    values: dict[str, Value] = {
        notion_names.PORTAL_NAME: title,
        notion_names.PORTAL_EMAIL: event.email,
        notion_names.PORTAL_BUSINESS_NAME: business,
        notion_names.PORTAL_CALL: contact.get(notion_names.CONTACT_CALL),
        notion_names.PORTAL_NEXT_STEPS: f"Observation in the salon: {field_types.as_text(days)}"
        if days
        else NEXT_STEPS,
        notion_names.PORTAL_STATUS: notion_names.PORTAL_DELIVERED,
        notion_names.PORTAL_CREATED: now,
    }
    return {
        "parent": {"type": "data_source_id", "data_source_id": sources["portals"]},
        "properties": page_values.properties(schema.PORTALS, values),
    }


def _segment(event: Event) -> Segment | None:
    """Return the segment of an assessment; ``None`` for other events."""
    if not event.own_sequence.is_assessment:
        return None
    return classify(field_types.whole(event.value("red_systems")), field_types.whole(event.value("orange_systems")))


def _note(name: str, contacts: Sequence[Page], is_adopted: bool, due: Mapping[int, datetime]) -> str:
    """Return the note for the log about an enrolment in the sequence ``name``."""
    sentences = [f"Enrolled in {name}: {len(due)} e-mail(s) scheduled."]
    if not contacts:
        sentences.append("BusinessX has no contact with this address: nothing was updated there.")
    if warning := bookings.several_contacts(contacts):
        sentences.append(warning)
    if is_adopted:
        sentences.append("Email Sequence had its page already: it was adopted.")
    return " ".join(sentences)
