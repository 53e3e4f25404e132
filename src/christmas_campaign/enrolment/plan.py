"""The plan of an enrolment: whether the contact enters the sequence, what her pages say then, and when each e-mail goes out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from christmas_campaign.campaign import facts, notion_names, times
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.campaign.segments import Segment, classify
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.enrolment import schedule
from christmas_campaign.enrolment.alerts import alert
from christmas_campaign.enrolment.lookups import for_page, names, own_page, signup_fields
from christmas_campaign.enrolment.record import Record, time_to_live
from christmas_campaign.events.intake import Event
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion import page_values, schema
from christmas_campaign.notion.page_values import Page, PageRequest, PageUpdate, PropertyValue, Value
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.field_types import Plain
from christmas_campaign.sequences.signup import E1_FAILED
from christmas_campaign.stops import marks, rules
from christmas_campaign.stops.marks import Known
from christmas_campaign.stops.rules import Lifts, Stop

#: What a new customer's portal says, unless the payload names days.
NEXT_STEPS = "We agree on the days of the observation in your salon."


class Enrol(NamedTuple):
    """An enrolment: everything that it writes.

    ``record`` is kept for ``ttl`` (an ISO 8601 duration), ``known`` is where the contact's pages are. ``page`` writes the
    contact's page in Email Sequence, ``contact`` updates their page in BusinessX (``None``: there is no contact, or nothing to
    say), ``portal`` is the body that creates the customer's portal (``None``: no portal is made). ``alert`` is the body of a
    Discord message about a signup (``None``: its segment asks for none), ``note`` a sentence for the log.
    """

    record: Record
    ttl: str
    known: Known
    contact: PageUpdate | None
    page: PageRequest
    portal: JsonObject | None
    alert: JsonObject | None
    note: str


class Skip(NamedTuple):
    """No enrolment: why, a sentence for the log, and whether a person should act."""

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
    stopped: Collection[Stop] = (),
    lifts: Lifts | None = None,
    signup: Event | None = None,
    sources: Mapping[str, str],
    settings: Settings,
    now: datetime,
) -> Enrol | Skip:
    """Decide what an event leads to.

    ``contacts``, ``pages`` and ``portals`` are what the queries of ``lookups`` found, ``begun`` says whether an earlier
    enrolment for this very event was recorded but not finished, and ``planned`` when its e-mails were due (UTC); ``stopped``
    is what stops the contact, ``lifts`` when the contact's stops were lifted (``None``: nothing is kept about the contact),
    ``signup`` their signup as it is kept (``None``: it is not, or this is one), ``sources`` are the ids of Notion's data
    sources ``pages``, ``templates``, ``analytics`` and, for a portal, ``portals``; ``now`` is the moment of the plan
    (aware).
    """
    found = event.own_sequence
    own = own_page(event, pages)
    said = page_values.plain(own) if own else {}
    if own and said.get(notion_names.PAGE_TEMPLATE_TYPE) is not None and not begun:
        return Skip(found.duplicate, "This very event has its page in Email Sequence already.")
    stop = rules.ending(stopped, event)
    # What was begun is finished all the same, or the repair would find it unfinished for ever: no e-mail passes the gate.
    if stop is not None and not begun:
        return Skip(stop.reason, f"The contact was stopped for this sequence on {times.for_owner(stop.at)}.")
    marked = [mark for page in pages if (mark := marks.on_page(page)) is not None and marks.holds(mark, lifts)]
    if marked and not begun:
        return Skip(marked[0].reason, f'A page of the contact says "{notion_names.PAGE_STOPPED}": {marked[0].reason}.')
    if found.needs_contact and not contacts:
        note = "There is no contact with this address in BusinessX: add it, then run this again. Nothing was sent."
        return Skip(Reason.CONTACT_NOT_FOUND, note, warns=True)

    sent = _sent(said)
    anchor = _anchor(event, said, sent, settings)
    dates = schedule.due_times(found, anchor, now, sent, settings, planned)
    if not dates and begun and found.only_what_fits:
        # It did fit when it was begun, and it is to come to an end: the gate knows what is too late.
        dates = {found.emails[-1].number: now}
    if not dates:
        why = (
            "It is too late for any of its e-mails."
            if found.only_what_fits
            else "The page says that every e-mail was sent."
        )
        return Skip(Reason.NOTHING_LEFT_TO_SEND, why)

    contact = contacts[0] if contacts else None
    kept = {name: sources[name] for name in ("templates", "analytics")}
    known = page_values.plain(contact) if contact else {}
    record = Record(event, known, dates, kept, signup_fields(event, signup, pages))
    # ``first`` is what the page is to say of the e-mail that the website sent; what it says already stays.
    first = anchor if 1 not in sent and found.is_assessment and _told_anchor(event) is not None else None
    segment = _segment(event)
    named = names(event, record.signup, known)
    values = _page_values(event, named, segment, first, now)
    return Enrol(
        record=record,
        ttl=time_to_live(max(dates.values()), now),
        known=marks.known(event.email, sources["pages"], str(contact["id"]) if contact else None),
        contact=_contact_update(event, segment, contact, first or sent.get(1)),
        page=_page_request(own, said, values, sources["pages"]),
        portal=_portal(event, named, portals, known, sources, now) if found.makes_portal else None,
        alert=alert(event, segment) if segment else None,
        note=_note(found.name, contacts, own is not None, dates),
    )


def _sent(said: Mapping[str, PropertyValue]) -> dict[int, datetime]:
    sent = {}
    for number in notion_names.PAGE_EMAILS:
        when = page_values.moment(said.get(notion_names.page_sent(number)))
        if when is not None:
            sent[number] = when
    return sent


def _told_anchor(event: Event) -> datetime | None:
    field = event.own_sequence.anchor_field
    if field is None or _first_email_failed(event):
        return None
    told = event.fields.get(field)
    return times.parse(told) if isinstance(told, str) else None


def _first_email_failed(event: Event) -> bool:
    """Return whether the website says that it could not send E1: then the time that it gives for E1 does not count."""
    return str(event.fields.get("email_1_status")).strip().lower() == E1_FAILED


def _anchor(
    event: Event, said: Mapping[str, PropertyValue], sent: Mapping[int, datetime], settings: Settings
) -> datetime:
    """Return the moment (UTC) that the delays of the event's sequence count from.

    For a signup it is the first of these that is known: the time of E1 in the payload; ``Email 1 Sent`` on the page; the
    latest of the other ``Email n Sent``, minus the delay of that e-mail (the old system never fills in ``Email 1 Sent``);
    ``Signup Date``; the arrival of the webhook. ``said`` are the plain values of the contact's page, ``sent`` what it says
    was sent.
    """
    found, told = event.own_sequence, _told_anchor(event)
    if found.only_what_fits and told is not None:
        return schedule.call_time(found, told, event.received_at, settings) or event.received_at
    if found.anchor_field is None:
        return event.received_at
    return (
        told
        or sent.get(1)
        or _anchor_by_latest_email(sent, found.delays(settings))
        or _signup_date(said, event.received_at)
        or event.received_at
    )


def _anchor_by_latest_email(sent: Mapping[int, datetime], delays: Mapping[int, timedelta]) -> datetime | None:
    """Return the anchor for which the e-mail that was sent last was on time, ``None`` if none of the sequence was sent."""
    latest = max(((when, number) for number, when in sent.items() if number in delays), default=None)
    return None if latest is None else latest[0] - delays[latest[1]]


def _signup_date(said: Mapping[str, PropertyValue], arrived: datetime) -> datetime | None:
    """Return the moment (UTC) that ``Signup Date`` on the page stands for, ``None`` if the page has none.

    A date without a time of day is that day in the campaign's zone, at the time of day at which the webhook arrived: so a
    signup of today counts from its arrival, and no e-mail is due at midnight. A signup is never later than its arrival.
    """
    value = said.get(notion_names.PAGE_SIGNUP_DATE)
    moment = page_values.moment(value)
    if moment is None:
        return None
    if times.is_date(str(value)):
        local = arrived.astimezone(facts.ZONE)
        moment = datetime.combine(moment.astimezone(facts.ZONE), local.time(), facts.ZONE).astimezone(UTC)
    return min(moment, arrived)


def _page_values(
    event: Event, named: Mapping[str, Plain], segment: Segment | None, first: datetime | None, now: datetime
) -> dict[str, Value]:
    found = event.own_sequence
    values: dict[str, Value] = {
        notion_names.PAGE_NAME: f"{event.email} - {found.template_type}",
        notion_names.PAGE_TEMPLATE_TYPE: found.template_type,
        notion_names.PAGE_CAMPAIGN: facts.NAME,
        notion_names.PAGE_CREATED: now,
    }
    for field in found.fields:
        value = named.get(field.name, event.value(field.name))
        if field.property is not None and value is not None:
            values[field.property] = for_page(field, value)
    if segment is not None:
        values[notion_names.PAGE_SEGMENT] = segment.name
        values[notion_names.PAGE_SIGNUP_DATE] = event.received_at
        values[notion_names.PAGE_ASSESSED] = True
    if first is not None:
        values[notion_names.page_sent(1)] = first
    return values


def _page_request(
    own: Page | None, said: Mapping[str, PropertyValue], values: Mapping[str, Value], data_source: str
) -> PageRequest:
    if own is None:
        body: JsonObject = {
            "parent": {"type": "data_source_id", "data_source_id": data_source},
            "properties": page_values.properties(schema.SEQUENCE_PAGES, values),
        }
        return PageRequest("POST", "/v1/pages", body)
    # What the page says already was said by the website or by a person: only what is empty is filled in.
    empty = {name: value for name, value in values.items() if said.get(name) is None or said.get(name) is False}
    return PageRequest("PATCH", *page_values.update(own, schema.SEQUENCE_PAGES, empty))


def _contact_update(
    event: Event, segment: Segment | None, contact: Page | None, first: datetime | None
) -> PageUpdate | None:
    if contact is None:
        return None
    values: dict[str, Any] = dict(event.own_sequence.contact_properties)
    if segment is not None:
        values |= {
            notion_names.CONTACT_SCORE: event.value("assessment_score"),
            notion_names.CONTACT_SEGMENT: segment.name,
        }
        if first is not None:
            values |= {notion_names.contact_sent(1): True, notion_names.contact_date(1): first}
    if not values:
        return None
    return page_values.update(contact, schema.CONTACTS, values)


def _portal(
    event: Event,
    named: Mapping[str, Plain],
    portals: Iterable[Page],
    contact: Mapping[str, PropertyValue],
    sources: Mapping[str, str],
    now: datetime,
) -> JsonObject | None:
    """The body that makes the customer's portal; ``None`` when the customer has one."""
    business = str(named["business_name"])
    title = f"{business} - Customer Portal"
    if any(page_values.plain(each).get(notion_names.PORTAL_NAME) == title for each in portals):
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
    """The segment that an assessment gives; the other events say nothing of it."""
    if not event.own_sequence.is_assessment:
        return None
    return classify(field_types.whole(event.value("red_systems")), field_types.whole(event.value("orange_systems")))


def _note(name: str, contacts: Sequence[Page], adopted: bool, dates: Mapping[int, datetime]) -> str:
    said = [f"Enrolled in {name}: {len(dates)} e-mail(s) scheduled."]
    if not contacts:
        said.append("There is no such contact in BusinessX: nothing was updated there.")
    elif len(contacts) > 1:
        said.append(f"There are {len(contacts)} contacts with this address in BusinessX: the oldest was updated.")
    if adopted:
        said.append("The page was there already and was adopted.")
    return " ".join(said)
