"""The calls that Calendly, Cal.com and DocuSign Connect make of their own, as JSON Schema."""

from __future__ import annotations

from christmas_campaign.door.openapi.field_schemas import ALL, EMAIL, KINDS, SOON, TIME, optional
from christmas_campaign.events import provider_payloads
from christmas_campaign.json_types import JsonObject
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.model import PayloadForm


def schemas() -> JsonObject:
    """Return the schemas of the forms by their names."""
    return {
        PayloadForm.CALENDLY_NO_SHOW.value: _calendly(),
        PayloadForm.DOCUSIGN_ENVELOPE.value: _docusign(),
        PayloadForm.CALENDLY_BOOKING.value: _calendly_booking(),
        PayloadForm.CAL_COM_BOOKING.value: _cal_com_booking(),
        PayloadForm.CAL_COM_OLD_BOOKING.value: _cal_com_old_booking(),
    }


def _calendly() -> JsonObject:
    return {
        "type": "object",
        "description": f"Calendly's own call. It has no email beside the event. {ALL}",
        "required": ["event", "payload"],
        "properties": {
            "event": {"const": provider_payloads.NO_SHOW},
            "payload": _invitee(TIME, {}, {}),
            "email": False,
            "variables": False,
        },
    }


def _calendly_booking() -> JsonObject:
    invitee = _invitee(
        SOON,
        {
            "location": _named("join_url"),
            "event_memberships": {"items": _named("user_name")},
        },
        {"rescheduled": {"type": ["boolean", "null"]}, "created_at": optional(TIME)},
    )
    return {
        "type": "object",
        "description": f"Calendly's own call about a booking. It has no email beside the event. {ALL}",
        "required": ["event", "payload"],
        "properties": {
            "event": {"enum": list(provider_payloads.CALENDLY_BOOKINGS)},
            "payload": invitee,
            "created_at": optional(TIME),
            "email": False,
            "variables": False,
        },
    }


def _invitee(starts: JsonObject, of_meeting: JsonObject, own: JsonObject) -> JsonObject:
    """The person whom Calendly's calls are about; the call has its address at one of two places."""
    text = KINDS[field_types.text]
    meeting: JsonObject = {
        "type": "object",
        "required": ["start_time"],
        "properties": {"uri": optional(text), "start_time": starts, "name": optional(text), **of_meeting},
    }
    with_address: JsonObject = {"type": "object", "required": ["uri"], "properties": {"uri": text}}
    return {
        "type": "object",
        "required": ["email", "scheduled_event"],
        "properties": {
            "email": EMAIL,
            "first_name": optional(text),
            "name": {**optional(text), "type": ["string", "null"]},
            "event": {"description": "Stands for scheduled_event.uri where that is not there."},
            "scheduled_event": meeting,
            "reschedule_url": optional(text),
            **own,
        },
        "anyOf": [
            {"properties": {"scheduled_event": with_address}},
            {"required": ["event"], "properties": {"event": text}},
        ],
    }


def _cal_com_booking() -> JsonObject:
    return {
        "type": "object",
        "description": f"Cal.com's own call about a booking. It has no email beside triggerEvent. {ALL}",
        "required": ["triggerEvent", "payload"],
        "properties": {
            "triggerEvent": {"enum": list(provider_payloads.CAL_COM_BOOKINGS)},
            "payload": _booking(),
            "createdAt": optional(TIME),
            "email": False,
            "variables": False,
            "event": False,
        },
    }


def _cal_com_old_booking() -> JsonObject:
    return {
        "type": "object",
        "description": f"A booking in the form that the old system took: within payload.booking. {ALL}",
        "required": ["payload"],
        "properties": {
            "triggerEvent": {
                "enum": list(provider_payloads.CAL_COM_BOOKINGS),
                "description": "Without it, the call is booked.",
            },
            "payload": {
                "type": "object",
                "required": ["booking"],
                "properties": {"booking": _booking(), "uid": False},
            },
            "createdAt": optional(TIME),
            "email": False,
            "variables": False,
            "event": False,
        },
    }


def _booking() -> JsonObject:
    """A booking as Cal.com describes it."""
    text = KINDS[field_types.text]
    attendee: JsonObject = {
        "type": "object",
        "required": ["email"],
        "properties": {
            "email": EMAIL,
            "name": {**optional(text), "type": ["string", "null"]},
            "firstName": optional(text),
        },
    }
    return {
        "type": "object",
        "required": ["uid", "startTime", "attendees"],
        "properties": {
            "uid": text,
            "startTime": SOON,
            "attendees": {"type": "array", "minItems": 1, "items": attendee},
            "eventTitle": optional(text),
            "title": optional(text),
            "organizer": _named("name"),
            "metadata": _named("videoCallUrl"),
            "location": {"description": "Used if it is an address that begins with https://."},
            "bookerUrl": {"description": "Used if it is an address that begins with https://."},
        },
    }


def _named(name: str) -> JsonObject:
    """Where a text may stand under a name. Anything that is no object has no text, which is as good: so there is no type."""
    return {"properties": {name: optional(KINDS[field_types.text])}}


def _docusign() -> JsonObject:
    said: JsonObject = {"type": ["string", "null"]}
    labelled: JsonObject = {"type": "object", "properties": {"name": said, "value": said}}
    tab: JsonObject = {
        "type": "object",
        "properties": {"tabLabel": said, "value": said, "paymentDetails": {"type": ["object", "null"]}},
    }
    signer: JsonObject = {
        "type": "object",
        "properties": {
            "email": said,
            "firstName": said,
            "name": said,
            "routingOrder": {"type": ["string", "integer"]},
            "tabs": {"type": "object", "additionalProperties": {"type": "array", "items": tab}},
        },
    }
    custom: JsonObject = {"type": "array", "items": labelled}
    envelope: JsonObject = {
        "type": "object",
        "required": ["status", "recipients"],
        "properties": {
            "status": {"type": "string", "description": f"Is {provider_payloads.COMPLETED} when everybody has signed."},
            "recipients": {
                "type": "object",
                "required": ["signers"],
                "properties": {"signers": {"type": "array", "items": signer}},
            },
            "customFields": {"type": "object", "properties": {"textCustomFields": custom, "listCustomFields": custom}},
        },
    }
    return {
        "type": "object",
        "description": (
            "DocuSign Connect's own message for an event. A custom field, or a tab of a signer, is looked for under each of "
            f"the names {', '.join(provider_payloads.LABELLED)}: what of them onboarding requires and is not there is refused "
            "with 422. "
            f"The envelope itself, as in the older messages, is read too. {ALL}"
        ),
        "required": ["event", "data"],
        "properties": {
            "event": {
                "type": "string",
                "description": f"Is {provider_payloads.COMPLETED_EVENT} when everybody has signed.",
            },
            "data": {"type": "object", "required": ["envelopeSummary"], "properties": {"envelopeSummary": envelope}},
            "email": False,
        },
    }
