"""The door in OpenAPI 3.1, as data: for tests, and for whoever writes a sender. The door itself serves it nowhere."""

from __future__ import annotations

from collections.abc import Mapping

from christmas_campaign import __version__
from christmas_campaign.campaign import unsubscribe_link
from christmas_campaign.campaign.outcomes import Outcome
from christmas_campaign.campaign.unsubscribe_link import PATH
from christmas_campaign.door import unsubscribe_page
from christmas_campaign.door.http import responses
from christmas_campaign.door.http.json_body import MOST_BYTES
from christmas_campaign.door.http.signatures import OWN_HEADERS
from christmas_campaign.door.openapi import payload_schemas
from christmas_campaign.door.routes import HEALTH, NATIVE, OLD, TODAY
from christmas_campaign.json_types import Json, JsonObject, as_object
from christmas_campaign.sequences.registry import SEQUENCES, sequence

_MOMENT: JsonObject = {"type": "string", "format": "date-time"}

#: On every answer.
_ALWAYS: JsonObject = {
    name: {"required": True, "schema": {"type": "string", "enum": [value]}} for name, value in responses.HEADERS.items()
}
_RETRY: JsonObject = {
    "Retry-After": {"description": "seconds", "required": True, "schema": {"type": "integer", "minimum": 1}}
}
_ALLOW: JsonObject = {
    "Allow": {"description": "the methods that are taken", "required": True, "schema": {"type": "string"}}
}


def _object(properties: Mapping[str, Json]) -> JsonObject:
    """The schema of an object with these properties, all of them and no other."""
    return {
        "type": "object",
        "required": list(properties),
        "properties": dict(properties),
        "additionalProperties": False,
    }


_WORDS = _object({"status": {"const": "rejected"}, "message": {"type": "string"}})
_FAULT = _object({"field": {"type": "string"}, "problem": {"type": "string"}})
_FAULTS = _object({"status": {"const": "rejected"}, "errors": {"type": "array", "minItems": 1, "items": _FAULT}})


def document() -> JsonObject:
    """Return the document."""
    paths: JsonObject = {}
    for each in SEQUENCES:
        paths[TODAY[each.name]] = {"post": _call(each.name)}
        if each.name in OLD:
            paths[OLD[each.name]] = {"post": _call(each.name)}
        key: JsonObject = {
            "name": "key",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": "^[A-Za-z0-9._~-]+$"},
        }
        paths[NATIVE[each.name] + "{key}"] = {"parameters": [key], "post": _call(each.name)}
    paths[HEALTH] = {"get": _health(), "head": _health(body=False)}
    paths[PATH + "{token}"] = _page()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Christmas campaign: the door",
            "version": __version__,
            "description": (
                "A browser's preflight is answered with 204 for the origins that were set, and with 405 for all others."
            ),
        },
        "paths": paths,
        "components": {"schemas": payload_schemas.schemas()},
    }


def _call(name: str) -> JsonObject:
    return {
        "summary": f"An event that starts the sequence {name}.",
        "parameters": _signatures(name),
        "requestBody": {"required": True, "content": {"application/json": {"schema": _payload(name)}}},
        "responses": {
            "200": _answer("Taken on and kept, or nothing is to be done.", _taken(name)),
            "400": _answer("No proper HTTP.", _WORDS),
            "401": _answer("The signature is missing, wrong, or too old.", _WORDS),
            "404": _answer("A wrong key: there is nothing here.", _WORDS),
            "405": _answer("Another method.", _WORDS, _ALLOW),
            "408": _answer("The body did not come in time.", _WORDS),
            "413": _answer(f"The body is larger than {MOST_BYTES} bytes.", _WORDS),
            "422": _answer("Something is missing or wrong: all of it.", _FAULTS),
            "429": _answer("Too many calls of this sender.", _WORDS, _RETRY),
            "431": _answer("The headers are too large.", _WORDS),
            "503": _answer("Busy, or no room to keep the call.", _WORDS, _RETRY),
        },
    }


def _signatures(name: str) -> list[Json]:
    """The headers of a signature. Which of them have to be there depends on the secrets that were set: none, no signature."""
    found = [
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        *(OWN_HEADERS[each] for each in sequence(name).signature_forms),
    ]
    return [{"name": each, "in": "header", "schema": {"type": "string"}} for each in found]


def _payload(name: str) -> JsonObject:
    own = sequence(name).payload_forms
    found: list[Json] = [{"$ref": f"#/components/schemas/{each}"} for each in (name, *own)]
    return {"anyOf": found} if own else as_object(found[0])


