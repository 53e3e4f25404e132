"""JSON Schemas of field values: one schema for each kind of field, and the rules for all payloads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from christmas_campaign.campaign import email_address
from christmas_campaign.door.http.json_body import DEPTH, NAME_LENGTH
from christmas_campaign.json_types import JsonObject
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.field_types import Kind
from christmas_campaign.sequences.precall import PRECALL

# Text without control characters (line breaks and tabs apart); the second pattern also requires a visible character.
_CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f"
PRINTABLE = f"^[^{_CONTROL}]*$"
_FILLED = rf"^[^{_CONTROL}]*[^\s{_CONTROL}][^{_CONTROL}]*$"


def text(max_length: int, pattern: str = _FILLED) -> JsonObject:
    """Return the schema of a text of at most ``max_length`` characters. A number is also accepted, and used as text."""
    number = {"exclusiveMinimum": -1e15, "exclusiveMaximum": 1e15}
    return {"type": ["string", "number"], "maxLength": max_length, "pattern": pattern, **number}


def any_case(*words: str) -> str:
    """Return the pattern for one of these words in upper or lower case, or for blank text, which means no value."""
    spelt = ("".join(f"[{letter.upper()}{letter.lower()}]" for letter in word) for word in words)
    return rf"^\s*({'|'.join(spelt)})?\s*$"


#: The e-mail address of a contact.
EMAIL: JsonObject = {
    "type": "string",
    "format": "email",
    "maxLength": email_address.MAX_LENGTH,
    "description": "ASCII only, except the domain.",
}
#: A time or a day.
TIME: JsonObject = {
    "type": "string",
    "format": "date-time",
    "description": "ISO 8601; a date without a time is accepted too. From 2000 to 2200.",
}
#: An element of a list of texts.
ITEM: JsonObject = {**text(field_types.TEXT_LENGTH, PRINTABLE), "type": ["string", "number", "null"]}

#: The schema of each kind of field. Numbers and booleans are also accepted as text.
KINDS: Mapping[Kind, JsonObject] = {
    field_types.email: EMAIL,
    field_types.text: text(field_types.TEXT_LENGTH),
    field_types.notes: text(field_types.NOTES_LENGTH),
    field_types.score: {
        "type": ["number", "string"],
        "minimum": 0,
        "maximum": 100,
        "pattern": r"^(100|[0-9]{1,2}(\.[0-9]{1,9})?)$",
    },
    field_types.systems: {"type": ["integer", "string"], "minimum": 0, "maximum": 8, "pattern": "^[0-8]$"},
    field_types.dollars: {
        "type": ["integer", "string"],
        "minimum": 0,
        "maximum": 1_000_000_000,
        "pattern": "^[0-9]{1,9}$",
    },
    field_types.amount: {
        "type": ["number", "string"],
        "minimum": 0,
        "maximum": 1_000_000_000,
        "multipleOf": 0.01,
        "pattern": r"^[0-9]{1,9}(\.[0-9]{1,2})?$",
        "description": "Dollars, with at most two decimal places.",
    },
    field_types.flag: {"type": ["boolean", "string"], "pattern": any_case("true", "false")},
    field_types.texts: {
        "type": ["array", "string"],
        "items": ITEM,
        "maxItems": field_types.LIST_LENGTH,
        "maxLength": field_types.TEXT_LENGTH,
        "pattern": PRINTABLE,
        "description": "A single text counts as a list of one.",
    },
    field_types.time: TIME,
}


def up_to(ahead: timedelta) -> JsonObject:
    """Return the schema of a time that is at most ``ahead`` from now."""
    return {**TIME, "description": f"{TIME['description']} Not more than {ahead.days} days from now."}


#: The time of a booked call.
SOON = up_to(PRECALL.anchor_ahead)

#: The rules for every payload, for descriptions.
ALL = (
    "Space around a value is ignored; null and blank text mean no value. Unknown fields are ignored. "
    f"Nothing may be nested more than {DEPTH} levels deep, no name may be longer than {NAME_LENGTH} "
    "characters or occur twice in one object. No text may contain NUL, the escape of NUL, or a single surrogate."
)


def optional(schema: Mapping[str, Any]) -> JsonObject:
    """Return ``schema``, but null is also valid, and so is blank text in place of a text."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    enum = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    blank = {"pattern": PRINTABLE} if schema.get("pattern") == _FILLED else {}
    return {**schema, "type": [*types, "null"], **enum, **blank}
