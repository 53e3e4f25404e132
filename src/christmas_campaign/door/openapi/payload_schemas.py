"""What calls may hold, as JSON Schema: the flat payloads, and beside them what senders make of their own.

Whatever fits a flat payload's schema, Calendly's or Cal.com's, is taken; what a schema cannot say is in its description.
"""

from __future__ import annotations

from collections.abc import Mapping

from christmas_campaign.door.openapi import field_schemas as kinds
from christmas_campaign.door.openapi import provider_schemas
from christmas_campaign.json_types import Json, JsonObject
from christmas_campaign.sequences import field_types, payloads
from christmas_campaign.sequences.model import SEQUENCES, sequence

#: What is more to say of a field than its kind does.
_TRUE: JsonObject = {"type": ["boolean", "string"], "enum": [True, "true", "True", "TRUE"]}
_OWN: Mapping[str, JsonObject] = {
    "payment_confirmed": {**_TRUE, "description": "Onboarding starts when the contract is paid."},
    "docusign_completed": {**_TRUE, "description": "Onboarding starts when the contract is signed."},
    "follow_up_priority": {"type": "string", "pattern": kinds.any_case("High", "Medium", "Low")},
    "call_outcome": {
        **kinds.KINDS[field_types.text],
        "description": f"{payloads.MAYBE}, in any case, starts the sequence; anything else is skipped.",
    },
    "email_1_sent_at": {
        **kinds.TIME,
        "description": f"{kinds.TIME['description']} Not more than {sequence('signup').anchor_ahead.days} days from now.",
    },
    "status": {"type": "string", "pattern": kinds.any_case(payloads.BOOKED, payloads.CANCELLED)},
    "rescheduled": {
        "type": ["boolean", "string"],
        "pattern": kinds.any_case("true", "false"),
        "description": "Of a call that was cancelled: true if it was booked anew. It ends nothing then.",
    },
    "booked_at": {**kinds.TIME, "description": f"{kinds.TIME['description']} When it was booked, if that is not now."},
}


_VARIABLES: JsonObject = {
    "type": ["object", "null"],
    "description": "Values for templates, by name: letters of any alphabet, digits, spaces, _ and -. An event that comes again"
    " adds them to its enrolment.",
    "maxProperties": payloads.MOST_VARIABLES,
    "propertyNames": {"pattern": "^[A-Za-z0-9_][A-Za-z0-9_ -]{0,99}$"},
    "additionalProperties": {
        **kinds.text(field_types.NOTES_LENGTH, kinds.SHOWN),
        "type": ["string", "number", "boolean", "null", "array"],
        "items": kinds.ITEM,
        "maxItems": field_types.LIST_LENGTH,
    },
}


def schemas() -> JsonObject:
    """Return the schemas of all payloads, by the names of the sequences and of the forms."""
    return {**{each.name: _flat(each.name) for each in SEQUENCES}, **provider_schemas.schemas()}


def _flat(name: str) -> JsonObject:
    found = payloads.FIELDS[name]
    return {
        "type": "object",
        "description": kinds.ALL,
        "required": [field.name for field in found if field.required],
        "properties": {**{field.name: _field(field) for field in found}, "variables": _VARIABLES},
    }


def _field(field: payloads.Field) -> JsonObject:
    held = _OWN.get(field.name) or kinds.KINDS[field.kind]
    if field.required:
        return held
    if field.default is None:
        return kinds.optional(held)
    # A list of texts is a JSON list, and the others are JSON values as they stand.
    default: Json = [*field.default] if isinstance(field.default, list) else field.default
    return {**kinds.optional(held), "default": default}
