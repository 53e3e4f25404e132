"""The JSON Schemas of all payloads: the flat payload of each sequence, and the providers' sequence forms.

The door accepts every payload that matches a flat schema or one of Calendly or Cal.com. Rules that JSON Schema cannot express
are in the descriptions.
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
    "description": "Values for placeholders by name. Names have letters of any alphabet, digits, spaces, _ and -."
    " If an event comes again, its variables are added to the enrolment.",
    "maxProperties": field_types.MOST_VARIABLES,
    "propertyNames": {"pattern": "^[A-Za-z0-9_][A-Za-z0-9_ -]{0,99}$"},
    "additionalProperties": {
        **kinds.text(field_types.NOTES_LENGTH, kinds.PRINTABLE),
        "type": ["string", "number", "boolean", "null", "array"],
        "items": kinds.ITEM,
        "maxItems": field_types.LIST_LENGTH,
    },
}


def schemas() -> JsonObject:
    """Return the schemas of all payloads, by the name of the sequence or form."""
    return {**{sequence.name: _flat(sequence) for sequence in SEQUENCES}, **provider_schemas.schemas()}


def _flat(sequence: Sequence) -> JsonObject:
    return {
        "type": "object",
        "description": kinds.ALL,
        "required": [field.name for field in sequence.fields if field.required],
        "properties": {**{field.name: _field(sequence, field) for field in sequence.fields}, "variables": _VARIABLES},
    }


def _field(sequence: Sequence, field: Field) -> JsonObject:
    values = _values(sequence, field)
    if field.required:
        return values
    if field.default is None:
        return kinds.optional(values)
    # The type checker cannot see that a list of texts is a JSON list.
    default: Json = [*field.default] if isinstance(field.default, list) else field.default
    return {**kinds.optional(values), "default": default}


def _values(sequence: Sequence, field: Field) -> JsonObject:
    """Return the schema of a field's value, without null."""
    if field.only_true is not None:
        return {**_TRUE, "description": f"{field.only_true[0].upper()}{field.only_true[1:]}."}
    if isinstance(field.kind, OneOf):
        return {"type": "string", "pattern": kinds.any_case(*field.kind.choices)}
    values = kinds.up_to(sequence.anchor_ahead) if field.name == sequence.anchor_field else kinds.KINDS[field.kind]
    if field.note is None:
        return values
    sentences = [as_text(values["description"])] if "description" in values else []
    return {**values, "description": " ".join([*sentences, field.note])}
