"""What calls may hold, as JSON Schema: the flat payloads, and the forms of Calendly, Cal.com and DocuSign Connect.

Whatever fits a flat payload's schema, Calendly's or Cal.com's, is taken; what a schema cannot say is in its description.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from christmas_campaign import addresses, fields, forms, intake
from christmas_campaign.door.bodies import DEPTH, NAME_LENGTH
from christmas_campaign.fields import Kind
from christmas_campaign.sequences import SEQUENCES, sequence

#: Which sequence takes forms of somebody's own, and their names among the schemas.
OWN_FORMS: Mapping[str, tuple[str, ...]] = {
    "noshow": ("calendly",),
    "onboarding": ("docusign",),
    "precall": ("calendly_booking", "cal_com_booking"),
}

# Text without control characters, and with something to read in it; a number is taken as its text.
_CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f"
_SHOWN = f"^[^{_CONTROL}]*$"
_FILLED = rf"^[^{_CONTROL}]*[^\s{_CONTROL}][^{_CONTROL}]*$"


def _text(longest: int, pattern: str = _FILLED) -> dict[str, Any]:
    number = {"exclusiveMinimum": -1e15, "exclusiveMaximum": 1e15}
    return {"type": ["string", "number"], "maxLength": longest, "pattern": pattern, **number}


def _any_case(*words: str) -> str:
    """The pattern for one of these words, in any case, or for none: blank text is nothing given."""
    spelt = ("".join(f"[{letter.upper()}{letter.lower()}]" for letter in word) for word in words)
    return rf"^\s*({'|'.join(spelt)})?\s*$"


_EMAIL = {
    "type": "string",
    "format": "email",
    "maxLength": addresses.MAX_LENGTH,
    "description": "Letters of ASCII alone.",
}
_TIME = {
    "type": "string",
    "format": "date-time",
    "description": "ISO 8601; a day alone is taken too. From 2000 to 2200.",
}
_ITEM = {**_text(fields.TEXT_LENGTH, _SHOWN), "type": ["string", "number", "null"]}

#: What a field of each kind holds; text that is a number, or true or false, is taken as one too.
_KINDS: Mapping[Kind, dict[str, Any]] = {
    fields.email: _EMAIL,
    fields.text: _text(fields.TEXT_LENGTH),
    fields.notes: _text(fields.NOTES_LENGTH),
    fields.score: {
        "type": ["number", "string"],
        "minimum": 0,
        "maximum": 100,
        "pattern": r"^(100|[0-9]{1,2}(\.[0-9]{1,9})?)$",
    },
    fields.systems: {"type": ["integer", "string"], "minimum": 0, "maximum": 8, "pattern": "^[0-8]$"},
    fields.dollars: {"type": ["integer", "string"], "minimum": 0, "maximum": 1_000_000_000, "pattern": "^[0-9]{1,9}$"},
    fields.amount: {
        "type": ["number", "string"],
        "minimum": 0,
        "maximum": 1_000_000_000,
        "multipleOf": 0.01,
        "pattern": r"^[0-9]{1,9}(\.[0-9]{1,2})?$",
        "description": "Dollars, with cents at the most.",
    },
    fields.flag: {"type": ["boolean", "string"], "pattern": _any_case("true", "false")},
    fields.texts: {
        "type": ["array", "string"],
        "items": _ITEM,
        "maxItems": fields.LIST_LENGTH,
        "maxLength": fields.TEXT_LENGTH,
        "pattern": _SHOWN,
        "description": "One text alone is a list of one.",
    },
    fields.time: _TIME,
}

#: A call may be a year off, and not more.
_SOON = {
    **_TIME,
    "description": f"{_TIME['description']} Not more than {sequence('precall').anchor_ahead.days} days from now.",
}

#: What is more to say of a field than its kind does.
_TRUE: dict[str, Any] = {"type": ["boolean", "string"], "enum": [True, "true", "True", "TRUE"]}
_OWN: Mapping[str, dict[str, Any]] = {
    "payment_confirmed": {**_TRUE, "description": "Onboarding starts when the contract is paid."},
    "docusign_completed": {**_TRUE, "description": "Onboarding starts when the contract is signed."},
    "follow_up_priority": {"type": "string", "pattern": _any_case("High", "Medium", "Low")},
    "call_outcome": {
        **_KINDS[fields.text],
        "description": f"{intake.MAYBE}, in any case, starts the sequence; anything else is skipped.",
    },
    "email_1_sent_at": {
        **_TIME,
        "description": f"{_TIME['description']} Not more than {sequence('signup').anchor_ahead.days} days from now.",
    },
    "status": {"type": "string", "pattern": _any_case(intake.BOOKED, intake.CANCELLED)},
    "rescheduled": {
        "type": ["boolean", "string"],
        "pattern": _any_case("true", "false"),
        "description": "Of a call that was cancelled: true if it was booked anew. It ends nothing then.",
    },
    "booked_at": {**_TIME, "description": f"{_TIME['description']} When it was booked, if that is not now."},
}


_VARIABLES = {
    "type": ["object", "null"],
    "description": "Values for templates, by name: letters of any alphabet, digits, spaces, _ and -.",
    "maxProperties": intake.MOST_VARIABLES,
    "propertyNames": {"pattern": "^[A-Za-z0-9_][A-Za-z0-9_ -]{0,99}$"},
    "additionalProperties": {
        **_text(fields.NOTES_LENGTH, _SHOWN),
        "type": ["string", "number", "boolean", "null", "array"],
        "items": _ITEM,
        "maxItems": fields.LIST_LENGTH,
    },
}

_ALL = (
    "Space around a value does not count; null and blank text are nothing given. Unknown fields do not count. "
    f"Nothing may be nested more than {DEPTH} levels deep, no name may be longer than {NAME_LENGTH} "
    "characters or be there twice in one object. No text may have NUL, NUL as JSON writes it, or half of a character."
)


def schemas() -> dict[str, Any]:
    """Return the schemas of all payloads, by the names of the sequences and of the forms."""
    return {
        **{each.name: _flat(each.name) for each in SEQUENCES},
        "calendly": _calendly(),
        "docusign": _docusign(),
        "calendly_booking": _calendly_booking(),
        "cal_com_booking": _cal_com_booking(),
    }


def _flat(name: str) -> dict[str, Any]:
    found = intake.FIELDS[name]
    return {
        "type": "object",
        "description": _ALL,
        "required": [field.name for field in found if field.required],
        "properties": {**{field.name: _field(field) for field in found}, "variables": _VARIABLES},
    }


def _field(field: intake.Field) -> dict[str, Any]:
    held = _OWN.get(field.name) or _KINDS[field.kind]
    if field.required:
        return held
    return _optional(held) if field.default is None else {**_optional(held), "default": field.default}


def _optional(held: Mapping[str, Any]) -> dict[str, Any]:
    kinds = held["type"] if isinstance(held["type"], list) else [held["type"]]
    nothing = {"enum": [*held["enum"], None]} if "enum" in held else {}
    return {**held, "type": [*kinds, "null"], **nothing}


def _calendly() -> dict[str, Any]:
    text = _KINDS[fields.text]
    meeting = {
        "type": "object",
        "required": ["uri", "start_time"],
        "properties": {"uri": text, "start_time": _TIME, "name": _optional(text)},
    }
    invitee = {
        "type": "object",
        "required": ["email", "scheduled_event"],
        "properties": {
            "email": _EMAIL,
            "first_name": _optional(text),
            "name": {**_optional(text), "type": ["string", "null"]},
            "event": {"type": "string", "description": "Stands for scheduled_event.uri where that is not there."},
            "scheduled_event": meeting,
            "reschedule_url": _optional(text),
        },
    }
    return {
        "type": "object",
        "description": f"Calendly's own call. It has no email beside the event. {_ALL}",
        "required": ["event", "payload"],
        "properties": {"event": {"const": forms.NO_SHOW}, "payload": invitee, "email": False, "variables": False},
    }


def _calendly_booking() -> dict[str, Any]:
    text = _KINDS[fields.text]
    meeting = {
        "type": "object",
        "required": ["uri", "start_time"],
        "properties": {
            "uri": text,
            "start_time": _SOON,
            "name": _optional(text),
            "location": {"type": ["object", "null"], "properties": {"join_url": _optional(text)}},
            "event_memberships": {"type": "array", "items": _named("user_name")},
        },
    }
    invitee = {
        "type": "object",
        "required": ["email", "scheduled_event"],
        "properties": {
            "email": _EMAIL,
            "first_name": _optional(text),
            "name": {**_optional(text), "type": ["string", "null"]},
            "event": {"type": "string", "description": "Stands for scheduled_event.uri where that is not there."},
            "scheduled_event": meeting,
            "reschedule_url": _optional(text),
            "rescheduled": {"type": ["boolean", "null"]},
            "created_at": _optional(_TIME),
        },
    }
    return {
        "type": "object",
        "description": f"Calendly's own call about a booking. It has no email beside the event. {_ALL}",
        "required": ["event", "payload"],
        "properties": {
            "event": {"enum": list(forms.CALENDLY_BOOKINGS)},
            "payload": invitee,
            "created_at": _optional(_TIME),
            "email": False,
            "variables": False,
        },
    }


def _cal_com_booking() -> dict[str, Any]:
    text = _KINDS[fields.text]
    attendee = {
        "type": "object",
        "required": ["email"],
        "properties": {
            "email": _EMAIL,
            "name": {**_optional(text), "type": ["string", "null"]},
            "firstName": _optional(text),
        },
    }
    booking = {
        "type": "object",
        "required": ["uid", "startTime", "attendees"],
        "properties": {
            "uid": text,
            "startTime": _SOON,
            "attendees": {"type": "array", "minItems": 1, "items": attendee},
            "eventTitle": _optional(text),
            "title": _optional(text),
            "organizer": _named("name"),
            "metadata": {"type": ["object", "null"], "properties": {"videoCallUrl": _optional(text)}},
            "location": {"description": "Used if it is an address that begins with https://."},
            "bookerUrl": {"description": "Used if it is an address that begins with https://."},
        },
    }
    return {
        "type": "object",
        "description": f"Cal.com's own call about a booking. It has no email beside triggerEvent. {_ALL}",
        "required": ["triggerEvent", "payload"],
        "properties": {
            "triggerEvent": {"enum": list(forms.CAL_COM_BOOKINGS)},
            "payload": booking,
            "createdAt": _optional(_TIME),
            "email": False,
            "variables": False,
            "event": False,
        },
    }


def _named(name: str) -> dict[str, Any]:
    return {"type": "object", "properties": {name: _optional(_KINDS[fields.text])}}


def _docusign() -> dict[str, Any]:
    said = {"type": ["string", "null"]}
    labelled = {"type": "object", "properties": {"name": said, "value": said}}
    tab = {
        "type": "object",
        "properties": {"tabLabel": said, "value": said, "paymentDetails": {"type": ["object", "null"]}},
    }
    signer = {
        "type": "object",
        "properties": {
            "email": said,
            "firstName": said,
            "name": said,
            "routingOrder": {"type": ["string", "integer"]},
            "tabs": {"type": "object", "additionalProperties": {"type": "array", "items": tab}},
        },
    }
    custom = {"type": "array", "items": labelled}
    envelope = {
        "type": "object",
        "required": ["status", "recipients"],
        "properties": {
            "status": {"type": "string", "description": f"Is {forms.COMPLETED} when everybody has signed."},
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
            f"the names {', '.join(forms.LABELLED)}: what of them onboarding requires and is not there is refused with 422. "
            f"The envelope itself, as in the older messages, is read too. {_ALL}"
        ),
        "required": ["event", "data"],
        "properties": {
            "event": {"type": "string", "description": f"Is {forms.COMPLETED_EVENT} when everybody has signed."},
            "data": {"type": "object", "required": ["envelopeSummary"], "properties": {"envelopeSummary": envelope}},
            "email": False,
        },
    }
