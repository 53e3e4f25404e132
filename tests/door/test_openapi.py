"""The description in OpenAPI says what the door does, no less and no more."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from support import address, payload

from christmas_campaign import intake
from christmas_campaign.door.openapi import document
from christmas_campaign.door.paths import NATIVE, TODAY, Paths, Place
from christmas_campaign.sequences import SEQUENCES
from door.process import KEYS, DoorProcess

DOCUMENT = document()


def test_it_is_json() -> None:
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT


def test_it_has_all_paths_and_methods_and_no_other() -> None:
    found = {path: {method for method in item if method != "parameters"} for path, item in DOCUMENT["paths"].items()}
    webhooks = [*TODAY.values(), *(path + "{key}" for path in NATIVE.values())]
    assert found == {**{path: {"post"} for path in webhooks}, "/health": {"get"}}
    paths = Paths(KEYS)
    for each in SEQUENCES:
        for path in (TODAY[each.name], NATIVE[each.name] + "{key}"):
            real = path.replace("{key}", KEYS[each.name]).encode()
            assert paths.find(real) == Place(each.name, ("POST",))


@pytest.mark.parametrize("name", KEYS)
def test_it_has_the_fields_that_intake_reads(name: str) -> None:
    schema = DOCUMENT["paths"][TODAY[name]]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(schema["properties"]) == {field.name for field in intake.FIELDS[name]} | {"variables"}
    assert schema["required"] == [field.name for field in intake.FIELDS[name] if field.required]
    # No kind of field has been forgotten: what is plain text there is a choice of words here.
    plain = {field.name for field in intake.FIELDS[name] if schema["properties"][field.name] == {"type": "string"}}
    assert plain <= {"follow_up_priority"}


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a JSON value fits a schema, as far as this document's go."""
    if "const" in schema and value != schema["const"]:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if schema.get("type") == "array":
        return isinstance(value, list) and all(fits(item, schema["items"]) for item in value)
    if schema.get("type") == "object":
        properties = schema.get("properties", {})
        present = isinstance(value, dict) and all(name in value for name in schema.get("required", ()))
        return present and all(fits(value[name], properties[name]) for name in properties if name in value)
    return True


@pytest.mark.parametrize("name", KEYS)
def test_the_answers_are_as_described(door: DoorProcess, name: str) -> None:
    for path, described in ((TODAY[name], TODAY[name]), (NATIVE[name] + KEYS[name], NATIVE[name] + "{key}")):
        responses = DOCUMENT["paths"][described]["post"]["responses"]
        for sent in (payload(address(), name), {}, b"no json", bytes(1_048_577)):
            answer = door.post(path, sent)
            schema = responses[str(answer.status_code)]["content"]["application/json"]["schema"]
            assert fits(answer.json(), schema), answer.text
        assert fits(httpx.get(door.url + path).json(), responses["405"]["content"]["application/json"]["schema"])


def test_the_health_is_as_described(door: DoorProcess) -> None:
    schema = DOCUMENT["paths"]["/health"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert fits(httpx.get(f"{door.url}/health").json(), schema)
    assert not fits({"status": "fine"}, schema)
