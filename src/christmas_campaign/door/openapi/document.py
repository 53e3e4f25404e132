"""The OpenAPI 3.1 document of the door, for tests and for developers of senders. The door does not serve it."""

from __future__ import annotations

from collections.abc import Mapping

from christmas_campaign import __version__
from christmas_campaign.campaign import unsubscribe_link
from christmas_campaign.campaign.outcomes import Outcome
from christmas_campaign.campaign.unsubscribe_link import PATH
from christmas_campaign.door import unsubscribe_page
from christmas_campaign.door.http import responses
from christmas_campaign.door.http.json_body import MAX_BYTES
from christmas_campaign.door.http.signatures import OWN_HEADERS
from christmas_campaign.door.openapi import payload_schemas
from christmas_campaign.door.routes import HEALTH, KESTRA_PATHS, OLD_PATHS, PUBLIC_PATHS
from christmas_campaign.json_types import Json, JsonObject, as_object
from christmas_campaign.sequences.registry import sequence

_MOMENT: JsonObject = {"type": "string", "format": "date-time"}

#: The headers of every answer.
_HEADERS: JsonObject = {
    name: {"required": True, "schema": {"type": "string", "enum": [value]}} for name, value in responses.HEADERS.items()
}
_RETRY: JsonObject = {
    "Retry-After": {"description": "seconds", "required": True, "schema": {"type": "integer", "minimum": 1}}
}
_ALLOW: JsonObject = {"Allow": {"description": "the allowed methods", "required": True, "schema": {"type": "string"}}}


def _object(properties: Mapping[str, Json]) -> JsonObject:
    """Return the schema of an object with exactly these properties."""
    return {
        "type": "object",
        "required": list(properties),
        "properties": dict(properties),
        "additionalProperties": False,
    }


_MESSAGE = _object({"status": {"const": "rejected"}, "message": {"type": "string"}})
_PROBLEM = _object({"field": {"type": "string"}, "problem": {"type": "string"}})
_PROBLEMS = _object({"status": {"const": "rejected"}, "errors": {"type": "array", "minItems": 1, "items": _PROBLEM}})


def document() -> JsonObject:
    """Return the document."""
    paths: JsonObject = {}
    for name in PUBLIC_PATHS:
        paths[PUBLIC_PATHS[name]] = {"post": _webhook(name)}
        if name in OLD_PATHS:
            paths[OLD_PATHS[name]] = {"post": _webhook(name)}
        key: JsonObject = {
            "name": "key",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": "^[A-Za-z0-9._~-]+$"},
        }
        paths[KESTRA_PATHS[name] + "{key}"] = {"parameters": [key], "post": _webhook(name)}
    paths[HEALTH] = {"get": _health(), "head": _health(body=False)}
    paths[PATH + "{token}"] = _page()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Christmas campaign: the door",
            "version": __version__,
            "description": ("A browser's preflight gets 204 if its origin is in DOOR_ORIGINS, and 405 otherwise."),
        },
        "paths": paths,
        "components": {"schemas": payload_schemas.schemas()},
    }


def _webhook(name: str) -> JsonObject:
    return {
        "summary": f"An event that starts the sequence {name}.",
        "parameters": _signatures(name),
        "requestBody": {"required": True, "content": {"application/json": {"schema": _payload(name)}}},
        "responses": {
            "200": _answer("The call is accepted and stored, or there is nothing to do.", _accepted_or_skipped(name)),
            "400": _answer("The request is not valid HTTP.", _MESSAGE),
            "401": _answer("The signature is missing, wrong, or too old.", _MESSAGE),
            "404": _answer("The key is wrong.", _MESSAGE),
            "405": _answer("The method is not allowed.", _MESSAGE, _ALLOW),
            "408": _answer("The body took too long.", _MESSAGE),
            "413": _answer(f"The body is larger than {MAX_BYTES} bytes.", _MESSAGE),
            "422": _answer("Fields are missing or wrong; the answer lists all of them.", _PROBLEMS),
            "429": _answer("Too many calls from this sender.", _MESSAGE, _RETRY),
            "431": _answer("The headers are too large.", _MESSAGE),
            "503": _answer("Too many calls at once, or the inbox is full.", _MESSAGE, _RETRY),
        },
    }


def _signatures(name: str) -> list[Json]:
    """Return the header parameters for signatures. All are optional: without secrets the door accepts unsigned calls."""
    headers = [
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        *(OWN_HEADERS[form] for form in sequence(name).signature_forms),
    ]
    return [{"name": header, "in": "header", "schema": {"type": "string"}} for header in headers]


