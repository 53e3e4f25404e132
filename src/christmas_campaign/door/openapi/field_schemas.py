"""What values may be, as JSON Schema: one schema for each kind of field, and what is said of all payloads."""

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

# Text without control characters, and with something to read in it; a number is taken as its text.
_CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f"
SHOWN = f"^[^{_CONTROL}]*$"
_FILLED = rf"^[^{_CONTROL}]*[^\s{_CONTROL}][^{_CONTROL}]*$"


def text(longest: int, pattern: str = _FILLED) -> JsonObject:
    """Return the schema of a text of at most this many characters, or of a number that is taken as its text."""
    number = {"exclusiveMinimum": -1e15, "exclusiveMaximum": 1e15}
    return {"type": ["string", "number"], "maxLength": longest, "pattern": pattern, **number}


def any_case(*words: str) -> str:
    """Return the pattern for one of these words, in any case, or for none: blank text is nothing given."""
    spelt = ("".join(f"[{letter.upper()}{letter.lower()}]" for letter in word) for word in words)
    return rf"^\s*({'|'.join(spelt)})?\s*$"


#: A contact's address.
EMAIL: JsonObject = {
    "type": "string",
    "format": "email",
    "maxLength": email_address.MAX_LENGTH,
    "description": "Letters of ASCII alone.",
}
#: A moment, or a day.
TIME: JsonObject = {
    "type": "string",
    "format": "date-time",
    "description": "ISO 8601; a day alone is taken too. From 2000 to 2200.",
}
#: One text of a list.
ITEM: JsonObject = {**text(field_types.TEXT_LENGTH, SHOWN), "type": ["string", "number", "null"]}

#: What a field of each kind holds; text that is a number, or true or false, is taken as one too.
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
        "description": "Dollars, with cents at the most.",
    },
    field_types.flag: {"type": ["boolean", "string"], "pattern": any_case("true", "false")},
    field_types.texts: {
        "type": ["array", "string"],
        "items": ITEM,
        "maxItems": field_types.LIST_LENGTH,
        "maxLength": field_types.TEXT_LENGTH,
        "pattern": SHOWN,
        "description": "One text alone is a list of one.",
    },
    field_types.time: TIME,
}


def up_to(ahead: timedelta) -> JsonObject:
    """Return the schema of a time that lies not more than ``ahead`` from now."""
    return {**TIME, "description": f"{TIME['description']} Not more than {ahead.days} days from now."}


#: A call may be a year off, and not more.
SOON = up_to(PRECALL.anchor_ahead)

#: What holds for every payload.
ALL = (
    "Space around a value does not count; null and blank text are nothing given. Unknown fields do not count. "
    f"Nothing may be nested more than {DEPTH} levels deep, no name may be longer than {NAME_LENGTH} "
    "characters or be there twice in one object. No text may have NUL, NUL as JSON writes it, or half of a character."
)


def optional(held: Mapping[str, Any]) -> JsonObject:
    """Return the schema of a value that may be null as well."""
    kinds = held["type"] if isinstance(held["type"], list) else [held["type"]]
    nothing = {"enum": [*held["enum"], None]} if "enum" in held else {}
    return {**held, "type": [*kinds, "null"], **nothing}
