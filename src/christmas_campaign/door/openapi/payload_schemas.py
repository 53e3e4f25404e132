"""What calls may hold, as JSON Schema: the flat payloads, and beside them what senders make of their own.

Whatever fits a flat payload's schema, Calendly's or Cal.com's, is taken; what a schema cannot say is in its description.
"""

from __future__ import annotations

from christmas_campaign.door.openapi import field_schemas as kinds
from christmas_campaign.door.openapi import provider_schemas
from christmas_campaign.json_types import Json, JsonObject, as_text
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.field_types import OneOf
from christmas_campaign.sequences.model import Field, Sequence
from christmas_campaign.sequences.registry import SEQUENCES

_TRUE: JsonObject = {"type": ["boolean", "string"], "enum": [True, "true", "True", "TRUE"]}

_VARIABLES: JsonObject = {
    "type": ["object", "null"],
    "description": "Values for templates, by name: letters of any alphabet, digits, spaces, _ and -. An event that comes again"
    " adds them to its enrolment.",
    "maxProperties": field_types.MOST_VARIABLES,
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
    return {**{each.name: _flat(each) for each in SEQUENCES}, **provider_schemas.schemas()}


def _flat(own: Sequence) -> JsonObject:
    return {
        "type": "object",
        "description": kinds.ALL,
        "required": [field.name for field in own.fields if field.required],
        "properties": {**{field.name: _field(own, field) for field in own.fields}, "variables": _VARIABLES},
    }


def _field(own: Sequence, field: Field) -> JsonObject:
    values = _values(own, field)
    if field.required:
        return values
    if field.default is None:
        return kinds.optional(values)
    # A list of texts is a JSON list, and the others are JSON values as they stand.
    default: Json = [*field.default] if isinstance(field.default, list) else field.default
    return {**kinds.optional(values), "default": default}


def _values(own: Sequence, field: Field) -> JsonObject:
    """Return the schema of the values that a field takes, when it is there."""
    if field.only_true is not None:
        return {**_TRUE, "description": f"{field.only_true[0].upper()}{field.only_true[1:]}."}
    if isinstance(field.kind, OneOf):
        return {"type": "string", "pattern": kinds.any_case(*field.kind.choices)}
    values = kinds.up_to(own.anchor_ahead) if field.name == own.anchor_field else kinds.KINDS[field.kind]
    if field.note is None:
        return values
    sentences = [as_text(values["description"])] if "description" in values else []
    return {**values, "description": " ".join([*sentences, field.note])}
