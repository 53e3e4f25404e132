"""The description in OpenAPI has all that there is; that the door does as it says is ``test_schemathesis``'s to see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from christmas_campaign.door.openapi.document import document
from christmas_campaign.door.routes import KESTRA_PATHS, OLD_PATHS, PUBLIC_PATHS, Route, Routes
from christmas_campaign.sequences.registry import SEQUENCES, sequence
from door.process import KEYS

DOCUMENT: Any = document()
PROJECT = Path(__file__).parents[2]

#: The examples, and the schemas that they fit.
EXAMPLES = {
    "signup": "signup",
    "noshow": "noshow",
    "postcall": "postcall",
    "onboarding": "onboarding",
    "noshow-calendly": "calendly",
    "onboarding-docusign": "docusign",
    "precall": "precall",
    "precall-calendly": "calendly_booking",
    "precall-cal-com": "cal_com_booking",
    "precall-cal-com-old": "cal_com_old_booking",
}


def test_it_is_json() -> None:
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT


def test_it_has_all_paths_and_methods_and_no_other() -> None:
    found = {path: {method for method in item if method != "parameters"} for path, item in DOCUMENT["paths"].items()}
    webhooks = [*PUBLIC_PATHS.values(), *OLD_PATHS.values(), *(path + "{key}" for path in KESTRA_PATHS.values())]
    page = {"/unsubscribe/{token}": {"get", "head", "post"}}
    assert found == {**{path: {"post"} for path in webhooks}, "/health": {"get", "head"}, **page}
    paths = Routes(KEYS)
    for each in SEQUENCES:
        for path in (
            PUBLIC_PATHS[each.name],
            KESTRA_PATHS[each.name] + "{key}",
            *([OLD_PATHS[each.name]] if each.name in OLD_PATHS else []),
        ):
            real = path.replace("{key}", KEYS[each.name]).encode()
            assert paths.match(real) == Route(each.name, ("POST",))


@pytest.mark.parametrize("name", PUBLIC_PATHS)
def test_it_has_the_fields_that_intake_reads(name: str) -> None:
    schema = DOCUMENT["components"]["schemas"][name]
    assert set(schema["properties"]) == {field.name for field in sequence(name).fields} | {"variables"}
    assert schema["required"] == [field.name for field in sequence(name).fields if field.required]


@pytest.mark.parametrize("name", PUBLIC_PATHS)
def test_it_has_the_forms_that_each_sender_has(name: str) -> None:
    forms = {
        "noshow": ["calendly"],
        "onboarding": ["docusign"],
        "precall": ["calendly_booking", "cal_com_booking", "cal_com_old_booking"],
    }
    own = forms.get(name, [])
    for path in (PUBLIC_PATHS[name], KESTRA_PATHS[name] + "{key}", *([OLD_PATHS[name]] if name in OLD_PATHS else [])):
        schema = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert [each["$ref"].rpartition("/")[2] for each in schema.get("anyOf", [schema])] == [name, *own]


def fault(name: str, value: object) -> str | None:
    """What is wrong with a JSON value by one of the document's schemas."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    found = next(Draft202012Validator(schema).iter_errors(value), None)
    return None if found is None else found.message


@pytest.mark.parametrize(("example", "name"), EXAMPLES.items())
def test_the_examples_fit(example: str, name: str) -> None:
    """What the real ones look like; how times and addresses are written is told in words."""
    value = json.loads((PROJECT / "examples" / f"{example}.json").read_text(encoding="utf-8"))
    assert fault(name, value) is None
    value.pop(next(iter(DOCUMENT["components"]["schemas"][name]["required"])))
    assert fault(name, value) is not None


@pytest.mark.parametrize("name", ["calendly", "calendly_booking"])
def test_calendly_may_say_at_either_place_which_call_it_is(name: str) -> None:
    example = {"calendly": "noshow-calendly", "calendly_booking": "precall-calendly"}[name]
    value = json.loads((PROJECT / "examples" / f"{example}.json").read_text(encoding="utf-8"))
    invitee = value["payload"]
    uri = invitee["scheduled_event"].pop("uri")
    for event, fine in ((uri, True), (None, False), (" ", False)):
        invitee["event"] = event
        assert (fault(name, value) is None) is fine, event
    del invitee["event"]
    assert fault(name, value) is not None
    invitee["scheduled_event"]["uri"] = uri
    assert fault(name, value) is None