def _taken(name: str) -> JsonObject:
    found = sequence(name)
    properties = as_object(as_object(payload_schemas.schemas()[name])["properties"])
    echoed: JsonObject = {
        each: {**as_object(properties[each]), "description": "as it was understood"} for each in found.echoed
    }
    accepted: JsonObject = {
        "status": {"const": Outcome.ACCEPTED.value},
        "message": {"type": "string"},
        "email": {"type": "string", "description": "as it came"},
        "campaign": {"const": found.answers_as},
        "timestamp": _MOMENT,
        "execution_id": {"type": "null", "description": "there is none yet: the door has kept the call"},
        **echoed,
    }
    reasons: list[Json] = [found.duplicate.value, *([found.skip.reason.value] if found.skip else [])]
    skipped: JsonObject = {
        "status": {"const": Outcome.SKIPPED.value},
        "reason": {"enum": reasons},
        "email": accepted["email"],
    }
    return {"oneOf": [_object(accepted), _object(skipped)]}


def _page() -> JsonObject:
    """The page to unsubscribe: to look at it changes nothing, a POST does what its form says."""
    token: JsonObject = {
        "name": "token",
        "in": "path",
        "required": True,
        "description": "as it stands in an e-mail",
        "schema": {"type": "string", "pattern": unsubscribe_link.PATTERN},
    }
    form: JsonObject = {
        "type": "object",
        "description": "a mail provider's form (RFC 8058), or the page's own",
        "anyOf": [
            {"required": [name], "properties": {name: {"const": value}}}
            for name, value in (
                (unsubscribe_page.STOP_FIELD, unsubscribe_page.STOP_VALUE),
                (unsubscribe_page.GO_ON_FIELD, unsubscribe_page.GO_ON_VALUE),
            )
        ],
    }
    shown: JsonObject = {"200": _html("The page.")}
    always: JsonObject = {
        "400": _answer("No proper HTTP.", _WORDS),
        "404": _html("No link of ours."),
        "405": _html("Another method.", _ALLOW),
        "429": _html("Too many calls of this sender.", _RETRY),
        "431": _answer("The headers are too large.", _WORDS),
    }
    posted: JsonObject = {
        "200": _html("It is kept, and done at once."),
        "408": _html("The form did not come in time."),
        "413": _html(f"The form is larger than {unsubscribe_page.MOST_FORM_BYTES} bytes."),
        "422": _html("The form does not say what is wanted."),
        "503": _html("Busy, or no room to keep it.", _RETRY),
    }
    kinds = ("application/x-www-form-urlencoded", "multipart/form-data")
    body: JsonObject = {"required": True, "content": {kind: {"schema": form} for kind in kinds}}
    return {
        "parameters": [token],
        "get": {"summary": "The page by which a contact unsubscribes.", "responses": {**shown, **always}},
        "head": {"summary": "The same without its text.", "responses": {**shown, **always}},
        "post": {
            "summary": "A contact unsubscribes, or takes it back.",
            "requestBody": body,
            "responses": {**posted, **always},
        },
    }


def _html(description: str, headers: JsonObject | None = None) -> JsonObject:
    pages: JsonObject = {
        name: {"required": True, "schema": {"type": "string", "enum": [value]}}
        for name, value in unsubscribe_page.PAGE_HEADERS.items()
    }
    return {
        "description": description,
        "headers": {**_ALWAYS, **pages, **(headers or {})},
        "content": {"text/html": {"schema": {"type": "string"}}},
    }


def _health(*, body: bool = True) -> JsonObject:
    environment: JsonObject = {
        "testing_mode": {"enum": ["true", "false"]},
        **{f"{each}_configured": {"type": "boolean"} for each in ("notion", "resend", "discord")},
    }
    responses: JsonObject = {}
    for status, word, description in (("200", "healthy", "It is."), ("503", "unhealthy", "It is not.")):
        shown = _object({"status": {"const": word}, "timestamp": _MOMENT, "environment": _object(environment)})
        responses[status] = _answer(description, shown if body else None)
    return {
        "summary": "Whether Kestra is up, and which integrations are set.",
        "responses": {**responses, "405": _answer("Another method.", _WORDS, _ALLOW)},
    }


def _answer(description: str, schema: JsonObject | None, headers: JsonObject | None = None) -> JsonObject:
    content: JsonObject = {} if schema is None else {"content": {"application/json": {"schema": schema}}}
    return {"description": description, "headers": {**_ALWAYS, **(headers or {})}, **content}
