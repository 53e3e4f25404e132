"""The door in OpenAPI 3.1, as data: for tests, and for whoever writes a sender. The door itself serves it nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from christmas_campaign import __version__, fields, intake
from christmas_campaign.door.bodies import MOST_BYTES
from christmas_campaign.door.paths import HEALTH, NATIVE, TODAY
from christmas_campaign.fields import Kind
from christmas_campaign.sequences import SEQUENCES

_TIME = {"type": "string", "description": "a time in ISO 8601; without a zone it is the campaign's"}

#: What a field of each kind holds; text that is a number, or true or false, is taken as one too.
_KINDS: Mapping[Kind, dict[str, Any]] = {
    fields.email: {"type": "string", "format": "email"},
    fields.text: {"type": "string", "maxLength": fields.TEXT_LENGTH},
    fields.notes: {"type": "string", "maxLength": fields.NOTES_LENGTH},
    fields.score: {"type": "number", "minimum": 0, "maximum": 100},
    fields.systems: {"type": "integer", "minimum": 0, "maximum": 8},
    fields.dollars: {"type": "integer", "minimum": 0},
    fields.amount: {"type": "number", "minimum": 0},
    fields.flag: {"type": "boolean"},
    fields.texts: {"type": "array", "items": {"type": "string"}, "maxItems": fields.LIST_LENGTH},
    fields.time: _TIME,
}

_RETRY = {"Retry-After": {"description": "seconds", "required": True, "schema": {"type": "integer", "minimum": 1}}}
_WORDS = {"type": "object", "required": ["status", "message"], "properties": {"message": {"type": "string"}}}
_FAULTS = {
    "type": "object",
    "required": ["status", "errors"],
    "properties": {
        "status": {"const": "rejected"},
        "errors": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["field", "problem"],
                "properties": {"field": {"type": "string"}, "problem": {"type": "string"}},
            },
        },
    },
}


def document() -> dict[str, Any]:
    """Return the document."""
    paths: dict[str, Any] = {}
    for each in SEQUENCES:
        paths[TODAY[each.name]] = {"post": _call(each.name)}
        key = {"name": "key", "in": "path", "required": True, "schema": {"type": "string"}}
        paths[NATIVE[each.name] + "{key}"] = {"parameters": [key], "post": _call(each.name)}
    paths[HEALTH] = {"get": _health()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Christmas campaign: the door", "version": __version__},
        "paths": paths,
    }


def _call(sequence: str) -> dict[str, Any]:
    taken = {
        "type": "object",
        "required": ["status", "email"],
        "properties": {
            "status": {"enum": ["accepted", "skipped"]},
            "message": {"type": "string"},
            "reason": {"type": "string"},
            "email": {"type": "string"},
            "campaign": {"type": "string"},
            "timestamp": {"type": "string", "format": "date-time"},
            "execution_id": {"type": ["string", "null"]},
        },
    }
    return {
        "summary": f"An event that starts the sequence {sequence}.",
        "parameters": [
            {"name": name, "in": "header", "schema": {"type": "string"}}
            for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _payload(sequence)}}},
        "responses": {
            "200": _answer("Taken on and kept, or nothing is to be done.", taken),
            "400": _answer("No proper HTTP.", _WORDS),
            "401": _answer("The signature is missing, wrong, or too old.", _WORDS),
            "404": _answer("A wrong key: there is nothing here.", _WORDS),
            "405": _answer("Another method.", _WORDS),
            "408": _answer("The body did not come in time.", _WORDS),
            "413": _answer(f"The body is larger than {MOST_BYTES} bytes.", _WORDS),
            "422": _answer("Something is missing or wrong: all of it.", _FAULTS),
            "429": {**_answer("Too many calls of this sender.", _WORDS), "headers": _RETRY},
            "431": _answer("The headers are too large.", _WORDS),
            "503": {**_answer("Busy, or no room to keep the call.", _WORDS), "headers": _RETRY},
        },
    }


def _payload(sequence: str) -> dict[str, Any]:
    found = intake.FIELDS[sequence]
    properties = {field.name: _KINDS.get(field.kind, {"type": "string"}) for field in found}
    return {
        "type": "object",
        "required": [field.name for field in found if field.required],
        "properties": {**properties, "variables": {"type": "object", "description": "values for templates, by name"}},
    }


def _health() -> dict[str, Any]:
    shown = {
        "type": "object",
        "required": ["status", "timestamp", "environment"],
        "properties": {
            "status": {"enum": ["healthy", "unhealthy"]},
            "timestamp": {"type": "string", "format": "date-time"},
            "environment": {"type": "object"},
        },
    }
    return {
        "summary": "Whether Kestra is up, and which integrations are set.",
        "responses": {"200": _answer("It is.", shown), "503": _answer("It is not.", shown)},
    }


def _answer(description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
