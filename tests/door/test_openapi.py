"""The OpenAPI document is complete. Whether the door follows it is tested in ``test_schemathesis``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from christmas_campaign.door.openapi.document import document
from christmas_campaign.door.routes import KESTRA_PATHS, OLD_PATHS, PUBLIC_PATHS
from christmas_campaign.sequences.registry import sequence

DOCUMENT: Any = document()
PROJECT = Path(__file__).parents[2]

#: The example files, and the schemas that they match.
EXAMPLES = {
    **{name: name for name in PUBLIC_PATHS},
    "noshow-calendly": "calendly",
    "onboarding-docusign": "docusign",
    "precall-calendly": "calendly_booking",
    "precall-cal-com": "cal_com_booking",
    "precall-cal-com-old": "cal_com_old_booking",
}

#: The schemas of the providers' own forms, by sequence.
FORMS = {
    "noshow": ["calendly"],
    "onboarding": ["docusign"],
    "precall": ["calendly_booking", "cal_com_booking", "cal_com_old_booking"],
}


def example(name: str) -> Any:
    return json.loads((PROJECT / "examples" / f"{name}.json").read_text(encoding="utf-8"))


def is_valid(schema: str, value: object) -> bool:
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{schema}", "components": DOCUMENT["components"]}
    ).is_valid(value)


def test_document_has_all_paths_and_methods() -> None:
    methods = {path: set(item) - {"parameters"} for path, item in DOCUMENT["paths"].items()}
    webhooks = [*PUBLIC_PATHS.values(), *OLD_PATHS.values(), *(path + "{key}" for path in KESTRA_PATHS.values())]
    pages = {"/unsubscribe/{token}": {"get", "head", "post"}, "/health": {"get", "head"}}
    assert methods == {**{path: {"post"} for path in webhooks}, **pages}
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT


@pytest.mark.parametrize("name", PUBLIC_PATHS)
def test_schemas_have_the_fields_and_forms_of_the_sequence(name: str) -> None:
    schema = DOCUMENT["components"]["schemas"][name]
    fields = sequence(name).fields
    assert set(schema["properties"]) == {field.name for field in fields} | {"variables"}
    assert schema["required"] == [field.name for field in fields if field.required]
    for path in (PUBLIC_PATHS[name], KESTRA_PATHS[name] + "{key}", OLD_PATHS.get(name, PUBLIC_PATHS[name])):
        body = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        references = [choice["$ref"].rpartition("/")[2] for choice in body.get("anyOf", [body])]
        assert references == [name, *FORMS.get(name, [])]


@pytest.mark.parametrize(("file", "schema"), EXAMPLES.items())
def test_examples_match_their_schemas(file: str, schema: str) -> None:
    value = example(file)
    assert is_valid(schema, value)
    value.pop(next(iter(DOCUMENT["components"]["schemas"][schema]["required"])))
    assert not is_valid(schema, value)
