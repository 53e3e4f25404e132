"""What the flow `enroll` is told of an event: the event itself, and what has to be asked and said on the way."""

from __future__ import annotations

from christmas_campaign.campaign import times
from christmas_campaign.enrolment import lookups
from christmas_campaign.events import opaque_ids
from christmas_campaign.events.intake import Event
from christmas_campaign.json_types import Json, JsonObject
from christmas_campaign.stops import bookings, rules
from christmas_campaign.stops.rules import Stop


def enroll_input(event: Event) -> JsonObject:
    """Return the input ``event`` of the flow `enroll`, plain values that are fit for JSON.

    It is ``Event.as_json`` with ``lookups`` (the Notion queries), ``duplicate`` (the reason, if the event was enrolled before),
    ``signup`` (the enrolment of the contact's signup, or ``None``), ``stop`` (the key of what is kept of what stops her) and
    ``bought`` (what a purchase ends, as inputs of the flow `stop`, or ``None``).
    For the flow `booking`, of a booking, also ``ends`` (what it ends, as inputs of the flow `stop`) and ``cancels``.
    """
    ends = bookings.ends(event)
    of_booking: JsonObject = {"ends": [_end(stop) for stop in ends], "cancels": event.cancels} if ends else {}
    return {
        **event.as_json(),
        "lookups": lookups.lookups(event).as_json(),
        "duplicate": event.own_sequence.duplicate,
        "signup": lookups.signup_id(event),
        "stop": rules.key_of(event),
        "bought": _bought(event),
        **of_booking,
    }


def _end(stop: Stop) -> Json:
    """Return the inputs of the flow `stop` for what a booking ends."""
    return {"reason": stop.reason, "at": times.text(stop.at), "by": stop.by, "booking": stop.booking or ""}


def _bought(event: Event) -> Json:
    stop = rules.bought(event)
    if stop is None:
        return None
    contact = opaque_ids.contact_id(event.email)
    return {"contact": contact, "reason": stop.reason, "by": stop.by, "at": times.text(stop.at)}
