"""Bookings: the stops that a booked, moved or cancelled call causes, and the update of the contact's page in BusinessX.

Calls of the webhook arrive in any order, repeatedly and late. The stops of a booking therefore count from when it was made,
and the stop of a cancellation names its booking. Only the newest booking updates the contact's page, and only while it is not
cancelled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from christmas_campaign.campaign import email_address, notion_names, times
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.events import opaque_ids
from christmas_campaign.events.intake import Event
from christmas_campaign.notion import addresses, page_values, schema
from christmas_campaign.notion.page_values import Page, PageUpdate, Value
from christmas_campaign.sequences.noshow import WITHDRAWN
from christmas_campaign.sequences.precall import CANCELLED, REQUESTED
from christmas_campaign.stops import rules
from christmas_campaign.stops.rules import Source, Stop

#: The flow that handles a booking.
FLOW = "booking"


class ContactStop(NamedTuple):
    """The stop of one contact (an opaque id)."""

    contact: str
    stop: Stop


class ContactUpdate(NamedTuple):
    """The update of the contact's page in BusinessX (``None``: no change), and a sentence for the log."""

    request: PageUpdate | None
    note: str


def booking_stops(event: Event) -> tuple[Stop, ...]:
    """Return the stops that an event about a call causes; none for other events.

    - A booking ends the sequences that it makes unnecessary, and the e-mails about the contact's earlier calls.
    - A cancellation ends the e-mails of this booking. If the call moves, it ends them only for the old time.
    - A request ends the e-mails of the booking that it replaces, which may have the same name at another time.
    - A withdrawn report of a missed call ends the e-mails about that call.
    """
    status = event.status
    if status == WITHDRAWN:
        return (Stop(Reason.NOSHOW_WITHDRAWN, event.received_at, Source.BOOKING, event.missed_call),)
    if event.booking is None:
        return ()
    if moves(event):
        return (Stop(Reason.CALL_MOVED, event.received_at, Source.BOOKING, event.call),)
    if status == CANCELLED:
        return (Stop(Reason.CALL_CANCELLED, event.received_at, Source.BOOKING, event.booking),)
    if status == REQUESTED:
        replaced = [event.booking]
        if moved_from := event.fields.get("moved_from"):
            replaced.append(opaque_ids.booking_id(event.email, str(moved_from)))
        return tuple(Stop(Reason.CALL_MOVED, event.happened_at, Source.BOOKING, booking) for booking in replaced)
    return tuple(Stop(reason, event.happened_at, Source.BOOKING) for reason in (Reason.BOOKED, Reason.CALL_MOVED))


def guest_stops(event: Event) -> tuple[ContactStop, ...]:
    """Return the stops that a cancelled or moved call causes for the others in it, who may have booked a seat of their own."""
    guests = event.fields.get("guests")
    if not event.cancels or not isinstance(guests, list):
        return ()
    emails = []
    for guest in guests:
        try:
            emails.append(email_address.normalise(guest))
        except ValueError:
            # An address that cannot be sent to gets no e-mails either.
            continue
    return tuple(
        ContactStop(opaque_ids.contact_id(email), stop)
        for email in dict.fromkeys(emails)
        if email != event.email
        for stop in booking_stops(event._replace(fields={**event.fields, "email": email}))
    )


def moves(event: Event) -> bool:
    """Return whether the event cancels a call because it moves to another time."""
    return event.status == CANCELLED and event.fields.get("rescheduled") is True


def contact_update(event: Event, contacts: Iterable[Page], stops: Collection[Stop]) -> ContactUpdate:
    """Decide how a booking or cancellation changes the contact's page in BusinessX.

    ``contacts`` are the pages that Notion returned for the contact's address; the contact's page that was edited last is
    updated. ``stops`` are the contact's stops, including those of ``booking_stops(event)``.
    """
    contacts = contacts_of(event, contacts)
    if not contacts:
        return _no_update("There is no such contact in BusinessX: nothing was updated there.")
    page = contacts[0]
    page_properties = page_values.plain(page)
    status = event.status
    if status == WITHDRAWN:
        if page_properties.get(notion_names.CONTACT_BOOKING) != notion_names.NO_SHOW:
            return _no_update("The contact's page does not say that they missed a call: it stays as it is.")
        # What the page said before the report of the missed call.
        booked: dict[str, Value] = {notion_names.CONTACT_BOOKING: notion_names.BOOKED}
        return _update(page, booked, "The contact did not miss the call: the contact's page says so.")
    if status == REQUESTED or moves(event):
        return _no_update("The call moves: the contact's page changes with the new booking.")
    call_time = times.parse(str(event.fields["scheduled_time"]))
    if event.cancels:
        page_call_time = page_values.moment(page_properties.get(notion_names.CONTACT_CALL))
        if (
            page_properties.get(notion_names.CONTACT_BOOKING) != notion_names.BOOKED
            or page_call_time is None
            or _minute(page_call_time) != _minute(call_time)
        ):
            return _no_update("The contact's page names another call, or none: it stays as it is.")
        values: dict[str, Value] = {
            notion_names.CONTACT_BOOKING: notion_names.NOT_BOOKED,
            notion_names.CONTACT_CALL: None,
        }
        return _update(page, values, "The call was cancelled: the contact's page says so.")
    overtaken_by = rules.ending_stop([stop for stop in stops if stop.reason not in rules.BY_PERSON], event)
    if overtaken_by is not None:
        note = f"This booking is no longer valid ({overtaken_by.reason}): the contact's page stays as it is."
        return _no_update(note)
    values = {
        notion_names.CONTACT_BOOKING: notion_names.BOOKED,
        notion_names.CONTACT_CALL: call_time,
        notion_names.CONTACT_STATUS: notion_names.PRE_CALL,
    }
    return _update(page, values, "The call was booked: the contact's page says so.")


def contacts_of(event: Event, pages: Iterable[Page]) -> list[Page]:
    """Return the contact's pages among those of BusinessX that Notion returned, the last edited first."""
    return addresses.last_edited_first(addresses.of_contact(pages, notion_names.CONTACT_EMAIL, event.email))


def several_contacts(contacts: Sequence[Page]) -> str | None:
    """Return a sentence for the owner if several pages in BusinessX have the contact's address; otherwise ``None``."""
    if len(contacts) < 2:
        return None
    return f"BusinessX has {len(contacts)} contacts with this address, and the one edited last counts: leave only one."


def _minute(moment: datetime) -> datetime:
    """Return the moment without seconds: Notion shows none, and a person may have typed the time there."""
    return moment.replace(second=0, microsecond=0)


def _no_update(note: str) -> ContactUpdate:
    return ContactUpdate(None, note)


def _update(page: Page, values: dict[str, Value], note: str) -> ContactUpdate:
    return ContactUpdate(page_values.update(page, schema.CONTACTS, values), note)