def _payload(name: str) -> JsonObject:
    forms = sequence(name).payload_forms
    schemas: list[Json] = [{"$ref": f"#/components/schemas/{form}"} for form in (name, *forms)]
    return {"anyOf": schemas} if forms else as_object(schemas[0])


def _accepted_or_skipped(name: str) -> JsonObject:
    own = sequence(name)
    properties = as_object(as_object(payload_schemas.schemas()[name])["properties"])
    echoed: JsonObject = {
        field: {**as_object(properties[field]), "description": "as the campaign understood it"} for field in own.echoed
    }
    accepted: JsonObject = {
        "status": {"const": Outcome.ACCEPTED.value},
        "message": {"type": "string"},
        "email": {"type": "string", "description": "as in the call"},
        "campaign": {"const": own.answers_as},
        "timestamp": _MOMENT,
        "execution_id": {
            "type": "null",
            "description": "always null: the door has stored the call, and Kestra starts the execution later",
        },
        **echoed,
    }
    reasons: list[Json] = [own.duplicate.value, *([own.skip.reason.value] if own.skip else [])]
    skipped: JsonObject = {
        "status": {"const": Outcome.SKIPPED.value},
        "reason": {"enum": reasons},
        "email": accepted["email"],
    }
    return {"oneOf": [_object(accepted), _object(skipped)]}


def _page() -> JsonObject:
    """Return the operations of the unsubscribe page. Only the POST changes anything."""
    token: JsonObject = {
        "name": "token",
        "in": "path",
        "required": True,
        "description": "from the link in an e-mail",
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
    page: JsonObject = {"200": _html("The page.")}
    refusals: JsonObject = {
        "400": _answer("The request is not valid HTTP.", _MESSAGE),
        "404": _html("The link is not valid."),
        "405": _html("The method is not allowed.", _ALLOW),
        "429": _html("Too many calls from this sender.", _RETRY),
        "431": _answer("The headers are too large.", _MESSAGE),
    }
    posted: JsonObject = {
        "200": _html("The wish is stored, and carried out at once."),
        "408": _html("The form took too long."),
        "413": _html(f"The form is larger than {unsubscribe_page.MAX_FORM_BYTES} bytes."),
        "422": _html("The form contains no wish."),
        "503": _html("Too many calls at once, or the inbox is full.", _RETRY),
    }
    media_types = ("application/x-www-form-urlencoded", "multipart/form-data")
    body: JsonObject = {"required": True, "content": {media_type: {"schema": form} for media_type in media_types}}
    return {
        "parameters": [token],
        "get": {"summary": "The page where a contact unsubscribes.", "responses": {**page, **refusals}},
        "head": {"summary": "The same without the body.", "responses": {**page, **refusals}},
        "post": {
            "summary": "A contact unsubscribes, or reverses that.",
            "requestBody": body,
            "responses": {**posted, **refusals},
        },
    }


def _html(description: str, headers: JsonObject | None = None) -> JsonObject:
    pages: JsonObject = {
        name: {"required": True, "schema": {"type": "string", "enum": [value]}}
        for name, value in unsubscribe_page.PAGE_HEADERS.items()
    }
    return {
        "description": description,
        "headers": {**_HEADERS, **pages, **(headers or {})},
        "content": {"text/html": {"schema": {"type": "string"}}},
    }


def _health(*, body: bool = True) -> JsonObject:
    environment: JsonObject = {
        "testing_mode": {"enum": ["true", "false"]},
        **{f"{service}_configured": {"type": "boolean"} for service in ("notion", "resend", "discord")},
    }
    responses: JsonObject = {}
    never: JsonObject = {"type": "null"}
    late: JsonObject = {
        "type": ["string", "null"],
        "format": "date-time",
        "description": "the arrival of the oldest call that Kestra has not taken, if that was more than ten minutes ago",
    }
    for status, word, description, since in (
        ("200", "healthy", "Kestra is up, and no call waits for more than ten minutes.", never),
        ("503", "unhealthy", "Kestra is down, or a call waits for more than ten minutes.", late),
    ):
        schema = _object(
            {
                "status": {"const": word},
                "timestamp": _MOMENT,
                "calls_wait_since": since,
                "environment": _object(environment),
            }
        )
        responses[status] = _answer(description, schema if body else None)
    return {
        "summary": "Whether Kestra is up and takes the calls, and which integrations are configured.",
        "responses": {**responses, "405": _answer("The method is not allowed.", _MESSAGE, _ALLOW)},
    }


def _answer(description: str, schema: JsonObject | None, headers: JsonObject | None = None) -> JsonObject:
    content: JsonObject = {} if schema is None else {"content": {"application/json": {"schema": schema}}}
    return {"description": description, "headers": {**_HEADERS, **(headers or {})}, **content}
