"""The input of the flow `enroll`: the event, and more values that the flow needs to enrol the contact."""

from __future__ import annotations

from christmas_campaign.campaign import times
from christmas_campaign.enrolment import lookups, signers
from christmas_campaign.events import opaque_ids
from christmas_campaign.events.intake import Event
from christmas_campaign.json_types import Json, JsonObject
from christmas_campaign.stops import bookings, rules
from christmas_campaign.stops.bookings import ContactStop
from christmas_campaign.stops.rules import Stop


def enroll_input(event: Event) -> JsonObject:
    """Return the input ``event`` of the flow `enroll` as JSON values: ``Event.as_json`` and these fields.

    - ``lookups``: the Notion queries.
    - ``duplicate``: the reason for skipping an event that was enrolled before.
    - ``signup``: the id of the contact's signup enrolment, or ``None``.
    - ``stop``: the KV key of the contact's stops.
    - ``bought``: inputs of the flow `stop` for a purchase, or ``None``.
    - ``ends`` and ``cancels``: only of an event about a call, for the flow `booking`: the stops that it writes for the contact
      and for the guests of the call, as inputs of the flow `stop`, and whether the event only ends e-mails.
    """
    ends = bookings.booking_stops(event)
    own = opaque_ids.contact_id(event.email)
    all_ends = [*(ContactStop(own, stop) for stop in ends), *bookings.guest_stops(event)]
    booking_fields: JsonObject = {"ends": [_end(*end) for end in all_ends], "cancels": event.cancels} if ends else {}
    return {
        **event.as_json(),
        "lookups": lookups.lookups(event).as_json(),
        "duplicate": event.own_sequence.duplicate,
        "signup": lookups.signup_id(event),
        "stop": rules.key_of(event),
        "bought": _bought(event),
        **booking_fields,
    }


def _end(contact: str, stop: Stop) -> Json:
    """Return the inputs of the flow `stop` for a stop that a booking writes."""
    at = times.text(stop.at)
    return {"contact": contact, "reason": stop.reason, "at": at, "by": stop.by, "booking": stop.booking or ""}


def _bought(event: Event) -> Json:
    stop = rules.purchase_stop(event)
    # As long as it is not known which signer bought, nobody's sequences end.
    if stop is None or signers.are_several(event):
        return None
    contact = opaque_ids.contact_id(event.email)
    return {"contact": contact, "reason": stop.reason, "by": stop.by, "at": times.text(stop.at)}
