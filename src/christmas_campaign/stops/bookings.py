"""Bookings: what a call that was booked, moved or cancelled ends, and what it says of the contact in BusinessX.

Calls arrive in any order, twice and late. What a booking ends is kept by when it was made, what a cancellation ends by the
booking that it is about; and her page is written only by the newest booking, and only as long as that is not cancelled.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from christmas_campaign.campaign import notion_names, times
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.events.intake import Event
from christmas_campaign.notion import page_values, schema
from christmas_campaign.notion.page_values import Page, PageUpdate, Value
from christmas_campaign.stops import rules
from christmas_campaign.stops.rules import Source, Stop

#: The flow that does what stands here.
FLOW = "booking"


class ContactUpdate(NamedTuple):
    """What a booking changes on the contact's page in BusinessX (``None``: the page stays as it is), and a sentence for the
    log."""

    request: PageUpdate | None
    note: str


def ends(event: Event) -> tuple[Stop, ...]:
    """Return what a booking or a cancellation ends: nothing for every other event.

    A booking ends what moves to it, besides what it makes needless: both as of when it was made.
    """
    if event.booking is None:
        return ()
    if event.cancels:
        return (Stop(Reason.CALL_CANCELLED, event.received_at, Source.BOOKING, event.booking),)
    return tuple(Stop(reason, event.happened_at, Source.BOOKING) for reason in (Reason.BOOKED, Reason.CALL_MOVED))


def contact_update(event: Event, contacts: Sequence[Page], stopped: Collection[Stop]) -> ContactUpdate:
    """Decide what an event says of the contact in BusinessX.

    ``contacts`` are the pages that were found, the oldest first; ``stopped`` is what stops her, kept since ``ends`` was done.
    """
    if not contacts:
        return _stays("There is no such contact in BusinessX: nothing was updated there.")
    page = contacts[0]
    said = page_values.plain(page)
    told = times.parse(str(event.fields["scheduled_time"]))
    if event.cancels:
        kept = page_values.moment(said.get(notion_names.CONTACT_CALL))
        if (
            said.get(notion_names.CONTACT_BOOKING) != notion_names.BOOKED
            or kept is None
            or _minute(kept) != _minute(told)
        ):
            return _stays("The contact's page names another call, or none: it stays as it is.")
        values: dict[str, Value] = {
            notion_names.CONTACT_BOOKING: notion_names.NOT_BOOKED,
            notion_names.CONTACT_CALL: None,
        }
        return _update(page, values, "The call was cancelled: the contact's page says so.")
    over = rules.ending([each for each in stopped if each.reason not in rules.BY_PERSON], event)
    if over is not None:
        return _stays(f"This booking does not hold any more ({over.reason}): the contact's page stays as it is.")
    values = {
        notion_names.CONTACT_BOOKING: notion_names.BOOKED,
        notion_names.CONTACT_CALL: told,
        notion_names.CONTACT_STATUS: notion_names.PRE_CALL,
    }
    return _update(page, values, "The call was booked: the contact's page says so.")


def _minute(moment: datetime) -> datetime:
    """Notion shows no seconds, and a person may have set it there."""
    return moment.replace(second=0, microsecond=0)


def _stays(note: str) -> ContactUpdate:
    return ContactUpdate(None, note)


def _update(page: Page, values: dict[str, Value], note: str) -> ContactUpdate:
    return ContactUpdate(page_values.update(page, schema.CONTACTS, values), note)
