"""The JSON Schemas of the webhooks of Calendly, Cal.com and DocuSign Connect."""

from __future__ import annotations

from christmas_campaign.door.openapi.field_schemas import ALL, EMAIL, KINDS, SOON, TIME, optional
from christmas_campaign.events import provider_payloads
from christmas_campaign.json_types import JsonObject
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.model import PayloadForm


def schemas() -> JsonObject:
    """Return the schemas by the name of the form."""
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
        "description": f"Calendly's own webhook. There is no email next to event. {ALL}",
        "required": ["event", "payload"],
        "properties": {
            "event": {"enum": list(provider_payloads.CALENDLY_NO_SHOWS)},
            "payload": _invitee(TIME, {}, {}),
            "email": False,
            "variables": False,
        },
    }


def _calendly_booking() -> JsonObject:
    invitee = _invitee(
        SOON,
        {
            "location": _with_text("join_url"),
            "event_memberships": {"items": _with_text("user_name")},
        },
        {"rescheduled": {"type": ["boolean", "null"]}, "created_at": optional(TIME)},
    )
    return {
        "type": "object",
        "description": f"Calendly's own webhook about a booking. There is no email next to event. {ALL}",
        "required": ["event", "payload"],
        "properties": {
            "event": {"enum": list(provider_payloads.CALENDLY_BOOKINGS)},
            "payload": invitee,
            "created_at": optional(TIME),
            "email": False,
            "variables": False,
        },
    }


def _invitee(start_time: JsonObject, of_meeting: JsonObject, of_invitee: JsonObject) -> JsonObject:
    """Return the schema of Calendly's invitee. The URI of the call is in one of two places."""
    text = KINDS[field_types.text]
    meeting: JsonObject = {
        "type": "object",
        "required": ["start_time"],
        "properties": {"uri": optional(text), "start_time": start_time, "name": optional(text), **of_meeting},
    }
    with_address: JsonObject = {"type": "object", "required": ["uri"], "properties": {"uri": text}}
    return {
        "type": "object",
        "required": ["email", "scheduled_event"],
        "properties": {
            "email": EMAIL,
            "first_name": optional(text),
            "name": {**optional(text), "type": ["string", "null"]},
            "event": {"description": "Used if there is no scheduled_event.uri."},
            "scheduled_event": meeting,
            "reschedule_url": optional(text),
            **of_invitee,
        },
        "anyOf": [
            {"properties": {"scheduled_event": with_address}},
            {"required": ["event"], "properties": {"event": text}},
        ],
    }


def _cal_com_booking() -> JsonObject:
    return {
        "type": "object",
        "description": f"Cal.com's own webhook about a booking. There is no email next to triggerEvent. {ALL}",
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
        "description": f"A booking in the form of the old system: in payload.booking. {ALL}",
        "required": ["payload"],
        "properties": {
            "triggerEvent": {
                "enum": list(provider_payloads.CAL_COM_BOOKINGS),
                "description": "If missing, the call counts as booked.",
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
    """Return the schema of Cal.com's booking."""
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
            "organizer": _with_text("name"),
            "metadata": _with_text("videoCallUrl"),
            "rescheduleUid": optional(text),
            "rescheduledToUid": optional(text),
            "location": {"description": "Used if it is a URL that begins with https://."},
            "bookerUrl": {"description": "Used if it is a URL that begins with https://."},
        },
    }


def _with_text(name: str) -> JsonObject:
    """Return the schema of an object that may have a text ``name``. There is no type: other values are ignored."""
    return {"properties": {name: optional(KINDS[field_types.text])}}


def _docusign() -> JsonObject:
    text: JsonObject = {"type": ["string", "null"]}
    labelled: JsonObject = {"type": "object", "properties": {"name": text, "value": text}}
    tab: JsonObject = {
        "type": "object",
        "properties": {"tabLabel": text, "value": text, "paymentDetails": {"type": ["object", "null"]}},
    }
    signer: JsonObject = {
        "type": "object",
        "properties": {
            "email": text,
            "firstName": text,
            "name": text,
            "routingOrder": {"type": ["string", "integer"]},
            "tabs": {"type": "object", "additionalProperties": {"type": "array", "items": tab}},
        },
    }
    custom: JsonObject = {"type": "array", "items": labelled}
    envelope: JsonObject = {
        "type": "object",
        "required": ["status", "recipients"],
        "properties": {
            "status": {"type": "string", "description": f"Is {provider_payloads.COMPLETED} once everybody has signed."},
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
            "DocuSign Connect's own message for an event. A custom field of the envelope, or a tab of a signer, can give each "
            f"of the values {', '.join(provider_payloads.LABELLED)}. If one that onboarding requires is missing, the answer "
            f"is 422. The envelope alone, as in older messages, is accepted too. {ALL}"
        ),
        "required": ["event", "data"],
        "properties": {
            "event": {
                "type": "string",
                "description": f"Is {provider_payloads.COMPLETED_EVENT} once everybody has signed.",
            },
            "data": {"type": "object", "required": ["envelopeSummary"], "properties": {"envelopeSummary": envelope}},
            "email": False,
        },
    }
