"""The calls that Calendly, Cal.com and DocuSign make of their own, for the events of ``build.event``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def calendly(invitee: Mapping[str, Any] | None = None, /, **meeting: Any) -> dict[str, Any]:
    """A missed call, with these properties of the invitee and the scheduled event besides or instead."""
    scheduled = {
        "uri": "https://api.calendly.com/scheduled_events/AAA",
        "name": "A call",
        "start_time": "2025-11-20T14:00:00.000000Z",
    }
    return {
        "event": "invitee_no_show.created",
        "created_at": "2025-11-20T14:30:00.000000Z",
        "payload": {
            "email": " Zoe@Example.com",
            "first_name": "Zoë",
            "last_name": "O'Neil",
            "name": "Zoë O'Neil",
            "reschedule_url": "https://calendly.example.com/r/AAA",
            "scheduled_event": {**scheduled, **meeting},
            **(invitee or {}),
        },
    }


def calendly_booking(event: str = "invitee.created", /, **invitee: Any) -> dict[str, Any]:
    """A call that was booked or cancelled at Calendly, with these properties of the invitee besides or instead."""
    return {
        "event": event,
        "created_at": "2025-11-20T14:30:00.000000Z",
        "payload": {
            "email": " Zoe@Example.com",
            "name": "Zoë O'Neil",
            "reschedule_url": "https://calendly.example.com/r/AAA",
            "rescheduled": False,
            "created_at": "2025-11-20T14:00:00.000000Z",
            "scheduled_event": {
                "uri": "https://api.calendly.com/scheduled_events/AAA",
                "name": "A call",
                "start_time": "2025-11-24T15:00:00.000000Z",
                "location": {"type": "zoom", "join_url": "https://zoom.example.com/1"},
                "event_memberships": [{"user_name": "Sang Le"}, {"user_name": "Another"}],
            },
            **invitee,
        },
    }


def cal_com(event: str = "BOOKING_CREATED", /, **booking: Any) -> dict[str, Any]:
    """A call that was booked, moved or cancelled at Cal.com, with these properties of the booking besides or instead."""
    return {
        "triggerEvent": event,
        "createdAt": "2025-11-20T14:00:00.000Z",
        "payload": {
            "uid": "AAA",
            "startTime": "2025-11-24T15:00:00Z",
            "title": "A call between Sang Le and Zoë O'Neil",
            "eventTitle": "A call",
            "bookerUrl": "https://cal.example.com/",
            "organizer": {"name": "Sang Le", "email": "sang@example.com"},
            "attendees": [{"email": " Zoe@Example.com", "name": "Zoë O'Neil"}, {"email": "guest@example.com"}],
            "responses": {"email": {"value": "zoe@example.com"}},
            "location": "integrations:daily",
            "metadata": {"videoCallUrl": "https://video.example.com/1"},
            **booking,
        },
    }


def cal_com_old(**booking: Any) -> dict[str, Any]:
    """The same booking in the form that the old system took, with these properties besides or instead."""
    given = {
        "uid": "AAA",
        "startTime": "2025-11-24T15:00:00Z",
        "attendees": [{"email": " Zoe@Example.com", "name": "Zoë O'Neil", "timeZone": "America/Toronto"}],
    }
    return {"payload": {"booking": {**given, **booking}}}


def signer(email: Any = "zoe@example.com", order: Any = "1", name: Any = "Zoë O'Neil", **more: Any) -> dict[str, Any]:
    """The contact as one who signs, or somebody else."""
    return {"email": email, "name": name, "routingOrder": order, **more}


#: What an envelope's custom fields say of a payment.
PAID = {"payment_confirmed": "true", "payment_amount": "2997", "payment_date": "2025-11-20T14:00:00Z"}


def envelope(*signers: Any, custom: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The summary of an envelope that is signed and, by its custom fields, paid."""
    named = PAID if custom is None else custom
    return {
        "status": "completed",
        "customFields": {"textCustomFields": [{"name": name, "value": value} for name, value in named.items()]},
        "recipients": {"signers": list(signers or (signer(),))},
        **more,
    }


def docusign(*signers: Any, **more: Any) -> dict[str, Any]:
    """DocuSign's message about such an envelope."""
    return {"event": "envelope-completed", "data": {"envelopeSummary": envelope(*signers, **more)}}


def tabs(**kinds: Any) -> dict[str, Any]:
    """The contact, with these kinds of tabs."""
    return signer(tabs=kinds)
